"""Parts of a plan, and a plan without values."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import FieldError
from sync.model import (
    ABSENT,
    UNKNOWN,
    Change,
    Entry,
    Estimate,
    Foreign,
    Held,
    Identity,
    Leaf,
    Missing,
    Pending,
    Rejection,
    Request,
    Secret,
    TargetPlan,
    Tripped,
    Unchanged,
    Update,
)
from sync.reports.masking import mask, shape
from sync.reports.view import View


def update(customer: str, *changes: Change, identity: Identity | None = None, body: Any = None) -> Update:
    requests = (Request("PUT", f"https://x.test/{customer}", body or {}), Request("PUT", "https://x.test/2"))
    return Update(customer, identity or Identity(customer), 1, changes, {"all": "of it"}, requests)


EMAIL, CITY = Change("Email", "a", "b"), Change("address.city", "c", "d")
REJECTION = Rejection(Pending("9", 1), (FieldError("Email", "no address"), FieldError("Rating", "too high")))
ENTRIES = (
    update("7", EMAIL, CITY),
    update("8", EMAIL),
    Unchanged(Pending("1", 1)),
    REJECTION,
    Held(update("6", CITY), "gate", "reason"),
    Foreign(Pending("5", 1), left=True),
)
PLAN = TargetPlan("crm", 2, 4, 1, 1, 1, {"Email": 2, "address.city": 1}, 8.0, lambda: iter(ENTRIES), 1)


def figures(plan: TargetPlan) -> tuple[int, ...]:
    return plan.updates, plan.requests, plan.unchanged, plan.rejected, plan.held


def customers(plan: TargetPlan) -> list[str]:
    return [entry.customer for entry in plan.entries()]


def test_a_view_of_everything_is_the_plan_itself() -> None:
    assert View().of(PLAN) is PLAN
    assert View().name("p1") == "p1"


@pytest.mark.parametrize(
    ("view", "named", "counted"),
    [
        (View(only=("changed",)), ["7", "8"], (2, 4, 0, 0, 0)),
        (View(only=("rejected",)), ["9"], (0, 0, 0, 1, 0)),
        (View(only=("rejected", "held")), ["9", "6"], (0, 0, 0, 1, 1)),
        (View(customers=frozenset({"7", "1"})), ["7", "1"], (1, 2, 1, 0, 0)),
        (View(customers=frozenset({"7", "5"})), ["7", "5"], (1, 2, 0, 0, 0)),
        (View(fields=("address",)), ["7", "1", "6"], (1, 2, 1, 0, 1)),
        (View(fields=("addr",)), ["1"], (0, 0, 1, 0, 0)),
        (View(only=("changed",), customers=frozenset({"8"}), fields=("Email",)), ["8"], (1, 2, 0, 0, 0)),
    ],
)
def test_a_part_is_counted_anew(view: View, named: list[str], counted: tuple[int, ...]) -> None:
    part = view.of(PLAN)
    assert customers(part) == named
    assert customers(part) == named
    assert figures(part) == counted
    assert part.left == named.count("5")
    assert part.seconds == 2.0 * part.requests
    assert part.fields == Counter(
        change.field for entry in part.entries() if isinstance(entry, Update) for change in entry.changes
    )


def test_other_fields_are_left_out_and_requests_stay_whole() -> None:
    first, _, rejection = View(fields=("Email",), only=("changed", "rejected")).of(PLAN).entries()
    assert isinstance(first, Update)
    assert first.changes == (EMAIL,)
    assert first.requests == ENTRIES[0].requests  # type: ignore[union-attr]
    assert rejection == Rejection(REJECTION.waiting, REJECTION.errors[:1])


def test_a_part_does_not_pass_for_the_whole() -> None:
    view = View(only=("rejected", "held"), customers=frozenset({"8", "7"}), fields=("Email",), masked=True)
    assert view.name("p1") == "p1 (only rejected and held; customers: 7, 8; fields: Email; values masked)"


def masked(entry: Update) -> Update:
    (found,) = mask(TargetPlan("crm", 1, 2, 0, 0, 0, {}, 0, lambda: iter([entry]))).entries()
    assert isinstance(found, Update)
    return found


def pair(before: Leaf | Missing, after: Leaf) -> tuple[Leaf | Missing, Leaf]:
    (change,) = masked(update("7", Change("N", before, after))).changes
    return change.before, change.after


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("anna@x.org", "anne@x.org", ("xxx▫@x.xxx", "xxx▪@x.xxx")),
        ("Anna ", "Anna", ("Xxxx ", "Xxxx")),
        ("Oslo", "Prague 7", ("▫▫▫▫", "▪▪▪▪▪▪ ▪")),
        ("+61 2", None, ("+## #", None)),
        (UNKNOWN, "Ýr 東", (UNKNOWN, "Xx x")),
        (ABSENT, "", (ABSENT, "")),
        (1500, 2500, ("number ▫###", "number ▪###")),
        (Decimal("1.5"), "1.5", ("number #.#", "#.#")),
        (False, True, (False, True)),
        (["Al", "Bo"], ["Al", "Cy", "Di"], (["Xx", "▫▫"], ["Xx", "▪▪", "▪▪"])),
        (Secret("5f"), Secret("6e"), (Secret("5f"), Secret("6e"))),
    ],
)
def test_what_changed_and_how_can_be_seen_without_the_values(before: Any, after: Any, shown: tuple[Any, Any]) -> None:
    assert pair(before, after) == shown


@given(st.text(), st.text())
def test_no_letter_and_no_digit_gets_through(before: str, after: str) -> None:
    assert set("".join(filter(str.isalnum, "".join(map(str, pair(before, after)))))) <= set("xX")
    assert len(shape(before)) == len(before)


def test_a_request_keeps_its_form_its_names_and_its_id() -> None:
    body = {"Id": 7, "Fields": [{"Field": "Region", "Value": "North"}], "Name": "Anna", "Vip": True, "Limit": 50}
    found = masked(update("7", Change("Fields.Region", UNKNOWN, "North"), body=body))
    assert found.requests[0].body == {
        "Id": 7,
        "Fields": [{"Field": "Region", "Value": "Xxxxx"}],
        "Name": "Xxxx",
        "Vip": True,
        "Limit": "number ##",
    }
    assert found.leaves == {}


def test_a_name_that_stands_for_an_id_is_masked_everywhere() -> None:
    found = masked(update("Anna%20B", EMAIL, identity=Identity("Anna B", "Name"), body={"Name": "Anna B"}))
    assert found.identity == Identity("Xxxx X", "Name")
    assert found.requests[0] == Request("PUT", "https://x.test/Xxxx%20X", {"Name": "Xxxx X"})


def test_whoever_is_held_is_masked_and_the_rest_is_left_alone() -> None:
    entries: list[Entry] = list(View(masked=True).of(PLAN).entries())
    held = entries[4]
    assert isinstance(held, Held)
    assert held.update.changes == (Change("address.city", "▫", "▪"),)
    assert entries[2:4] == list(ENTRIES[2:4])


def test_of_a_tripped_gate_the_named_customers_are_shown_and_its_figure_stays() -> None:
    tripped = Tripped("max_updates", "1", 57, "57 of 59", examples=(update("7", EMAIL, CITY), update("8", CITY), REJECTION))
    [found] = View(only=("held",), customers=frozenset({"7", "9"}), fields=("Email",)).of(replace(PLAN, gates=(tripped,))).gates
    assert found == replace(tripped, examples=(update("7", EMAIL), replace(REJECTION, errors=REJECTION.errors[:1])))


def test_a_part_of_a_plan_says_nothing_of_what_the_whole_costs_its_account() -> None:
    whole = replace(PLAN, estimate=Estimate("shop", 9.0))
    assert View(masked=True).of(whole).estimate == Estimate("shop", 9.0)
    assert View(customers=frozenset({"7"})).of(whole).estimate is None
