"""Customers that wait -> entries of a plan: looked at, projected, compared, judged."""

import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import structlog

from sync.errors import FieldError, Keyless, Refused
from sync.facts import SourceNoted, SourceRead, StationPassed
from sync.model import (
    Baseline,
    Claim,
    Customer,
    Entry,
    Filing,
    Foreign,
    Leaf,
    Pending,
    Record,
    Rejection,
    Unchanged,
    Update,
)
from sync.pipeline.detect import Stream, detect
from sync.pipeline.diff import diff
from sync.pipeline.feeds import Feed, Target
from sync.pipeline.gating import gated
from sync.pipeline.gone import NOT_SHOWN, parted, yielding
from sync.pipeline.plan import Plan
from sync.pipeline.project import Misfit, project
from sync.pipeline.rollcall import Roster, call
from sync.ports import Filer, Watch

log = structlog.get_logger()


PAGE = 500


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


@contextmanager
def station(name: str, whose: str, watch: Watch) -> Iterator[None]:
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

    with station("detect", feed.name, watch):
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
    plans = [await make_plan(target, feed, store, watch) for target in feed.chosen]
    for plan in plans:
        if plan.tripped:
            log.warning("gates.tripped", target=plan.target, gates=[one.gate for one in plan.tripped])
    return plans


async def make_plan(target: Target, feed: Feed, store: Filer, watch: Watch) -> Plan:
    """Projects, diffs, plans and gates for whoever waits for one target. Raises SourceError."""
    with ExitStack() as undo, station("plan", target.name, watch):
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
