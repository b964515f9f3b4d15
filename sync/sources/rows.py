"""A row's raw values -> its key as text, and the digest by which a change is seen. Pure; what all kinds of sources share."""

import marshal
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, overload

from xxhash import xxh3_64_intdigest, xxh3_128_digest

Keyed = tuple[str, bytes]
NO_KEY = (None, "")
EXACT = 2**53
"""Up to here a float holds every whole number."""
TWICE = "two rows of the source have this key: make it unique there, or choose another key"
"""Why a customer cannot be told: nobody knows which of its rows is right."""


def key_text(value: object) -> str | None:
    """The key by which a customer is known: the same text for 7, 7.0 and "7"; None where there is no key.

    Raises ValueError, without the value, for what cannot be one.
    """
    if value in NO_KEY:
        return None
    if isinstance(value, bytes | bytearray | memoryview):
        raise ValueError("holds bytes; a key has to be text or a number")  # noqa: TRY004 - told as a mistake of the data
    return str(int(value)) if isinstance(value, float | Decimal) and _is_whole(value) else str(value)


class Sealed(Sequence[Keyed]):
    """Rows with their digests, each made when somebody looks."""

    def __init__(self, rows: Sequence[tuple[Any, ...]], seal: Callable[[tuple[Any, ...]], Keyed]) -> None:
        self._rows = rows
        self._seal = seal

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Keyed: ...
    @overload
    def __getitem__(self, place: slice) -> list[Keyed]: ...
    def __getitem__(self, place: int | slice) -> Keyed | list[Keyed]:
        return self._seal(self._rows[place]) if isinstance(place, int) else list(map(self._seal, self._rows[place]))

    def __iter__(self) -> Iterator[Keyed]:
        return map(self._seal, self._rows)


def digester(key: bytes, names: Iterable[str] = ()) -> Callable[[Any], bytes]:
    """Makes the digest of a row or of many, whose values have these names.

    Seeded, so that nobody who does not know the key makes two that look the same.
    """
    seed = xxh3_64_intdigest(marshal.dumps(tuple(names), 2), int.from_bytes(key[:8]))

    def digest(row: Any) -> bytes:
        """Version 2 of marshal writes the same bytes for the same plain values, whatever else the process holds."""
        try:
            content = marshal.dumps(row, 2)
        except ValueError:
            content = repr(row).encode("utf-8", "surrogatepass")
        return xxh3_128_digest(content, seed)

    return digest


def _is_whole(number: float | Decimal) -> bool:
    return math.isfinite(number) and -EXACT < number < EXACT and number == int(number)
