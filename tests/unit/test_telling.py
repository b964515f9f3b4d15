"""A plan that was delivered, told with how each of its updates ended."""

import pytest

from sync.errors import FieldError
from sync.model import Change, Entry, Identity, Outcome, Pending, Settlement, Told, Unchanged, Update
from sync.pipeline.plan import Plan
from sync.pipeline.telling import told
from sync.stores.memory import Memory


def update(customer: str) -> Update:
    return Update(customer, Identity(f"c-{customer}"), 1, (Change("Email", "a", "b"),), {"Email": "b"}, ())


def settled(customer: str, outcome: Outcome, reason: str = "", *errors: FieldError) -> Settlement:
    return Settlement(customer, f"c-{customer}", 1, outcome, reason, errors, changes=update(customer).changes)


@pytest.mark.parametrize(("why", "reason"), [("quota 1/d is used up", "quota 1/d is used up"), ("", "not sent in this run")])
async def test_an_update_is_told_as_it_was_settled_in_this_run_or_as_deferred(why: str, reason: str) -> None:
    store, plan = Memory(), Plan("shop", 0)
    entries: list[Entry] = [update("1"), update("2"), Unchanged(Pending("3", 1)), update("4")]
    plan.write(entries)
    wrong = FieldError("Email", "taken")
    await store.settle("shop", "here", [settled("4", Outcome.DELIVERED)], run="the one before")
    await store.settle("shop", "here", [settled("1", Outcome.DELIVERED), settled("2", Outcome.REJECTED, "no", wrong)], run="one")
    ended = await told(plan, "one", why, store)
    assert list(ended.entries()) == [
        Told(update("1"), Outcome.DELIVERED),
        Told(update("2"), Outcome.REJECTED, "no", (wrong,)),
        entries[2],
        Told(update("4"), Outcome.DEFERRED, reason),
    ]
    assert (ended.figures.told, ended.figures.unchanged) == ({"delivered": 1, "rejected": 1, "deferred": 1}, 1)
    ended.close()
    plan.close()
