"""What a record is made of, and how it is written: values, what is missing, passwords."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from sync.errors import FieldError

Leaf = Any
"""A value of one field in a target's record: None, bool, int, Decimal, str, a list of these, or a Secret."""


LONGEST_STOP = 7 * 86400.0
"""Seconds; what is put off for longer than any vendor may ask for was put off by a clock that ran ahead."""
AT_ONCE = 1.0
"""Epoch seconds: due since somebody asked for it, by every clock, also by one that is set back."""


class Missing:
    """There is no value: either it was not there, or nobody knows. No Enum, which JSON would take for its text."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return self.value.upper()

    def __reduce__(self) -> str:
        """By name, so that there is only one of each."""
        return self.value.upper()


ABSENT = Missing("absent")


UNKNOWN = Missing("unknown")


PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS
"""Without it a Secret would be written field by field, its text included."""


NEVER = object()
"""The clear value of a field that its vendor cannot clear."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a vendor knows of one field of its schema beside the type.

    `clear` is what empties it, in the vendor's way (NEVER: it cannot be emptied). `unordered` lists are compared without
    order. A `secret` is a customer's password. With `empty_is_null` an empty list counts as no value, so that only a map
    can ask for it. A `free` object has names that the vendor does not fix.
    """

    clear: Any = NEVER
    unordered: bool = False
    secret: bool = False
    empty_is_null: bool = False
    free: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A customer's password: known by its keyed fingerprint, its text only while in memory (`text` is None when sealed)."""

    fingerprint: str
    text: str | None = field(default=None, repr=False, compare=False)

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        """Whatever writes a secret down writes the fingerprint alone."""
        return Secret, (self.fingerprint,)


def dumps(tree: object, *, indent: bool = False) -> bytes:
    """A tree of JSON with every secret as `***`, Decimals as exact numbers and `Missing` as the contract says."""
    return orjson.dumps(tree, default=masked, option=PLAIN | orjson.OPT_INDENT_2 if indent else PLAIN)


def words(errors: Sequence[FieldError]) -> list[dict[str, str]]:
    """Errors in the shape of the public contract."""
    return [{"field": error.field, "message": error.message} for error in errors]


def masked(value: object) -> object:
    """What JSON does not know, with every secret as `***`."""
    return "***" if isinstance(value, Secret) else _plain(value)


def revealed(value: object) -> object:
    """What JSON does not know, as it is sent. Raises ValueError for a sealed secret."""
    if isinstance(value, Secret):
        if value.text is None:
            message = "a sealed secret cannot be sent"
            raise ValueError(message)
        return value.text
    return _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if value is UNKNOWN:
        return {"unknown": True}
    message = f"not a JSON value: {type(value).__name__}"
    raise TypeError(message)
