"""A cursor's value -> where to read on from."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.sources.watermark import behind, later

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
FIVE = timedelta(minutes=5)
EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [
        (None, None),
        ("2026-11-22 10:00:00", "2026-11-22 09:55"),
        ("2026-11-22T10:00:00", "2026-11-22 09:55"),
        ("2026-11-22T10:00:00Z", "2026-11-22 09:55"),
        ("2026-11-22T10:00:00+02:00", "2026-11-22 09:55"),
        ("2026-11-22 10:00:00.250", "2026-11-22 09:55:00.25"),
        ("2026-11-22 00:05:00", "2026-11-22"),
        ("2026-11-22", "2026-11-21 23:55"),
        ("v0042", "v0042"),
        ("", ""),
        (EPOCH, EPOCH - 300),
        (float(EPOCH), float(EPOCH - 300)),
        (Decimal(EPOCH), Decimal(EPOCH - 300)),
        (EPOCH * 1000, (EPOCH - 300) * 1000),
        (EPOCH * 10**6, (EPOCH - 300) * 10**6),
    ],
)
def test_the_overlap_is_taken_off_in_the_cursors_own_form(cursor: Any, expected: Any) -> None:
    found = behind(cursor, FIVE)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("cursor", ["0001-01-01 00:00:00", "0001-01-01", "0000-00-00"])
def test_a_time_at_the_beginning_of_all_times_is_no_crash(cursor: str) -> None:
    assert behind(cursor, FIVE) <= cursor  # type: ignore[operator]


spellings = st.sampled_from(
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%SZ",
     "%Y-%m-%dT%H:%M:%S.%f+02:00", "%Y%m%d", "%Y%m%dT%H%M%S", "%Y-%m-%dT%H:%M:%S.123Z"]
)  # fmt: skip
moments = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1))  # noqa: DTZ001 - a database's own time
overlaps = st.sampled_from([timedelta(0), timedelta(seconds=1), FIVE, timedelta(days=1)])


@given(moments, spellings, overlaps)
def test_a_row_that_ties_with_the_cursor_is_read_again(moment: datetime, spelling: str, overlap: timedelta) -> None:
    cursor = moment.strftime(spelling)
    assert behind(cursor, overlap) <= cursor  # type: ignore[operator]


@given(moments, spellings, spellings, overlaps, st.floats(0, 1))
def test_a_row_within_the_overlap_is_read_again_however_it_is_written(
    moment: datetime, spelling: str, other: str, overlap: timedelta, share: float
) -> None:
    """Two spellings of one day's resolution only tie with themselves, so those are compared with their own kind."""
    late = moment - overlap * share
    if "%H" not in spelling or "%H" not in other or ("-" in spelling) != ("-" in other):
        other = spelling
    cursor, row = moment.strftime(spelling), late.strftime(other)
    if datetime.fromisoformat(row).replace(tzinfo=None) >= datetime.fromisoformat(cursor).replace(tzinfo=None) - overlap:
        assert behind(cursor, overlap) <= row  # type: ignore[operator]


@pytest.mark.parametrize(
    ("cursor", "value", "expected"),
    [
        (None, "2026-11-22 09:00:00", "2026-11-22 09:00:00"),
        ("2026-11-22 08:00:00", "2026-11-22 09:00:00", "2026-11-22 09:00:00"),
        ("2026-11-22 09:00:00", "2026-11-22 08:00:00", "2026-11-22 09:00:00"),
        ("a", None, "a"),
        (None, None, None),
        (5, 7, 7),
        (7, 5, 7),
        (5, 7.5, 7.5),
        (5, b"blob", 5),
        # a number counts as less than a text, as in SQLite
        (7, "a", "a"),
        ("a", 7, "a"),
        # a wrong clock does not move the cursor
        ("2026-11-22 09:00:00", "2026-11-24 09:00:00", "2026-11-22 09:00:00"),
        (None, "9999-12-31", None),
        (None, "9999-12-31T23:59:59Z", None),
        (EPOCH, EPOCH + 2 * 86_400, EPOCH),
        (EPOCH * 1000, (EPOCH + 2 * 86_400) * 1000, EPOCH * 1000),
        (EPOCH * 10**6, (EPOCH + 2 * 86_400) * 10**6, EPOCH * 10**6),
        # but a time zone does
        ("2026-11-22 09:00:00", "2026-11-22 23:59:00", "2026-11-22 23:59:00"),
        (EPOCH, EPOCH + 12 * 3600, EPOCH + 12 * 3600),
        # and what is no time has no future
        (1, 10**7, 10**7),
        ("v1", "v2", "v2"),
    ],
)
def test_the_cursor_only_grows_and_never_into_the_future(cursor: Any, value: Any, expected: Any) -> None:
    assert later(cursor, value, NOW) == expected


@given(st.lists(st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4) | st.binary(max_size=2), max_size=9))
def test_any_column_yields_a_cursor(values: list[Any]) -> None:
    cursor: object = None
    for value in values:
        before, cursor = cursor, later(cursor, value, NOW)
        assert cursor is before or before is None or (isinstance(cursor, str), cursor) > (isinstance(before, str), before)
    behind(cursor, FIVE)
