"""A plan's entries -> settlements in the store."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync.errors import FieldError, StateError
from sync.model import (
    Baseline,
    Change,
    Entry,
    Filing,
    Foreign,
    Held,
    Hold,
    Identity,
    Outcome,
    Pending,
    Rejection,
    Settlement,
    Standing,
    Unchanged,
    Update,
)
from sync.pipeline.deliver import Delivery, deliver
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.pace import PacePolicy, Rate
from sync.stores.memory import Memory


def update(customer: str) -> Update:
    return Update(customer, Identity(customer), 1, (Change("Name", None, "Ann"),), {"Name": "Ann"}, ())


async def unsealed(updates: Sequence[Update]) -> Sequence[Update]:
    return updates


@pytest.mark.parametrize("ticks", range(12))
async def test_a_delivery_that_cannot_go_on_ends_even_if_an_outcome_arrives_at_that_moment(ticks: int) -> None:
    """Whatever the number of turns of the loop that lie between the outcome and the failure."""
    arrived = asyncio.Event()

    async def carry(update: Update) -> Settlement:
        if update.customer == "1":
            await asyncio.sleep(0.03)
            arrived.set()
            return Settlement("1", "1", 1, Outcome.DELIVERED, taken={"Name": "Ann"}, attempts=1)
        await arrived.wait()
        for _ in range(ticks):
            await asyncio.sleep(0)
        raise StateError("the disk is full")

    lane = Lane("rpm", LanePolicy(concurrency=2), Standing(), asyncio.Event())
    delivery = Delivery("run", "rpm", "crm", "https://x.example", lane, carry, unsealed, lambda _settlement: None)
    under_way = asyncio.create_task(deliver(delivery, [[update("1"), update("2")]], Memory()))
    done, _ = await asyncio.wait([under_way], timeout=2)
    try:
        assert done == {under_way}, "it goes on for ever"
        with pytest.raises(StateError, match="the disk is full"):
            await under_way
    finally:
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.1)


# ---- what is written down, and when

HERE = "https://vendor.example"


class Diary(Memory):
    """A store that notes in which order it was asked, and fails where it is told to."""

    def __init__(self, log: list[str], failing: str = "") -> None:
        super().__init__()
        self._log = log
        self._failing = failing

    def _noted(self, what: str, customers: Sequence[str]) -> None:
        self._log.extend(f"{what} {customer}" for customer in customers)
        if what == self._failing:
            raise StateError(f"cannot {what}")

    async def intend(self, target: str, updates: Sequence[Update]) -> None:
        self._noted("intend", [update.customer for update in updates])
        await super().intend(target, updates)

    async def settle(self, target: str, place: str, settlements: Sequence[Settlement], run: str = "") -> None:
        self._noted("settle", [settlement.customer for settlement in settlements])
        await super().settle(target, place, settlements, run=run)

    async def drop(self, target: str, waiting: Sequence[Pending]) -> None:
        self._noted("drop", [pending.customer for pending in waiting])
        await super().drop(target, waiting)

    async def forget(self, source: str, customers: Sequence[str]) -> None:
        self._noted("forget", customers)
        await super().forget(source, customers)


class Way:
    """An account with so many workers that takes a second for each update, and delivers it unless told otherwise."""

    def __init__(self, workers: int = 2, **ends: Outcome) -> None:
        self.log: list[str] = []
        self.noted: list[tuple[str, Outcome]] = []
        self.stopping = asyncio.Event()
        self.store = Diary(self.log)
        self.lane = Lane("shop", LanePolicy(concurrency=workers), Standing(), self.stopping)
        self._ends = ends
        self.moved_on: dict[str, Settlement] = {}

    async def carry(self, update: Update) -> Settlement:
        self.log.append(f"send {update.customer}")
        await asyncio.sleep(1)
        outcome = self._ends.get("c" + update.customer, Outcome.DELIVERED)
        taken = update.leaves if outcome is Outcome.DELIVERED else None
        return Settlement(update.customer, update.identity.value, update.version, outcome, "why", taken=taken, attempts=1)

    async def unseal(self, updates: Sequence[Update]) -> Sequence[Update | Settlement]:
        return [self.moved_on.get(update.customer, update) for update in updates]

    def note(self, settlement: Settlement) -> None:
        self.noted.append((settlement.customer, settlement.outcome))

    async def waiting(self, *customers: str) -> list[Pending]:
        rows = [(customer, b"digest") for customer in customers]
        await self.store.file(Filing("crm", rows, ["shop"]))
        return await self.store.pending("shop", "", 99)

    async def deliver(self, *entries: Entry) -> None:
        out = Delivery("run-1", "shop", "crm", HERE, self.lane, self.carry, self.unseal, self.note)
        await deliver(out, [list(entries)], self.store)


def planned(pending: Pending, name: str = "Ann") -> Update:
    return replace(update(pending.customer), version=pending.version, leaves={"Name": name})


def test_the_intent_is_written_before_the_send_and_the_outcome_after(virtual: Any) -> None:
    way = Way(workers=1)

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1", "2", "3", "4", "5")))

    virtual.run(main())
    for customer in "12345":
        places = [way.log.index(f"{what} {customer}") for what in ("intend", "send", "settle")]
        assert places == sorted(places)
    assert sorted(way.noted) == [(customer, Outcome.DELIVERED) for customer in "12345"]


def test_what_was_acknowledged_is_the_baseline_and_waits_no_longer(virtual: Any) -> None:
    way = Way()

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1")))
        assert await way.store.baselines("shop", ["1"]) == {"1": Baseline(HERE, "1", {"Name": "Ann"})}
        assert await way.store.pending("shop", "", 9) == []
        assert await way.store.in_flight() == {}

    virtual.run(main())


@pytest.mark.parametrize("outcome", [Outcome.DEFERRED, Outcome.UNKNOWN, Outcome.REJECTED])
def test_who_was_not_acknowledged_is_listed_and_the_others_go_on(virtual: Any, outcome: Outcome) -> None:
    way = Way(c2=outcome)

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1", "2", "3")))
        (failure,) = await way.store.failures()
        assert (failure.customer, failure.outcome, failure.reason, failure.attempts) == ("2", outcome, "why", 1)
        assert await way.store.known("shop") == 2

    virtual.run(main())


def test_a_customer_that_was_filed_again_meanwhile_stays_pending_with_what_was_sent_as_its_baseline(virtual: Any) -> None:
    way = Way()

    async def main() -> None:
        (pending,) = await way.waiting("1")
        async with asyncio.TaskGroup() as group:
            group.create_task(way.deliver(planned(pending)))
            await asyncio.sleep(0.5)
            (newer,) = await way.waiting("1")
        assert newer.version > pending.version
        assert await way.store.pending("shop", "", 9) == [newer]
        assert await way.store.baselines("shop", ["1"]) == {"1": Baseline(HERE, "1", {"Name": "Ann"})}

    virtual.run(main())


def test_each_customer_that_was_told_has_a_line_in_the_log_and_those_whom_nobody_tried_have_one_in_all(virtual: Any) -> None:
    way = Way(workers=1)

    async def main() -> None:
        waiting = await way.waiting(*(str(number) for number in range(1, 9)))
        asyncio.get_running_loop().call_later(1.5, way.lane.close, "the vendor is unwell", None)
        await way.deliver(*(planned(pending) for pending in waiting))

    with capture_logs() as lines:
        virtual.run(main())
    told = [line["customer"] for line in lines if line["event"] == "update.settled"]
    put_off = [line["customers"] for line in lines if line["event"] == "updates.put_off"]
    assert (len(told) > 0, put_off) == (True, [8 - len(told)])


def test_a_store_that_cannot_write_the_intent_stops_everything_before_anything_is_sent(virtual: Any) -> None:
    way = Way()
    way.store = Diary(way.log, failing="intend")

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1", "2", "3")))

    with pytest.raises(StateError, match=r"^cannot intend$"):
        virtual.run(main())
    assert [entry for entry in way.log if entry.startswith("send")] == []


def test_a_store_that_cannot_write_an_outcome_stops_the_sending(virtual: Any) -> None:
    way = Way(workers=1)
    way.store = Diary(way.log, failing="settle")
    names = [f"{number:03}" for number in range(300)]

    async def main() -> None:
        await way.deliver(
            *(planned(pending) for pending in await way.waiting(*names) + await way.store.pending("shop", "099", 99))
        )

    with pytest.raises(StateError, match=r"^cannot settle$"):
        virtual.run(main())
    assert len([entry for entry in way.log if entry.startswith("send")]) <= 3


def test_nothing_is_intended_for_longer_than_it_waits_for_a_worker(virtual: Any) -> None:
    """What is intended and not sent would be in doubt after a crash."""
    way = Way(workers=2)
    names = [f"{number:03}" for number in range(90)]

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting(*names)))

    virtual.run(main())
    ahead = 0
    for entry in way.log:
        ahead += entry.startswith("intend")
        ahead -= entry.startswith("send")
        assert ahead <= 12


def test_on_a_closed_lane_nothing_is_intended_and_everything_is_left_for_later(virtual: Any) -> None:
    way, until = Way(), datetime(2099, 1, 1, tzinfo=UTC)
    way.lane.close("quota is gone", until)

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1", "2")))
        found = await way.store.failures()
        assert [(failure.customer, failure.outcome, failure.reason, failure.due) for failure in found] == [
            (customer, Outcome.DEFERRED, "quota is gone", until) for customer in "12"
        ]

    virtual.run(main())
    assert way.log == ["settle 1", "settle 2"]
    assert way.noted == [("1", Outcome.DEFERRED), ("2", Outcome.DEFERRED)]


def test_the_stop_event_lets_what_is_in_flight_settle_and_leaves_the_rest(virtual: Any) -> None:
    way = Way(workers=2)
    names = [f"{number:02}" for number in range(50)]

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(way.deliver(*(planned(pending) for pending in await way.waiting(*names))))
            await asyncio.sleep(1.5)
            way.stopping.set()

    virtual.run(main())
    outcomes = [outcome for _, outcome in way.noted]
    assert len(outcomes) == 50
    assert 4 <= outcomes.count(Outcome.DELIVERED) <= 14
    assert set(outcomes) == {Outcome.DELIVERED, Outcome.DEFERRED}


def test_what_needs_no_sending_is_written_down_as_it_is(virtual: Any) -> None:
    way = Way()

    async def main() -> None:
        one, two, three, four, five = await way.waiting("1", "2", "3", "4", "5")
        errors = tuple(FieldError(f"F{number}", "does not fit") for number in range(4))
        await way.deliver(
            Unchanged(one),
            Rejection(two, errors),
            Held(planned(three), "max_updates", "max_updates: too many"),
            Foreign(four),
            Foreign(five, gone=True),
        )
        found = {failure.customer: failure for failure in await way.store.failures()}
        assert set(found) == {"2", "3"}
        told = "F0: does not fit; F1: does not fit; F2: does not fit"
        assert (found["2"].outcome, found["2"].reason, found["2"].errors) == (Outcome.REJECTED, told, errors)
        assert (found["3"].outcome, found["3"].reason) == (Outcome.HELD, "max_updates: too many")
        assert [pending.customer for pending in await way.store.pending("shop", "", 9)] == ["3"]
        assert await way.store.unseen("crm", [("4", b"digest"), ("5", b"digest")]) == [("5", b"digest")]

    virtual.run(main())
    assert [entry for entry in way.log if entry.startswith(("send", "intend"))] == []
    assert [customer for customer, _ in way.noted] == ["1", "2", "3"]


def test_a_password_that_has_moved_on_is_left_for_the_next_run(virtual: Any) -> None:
    way = Way()

    async def main() -> None:
        one, two = await way.waiting("1", "2")
        way.moved_on["1"] = Settlement("1", "1", one.version, Outcome.DEFERRED, "the customer has changed")
        await way.deliver(planned(one), planned(two))
        (failure,) = await way.store.failures()
        assert (failure.customer, failure.outcome, failure.reason) == ("1", Outcome.DEFERRED, "the customer has changed")

    virtual.run(main())
    assert [entry for entry in way.log if entry.startswith(("send", "intend"))] == ["intend 2", "send 2"]


def test_what_the_account_has_used_is_written_down_with_the_outcomes(virtual: Any) -> None:
    way = Way()
    way.lane = Lane("shop", LanePolicy(pace=PacePolicy(quotas=(Rate(9, 3600.0, "9/h"),))), Standing(), way.stopping)
    carry = way.carry

    async def paced(update: Update) -> Settlement:
        (await way.lane.enter(update.customer)).written()
        return await carry(update)

    way.carry = paced  # type: ignore[method-assign] - this account keeps a pace

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1", "2", "3")))
        standing = await way.store.standing("shop")
        assert sum(count for _, count in standing.used["9/h"]) == 3

    virtual.run(main())


def test_what_the_account_has_used_is_written_down_although_nobody_answers(virtual: Any) -> None:
    way = Way()

    async def unanswered(update: Update) -> Settlement:
        (await way.lane.enter(update.customer)).written()
        await asyncio.sleep(30)
        assert (await way.store.standing("shop")).last_sent == way.lane.standing().last_sent
        return Settlement(update.customer, "1", update.version, Outcome.UNKNOWN, attempts=1)

    way.carry = unanswered  # type: ignore[method-assign] - this account does not answer

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1")))

    virtual.run(main())


def test_an_outcome_is_written_down_at_once_although_others_are_still_under_way(virtual: Any) -> None:
    way, slow = Way(workers=2), Way.carry

    async def carry(update: Update) -> Settlement:
        if update.customer == "2":
            await asyncio.sleep(1.1)
            assert way.log.count("settle 1") == 1
        return await slow(way, update)

    way.carry = carry  # type: ignore[method-assign] - one takes longer

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1", "2")))

    virtual.run(main())
    assert way.noted == [("1", Outcome.DELIVERED), ("2", Outcome.DELIVERED)]


class Slow(Diary):
    """A state on a slow disk."""

    async def settle(self, target: str, place: str, settlements: Sequence[Settlement], run: str = "") -> None:
        await asyncio.sleep(10)
        await super().settle(target, place, settlements, run=run)


def test_what_ends_while_the_outcomes_before_it_are_written_is_written_after_them(virtual: Any) -> None:
    way = Way(workers=1)
    way.store = Slow(way.log)

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1", "2")))
        assert await way.store.in_flight() == {}

    virtual.run(main())
    assert way.noted == [("1", Outcome.DELIVERED), ("2", Outcome.DELIVERED)]


def test_what_is_held_of_a_customer_can_be_released_although_the_rest_met_a_closed_lane(virtual: Any) -> None:
    way = Way()
    way.lane.close("quota is gone", None)

    async def main() -> None:
        (pending,) = await way.waiting("1")
        hold = Hold("max_cleared", "max_cleared: too many", ("Phone",))
        await way.deliver(Held(planned(pending), "max_cleared", hold.reason, (hold,)), replace(planned(pending), stays=True))
        await way.store.release("shop", "max_cleared")
        (pending,) = await way.store.pending("shop", "", 9)
        assert pending.released == {("max_cleared", "Phone")}

    virtual.run(main())


def test_a_bug_in_a_worker_is_loud(virtual: Any) -> None:
    way = Way()

    async def broken(_update: Update) -> Settlement:
        raise ZeroDivisionError

    way.carry = broken  # type: ignore[method-assign] - a bug

    async def main() -> None:
        await way.deliver(*(planned(pending) for pending in await way.waiting("1")))

    with pytest.raises(BaseExceptionGroup) as bug:
        virtual.run(main())
    assert bug.value.split(ZeroDivisionError)[1] is None
