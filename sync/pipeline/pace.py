"""How often an account may be sent to: evenly spaced starts, and no window above the limit at the vendor.

A window is counted from the latest moment at which a request can have arrived, not from when it was let go: setting up a
connection takes time, and a busy vendor takes together what was let go one by one. How late a request can have arrived is
told by its answer: later than the quickest one ever was, and all of the difference may have been spent on the way there.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncio_throttle.throttler import Throttler

from sync.errors import StopAccount
from sync.model import Standing

Sleep = Callable[[float], Awaitable[None]]
UTILISATION = 0.999
"""Starts are spaced a little wider than the limit allows."""
CATCH_UP = 0.02
"""Seconds by which a start that was late may be made up for; the window holds all the same."""
JITTER = 0.015
"""Seconds that any request may have been on its way, unless it was answered sooner."""
LATE = 0.1
"""Seconds within which a request that has been written is taken to have arrived, however long its answer takes."""
BUCKETS = 60
"""A quota is remembered in this many parts of its window."""
ROUNDING = 0.01
"""Seconds by which a moment may come back otherwise than it was remembered."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in so many seconds; `text` is how the configuration says it."""

    count: int
    seconds: float
    text: str

    @property
    def spacing(self) -> float:
        """Seconds between two starts."""
        return self.seconds / self.count / UTILISATION


@dataclass(frozen=True, slots=True)
class PacePolicy:
    """What an account allows; `patience` is how many seconds a run waits for a used-up quota before it stops the account."""

    rate: Rate | None = None
    quotas: tuple[Rate, ...] = ()
    patience: float = 60.0

    def seconds(self, requests: int) -> float:
        """How long so many requests take at this pace (0.0 where nothing is paced)."""
        return requests * self.rate.spacing if self.rate else 0.0


class Spacing(Throttler):
    """asyncio-throttle with one start per period, slept for exactly in place of polled for, and on a schedule."""

    def __init__(self, rate: Rate, last_sent: float, sleep: Sleep) -> None:
        super().__init__(rate_limit=1, period=rate.spacing)
        self._sleep = sleep
        if last_sent > 0:
            self._task_logs.append(time.monotonic() - min(max(time.time() - last_sent, 0.0), self.period))

    async def acquire(self) -> None:
        """Waits for the next start."""
        last: float | None = self._task_logs[-1] if self._task_logs else None
        now = time.monotonic()
        start = now if last is None else max(last + self.period, now - CATCH_UP)
        if (left := start - now) > 0:
            await self._sleep(left)
        self._task_logs.clear()
        self._task_logs.append(start)


class Slot:
    """One start; `at` is the latest moment at which the request can have arrived, None before it has left."""

    __slots__ = ("_quickest", "_written", "at")

    def __init__(self, quickest: "Quickest") -> None:
        self.at: float | None = None
        self._written: float | None = None
        self._quickest = quickest

    def written(self) -> None:
        """The request has left."""
        if self._written is None:
            self._written = time.monotonic()
            self.at = self._written + LATE

    def answered(self) -> None:
        """It was answered, or given up; one that never left counts as having arrived now."""
        now = time.monotonic()
        if self._written is None:
            self._written = self.at = now
        else:
            took = now - self._written
            self.at = self._written + min(took, max(self._quickest.delay(took), JITTER), LATE)


class Quickest:
    """The shortest time in which an account has answered lately; one odd answer is forgotten after so many others."""

    LATELY = 256

    def __init__(self) -> None:
        self._before = self._seconds = float("inf")
        self._count = 0

    def delay(self, seconds: float) -> float:
        """By how much an answer was later than that."""
        if self._count == self.LATELY:
            self._before, self._seconds, self._count = self._seconds, float("inf"), 0
        self._seconds = min(self._seconds, seconds)
        self._count += 1
        return seconds - min(self._seconds, self._before)


class Window:
    """At most `count` requests leave in any `seconds`."""

    def __init__(self, rate: Rate, sleep: Sleep) -> None:
        self._count = rate.count
        self._seconds = rate.seconds
        self._sleep = sleep
        self._slots: deque[Slot] = deque()

    async def acquire(self, slot: Slot) -> None:
        """Waits until the request that is `count` back has left long enough ago."""
        while len(self._slots) >= self._count:
            first = self._slots[0].at
            left = self._seconds / self._count if first is None else first + self._seconds - time.monotonic()
            if left <= 0:
                self._slots.popleft()
            else:
                await self._sleep(left)
        self._slots.append(slot)


class Quota:
    """At most `count` calls in any `seconds`, remembered over restarts.

    Counted in monotonic seconds, as the vendor's own clock does not jump with ours; remembered in those of the wall clock.
    """

    def __init__(self, rate: Rate, used: Sequence[Sequence[float]]) -> None:
        self._rate = rate
        self._width = max(rate.seconds / BUCKETS, 1.0)
        now, ahead = time.monotonic(), _ahead()
        # what lies in the future was noted by a clock that was set back
        self._used = [(min(start - ahead, now), int(count)) for start, count in used]

    def wait(self) -> float:
        """Seconds until the next call may start: none, or until the oldest part leaves the window."""
        now = time.monotonic()
        self._used = [(start, count) for start, count in self._used if start + self._width + self._rate.seconds > now]
        if sum(count for _, count in self._used) < self._rate.count:
            return 0.0
        return self._used[0][0] + self._width + self._rate.seconds - now

    def take(self, count: int = 1) -> None:
        """Counts calls, with those that were remembered of the same part of the window (to a fraction of a second)."""
        now = time.monotonic()
        start = now - now % self._width
        if self._used and self._used[-1][0] > start - ROUNDING:
            last, taken = self._used.pop()
            start, count = max(start, last), taken + count
        self._used.append((start, count))

    @property
    def left(self) -> int:
        """Calls that are left now."""
        self.wait()
        return max(self._rate.count - sum(count for _, count in self._used), 0)

    def remember(self) -> tuple[str, list[tuple[float, int]]]:
        """For `Standing.used`."""
        ahead = _ahead()
        return self._rate.text, [(round(start + ahead, 3), count) for start, count in self._used]


def _ahead() -> float:
    """By how much the wall clock is ahead of the monotonic one just now."""
    return time.time() - time.monotonic()


class Pace:
    """All the limits of one account; whoever wants to send waits here, first come, first served.

    What `sleep` raises ends the waiting.
    """

    def __init__(self, policy: PacePolicy, standing: Standing, in_flight: int = 0, sleep: Sleep = asyncio.sleep) -> None:
        self._policy = policy
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._quickest = Quickest()
        self._last_sent = time.time() if in_flight else standing.last_sent
        self._spacing = Spacing(policy.rate, self._last_sent, sleep) if policy.rate else None
        self._window = Window(policy.rate, sleep) if policy.rate else None
        self._quotas = [Quota(rate, standing.used.get(rate.text, ())) for rate in policy.quotas]
        for quota in self._quotas:
            quota.take(in_flight)

    async def acquire(self) -> Slot:
        """The next start. Raises StopAccount if a quota is used up for longer than the policy's patience."""
        slot = Slot(self._quickest)
        if not self._spacing and not self._quotas:
            self._last_sent = time.time()
            return slot
        async with self._turn:
            await self._within_quota()
            if self._spacing and self._window:
                await self._spacing.acquire()
                await self._window.acquire(slot)
            self._last_sent = time.time()
            for quota in self._quotas:
                quota.take()
        return slot

    async def _within_quota(self) -> None:
        for quota, rate in zip(self._quotas, self._policy.quotas, strict=True):
            while (left := quota.wait()) > 0:
                if left > self._policy.patience:
                    until = datetime.fromtimestamp(time.time() + left, UTC)
                    raise StopAccount(f"quota {rate.text} is used up", until)
                await self._sleep(left)

    def left(self) -> dict[str, int]:
        """Calls left now, by quota as written."""
        return {rate.text: quota.left for rate, quota in zip(self._policy.quotas, self._quotas, strict=True)}

    def remember(self) -> Mapping[str, Any]:
        """What `Standing` keeps of the pace."""
        return {"last_sent": self._last_sent, "used": dict(quota.remember() for quota in self._quotas)}
