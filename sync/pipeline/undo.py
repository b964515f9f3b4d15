"""A run that has ended -> the plan that puts back what it changed, page by page. Sends nothing.

A customer that was put back keeps its fields so until its row changes at the source: what is kept stands in place of what the
map says, in this plan and in every run until then, so that nothing fights it and whatever is interrupted is taken up again.
"""

from collections.abc import Mapping
from dataclasses import replace

from sync.errors import FieldError
from sync.model import Entry, Episode, Pending, Rejection, Update
from sync.pipeline.feeds import Feed, Target
from sync.pipeline.gating import judge
from sync.pipeline.narrow import narrowed
from sync.pipeline.plan import Plan
from sync.pipeline.planning import PAGE, look, planned
from sync.pipeline.restore import Ground, Restored, keeps, restored
from sync.ports import Filer


async def plan_undo(run: str, feed: Feed, store: Filer) -> list[Plan]:
    """A plan for each chosen target of one source. Raises SourceError, StateError.

    What cannot be put back is rejected, with an error per field.
    """
    return [await _plan(run, target, feed, store) for target in feed.chosen]


async def _plan(run: str, target: Target, feed: Feed, store: Filer) -> Plan:
    """No gate on the source's rows is asked: what is put back does not come from there."""
    plan = Plan(target.name, await store.known(target.name), target.census())
    after = ""
    while customers := await store.told(run, target.name, after, PAGE):
        plan.write(await _page(await store.episodes(run, target.name, customers), target, feed, store))
        after = customers[-1]
    judge(plan, target)
    return plan


async def _page(episodes: Mapping[str, Episode], target: Target, feed: Feed, store: Filer) -> list[Entry]:
    sight = await look(target, feed, store, await store.wait(target.name, list(episodes)))
    sight = replace(sight, doubtful=frozenset())  # whoever is not there just now cannot be put back
    ground = Ground(target.vendor.place, target.projection.about, target.projection.sources)
    found = {
        entry.customer: restored(episodes[entry.customer], sight.baselines.get(entry.customer), entry, ground)
        for entry, _ in planned(target, sight, sight.undone)
    }
    then = planned(target, sight, keeps(sight.undone, {customer: one.leaves for customer, one in found.items()}))
    return [
        part
        for (entry, _), pending in zip(then, sight.waiting, strict=True)
        for part in _parts(entry, pending, found[pending.customer], target)
    ]


def _parts(entry: Entry, waiting: Pending, found: Restored, target: Target) -> list[Entry]:
    """What goes, and what stays as it is with the reason; one customer may have both."""
    parts: list[Entry] = []
    errors = list(found.errors)
    if isinstance(entry, Update) and (keep := tuple(change for change in entry.changes if change.field in found.leaves)):
        parts.append(narrowed(entry, keep, target.say))
    elif isinstance(entry, Rejection) and found.leaves:
        errors += [FieldError(error.field, f"not restorable: {error.message}") for error in entry.errors]
    return [*parts, Rejection(waiting, tuple(errors), parked=False)] if errors else parts
