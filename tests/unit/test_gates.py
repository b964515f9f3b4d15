"""A plan's figures -> what is held back."""

import pytest

from sync.model import Change, Diff, Held, Identity, Request, Update
from sync.pipeline.figures import Figures
from sync.pipeline.gates import FEWEST_KNOWN, GatePolicy, Limit, judge, sift

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
    assert judge(GatePolicy(), flood) == ()
    assert judge(GatePolicy(THIRD, THIRD), Figures(known=100, updates=30, clearing=30)) == ()


def test_too_many_updates_hold_them_all_with_limit_and_figure() -> None:
    tripped = judge(GatePolicy(max_updates=THIRD), Figures(known=100, updates=31))
    reason = "max_updates: 31 of 100 customers would be updated; the limit is 30%"
    assert sift(EDIT, tripped, say) == [Held(EDIT, "max_updates", reason)]
    assert sift(CLEAR, tripped, say) == [Held(CLEAR, "max_updates", reason)]


def test_too_many_cleared_values_hold_only_what_clears() -> None:
    tripped = judge(GatePolicy(max_cleared=FIVE), Figures(known=100, updates=90, clearing=6))
    reason = "max_cleared: 6 of 100 customers would lose a value; the limit is 5"
    assert sift(EDIT, tripped, say) == [EDIT]
    assert sift(CLEAR, tripped, say) == [Held(CLEAR, "max_cleared", reason)]


def test_the_other_changes_of_a_customer_go_through_and_it_goes_on_waiting() -> None:
    tripped = judge(GatePolicy(max_cleared=FIVE), Figures(known=100, updates=90, clearing=6))
    both = Update("3", Identity("3"), 1, (Change("a", "x", ""), Change("b", "1", "2")), {"a": "", "b": "2"}, ())
    held, sent = sift(both, tripped, say)
    assert isinstance(held, Held)
    assert isinstance(sent, Update)
    assert held.update.changes == (Change("a", "x", ""),)
    assert (sent.changes, sent.leaves, sent.stays) == ((Change("b", "1", "2"),), {"a": "x", "b": "2"}, True)
    assert sent.requests == (Request("PUT", "b", {"a": "x", "b": "2"}),)


def test_a_held_customer_names_the_first_gate_that_holds_it() -> None:
    tripped = judge(GatePolicy(THIRD, FIVE), Figures(known=100, updates=90, clearing=6))
    assert [part.gate for part in sift(EDIT, tripped, say) if isinstance(part, Held)] == ["max_updates"]
    assert [part.gate for part in sift(CLEAR, tripped, say) if isinstance(part, Held)] == ["max_cleared"]


def say(update: Update, changes: Diff) -> tuple[Request, ...]:
    return (Request("PUT", ",".join(change.field for change in changes), update.leaves),)
