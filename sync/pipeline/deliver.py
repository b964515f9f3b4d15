"""A plan's entries -> settlements in the store: intent first, then the lane, then the outcome, each in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from sync.errors import SyncError, first
from sync.failpoints import reach
from sync.model import Entry, Foreign, Held, Outcome, Rejection, Settlement, Standing, Unchanged, Update
from sync.pipeline.lane import Lane, LaneClosed
from sync.ports import Store

log = structlog.get_logger()
BATCH = 64
QUIET = 1.0
"""Seconds without an outcome after which the account's standing is written by itself."""
GONE = "gone from the source; listed until it returns, or `customer-sync retry` lets go of it"
LINGER = 0.02
"""Seconds for which outcomes are collected before they are written; so many can at most be sent again after a crash."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One target's way out. `unseal` fills in the passwords that a plan does not hold, None where they have moved on."""

    run: str
    target: str
    source: str
    place: str
    lane: Lane
    carry: Callable[[Update], Awaitable[Settlement]]
    unseal: Callable[[Sequence[Update]], Awaitable[Sequence[Update | Settlement]]]
    note: Callable[[Settlement], None]


async def deliver(delivery: Delivery, pages: Iterable[list[Entry]], store: Store) -> None:
    """Delivers every update of the plan, and writes down what needs no sending. Raises StateError, SourceError."""
    await _Round(delivery, store).run(pages)


class _Round:
    """One delivery under way: a producer, as many workers as the account allows, and one that writes down."""

    def __init__(self, delivery: Delivery, store: Store) -> None:
        self._delivery = delivery
        self._store = store
        self._standing: Standing | None = None
        self._ahead = min(2 * delivery.lane.policy.concurrency, BATCH)
        self._updates: asyncio.Queue[Update | None] = asyncio.Queue(self._ahead)
        self._settled: list[Settlement] = []
        self._sent_all = False
        self._news = asyncio.Event()
        self._put_off = 0
        self._log = log.bind(target=delivery.target)  # bound once: at every line it costs more than the line

    async def run(self, pages: Iterable[list[Entry]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write())
                async with asyncio.TaskGroup() as senders:
                    senders.create_task(self._produce(pages))
                    for _ in range(self._delivery.lane.policy.concurrency):
                        senders.create_task(self._work())
                self._sent_all = True
                self._news.set()
                await writer
        except* SyncError as group:
            raise first(group) from None
        finally:
            if self._put_off:
                self._log.info("updates.put_off", customers=self._put_off)

    async def _produce(self, pages: Iterable[list[Entry]]) -> None:
        for page in pages:
            await self._write_down([entry for entry in page if not isinstance(entry, Update)])
            updates = [entry for entry in page if isinstance(entry, Update)]
            for start in range(0, len(updates), self._ahead):
                await self._offer(updates[start : start + self._ahead])
        for _ in range(self._delivery.lane.policy.concurrency):
            await self._updates.put(None)

    async def _offer(self, batch: Sequence[Update]) -> None:
        """The intent of a batch is durable before any of it is sent; on a closed lane nothing is intended any more."""
        if closed := self._delivery.lane.closed:
            for update in batch:
                self._note(_deferred(update, closed))
            return
        ready: list[Update] = []
        for thing in await self._delivery.unseal(batch):
            if isinstance(thing, Update):
                ready.append(thing)
            else:
                self._note(thing)
        if ready:
            await self._store.intend(self._delivery.target, ready)
            reach("after_intent")
        for update in ready:
            await self._updates.put(update)

    async def _work(self) -> None:
        while (update := await self._updates.get()) is not None:
            self._note(await self._delivery.carry(update))

    async def _write(self) -> None:
        """Collects outcomes for a moment and writes them in one transaction, with what the account has used by then."""
        while not (self._sent_all and not self._settled):
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET):  # before 3.12 `wait_for` may swallow the cancellation of its caller
                    await self._news.wait()
            if not self._sent_all:
                await asyncio.sleep(LINGER)
            self._news.clear()
            batch, self._settled = self._settled, []
            await self._settle(batch)

    def _note(self, settlement: Settlement) -> None:
        self._settled.append(settlement)
        self._news.set()

    async def _settle(self, batch: Sequence[Settlement]) -> None:
        """What the account has used is written first: until then the intents stand for it."""
        reach("before_settling")
        standing = self._delivery.lane.standing()
        if standing != self._standing:
            await self._store.stand(self._delivery.lane.account, standing)
            self._standing = standing
        if batch:
            await self._store.settle(self._delivery.target, self._delivery.place, batch, run=self._delivery.run)
        reach("after_settling")
        for settlement in batch:
            self._delivery.note(settlement)
            self._tell(settlement)

    def _tell(self, settlement: Settlement) -> None:
        """Whom nobody has tried is counted: while a vendor is away, that may be everybody, again and again."""
        if settlement.attempts == 0:
            self._put_off += 1
            return
        self._log.info(
            "update.settled",
            outcome=settlement.outcome.value,
            customer=settlement.customer,
            attempts=settlement.attempts,
            fields=[error.field for error in settlement.errors],
        )

    async def _write_down(self, entries: Sequence[Entry]) -> None:
        """What is rejected, held, unchanged or somebody else's ends here."""
        settlements = [settled for entry in entries if (settled := _settled(entry))]
        if settlements:
            await self._store.settle(self._delivery.target, self._delivery.place, settlements, run=self._delivery.run)
            for settlement in settlements:
                self._delivery.note(settlement)
        foreign = [entry for entry in entries if isinstance(entry, Foreign) and not entry.listed]
        if foreign:
            # forgotten first: who waits is looked at again, who does not wait and was seen is not
            await self._store.forget(self._delivery.source, [entry.customer for entry in foreign if entry.gone])
            await self._store.drop(self._delivery.target, [entry.waiting for entry in foreign])


def _settled(entry: Entry) -> Settlement | None:
    match entry:
        case Unchanged(waiting):
            return Settlement(waiting.customer, "", waiting.version, Outcome.UNCHANGED)
        case Rejection(waiting, errors, parked, holds):
            reason = "; ".join(map(str, errors[:3]))
            told = (reason, errors)
            return Settlement(waiting.customer, "", waiting.version, Outcome.REJECTED, *told, parked=parked, holds=holds)
        case Held(update, _, reason, holds):
            return Settlement(update.customer, update.identity.value, update.version, Outcome.HELD, reason, holds=holds)
        case Foreign(waiting, listed=True):
            return Settlement(waiting.customer, "", waiting.version, Outcome.GONE, GONE, parked=True)
    return None


def _deferred(update: Update, closed: LaneClosed) -> Settlement:
    told = (update.customer, update.identity.value, update.version, Outcome.DEFERRED, closed.reason)
    return Settlement(*told, due=closed.until, stays=update.stays)
