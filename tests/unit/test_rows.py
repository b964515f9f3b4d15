"""A row's raw values -> its key as text, and its digest."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from sync.sources.rows import digester, key_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        ("7", "7"),
        (7.0, "7"),
        (Decimal("7.00"), "7"),
        (-0.0, "0"),
        (7.5, "7.5"),
        (Decimal("7.50"), "7.50"),
        (2**63, "9223372036854775808"),
        (1e300, "1e+300"),
        (float("inf"), "inf"),
        (Decimal("NaN"), "NaN"),
        ("007", "007"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (date(2026, 11, 22), "2026-11-22"),
        (None, None),
        ("", None),
    ],
)
def test_a_key_keeps_its_text_when_its_column_changes_its_type(value: object, expected: str | None) -> None:
    assert key_text(value) == expected


@pytest.mark.parametrize("value", [b"\x07", bytearray(b"7"), memoryview(b"7")])
def test_bytes_are_no_key(value: object) -> None:
    with pytest.raises(ValueError, match="holds bytes; a key has to be text or a number"):
        key_text(value)


def test_a_digest_depends_on_every_value_and_its_type_and_on_the_key() -> None:
    rows = [(1, "a"), (1, "b"), ("1", "a"), (1.0, "a"), (True, "a"), (None, "a"), (Decimal(1), "a"), (1, "\ud800"), (1, ["a"])]
    digests = [digester(b"k" * 32)(row) for row in rows] + [digester(b"l" * 32)(rows[0])]
    assert len(set(digests)) == len(rows) + 1
    assert digests[:-1] == [digester(b"k" * 32)(row) for row in rows]


def test_a_digest_depends_on_the_names_of_the_values_and_their_order() -> None:
    names = [("Name", "Called"), ("Called", "Name"), ("NameCalled",), ("Name",), ()]
    assert len({digester(b"k" * 32, of)(("Ann", "Bea")) for of in names}) == len(names)
