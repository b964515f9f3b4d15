"""One account's door: who may send now."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.errors import Broken, NotSent, Refused, StopAccount, SyncError, TryAgain, Unclear, Wait
from sync.model import Standing
from sync.pipeline.breaker import BreakerPolicy
from sync.pipeline.lane import Lane, LaneClosed, LanePolicy
from sync.pipeline.pace import PacePolicy, Rate

SICK = BreakerPolicy(failures=3, customers=2, cooldown=10.0, probes=2)
SLOW = LanePolicy(patience=60.0, pace=PacePolicy(Rate(1, 10.0, "1/10s")), breaker=SICK)
FREE = LanePolicy(patience=60.0, breaker=SICK)
UNTIL = datetime.now(UTC) + timedelta(days=1)


def lane(policy: LanePolicy = FREE, standing: Standing | None = None, stopping: asyncio.Event | None = None) -> Lane:
    return Lane("shop", policy, standing or Standing(), stopping or asyncio.Event())


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def entered(way: Lane, customer: str, log: list[str]) -> None:
    """Notes who got in, or why not; the request is written at once."""
    try:
        slot = await way.enter(customer)
    except LaneClosed as closed:
        log.append(f"{customer}: {closed.reason}")
    else:
        slot.written()
        log.append(customer)


async def all_of(*work: Coroutine[Any, Any, Any]) -> None:
    """Nobody waits for longer than an hour."""
    async with asyncio.timeout(3600):
        await asyncio.gather(*work)


async def made_sick(way: Lane, *customers: str) -> None:
    for customer in customers:
        way.noted(customer, NotSent("no connection"), "no connection")


def test_a_lane_is_open_at_first(virtual: Any) -> None:
    log: list[str] = []
    way = lane()
    virtual.run(all_of(entered(way, "1", log)))
    assert (log, way.closed) == (["1"], None)


# ---- pauses and closing


def test_a_wait_pauses_everybody_and_the_longer_one_counts(virtual: Any) -> None:
    way, log = lane(), list[str]()
    way.pause("429", soon(30))
    way.pause("429", soon(5))
    before = virtual.now
    virtual.run(all_of(*(entered(way, customer, log) for customer in "123")))
    assert log == ["1", "2", "3"]
    assert 29 <= virtual.now - before <= 31


def test_a_wait_in_the_past_is_none(virtual: Any) -> None:
    way, log = lane(), list[str]()
    way.pause("429", soon(-30))
    before = virtual.now
    virtual.run(all_of(entered(way, "1", log)))
    assert (log, virtual.now) == (["1"], before)


def test_a_wait_of_half_a_second_is_one(virtual: Any) -> None:
    way, log = lane(), list[str]()
    way.pause("429", soon(0.5))
    before = virtual.now
    virtual.run(all_of(entered(way, "1", log)))
    assert 0.4 <= virtual.now - before <= 0.6


def test_a_wait_that_comes_while_others_wait_is_for_them_too(virtual: Any) -> None:
    way, log = lane(), list[str]()
    before = virtual.now
    way.pause("429", soon(5))

    async def again() -> None:
        await asyncio.sleep(3)
        way.pause("429", soon(30))

    virtual.run(all_of(entered(way, "1", log), again()))
    assert 32 <= virtual.now - before <= 34


def test_a_wait_that_is_longer_than_a_runs_patience_closes_the_lane_until_then(virtual: Any) -> None:
    way, log, until = lane(), list[str](), soon(61)
    way.pause("quota is gone", until)
    virtual.run(all_of(entered(way, "1", log)))
    assert log == ["1: quota is gone"]
    assert way.closed
    assert (way.closed.until, way.closed.refused) == (until, False)


def test_the_first_reason_for_closing_stands(virtual: Any) -> None:
    way, log = lane(), list[str]()
    way.close("credentials refused", None, refused=True)
    way.close("quota", UNTIL)
    virtual.run(all_of(entered(way, "1", log)))
    assert log == ["1: credentials refused"]
    assert way.closed
    assert (way.closed.until, way.closed.refused) == (None, True)


def test_closing_ends_everybody_who_waits_for_the_pace(virtual: Any) -> None:
    way, log = lane(SLOW), list[str]()
    before = virtual.now

    async def close() -> None:
        await asyncio.sleep(15)
        way.close("credentials refused", None, refused=True)

    virtual.run(all_of(*(entered(way, customer, log) for customer in "12345678"), close()))
    assert log == ["1", "2", *(f"{customer}: credentials refused" for customer in "345678")]
    assert virtual.now - before <= 30


def test_whoever_has_its_turn_when_the_lane_is_closed_is_not_sent_and_holds_up_nobody_later(virtual: Any) -> None:
    way, log = lane(SLOW), list[str]()
    before = virtual.now

    async def close() -> None:
        await asyncio.sleep(5)
        way.close("credentials refused", None, refused=True)

    async def main() -> None:
        await all_of(entered(way, "1", log), entered(way, "2", log), close())
        assert log == ["1", "2: credentials refused"]
        way.reopen()
        await all_of(entered(way, "3", log))

    virtual.run(main())
    assert (log[2:], virtual.now - before <= 21) == (["3"], True)


def test_how_long_was_waited_for_the_pace_is_told(virtual: Any) -> None:
    way, log = lane(SLOW), list[str]()
    assert way.condition().waited == 0.0
    virtual.run(all_of(*(entered(way, customer, log) for customer in "123")))
    assert 10 + 20 <= way.condition().waited <= 31


# ---- what is counted before it leaves


def counted(calls: list[tuple[str, bool]], *, quota: bool) -> list[int]:
    """After each of these requests (None: its update has ended): how many calls had been written down by then."""
    written: list[Standing] = []

    async def remember(standing: Standing) -> None:
        written.append(standing)

    quotas = (Rate(99, 3600.0, "99/h"),) if quota else ()
    way = Lane("shop", LanePolicy(pace=PacePolicy(quotas=quotas)), Standing(), asyncio.Event(), remember=remember)
    found = []

    async def main() -> None:
        for customer, intended in calls:
            (await way.enter(customer, intended=intended)).answered()
            found.append(sum(count for _, count in written[-1].used["99/h"]) if written else 0)
        way.left("1")
        (await way.enter("1")).answered()
        found.append(len(written))

    asyncio.run(main())
    return found


def test_an_intent_stands_for_one_call_and_every_other_is_written_down_before_it_leaves() -> None:
    calls = [("1", True), ("2", True), ("1", True), ("2", True), ("asked", False), ("3", True)]
    assert counted(calls, quota=True) == [0, 0, 3, 4, 5, 5, 3]


def test_without_a_quota_no_call_is_written_down_before_it_leaves() -> None:
    assert counted([("1", True), ("1", True), ("asked", False)], quota=False) == [0, 0, 0, 0]


# ---- stopping


@pytest.mark.parametrize("policy", [SLOW, LanePolicy(pace=PacePolicy(quotas=(Rate(1, 50.0, "1/50s"),)))], ids=["rate", "quota"])
def test_the_stop_event_ends_everybody_who_waits_for_the_pace(virtual: Any, policy: LanePolicy) -> None:
    stopping, log = asyncio.Event(), list[str]()
    way = lane(policy, stopping=stopping)
    before = virtual.now

    async def stop() -> None:
        await asyncio.sleep(5)
        stopping.set()

    virtual.run(all_of(*(entered(way, customer, log) for customer in "1234"), stop()))
    assert log == ["1", *(f"{customer}: stopped before it was sent" for customer in "234")]
    assert virtual.now - before == pytest.approx(5)


def test_the_stop_event_ends_everybody_who_waits_out_a_pause(virtual: Any) -> None:
    stopping, log = asyncio.Event(), list[str]()
    way = lane(stopping=stopping)
    way.pause("429", soon(30))
    before = virtual.now

    async def stop() -> None:
        await asyncio.sleep(5)
        stopping.set()

    virtual.run(all_of(*(entered(way, customer, log) for customer in "12"), stop()))
    assert sorted(log) == ["1: stopped before it was sent", "2: stopped before it was sent"]
    assert virtual.now - before == pytest.approx(5)


def test_the_stop_event_ends_everybody_who_waits_for_a_probe(virtual: Any) -> None:
    stopping, log = asyncio.Event(), list[str]()
    way = lane(stopping=stopping)
    before = virtual.now

    async def main() -> None:
        await made_sick(way, "1", "2", "3")
        await asyncio.sleep(11)
        await entered(way, "1", log)
        waiting = all_of(entered(way, "2", log), entered(way, "3", log))
        async with asyncio.TaskGroup() as group:
            group.create_task(waiting)
            await asyncio.sleep(1)
            stopping.set()

    virtual.run(main())
    assert sorted(log) == ["1", "2: stopped before it was sent", "3: stopped before it was sent"]
    assert virtual.now - before <= 20


def test_a_stopped_lane_lets_nobody_in_and_rests_no_longer(virtual: Any) -> None:
    stopping, log = asyncio.Event(), list[str]()
    way = lane(stopping=stopping)
    stopping.set()
    before = virtual.now
    virtual.run(all_of(entered(way, "1", log)))
    with pytest.raises(LaneClosed):
        virtual.run(way.rest(30))
    assert (log, virtual.now) == (["1: stopped before it was sent"], before)


def test_a_rest_that_nobody_disturbs_lasts_as_long_as_asked(virtual: Any) -> None:
    before = virtual.now
    virtual.run(lane().rest(30))
    assert virtual.now - before == pytest.approx(30)


# ---- is the vendor unwell?


def test_an_unwell_vendor_is_probed_by_one_customer_while_the_others_wait(virtual: Any) -> None:
    way, log = lane(), list[str]()
    before = virtual.now

    async def probe() -> None:
        await entered(way, "1", log)
        assert virtual.now - before == pytest.approx(10)
        await asyncio.sleep(20)
        log.append("1 is well")
        way.noted("1", None)
        way.left("1")

    async def main() -> None:
        await made_sick(way, "1", "2", "3")
        await all_of(probe(), *(entered(way, customer, log) for customer in "234"))

    virtual.run(main())
    assert (log[:2], sorted(log[2:])) == (["1", "1 is well"], ["2", "3", "4"])
    assert way.standing().reason == ""


def test_a_probe_that_leaves_without_an_answer_is_followed_by_another(virtual: Any) -> None:
    way, log = lane(), list[str]()

    async def main() -> None:
        await made_sick(way, "1", "2", "3")
        await entered(way, "1", log)
        async with asyncio.timeout(60):
            async with asyncio.TaskGroup() as group:
                group.create_task(entered(way, "2", log))
                await asyncio.sleep(1)
                way.left("1")

    virtual.run(main())
    assert log == ["1", "2"]


@pytest.mark.parametrize("ended", ["answered", "left"])
def test_whoever_waits_for_a_probe_goes_on_at_the_moment_that_it_ends(virtual: Any, ended: str) -> None:
    way, log = lane(), list[str]()

    async def main() -> None:
        await made_sick(way, "1", "2", "3")
        await entered(way, "1", log)
        async with asyncio.TaskGroup() as group:
            group.create_task(entered(way, "2", log))
            await asyncio.sleep(0.3)
            if ended == "answered":
                way.noted("1", None)
            else:
                way.left("1")
            before = virtual.now
            await asyncio.sleep(0.01)
            assert (log, virtual.now - before) == (["1", "2"], pytest.approx(0.01))

    virtual.run(main())


def test_a_vendor_that_stays_unwell_closes_the_lane_for_this_run(virtual: Any) -> None:
    way, log = lane(), list[str]()

    async def worker(customer: str) -> None:
        await entered(way, customer, log)
        if log[-1] == customer:
            way.noted(customer, Broken("no answer"), "no answer")
        way.left(customer)

    async def main() -> None:
        await made_sick(way, "1", "2", "3")
        await all_of(*(worker(customer) for customer in "1234"))

    virtual.run(main())
    assert [entry for entry in log if ":" not in entry] == ["1", "2"]
    assert sorted(entry for entry in log if ":" in entry) == [f"{name}: the vendor is unwell: no answer" for name in "34"]
    assert way.standing() == Standing(0.0, "the vendor is unwell: no answer", way.standing().last_sent, {})


@pytest.mark.parametrize("trouble", [NotSent("x"), Broken("x"), TryAgain("x"), TryAgain("x", maybe_applied=False)])
def test_what_passes_counts_for_the_vendors_health(virtual: Any, trouble: SyncError) -> None:
    way = lane()

    async def main() -> None:
        for customer in "121":
            way.noted(customer, trouble, "ill")

    virtual.run(main())
    assert way.standing().reason == "unwell: ill"


@pytest.mark.parametrize("trouble", [None, Refused("x"), Wait("x", None), Unclear("x"), StopAccount("x")])
def test_any_answer_says_that_the_vendor_is_there(virtual: Any, trouble: SyncError | None) -> None:
    way = lane()

    async def main() -> None:
        await made_sick(way, "1", "2")
        way.noted("4", trouble)
        await made_sick(way, "1", "2")

    virtual.run(main())
    assert way.standing().reason == ""


# ---- from run to run


def test_what_stops_the_account_is_remembered() -> None:
    way = lane()
    way.close("quota is gone", UNTIL)
    standing = way.standing()
    assert (standing.stopped_until, standing.reason) == (UNTIL.timestamp(), "quota is gone")
    again = lane(standing=standing)
    assert again.closed
    assert (again.closed.reason, again.closed.until) == ("quota is gone", UNTIL)


def test_credentials_are_tried_again_in_the_next_run() -> None:
    way = lane()
    way.close("credentials refused", None, refused=True)
    assert (way.standing().stopped_until, way.standing().reason) == (0.0, "credentials refused")
    assert lane(standing=way.standing()).closed is None


@pytest.mark.parametrize(
    ("until", "open_again"),
    [(None, True), (timedelta(seconds=-1), True), (timedelta(hours=1), False), (timedelta(days=365), True)],
    ids=["not known", "over", "not yet", "by a clock that was set back since"],
)
def test_the_next_run_of_a_service_tries_again_what_is_not_known_to_last(until: timedelta | None, open_again: bool) -> None:
    way = lane()
    way.reopen()
    assert way.closed is None
    way.close("quota is gone", until and datetime.now(UTC) + until)
    way.reopen()
    assert (way.closed is None) is open_again


def test_the_next_run_of_a_service_probes_a_vendor_that_was_given_up_as_often_again(virtual: Any) -> None:
    way, log = lane(), list[str]()

    async def probes() -> int:
        count = 0
        while not way.closed:
            await entered(way, "1", log)
            way.noted("1", NotSent("down"), "down")
            way.left("1")
            count += 1
        return count

    async def main() -> None:
        await made_sick(way, "1", "2", "3")
        assert await probes() == 2
        way.reopen()
        assert await probes() == 2

    virtual.run(main())


def test_an_account_answers_once_it_has_taken_or_refused_an_update_and_not_while_it_is_closed() -> None:
    way, seen = lane(), list[bool]()
    steps: list[SyncError | None] = [NotSent("down"), StopAccount("credentials refused"), Refused("no"), None]
    for trouble in steps:
        way.noted("1", trouble)
        seen.append(way.condition().answers)
    way.close("credentials refused", None, refused=True)
    closed = way.condition()
    way.reopen()
    assert (seen, closed.answers, closed.refused) == ([False, False, True, True], False, True)
    assert (way.condition().answers, way.condition().refused) == (False, False)


def test_a_stop_that_is_over_is_over(virtual: Any) -> None:
    assert lane(standing=Standing(virtual.clock.time() - 1, "quota is gone")).closed is None


def test_the_pace_is_remembered(virtual: Any) -> None:
    way, log = lane(SLOW), list[str]()
    virtual.run(all_of(entered(way, "1", log)))
    before = virtual.now
    virtual.run(all_of(entered(lane(SLOW, way.standing()), "2", log)))
    assert virtual.now - before >= 10
