"""One pass: detect, plan, gate, deliver, report. Calls the stations in their order; a dry run is the first three."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from secrets import token_hex

import structlog
from structlog.contextvars import bound_contextvars

from sync.errors import FieldError, Keyless, Refused, SourceError, SyncError, first
from sync.facts import RunEnded, RunStarted, SourceNoted, SourceRead, StationPassed, UpdateSettled
from sync.model import (
    Baseline,
    Change,
    Claim,
    Customer,
    Diff,
    Entry,
    Filing,
    Foreign,
    Leaf,
    Outcome,
    Pending,
    Record,
    Rejection,
    Request,
    Secret,
    Settlement,
    Tripped,
    Unchanged,
    Undone,
    Update,
)
from sync.pipeline.apply import Dropped, still_held, still_holds
from sync.pipeline.census import Census
from sync.pipeline.deliver import Delivery, deliver
from sync.pipeline.detect import Stream, detect
from sync.pipeline.diff import diff
from sync.pipeline.gates import GatePolicy, Limit
from sync.pipeline.gating import gated
from sync.pipeline.gone import NOT_SHOWN, GonePolicy, parted, yielding
from sync.pipeline.lane import Lane
from sync.pipeline.plan import Plan
from sync.pipeline.project import Misfit, Projection, project
from sync.pipeline.restore import keeps, remains, still_wanted
from sync.pipeline.rollcall import Roster, call
from sync.ports import Filer, SavedPlan, SavedUpdate, Source, Store, Vendor, Watch

log = structlog.get_logger()
PAGE = 500


@dataclass(frozen=True, slots=True)
class Target:
    """One source's customers, projected onto one account. `fingerprint` changes with the map, the schema and the place."""

    name: str
    source: str
    account: str
    vendor: Vendor
    projection: Projection
    fingerprint: str
    gates: GatePolicy = field(default_factory=GatePolicy)
    gone: GonePolicy = field(default_factory=GonePolicy)

    @property
    def most_gone(self) -> Limit:
        """Of how many customers that are gone the vendor may be told at once."""
        return self.gone.most

    def census(self) -> Census | None:
        """What counts for its gates, if there are any."""
        if self.gates == GatePolicy() and not self.gone.leaves:
            return None
        return Census(self.projection.clears, values=self.gates.max_same_value is not None)

    def say(self, update: Update, changes: Diff) -> tuple[Request, ...]:
        """The vendor's requests for some of an update's changes."""
        return self.vendor.requests(update.identity, changes, update.leaves)


@dataclass(frozen=True, slots=True)
class Feed:
    """A source with all the targets that it feeds; those in `chosen` take part in this run, the others wait.

    `definition` changes when the source is read in another way, so that its old cursor says nothing.
    """

    name: str
    source: Source
    targets: tuple[Target, ...]
    chosen: tuple[Target, ...]
    definition: str = ""
    full_every: timedelta = timedelta(days=1)
    """How often at least everybody in it is called, where a target wants to know who is gone."""

    @property
    def names(self) -> list[str]:
        """The names of all its targets."""
        return [target.name for target in self.targets]

    @property
    def watching(self) -> list[str]:
        """The names of those that want to know who is gone."""
        return [target.name for target in self.targets if target.gone.watches]


Kept = Mapping[str, Mapping[str, Leaf]]
"""Fields by customer that stand in place of what the map says."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Customers that wait, their rows as they are now, what the target holds of them, and what was put back there.

    Whether the `doubtful` are gone from their source is told by the next roll call.
    """

    waiting: Sequence[Pending]
    customers: Mapping[str, Customer]
    baselines: Mapping[str, Baseline]
    undone: Kept
    doubtful: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Way:
    """The way out to one account: its lane, and what carries an update along it."""

    lane: Lane
    carry: Callable[[Update], Awaitable[Settlement]]


@dataclass(slots=True)
class Report:
    """How a run went: outcomes by target, what could not be done at all, and when."""

    run: str
    started: datetime
    targets: dict[str, dict[str, int]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    gates: dict[str, tuple[Tripped, ...]] = field(default_factory=dict)
    dropped: list[tuple[str, Dropped]] = field(default_factory=list)
    undoes: str = ""
    """The run that this one puts back, if it is an undo."""
    ended: datetime | None = None

    @property
    def tree(self) -> dict[str, object]:
        """What is remembered of it."""
        gates = {target: [one.gate for one in tripped] for target, tripped in self.gates.items()}
        undoes = {"undoes": self.undoes} if self.undoes else {}
        return {"targets": self.targets, "gates": gates, "troubles": self.troubles, **undoes}

    def note(self, target: str, settlement: Settlement) -> None:
        """One outcome more."""
        counts = self.targets.setdefault(target, {})
        counts[settlement.outcome.value] = counts.get(settlement.outcome.value, 0) + 1


def new_run() -> str:
    """The name of a run or plan: when it began, and something that no other has."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}-{token_hex(3)}"


@contextmanager
def _station(name: str, whose: str, watch: Watch) -> Iterator[None]:
    """Says how long it took, however it ended."""
    at, started = time.time(), time.monotonic()
    try:
        yield
    finally:
        watch.noted(StationPassed(name, whose, at, time.monotonic() - started))


async def read(feed: Feed, store: Filer, watch: Watch, troubles: list[str]) -> None:
    """Detects: who has changed is filed for every target of the source. Raises SourceError.

    What only some rows suffer from is added to `troubles`.
    """
    for target in feed.chosen:
        if await store.enrol(target.name, feed.name, target.fingerprint):
            log.info("target.enrolled", target=target.name)
    stream = Stream(feed.name, feed.source, feed.definition, feed.names)

    def note(text: str) -> None:
        log.warning("source.odd", source=feed.name, note=text)
        watch.noted(SourceNoted(feed.name, text))

    with _station("detect", feed.name, watch):
        try:
            found = await detect(stream, store, lambda rows: watch.moved(feed.name, "read", rows, None), note)
        except Keyless as error:
            log.warning("source.keyless", source=feed.name)
            troubles.append(str(error))
        else:
            tell = log.info if found.changed else log.debug  # a service looks every few seconds
            tell("source.read", source=feed.name, rows=found.rows, changed=found.changed)
            watch.noted(SourceRead(feed.name, found.rows, found.changed))
        gone = await call(Roster(feed.name, feed.source, feed.names, feed.watching, feed.full_every), store)
        if gone is not None:
            log.info("source.called", source=feed.name, gone=gone)


async def make_plans(feed: Feed, store: Filer, watch: Watch, troubles: list[str]) -> list[Plan]:
    """Detects, projects, diffs, plans and gates for the chosen targets of one source. Sends nothing. Raises SourceError."""
    await read(feed, store, watch, troubles)
    return [await make_plan(target, feed, store, watch) for target in feed.chosen]


Tell = Callable[[str, Plan, str], Awaitable[None]]
"""Takes the name of a run that has ended, one target's plan, and what kept its account from sending (empty: nothing)."""


async def untold(_run: str, _plan: Plan, _why: str) -> None:
    """Nobody wants to know more than the figures."""


async def run(feeds: Sequence[Feed], ways: Mapping[str, Way], store: Store, watch: Watch, tell: Tell = untold) -> Report:
    """One pass over all feeds. What one source, target or vendor cannot do never stops the others. Raises StateError."""
    report = begun(watch)
    await store.begin_run(report.run, report.started, report.tree)
    async with AsyncExitStack() as stack:
        stack.enter_context(bound_contextvars(run=report.run))
        lanes: dict[str, list[tuple[Feed, Target, Plan]]] = {}
        for feed in feeds:
            try:
                plans = await make_plans(feed, store, watch, report.troubles)
            except SourceError as error:
                log.warning("source.failed", source=feed.name)
                report.troubles.append(str(error))
                continue
            for target, plan in zip(feed.chosen, plans, strict=True):
                stack.callback(plan.close)
                lanes.setdefault(target.account, []).append((feed, target, plan))
        await _deliver_all(lanes, ways, store, report, watch)
        report.troubles += [trouble for way in ways.values() for trouble in refusal(way)]
        over(report, watch)
        await note_down(report, store)
        await _tell(report.run, lanes, ways, tell)
    return report


async def apply(
    saved: SavedPlan, feeds: Sequence[Feed], ways: Mapping[str, Way], store: Store, watch: Watch, tell: Tell = untold
) -> Report:
    """Delivers what of a saved plan still holds, as it was planned, and nothing else. Raises StateError, SourceError."""
    report = begun(watch)
    report.undoes = saved.undoes
    await store.begin_run(report.run, report.started, report.tree)
    async with AsyncExitStack() as stack:
        stack.enter_context(bound_contextvars(run=report.run))
        lanes: dict[str, list[tuple[Feed, Target, Plan]]] = {}
        for feed in feeds:
            for target in feed.chosen:
                plan = Plan(target.name, await store.known(target.name))
                stack.callback(plan.close)
                if not saved.undoes:
                    await _hold(target, feed, store, saved, report)
                await _replan(plan, target, feed, store, saved, report)
                lanes.setdefault(target.account, []).append((feed, target, plan))
        await _deliver_all(lanes, ways, store, report, watch)
        report.troubles += [trouble for way in ways.values() for trouble in refusal(way)]
        over(report, watch)
        await note_down(report, store)
        await _tell(report.run, lanes, ways, tell)
    return report


async def _hold(target: Target, feed: Feed, store: Store, saved: SavedPlan, report: Report) -> None:
    """What was held when the plan was made is listed as held from now on, under the plan's name."""
    held = saved.held(target.name)
    while page := list(islice(held, PAGE)):
        sight = await look(target, feed, store, await _wait(target, page, saved, store))
        now = {entry.customer: entry for entry, _ in planned(target, sight, sight.undone)}
        found = [still_held(update.changes, update.holds, update.id, now[update.customer]) for update in page]
        holding = {settlement.customer: settlement for settlement in found if settlement}
        again = await store.wait(target.name, list(holding))  # whose row is newer than what was seen has been filed meanwhile
        settlements = [replace(holding[pending.customer], version=pending.version) for pending in again]
        await store.settle(target.name, target.vendor.place, settlements, run=saved.name)
        for settlement in settlements:
            report.note(target.name, settlement)


async def _tell(run: str, lanes: Mapping[str, list[tuple[Feed, Target, Plan]]], ways: Mapping[str, Way], tell: Tell) -> None:
    for account, work in lanes.items():
        closed = ways[account].lane.closed
        for _, _, plan in work:
            await tell(run, plan, closed.reason if closed else "")


async def _wait(target: Target, page: Sequence[SavedUpdate], saved: SavedPlan, store: Store) -> Sequence[Pending]:
    """Who was gone when this was planned is marked so in no state: whoever is not there is taken for gone.

    That is safe, since only what was planned is sent.
    """
    waiting = await store.wait(target.name, [update.customer for update in page])
    return waiting if saved.undoes else [replace(pending, gone=True) for pending in waiting]


async def _replan(plan: Plan, target: Target, feed: Feed, store: Store, saved: SavedPlan, report: Report) -> None:
    """Each customer is planned once more, and what was saved is held against it."""
    updates = saved.updates(target.name)
    while page := list(islice(updates, PAGE)):
        waiting = await _wait(target, page, saved, store)
        sight = await look(target, feed, store, waiting)
        now = {entry.customer: entry for entry, _ in planned(target, sight, sight.undone)}
        if saved.undoes:
            back = {update.customer: still_wanted(update.changes, now[update.customer]) for update in page}
            now = {entry.customer: entry for entry, _ in planned(target, sight, keeps(sight.undone, back))}
        kept: list[Update] = []
        for update in page:
            entry, dropped = still_holds(update.changes, update.requests, update.id, now[update.customer], target.say)
            kept += [entry] if entry else []
            report.dropped += [(target.name, dropped)] if dropped else []
        if saved.undoes:
            await _keep(kept, report.run, target, sight, store)
        plan.write(kept)


async def _keep(updates: Sequence[Update], run: str, target: Target, sight: Sight, store: Store) -> None:
    """Noted before anything is sent: what is interrupted from here on, the next run takes up again."""
    plain = {entry.customer: entry for entry, _ in planned(target, sight, {})}
    undone = [
        Undone(update.customer, run, remains(sight.undone.get(update.customer, {}), update.changes, plain[update.customer]))
        for update in updates
    ]
    await store.put_back(target.name, undone)


async def _deliver_all(
    lanes: Mapping[str, list[tuple[Feed, Target, Plan]]],
    ways: Mapping[str, Way],
    store: Store,
    report: Report,
    watch: Watch,
) -> None:
    """Accounts side by side."""
    try:
        async with asyncio.TaskGroup() as group:
            for account, work in lanes.items():
                group.create_task(_drive(ways[account], work, store, report, watch))
    except* SyncError as failed:
        raise first(failed) from None


def begun(watch: Watch) -> Report:
    """The report of a run that begins now."""
    report = Report(new_run(), datetime.now(UTC))
    watch.noted(RunStarted(report.run, report.started.timestamp()))
    return report


def over(report: Report, watch: Watch) -> None:
    """The run has ended."""
    report.ended = datetime.now(UTC)
    seconds = (report.ended - report.started).total_seconds()
    watch.noted(RunEnded(report.run, tuple(report.targets), report.started.timestamp(), seconds, not report.troubles))


async def note_down(report: Report, store: Store) -> None:
    """Writes the report of a run that has ended. Raises StateError."""
    ended = report.ended or datetime.now(UTC)
    await store.log_run(report.run, report.started, ended, report.tree)


def refusal(way: Way) -> list[str]:
    """What a person has to do something about, if the account's credentials were not accepted."""
    closed = way.lane.closed
    return [f"accounts.{way.lane.account}: {closed.reason}"] if closed and closed.refused else []


async def _drive(way: Way, work: Sequence[tuple[Feed, Target, Plan]], store: Store, report: Report, watch: Watch) -> None:
    """One account's targets, one after the other."""
    for feed, target, plan in work:
        with bound_contextvars(target=target.name):
            await send(way, (feed, target, plan), store, report, watch)


async def send(way: Way, work: tuple[Feed, Target, Plan], store: Store, report: Report, watch: Watch) -> None:
    """Delivers and settles one target's plan. Raises StateError."""
    feed, target, plan = work
    report.targets.setdefault(target.name, {})
    filed = await store.filed(target.name)
    done = 0

    def note(settlement: Settlement) -> None:
        nonlocal done
        report.note(target.name, settlement)
        done += settlement.attempts > 0
        watch.moved(target.name, "sent", done, plan.figures.updates)
        at = filed.get(settlement.version) if settlement.outcome is Outcome.DELIVERED else None
        lag = (datetime.now(UTC) - at).total_seconds() if at else None
        watch.noted(UpdateSettled(target.name, settlement.outcome, settlement.attempts, lag))

    async def unseal(updates: Sequence[Update]) -> Sequence[Update | Settlement]:
        return await _unseal(updates, feed.source, target)

    with _station("deliver", target.name, watch):
        way_out = Delivery(report.run, target.name, feed.name, target.vendor.place, way.lane, way.carry, unseal, note)
        await deliver(way_out, plan.pages(), store)
        if plan.tripped:
            report.gates[target.name] = plan.tripped
        counts = report.targets[target.name]
        if plan.figures.gone:
            counts["gone"] = plan.figures.gone
        if left := plan.figures.left - (0 if plan.figures.gone else counts.get("gone", 0)):
            counts["left"] = left


async def make_plan(target: Target, feed: Feed, store: Filer, watch: Watch) -> Plan:
    """Projects, diffs, plans and gates for whoever waits for one target. Raises SourceError."""
    with ExitStack() as undo, _station("plan", target.name, watch):
        plan = Plan(target.name, await store.known(target.name), target.census())
        undo.callback(plan.close)
        await _fill(plan, target, feed, store, watch)
        undo.pop_all()
    return plan


async def _fill(plan: Plan, target: Target, feed: Feed, store: Filer, watch: Watch) -> None:
    after, planned = "", 0
    while waiting := await store.pending(target.name, after, PAGE):
        plan.write(await _plan_page(target, feed, store, waiting))
        after, planned = waiting[-1].customer, planned + len(waiting)
        watch.moved(target.name, "planned", planned, None)
    rivals = await store.rivals(target.name)
    if rivals:
        named = {entry.customer for entry in plan.entries() if entry.customer in rivals}
        others = [customer for customer in rivals if customer not in named]
        if others:
            plan.write(await _plan_page(target, feed, store, await store.wait(target.name, others)))
            rivals = await store.rivals(target.name)
        plan.contest(*yielding(rivals, plan.entries()))
    await gated(plan, target, feed, store)


async def _plan_page(target: Target, feed: Feed, store: Filer, waiting: Sequence[Pending]) -> list[Entry]:
    sight = await look(target, feed, store, waiting)
    made = planned(target, sight, sight.undone)
    await store.claim(target.name, [Claim(entry.customer, id) for entry, id in made])
    return [entry for entry, _ in made]


async def look(target: Target, feed: Feed, store: Filer, waiting: Sequence[Pending]) -> Sight:
    """What there is to plan from. Raises SourceError, StateError."""
    keys = [pending.customer for pending in waiting]
    customers = {customer.key: customer for customer in await feed.source.fetch(keys)}
    await _file_newer(customers.values(), feed, store)
    undone = {customer: one.leaves for customer, one in (await store.undone(target.name, keys)).items()}
    doubtful = await _doubtful([pending for pending in waiting if pending.customer not in customers], feed, store)
    return Sight(waiting, customers, await store.baselines(target.name, keys), undone, doubtful)


async def _doubtful(missing: Sequence[Pending], feed: Feed, store: Filer) -> frozenset[str]:
    """Where a target wants to know who is gone, nobody is before everybody has been called: else it would never be told."""
    unmarked = [pending.customer for pending in missing if not pending.gone] if feed.watching else []
    return await store.seen(feed.name, unmarked) if unmarked else frozenset()


def planned(target: Target, sight: Sight, kept: Kept) -> list[tuple[Entry, str]]:
    """An entry for each customer, in their order, with the vendor id that it claims, if they keep these fields."""
    return [
        _entry(
            target,
            pending,
            sight.customers[pending.customer],
            sight.baselines.get(pending.customer),
            kept.get(pending.customer, {}),
        )
        if pending.customer in sight.customers
        else _missed(target, pending, sight.baselines.get(pending.customer), sight.doubtful)
        for pending in sight.waiting
    ]


async def _file_newer(customers: Iterable[Customer], feed: Feed, store: Filer) -> None:
    """Who has changed once more since detect is filed once more: sent as it is now, and looked at again by the next run."""
    newer = await store.unseen(feed.name, [(customer.key, customer.digest) for customer in customers if customer.digest])
    if newer:
        await store.file(Filing(feed.name, newer, feed.names))


def _entry(
    target: Target, waiting: Pending, customer: Customer, baseline: Baseline | None, kept: Mapping[str, Leaf]
) -> tuple[Entry, str]:
    """One customer through project, diff and plan; with the vendor id that it claims."""
    record = project(customer, target.projection)
    match record:
        case None:
            return Foreign(waiting, left=_is_known(baseline)), ""
        case Misfit(errors, id):
            return Rejection(waiting, errors), id
        case Record():
            return _compared(target, waiting, keeping(record, kept, target), baseline), record.identity.value


def _missed(target: Target, waiting: Pending, baseline: Baseline | None, doubtful: Container[str]) -> tuple[Entry, str]:
    """One whom the source does not show: what the target makes of that, with the vendor id that it had."""
    if waiting.customer in doubtful:
        return Rejection(waiting, (FieldError("", NOT_SHOWN),), parked=False), ""
    here = baseline is not None and _is_known(baseline) and baseline.place == target.vendor.place
    if not (waiting.gone and target.gone.leaves and baseline and here):
        return parted(waiting, target.gone, known=_is_known(baseline)), ""
    record = Record(waiting.customer, target.projection.identify(baseline.id), target.gone.leaves)
    entry = _compared(target, waiting, record, baseline)
    return replace(entry, gone=True) if isinstance(entry, Update) else entry, baseline.id


def _is_known(baseline: Baseline | None) -> bool:
    return baseline is not None and baseline.leaves is not None


def keeping(record: Record, kept: Mapping[str, Leaf], target: Target) -> Record:
    """The record with what was put back in place of what the map says; only mapped fields are told to a vendor."""
    mapped = {name: leaf for name, leaf in kept.items() if name in target.projection.sources}
    return replace(record, leaves={**record.leaves, **mapped}) if mapped else record


def _compared(target: Target, waiting: Pending, record: Record, baseline: Baseline | None) -> Entry:
    place = target.vendor.place
    changes = diff(record, baseline, place=place, about=target.projection.about, sources=target.projection.sources)
    if not changes:
        return Unchanged(waiting)
    here = baseline is not None and (baseline.place, baseline.id) == (place, record.identity.value)
    leaves = {**(baseline.leaves or {}), **record.leaves} if baseline and here else record.leaves
    doubt = baseline.doubt - record.leaves.keys() if baseline and here else frozenset()
    try:
        requests = target.vendor.requests(record.identity, changes, leaves)
    except Refused as error:
        return Rejection(waiting, error.errors or (FieldError("id", error.reason),))
    told = (waiting.customer, record.identity, waiting.version, changes, leaves, requests, doubt)
    return Update(*told, released=waiting.released)


async def _unseal(updates: Sequence[Update], source: Source, target: Target) -> Sequence[Update | Settlement]:
    """Passwords are not part of a plan: they are read again; an update whose password has moved on waits for the next run."""
    sealed = [update for update in updates if _is_sealed(update)] if target.projection.secrets else []
    if not sealed:
        return updates
    try:
        customers = {customer.key: customer for customer in await source.fetch([update.customer for update in sealed])}
    except SyncError as error:
        return [_put_off(update, str(error)) if _is_sealed(update) else update for update in updates]
    return [_opened(update, customers.get(update.customer), target) if _is_sealed(update) else update for update in updates]


def _is_sealed(update: Update) -> bool:
    return any(isinstance(change.after, Secret) for change in update.changes)


def _opened(update: Update, customer: Customer | None, target: Target) -> Update | Settlement:
    record = project(customer, target.projection) if customer else None
    if not isinstance(record, Record):
        return _put_off(update, "the customer has changed since it was planned")
    known = {name: leaf for name, leaf in record.leaves.items() if isinstance(leaf, Secret)}
    changes = tuple(
        change
        if not isinstance(change.after, Secret)
        else Change(change.field, change.before, known.get(change.field), change.sources)
        for change in update.changes
    )
    if changes != update.changes:
        return _put_off(update, "the customer has changed since it was planned")
    return replace(update, changes=changes, requests=target.vendor.requests(update.identity, changes, update.leaves))


def _put_off(update: Update, reason: str) -> Settlement:
    told = (update.customer, update.identity.value, update.version, Outcome.DEFERRED, reason)
    return Settlement(*told, stays=update.stays)
