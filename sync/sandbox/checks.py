"""A value as sent -> why it does not fit, or nothing. Pure; JSON's types are taken strictly."""

from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[object], str]
"""Returns a complaint, empty if the value fits."""

INT32: Final = 2**31


def text(value: object) -> str:
    """A string."""
    return "" if isinstance(value, str) else "must be a string"


def whole(value: object) -> str:
    """A 32-bit integer; true is none, nor is "7" or 7.0."""
    if isinstance(value, bool) or not isinstance(value, int):
        return "must be an integer"
    return "" if -INT32 <= value < INT32 else "must be a 32-bit integer"


def number(value: object) -> str:
    """A JSON number."""
    return "" if isinstance(value, (int, float)) and not isinstance(value, bool) else "must be a number"


def flag(value: object) -> str:
    """True or false."""
    return "" if isinstance(value, bool) else "must be a boolean"


def texts(value: object) -> str:
    """A list of strings."""
    fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return "" if fits else "must be a list of strings"


def tree(value: object) -> str:
    """A JSON object."""
    return "" if isinstance(value, dict) else "must be an object"


def trees(value: object) -> str:
    """A list of JSON objects."""
    fits = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return "" if fits else "must be a list of objects"


def complaints(sent: Mapping[str, Any], checks: Mapping[str, Check], *, unknown: str) -> dict[str, str]:
    """Every member that does not fit, with its complaint. Null always fits; `unknown` is "refuse" or "ignore"."""
    wrong = {name: checks[name](value) for name, value in sent.items() if name in checks and value is not None}
    if unknown == "refuse":
        wrong |= {name: "is not a known field" for name in sent if name not in checks}
    return {name: complaint for name, complaint in wrong.items() if complaint}
