"""Leaves <-> bytes: Decimals exact, secrets by fingerprint only. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from sync.errors import FieldError
from sync.model import PLAIN, Leaf, Secret

DECIMAL, SECRET = "$decimal", "$secret"


def encode(leaves: Mapping[str, Leaf]) -> bytes:
    """Leaves as JSON, with what JSON does not know in an object of one marked member."""
    return orjson.dumps(leaves, default=_mark, option=PLAIN)


def decode(text: bytes) -> dict[str, Leaf]:
    """The same leaves again."""
    leaves: dict[str, Leaf] = orjson.loads(text)
    if b'{"$' not in text:
        return leaves
    return {name: _unmark(value) for name, value in leaves.items()}


def encode_errors(errors: tuple[FieldError, ...]) -> bytes:
    """Errors as pairs."""
    return orjson.dumps([(error.field, error.message) for error in errors])


def decode_errors(text: bytes) -> tuple[FieldError, ...]:
    """The same errors again."""
    return tuple(FieldError(field, message) for field, message in orjson.loads(text))


def _mark(value: object) -> dict[str, str]:
    if isinstance(value, Decimal):
        return {DECIMAL: str(value)}
    if isinstance(value, Secret):
        return {SECRET: value.fingerprint}
    raise TypeError(f"not a leaf: {type(value).__name__}")


def _unmark(value: Any) -> Leaf:
    match value:
        case {"$decimal": number}:
            return Decimal(number)
        case {"$secret": fingerprint}:
            return Secret(fingerprint)
        case list():
            return [_unmark(item) for item in value]
    return value
