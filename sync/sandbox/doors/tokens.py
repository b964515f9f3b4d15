"""A sign-in -> a token that is good for a while."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

FOREVER: Final = 1e9
MOST: Final = 10_000
"""Tokens remembered; the oldest are forgotten."""


class Tokens:
    """The tokens of one vendor: each good for one scope (a site) until it expires."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}

    def issue(self, lifetime: float, scope: str = "") -> str:
        """A new token, good for `lifetime` seconds."""
        token = secrets.token_urlsafe(24)
        self._until[scope, token] = self._clock() + lifetime
        while len(self._until) > MOST:
            del self._until[next(iter(self._until))]
        return token

    def good(self, token: str, scope: str = "") -> bool:
        """Whether the token is known and has not expired."""
        return self._until.get((scope, token), 0.0) > self._clock()

    def revoke(self, token: str, scope: str = "") -> None:
        """Forgets one token."""
        self._until.pop((scope, token), None)

    def expire(self) -> None:
        """Forgets all of them."""
        self._until.clear()


def filled(sent: Mapping[str, Any], wanted: Mapping[str, str], credentials: str) -> bool:
    """Whether the credentials are the wanted ones, or (with "any") at least text that is not empty."""
    given = {name: sent.get(name) for name in wanted}
    return given == wanted if credentials == "sandbox" else all(isinstance(value, str) and value for value in given.values())
