"""The address of a source -> what of it must not appear in any message. Pure."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

TELLING = re.compile("pass|pwd|secret|token|key|sig|auth|credential", re.IGNORECASE)
"""What a parameter is called that holds a credential."""


def secrets_of(address: str) -> tuple[str, ...]:
    """The password, as it is written there and as it is meant, and every parameter whose name tells that it is one."""
    _, _, rest = address.partition("://")
    password = rest.partition("/")[0].rpartition("@")[0].partition(":")[2]
    named = [value for name, value in parse_qsl(urlsplit(address).query) if TELLING.search(name)]
    return tuple(filter(None, (password, unquote(password), *named)))
