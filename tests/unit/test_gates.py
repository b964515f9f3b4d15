"""A plan's figures -> what is held back."""

import pytest

from sync.model import Change, Held, Identity, Update
from sync.pipeline.figures import Figures
from sync.pipeline.gates import FEWEST_KNOWN, GatePolicy, Limit, judge

EDIT = Update("1", Identity("1"), 1, (Change("a", "x", "y"),), {}, ())
CLEAR = Update("2", Identity("2"), 1, (Change("a", "x", ""),), {}, ())
THIRD = Limit("30%", share=0.3)
FIVE = Limit("5", number=5)


@pytest.mark.parametrize(
    ("limit", "figure", "known", "exceeded"),
    [
        (FIVE, 5, 1000, False),
        (FIVE, 6, 1000, True),
        (FIVE, 6, 0, True),
        (Limit("0", number=0), 0, 100, False),
        (Limit("0", number=0), 1, 0, True),
        (THIRD, 30, 100, False),
        (THIRD, 31, 100, True),
        (THIRD, FEWEST_KNOWN, FEWEST_KNOWN, True),
        (THIRD, FEWEST_KNOWN - 1, FEWEST_KNOWN - 1, False),
        (THIRD, 500, 0, False),
        (Limit("0%", share=0.0), 1, 100, True),
        (Limit("0%", share=0.0), 0, 100, False),
        (Limit("100%", share=1.0), 100, 100, False),
    ],
)
def test_a_limit_is_exceeded_above_it_and_a_share_of_few_says_nothing(
    limit: Limit, figure: int, known: int, *, exceeded: bool
) -> None:
    assert limit.exceeded(figure, known) == exceeded


def test_without_gates_or_within_them_nothing_is_held() -> None:
    flood = Figures(known=100, updates=100, clearing=100)
    assert judge(GatePolicy(), flood) is None
    assert judge(GatePolicy(THIRD, THIRD), Figures(known=100, updates=30, clearing=30)) is None


def test_too_many_updates_hold_them_all_with_limit_and_figure() -> None:
    keep = judge(GatePolicy(max_updates=THIRD), Figures(known=100, updates=31))
    assert keep
    reason = "max_updates: 31 of 100 customers would be updated; the limit is 30%"
    assert (keep(EDIT), keep(CLEAR)) == (Held(EDIT, "max_updates", reason), Held(CLEAR, "max_updates", reason))


def test_too_many_cleared_values_hold_only_what_clears() -> None:
    keep = judge(GatePolicy(max_cleared=FIVE), Figures(known=100, updates=90, clearing=6))
    assert keep
    reason = "max_cleared: 6 of 100 customers would lose a value; the limit is 5"
    assert (keep(EDIT), keep(CLEAR)) == (None, Held(CLEAR, "max_cleared", reason))


def test_each_held_update_names_the_first_gate_that_holds_it() -> None:
    keep = judge(GatePolicy(THIRD, FIVE), Figures(known=100, updates=90, clearing=6))
    assert keep
    assert [held.gate for held in (keep(EDIT), keep(CLEAR)) if held] == ["max_updates", "max_cleared"]
