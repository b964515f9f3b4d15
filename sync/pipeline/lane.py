"""The way to one account: who may send now. Everything that stops or slows the whole account is here."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from sync.errors import Refused, SyncError
from sync.model import LONGEST_STOP, Standing
from sync.pipeline.breaker import Breaker, BreakerPolicy
from sync.pipeline.pace import Pace, PacePolicy, Slot
from sync.pipeline.retry import RetryPolicy, unwell

log = structlog.get_logger()
LOOK = 1.0
"""Seconds after which whoever waits for a probe looks whether the process is asked to stop."""


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How one account is driven. `timeout` bounds one request, `patience` what a run waits for the account; both in seconds."""

    concurrency: int = 4
    timeout: float = 30.0
    patience: float = 60.0
    pace: PacePolicy = field(default_factory=PacePolicy)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


@dataclass(frozen=True, slots=True)
class Condition:
    """How an account is: seconds waited for its pace so far, whether it counts as unwell or is stopped, calls left by quota.

    A stopped one has `refused` its credentials, or may not be sent to `until` then, or was given up as unwell. `answers`: it has
    answered as one that is well since it last was stopped, or opened.
    """

    account: str
    waited: float
    unwell: bool
    stopped: bool
    quotas: Mapping[str, int]
    refused: bool = False
    until: datetime | None = None
    answers: bool = False


def _lasts(until: float) -> bool:
    """Whether that is still to come, and not so far off that only a clock which was set back since can say so."""
    return 0 < until - time.time() <= LONGEST_STOP


class LaneClosed(SyncError):
    """Nothing more goes out on this lane in this run; `until` is when it may be worth while again.

    `refused`: the vendor does not accept the account's credentials, so a person has to do something.
    """

    def __init__(self, reason: str, until: datetime | None, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.until = until
        self.refused = refused


class Stopping(LaneClosed):
    """The process is asked to stop: nothing is wrong with the account."""

    def __init__(self) -> None:
        super().__init__("stopped before it was sent", None)


async def _forgotten(_standing: Standing) -> None:
    """Nobody remembers."""


class Lane:
    """One account's door; `remember` writes its standing down."""

    def __init__(
        self,
        account: str,
        policy: LanePolicy,
        standing: Standing,
        stopping: asyncio.Event,
        in_flight: int = 0,
        remember: Callable[[Standing], Awaitable[None]] = _forgotten,
    ) -> None:
        self.account = account
        self.policy = policy
        self._remember = remember
        self._intended: set[str] = set()
        self._pace = Pace(policy.pace, standing, in_flight, self.rest)
        self._breaker = Breaker(policy.breaker)
        self._stopping = stopping
        self._resume = 0.0
        self._waited = 0.0
        self._closed: LaneClosed | None = None
        self._answers = False
        self._unwell = ""
        self._moved = asyncio.Event()
        if _lasts(standing.stopped_until):
            self.close(standing.reason, datetime.fromtimestamp(standing.stopped_until, UTC))

    @property
    def closed(self) -> LaneClosed | None:
        """Why nothing goes out any more, if so."""
        if self._stopping.is_set():
            return Stopping()
        return self._closed

    async def enter(self, customer: str, *, intended: bool = True) -> Slot:
        """Returns when a request for this customer may be sent. Raises LaneClosed, StopAccount.

        One that is not `intended`, in an update that was written down, is counted before it leaves.
        """
        while True:
            self._check()
            if (left := max(self._resume - time.monotonic(), self._breaker.wait(time.monotonic()))) > 0:
                await self.rest(left)
            elif self._breaker.admits(customer):
                return await self._next_slot(customer, intended=intended)
            else:
                await self._wait_for_probe()

    async def _next_slot(self, customer: str, *, intended: bool) -> Slot:
        """A slot that will not be used counts as answered, or the next one would wait for it for ever."""
        started = time.monotonic()
        slot = await self._pace.acquire()
        self._waited += time.monotonic() - started
        if self.closed:
            slot.answered()
        self._check()
        if self.policy.pace.quotas and (customer in self._intended or not intended):
            await self._remember(self.standing())  # an intent stands for one call, and this is one more
        self._intended.add(customer)
        return slot

    async def _wait_for_probe(self) -> None:
        """Nobody says when the process is asked to stop, so that is looked at now and then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await self._moved.wait()

    async def rest(self, seconds: float) -> None:
        """Waits, or raises LaneClosed when the process is asked to stop or the lane has been closed."""
        self._check()
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        self._check()

    def _check(self) -> None:
        if self.closed:
            raise self.closed

    def pause(self, reason: str, until: datetime) -> None:
        """Nobody sends before `until`; if that is more than a run should wait for, the lane closes."""
        left = (until - datetime.now(UTC)).total_seconds()
        if left > self.policy.patience:
            self.close(reason, until)
        elif time.monotonic() + left > self._resume:
            self._resume = time.monotonic() + left
            log.warning("account.paused", account=self.account, seconds=round(left, 1))

    def close(self, reason: str, until: datetime | None, *, refused: bool = False) -> None:
        """Nothing more goes out in this run."""
        if self._closed is None:
            self._closed = LaneClosed(reason, until, refused=refused)
            self._answers = False
            log.warning("account.stopped", account=self.account, until=until and until.isoformat())

    def reopen(self) -> None:
        """A new run begins: what ended the last one is tried again, unless it is known to last."""
        if self._closed and not (self._closed.until and _lasts(self._closed.until.timestamp())):
            self._closed = None
            self._breaker.encourage()

    def noted(self, customer: str, trouble: SyncError | None, said: str = "") -> None:
        """Tells the breaker how a request ended; `said` is what is wrong, without secrets."""
        if trouble is None or not unwell(trouble):
            self._breaker.succeeded()
            self._answers |= trouble is None or isinstance(trouble, Refused)
        else:
            self._breaker.failed(customer, time.monotonic())
            self._unwell = said
            if self._breaker.spent:
                self.close(f"the vendor is unwell: {self._unwell}", None)
        self._wake()

    def left(self, customer: str) -> None:
        """The update of this customer has ended, one way or the other."""
        self._intended.discard(customer)
        self._breaker.left(customer)
        self._wake()

    def _wake(self) -> None:
        """Whoever waits for a probe to end looks again."""
        self._moved.set()
        self._moved.clear()

    def condition(self) -> Condition:
        """How it is now, for whoever looks on."""
        closed = self._closed
        stop = (closed.refused, closed.until) if closed else (False, None)
        unwell, left = not self._breaker.closed, self._pace.left()
        return Condition(self.account, self._waited, unwell, closed is not None, left, *stop, answers=self._answers)

    def standing(self) -> Standing:
        """What has to be remembered."""
        until = self._closed.until if self._closed else None
        reason = self._closed.reason if self._closed else ("" if self._breaker.closed else f"unwell: {self._unwell}")
        return Standing(until.timestamp() if until else 0.0, reason, **self._pace.remember())
