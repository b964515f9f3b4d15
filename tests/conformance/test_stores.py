"""What every store must promise, one promise a test. A new store is one more parameter of `store`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sync.errors import FieldError
from sync.model import (
    ABSENT,
    Alert,
    Baseline,
    Change,
    Claim,
    Filing,
    Hold,
    Holding,
    Identity,
    Leaf,
    Outcome,
    Pending,
    Released,
    Request,
    Roll,
    RollCall,
    Run,
    Secret,
    Settlement,
    Standing,
    Tally,
    Timing,
    Undone,
    Update,
    said_of,
)
from sync.ports import Store
from sync.stores.memory import Memory
from sync.stores.sqlite import open_store

HERE = "https://vendor.example"
DIGEST = b"0123456789abcdef"
OTHER = b"fedcba9876543210"
SECOND = timedelta(seconds=1)
BAD = (Outcome.REJECTED, Outcome.DEFERRED, Outcome.HELD, Outcome.UNKNOWN)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store = Memory() if request.param == "memory" else open_store(tmp_path / "state.db", exclusive=True)
    yield opened
    await opened.close()


def filing(*customers: str, targets: Sequence[str] = ("rpm",), cursor: object = None, digest: bytes = DIGEST) -> Filing:
    return Filing("crm", [(customer, digest) for customer in customers], targets, cursor)


async def filed(store: Store, customer: str = "7", target: str = "rpm") -> int:
    """Makes one customer wait; its version."""
    [waiting] = await store.wait(target, [customer])
    return waiting.version


def update(customer: str, version: int, *fields: str, id: str = "4711") -> Update:
    changes = tuple(Change(field, ABSENT, "new") for field in fields)
    return Update(customer, Identity(id), version, changes, {change.field: change.after for change in changes}, ())


def delivered(
    customer: str, version: int, leaves: Mapping[str, Leaf], *, id: str = "4711", doubt: frozenset[str] = frozenset()
) -> Settlement:
    return Settlement(customer, id, version, Outcome.DELIVERED, taken=leaves, doubt=doubt, attempts=1)


async def acknowledged(
    store: Store, customer: str = "7", leaves: Mapping[str, Leaf] | None = None, *, id: str = "4711", target: str = "rpm"
) -> None:
    """Brings one customer in step with its target."""
    version = await filed(store, customer, target)
    await store.settle(target, HERE, [delivered(customer, version, leaves or {"Name": "Ann"}, id=id)])


async def baseline(store: Store, customer: str = "7", target: str = "rpm") -> Baseline | None:
    return (await store.baselines(target, [customer])).get(customer)


async def waiting(store: Store, target: str = "rpm") -> list[str]:
    return [pending.customer for pending in await store.pending(target, "", 99)]


# ---- what was seen


async def test_a_source_has_no_cursor_at_first(store: Store) -> None:
    assert await store.cursor("crm") is None


async def test_every_row_is_unseen_at_first(store: Store) -> None:
    assert await store.unseen("crm", [("7", DIGEST), ("8", OTHER)]) == [("7", DIGEST), ("8", OTHER)]


async def test_filing_notes_rows_customers_and_cursor(store: Store) -> None:
    await store.file(filing("7", targets=("rpm", "shop"), cursor="2026-11-22 10:00:00"))
    assert await store.unseen("crm", [("7", DIGEST)]) == []
    assert (await waiting(store, "rpm"), await waiting(store, "shop")) == (["7"], ["7"])
    assert await store.cursor("crm") == "2026-11-22 10:00:00"


async def test_a_row_whose_content_differs_is_unseen_again(store: Store) -> None:
    await store.file(filing("7", "8"))
    assert await store.unseen("crm", [("7", OTHER), ("8", DIGEST)]) == [("7", OTHER)]


async def test_the_same_key_in_another_source_is_unseen(store: Store) -> None:
    await store.file(filing("7"))
    assert await store.unseen("erp", [("7", DIGEST)]) == [("7", DIGEST)]


async def test_a_page_that_was_known_is_looked_at_again_after_one_of_it_was_filed(store: Store) -> None:
    rows = [("7", DIGEST), ("8", DIGEST)]
    await store.file(filing("7", "8"))
    assert await store.unseen("crm", rows, b"page") == []
    await store.file(filing("7", digest=OTHER))
    assert await store.unseen("crm", rows, b"page") == [("7", DIGEST)]


async def test_a_page_that_was_known_is_looked_at_again_after_one_of_it_was_forgotten(store: Store) -> None:
    rows = [("7", DIGEST), ("8", DIGEST)]
    await store.file(filing("7", "8"))
    assert await store.unseen("crm", rows, b"page") == []
    await store.forget("crm", ["7"])
    assert await store.unseen("crm", rows, b"page") == [("7", DIGEST)]


async def test_a_page_that_was_looked_at_and_never_filed_is_not_known(store: Store) -> None:
    """The process may have died in between."""
    await store.file(filing("7"))
    rows = [("7", DIGEST), ("8", DIGEST)]
    assert [await store.unseen("crm", rows, b"page") for _ in range(2)] == [[("8", DIGEST)]] * 2


async def test_the_same_page_of_another_source_is_unseen(store: Store) -> None:
    await store.file(filing("7"))
    assert await store.unseen("crm", [("7", DIGEST)], b"page") == []
    assert await store.unseen("erp", [("7", DIGEST)], b"page") == [("7", DIGEST)]


async def test_whom_a_source_has_shown_is_known_by_source(store: Store) -> None:
    await store.file(filing("7", "8"))
    await store.file(Filing("erp", [("9", DIGEST)], ["rpm"]))
    assert await store.seen("crm", ["7", "9", "10"]) == {"7"}
    assert await store.seen("crm", []) == frozenset()


async def test_a_filing_without_a_cursor_leaves_it_where_it_was(store: Store) -> None:
    await store.file(filing("7", cursor=41))
    await store.file(filing("8"))
    assert await store.cursor("crm") == 41


async def test_a_filing_without_rows_moves_the_cursor(store: Store) -> None:
    await store.file(filing(cursor=42))
    assert await store.cursor("crm") == 42


@pytest.mark.parametrize("cursor", [42, 1_763_800_000_000, 0.1, 12.5, "2026-11-22T10:00:00.123+01:00", "Ä'\"\n"])
async def test_a_cursor_comes_back_as_it_was(store: Store, cursor: object) -> None:
    await store.file(filing(cursor=cursor))
    found = await store.cursor("crm")
    assert (type(found), found) == (type(cursor), cursor)


async def test_filing_for_no_target_only_notes_what_was_seen(store: Store) -> None:
    await store.file(filing("7", targets=()))
    assert await store.unseen("crm", [("7", DIGEST)]) == []
    assert await waiting(store) == []


# ---- who waits


async def test_filing_again_is_a_newer_version(store: Store) -> None:
    await store.file(filing("7"))
    [before] = await store.pending("rpm", "", 9)
    await store.file(filing("7", digest=OTHER))
    [after] = await store.pending("rpm", "", 9)
    assert after.version > before.version


async def test_a_version_is_never_used_again_for_the_same_customer(store: Store) -> None:
    first = await filed(store)
    await store.settle("rpm", HERE, [delivered("7", first, {"Name": "Ann"})])
    assert await filed(store) > first


@pytest.mark.parametrize("outcome", BAD)
async def test_filing_again_resets_the_outcome(store: Store, outcome: Outcome) -> None:
    version = await filed(store)
    later = datetime.now(UTC) + timedelta(hours=1)
    await store.settle("rpm", HERE, [Settlement("7", "1", version, outcome, "no", attempts=3, due=later, parked=True)])
    await store.file(filing("7", digest=OTHER))
    assert await store.failures() == []
    assert await waiting(store) == ["7"]


async def test_who_is_filed_again_has_been_out_of_step_since_then_and_was_tried_as_often_as_since_then(store: Store) -> None:
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "1", version, Outcome.REJECTED, attempts=3, parked=True)])
    again = datetime.now(UTC)
    await store.file(filing("7", digest=OTHER))
    [pending] = await store.pending("rpm", "", 9)
    await store.settle("rpm", HERE, [Settlement("7", "1", pending.version, Outcome.REJECTED, attempts=2, parked=True)])
    [failure] = await store.failures()
    assert (failure.attempts, failure.since >= again) == (2, True)


async def test_pending_goes_on_behind_a_key_in_the_order_of_keys(store: Store) -> None:
    await store.file(filing("b", "10", "ä", "9", "a"))
    pages = []
    after = ""
    while page := await store.pending("rpm", after, 2):
        pages.append([pending.customer for pending in page])
        after = page[-1].customer
    assert pages == [["10", "9"], ["a", "b"], ["ä"]]


async def test_pending_knows_its_own_target_only(store: Store) -> None:
    await store.file(filing("7", targets=("shop",)))
    assert await waiting(store, "rpm") == []


async def test_a_parked_customer_does_not_wait(store: Store) -> None:
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "1", version, Outcome.REJECTED, parked=True)])
    assert await waiting(store) == []


@pytest.mark.parametrize("outcome", BAD)
async def test_a_customer_that_is_not_parked_waits_on(store: Store, outcome: Outcome) -> None:
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "1", version, outcome)])
    assert await store.pending("rpm", "", 9) == [Pending("7", version)]


async def test_a_customer_is_left_out_until_it_is_due(store: Store) -> None:
    early, late, lost = await filed(store, "early"), await filed(store, "late"), await filed(store, "lost")
    now = datetime.now(UTC)
    await store.settle(
        "rpm",
        HERE,
        [
            Settlement("early", "1", early, Outcome.DEFERRED, due=now - SECOND),
            Settlement("late", "2", late, Outcome.DEFERRED, due=now + 60 * SECOND),
            Settlement("lost", "3", lost, Outcome.DEFERRED, due=now + 365 * 86400 * SECOND),  # by a clock that ran ahead
        ],
    )
    assert await waiting(store) == ["early", "lost"]


async def test_whoever_is_made_to_wait_waits_whatever_its_state_was(store: Store) -> None:
    await acknowledged(store, "in step")
    parked = await filed(store, "parked")
    await store.settle("rpm", HERE, [Settlement("parked", "1", parked, Outcome.REJECTED, parked=True)])
    made = await store.wait("rpm", ["in step", "parked", "new"])
    assert sorted(made, key=lambda pending: pending.customer) == await store.pending("rpm", "", 9)
    assert await waiting(store) == ["in step", "new", "parked"]
    assert await store.failures() == []


async def test_making_nobody_wait_is_nothing(store: Store) -> None:
    assert await store.wait("rpm", []) == []


# ---- a target's first day


async def test_a_new_target_has_every_customer_of_its_source_waiting(store: Store) -> None:
    await store.file(filing("7", "8", targets=()))
    assert await store.enrol("rpm", "crm", "map 1")
    assert await waiting(store) == ["7", "8"]


async def test_the_same_fingerprint_enrols_once(store: Store) -> None:
    await store.file(filing("7"))
    await store.enrol("rpm", "crm", "map 1")
    before = await store.pending("rpm", "", 9)
    assert not await store.enrol("rpm", "crm", "map 1")
    assert await store.pending("rpm", "", 9) == before


async def test_another_fingerprint_files_everybody_again_and_so_does_the_one_before(store: Store) -> None:
    await store.file(filing("7", targets=()))
    await store.enrol("rpm", "crm", "map 1")
    await store.enrol("rpm", "crm", "map 2")
    await acknowledged(store)
    assert await store.enrol("rpm", "crm", "map 1")
    assert await waiting(store) == ["7"]


async def test_enrolling_takes_up_whoever_was_parked(store: Store) -> None:
    await store.file(filing("7"))
    [pending] = await store.pending("rpm", "", 9)
    await store.settle("rpm", HERE, [Settlement("7", "1", pending.version, Outcome.REJECTED, parked=True)])
    await store.enrol("rpm", "crm", "map 2")
    assert await waiting(store) == ["7"]
    assert await store.failures() == []


async def test_enrolling_one_target_leaves_the_others_and_other_sources_alone(store: Store) -> None:
    await store.file(filing("7", targets=()))
    await store.file(Filing("erp", [("e1", DIGEST)], ()))
    await store.enrol("rpm", "crm", "map 1")
    assert (await waiting(store, "rpm"), await waiting(store, "shop")) == (["7"], [])


async def test_a_target_that_was_out_of_the_configuration_while_somebody_was_filed_is_new_when_it_returns(store: Store) -> None:
    await store.file(filing("7", targets=()))
    await store.enrol("rpm", "crm", "map 1")
    await acknowledged(store)
    await store.file(filing("7", targets=("shop",), digest=OTHER))
    assert await waiting(store) == []
    assert await store.enrol("rpm", "crm", "map 1")
    assert await waiting(store) == ["7"]


async def test_what_one_source_files_does_not_make_the_targets_of_another_new(store: Store) -> None:
    await store.enrol("rpm", "crm", "map 1")
    await store.file(Filing("erp", [("7", DIGEST)], ["shop"]))
    assert not await store.enrol("rpm", "crm", "map 1")


# ---- who claims whom


async def test_two_that_wait_and_claim_one_id_are_rivals(store: Store) -> None:
    await store.file(filing("7", "8", "9"))
    await store.claim("rpm", [Claim("7", "4711"), Claim("8", "4711"), Claim("9", "1")])
    assert await store.rivals("rpm") == {"7": ("8",), "8": ("7",)}


async def test_one_that_waits_and_one_in_step_are_rivals(store: Store) -> None:
    await acknowledged(store, "8", id="4711")
    await store.file(filing("7"))
    await store.claim("rpm", [Claim("7", "4711")])
    assert await store.rivals("rpm") == {"7": ("8",), "8": ("7",)}


async def test_three_rivals_name_each_other(store: Store) -> None:
    await acknowledged(store, "8", id="4711")
    await store.file(filing("7", "9"))
    await store.claim("rpm", [Claim("9", "4711"), Claim("7", "4711")])
    assert await store.rivals("rpm") == {"7": ("8", "9"), "8": ("7", "9"), "9": ("7", "8")}


async def test_whoever_has_moved_to_another_id_is_no_rival(store: Store) -> None:
    await acknowledged(store, "8", id="4711")
    await store.file(filing("7", "8"))
    await store.claim("rpm", [Claim("7", "4711"), Claim("8", "4712")])
    assert await store.rivals("rpm") == {}


async def test_two_that_swap_their_ids_are_no_rivals(store: Store) -> None:
    await acknowledged(store, "7", id="1")
    await acknowledged(store, "8", id="2")
    await store.file(filing("7", "8"))
    await store.claim("rpm", [Claim("7", "2"), Claim("8", "1")])
    assert await store.rivals("rpm") == {}


async def test_whoever_waits_unplanned_claims_what_it_was_acknowledged_with(store: Store) -> None:
    await acknowledged(store, "8", id="4711")
    await store.file(filing("7", "8"))
    await store.claim("rpm", [Claim("7", "4711")])
    assert await store.rivals("rpm") == {"7": ("8",), "8": ("7",)}


async def test_an_empty_id_is_claimed_by_nobody(store: Store) -> None:
    await acknowledged(store, "9", id="4711")
    await store.file(filing("7", "8", "9"))
    await store.claim("rpm", [Claim("7", ""), Claim("8", ""), Claim("9", "")])
    assert await store.rivals("rpm") == {}


async def test_a_parked_customer_still_claims_its_id(store: Store) -> None:
    version = await filed(store, "8")
    await store.claim("rpm", [Claim("8", "4711")])
    await store.settle("rpm", HERE, [Settlement("8", "4711", version, Outcome.REJECTED, parked=True)])
    await store.file(filing("7"))
    await store.claim("rpm", [Claim("7", "4711")])
    assert await store.rivals("rpm") == {"7": ("8",), "8": ("7",)}


async def test_a_claim_outlives_filing_again(store: Store) -> None:
    await store.file(filing("7", "8"))
    await store.claim("rpm", [Claim("7", "4711"), Claim("8", "4711")])
    await store.file(filing("7", digest=OTHER))
    assert await store.rivals("rpm") == {"7": ("8",), "8": ("7",)}


async def test_the_same_id_at_another_target_is_no_rival(store: Store) -> None:
    await store.file(filing("7", "8", targets=("rpm", "shop")))
    await store.claim("rpm", [Claim("7", "4711")])
    await store.claim("shop", [Claim("8", "4711")])
    assert (await store.rivals("rpm"), await store.rivals("shop")) == ({}, {})


async def test_rivals_are_of_one_target_although_others_claim_the_same_id_elsewhere(store: Store) -> None:
    await store.file(filing("7", "8", targets=("rpm",)))
    await store.file(filing("9", targets=("shop",)))
    await acknowledged(store, "10", target="shop")
    await store.claim("rpm", [Claim("7", "4711"), Claim("8", "4711")])
    await store.claim("shop", [Claim("9", "4711")])
    assert await store.rivals("rpm") == {"7": ("8",), "8": ("7",)}


async def test_a_claim_of_somebody_who_does_not_wait_is_nothing(store: Store) -> None:
    await store.claim("rpm", [Claim("7", "4711"), Claim("8", "4711")])
    assert await store.rivals("rpm") == {}
    assert await waiting(store) == []


# ---- in flight


async def test_what_is_in_flight_is_in_doubt_until_it_is_settled(store: Store) -> None:
    await acknowledged(store, leaves={"Name": "Ann", "Email": "a@x.org"})
    version = await filed(store)
    await store.intend("rpm", [update("7", version, "Email", "Phone")])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann", "Email": "a@x.org"}, frozenset({"Email", "Phone"}))
    await store.settle("rpm", HERE, [delivered("7", version, {"Name": "Ann", "Email": "new"})])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann", "Email": "new"})


async def test_two_intents_for_one_customer_put_both_in_doubt(store: Store) -> None:
    await acknowledged(store)
    version = await filed(store)
    await store.intend("rpm", [update("7", version, "Email")])
    await store.intend("rpm", [update("7", version, "Phone")])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"}, frozenset({"Email", "Phone"}))


async def test_what_is_in_flight_to_one_target_is_nothing_to_the_others(store: Store) -> None:
    for target in ("rpm", "shop"):
        await acknowledged(store, target=target)
    versions = {target: await filed(store, target=target) for target in ("rpm", "shop")}
    await store.intend("shop", [update("7", versions["shop"], "Phone")])
    await store.intend("rpm", [update("7", versions["rpm"], "Email")])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"}, frozenset({"Email"}))
    await store.settle("rpm", HERE, [delivered("7", versions["rpm"], {"Name": "Ann", "Email": "new"})])
    assert await baseline(store, target="shop") == Baseline(HERE, "4711", {"Name": "Ann"}, frozenset({"Phone"}))
    assert await store.in_flight() == {"shop": 1}


async def test_a_refusal_takes_the_doubt_of_its_flight_away(store: Store) -> None:
    await acknowledged(store)
    version = await filed(store)
    await store.intend("rpm", [update("7", version, "Name")])
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.REJECTED, parked=True)])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"})


async def test_what_is_in_flight_is_listed_as_unknown(store: Store) -> None:
    version = await filed(store)
    await store.intend("rpm", [update("7", version, "Name")])
    [failure] = await store.failures()
    assert (failure.target, failure.customer, failure.outcome) == ("rpm", "7", Outcome.UNKNOWN)


async def test_whoever_was_there_before_knows_nothing_of_an_id_that_another_is_sent_to(store: Store) -> None:
    await acknowledged(store, "7", id="1")
    await acknowledged(store, "8", id="2")
    await acknowledged(store, "9", id="3")
    await acknowledged(store, "8", id="2", target="shop")
    version = await filed(store, "7")
    await store.intend("rpm", [update("7", version, "Name", id="2")])
    assert sorted(await store.baselines("rpm", ["7", "8", "9"])) == ["7", "9"]
    assert sorted(await store.baselines("shop", ["8"])) == ["8"]


async def test_recovery_keeps_the_doubt_of_what_was_in_flight(store: Store) -> None:
    await acknowledged(store, leaves={"Name": "Ann", "Email": "a@x.org"})
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.UNKNOWN, doubt=frozenset({"Name"}))])
    await store.intend("rpm", [update("7", version, "Email")])
    await store.recover()
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann", "Email": "a@x.org"}, frozenset({"Email", "Name"}))


async def test_recovery_lists_what_was_in_flight_as_unknown_and_lets_it_wait(store: Store) -> None:
    version = await filed(store)
    await store.intend("rpm", [update("7", version, "Email")])
    await store.recover()
    [failure] = await store.failures()
    assert (failure.customer, failure.outcome, failure.reason) == ("7", Outcome.UNKNOWN, "in flight when the process ended")
    assert await store.pending("rpm", "", 9) == [Pending("7", version)]


async def test_what_is_in_flight_is_counted_by_target(store: Store) -> None:
    for target, customer in (("rpm", "7"), ("rpm", "8"), ("shop", "7")):
        version = await filed(store, customer, target)
        await store.intend(target, [update(customer, version, "Name", id=customer)])
    assert await store.in_flight() == {"rpm": 2, "shop": 1}


async def test_nothing_is_in_flight_once_it_is_recovered(store: Store) -> None:
    version = await filed(store)
    await store.intend("rpm", [update("7", version, "Name")])
    await store.recover()
    assert await store.in_flight() == {}


async def test_what_was_settled_is_not_in_flight(store: Store) -> None:
    version = await filed(store)
    await store.intend("rpm", [update("7", version, "Name")])
    await store.settle("rpm", HERE, [delivered("7", version, {"Name": "new"})])
    assert await store.in_flight() == {}
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "new"})
    assert await store.failures() == []


# ---- how it ended


@pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.UNCHANGED])
async def test_whoever_is_in_step_leaves_pending(store: Store, outcome: Outcome) -> None:
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, outcome)])
    assert await store.pending("rpm", "", 9) == []


async def test_who_is_in_step_with_one_target_still_waits_for_the_others(store: Store) -> None:
    await store.file(filing("7", targets=("rpm", "shop")))
    [pending] = await store.pending("rpm", "", 9)
    await store.settle("rpm", HERE, [delivered("7", pending.version, {"Name": "Ann"})])
    assert (await waiting(store, "rpm"), await waiting(store, "shop")) == ([], ["7"])


@pytest.mark.parametrize("outcome", Outcome)
async def test_nobody_leaves_pending_or_is_parked_who_was_filed_again(store: Store, outcome: Outcome) -> None:
    planned = await filed(store)
    newer = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "4711", planned, outcome, "old", taken={"Name": "Ann"}, parked=True)])
    assert await store.pending("rpm", "", 9) == [Pending("7", newer)]
    assert await store.failures() == []
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"})


async def test_unchanged_leaves_the_baseline_alone(store: Store) -> None:
    await acknowledged(store)
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "", version, Outcome.UNCHANGED)])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"})


async def test_what_was_taken_replaces_leaves_and_doubt(store: Store) -> None:
    await acknowledged(store, leaves={"Name": "Ann", "Fax": "1"})
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.UNKNOWN, doubt=frozenset({"Name", "Fax"}))])
    await store.settle("rpm", HERE, [delivered("7", version, {"Name": "Bea"}, doubt=frozenset({"Email"}))])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Bea"}, frozenset({"Email"}))


async def test_what_was_taken_elsewhere_replaces_place_and_id(store: Store) -> None:
    await acknowledged(store)
    version = await filed(store)
    await store.settle("rpm", "https://sandbox.example", [delivered("7", version, {"Name": "Ann"}, id="4712")])
    assert await baseline(store) == Baseline("https://sandbox.example", "4712", {"Name": "Ann"})


async def test_a_rejected_customer_that_took_the_update_keeps_what_it_took(store: Store) -> None:
    version = await filed(store)
    taken = Settlement(
        "7", "4711", version, Outcome.REJECTED, "not all", taken={"Name": "Ann"}, doubt=frozenset({"Fax"}), parked=True
    )
    await store.settle("rpm", HERE, [taken])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"}, frozenset({"Fax"}))
    assert [failure.outcome for failure in await store.failures()] == [Outcome.REJECTED]


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.REJECTED, Outcome.DEFERRED])
async def test_doubt_adds_to_a_baseline_of_the_same_place_and_id(store: Store, outcome: Outcome) -> None:
    await acknowledged(store)
    version = await filed(store)
    for field in ("Name", "Fax"):
        await store.settle("rpm", HERE, [Settlement("7", "4711", version, outcome, doubt=frozenset({field}))])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"}, frozenset({"Name", "Fax"}))


@pytest.mark.parametrize(("place", "id"), [(HERE, "4712"), ("https://sandbox.example", "4711")])
async def test_doubt_of_another_place_or_id_does_not_touch_the_baseline(store: Store, place: str, id: str) -> None:
    await acknowledged(store)
    version = await filed(store)
    await store.settle("rpm", place, [Settlement("7", id, version, Outcome.UNKNOWN, doubt=frozenset({"Name"}))])
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"})


async def test_doubt_without_a_baseline_makes_none(store: Store) -> None:
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.UNKNOWN, doubt=frozenset({"Name"}))])
    assert await baseline(store) is None


async def test_many_settlements_are_written_at_once(store: Store) -> None:
    customers = [f"{number:03}" for number in range(200)]
    pending = await store.wait("rpm", customers)
    await store.settle("rpm", HERE, [delivered(row.customer, row.version, {"Name": row.customer}) for row in pending])
    found = await store.baselines("rpm", customers)
    assert [found[customer].leaves for customer in customers] == [{"Name": customer} for customer in customers]
    assert await waiting(store) == []


async def test_settling_nothing_is_nothing(store: Store) -> None:
    await store.settle("rpm", HERE, [])
    assert await store.failures() == []


# ---- who is out of step


async def test_a_failure_tells_all_that_is_known(store: Store) -> None:
    version = await filed(store)
    due = datetime(2099, 1, 1, tzinfo=UTC)
    errors = (FieldError("Rating", "has to be 0 to 5"), FieldError("Ä", "\u201e\U0001f600\u201c"))
    began = datetime.now(UTC)
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.DEFERRED, "busy", errors, attempts=2, due=due)])
    [failure] = await store.failures()
    assert (failure.target, failure.customer, failure.outcome, failure.reason) == ("rpm", "7", Outcome.DEFERRED, "busy")
    assert (failure.errors, failure.attempts, failure.due) == (errors, 2, due)
    assert began - SECOND <= failure.since <= datetime.now(UTC) + SECOND


async def test_attempts_add_up_and_since_stays(store: Store) -> None:
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.DEFERRED, attempts=2)])
    [first] = await store.failures()
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.UNKNOWN, attempts=3)])
    [second] = await store.failures()
    assert (second.outcome, second.attempts, second.since) == (Outcome.UNKNOWN, 5, first.since)


async def test_failures_come_by_target_and_customer_and_can_be_narrowed(store: Store) -> None:
    for target, customer in (("shop", "7"), ("rpm", "8"), ("rpm", "10")):
        version = await filed(store, customer, target)
        await store.settle(target, HERE, [Settlement(customer, "1", version, Outcome.HELD, "max_updates: too many")])
    assert [(failure.target, failure.customer) for failure in await store.failures()] == [
        ("rpm", "10"),
        ("rpm", "8"),
        ("shop", "7"),
    ]
    assert [(failure.target, failure.customer) for failure in await store.failures(["shop"])] == [("shop", "7")]
    assert await store.failures(["other"]) == []


async def test_whoever_only_waits_is_no_failure(store: Store) -> None:
    await store.file(filing("7"))
    assert await store.failures() == []


async def retried(store: Store, targets: Sequence[str] = (), customers: Sequence[str] = ()) -> tuple[int, set[tuple[str, str]]]:
    """Three parked failures, one of them retried or more: how many it says, and who waits."""
    for target, customer in (("rpm", "7"), ("rpm", "8"), ("shop", "7")):
        version = await filed(store, customer, target)
        await store.settle(target, HERE, [Settlement(customer, "1", version, Outcome.REJECTED, "no", attempts=1, parked=True)])
    count = await store.retry(targets, customers)
    return count, {(target, customer) for target in ("rpm", "shop") for customer in await waiting(store, target)}


async def test_retry_takes_up_everybody(store: Store) -> None:
    assert await retried(store) == (3, {("rpm", "7"), ("rpm", "8"), ("shop", "7")})
    assert await store.failures() == []


async def test_retry_narrows_by_target(store: Store) -> None:
    assert await retried(store, ["shop"]) == (1, {("shop", "7")})


async def test_retry_narrows_by_customer(store: Store) -> None:
    assert await retried(store, [], ["7"]) == (2, {("rpm", "7"), ("shop", "7")})


async def test_retry_narrows_by_both(store: Store) -> None:
    assert await retried(store, ["rpm"], ["7", "9"]) == (1, {("rpm", "7")})


async def test_retry_leaves_whoever_only_waits_alone(store: Store) -> None:
    version = await filed(store)
    assert await store.retry() == 0
    assert await store.pending("rpm", "", 9) == [Pending("7", version)]


async def test_a_retry_while_an_update_is_under_way_is_not_lost(store: Store) -> None:
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.DEFERRED)])
    await store.retry()
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.REJECTED, parked=True)])
    assert await waiting(store) == ["7"]


async def test_retry_keeps_doubt(store: Store) -> None:
    await acknowledged(store)
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.UNKNOWN, doubt=frozenset({"Name"}))])
    await store.retry()
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"}, frozenset({"Name"}))


async def test_who_is_tried_again_has_been_out_of_step_since_then_and_was_tried_as_often_as_since_then(store: Store) -> None:
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "1", version, Outcome.REJECTED, attempts=3, parked=True)])
    again = datetime.now(UTC)
    await store.retry()
    [pending] = await store.pending("rpm", "", 9)
    await store.settle("rpm", HERE, [Settlement("7", "1", pending.version, Outcome.REJECTED, attempts=2, parked=True)])
    [failure] = await store.failures()
    assert (failure.attempts, failure.since >= again) == (2, True)


# ---- who is gone


async def test_whoever_is_dropped_waits_no_more_and_is_not_known(store: Store) -> None:
    await acknowledged(store)
    version = await filed(store)
    await store.drop("rpm", [Pending("7", version)])
    assert (await waiting(store), await baseline(store), await store.known("rpm")) == ([], None, 0)


async def test_nobody_is_dropped_who_was_filed_again(store: Store) -> None:
    await acknowledged(store)
    planned = await filed(store)
    newer = await filed(store)
    await store.drop("rpm", [Pending("7", planned)])
    assert await store.pending("rpm", "", 9) == [Pending("7", newer)]
    assert await baseline(store) == Baseline(HERE, "4711", {"Name": "Ann"})


async def test_dropping_touches_one_target_only(store: Store) -> None:
    await acknowledged(store, target="shop")
    version = await filed(store)
    await store.drop("rpm", [Pending("7", version)])
    assert await baseline(store, target="shop") == Baseline(HERE, "4711", {"Name": "Ann"})


async def test_a_dropped_failure_is_no_failure(store: Store) -> None:
    version = await filed(store)
    await store.settle("rpm", HERE, [Settlement("7", "4711", version, Outcome.REJECTED, "no")])
    await store.drop("rpm", [Pending("7", version)])
    assert await store.failures() == []


async def test_whoever_was_forgotten_is_new_when_it_returns(store: Store) -> None:
    await store.file(filing("7", "8"))
    await store.forget("crm", ["7"])
    assert await store.unseen("crm", [("7", DIGEST), ("8", DIGEST)]) == [("7", DIGEST)]


async def test_forgetting_somebody_unknown_is_nothing(store: Store) -> None:
    await store.forget("crm", ["7"])
    assert await store.unseen("crm", [("7", DIGEST)]) == [("7", DIGEST)]


# ---- where things stand


async def test_known_counts_whom_the_target_has_acknowledged(store: Store) -> None:
    await acknowledged(store, "7", id="1")
    await acknowledged(store, "8", id="2")
    await acknowledged(store, "9", target="shop")
    await filed(store, "10")
    assert (await store.known("rpm"), await store.known("shop"), await store.known("other")) == (2, 1, 0)


async def test_a_tally_tells_known_waiting_and_outcomes_of_every_target(store: Store) -> None:
    await store.enrol("shop", "crm", "map")
    await store.enrol("rpm", "crm", "map")
    await acknowledged(store, "7")
    versions = {customer: await filed(store, customer) for customer in ("a", "b", "c", "d")}
    await store.settle(
        "rpm",
        HERE,
        [
            Settlement("a", "1", versions["a"], Outcome.REJECTED, parked=True),
            Settlement("b", "2", versions["b"], Outcome.REJECTED),
            Settlement("c", "3", versions["c"], Outcome.HELD),
        ],
    )
    assert await store.tally() == [Tally("rpm", 1, 3, {"rejected": 2, "held": 1}), Tally("shop", 0, 0, {})]


async def test_an_account_that_nobody_knows_stands_well(store: Store) -> None:
    assert await store.standing("rpm") == Standing()


async def test_a_standing_comes_back_as_it_was(store: Store) -> None:
    standing = Standing(1_763_800_000.25, "quota 10800/h is used up", 1_763_799_999.125, {"10800/h": [(1_763_799_960.0, 10_800)]})
    await store.stand("rpm", Standing(1.0))
    await store.stand("rpm", standing)
    found = await store.standing("rpm")
    used = {quota: [tuple(part) for part in parts] for quota, parts in found.used.items()}
    assert (found.stopped_until, found.reason, found.last_sent, used) == (
        standing.stopped_until,
        standing.reason,
        standing.last_sent,
        standing.used,
    )


# ---- runs, and what they told


REPORT = {"targets": {"rpm": {"delivered": 1}}, "troubles": ["Ä"]}
MORNING = datetime(2026, 11, 22, 10, tzinfo=UTC)


async def test_a_run_is_under_way_until_it_has_ended(store: Store) -> None:
    await store.begin_run("one", MORNING, {"undoes": "two"})
    assert await store.runs(9) == [Run("one", MORNING, None, {"undoes": "two"})]
    await store.log_run("one", MORNING, MORNING + SECOND, REPORT)
    assert await store.runs(9) == [Run("one", MORNING, MORNING + SECOND, REPORT)]


async def test_the_last_runs_come_first(store: Store) -> None:
    for number, name in enumerate(("b", "a", "c")):
        await store.log_run(name, MORNING + number * SECOND, MORNING + 9 * SECOND, REPORT)
    assert [run.run for run in await store.runs(2)] == ["c", "a"]


async def test_a_run_whose_process_ended_is_interrupted_and_reports_what_it_had_told(store: Store) -> None:
    await store.log_run("before", MORNING - SECOND, MORNING, REPORT)
    await store.begin_run("one", MORNING, {"undoes": "two"})
    await told(store, "one", "7")
    await store.recover()
    last, first = await store.runs(9)
    assert last.ended is not None
    assert last.report == {"undoes": "two", "targets": {"rpm": {"delivered": 1}}, "troubles": [], "interrupted": True}
    assert first.report == REPORT


async def test_what_other_runs_had_told_is_not_what_an_interrupted_one_reports(store: Store) -> None:
    await told(store, "before", "7")
    await store.log_run("before", MORNING - SECOND, MORNING, REPORT)
    await store.begin_run("one", MORNING, {})
    await store.recover()
    [last, _] = await store.runs(9)
    assert last.report["targets"] == {}


async def told(store: Store, run: str, customer: str, target: str = "rpm", before: Leaf = "old", reason: str = "") -> Settlement:
    """One customer in the history of a run."""
    version = await filed(store, customer, target)
    settlement = Settlement(
        customer,
        "4711",
        version,
        Outcome.DELIVERED,
        reason,
        (FieldError("Name", "too long"),),
        {"Name": "Ann"},
        attempts=2,
        changes=(Change("Name", before, "Ann", ("FirstName",)),),
        requests=(Request("PUT", "https://vendor.example/7", {"Name": "Ann"}),),
        status=200,
    )
    await store.settle(target, HERE, [settlement], run=run)
    return settlement


async def test_whom_a_run_has_told_something_is_found_page_by_page(store: Store) -> None:
    for customer in ("b", "10", "ä", "9"):
        await told(store, "one", customer)
    await told(store, "two", "c")
    await told(store, "one", "d", "shop")
    version = await filed(store, "e")
    await store.settle("rpm", HERE, [Settlement("e", "1", version, Outcome.UNCHANGED)], run="one")
    assert await store.told("one", "rpm", "", 3) == ["10", "9", "b"]
    assert await store.told("one", "rpm", "b", 3) == ["ä"]
    assert await store.told("three", "rpm", "", 3) == []


async def test_an_episode_tells_all_that_was_sent_and_what_became_of_it(store: Store) -> None:
    sent = await told(store, "one", "7", before=Decimal("1.50"))
    [episode] = (await store.episodes("one", "rpm", ["7", "8"])).values()
    assert (episode.run, episode.target, episode.customer, episode.id) == ("one", "rpm", "7", "4711")
    assert (episode.outcome, episode.attempts, episode.status, episode.errors) == (Outcome.DELIVERED, 2, 200, sent.errors)
    assert (episode.changes, episode.place) == (sent.changes, HERE)
    assert episode.requests == (("PUT", "https://vendor.example/7", '{"Name":"Ann"}'),)


async def test_an_episode_is_of_one_target(store: Store) -> None:
    await told(store, "one", "7")
    await told(store, "one", "7", "shop", reason="elsewhere")
    assert [episode.target for episode in (await store.episodes("one", "rpm", ["7"])).values()] == ["rpm"]
    assert [episode.target for episode in await store.history("rpm", "7", 9)] == ["rpm"]


async def test_of_two_episodes_of_one_run_the_last_counts_and_other_runs_do_not(store: Store) -> None:
    await told(store, "one", "7", reason="first")
    await told(store, "one", "7", reason="second")
    await told(store, "two", "7", reason="third")
    assert [episode.reason for episode in (await store.episodes("one", "rpm", ["7"])).values()] == ["second"]


# ---- what was put back


async def put_back(store: Store, *customers: str, target: str = "rpm", run: str = "one") -> None:
    await store.put_back(target, [Undone(customer, run, {"Name": "Ann", "Share": Decimal("1.50")}) for customer in customers])


async def test_what_was_put_back_is_kept_as_it_was_noted(store: Store) -> None:
    await put_back(store, "7")
    assert await store.undone("rpm", ["7", "8"]) == {"7": Undone("7", "one", {"Name": "Ann", "Share": Decimal("1.50")})}
    assert await store.undone("shop", ["7"]) == {}


async def test_what_is_put_back_later_stands_in_place_of_what_was_before(store: Store) -> None:
    await put_back(store, "7", "8")
    await store.put_back("rpm", [Undone("7", "two", {"Email": None}), Undone("8", "two", {})])
    assert await store.undone("rpm", ["7", "8"]) == {"7": Undone("7", "two", {"Email": None})}


async def test_a_customer_keeps_what_was_put_back_until_it_is_filed_again(store: Store) -> None:
    await store.enrol("rpm", "crm", "map 1")
    await put_back(store, "7", "8")
    await store.file(filing("9", cursor=1))
    await store.wait("rpm", ["7"])
    await store.enrol("rpm", "crm", "map 2")
    assert sorted(await store.undone("rpm", ["7", "8"])) == ["7", "8"]
    await store.file(filing("7", digest=OTHER))
    assert sorted(await store.undone("rpm", ["7", "8"])) == ["8"]


async def test_who_is_filed_while_its_target_is_out_of_the_configuration_keeps_nothing_either(store: Store) -> None:
    await store.enrol("rpm", "crm", "map")
    await put_back(store, "7")
    await store.file(filing("8", targets=("shop",)))
    await store.file(filing("7", targets=("shop",)))
    assert await store.undone("rpm", ["7"]) == {}


async def test_the_same_key_of_another_source_does_not_end_what_was_put_back(store: Store) -> None:
    await store.enrol("rpm", "crm", "map")
    await put_back(store, "7")
    await store.file(Filing("erp", [("7", DIGEST)], ("shop",)))
    assert sorted(await store.undone("rpm", ["7"])) == ["7"]


async def test_who_is_dropped_keeps_nothing(store: Store) -> None:
    version = await filed(store)
    await put_back(store, "7")
    await store.drop("rpm", [Pending("7", version)])
    assert await store.undone("rpm", ["7"]) == {}


async def test_who_was_put_back_is_listed_with_the_run_and_counted(store: Store) -> None:
    await store.enrol("rpm", "crm", "map")
    await put_back(store, "7", "8")
    version = await filed(store, "8")
    await store.settle("rpm", HERE, [Settlement("8", "1", version, Outcome.DEFERRED)])
    first, second = await store.failures(["rpm"])
    assert (first.customer, first.outcome, first.attempts) == ("7", Outcome.UNDONE, 0)
    assert first.reason == "put back by run one; stays so until the customer changes at the source"
    assert (second.customer, second.outcome) == ("8", Outcome.DEFERRED)
    assert await store.failures(["shop"]) == []
    assert (await store.tally())[0].outcomes == {"deferred": 1, "undone": 2}


async def test_retry_does_not_bring_back_what_was_put_back(store: Store) -> None:
    await put_back(store, "7")
    assert await store.retry() == 0
    assert sorted(await store.undone("rpm", ["7"])) == ["7"]


# ---- leaves, exactly


@pytest.mark.parametrize(
    "leaf",
    [
        None,
        True,
        False,
        0,
        -1,
        2**53 + 1,
        -(2**63),
        "",
        "O'Brien \u2014 \U0001f600 \u4f60\u597d",
        'a "quoted" \\ line\n\t\u2028',
        '{"$decimal": "1"}',
        [],
        ["b", "a", "b"],
        [1, True, None, "x", Decimal("1.50")],
        [["nested"], []],
    ],
)
async def test_a_leaf_comes_back_as_it_was(store: Store, leaf: Leaf) -> None:
    await acknowledged(store, leaves={"metadata.Ä.x": leaf})
    found = await baseline(store)
    assert found is not None
    assert found.leaves is not None
    assert (repr(found.leaves["metadata.Ä.x"]), list(found.leaves)) == (repr(leaf), ["metadata.Ä.x"])


@pytest.mark.parametrize(
    "number", ["0.1", "12.50", "1E-7", "0", "-0.00", "12345678901234567890", "0.12345678901234567890", "1E+30"]
)
async def test_a_decimal_comes_back_exactly(store: Store, number: str) -> None:
    await acknowledged(store, leaves={"Limit": Decimal(number), "Limits": [Decimal(number)]})
    found = await baseline(store)
    assert found is not None
    assert found.leaves is not None
    assert repr(found.leaves["Limit"]) == repr(Decimal(number))
    assert repr(found.leaves["Limits"]) == repr([Decimal(number)])


async def test_a_secret_is_known_by_its_fingerprint(store: Store) -> None:
    await acknowledged(store, leaves={"password": Secret("f1", "hunter2")})
    found = await baseline(store)
    assert found is not None
    assert found.leaves == {"password": Secret("f1")}
    assert found.leaves != {"password": Secret("f2")}


@pytest.mark.parametrize("customer", ["7", "007", " ", "O'Brien", "\U0001f600", 'a"b\\c', "x" * 500, "7.0", "null"])
async def test_any_key_is_a_key(store: Store, customer: str) -> None:
    await store.file(filing(customer, "z"))
    assert await store.unseen("crm", [(customer, DIGEST)]) == []
    await acknowledged(store, customer)
    assert list(await store.baselines("rpm", [customer, "other"])) == [customer]
    version = await filed(store, customer)
    await store.settle("rpm", HERE, [Settlement(customer, "4711", version, Outcome.REJECTED)])
    assert [failure.customer for failure in await store.failures()] == [customer]
    assert await store.retry(customers=[customer]) == 1


async def test_keys_that_read_as_the_same_number_are_different_customers(store: Store) -> None:
    for customer, id in (("7", "1"), ("07", "2"), ("7.0", "3")):
        await acknowledged(store, customer, {"Name": customer}, id=id)
    found = await store.baselines("rpm", ["7", "07", "7.0"])
    assert {customer: known.leaves for customer, known in found.items()} == {
        "7": {"Name": "7"},
        "07": {"Name": "07"},
        "7.0": {"Name": "7.0"},
    }


# ---- what gates hold, and what is let through


def hold(gate: str, *fields: str) -> Hold:
    return Hold(gate, f"too many by {gate}", fields)


async def held(store: Store, customer: str, *holds: Hold, run: str = "run 1") -> int:
    """Files one customer and holds it; its version."""
    version = await filed(store, customer)
    settlement = Settlement(customer, "1", version, Outcome.HELD, said_of(holds), holds=holds)
    await store.settle("rpm", HERE, [settlement], run=run)
    return version


async def released(store: Store) -> dict[str, set[tuple[str, str]]]:
    return {pending.customer: set(pending.released) for pending in await store.pending("rpm", "", 99)}


async def test_whom_gates_hold_is_counted_by_gate_and_run(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"))
    await held(store, "8", hold("max_cleared", "Fax"), hold("max_field_changed", "Fax"), hold("max_field_changed", "Email"))
    await held(store, "9", hold("max_cleared", "Fax"), run="run 2")
    await filed(store, "10")
    assert await store.holding("rpm") == [
        Holding("max_cleared", "run 1", "run 1", 2),
        Holding("max_cleared", "run 2", "run 2", 1),
        Holding("max_field_changed", "run 1", "run 1", 1),
    ]
    assert await store.holding("shop") == []


async def test_who_is_held_again_is_held_since_the_first_run_by_the_gates_that_held_it_then(store: Store) -> None:
    version = await held(store, "7", hold("max_cleared", "Fax"))
    more = (hold("max_cleared", "Fax"), hold("max_updates", "Fax"))
    again = Settlement("7", "1", version, Outcome.HELD, said_of(more), holds=more)
    await store.settle("rpm", HERE, [again], run="run 2")
    await store.settle("rpm", HERE, [again], run="run 3")
    assert await store.holding("rpm") == [
        Holding("max_cleared", "run 1", "run 3", 1),
        Holding("max_updates", "run 2", "run 3", 1),
    ]
    assert await store.release("rpm", "max_updates", "run 1") == Released(0)
    assert await store.release("rpm", "max_cleared", "run 2") == Released(1, still=1)
    assert await store.release("rpm", "max_updates", "run 3") == Released(1)


async def test_who_is_filed_again_is_held_anew(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"))
    await store.file(filing("7", digest=OTHER))
    await held(store, "7", hold("max_cleared", "Fax"), run="run 2")
    assert await store.holding("rpm") == [Holding("max_cleared", "run 2", "run 2", 1)]


async def test_nothing_is_released_at_first(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"))
    assert await released(store) == {"7": set()}


async def test_who_is_released_is_out_of_the_list_and_waits_with_its_release(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax", "Phone"))
    await held(store, "8", hold("max_updates", "Name"))
    assert await store.release("rpm", "max_cleared") == Released(1)
    assert [failure.customer for failure in await store.failures()] == ["8"]
    assert await released(store) == {"7": {("max_cleared", "Fax"), ("max_cleared", "Phone")}, "8": set()}
    assert await store.release("rpm", "max_cleared") == Released(0)


async def test_who_is_held_by_another_gate_as_well_stays_held_by_that(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"), hold("max_field_changed", "Fax"))
    assert await store.release("rpm", "max_cleared") == Released(1, still=1)
    [failure] = await store.failures()
    assert (failure.outcome, failure.reason) == (Outcome.HELD, "max_field_changed: too many by max_field_changed")
    assert await released(store) == {"7": {("max_cleared", "Fax")}}
    assert await store.release("rpm", "max_field_changed") == Released(1)
    assert await released(store) == {"7": {("max_cleared", "Fax"), ("max_field_changed", "Fax")}}
    assert await store.failures() == []


async def test_a_release_may_be_of_one_run_alone(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"))
    await held(store, "8", hold("max_cleared", "Fax"), run="run 2")
    assert await store.release("rpm", "max_cleared", "run 2") == Released(1)
    assert await released(store) == {"7": set(), "8": {("max_cleared", "Fax")}}


async def test_a_release_is_of_one_target_alone(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"))
    assert await store.release("shop", "max_cleared") == Released(0)
    assert await released(store) == {"7": set()}


async def test_a_release_lets_the_same_customer_wait_on_at_another_target(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"))
    version = await filed(store, "7", "shop")
    holds = (hold("max_cleared", "Fax"),)
    await store.settle("shop", HERE, [Settlement("7", "1", version, Outcome.HELD, said_of(holds), holds=holds)], run="run 1")
    assert await store.release("rpm", "max_cleared") == Released(1)
    assert await store.holding("shop") == [Holding("max_cleared", "run 1", "run 1", 1)]


async def test_what_was_released_can_be_taken_up_at_once(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"))
    assert await store.resumable() == {}
    await store.release("rpm", "max_cleared")
    assert (await store.resumable())["rpm"] <= datetime.now(UTC)


async def test_a_release_ends_when_its_customer_is_filed_again(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"))
    await store.release("rpm", "max_cleared")
    await store.file(filing("7", digest=OTHER))
    assert await released(store) == {"7": set()}


@pytest.mark.parametrize("outcome", [Outcome.DEFERRED, Outcome.UNKNOWN])
async def test_a_release_lasts_until_it_has_been_delivered(store: Store, outcome: Outcome) -> None:
    version = await held(store, "7", hold("max_cleared", "Fax"))
    await store.release("rpm", "max_cleared")
    await store.settle("rpm", HERE, [Settlement("7", "1", version, outcome)])
    assert await released(store) == {"7": {("max_cleared", "Fax")}}
    await store.settle("rpm", HERE, [delivered("7", version, {"Fax": ""})])
    assert await released(store) == {}
    await filed(store)
    assert await released(store) == {"7": set()}


async def test_neither_retry_nor_waiting_takes_a_release_away(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"), hold("max_updates", "Fax"))
    await store.release("rpm", "max_cleared")
    [waiting] = await store.wait("rpm", ["7"])
    assert waiting.released == {("max_cleared", "Fax")}
    await store.retry()
    assert await released(store) == {"7": {("max_cleared", "Fax")}}


async def test_who_is_held_stays_listed_while_it_is_looked_at_once_more(store: Store) -> None:
    await held(store, "7", hold("max_cleared", "Fax"))
    [before] = await store.failures()
    await store.wait("rpm", ["7"])
    assert await store.failures() == [before]
    assert await store.release("rpm", "max_cleared", "run 1") == Released(1)


async def test_what_goes_of_a_held_customer_leaves_the_rest_held(store: Store) -> None:
    version = await held(store, "7", hold("max_cleared", "Fax"))
    part = Settlement("7", "1", version, Outcome.DELIVERED, taken={"Name": "Ann"}, stays=True)
    await store.settle("rpm", HERE, [part], run="run 1")
    assert await store.release("rpm", "max_cleared", "run 1") == Released(1)


async def test_a_rejection_that_tripped_a_gate_is_released_with_it_and_stays_listed(store: Store) -> None:
    version = await filed(store)
    holds = (hold("max_rejected", ""),)
    await store.settle("rpm", HERE, [Settlement("7", "1", version, Outcome.REJECTED, "no", holds=holds)])
    await held(store, "8", hold("max_rejected", "Name"))
    assert await store.release("rpm", "max_rejected") == Released(1)
    assert [(failure.customer, failure.reason) for failure in await store.failures()] == [("7", "no")]
    assert await released(store) == {"7": {("max_rejected", "")}, "8": {("max_rejected", "Name")}}


# ---- how many rows a source has


async def test_nobody_knows_a_sources_rows_at_first(store: Store) -> None:
    assert await store.rows("rpm", "crm") is None


async def test_rows_are_remembered_by_target_and_source(store: Store) -> None:
    await store.note_rows("rpm", "crm", 100)
    await store.note_rows("shop", "crm", 7)
    assert (await store.rows("rpm", "crm"), await store.rows("shop", "crm"), await store.rows("rpm", "erp")) == (100, 7, None)
    await store.note_rows("rpm", "erp", 5)
    assert (await store.rows("rpm", "crm"), await store.rows("rpm", "erp")) == (None, 5)


async def test_rows_that_a_gate_finds_too_few_are_not_taken_as_right_until_they_are_released(store: Store) -> None:
    await store.note_rows("rpm", "crm", 100)
    await store.note_rows("rpm", "crm", 40, "max_source_drop")
    await store.note_rows("rpm", "crm", 30, "max_source_drop")
    assert await store.rows("rpm", "crm") == 100
    assert await store.release("rpm", "max_cleared") == Released(0)
    assert await store.rows("rpm", "crm") == 100
    assert await store.release("rpm", "max_source_drop") == Released(0, rows=30)
    assert await store.rows("rpm", "crm") == 30
    assert await store.release("rpm", "max_source_drop") == Released(0)


async def test_rows_that_are_right_again_leave_nothing_to_release(store: Store) -> None:
    await store.note_rows("rpm", "crm", 100)
    await store.note_rows("rpm", "crm", 40, "max_source_drop")
    await store.note_rows("rpm", "crm", 101)
    assert await store.release("rpm", "max_source_drop") == Released(0)
    assert await store.rows("rpm", "crm") == 101


async def test_rows_found_too_few_the_first_time_are_not_taken_as_right(store: Store) -> None:
    await store.note_rows("rpm", "crm", 3, "min_source_rows")
    assert await store.rows("rpm", "crm") is None


# ---- saved plans


async def test_a_saved_plan_is_spent_once(store: Store) -> None:
    assert [await store.spend(plan) for plan in ("monday", "tuesday", "monday")] == [True, True, False]


# ---- what the service asks


async def test_whoever_was_put_off_can_be_taken_up_and_whoever_was_filed_waits_for_the_schedule(
    store: Store,
) -> None:
    await store.file(filing("7"))
    assert await store.resumable() == {}
    version = await filed(store, "8")
    later = datetime.now(UTC).replace(microsecond=0) + 3600 * SECOND
    await store.settle("rpm", HERE, [Settlement("8", "", version, Outcome.DEFERRED, due=later)])
    assert await store.resumable() == {"rpm": later}
    version = await filed(store, "9", "shop")
    await store.settle("shop", HERE, [Settlement("9", "", version, Outcome.UNKNOWN)])
    assert (await store.resumable())["shop"] <= datetime.now(UTC)


async def test_whoever_is_parked_or_held_can_be_taken_up_once_asked_for(store: Store) -> None:
    for customer, outcome in (("7", Outcome.REJECTED), ("8", Outcome.HELD)):
        version = await filed(store, customer)
        await store.settle("rpm", HERE, [Settlement(customer, "", version, outcome, parked=outcome is Outcome.REJECTED)])
    assert await store.resumable() == {}
    await store.retry(["rpm"])
    assert (await store.resumable())["rpm"] <= datetime.now(UTC)
    assert await waiting(store) == ["7", "8"]


async def test_what_somebody_asked_for_is_due_by_every_clock_also_by_one_that_is_set_back(store: Store) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=3650)
    version = await filed(store, "7")
    await store.settle("rpm", HERE, [Settlement("7", "1", version, Outcome.REJECTED, "no", parked=True)])
    await store.retry()
    assert (await store.resumable())["rpm"] < long_ago
    await held(store, "8", hold("max_cleared", "Fax"), hold("max_updates", "Fax"))
    await store.release("rpm", "max_cleared")
    assert (await store.resumable())["rpm"] < long_ago
    [failure] = await store.failures()
    assert (failure.customer, failure.due) == ("8", None)


async def test_a_target_is_taken_up_as_soon_as_the_first_of_its_customers_is_due_and_never_for_who_is_parked(
    store: Store,
) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + 600 * SECOND
    parked = {"parked": True, "due": soon - 300 * SECOND}
    for customer, how in (("7", {"due": soon + 600 * SECOND}), ("8", {"due": soon}), ("9", parked)):
        version = await filed(store, customer)
        await store.settle("rpm", HERE, [Settlement(customer, "", version, Outcome.DEFERRED, **how)])
    assert await store.resumable() == {"rpm": soon}


async def test_a_version_was_filed_when_it_was_filed(store: Store) -> None:
    before = datetime.now(UTC)
    version = await filed(store)
    [(known, at)] = (await store.filed("rpm")).items()
    assert (known, before - SECOND <= at <= datetime.now(UTC)) == (version, True)
    assert await store.filed("shop") == {}


async def test_timings_come_back_as_they_were(store: Store) -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    await store.time("rpm", Timing(noon, noon - SECOND))
    await store.time("shop", Timing(paused=noon))
    await store.time("shop", Timing(noon, None, noon + SECOND))
    assert await store.timings() == {"rpm": Timing(noon, noon - SECOND), "shop": Timing(noon, None, noon + SECOND)}


async def test_what_people_were_told_comes_back_as_it_was_oldest_first(store: Store) -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    first, second = Alert("accounts.rpm.unwell", noon, "rpm"), Alert("accounts.crm.unwell", noon + SECOND, "crm")
    assert await store.alerts() == []
    await store.note_alerts([second, first])
    assert await store.alerts() == [first, second]
    await store.note_alerts([second])
    assert await store.alerts() == [second]


async def test_what_is_older_than_it_is_to_be_kept_goes_step_by_step(store: Store) -> None:
    await store.probe()
    for number in range(5):
        version = await filed(store)
        settlement = delivered("7", version, {"Name": str(number)})
        changed = replace(settlement, changes=(Change("Name", ABSENT, str(number)),))
        await store.settle("rpm", HERE, [changed], run=f"run-{number}")
        now = datetime.now(UTC)
        await store.log_run(f"run-{number}", now, now, {})
    steps = [await store.prune(datetime.now(UTC) + SECOND, 2) for _ in range(4)]
    assert steps == [6, 6, 3, 0]
    assert (await store.history("rpm", "7", 9), await store.runs(9)) == ([], [])


async def test_what_is_younger_stays_and_so_does_who_is_out_of_step(store: Store) -> None:
    version = await filed(store)
    refused = Settlement("7", "4711", version, Outcome.REJECTED, "no", changes=(Change("Name", ABSENT, "Ann"),), parked=True)
    await store.settle("rpm", HERE, [refused], run="run")
    assert await store.prune(datetime.now(UTC) - SECOND, 99) == 0
    assert len(await store.history("rpm", "7", 9)) == 1
    await store.prune(datetime.now(UTC) + SECOND, 99)
    assert [failure.customer for failure in await store.failures(["rpm"])] == ["7"]


async def test_runs_that_are_younger_stay(store: Store) -> None:
    now = datetime.now(UTC)
    await store.log_run("old", now - 9 * SECOND, now - 5 * SECOND, REPORT)
    await store.log_run("young", now, now, REPORT)
    assert await store.prune(now - SECOND, 99) == 1
    assert [run.run for run in await store.runs(9)] == ["young"]


# ---- who is gone


async def called(store: Store, *customers: str, rows: int | None = None, targets: Sequence[str] = ("rpm", "shop")) -> int:
    """A source with two targets, of which one wants to know who is gone, has called these customers."""
    await store.begin_roll("crm")
    for customer in customers:
        await store.meet("crm", [customer, customer])
    return await store.end_roll(RollCall("crm", targets, ["rpm"], rows))


async def in_step(store: Store, *customers: str) -> None:
    """Both targets hold these customers."""
    await store.file(filing(*customers, targets=("rpm", "shop")))
    for target in ("rpm", "shop"):
        for pending in await store.pending(target, "", 99):
            leaves = {"Name": "Ann"}
            await store.settle(target, HERE, [delivered(pending.customer, pending.version, leaves, id=pending.customer)])


async def marks(store: Store, target: str = "rpm") -> dict[str, bool]:
    return {pending.customer: pending.gone for pending in await store.pending(target, "", 99)}


async def test_who_was_seen_and_is_not_called_waits_as_gone_where_somebody_is_watching(store: Store) -> None:
    await in_step(store, "7", "8", "9")
    assert await called(store, "8") == 2
    assert (await marks(store), await marks(store, "shop")) == ({"7": True, "9": True}, {})
    assert await called(store, "8") == 0
    assert await baseline(store, "7") is not None


async def test_who_is_gone_while_waiting_for_another_target_is_gone_there_too_also_if_parked(store: Store) -> None:
    await in_step(store, "7", "8")
    version = await filed(store, "7", "shop")
    await store.settle("shop", HERE, [Settlement("7", "", version, Outcome.REJECTED, "no", parked=True)])
    await called(store, "8")
    assert await marks(store, "shop") == {"7": True}


async def test_who_returns_after_being_gone_is_filed_for_every_target_even_with_the_same_content(store: Store) -> None:
    await in_step(store, "7", "8")
    await called(store, "8")
    assert await store.unseen("crm", [("7", DIGEST), ("8", DIGEST)], b"page") == [("7", DIGEST)]
    await store.file(filing("7", targets=("rpm", "shop")))
    assert (await marks(store), await marks(store, "shop")) == ({"7": False}, {"7": False})


async def test_who_is_called_and_was_never_seen_is_filed_for_every_target(store: Store) -> None:
    await in_step(store, "8")
    assert await called(store, "7", "8") == 0
    assert (await marks(store), await marks(store, "shop")) == ({"7": False}, {"7": False})
    assert (await store.roll("crm")).seen == 2
    assert await store.unseen("crm", [("7", DIGEST), ("8", DIGEST)]) == [("7", DIGEST)]


async def test_a_page_that_was_known_is_looked_at_again_after_somebody_was_gone(store: Store) -> None:
    await in_step(store, "7", "8")
    rows = [("7", DIGEST), ("8", DIGEST)]
    assert await store.unseen("crm", rows, b"page") == []
    await called(store, "8")
    assert await store.unseen("crm", rows, b"page") == [("7", DIGEST)]


async def test_a_roll_that_was_not_ended_marks_nobody_and_counts_for_nothing(store: Store) -> None:
    await in_step(store, "7", "8")
    await store.begin_roll("crm")
    await store.meet("crm", ["7"])
    assert (await marks(store), (await store.roll("crm")).at) == ({}, None)
    assert await called(store, "8") == 1


async def test_sources_are_called_side_by_side(store: Store) -> None:
    await in_step(store, "7")
    await store.file(Filing("erp", [("7", DIGEST)], ["web"]))
    await store.begin_roll("crm")
    await store.begin_roll("erp")
    await store.meet("crm", ["7"])
    assert await store.end_roll(RollCall("erp", ["web"], ["web"])) == 1
    assert await store.end_roll(RollCall("crm", ["rpm"], ["rpm"])) == 0


async def test_a_roll_call_of_one_source_says_nothing_of_the_customers_of_another(store: Store) -> None:
    await in_step(store, "7", "8")
    await store.file(Filing("erp", [("9", DIGEST)], ["web"]))
    await store.begin_roll("crm")
    await store.meet("crm", ["7", "8", "10"])
    await store.begin_roll("erp")
    await store.meet("erp", ["9"])
    assert await store.end_roll(RollCall("erp", ["web"], ["web"])) == 0
    assert await waiting(store, "web") == ["9"]
    assert await store.seen("crm", ["7", "8"]) == {"7", "8"}


async def test_who_is_called_in_one_source_is_new_there_although_another_has_shown_the_same_key(store: Store) -> None:
    await store.file(Filing("erp", [("7", DIGEST)], ["web"]))
    assert await called(store, "7") == 0
    assert (await marks(store), await marks(store, "shop")) == ({"7": False}, {"7": False})


async def test_one_is_gone_and_another_returns_at_the_same_roll_call(store: Store) -> None:
    await in_step(store, "7", "8")
    assert await called(store, "8", "9") == 1
    assert await marks(store) == {"7": True, "9": False}
    assert await store.seen("crm", ["7", "8", "9"]) == {"8", "9"}


async def test_a_target_that_was_out_of_the_configuration_when_somebody_returned_is_new_when_it_is_back(store: Store) -> None:
    await store.enrol("web", "crm", "map 1")
    await store.enrol("erp", "elsewhere", "map 1")
    await called(store, "7")
    assert await store.enrol("web", "crm", "map 1")
    assert await waiting(store, "web") == ["7"]
    assert not await store.enrol("erp", "elsewhere", "map 1")


async def test_who_is_gone_from_one_source_keeps_what_was_put_back_of_the_same_key_of_another(store: Store) -> None:
    await store.enrol("web", "erp", "map 1")
    await in_step(store, "7", "8")
    await store.put_back("web", [Undone("7", "run", {"Name": "Bea"})])
    await called(store, "8")
    assert list(await store.undone("web", ["7"])) == ["7"]


async def test_a_roll_call_that_cannot_count_finds_no_rows_that_are_nobodys(store: Store) -> None:
    await called(store, "7")
    assert (await store.roll("crm")).surplus == 0


async def test_what_a_roll_has_found_is_remembered_with_rows_that_are_nobodys(store: Store) -> None:
    await in_step(store, "7", "8")
    assert await store.roll("crm") == Roll(2)
    await called(store, "8", rows=3)
    roll = await store.roll("crm")
    assert (roll.seen, roll.surplus) == (1, 2)
    assert roll.at is not None
    assert abs(datetime.now(UTC) - roll.at) < timedelta(minutes=1)


async def test_who_is_gone_stays_so_while_waiting_anew_or_being_tried_again(store: Store) -> None:
    await in_step(store, "7", "8")
    await called(store, "8")
    [waiting] = await store.wait("rpm", ["7"])
    assert waiting.gone
    await store.settle("rpm", HERE, [Settlement("7", "7", waiting.version, Outcome.REJECTED, "not found", parked=True)])
    assert await store.retry(["rpm"]) == 1
    assert await marks(store) == {"7": True}


async def test_who_is_listed_as_gone_is_let_go_of_by_a_retry(store: Store) -> None:
    await in_step(store, "7", "8")
    await called(store, "8")
    [waiting] = await store.pending("rpm", "", 9)
    await store.settle("rpm", HERE, [Settlement("7", "", waiting.version, Outcome.GONE, "gone", parked=True)])
    assert [(failure.customer, failure.outcome) for failure in await store.failures(["rpm"])] == [("7", Outcome.GONE)]
    assert await store.retry(["shop"]) == 0
    assert await store.retry(["rpm"], ["7"]) == 1
    assert (await store.failures(["rpm"]), await marks(store), await baseline(store)) == ([], {}, None)


async def test_who_is_listed_as_gone_is_looked_at_again_where_the_map_is_another(store: Store) -> None:
    await store.enrol("rpm", "crm", "one")
    await in_step(store, "7", "8")
    await called(store, "8")
    [waiting] = await store.pending("rpm", "", 9)
    await store.settle("rpm", HERE, [Settlement("7", "", waiting.version, Outcome.GONE, "gone", parked=True)])
    await store.enrol("rpm", "crm", "two")
    assert await marks(store) == {"7": True, "8": False}


async def test_who_is_gone_keeps_nothing_that_was_put_back(store: Store) -> None:
    await store.enrol("rpm", "crm", "one")
    await in_step(store, "7", "8")
    await store.put_back("rpm", [Undone(customer, "run", {"Name": "Bea"}) for customer in ("7", "8")])
    await called(store, "8")
    assert list(await store.undone("rpm", ["7", "8"])) == ["8"]
