"""One account of the service: its targets are planned and delivered one after the other."""

from collections.abc import Sequence
from contextlib import closing

import structlog
from structlog.contextvars import bound_contextvars

from sync.errors import ConfigError, SourceError
from sync.model import Outcome, Tripped
from sync.pipeline.planning import make_plan
from sync.pipeline.report import Report, refusal
from sync.pipeline.sending import Work, send
from sync.service.lines import clock
from sync.service.ongoing import Runs
from sync.service.outlets import Job, Outlet
from sync.service.stillness import holds, still, waiting
from sync.service.turns import Turn

log = structlog.get_logger()
PUT_OFF = (Outcome.DEFERRED.value, Outcome.UNKNOWN.value)


class Driver:
    """Takes what waits for one account."""

    def __init__(self, outlet: Outlet, runs: Runs) -> None:
        self._outlet = outlet
        self._runs = runs
        self._store = runs.store

    async def drive(self) -> None:
        """Until the setup is closed."""
        outlet = self._outlet
        while not self._runs.closing.is_set():
            job = await outlet.queue.get()
            shut_until = outlet.open(clock(), asked=job.turn.asked)
            with bound_contextvars(run=job.run.report.run, target=job.turn.name):
                try:
                    if shut_until:
                        job.turn.hold(clock(), shut_until)
                    else:
                        await self._pass(job)
                    job.line.woken.set()
                    await self._runs.done(job.run)
                finally:
                    outlet.sending = False

    async def _pass(self, job: Job) -> None:
        """Plans and delivers for one target. Only what is sent is waited for when the setup is closed."""
        report, turn, feed = job.run.report, job.turn, job.line.feed
        try:
            await job.line.check()
            who = await waiting(turn.target, self._store)
            if not turn.asked and await holds(turn.still, who, feed, clock()):
                await self._over(turn, put_off=False, shut=False)
                return
            with closing(await make_plan(turn.target, feed, self._store, self._runs.watch)) as plan:
                self._outlet.sending = True
                if not plan.figures.empty:
                    await self._runs.keep(job.run)
                await send(self._outlet.way, Work(feed, turn.target, plan), self._store, report, self._runs.watch)
                turn.still = still(plan, who, clock())
        except (ConfigError, SourceError) as error:
            self._runs.failed(job.run, job.line, error)
            turn.hold(clock(), clock())
        else:
            await self._passed(report, turn)

    async def _passed(self, report: Report, turn: Turn) -> None:
        refused = refusal(self._outlet.way)
        report.troubles += refused
        counts, closed = report.targets[turn.name], self._outlet.way.lane.closed
        self._outlet.ended(clock(), refused=bool(refused))
        _judged(turn, report.gates.get(turn.name, ()))
        await self._over(turn, put_off=any(counts.get(outcome) for outcome in PUT_OFF), shut=closed is not None)

    async def _over(self, turn: Turn, *, put_off: bool, shut: bool) -> None:
        turn.end(clock(), put_off=put_off, shut=shut)
        await self._store.time(turn.name, turn.timing)


def _judged(turn: Turn, tripped: Sequence[Tripped]) -> None:
    """Which gates have tripped is told when it is not what it was."""
    before, now = ([one.gate for one in some] for some in (turn.tripped or (), tripped))
    turn.tripped = tripped
    if now and now != before:
        log.warning("gates.tripped", gates=now)
    elif before and not now:
        log.info("gates.passed", gates=before)
