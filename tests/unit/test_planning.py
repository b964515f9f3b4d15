"""Customers that wait -> entries of a plan."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Annotated, Any

import pytest

from sync.app import Unwatched
from sync.errors import FieldError, Refused
from sync.model import (
    UNKNOWN,
    Baseline,
    Change,
    Customer,
    Diff,
    Entry,
    Field,
    Filing,
    Foreign,
    Identity,
    Leaf,
    Outcome,
    Pending,
    Rejection,
    Request,
    Settlement,
    Unchanged,
    Update,
)
from sync.pipeline.feeds import Feed, Target
from sync.pipeline.gone import NOT_SHOWN, GonePolicy
from sync.pipeline.planning import Sight, look, make_plan, planned
from sync.pipeline.project import Projection
from sync.pipeline.rules import compile_rules
from sync.ports import Page, Source
from sync.stores.memory import Memory
from sync.vendors.schema import Schema, Text, Whole, fields
from tests.unit.test_courier import URL, Dialect

LEAVE: dict[str, Leaf] = {"name": "gone"}


class Shop(Schema):
    name: Annotated[Text | None, Field(clear="")] = None
    stars: Whole | None = None


class Spoken(Dialect):
    """Does not take stars above five."""

    def requests(self, identity: Identity, changes: Diff, leaves: Mapping[str, Leaf]) -> tuple[Request, ...]:
        if any(change.field == "stars" and change.after > 5 for change in changes):
            raise Refused("too many")
        return super().requests(identity, changes, leaves)


def target(*, gone: GonePolicy | None = None, **more: Any) -> Target:
    rules, _ = compile_rules({"name": "Name", "stars": "Stars"}, fields(Shop), {})
    made = Projection(rules, Shop, fields(Shop), "id", lambda value: Identity(str(value)), str, **more)
    return Target("shop", "crm", "shop", Spoken(), made, "map 1", gone=gone or GonePolicy())


def entry(
    baseline: Baseline | None = None,
    *,
    there: Mapping[str, Any] | None = None,
    of: Target | None = None,
    kept: Mapping[str, Leaf] | None = None,
    waiting: Pending | None = None,
    doubtful: bool = False,
) -> tuple[Entry, str]:
    """What becomes of customer 7, who is `there` unless that is empty."""
    values = {"id": 4711, "Name": "Ann", "Stars": 3} if there is None else there
    customers = {"7": Customer("7", values)} if values else {}
    known = {"7": baseline} if baseline else {}
    sight = Sight([waiting or Pending("7", 5)], customers, known, {}, frozenset("7") if doubtful else frozenset())
    [found] = planned(of or target(), sight, {"7": kept} if kept else {})
    return found


def update(baseline: Baseline | None, **more: Any) -> Update:
    found, id = entry(baseline, **more)
    assert isinstance(found, Update)
    assert id == found.identity.value == "4711"
    return found


HELD = {"name": "Ann", "stars": 2, "fax": "1"}
HERE = Baseline(URL, "4711", HELD)


def test_a_field_that_changed_goes_and_the_baseline_will_hold_all_that_the_target_does() -> None:
    found = update(HERE)
    assert found.changes == (Change("stars", 2, 3, ("Stars",)),)
    assert (found.leaves, found.doubt, found.version) == ({"name": "Ann", "stars": 3, "fax": "1"}, frozenset(), 5)


def test_a_field_in_doubt_goes_although_it_may_be_held_and_one_that_is_not_mapped_stays_in_doubt() -> None:
    found = update(replace(HERE, leaves={**HELD, "stars": 3}, doubt=frozenset({"name", "fax"})))
    assert found.changes == (Change("name", UNKNOWN, "Ann", ("Name",)),)
    assert found.doubt == {"fax"}


@pytest.mark.parametrize("baseline", [replace(HERE, place="https://other.example/"), replace(HERE, id="4712"), None])
def test_what_is_known_of_another_place_or_id_says_nothing_of_this_one(baseline: Baseline | None) -> None:
    found = update(baseline and replace(baseline, doubt=frozenset({"fax"})))
    assert [(change.field, change.before) for change in found.changes] == [("name", UNKNOWN), ("stars", UNKNOWN)]
    assert (found.leaves, found.doubt) == ({"name": "Ann", "stars": 3}, frozenset())


def test_a_baseline_without_leaves_says_nothing_and_takes_nothing_along() -> None:
    found = update(Baseline(URL, "4711", None, frozenset({"fax"})))
    assert ([change.before for change in found.changes], found.leaves) == ([UNKNOWN, UNKNOWN], {"name": "Ann", "stars": 3})
    assert found.doubt == {"fax"}


def test_who_is_in_step_is_told_nothing() -> None:
    assert entry(replace(HERE, leaves={**HELD, "stars": 3})) == (Unchanged(Pending("7", 5)), "4711")


def test_what_was_released_goes_with_the_update() -> None:
    assert update(HERE, waiting=Pending("7", 5, frozenset({("max_cleared", "stars")}))).released == {("max_cleared", "stars")}


def test_what_was_put_back_stands_in_place_of_what_the_map_says_where_the_map_still_names_it() -> None:
    found = update(HERE, kept={"name": "Old", "fax": "9"})
    assert [(change.field, change.after) for change in found.changes] == [("name", "Old"), ("stars", 3)]
    assert found.leaves == {"name": "Old", "stars": 3, "fax": "1"}


def test_who_does_not_fit_is_rejected_and_claims_its_id_all_the_same() -> None:
    found, id = entry(HERE, there={"id": 4711, "Name": "Ann", "Stars": "many"})
    assert isinstance(found, Rejection)
    assert ([error.field for error in found.errors], found.parked, id) == (["stars"], True, "4711")


def test_what_the_vendor_cannot_be_told_is_rejected_in_its_words() -> None:
    found, id = entry(HERE, there={"id": 4711, "Name": "Ann", "Stars": 6})
    assert (found, id) == (Rejection(Pending("7", 5), (FieldError("id", "too many"),)), "4711")


@pytest.mark.parametrize(("baseline", "left"), [(HERE, True), (Baseline(URL, "4711", None), False), (None, False)])
def test_who_is_not_this_targets_is_somebody_elses_and_has_left_if_it_was_known(baseline: Baseline | None, left: bool) -> None:
    assert entry(baseline, of=target(where={"Name": ("Bo",)})) == (Foreign(Pending("7", 5), left=left), "")


# ---- who is not there


LEAVES = GonePolicy("deactivate", LEAVE)
GONE = Pending("7", 5, gone=True)


def missed(baseline: Baseline | None, *, gone: GonePolicy = LEAVES, waiting: Pending = GONE, **more: Any) -> tuple[Entry, str]:
    return entry(baseline, there={}, of=target(gone=gone), waiting=waiting, **more)


def test_who_is_gone_is_told_to_the_vendor_in_the_words_of_its_map() -> None:
    found, id = missed(HERE)
    assert isinstance(found, Update)
    assert [(change.field, change.before, change.after) for change in found.changes] == [("name", "Ann", "gone")]
    assert (found.gone, found.leaves, id) == (True, {**HELD, **LEAVE}, "4711")


def test_who_is_gone_and_has_been_told_so_is_in_step() -> None:
    assert missed(replace(HERE, leaves={**HELD, **LEAVE})) == (Unchanged(GONE), "4711")


@pytest.mark.parametrize(
    ("baseline", "gone", "waiting", "left"),
    [
        (HERE, LEAVES, Pending("7", 5), True),  # not marked as gone: nobody has been called
        (HERE, GonePolicy(), GONE, True),
        (replace(HERE, place="https://other.example/"), LEAVES, GONE, True),
        (Baseline(URL, "4711", None), LEAVES, GONE, False),
        (None, LEAVES, GONE, False),
    ],
)
def test_where_there_is_nothing_to_tell_who_is_gone_is_let_go_of(
    baseline: Baseline | None, gone: GonePolicy, waiting: Pending, left: bool
) -> None:
    assert missed(baseline, gone=gone, waiting=waiting) == (Foreign(waiting, gone=True, left=left), "")


def test_who_is_not_shown_before_everybody_was_called_is_not_gone_yet_and_is_looked_at_again() -> None:
    found = missed(HERE, waiting=Pending("7", 5), doubtful=True)
    assert found == (Rejection(Pending("7", 5), (FieldError("", NOT_SHOWN),), parked=False), "")


# ---- who has changed once more


class Town(Source):
    """These customers are there."""

    def __init__(self, *customers: Customer) -> None:
        self._customers = customers

    async def fields(self) -> Mapping[str, str]:
        return {}

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        del cursor
        yield Page([])

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        return [customer for customer in self._customers if customer.key in keys]

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        yield []

    async def count(self) -> int | None:
        return None

    async def close(self) -> None:
        pass


def bo(key: str, id: int = 4711, digest: bytes = b"seen") -> Customer:
    return Customer(key, {"id": id, "Name": "Bo", "Stars": 3}, digest)


@pytest.mark.parametrize(("digest", "again"), [(b"seen", False), (b"newer", True)])
async def test_who_has_changed_since_it_was_filed_is_planned_as_it_is_now_and_filed_once_more(digest: bytes, again: bool) -> None:
    store, shop = Memory(), target()
    await store.file(Filing("crm", [("7", b"seen")], ["shop"]))
    waiting = await store.pending("shop", "", 9)
    sight = await look(shop, Feed("crm", Town(bo("7", digest=digest)), (shop,), (shop,)), store, waiting)
    [(found, _)] = planned(shop, sight, {})
    assert isinstance(found, Update)
    assert (found.version, found.leaves["name"]) == (waiting[0].version, "Bo")
    [now] = await store.pending("shop", "", 9)
    assert (now.version > waiting[0].version) is again


@pytest.mark.parametrize(("missing", "doubtful"), [("ignore", set()), ("report", {"8"})])
async def test_who_was_seen_and_is_not_shown_is_doubtful_only_where_a_target_wants_to_know(
    missing: Any, doubtful: set[str]
) -> None:
    store, shop = Memory(), target(gone=GonePolicy(missing))
    await store.file(Filing("crm", [("8", b"seen"), ("10", b"seen")], ["shop"]))
    waiting = [Pending("8", 1), Pending("9", 1), Pending("10", 1, gone=True)]
    sight = await look(shop, Feed("crm", Town(bo("7")), (shop,), (shop,)), store, waiting)
    assert sight.doubtful == doubtful


# ---- who claims whose id


async def plan_of(store: Memory, *customers: Customer) -> dict[str, Entry]:
    shop = target()
    plan = await make_plan(shop, Feed("crm", Town(*customers), (shop,), (shop,)), store, Unwatched())
    with closing(plan):
        return {entry.customer: entry for entry in plan.entries()}


def claimed_by(entry: Entry) -> list[str]:
    return [error.message for error in entry.errors] if isinstance(entry, Rejection) else []


async def test_two_that_wait_and_claim_one_vendor_id_are_both_rejected_and_the_others_go() -> None:
    store = Memory()
    await store.file(Filing("crm", [(key, b"seen") for key in "789"], ["shop"]))
    found = await plan_of(store, bo("7"), bo("8"), bo("9", 4712))
    assert claimed_by(found["7"]) == ["the same vendor id is claimed by customer 8"]
    assert claimed_by(found["8"]) == ["the same vendor id is claimed by customer 7"]
    assert isinstance(found["9"], Update)


async def test_who_is_in_step_is_rejected_too_once_another_claims_its_vendor_id() -> None:
    store = Memory()
    await store.file(Filing("crm", [("7", b"seen"), ("8", b"seen")], ["shop"]))
    [seven, _] = await store.pending("shop", "", 9)
    await store.settle("shop", URL, [Settlement("7", "4711", seven.version, Outcome.DELIVERED, taken={"name": "Bo", "stars": 3})])
    found = await plan_of(store, bo("7"), bo("8"))
    assert claimed_by(found["7"]) == ["the same vendor id is claimed by customer 8"]
    assert claimed_by(found["8"]) == ["the same vendor id is claimed by customer 7"]


async def test_whoever_has_moved_to_another_vendor_id_leaves_its_own_to_the_next() -> None:
    store = Memory()
    await store.file(Filing("crm", [("7", b"seen"), ("8", b"seen")], ["shop"]))
    [seven, _] = await store.pending("shop", "", 9)
    await store.settle("shop", URL, [Settlement("7", "4711", seven.version, Outcome.DELIVERED, taken={"name": "Bo", "stars": 3})])
    await store.file(Filing("crm", [("7", b"moved")], ["shop"]))
    found = await plan_of(store, bo("7", 4712, b"moved"), bo("8"))
    assert {customer: type(entry) for customer, entry in found.items()} == {"7": Update, "8": Update}
