"""The limit holds at the vendor: in every window, over restarts and kills, with sign-ins and repeats counted."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sync import app
from sync.errors import StateError, StopAccount
from sync.model import ABSENT, Change, Identity, Standing, Update
from sync.pipeline.pace import Pace, PacePolicy, Rate
from sync.settings import load
from sync.stores.memory import Memory
from tests.conftest import VirtualTime
from tests.proof import rules
from tests.proof.conftest import ROOT, Tell
from tests.proof.firm import ACCOUNT, Company, Person, configure
from tests.proof.sandboxes import Sandbox

PER_SECOND = (5, 50, 500)


class Vendor:
    """When requests arrive at a vendor that is some milliseconds away, never twice the same number of them."""

    def __init__(self, dice: random.Random) -> None:
        self.arrivals: list[float] = []
        self._dice = dice

    async def send(self, pace: Pace) -> None:
        slot = await pace.acquire()
        await asyncio.sleep(self._dice.uniform(0.0, 0.003))  # until a connection is free
        slot.written()
        await asyncio.sleep(self._dice.uniform(0.0, 0.01))  # on the way
        self.arrivals.append(time.monotonic())
        await asyncio.sleep(self._dice.choice((0.0, 0.02, 0.5)))  # until it is answered
        slot.answered()


async def all_sent(vendor: Vendor, pace: Pace, count: int, at_once: int) -> None:
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await vendor.send(pace)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())


@pytest.mark.parametrize("rate", PER_SECOND)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_window_at_the_vendor_exceeds_the_limit_however_long_a_request_takes(
    virtual: VirtualTime, rate: int, seed: int
) -> None:
    vendor = Vendor(random.Random(seed))
    pace = Pace(PacePolicy(Rate(rate, 1.0, f"{rate}/s")), Standing())
    virtual.run(all_sent(vendor, pace, 4 * rate, rate))
    assert len(vendor.arrivals) == 4 * rate
    assert rules.too_fast(vendor.arrivals, rate, 1.0) == []


@pytest.mark.parametrize("rate", PER_SECOND)
def test_the_limit_is_used_when_nothing_is_in_the_way(virtual: VirtualTime, rate: int) -> None:
    arrivals: list[float] = []

    async def send_all(pace: Pace) -> None:
        for _ in range(4 * rate):
            slot = await pace.acquire()
            arrivals.append(time.monotonic())
            slot.written()
            slot.answered()

    virtual.run(send_all(Pace(PacePolicy(Rate(rate, 1.0, f"{rate}/s")), Standing())))
    assert (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]) / rate >= 0.98


def test_a_quota_is_kept_over_restarts(virtual: VirtualTime) -> None:
    quota, arrivals, standing = Rate(20, 3600.0, "20/h"), list[float](), Standing()

    async def live(pace: Pace, calls: int) -> None:
        for _ in range(calls):
            await pace.acquire()
            arrivals.append(time.time())

    dice = random.Random(5)
    for _ in range(60):
        pace = Pace(PacePolicy(quotas=(quota,), patience=0.0), standing)
        try:
            virtual.run(live(pace, dice.randrange(1, 9)))
        except StopAccount:
            """Enough for this time."""
        standing = Standing(**pace.remember())
        virtual.clock.now += dice.uniform(0, 900)
    assert len(arrivals) > 60
    assert rules.too_fast(arrivals, 20, 3600.0) == []


# ---- for real


STUBBORN = """
[accounts.{vendor}.retry]
attempts = 100
backoff = "1ms"
longest = "1ms"
[accounts.{vendor}.breaker]
failures = 1000
"""


def firm(folder: Path, url: str, count: int, pace: str, extra: str = ACCOUNT) -> Path:
    Company(folder / "company.db").make({id: Person(id, f"Zoë {id}", f"c{id}@example.org") for id in range(1, count + 1)})
    return configure(folder, url, pace=pace, extra=extra)


def start(config: Path, *words: str) -> subprocess.Popen[bytes]:
    """One run, to Sellercloud alone."""
    command = [sys.executable, "-m", "sync", "run", "--config", str(config), "--target", "sellercloud", *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def arrived(sandbox: Sandbox) -> list[float]:
    return rules.arrivals(rules.seen(sandbox.history()), "sellercloud")


def finished(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, (out + err).decode()


@dataclass(frozen=True)
class Clock:
    """Where a Sellercloud is that notes arrivals, and its notes."""

    url: str
    notes: Path

    def arrived(self) -> list[float]:
        """In wall-clock seconds, as the kernel has stamped the first byte of each request."""
        return sorted(map(float, self.notes.read_text().split())) if self.notes.exists() else []


@contextmanager
def clock(folder: Path, *, latency: float = 0.0, unwell: int = 0) -> Iterator[Clock]:
    """In a process of its own."""
    notes = folder / "arrivals"
    command = [sys.executable, "-m", "tests.proof.arrivals", str(latency), str(unwell), str(notes)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield Clock(process.stdout.readline().strip(), notes)
        process.kill()


def test_the_limit_holds_over_a_kill_and_a_restart(tmp_path: Path) -> None:
    with clock(tmp_path, unwell=3) as vendor:
        config = firm(tmp_path, vendor.url, 30, 'rate = "10/s"\n')
        for seconds in (0.7, 0.1):
            process = start(config)
            count = len(vendor.arrived())
            while process.poll() is None and len(vendor.arrived()) == count:
                time.sleep(0.02)
            time.sleep(seconds)
            process.kill()
            process.communicate()
        assert finished(start(config))[0] == 0
    assert len(vendor.arrived()) > 31
    assert rules.too_fast(vendor.arrived(), 10, 1.0) == []


def test_a_quota_holds_over_kills_with_sign_ins_and_repeats_counted(tmp_path: Path, sandbox: Sandbox) -> None:
    config = firm(tmp_path, sandbox.url, 9, 'quota = "9/h"\npatience = "0s"\nconcurrency = 1\n', extra=STUBBORN)
    sandbox.fault({"fault": "status", "status": 503, "times": None})
    for _ in range(4):
        process = start(config)
        count = len(arrived(sandbox))
        while process.poll() is None and len(arrived(sandbox)) < count + 4:
            time.sleep(0.01)
        process.kill()
        process.communicate()
    sandbox.mend()
    code, said = finished(start(config))
    assert len(arrived(sandbox)) <= 9
    assert "quota 9/h is used up" in said, code


class DiesBeforeItForgets(Memory):
    async def recover(self) -> None:
        raise StateError("killed")


async def test_a_kill_while_starting_counts_what_was_in_flight_twice_rather_than_never(tmp_path: Path) -> None:
    settings = load(configure(tmp_path, "http://127.0.0.1:9", pace='quota = "9/h"\n'))
    store = DiesBeforeItForgets()
    for customer in ("1", "2"):
        [waiting] = await store.wait("rpm", [customer])
        change = Change("Website", ABSENT, "new")
        await store.intend("rpm", [Update(customer, Identity(customer), waiting.version, (change,), {"Website": "new"}, ())])
    with pytest.raises(StateError):
        await app.recover(settings, store)
    [(_, calls)] = (await store.standing("rpm")).used["9/h"]
    assert calls == 2
    assert await store.in_flight() == {"rpm": 2}


@pytest.mark.long
@pytest.mark.parametrize(("rate", "latency"), [(5, 0.0), (50, 0.0), (500, 0.0), (50, 0.02), (500, 0.02)])
def test_at_full_speed_the_limit_holds_and_is_used(tmp_path: Path, tell: Tell, rate: int, latency: float) -> None:
    """Three times, since on a busy machine the full speed may be out of reach; the limit has to hold each time."""
    used, shortest, start_of = [], [], 0
    with clock(tmp_path, latency=latency) as vendor:
        config = firm(tmp_path, vendor.url, 5 * rate, f'rate = "{rate}/s"\nconcurrency = 16\n')
        for _ in range(3):
            assert finished(start(config))[0] == 0
            times = vendor.arrived()[start_of:]
            assert len(times) == 5 * rate + 1
            assert rules.too_fast(times, rate, 1.0) == []
            shortest.append(min(last - first for first, last in zip(times, times[rate:], strict=False)))
            steady = times[rate // 5 :]
            used.append((len(steady) - 1) / (steady[-1] - steady[0]) / rate)
            start_of += len(times)
            (tmp_path / "state.db").unlink()
    told = f"{max(used):.1%} of the limit was used, and {rate + 1} took {min(shortest):.4f} s at least"
    tell(f"pace: at {rate}/s with {latency * 1000:g} ms, {told}")
    assert max(used) >= 0.98


@pytest.mark.long
def test_a_thousand_that_wait_cost_a_tenth_of_a_core_at_most(tell: Tell) -> None:
    async def wait_all() -> float:
        pace = Pace(PacePolicy(Rate(500, 1.0, "500/s")), Standing())

        async def one() -> None:
            slot = await pace.acquire()
            slot.written()
            slot.answered()

        async with asyncio.TaskGroup() as group:
            for _ in range(1000):
                group.create_task(one())
            await asyncio.sleep(0.2)
            began, busy = time.monotonic(), time.process_time()
            await asyncio.sleep(1.5)
            return (time.process_time() - busy) / (time.monotonic() - began)

    share = asyncio.run(wait_all())
    tell(f"pace: a thousand that wait at 500/s cost {share:.1%} of a core")
    assert share <= 0.10
