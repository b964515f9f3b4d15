"""What gates hold of one customer, once more and let go."""

import pytest

from sync.model import Hold
from sync.stores.holds import LetGo, carried, let_go

CLEARED = Hold("max_cleared", "6 would lose a value", ("Fax", "Phone"), "2026-11-22T10-00-00Z-b")
UPDATES = Hold("max_updates", "9 would be updated", ("Name",), "2026-11-22T11-00-00Z-a")
LAST = "2026-11-22T12-00-00Z-a"


@pytest.mark.parametrize(
    ("run", "chosen"),
    [
        (None, True),
        (CLEARED.run, True),
        ("2026-11-22T10-30-00Z-a", True),
        (LAST, True),
        ("2026-11-22T10-00-00Z-a", False),
        ("2026-11-22T12-00-00Z-b", False),
    ],
)
def test_what_a_run_held_is_let_go_and_the_other_gates_hold_on(run: str | None, *, chosen: bool) -> None:
    through = frozenset({("max_cleared", "Fax"), ("max_cleared", "Phone")})
    expected = LetGo((UPDATES,), through) if chosen else None
    assert let_go((CLEARED, UPDATES), "max_cleared", LAST, run) == expected


def test_names_of_one_second_have_no_order_but_are_known() -> None:
    assert let_go((CLEARED,), "max_cleared", "2026-11-22T10-00-00Z-a", CLEARED.run) is not None


def test_what_was_held_before_is_held_since_then_with_the_figures_of_now() -> None:
    now = Hold("max_cleared", "7 would lose a value", ("Fax",))
    more = Hold("max_cleared", "7 would lose a value", ("Fax", "Mobile"))
    other = Hold("max_updates", "7 would be updated", ("Fax",))
    assert carried([CLEARED], [now, more, other], "now") == (
        Hold("max_cleared", "7 would lose a value", ("Fax",), CLEARED.run),
        Hold("max_cleared", "7 would lose a value", ("Fax", "Mobile"), "now"),
        Hold("max_updates", "7 would be updated", ("Fax",), "now"),
    )
