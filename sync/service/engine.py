"""One configuration at work: sources are read when a target is due, and each account delivers by itself.

What is read is filed in the store for every target, so that nobody waits for anybody: a source's task hands the targets that
are due to their accounts' tasks and goes on; a target that is still busy is due again once it is free.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from structlog.contextvars import bound_contextvars

from sync.errors import ConfigError, SourceError
from sync.model import Outcome, Timing, Tripped
from sync.pipeline.feeds import Feed, Way
from sync.pipeline.planning import make_plan, read
from sync.pipeline.report import Report, begun, note_down, over, refusal
from sync.pipeline.sending import Work, send
from sync.ports import Store, Watch
from sync.service.lines import Line, Reading, clock
from sync.service.outlets import Job, Ongoing, Outlet
from sync.service.scheduler import Schedule
from sync.service.stillness import holds, still, waiting
from sync.service.supervisor import Supervisor
from sync.service.turns import Turn

log = structlog.get_logger()
LOOK = 5.0
"""Seconds between two looks for customers who were put off, or whom another process asked for."""
LONGEST_WAIT = 30.0
"""Seconds; a machine that has slept did not count them, so the clock is looked at again."""
OVERDUE = timedelta(minutes=2)
STUCK = timedelta(minutes=15)
UNHEARD = timedelta(seconds=30)
"""Until a source that could not be heard is listened to again."""
PUT_OFF = (Outcome.DEFERRED.value, Outcome.UNKNOWN.value)


@dataclass(frozen=True, slots=True)
class Setup:
    """One configuration, live. `checks` look whether a source has what the configuration names (ConfigError, SourceError).

    Once `closing` is set, nothing more goes out on the ways.
    """

    feeds: Sequence[Feed]
    checks: Mapping[str, Callable[[], Awaitable[None]]]
    ways: Mapping[str, Way]
    schedules: Mapping[str, Schedule]
    closing: asyncio.Event


class Engine:
    """Reads, plans and delivers by schedule until the setup is closed."""

    def __init__(self, setup: Setup, store: Store, watch: Watch, supervisor: Supervisor, timings: Mapping[str, Timing]) -> None:
        now = clock()
        self._setup = setup
        self._store = store
        self._watch = watch
        self._supervisor = supervisor
        self._lines = {feed.name: Line(feed, setup.checks[feed.name]) for feed in setup.feeds}
        self.turns = {
            target.name: Turn(target, setup.schedules[target.name], timings.get(target.name, Timing()), now)
            for feed in setup.feeds
            for target in feed.chosen
        }
        self._outlets = {account: Outlet(way) for account, way in setup.ways.items()}
        self._runs: list[Ongoing] = []
        self._looked = now

    @property
    def ways(self) -> Mapping[str, Way]:
        """The way to each account."""
        return self._setup.ways

    @property
    def lines(self) -> Mapping[str, Line]:
        """The sources."""
        return self._lines

    @property
    def under_way(self) -> Mapping[str, Mapping[str, object]]:
        """What can be told by now of each run that has begun, by its name."""
        return {one.report.run: one.report.tree for one in self._runs}

    async def run(self) -> None:
        """Works until the setup is closed and what was in flight then is settled."""
        watch = partial(self._supervisor.watch, until=self._setup.closing)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(watch(f"source {name}", self._follow(line))) for name, line in self._lines.items()]
            tasks += [
                group.create_task(watch(f"calls of {name}", self._hear(line, line.feed.source.woken)))
                for name, line in self._lines.items()
                if line.feed.source.woken is not None
            ]
            tasks.append(group.create_task(watch("due work", self._look())))
            drivers = [
                (outlet, group.create_task(watch(f"account {name}", self._drive(outlet))))
                for name, outlet in self._outlets.items()
            ]
            await self._setup.closing.wait()
            for task in tasks:
                task.cancel()
            for outlet, task in drivers:
                if not outlet.sending:
                    task.cancel()
        for run in list(self._runs):
            await self._end(run)

    # ---- what may be asked of it

    async def pause(self, name: str) -> None:
        """The target runs only when asked to from now on, also after a restart; a run under way is finished."""
        await self._keep(self.turns[name], paused=clock())

    async def resume(self, name: str) -> None:
        """The target runs by its schedule again; runs that it missed are run once."""
        await self._keep(self.turns[name], paused=None)
        self._wake(name)

    def run_now(self, name: str) -> None:
        """The target runs as soon as it is free, whatever its schedule says."""
        self.turns[name].asked = True
        self._wake(name)

    def source_changed(self, source: str) -> None:
        """Somebody knows that there is something new: what the source feeds runs as soon as it is free, paused targets apart."""
        for turn in self.turns.values():
            if turn.target.source == source and not turn.paused:
                self.run_now(turn.name)

    def troubles(self) -> list[str]:
        """What does not move as it should, a sentence each."""
        now = clock()
        found = [f"due work was last looked for at {self._looked:%H:%M:%S}"] if now - self._looked > OVERDUE else []
        found += [
            f"source {line.feed.name} is being read, and nothing has come since {line.moved:%H:%M:%S}"
            for line in self._lines.values()
            if line.moved and now - line.moved > STUCK
        ]
        for turn in self.turns.values():
            line, due = self._lines[turn.target.source], turn.next(now)
            if due and not turn.busy and line.rest is None and line.moved is None and now - due > OVERDUE:
                found.append(f"target {turn.name} is due since {due:%H:%M:%S} and does not run")
        return found

    async def _keep(self, turn: Turn, *, paused: datetime | None) -> None:
        turn.timing = replace(turn.timing, paused=paused)
        await self._store.time(turn.name, turn.timing)
        log.info("target.resumed" if paused is None else "target.paused", target=turn.name)

    def _wake(self, name: str) -> None:
        self._lines[self.turns[name].target.source].woken.set()

    def _start(self, left: int) -> Ongoing:
        run = Ongoing(begun(self._watch), left)
        self._runs.append(run)
        return run

    # ---- sources

    async def _follow(self, line: Line) -> None:
        """Reads one source whenever a target that it feeds is due."""
        turns = [self.turns[target.name] for target in line.feed.chosen]
        while True:
            now = clock()
            due = [] if line.rests(now) else [turn for turn in turns if turn.is_due(now)]
            if due:
                await self._read(line, due, now)
                continue
            starts = [start for turn in turns if not turn.busy and (start := turn.next(now))]
            await self._rest(line, min(max(start, line.free(now)) for start in starts) if starts else None)

    async def _hear(self, line: Line, woken: Callable[[], AsyncIterator[None]]) -> None:
        """Runs a source's targets whenever it says that it has changed; while it cannot be heard, the schedules go on alone."""
        while True:
            with suppress(SourceError):
                async for _ in woken():
                    for target in line.feed.chosen:
                        if not self.turns[target.name].paused:
                            self.run_now(target.name)
            log.warning("source.unheard", source=line.feed.name)
            await asyncio.sleep(UNHEARD.total_seconds())

    async def _rest(self, line: Line, until: datetime | None) -> None:
        seconds = LONGEST_WAIT if until is None else min((until - clock()).total_seconds(), LONGEST_WAIT)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0)):
                await line.woken.wait()
        line.woken.clear()

    async def _read(self, line: Line, due: Sequence[Turn], now: datetime) -> None:
        """One look at the source for all who are due; each then goes on by itself."""
        run = self._start(len(due))
        for turn in due:
            turn.begin(now, scheduled=True)
        feed = replace(line.feed, chosen=tuple(turn.target for turn in due))
        with bound_contextvars(run=run.report.run):
            try:
                line.moved = clock()
                await line.check()
                await read(feed, self._store, Reading(self._watch, line), run.report.troubles)
                line.recovered()
            except (ConfigError, SourceError) as error:
                self._failed(line, run, error)
                for turn in due:
                    turn.hold(clock(), clock())
                await self._end(run)
                return
            finally:
                line.moved = None
        for turn in due:
            self._outlets[turn.target.account].queue.put_nowait(Job(run, line, turn))

    def _failed(self, line: Line, run: Ongoing, error: ConfigError | SourceError) -> None:
        """What was broken off because the setup is closed is no failure to be told."""
        reason = str(error).replace("\n", "; ")
        line.failed(clock(), reason)
        if self._setup.closing.is_set():
            return
        run.report.troubles.append(reason)
        log.error("source.failed", source=line.feed.name, reason=reason)

    # ---- accounts

    async def _drive(self, outlet: Outlet) -> None:
        """One account's targets, one after the other."""
        while not self._setup.closing.is_set():
            job = await outlet.queue.get()
            shut_until = outlet.open(clock(), asked=job.turn.asked)
            with bound_contextvars(run=job.run.report.run, target=job.turn.name):
                try:
                    if shut_until:
                        job.turn.hold(clock(), shut_until)
                    else:
                        await self._pass(outlet, job)
                    await self._done(job)
                finally:
                    outlet.sending = False

    async def _pass(self, outlet: Outlet, job: Job) -> None:
        """Plans and delivers for one target. Only what is sent is waited for when the setup is closed."""
        report, turn, feed = job.run.report, job.turn, job.line.feed
        try:
            await job.line.check()
            who = await waiting(turn.target, self._store)
            if not turn.asked and await holds(turn.still, who, feed, clock()):
                await self._over(turn, put_off=False, shut=False)
                return
            with closing(await make_plan(turn.target, feed, self._store, self._watch)) as plan:
                outlet.sending = True
                if not plan.figures.empty:
                    await self._begin(job.run)
                await send(outlet.way, Work(feed, turn.target, plan), self._store, report, self._watch)
                turn.still = still(plan, who, clock())
        except (ConfigError, SourceError) as error:
            self._failed(job.line, job.run, error)
            turn.hold(clock(), clock())
        else:
            await self._passed(outlet, report, turn)

    async def _passed(self, outlet: Outlet, report: Report, turn: Turn) -> None:
        refused = refusal(outlet.way)
        report.troubles += refused
        counts, closed = report.targets[turn.name], outlet.way.lane.closed
        outlet.ended(clock(), refused=bool(refused))
        _judged(turn, report.gates.get(turn.name, ()))
        await self._over(turn, put_off=any(counts.get(outcome) for outcome in PUT_OFF), shut=closed is not None)

    async def _over(self, turn: Turn, *, put_off: bool, shut: bool) -> None:
        turn.end(clock(), put_off=put_off, shut=shut)
        await self._store.time(turn.name, turn.timing)

    async def _done(self, job: Job) -> None:
        """The last target's end is the run's."""
        self._wake(job.turn.name)
        job.run.left -= 1
        if job.run.left == 0:
            await self._end(job.run)

    async def _begin(self, run: Ongoing) -> None:
        """A run that finds nothing to do leaves nothing behind, since there may be one every few seconds."""
        if not run.kept:
            run.kept = True
            await self._store.begin_run(run.report.run, run.report.started, run.report.tree)

    async def _end(self, run: Ongoing) -> None:
        self._runs.remove(run)
        over(run.report, self._watch)
        if run.kept or run.report.troubles:
            await note_down(run.report, self._store)

    # ---- between the schedules

    async def _look(self) -> None:
        """Takes up those who were put off once they may be tried again, and those whom `retry` asked for."""
        while True:
            now = self._looked = clock()
            for name, due in (await self._store.resumable()).items():
                turn = self.turns.get(name)
                line = self._lines[turn.target.source] if turn else None
                if turn and line and due <= now and turn.may_resume(now) and not line.rests(now):
                    turn.begin(now, scheduled=False)
                    self._outlets[turn.target.account].queue.put_nowait(Job(self._start(1), line, turn))
            await asyncio.sleep(LOOK)


def _judged(turn: Turn, tripped: Sequence[Tripped]) -> None:
    """Which gates have tripped is told when it is not what it was."""
    before, now = ([one.gate for one in some] for some in (turn.tripped or (), tripped))
    turn.tripped = tripped
    if now and now != before:
        log.warning("gates.tripped", gates=now)
    elif before and not now:
        log.info("gates.passed", gates=before)
