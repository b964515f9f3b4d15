"""The running service, as probes, pages and signals ask it."""

import time
from datetime import UTC, datetime

from sync.errors import StateError
from sync.model import Tally
from sync.ports import Store
from sync.service.engine import Engine
from sync.service.metrics import Metrics, Snapshot
from sync.service.recent import Recent
from sync.service.supervisor import Supervisor

FRESH = 10.0
"""Seconds for which counts of customers hold: a scrape must not count millions again and again."""


NEVER = datetime.fromtimestamp(0, UTC)


class Service:
    """What is at work now, and how it is. `engine` is None before the first configuration is at work."""

    def __init__(self, store: Store, supervisor: Supervisor, metrics: Metrics, recent: Recent) -> None:
        self.store = store
        self.supervisor = supervisor
        self.recent = recent
        self._metrics = metrics
        self.engine: Engine | None = None
        self._tallies: list[Tally] = []
        self._counted = -FRESH

    async def troubles(self) -> list[str]:
        """Why it is not ready, a sentence each; empty: it is."""
        if self.supervisor.dead:
            return [self.supervisor.dead]
        if self.supervisor.stopping.is_set():
            return ["it is stopping"]
        if self.engine is None:
            return ["it is starting"]
        try:
            await self.store.probe()
        except StateError as error:
            return [str(error)]
        return self.engine.troubles()

    async def _every_tally(self) -> dict[str, Tally]:
        """Also of those that have never run."""
        found = {name: Tally(name, 0, 0, {}) for name in (self.engine.turns if self.engine else ())}
        return found | {tally.target: tally for tally in await self.store.tally() if tally.target in found}

    async def metrics(self) -> bytes:
        """In Prometheus' text format. Raises StateError."""
        if time.monotonic() - self._counted >= FRESH:
            self._tallies = list((await self._every_tally()).values())
            self._counted = time.monotonic()
        if self.engine is None:
            return self._metrics.text(Snapshot(self._tallies))
        succeeded = {turn.name: turn.timing.succeeded or NEVER for turn in self.engine.turns.values()}
        conditions = [way.lane.condition() for way in self.engine.ways.values()]
        return self._metrics.text(Snapshot(self._tallies, conditions, succeeded))
