"""Paths into a reply, and times as an API writes them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sync.sources.http.paths import lists, parse
from sync.sources.http.stamps import before, earlier, latest, spelled

TREE = {"data": {"customers": [{"id": 1, "a.b": "x"}, {"id": 2, "a.b": None}], "next": None}}
NOW = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", TREE),
        ("$", TREE),
        ("$.data.next", None),
        ("data.customers[1].id", 2),
        ("data.customers[*].id", [1, 2]),
        ('data.customers[*]["a.b"]', ["x", None]),
        ("data['next']", None),
    ],
)
def test_a_path_leads_to_what_stands_there(path: str, found: Any) -> None:
    assert parse(path).find(TREE) == found


@pytest.mark.parametrize("path", ["date", "data.customers.id", "data.customers[2]", "data[0]", "data.next.url", "data[*]"])
def test_a_path_that_leads_nowhere_says_so(path: str) -> None:
    with pytest.raises(LookupError, match="there is no"):
        parse(path).find(TREE)


def test_only_the_last_name_may_be_left_out_where_something_may_have_ended() -> None:
    assert parse("data.cursor").look(TREE) is None
    with pytest.raises(LookupError, match=r"there is no meta\.cursor"):
        parse("meta.cursor").look(TREE)


@pytest.mark.parametrize("path", ["a..b", "a[", "a[x]", "a b", "a[*"])
def test_what_is_no_path_is_told(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        parse(path)


def test_lists_of_customers_are_found_for_somebody_who_looks_for_them() -> None:
    assert list(lists(TREE)) == ["data.customers"]
    assert list(lists([{"id": 1}])) == ["$"]


@pytest.mark.parametrize(
    ("time", "moved"),
    [
        ("2026-09-01T10:00:00Z", "2026-09-01T09:00:00Z"),
        ("2026-09-01T10:00:00.5Z", "2026-09-01T09:00:00.500000Z"),
        ("2026-09-01T10:00:00+02:00", "2026-09-01T09:00:00+02:00"),
        ("2026-09-01 10:00:00", "2026-09-01 09:00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        (1_788_256_800, 1_788_253_200),
        (1_788_256_800_000, 1_788_253_200_000),
        ("no time", "no time"),
    ],
)
def test_a_time_moves_back_and_keeps_its_spelling(time: object, moved: object) -> None:
    assert earlier(time, HOUR) == moved


@pytest.mark.parametrize(
    ("time", "form", "text"),
    [
        ("2026-09-01T10:00:00+02:00", None, "2026-09-01T10:00:00+02:00"),
        ("2026-09-01T10:00:00Z", "epoch", "1788256800"),
        ("2026-09-01T10:00:00Z", "epoch_ms", "1788256800000"),
        ("2026-09-01T10:00:00Z", "%d/%m/%Y %H:%M", "01/09/2026 10:00"),
        (1788256800, None, "1788256800"),
        (Decimal("1788256800.25"), None, "1788256800.25"),
    ],
)
def test_a_time_is_asked_for_as_the_api_wants_it(time: object, form: str | None, text: str) -> None:
    assert spelled(time, form) == text


def test_the_later_of_two_times_is_told_by_the_moment_and_not_by_the_text() -> None:
    early, late = "2026-09-01T10:00:00+02:00", "2026-09-01T09:00:00Z"
    assert (latest(early, late, NOW), latest(late, early, NOW)) == (late, late)
    assert (before(early, late), before(late, early), before(None, late), before("x", late)) == (True, False, False, False)


@pytest.mark.parametrize("value", [None, True, [], "2999-01-01T00:00:00Z", 9_999_999_999, "text"])
def test_what_is_no_time_of_the_past_does_not_move_a_cursor(value: object) -> None:
    assert latest("2026-09-01T10:00:00Z", value, NOW) == "2026-09-01T10:00:00Z"
