"""A saved plan and the world as it is now -> what of it is still to be sent, and what is still held."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from sync.model import Pending, Undone, Update
from sync.pipeline.apply import still_held, still_holds
from sync.pipeline.feeds import Target
from sync.pipeline.planning import PAGE, Sight, look, planned
from sync.pipeline.report import Report
from sync.pipeline.restore import keeps, remains, still_wanted
from sync.pipeline.sending import Work
from sync.ports import SavedPlan, SavedUpdate, Store


async def hold(work: Work, saved: SavedPlan, report: Report, store: Store) -> None:
    """What was held when the plan was made is listed as held from now on, under the plan's name."""
    target = work.target
    held = saved.held(target.name)
    while page := list(islice(held, PAGE)):
        sight = await look(target, work.feed, store, await _wait(target, page, saved, store))
        now = {entry.customer: entry for entry, _ in planned(target, sight, sight.undone)}
        found = [still_held(update.changes, update.holds, update.id, now[update.customer]) for update in page]
        holding = {settlement.customer: settlement for settlement in found if settlement}
        again = await store.wait(target.name, list(holding))  # whose row is newer than what was seen has been filed meanwhile
        settlements = [replace(holding[pending.customer], version=pending.version) for pending in again]
        await store.settle(target.name, target.vendor.place, settlements, run=saved.name)
        for settlement in settlements:
            report.note(target.name, settlement)


async def replan(work: Work, saved: SavedPlan, report: Report, store: Store) -> None:
    """Each customer is planned once more, and what was saved is held against it."""
    target = work.target
    updates = saved.updates(target.name)
    while page := list(islice(updates, PAGE)):
        waiting = await _wait(target, page, saved, store)
        sight = await look(target, work.feed, store, waiting)
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
        work.plan.write(kept)


async def _wait(target: Target, page: Sequence[SavedUpdate], saved: SavedPlan, store: Store) -> Sequence[Pending]:
    """Who was gone when this was planned is marked so in no state: whoever is not there is taken for gone.

    That is safe, since only what was planned is sent.
    """
    waiting = await store.wait(target.name, [update.customer for update in page])
    return waiting if saved.undoes else [replace(pending, gone=True) for pending in waiting]


async def _keep(updates: Sequence[Update], run: str, target: Target, sight: Sight, store: Store) -> None:
    """Noted before anything is sent: what is interrupted from here on, the next run takes up again."""
    plain = {entry.customer: entry for entry, _ in planned(target, sight, {})}
    undone = [
        Undone(update.customer, run, remains(sight.undone.get(update.customer, {}), update.changes, plain[update.customer]))
        for update in updates
    ]
    await store.put_back(target.name, undone)
