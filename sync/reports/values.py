"""A value of any kind -> text that a reader cannot take for another. Pure.

`absent` was not there, `unknown` nobody knows, `null` is none, `""` is empty; text stands in quotes, so that a space at its
end is seen, and what would be invisible, or would command a terminal, is written as an escape.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from sync.model import Leaf, Missing, Secret

SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
CONSTANTS: Final = {None: "null", True: "true", False: "false"}


def shown(value: Leaf | Missing) -> str:
    """The value on one line."""
    match value:
        case Missing():
            return value.value
        case Secret():
            return "***"
        case None | bool():
            return CONSTANTS[value]
        case str():
            return quoted(value)
        case _:
            return _more(value)


def _more(value: Leaf) -> str:
    match value:
        case Decimal():
            return format(value, "f")
        case Mapping():
            return "{" + ", ".join(f"{shown(name)}: {shown(leaf)}" for name, leaf in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(shown, value)) + "]"
        case _:
            return visible(str(value))


def quoted(text: str) -> str:
    """The text in double quotes, which it does not end early."""
    return '"' + visible(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def visible(text: str) -> str:
    """The text with every character that cannot be seen, or is a space but not *the* space, as an escape."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    """As in JSON."""
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return SHORT.get(char) or "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
