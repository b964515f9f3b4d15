"""One pass: detect, plan, gate, deliver, report. Calls the stations in their order; a dry run is the first three."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from structlog.contextvars import bound_contextvars

from sync.errors import SourceError
from sync.pipeline.feeds import Feed, Way
from sync.pipeline.plan import Plan
from sync.pipeline.planning import make_plans
from sync.pipeline.replanning import hold, replan
from sync.pipeline.report import Report, begun, note_down, over, refusal
from sync.pipeline.sending import Work, by_account, send_all
from sync.ports import SavedPlan, Store, Watch

log = structlog.get_logger()
Tell = Callable[[str, Plan, str], Awaitable[None]]
"""Takes the name of a run that has ended, one target's plan, and what kept its account from sending (empty: nothing)."""


async def untold(_run: str, _plan: Plan, _why: str) -> None:
    """Nobody wants to know more than the figures."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a pass needs beside its feeds: a way to each account, the state, who looks on, and who is told how it ended."""

    ways: Mapping[str, Way]
    store: Store
    watch: Watch
    tell: Tell = untold


async def run(feeds: Sequence[Feed], means: Means) -> Report:
    """One pass over all feeds. What one source, target or vendor cannot do never stops the others. Raises StateError."""
    report = begun(means.watch)
    async with _passing(report, means) as works:
        for feed in feeds:
            try:
                plans = await make_plans(feed, means.store, means.watch, report.troubles)
            except SourceError as error:
                log.warning("source.failed", source=feed.name)
                report.troubles.append(str(error))
            else:
                works += [Work(feed, target, plan) for target, plan in zip(feed.chosen, plans, strict=True)]
    return report


async def apply(saved: SavedPlan, feeds: Sequence[Feed], means: Means) -> Report:
    """Delivers what of a saved plan still holds, as it was planned, and nothing else. Raises StateError, SourceError."""
    report = begun(means.watch)
    report.undoes = saved.undoes
    async with _passing(report, means) as works:
        for feed in feeds:
            for target in feed.chosen:
                work = Work(feed, target, Plan(target.name, await means.store.known(target.name)))
                works.append(work)
                if not saved.undoes:
                    await hold(work, saved, report, means.store)
                await replan(work, saved, report, means.store)
    return report


@asynccontextmanager
async def _passing(report: Report, means: Means) -> AsyncIterator[list[Work]]:
    """What is planned in the block is delivered, noted down and told when it ends; the plans are closed, whatever happens."""
    works: list[Work] = []
    await means.store.begin_run(report.run, report.started, report.tree)
    with bound_contextvars(run=report.run):
        try:
            yield works
            await _pass(by_account(works), report, means)
        finally:
            for work in works:
                work.plan.close()


async def _pass(lanes: Mapping[str, Sequence[Work]], report: Report, means: Means) -> None:
    await send_all(lanes, means.ways, means.store, report, means.watch)
    report.troubles += [trouble for way in means.ways.values() for trouble in refusal(way)]
    over(report, means.watch)
    await note_down(report, means.store)
    for account, works in lanes.items():
        closed = means.ways[account].lane.closed
        for work in works:
            await means.tell(report.run, work.plan, closed.reason if closed else "")
