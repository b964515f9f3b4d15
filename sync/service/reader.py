"""One source of the service: looked at whenever a target that it feeds is due, or when it says that it has changed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog
from structlog.contextvars import bound_contextvars

from sync.errors import ConfigError, SourceError
from sync.pipeline.planning import read
from sync.service.lines import Line, Reading, clock
from sync.service.ongoing import Runs
from sync.service.outlets import Job, Outlet
from sync.service.turns import Turn

log = structlog.get_logger()
LONGEST_WAIT = 30.0
"""Seconds; a machine that has slept did not count them, so the clock is looked at again."""
UNHEARD = 30.0
"""Seconds until a source that could not be heard is listened to again."""


class Reader:
    """Reads the source of a line for the targets that it feeds (`turns`), and hands those that are due to their accounts."""

    def __init__(self, line: Line, turns: Sequence[Turn], outlets: Mapping[str, Outlet], runs: Runs) -> None:
        self._line = line
        self._turns = turns
        self._outlets = outlets
        self._runs = runs

    async def follow(self) -> None:
        """Reads it whenever a target is due."""
        line = self._line
        while True:
            now = clock()
            due = [] if line.rests(now) else [turn for turn in self._turns if turn.is_due(now)]
            if due:
                await self._read(due, now)
                continue
            starts = [start for turn in self._turns if not turn.busy and (start := turn.next(now))]
            await self._rest(min(max(start, line.free(now)) for start in starts) if starts else None)

    async def hear(self, woken: Callable[[], AsyncIterator[None]]) -> None:
        """Runs its targets whenever it says that it has changed; while it cannot be heard, the schedules go on alone."""
        while True:
            with suppress(SourceError):
                async for _ in woken():
                    self.changed()
            log.warning("source.unheard", source=self._line.feed.name)
            await asyncio.sleep(UNHEARD)

    def changed(self) -> None:
        """Its targets run as soon as they are free, paused ones apart."""
        for turn in self._turns:
            if not turn.paused:
                turn.asked = True
        self._line.woken.set()

    async def _rest(self, until: datetime | None) -> None:
        seconds = LONGEST_WAIT if until is None else min((until - clock()).total_seconds(), LONGEST_WAIT)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._line.woken.wait()
        self._line.woken.clear()

    async def _read(self, due: Sequence[Turn], now: datetime) -> None:
        """One look at the source for all who are due; each then goes on by itself."""
        line, run = self._line, self._runs.start(len(due))
        for turn in due:
            turn.begin(now, scheduled=True)
        feed = replace(line.feed, chosen=tuple(turn.target for turn in due))
        with bound_contextvars(run=run.report.run):
            try:
                line.moved = clock()
                await line.check()
                await read(feed, self._runs.store, Reading(self._runs.watch, line), run.report.troubles)
                line.recovered()
            except (ConfigError, SourceError) as error:
                self._runs.failed(run, line, error)
                for turn in due:
                    turn.hold(clock(), clock())
                await self._runs.end(run)
                return
            finally:
                line.moved = None
        for turn in due:
            self._outlets[turn.target.account].queue.put_nowait(Job(run, line, turn))
