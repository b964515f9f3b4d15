"""Plans -> delivered, settled and counted: accounts side by side, the targets of each one after the other."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from structlog.contextvars import bound_contextvars

from sync.errors import SyncError, first
from sync.facts import UpdateSettled
from sync.model import Outcome, Settlement, Update
from sync.pipeline.deliver import Delivery, deliver
from sync.pipeline.feeds import Feed, Target, Way
from sync.pipeline.plan import Plan
from sync.pipeline.planning import station
from sync.pipeline.report import Report
from sync.pipeline.unseal import unsealed
from sync.ports import Store, Watch


@dataclass(frozen=True, slots=True)
class Work:
    """One target's plan, with where its customers come from."""

    feed: Feed
    target: Target
    plan: Plan


def by_account(works: Iterable[Work]) -> dict[str, list[Work]]:
    """Those that go the same way, in their order."""
    lanes: dict[str, list[Work]] = {}
    for work in works:
        lanes.setdefault(work.target.account, []).append(work)
    return lanes


async def send_all(
    lanes: Mapping[str, Sequence[Work]], ways: Mapping[str, Way], store: Store, report: Report, watch: Watch
) -> None:
    """Every plan by the way to its account. Raises StateError."""

    async def drive(way: Way, own: Sequence[Work]) -> None:
        for work in own:
            with bound_contextvars(target=work.target.name):
                await send(way, work, store, report, watch)

    try:
        async with asyncio.TaskGroup() as group:
            for account, own in lanes.items():
                group.create_task(drive(ways[account], own))
    except* SyncError as failed:
        raise first(failed) from None


async def send(way: Way, work: Work, store: Store, report: Report, watch: Watch) -> None:
    """Delivers and settles one target's plan. Raises StateError."""
    feed, target, plan = work.feed, work.target, work.plan
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
