"""One pass: detect, plan, gate, deliver, report. Calls the stations in their order; a dry run is the first three."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import structlog
from structlog.contextvars import bound_contextvars

from sync.errors import SourceError, SyncError, first
from sync.facts import UpdateSettled
from sync.model import (
    Outcome,
    Pending,
    Settlement,
    Undone,
    Update,
)
from sync.pipeline.apply import still_held, still_holds
from sync.pipeline.deliver import Delivery, deliver
from sync.pipeline.feeds import Feed, Target, Way
from sync.pipeline.plan import Plan
from sync.pipeline.planning import PAGE, Sight, look, make_plans, planned, station
from sync.pipeline.report import Report, begun, note_down, over, refusal
from sync.pipeline.restore import keeps, remains, still_wanted
from sync.pipeline.unseal import unsealed
from sync.ports import SavedPlan, SavedUpdate, Store, Watch

log = structlog.get_logger()
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
        return await unsealed(updates, feed.source, target)

    with station("deliver", target.name, watch):
        way_out = Delivery(report.run, target.name, feed.name, target.vendor.place, way.lane, way.carry, unseal, note)
        await deliver(way_out, plan.pages(), store)
        if plan.tripped:
            report.gates[target.name] = plan.tripped
        counts = report.targets[target.name]
        if plan.figures.gone:
            counts["gone"] = plan.figures.gone
        if left := plan.figures.left - (0 if plan.figures.gone else counts.get("gone", 0)):
            counts["left"] = left
