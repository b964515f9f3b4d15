"""A plan in numbers."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from sync.model import ABSENT, UNKNOWN, Change, Foreign, Held, Identity, Pending, Rejection, Request, Secret, Unchanged, Update
from sync.pipeline.census import Census
from sync.pipeline.figures import Figures

WAITING = Pending("7", 1)


def update(*changes: tuple[str, Any, Any], requests: int = 1) -> Update:
    told = tuple(Change(*change) for change in changes)
    return Update("7", Identity("4711"), 1, told, {}, (Request("PUT", "http://x"),) * requests)


def test_every_kind_of_entry_is_counted_once() -> None:
    figures = Figures(known=40)
    two = update(("a", "x", ""), ("b", "x", ""), requests=2)
    held = Held(update(("a", "x", "")), "max_updates", "why")
    others = (held, Unchanged(WAITING), Rejection(WAITING, ()), Foreign(WAITING), Foreign(WAITING, left=True))
    for entry in (two, update(("a", 1, 2)), *others):
        figures.count(entry)
    assert figures == Figures(40, 2, 3, 1, 1, 1, foreign=2, left=1, fields=Counter({"a": 2, "b": 1}))


@pytest.mark.parametrize(
    ("before", "after", "loses"),
    [
        ("x", "", True),
        ("x", None, True),
        (["x"], [], True),
        (0, None, True),
        (False, None, True),
        (Secret("f"), None, True),
        ("x", "y", False),
        ("x", 0, False),
        ("x", False, False),
        ("x", Decimal(0), False),
        ("", None, False),
        (None, "", False),
        ([], None, False),
        (ABSENT, "", False),
        (UNKNOWN, None, False),
        ("x", Secret("f"), False),
    ],
)
def test_a_customer_loses_a_value_where_something_becomes_empty(before: Any, after: Any, *, loses: bool) -> None:
    census = Census()
    census.count(update(("a", 1, 2), ("b", before, after)))
    assert bool(census.cleared) == loses
