"""A saved plan and the world as it is now -> what of the plan still holds."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sync.errors import FieldError
from sync.model import (
    ABSENT,
    Change,
    Diff,
    Entry,
    Hold,
    Identity,
    Outcome,
    Pending,
    Rejection,
    Request,
    Settlement,
    Unchanged,
    Update,
)
from sync.pipeline.apply import Dropped, rendered, still_held, still_holds

NAME, MAIL = Change("Name", "A", "Ann", ("First",)), Change("Email", ABSENT, "a@x.org")
MOVED_ON = "the customer has moved on since it was planned"


def say(update: Update, changes: Diff) -> tuple[Request, ...]:
    return (Request("PUT", f"https://x.example/{update.identity.value}", {change.field: change.after for change in changes}),)


def update(*changes: Change, id: str = "4711", released: frozenset[tuple[str, str]] = frozenset()) -> Update:
    made = Update("7", Identity(id), 5, changes, {change.field: change.after for change in changes}, (), released=released)
    return replace(made, requests=say(made, changes))


PLANNED = update(NAME, MAIL)
BODIES = rendered(PLANNED.requests)


def still(now: Entry, bodies: tuple[tuple[str, str, str], ...] = BODIES) -> tuple[Update | None, Dropped | None]:
    return still_holds(PLANNED.changes, bodies, "4711", now, say)


def test_what_is_as_it_was_planned_goes_as_it_was_planned() -> None:
    found, dropped = still(PLANNED)
    assert found is not None
    assert (rendered(found.requests), found.changes, dropped) == (BODIES, PLANNED.changes, None)


def test_a_field_that_has_changed_since_and_was_not_planned_does_not_go() -> None:
    found, dropped = still(update(NAME, MAIL, Change("Fax", "1", "2")))
    assert found is not None
    assert (rendered(found.requests), dropped, found.stays) == (BODIES, None, True)


@pytest.mark.parametrize(
    "now", [Change("Email", ABSENT, "b@x.org"), Change("Email", "c@x.org", "a@x.org")], ids=["source", "target"]
)
def test_a_field_that_has_moved_on_at_either_end_is_dropped_and_the_rest_goes(now: Change) -> None:
    found, dropped = still(update(NAME, now))
    assert found is not None
    assert [request.body for request in found.requests] == [{"Name": "Ann"}]
    assert dropped == Dropped("7", ("Email",), "moved on since it was planned")


def test_a_field_that_needs_no_change_any_more_is_dropped() -> None:
    assert still(update(NAME))[1] == Dropped("7", ("Email",), "moved on since it was planned")


def test_where_every_field_has_moved_on_nothing_goes() -> None:
    assert still(update(Change("Name", "A", "Bo"))) == (None, Dropped("7", ("Name", "Email"), "moved on since it was planned"))


NOBODY: Mapping[str, Entry] = {
    "another id": update(NAME, MAIL, id="4712"),
    "in step": Unchanged(Pending("7", 5)),
    "rejected": Rejection(Pending("7", 5), (FieldError("Name", "too long"),)),
}


@pytest.mark.parametrize("now", NOBODY.values(), ids=NOBODY)
def test_a_customer_who_is_another_one_now_is_dropped_as_a_whole(now: Entry) -> None:
    assert still(now) == (None, Dropped("7", ("Name", "Email"), MOVED_ON))


def test_what_this_version_would_say_otherwise_does_not_go() -> None:
    other = (("PATCH", *BODIES[0][1:]),)
    why = "this version says it in another request than was planned"
    assert still(PLANNED, other) == (None, Dropped("7", ("Name", "Email"), why))


# ---- what gates held


CLEARED, UPDATES = Hold("max_cleared", "too many", ("Name", "Email"), "plan"), Hold("max_updates", "too many", ("Email",), "plan")


def held(now: Entry) -> Settlement | None:
    return still_held(PLANNED.changes, (CLEARED, UPDATES), "4711", now)


def test_what_gates_held_is_held_as_long_as_it_is_the_same_change() -> None:
    found = held(PLANNED)
    assert found is not None
    assert (found.customer, found.id, found.version, found.outcome) == ("7", "4711", 5, Outcome.HELD)
    assert found.holds == (CLEARED, UPDATES)


def test_what_has_moved_on_or_was_released_is_held_no_more() -> None:
    found = held(update(NAME, Change("Email", ABSENT, "b@x.org")))
    assert found is not None
    assert [(hold.gate, hold.fields) for hold in found.holds] == [("max_cleared", ("Name",))]
    found = held(update(NAME, MAIL, released=frozenset({("max_cleared", "Email"), ("max_updates", "Email")})))
    assert found is not None
    assert [(hold.gate, hold.fields) for hold in found.holds] == [("max_cleared", ("Name",))]
    assert held(update(Change("Name", "A", "Bo"))) is None


@pytest.mark.parametrize("now", NOBODY.values(), ids=NOBODY)
def test_nothing_is_held_of_a_customer_who_is_another_one_now(now: Entry) -> None:
    assert held(now) is None
