"""Runs under way: begun, written down once there is something to do, and over with their last target."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from sync.errors import ConfigError, SourceError
from sync.pipeline.report import Report, begun, note_down, over
from sync.ports import Store, Watch
from sync.service.lines import Line, clock

log = structlog.get_logger()


@dataclass(slots=True)
class Ongoing:
    """A run under way; `left` targets are not done yet, and it is `kept` once there was something to do."""

    report: Report
    left: int
    kept: bool = False


class Runs:
    """Those of one engine; once `closing` is set, nothing more goes out."""

    def __init__(self, store: Store, watch: Watch, closing: asyncio.Event) -> None:
        self.store = store
        self.watch = watch
        self.closing = closing
        self._runs: list[Ongoing] = []

    @property
    def under_way(self) -> Mapping[str, Mapping[str, object]]:
        """What can be told by now of each run that has begun, by its name."""
        return {one.report.run: one.report.tree for one in self._runs}

    def start(self, left: int) -> Ongoing:
        """A run for so many targets."""
        run = Ongoing(begun(self.watch), left)
        self._runs.append(run)
        return run

    def failed(self, run: Ongoing, line: Line, error: ConfigError | SourceError) -> None:
        """The source could not be read. What was broken off because the setup is closed is no failure to be told."""
        reason = str(error).replace("\n", "; ")
        line.failed(clock(), reason)
        if self.closing.is_set():
            return
        run.report.troubles.append(reason)
        log.error("source.failed", source=line.feed.name, reason=reason)

    async def keep(self, run: Ongoing) -> None:
        """A run that finds nothing to do leaves nothing behind, since there may be one every few seconds."""
        if not run.kept:
            run.kept = True
            await self.store.begin_run(run.report.run, run.report.started, run.report.tree)

    async def done(self, run: Ongoing) -> None:
        """One target more is done; the last one's end is the run's."""
        run.left -= 1
        if run.left == 0:
            await self.end(run)

    async def end(self, run: Ongoing) -> None:
        """Whatever is left of it."""
        self._runs.remove(run)
        over(run.report, self.watch)
        if run.kept or run.report.troubles:
            await note_down(run.report, self.store)

    async def end_all(self) -> None:
        """The setup is closed."""
        for run in list(self._runs):
            await self.end(run)
