"""How often an account may be sent to."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from sync.errors import StopAccount
from sync.model import Standing
from sync.pipeline.pace import BUCKETS, Pace, PacePolicy, Rate

Delay = Callable[[], float]


def per(count: int, seconds: float = 1.0) -> Rate:
    return Rate(count, seconds, f"{count}/{seconds:g}s")


def at_once() -> float:
    return 0.0


async def sent(pace: Pace, virtual: Any, count: int, workers: int = 64, delay: Delay = at_once) -> list[float]:
    """When each of so many requests was written to its connection, sorted."""
    left = list(range(count))
    moments: list[float] = []

    async def work() -> None:
        while left:
            left.pop()
            slot = await pace.acquire()
            await asyncio.sleep(delay())
            slot.written()
            moments.append(virtual.now)
            slot.answered()

    await asyncio.gather(*(work() for _ in range(workers)))
    return sorted(moments)


def most_in(moments: list[float], seconds: float) -> int:
    """The fullest window of this length, its end excluded (a billionth of a second is rounding)."""
    most, first = 0, 0
    for place, moment in enumerate(moments):
        while moments[first] <= moment - seconds + 1e-9:
            first += 1
        most = max(most, place - first + 1)
    return most


def setting_up(seed: int, share: float) -> Delay:
    """Some requests need a new connection, which takes up to half a second."""
    chance = random.Random(seed)
    return lambda: chance.uniform(0, 0.5) if chance.random() < share else 0.0


@pytest.mark.parametrize("count", [1, 5, 50, 500])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_no_window_at_the_vendor_exceeds_the_limit_however_long_connections_take(virtual: Any, count: int, share: float) -> None:
    pace = Pace(PacePolicy(per(count)), Standing())
    moments = virtual.run(sent(pace, virtual, 20 * count, delay=setting_up(count, share)))
    assert (len(moments), most_in(moments, 1.0) <= count) == (20 * count, True)


@pytest.mark.parametrize(("count", "seconds"), [(1, 2.0), (3, 1.0), (10, 60.0), (10_800, 3600.0)])
def test_no_window_of_any_length_exceeds_the_limit(virtual: Any, count: int, seconds: float) -> None:
    moments = virtual.run(sent(Pace(PacePolicy(per(count, seconds)), Standing()), virtual, 3 * count))
    assert most_in(moments, seconds) <= count


@pytest.mark.parametrize("count", [5, 50, 500])
def test_nearly_all_of_the_limit_is_used(virtual: Any, count: int) -> None:
    moments = virtual.run(sent(Pace(PacePolicy(per(count)), Standing()), virtual, 20 * count))
    assert (len(moments) - 1) / (moments[-1] - moments[0]) >= 0.98 * count


@pytest.mark.parametrize("count", [5, 50, 500])
def test_connections_that_are_set_up_once_cost_little(virtual: Any, count: int) -> None:
    chance = random.Random(count)
    first = [chance.uniform(0, 0.5) for _ in range(16)]
    pace = Pace(PacePolicy(per(count)), Standing())
    moments = virtual.run(sent(pace, virtual, 100 * count, workers=16, delay=lambda: first.pop() if first else 0.0))
    assert most_in(moments, 1.0) <= count
    later = moments[20 * count :]
    assert (len(later) - 1) / (later[-1] - later[0]) >= 0.98 * count


def test_starts_are_spaced_evenly_from_the_first_on(virtual: Any) -> None:
    moments = virtual.run(sent(Pace(PacePolicy(per(10)), Standing()), virtual, 50))
    gaps = [after - before for before, after in pairwise(moments)]
    assert [gap for gap in gaps if not 0.085 <= gap <= 0.115] == []


def test_a_pause_is_not_caught_up_with(virtual: Any) -> None:
    pace = Pace(PacePolicy(per(10)), Standing())

    async def main() -> list[float]:
        await sent(pace, virtual, 5)
        await asyncio.sleep(60)
        return await sent(pace, virtual, 30)

    moments = virtual.run(main())
    assert most_in(moments, 1.0) <= 10
    assert [after - before for before, after in pairwise(moments) if after - before < 0.075] == []


@pytest.mark.parametrize("count", [5, 50, 200])
def test_what_a_busy_process_is_late_by_is_made_up_for(virtual: Any, count: int) -> None:
    chance = random.Random(count)

    async def oversleep(seconds: float) -> None:
        await asyncio.sleep(seconds + chance.uniform(0, 0.008))

    pace = Pace(PacePolicy(per(count)), Standing(), sleep=oversleep)
    moments = virtual.run(sent(pace, virtual, 20 * count))
    assert most_in(moments, 1.0) <= count
    assert (len(moments) - 1) / (moments[-1] - moments[0]) >= 0.97 * count


def test_nobody_is_paced_where_there_is_no_limit(virtual: Any) -> None:
    moments = virtual.run(sent(Pace(PacePolicy(), Standing()), virtual, 1000))
    assert moments[0] == moments[-1]


def test_whoever_waits_is_served_in_the_order_of_coming(virtual: Any) -> None:
    pace = Pace(PacePolicy(per(500)), Standing())
    served: list[int] = []

    async def one(number: int) -> None:
        slot = await pace.acquire()
        slot.written()
        served.append(number)

    async def main() -> None:
        await asyncio.gather(*(one(number) for number in range(1000)))

    virtual.run(main())
    assert served == list(range(1000))


def test_a_thousand_waiters_take_turns(virtual: Any) -> None:
    pace = Pace(PacePolicy(per(500)), Standing())
    slots = dict.fromkeys(range(1000), 0)

    async def worker(number: int) -> None:
        for _ in range(3):
            (await pace.acquire()).written()
            slots[number] += 1
            await asyncio.sleep(0)
            assert max(slots.values()) - min(slots.values()) <= 1

    async def main() -> None:
        await asyncio.gather(*(worker(number) for number in slots))

    virtual.run(main())
    assert set(slots.values()) == {3}


def test_an_estimate_takes_the_time_of_the_rate() -> None:
    assert PacePolicy(per(10)).seconds(100) == pytest.approx(10.0, rel=0.02)
    assert PacePolicy().seconds(99) == 0.0


# ---- restart


def restarted(pace: Pace) -> Standing:
    """What a new process would know."""
    return Standing(**pace.remember())


def test_a_restart_does_not_burst(virtual: Any) -> None:
    policy = PacePolicy(per(1, 10.0))

    async def main() -> list[float]:
        moments: list[float] = []
        standing = Standing()
        for _ in range(4):
            pace = Pace(policy, standing)
            moments += await sent(pace, virtual, 3)
            standing = restarted(pace)
        return moments

    assert most_in(virtual.run(main()), 10.0) <= 1


def test_a_process_that_died_while_sending_counts_as_having_sent_just_now(virtual: Any) -> None:
    before = virtual.now
    moments = virtual.run(sent(Pace(PacePolicy(per(1, 10.0)), Standing(), in_flight=1), virtual, 1))
    assert moments[0] - before >= 10.0


def test_the_first_of_an_account_is_sent_at_once(virtual: Any) -> None:
    before = virtual.now
    assert virtual.run(sent(Pace(PacePolicy(per(1, 10.0)), Standing()), virtual, 1)) == [before]


def test_a_clock_that_was_wrong_does_not_stop_the_account(virtual: Any) -> None:
    before = virtual.now
    ahead = Standing(last_sent=virtual.clock.time() + 10**8)
    moments = virtual.run(sent(Pace(PacePolicy(per(1, 10.0)), ahead), virtual, 1))
    assert moments[0] - before <= 10.2


# ---- quota


def quota(count: int, seconds: float, patience: float = 1e9, more: tuple[Rate, ...] = ()) -> PacePolicy:
    return PacePolicy(quotas=(per(count, seconds), *more), patience=patience)


@pytest.mark.parametrize(("count", "seconds"), [(1, 60.0), (10, 600.0), (100, 3600.0), (7, 86_400.0)])
def test_no_window_exceeds_the_quota_and_nearly_all_of_it_is_used(virtual: Any, count: int, seconds: float) -> None:
    moments = virtual.run(sent(Pace(quota(count, seconds), Standing()), virtual, 5 * count))
    assert most_in(moments, seconds) == count
    assert moments[-1] - moments[0] <= 4 * (seconds * (1 + 1 / BUCKETS) + 1)


def test_a_call_counts_until_it_is_as_long_ago_as_the_quota_says(virtual: Any) -> None:
    pace = Pace(quota(1, 60.0), Standing())

    async def main() -> list[float]:
        await asyncio.sleep(1.9 - virtual.clock.time() % 1)
        moments = await sent(pace, virtual, 1)
        await asyncio.sleep(59.5)
        return moments + await sent(pace, virtual, 1)

    first, second = virtual.run(main())
    assert second - first >= 60


def test_a_quota_survives_restarts(virtual: Any) -> None:
    async def main() -> list[float]:
        moments: list[float] = []
        standing = Standing()
        for _ in range(40):
            pace = Pace(quota(10, 600.0), standing)
            moments += await sent(pace, virtual, 3)
            standing = restarted(pace)
            await asyncio.sleep(7)
        return moments

    assert most_in(virtual.run(main()), 600.0) == 10


@pytest.mark.parametrize("jump", [-3600.0, -1.0, 1.0, 3600.0, 365 * 86_400.0])
def test_a_clock_that_jumps_while_it_runs_changes_nothing_of_a_quota(virtual: Any, jump: float) -> None:
    pace = Pace(quota(10, 600.0), Standing())

    async def main() -> list[float]:
        moments = await sent(pace, virtual, 7)
        virtual.clock._epoch += jump
        return moments + await sent(pace, virtual, 20)

    moments = virtual.run(main())
    assert most_in(moments, 600.0) == 10
    assert moments[-1] - moments[0] <= 2 * (600.0 * (1 + 1 / BUCKETS) + 1)


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_what_was_used_before_a_clock_jumped_is_remembered_by_the_clock_as_it_is_now(virtual: Any, jump: float) -> None:
    pace = Pace(quota(10, 600.0), Standing())

    async def main() -> list[float]:
        moments = await sent(pace, virtual, 7)
        virtual.clock._epoch += jump
        return moments + await sent(Pace(quota(10, 600.0), restarted(pace)), virtual, 10)

    assert most_in(virtual.run(main()), 600.0) == 10


def test_a_quota_of_an_account_counts_although_another_is_set_beside_it(virtual: Any) -> None:
    policy = quota(10, 600.0, more=(per(15, 3600.0),))
    moments = virtual.run(sent(Pace(policy, Standing()), virtual, 60))
    assert (most_in(moments, 600.0), most_in(moments, 3600.0)) == (10, 15)


def test_what_was_in_flight_at_a_crash_is_counted(virtual: Any) -> None:
    pace = Pace(quota(10, 600.0, patience=1.0), Standing(), in_flight=8)
    moments = virtual.run(sent(pace, virtual, 2))
    assert len(moments) == 2
    with pytest.raises(StopAccount):
        virtual.run(pace.acquire())


def test_a_quota_that_is_used_up_for_longer_than_a_run_waits_stops_the_account_until_then(virtual: Any) -> None:
    pace = Pace(quota(2, 3600.0, patience=60.0), Standing())
    virtual.run(sent(pace, virtual, 2))
    with pytest.raises(StopAccount) as stopped:
        virtual.run(pace.acquire())
    assert str(stopped.value) == "quota 2/3600s is used up"
    assert isinstance(stopped.value.until, datetime)
    assert 3600 <= stopped.value.until.timestamp() - virtual.clock.time() <= 3600 + 60


def test_a_quota_that_is_free_again_soon_is_waited_for(virtual: Any) -> None:
    moments = virtual.run(sent(Pace(quota(2, 30.0, patience=60.0), Standing()), virtual, 3))
    assert 30 <= moments[2] - moments[0] <= 32


def test_what_is_remembered_does_not_grow_with_what_was_sent(virtual: Any) -> None:
    pace = Pace(quota(10**6, 3600.0), Standing())

    async def main() -> None:
        for _ in range(2000):
            await pace.acquire()
            await asyncio.sleep(10)

    virtual.run(main())
    assert len(pace.remember()["used"]["1000000/3600s"]) <= BUCKETS + 2
