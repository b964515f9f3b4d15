"""Leaves <-> bytes: Decimals exact, secrets by fingerprint only. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from sync.errors import FieldError
from sync.model import ABSENT, PLAIN, UNKNOWN, Change, Diff, Hold, Leaf, Missing, Releases, Request, Secret

DECIMAL, SECRET, MISSING = "$decimal", "$secret", "$missing"
MARKS = {id(missing): {MISSING: missing.value} for missing in (ABSENT, UNKNOWN)}
"""Ready made, since most changes of a new target come from what is unknown."""
NOTHING: Releases = frozenset()


def encode(leaves: Mapping[str, Leaf]) -> bytes:
    """Leaves as JSON, with what JSON does not know in an object of one marked member."""
    return orjson.dumps(leaves, default=_mark, option=PLAIN)


def decode(text: bytes) -> dict[str, Leaf]:
    """The same leaves again."""
    leaves: dict[str, Leaf] = orjson.loads(text)
    if b'{"$' not in text:
        return leaves
    return {name: _unmark(value) for name, value in leaves.items()}


def encode_changes(changes: Diff) -> bytes:
    """Changes as (field, before, after, sources)."""
    rows = [(field, MARKS.get(id(before), before), after, sources) for field, before, after, sources in changes]
    return orjson.dumps(rows, default=_mark, option=PLAIN)


def decode_changes(text: bytes) -> Diff:
    """The same changes again."""
    return tuple(
        Change(field, _unmark(before), _unmark(after), tuple(sources)) for field, before, after, sources in orjson.loads(text)
    )


def encode_requests(requests: Sequence[Request]) -> bytes:
    """Requests as (method, URL, body), every secret in it as `***`."""
    return orjson.dumps([(request.method, request.url, (request.content() or b"").decode()) for request in requests])


def decode_requests(text: bytes) -> tuple[tuple[str, str, str], ...]:
    """The same triples again."""
    return tuple((method, url, body) for method, url, body in orjson.loads(text))


def encode_errors(errors: tuple[FieldError, ...]) -> bytes:
    """Errors as pairs."""
    return orjson.dumps([(error.field, error.message) for error in errors]) if errors else b"[]"


def decode_errors(text: bytes) -> tuple[FieldError, ...]:
    """The same errors again."""
    return tuple(FieldError(field, message) for field, message in orjson.loads(text))


def encode_holds(holds: Sequence[Hold]) -> str:
    """Holds as (gate, reason, fields, run), as the text that SQLite's JSON functions read."""
    return orjson.dumps([(hold.gate, hold.reason, hold.fields, hold.run) for hold in holds]).decode()


def decode_holds(text: str | bytes) -> tuple[Hold, ...]:
    """The same holds again."""
    return tuple(Hold(gate, reason, tuple(fields), run) for gate, reason, fields, run in orjson.loads(text))


def encode_releases(released: Releases) -> str:
    """Releases as pairs."""
    return orjson.dumps(sorted(released)).decode()


def decode_releases(text: str) -> Releases:
    """The same releases again."""
    return NOTHING if text == "[]" else frozenset((gate, field) for gate, field in orjson.loads(text))


def _mark(value: object) -> dict[str, str]:
    if isinstance(value, Decimal):
        return {DECIMAL: str(value)}
    if isinstance(value, Secret):
        return {SECRET: value.fingerprint}
    if isinstance(value, Missing):
        return {MISSING: value.value}
    raise TypeError(f"not a leaf: {type(value).__name__}")


def _unmark(value: Any) -> Leaf:
    match value:
        case {"$decimal": number}:
            return Decimal(number)
        case {"$missing": which}:
            return ABSENT if which == ABSENT.value else UNKNOWN
        case {"$secret": fingerprint}:
            return Secret(fingerprint)
        case list():
            return [_unmark(item) for item in value]
    return value
