"""One configuration at work: sources are read when a target is due, and each account delivers by itself.

What is read is filed in the store for every target, so that nobody waits for anybody: a source's task hands the targets that
are due to their accounts' tasks and goes on; a target that is still busy is due again once it is free.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from sync.model import Timing
from sync.pipeline.feeds import Feed, Way
from sync.ports import Store, Watch
from sync.service.driver import Driver
from sync.service.lines import Line, clock
from sync.service.ongoing import Runs
from sync.service.outlets import Job, Outlet
from sync.service.reader import Reader
from sync.service.scheduler import Schedule
from sync.service.supervisor import Supervisor
from sync.service.turns import Turn

log = structlog.get_logger()
LOOK = 5.0
"""Seconds between two looks for customers who were put off, or whom another process asked for."""
OVERDUE = timedelta(minutes=2)
STUCK = timedelta(minutes=15)


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
        self._supervisor = supervisor
        self._runs = Runs(store, watch, setup.closing)
        self.turns = {
            target.name: Turn(target, setup.schedules[target.name], timings.get(target.name, Timing()), now)
            for feed in setup.feeds
            for target in feed.chosen
        }
        self.lines: Mapping[str, Line] = {feed.name: Line(feed, setup.checks[feed.name]) for feed in setup.feeds}
        self._outlets = {account: Outlet(way) for account, way in setup.ways.items()}
        self._readers = {name: self._reader(line) for name, line in self.lines.items()}
        self._looked = now

    @property
    def ways(self) -> Mapping[str, Way]:
        """The way to each account."""
        return self._setup.ways

    @property
    def under_way(self) -> Mapping[str, Mapping[str, object]]:
        """What can be told by now of each run that has begun, by its name."""
        return self._runs.under_way

    async def run(self) -> None:
        """Works until the setup is closed and what was in flight then is settled."""
        watch = partial(self._supervisor.watch, until=self._setup.closing)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(watch(f"source {name}", reader.follow())) for name, reader in self._readers.items()]
            tasks += [
                group.create_task(watch(f"calls of {name}", self._readers[name].hear(line.feed.source.woken)))
                for name, line in self.lines.items()
                if line.feed.source.woken is not None
            ]
            tasks.append(group.create_task(watch("due work", self._look())))
            drivers = [
                (outlet, group.create_task(watch(f"account {name}", Driver(outlet, self._runs).drive())))
                for name, outlet in self._outlets.items()
            ]
            await self._setup.closing.wait()
            for task in tasks:
                task.cancel()
            for outlet, task in drivers:
                if not outlet.sending:
                    task.cancel()
        await self._runs.end_all()

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
        self._readers[source].changed()

    def troubles(self) -> list[str]:
        """What does not move as it should, a sentence each."""
        now = clock()
        found = [f"due work was last looked for at {self._looked:%H:%M:%S}"] if now - self._looked > OVERDUE else []
        found += [
            f"source {line.feed.name} is being read, and nothing has come since {line.moved:%H:%M:%S}"
            for line in self.lines.values()
            if line.moved and now - line.moved > STUCK
        ]
        for turn in self.turns.values():
            line, due = self.lines[turn.target.source], turn.next(now)
            if due and not turn.busy and line.rest is None and line.moved is None and now - due > OVERDUE:
                found.append(f"target {turn.name} is due since {due:%H:%M:%S} and does not run")
        return found

    async def _keep(self, turn: Turn, *, paused: datetime | None) -> None:
        turn.timing = replace(turn.timing, paused=paused)
        await self._runs.store.time(turn.name, turn.timing)
        log.info("target.resumed" if paused is None else "target.paused", target=turn.name)

    def _wake(self, name: str) -> None:
        self.lines[self.turns[name].target.source].woken.set()

    def _reader(self, line: Line) -> Reader:
        return Reader(line, [self.turns[target.name] for target in line.feed.chosen], self._outlets, self._runs)

    async def _look(self) -> None:
        """Takes up those who were put off once they may be tried again, and those whom `retry` asked for."""
        while True:
            now = self._looked = clock()
            for name, due in (await self._runs.store.resumable()).items():
                turn = self.turns.get(name)
                line = self.lines[turn.target.source] if turn else None
                if turn and line and due <= now and turn.may_resume(now) and not line.rests(now):
                    turn.begin(now, scheduled=False)
                    self._outlets[turn.target.account].queue.put_nowait(Job(self._runs.start(1), line, turn))
            await asyncio.sleep(LOOK)
