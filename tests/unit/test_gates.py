"""What a plan counts -> what is held back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from sync.errors import FieldError
from sync.model import (
    UNKNOWN,
    Change,
    Diff,
    Entry,
    Foreign,
    Held,
    Hold,
    Identity,
    Leaf,
    Pending,
    Rejection,
    Releases,
    Request,
    Tripped,
    Unchanged,
    Update,
)
from sync.pipeline.census import Census
from sync.pipeline.gates import FEWEST_KNOWN, GatePolicy, Limit, Rows
from sync.pipeline.gating import judge
from sync.pipeline.heavy import MOST_NAMED
from sync.pipeline.plan import Plan

TENTH = Limit("10%", share=0.1)
FIVE = Limit("5", number=5)
NONE = Limit("0", number=0)


class Shop:
    """A target whose gates and clear values are given."""

    name = "shop"

    def __init__(self, **gates: Any) -> None:
        self.gates = GatePolicy(**gates)
        self.most_gone = Limit("20%", share=0.2)

    def say(self, update: Update, changes: Diff) -> tuple[Request, ...]:
        return (Request("PUT", ",".join(change.field for change in changes), update.leaves),)


@pytest.fixture
def plans() -> Iterator[list[Plan]]:
    made: list[Plan] = []
    yield made
    for plan in made:
        plan.close()


@pytest.fixture
def planned(plans: list[Plan]) -> Any:
    def plan(entries: Sequence[Entry], shop: Shop, *, known: int = 100, rows: Rows | None = None, clears: Any = None) -> Plan:
        made = Plan("shop", known, Census(clears or {}, values=shop.gates.max_same_value is not None))
        plans.append(made)
        made.write(entries)
        judge(made, shop, rows)
        return made

    return plan


def update(customer: object, *, released: Releases = frozenset(), **changes: Leaf) -> Update:
    told = tuple(Change(name, f"old {name}", after) for name, after in changes.items())
    request = Request("PUT", ",".join(changes), dict(changes))
    return Update(str(customer), Identity("1"), 1, told, changes, (request,), released=released)


def rejection(customer: object, released: Releases = frozenset()) -> Rejection:
    return Rejection(Pending(str(customer), 1, released), (FieldError("Rating", "too much"),))


def held(plan: Plan) -> dict[str, list[tuple[str, ...]]]:
    """Which fields each gate holds, by gate, customer by customer."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for entry in plan.entries():
        for hold in entry.holds if isinstance(entry, Held) else ():
            found.setdefault(hold.gate, []).append(hold.fields)
    return found


def sent(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Which fields are sent, by customer."""
    return {
        entry.customer: tuple(change.field for change in entry.changes) for entry in plan.entries() if isinstance(entry, Update)
    }


def told(plan: Plan) -> list[tuple[str, int, str]]:
    return [(gate.gate, gate.figure, gate.reason) for gate in plan.tripped]


# ---- a limit


@pytest.mark.parametrize(
    ("limit", "figure", "known", "exceeded"),
    [
        (FIVE, 5, 1000, False),
        (FIVE, 6, 1000, True),
        (FIVE, 6, 0, True),
        (NONE, 0, 100, False),
        (NONE, 1, 0, True),
        (TENTH, 10, 100, False),
        (TENTH, 11, 100, True),
        (TENTH, FEWEST_KNOWN, FEWEST_KNOWN, True),
        (TENTH, FEWEST_KNOWN - 1, FEWEST_KNOWN - 1, False),
        (TENTH, 500, 0, False),
        (Limit("0%", share=0.0), 1, 100, True),
        (Limit("0%", share=0.0), 0, 100, False),
        (Limit("100%", share=1.0), 100, 100, False),
    ],
)
def test_a_limit_is_exceeded_above_it_and_a_share_of_few_says_nothing(
    limit: Limit, figure: int, known: int, *, exceeded: bool
) -> None:
    assert limit.exceeded(figure, known) == exceeded


def test_without_gates_or_within_them_everything_goes(planned: Any) -> None:
    entries = [*(update(number, Name="x") for number in range(5)), rejection("r"), Unchanged(Pending("u", 1))]
    every: dict[str, Any] = dict.fromkeys(
        ("max_updates", "max_cleared", "max_same_value", "max_rejected", "max_source_drop"), FIVE
    )
    within = Shop(**every, max_field_changed={"Name": FIVE}, min_source_rows=95)
    for shop in (Shop(), within):
        plan = planned(entries, shop, rows=Rows(95, 100))
        assert (list(plan.entries()), plan.tripped) == (entries, ())


# ---- each gate


def test_too_many_updates_hold_them_all_with_limit_and_figure(planned: Any) -> None:
    plan = planned([update(number, Name="x", Fax=number) for number in range(11)], Shop(max_updates=TENTH))
    assert told(plan) == [("max_updates", 11, "11 of 100 customers would be updated; the limit is 10%")]
    assert (held(plan), sent(plan)) == ({"max_updates": [("Name", "Fax")] * 11}, {})


def test_too_many_cleared_values_hold_only_what_clears(planned: Any) -> None:
    plan = planned([update(number, Name=f"new {number}", Fax="") for number in range(6)], Shop(max_cleared=FIVE))
    assert told(plan) == [("max_cleared", 6, "6 of 100 customers would lose a value; the limit is 5")]
    assert held(plan) == {"max_cleared": [("Fax",)] * 6}
    assert sent(plan) == {str(number): ("Name",) for number in range(6)}


def test_the_other_changes_of_a_customer_go_in_their_own_request_and_it_goes_on_waiting(planned: Any) -> None:
    plan = planned([update("3", Fax="", Name="new")], Shop(max_cleared=NONE))
    kept, goes = plan.entries()
    assert isinstance(kept, Held)
    assert isinstance(goes, Update)
    assert kept.update.changes == (Change("Fax", "old Fax", ""),)
    assert (goes.changes, goes.leaves, goes.stays) == (
        (Change("Name", "old Name", "new"),),
        {"Fax": "old Fax", "Name": "new"},
        True,
    )
    assert goes.requests == (Request("PUT", "Name", {"Fax": "old Fax", "Name": "new"}),)


def test_what_a_vendor_writes_for_empty_counts_as_cleared_where_the_map_clears(planned: Any) -> None:
    entries = [update("1", Manager=0), update("2", Rating=0), update("3", Manager=7), update("4", Manager=False)]
    plan = planned(entries, Shop(max_cleared=NONE), clears={"Manager": 0})
    assert [(gate, figure) for gate, figure, _ in told(plan)] == [("max_cleared", 1)]
    assert sorted(sent(plan)) == ["2", "3", "4"]


def test_a_field_that_was_empty_in_the_vendors_way_loses_nothing(planned: Any) -> None:
    change = Change("Manager", 0, None)
    entry = Update("1", Identity("1"), 1, (change,), {"Manager": None}, ())
    assert planned([entry], Shop(max_cleared=NONE), clears={"Manager": 0}).tripped != ()
    again = Update("1", Identity("1"), 1, (Change("Manager", None, 0),), {"Manager": 0}, ())
    assert planned([again], Shop(max_cleared=NONE), clears={"Manager": 0}).tripped == ()


def test_a_field_that_changes_for_too_many_is_held_alone(planned: Any) -> None:
    entries = [update(number, Email=f"{number}@x.org", Name=f"n {number}") for number in range(11)] + [update("z", Name="z")]
    plan = planned(entries, Shop(max_field_changed={"Email": TENTH, "Name": Limit("12", number=12)}))
    assert told(plan) == [("max_field_changed", 11, "Email would change for 11 of 100 customers; the limit is 10%")]
    assert plan.tripped[0].field == "Email"
    assert held(plan) == {"max_field_changed": [("Email",)] * 11}
    assert sent(plan) == dict.fromkeys([*map(str, range(11)), "z"], ("Name",))


def test_one_new_value_for_too_many_holds_the_changes_to_that_value_alone(planned: Any) -> None:
    same = [update(number, Country="Utopia", Name=f"n {number}") for number in range(11)]
    other = [update("a", Country="Norway"), update("b", Name="Utopia")]
    plan = planned([*same, *other], Shop(max_same_value=TENTH))
    [(gate, figure, reason)] = told(plan)
    assert (gate, figure) == ("max_same_value", 11)
    assert reason == "Country would get one and the same value for 11 of 100 customers; the limit is 10%"
    assert (plan.tripped[0].field, plan.tripped[0].value) == ("Country", "Utopia")
    assert held(plan) == {"max_same_value": [("Country",)] * 11}
    assert sent(plan) == {**{str(number): ("Name",) for number in range(11)}, "a": ("Country",), "b": ("Name",)}


def test_several_values_of_one_field_are_one_gate_which_shows_the_most_frequent(planned: Any) -> None:
    entries = [update(number, Country="A" if number < 20 else "B") for number in range(35)]
    plan = planned(entries, Shop(max_same_value=TENTH))
    assert [(gate.value, gate.figure) for gate in plan.tripped] == [("A", 20)]
    assert (len(held(plan)["max_same_value"]), sent(plan)) == (35, {})


def test_a_value_that_one_customer_alone_gets_is_nobodys_sign(planned: Any) -> None:
    plan = planned([update(number, Name=f"n {number}") for number in range(50)], Shop(max_same_value=NONE))
    assert plan.tripped == ()


def test_with_more_values_than_can_be_told_apart_the_whole_field_is_held(planned: Any) -> None:
    entries = [update(number, Name=f"n {number // 2}") for number in range(2 * MOST_NAMED + 2)] + [update("z", Name="alone")]
    plan = planned(entries, Shop(max_same_value=NONE))
    assert (plan.tripped[0].figure, sent(plan)) == (2, {})


def test_many_rejections_hold_what_is_left_of_the_target_and_are_looked_at_again(planned: Any) -> None:
    entries: list[Entry] = [
        update("1", Name="x"),
        *(rejection(number) for number in range(6)),
        Foreign(Pending("f", 1), gone=True),
    ]
    plan = planned(entries, Shop(max_rejected=FIVE))
    reason = "6 of 100 customers are rejected; the limit is 5"
    assert told(plan) == [("max_rejected", 6, reason)]
    assert (held(plan), sent(plan)) == ({"max_rejected": [("Name",)]}, {})
    rejected = [entry for entry in plan.entries() if isinstance(entry, Rejection)]
    assert [(entry.parked, entry.holds) for entry in rejected] == [(False, (Hold("max_rejected", reason, ("",)),))] * 6
    assert [entry for entry in plan.entries() if isinstance(entry, Foreign)] == []
    assert plan.tripped[0].examples == tuple(rejected[:3])


@pytest.mark.parametrize(
    ("rows", "gates", "reasons"),
    [
        (Rows(89, 100), {"max_source_drop": TENTH}, ["the source has lost 11 of its 100 rows; the limit is 10%"]),
        (Rows(90, 100), {"max_source_drop": TENTH}, []),
        (Rows(500, 100), {"max_source_drop": TENTH}, []),
        (Rows(1, FEWEST_KNOWN - 1), {"max_source_drop": TENTH}, []),
        (Rows(1, 7), {"max_source_drop": FIVE}, ["the source has lost 6 of its 7 rows; the limit is 5"]),
        (Rows(0, None), {"max_source_drop": TENTH}, []),
        (Rows(49), {"min_source_rows": 50}, ["the source has 49 rows; it should have at least 50"]),
        (Rows(50), {"min_source_rows": 50}, []),
        (Rows(None, 9), {"min_source_rows": 5}, ["the source cannot tell how many rows it has: leave this gate out"]),
        (None, {"min_source_rows": 50, "max_source_drop": TENTH}, []),
        (
            Rows(0, 100),
            {"min_source_rows": 1, "max_source_drop": TENTH},
            ["the source has lost 100 of its 100 rows; the limit is 10%", "the source has 0 rows; it should have at least 1"],
        ),
    ],
)
def test_a_source_that_lost_rows_holds_everything(planned: Any, rows: Rows | None, gates: Any, reasons: list[str]) -> None:
    entries: list[Entry] = [update("1", Name="x"), Foreign(Pending("2", 1), gone=True), Unchanged(Pending("3", 1))]
    plan = planned(entries, Shop(**gates), rows=rows)
    assert [reason for _, _, reason in told(plan)] == reasons
    if reasons:
        assert [type(entry) for entry in plan.entries()] == [Held, Unchanged]
    else:
        assert list(plan.entries()) == entries


# ---- several gates


def test_what_is_told_of_too_many_who_are_gone_is_held_and_nothing_else(planned: Any) -> None:
    gone = [replace(update(number, status="disabled"), gone=True) for number in range(21)]
    plan = planned([*gone, update("a", Name="A")], Shop())
    assert told(plan) == [("max_source_drop", 21, "21 of 100 customers are gone from the source; the limit is 20%")]
    assert held(plan) == {"max_source_drop": [("status",)] * 21}
    assert sent(plan) == {"a": ("Name",)}
    assert held(planned(gone[1:], Shop())) == {}
    released = [replace(entry, released=frozenset({("max_source_drop", "status")})) for entry in gone[1:]]
    assert held(planned([*released, gone[0]], Shop())) == {}


def test_the_gate_on_all_updates_counts_and_names_what_the_others_leave(planned: Any) -> None:
    blanked = [update(number, Email="") for number in range(60)]
    few = [update(f"a{number}", Name="x") for number in range(10)]
    shop = Shop(max_cleared=FIVE, max_updates=TENTH)
    plan = planned([*blanked, *few], shop)
    assert (held(plan), len(sent(plan))) == ({"max_cleared": [("Email",)] * 60}, 10)
    flood = planned([*blanked, *few, update("b", Name="x", Email="")], shop)
    assert [(gate, figure) for gate, figure, _ in told(flood)] == [("max_cleared", 61), ("max_updates", 11)]
    assert held(flood) == {"max_cleared": [("Email",)] * 61, "max_updates": [("Name",)] * 11}
    assert sent(flood) == {}


def test_a_change_that_two_gates_name_is_held_by_both(planned: Any) -> None:
    plan = planned([update("1", Email="", Name="x")], Shop(max_cleared=NONE, max_field_changed={"Email": NONE}))
    [kept] = [entry for entry in plan.entries() if isinstance(entry, Held)]
    assert [(hold.gate, hold.fields) for hold in kept.holds] == [("max_cleared", ("Email",)), ("max_field_changed", ("Email",))]
    assert (kept.gate, kept.reason) == ("max_cleared", "; ".join(f"{hold.gate}: {hold.reason}" for hold in kept.holds))


def test_a_few_customers_are_shown_for_each_gate_with_what_it_is_about(planned: Any) -> None:
    plan = planned([update(number, Email="", Name=f"n {number}") for number in range(9)], Shop(max_cleared=NONE))
    shown = plan.tripped[0].examples
    assert [entry.customer for entry in shown] == ["0", "1", "2"]
    assert [(entry.changes, entry.requests) for entry in shown] == [((Change("Email", "old Email", ""),), ())] * 3


# ---- what somebody has released


@pytest.mark.parametrize("gate", ["max_updates", "max_cleared", "max_field_changed", "max_same_value"])
def test_what_was_released_goes_and_does_not_count_any_more(planned: Any, gate: str) -> None:
    limit: Any = {"Fax": FIVE} if gate == "max_field_changed" else FIVE
    free = [update(number, Fax="", released=frozenset({(gate, "Fax")})) for number in range(50)]
    few = [update(f"a{number}", Fax="") for number in range(5)]
    plan = planned([*free, *few], Shop(**{gate: limit}))
    assert (plan.tripped, len(sent(plan))) == ((), 55)
    again = planned([*free, *few, update("b", Fax="")], Shop(**{gate: limit}))
    assert [(tripped.gate, tripped.figure) for tripped in again.tripped] == [(gate, 6)]
    assert sorted(sent(again), key=int) == [str(number) for number in range(50)]


def test_rejections_that_were_released_do_not_count_and_what_they_held_goes(planned: Any) -> None:
    free = frozenset({("max_rejected", "")})
    entries = [*(rejection(number, free) for number in range(9)), rejection("n"), update("1", Name="x")]
    plan = planned(entries, Shop(max_rejected=Limit("1", number=1)))
    assert list(plan.entries()) == entries


@pytest.mark.parametrize("gates", [{"max_source_drop": FIVE}, {"min_source_rows": 50}, {"max_rejected": NONE}])
def test_what_was_released_by_a_gate_on_everything_goes_while_it_still_trips(planned: Any, gates: Any) -> None:
    [gate] = gates
    entries: list[Entry] = [update("1", Fax="x", released=frozenset({(gate, "Fax")})), update("2", Fax="x"), rejection("r")]
    plan = planned(entries, Shop(**gates), rows=Rows(1, 100))
    assert (held(plan), sent(plan)) == ({gate: [("Fax",)]}, {"1": ("Fax",)})


def test_a_release_of_one_gate_is_none_of_another_but_for_the_plain_number(planned: Any) -> None:
    released = frozenset({("max_cleared", "Fax")})
    plan = planned([update("1", Fax="", released=released)], Shop(max_cleared=NONE, max_field_changed={"Fax": NONE}))
    assert held(plan) == {"max_field_changed": [("Fax",)]}
    plain = planned([update("1", Fax="", released=released)], Shop(max_cleared=NONE, max_updates=NONE))
    assert (held(plain), sent(plain)) == ({}, {"1": ("Fax",)})


def test_values_never_stand_in_a_reason(planned: Any) -> None:
    every: dict[str, Any] = dict.fromkeys(("max_updates", "max_cleared", "max_same_value", "max_rejected"), NONE)
    entries = [update(number, Country="Utopia", Fax="") for number in range(3)] + [rejection("r")]
    plan = planned(entries, Shop(**every, max_field_changed={"Country": NONE}))
    assert [tripped.gate for tripped in plan.tripped if "Utopia" in tripped.reason] == []
    assert UNKNOWN not in [tripped.value for tripped in plan.tripped]
    assert {type(tripped) for tripped in plan.tripped} == {Tripped}
