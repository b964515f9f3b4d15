"""What of a run can be put back, field by field, and why the rest cannot."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sync.errors import FieldError
from sync.model import (
    ABSENT,
    UNKNOWN,
    Baseline,
    Change,
    Entry,
    Episode,
    Field,
    Foreign,
    Identity,
    Leaf,
    Outcome,
    Pending,
    Rejection,
    Secret,
    Unchanged,
    Update,
)
from sync.pipeline.restore import Ground, keeps, remains, restored, still_wanted

HERE = "https://shop.test"
WAITING = Pending("7", 1)
IN_STEP = Unchanged(WAITING)
BOTH = (Change("Email", "a", "b"), Change("Rating", 1, 2))
OTHERWISE = "the source or the map says otherwise by now, and the next run tells the target so"
ABOUT = {"Email": Field(clear=""), "Tags": Field(clear=[], unordered=True), "Password": Field(secret=True)}
GROUND = Ground(HERE, lambda name: ABOUT.get(name, Field()), {"Email", "Rating", "Tags", "Password"})


def episode(*changes: Change, outcome: Outcome = Outcome.DELIVERED, place: str = HERE) -> Episode:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return Episode("one", at, "shop", "7", "4711", outcome, "", 1, changes, (), 200, (), place)


def held(leaves: Mapping[str, Leaf], *doubt: str) -> Baseline:
    return Baseline(HERE, "4711", leaves, frozenset(doubt))


def update(*changes: Change, id: str = "4711") -> Update:
    return Update("7", Identity(id), 1, changes, {}, ())


def why(change: Change, known: Baseline | None = None, now: Entry = IN_STEP, **more: object) -> str:
    """Why this change stays; empty if it is put back, or needs nothing."""
    known = held({change.field: change.after}) if known is None else known
    errors = restored(replace(episode(change), **more), known, now, GROUND).errors  # type: ignore[arg-type]
    return "".join(error.message for error in errors).removeprefix("not restorable: ")


def test_a_field_gets_the_value_that_it_had() -> None:
    found = restored(
        episode(Change("Email", "a", "b"), Change("Rating", 1, 2)), held({"Email": "b", "Rating": 2}), IN_STEP, GROUND
    )
    assert (found.leaves, found.errors) == ({"Email": "a", "Rating": 1}, ())


def test_one_field_that_stays_does_not_keep_the_others() -> None:
    found = restored(
        episode(Change("Email", "a", "b"), Change("Rating", 1, 2)), held({"Email": "c", "Rating": 2}), IN_STEP, GROUND
    )
    assert found.leaves == {"Rating": 1}
    assert found.errors == (FieldError("Email", "not restorable: it has been changed since"),)


def test_a_field_that_was_not_there_is_emptied_in_the_vendors_way() -> None:
    found = restored(episode(Change("Email", ABSENT, "b")), held({"Email": "b"}), IN_STEP, GROUND)
    assert (found.leaves, found.errors) == ({"Email": ""}, ())


def test_a_field_that_was_null_becomes_null() -> None:
    assert restored(episode(Change("Rating", None, 2)), held({"Rating": 2}), IN_STEP, GROUND).leaves == {"Rating": None}


def test_what_cannot_be_put_back_says_why() -> None:
    assert why(Change("Rating", ABSENT, 2)) == "there was no value before, and the vendor cannot empty it"
    assert why(Change("Email", UNKNOWN, "b")) == "what was there before is not known"
    assert why(Change("Password", Secret("f1"), Secret("f2"))) == "it is a password, of which only a fingerprint is kept"
    assert why(Change("Fax", "1", "2")) == "the map has no such field any more"
    assert why(Change("Email", "a", "b"), held({"Email": "b"}, "Email")) == "what the target holds is not known just now"


def test_what_the_source_says_otherwise_by_now_stays() -> None:
    newer = update(Change("Email", "b", "c"))
    assert (
        why(Change("Email", "a", "b"), now=newer)
        == "the source or the map says otherwise by now, and the next run tells the target so"
    )
    assert why(Change("Rating", 1, 2), now=newer) == ""


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (Foreign(WAITING, gone=True), "the customer is gone from the source"),
        (Foreign(WAITING), "the customer is not this target's any more"),
        (
            Rejection(WAITING, (FieldError("Rating", "from Stars: too many"),)),
            "the customer does not fit the target as it is now (Rating: from Stars: too many)",
        ),
        (update(Change("Rating", 1, 2), id="4712"), "the vendor knows the customer by another id since"),
    ],
)
def test_a_customer_that_is_not_there_as_it_was_stays(now: Entry, reason: str) -> None:
    assert why(Change("Email", "a", "b"), now=now) == reason


def test_another_id_or_place_since_says_nothing_of_this_one() -> None:
    change = Change("Email", "a", "b")
    assert why(change, Baseline(HERE, "4712", {"Email": "b"})) == "the vendor knows the customer by another id since"
    elsewhere = "the account has been pointed to another place since"
    assert why(change, Baseline("https://other.test", "4711", {"Email": "b"})) == elsewhere
    assert why(change, place="https://other.test") == elsewhere
    assert why(change, place="") == elsewhere


@pytest.mark.parametrize(
    "change", [Change("Email", "a", "b"), Change("Email", ABSENT, "b"), Change("Rating", 1, 2), Change("Email", UNKNOWN, "b")]
)
def test_what_the_vendor_never_took_needs_nothing(change: Change) -> None:
    """It was refused or put off, and the target holds what it held before, or nothing that this run sent."""
    before = {} if change.before in (ABSENT, UNKNOWN) else {change.field: change.before}
    for outcome in (Outcome.REJECTED, Outcome.DEFERRED):
        found = restored(episode(change, outcome=outcome), held(before), IN_STEP, GROUND)
        assert (found.leaves, found.errors) == ({}, ())


def test_what_was_put_back_already_needs_nothing() -> None:
    for change, value in ((Change("Email", "a", "b"), "a"), (Change("Email", ABSENT, "b"), "")):
        found = restored(episode(change), held({"Email": value}), IN_STEP, GROUND)
        assert (found.leaves, found.errors) == ({}, ())


def test_lists_without_order_are_the_same_in_any_order() -> None:
    found = restored(episode(Change("Tags", ["a"], ["b", "c"])), held({"Tags": ["c", "b"]}), IN_STEP, GROUND)
    assert found.leaves == {"Tags": ["a"]}


# ---- what is kept


def test_what_is_kept_is_added_to_what_was_kept_before() -> None:
    assert keeps({"7": {"Email": "a"}, "8": {"Fax": "1"}}, {"7": {"Rating": 1}}) == {
        "7": {"Email": "a", "Rating": 1},
        "8": {"Fax": "1"},
    }


def test_what_the_source_says_anyway_is_not_kept() -> None:
    plain = update(Change("Email", "b", "a"), Change("Rating", 1, 5))
    back = (Change("Email", "b", "a"), Change("Rating", 1, 2))
    assert remains({"Fax": "1"}, back, plain) == {"Fax": "1", "Rating": 2}
    assert remains({"Email": "c"}, back[:1], IN_STEP) == {"Email": "a"}


def test_a_field_of_which_something_else_is_to_be_told_by_now_is_not_wanted_back() -> None:
    back = (Change("Email", "b", "a"), Change("Rating", 2, 1))
    assert still_wanted(back, update(Change("Email", "b", "c"))) == {"Rating": 1}
    assert still_wanted(back, IN_STEP) == {"Email": "a", "Rating": 1}
