"""The smallest honest store: the same promises as the others, in dictionaries that end with the process."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sync.model import (
    AT_ONCE,
    Alert,
    Baseline,
    Episode,
    Outcome,
    Pending,
    Released,
    Run,
    Settlement,
    Standing,
    Timing,
    Undone,
    Update,
    said_of,
)
from sync.ports import Store
from sync.stores.holds import carried, let_go
from sync.stores.memory.filing import MemoryFiler
from sync.stores.memory.reading import IN_FLIGHT
from sync.stores.memory.rows import Count, Kept


class Memory(MemoryFiler, Store):
    """A store for tests, and to read the rules in."""

    async def intend(self, target: str, updates: Sequence[Update]) -> None:
        for update in updates:
            fields = frozenset(change.field for change in update.changes)
            key = (target, update.customer)
            self._intents[key] = self._intents.get(key, frozenset()) | fields
            self._overwrite(target, update)

    async def settle(self, target: str, place: str, settlements: Sequence[Settlement], *, run: str = "") -> None:
        for settlement in settlements:
            key = (target, settlement.customer)
            self._intents.pop(key, None)
            self._remember(run, target, place, settlement)
            self._acknowledge(key, place, settlement)
            self._close(key, settlement, run)

    async def recover(self) -> None:
        for key, fields in self._intents.items():
            known, row = self._baselines.get(key), self._pending.get(key)
            if known:
                self._baselines[key] = replace(known, doubt=known.doubt | fields)
            if row:
                now = datetime.now(UTC)
                self._pending[key] = replace(row, outcome=Outcome.UNKNOWN, reason=IN_FLIGHT, since=row.since or now)
        self._intents.clear()
        for run in [run for run in self._runs.values() if run.ended is None]:
            self._interrupt(run)

    async def drop(self, target: str, waiting: Sequence[Pending]) -> None:
        for pending in waiting:
            key = (target, pending.customer)
            row = self._pending.get(key)
            if row and row.version == pending.version:
                del self._pending[key]
                self._baselines.pop(key, None)
                self._undone.pop(key, None)

    async def forget(self, source: str, customers: Sequence[str]) -> None:
        for customer in customers:
            self._seen.get(source, {}).pop(customer, None)

    async def stand(self, account: str, standing: Standing) -> None:
        self._standings[account] = standing

    async def retry(self, targets: Sequence[str] = (), customers: Sequence[str] = ()) -> int:
        chosen = [
            (target, customer)
            for (target, customer), row in self._pending.items()
            if row.outcome and (not targets or target in targets) and (not customers or customer in customers)
        ]
        for target, customer in chosen:
            row = self._pending[target, customer]
            if row.outcome is Outcome.GONE:
                await self.drop(target, [self._waiting(target, customer)])
                continue
            self._file(target, customer)
            self._amend(target, customer, released=row.released, gone=row.gone, due=datetime.fromtimestamp(AT_ONCE, UTC))
        return len(chosen)

    async def put_back(self, target: str, undone: Sequence[Undone]) -> None:
        for one in undone:
            self._undone.pop((target, one.customer), None)
            if one.leaves:
                source, _ = self._enrolled.get(target, ("", ""))
                self._undone[target, one.customer] = Kept(source, datetime.now(UTC), one)

    async def release(self, target: str, gate: str, run: str | None = None) -> Released:
        held = still = 0
        for (where, customer), row in self._pending.items():
            gone = let_go(row.holds, gate, row.run, run) if where == target else None
            if gone is None:
                continue
            self._amend(target, customer, holds=gone.left, released=row.released | gone.released)
            self._amend(target, customer, parked=False, due=datetime.fromtimestamp(AT_ONCE, UTC))
            if row.outcome is Outcome.HELD:
                held, still = held + 1, still + bool(gone.left)
                self._amend(target, customer, outcome=row.outcome if gone.left else None, reason=said_of(gone.left))
        count = self._counts.get(target)
        if count is None or count.gate != gate:
            return Released(held, still)
        self._counts[target] = Count(count.source, count.refused)
        return Released(held, still, count.refused)

    async def spend(self, plan: str) -> bool:
        fresh = plan not in self._spent
        self._spent.add(plan)
        return fresh

    async def begin_run(self, run: str, started: datetime, report: Mapping[str, object]) -> None:
        self._runs[run] = Run(run, started, None, report)

    async def log_run(self, run: str, started: datetime, ended: datetime, report: Mapping[str, object]) -> None:
        self._runs[run] = Run(run, started, ended, report)

    async def prune(self, before: datetime, most: int) -> int:
        history = [episode for episode in self._history[:most] if episode.at < before]
        runs = [name for name, run in self._runs.items() if (run.ended or run.started) < before][:most]
        filed = [version for version, at in self._filed.items() if at < before][:most]
        del self._history[: len(history)]
        for name in runs:
            del self._runs[name]
        for version in filed:
            del self._filed[version]
        return len(history) + len(runs) + len(filed)

    async def time(self, target: str, timing: Timing) -> None:
        self._timings[target] = timing

    async def note_alerts(self, alerts: Sequence[Alert]) -> None:
        self._alerts = list(alerts)

    async def probe(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def _interrupt(self, run: Run) -> None:
        targets: dict[str, dict[str, int]] = {}
        for episode in self._history:
            if episode.run == run.run:
                counts = targets.setdefault(episode.target, {})
                counts[episode.outcome.value] = counts.get(episode.outcome.value, 0) + 1
        report = {**run.report, "targets": targets, "troubles": [], "interrupted": True}
        self._runs[run.run] = replace(run, ended=datetime.now(UTC), report=report)

    def _overwrite(self, target: str, update: Update) -> None:
        for (where, customer), known in list(self._baselines.items()):
            if where == target and known.id == update.identity.value and customer != update.customer:
                del self._baselines[where, customer]

    def _remember(self, run: str, target: str, place: str, settlement: Settlement) -> None:
        s = settlement
        if s.changes:
            sent = tuple((request.method, request.url, (request.content() or b"").decode()) for request in s.requests)
            now = datetime.now(UTC)
            told = (s.id, s.outcome, s.reason, s.attempts, s.changes, sent, s.status, s.errors, place)
            self._history.append(Episode(run, now, target, s.customer, *told))

    def _acknowledge(self, key: tuple[str, str], place: str, settlement: Settlement) -> None:
        known = self._baselines.get(key)
        if settlement.taken is not None:
            self._baselines[key] = Baseline(place, settlement.id, settlement.taken, settlement.doubt)
        elif settlement.doubt and known and (known.place, known.id) == (place, settlement.id):
            self._baselines[key] = replace(known, doubt=known.doubt | settlement.doubt)

    def _close(self, key: tuple[str, str], settlement: Settlement, run: str) -> None:
        row = self._pending.get(key)
        if row is None or row.version != settlement.version:
            return
        if settlement.outcome in {Outcome.DELIVERED, Outcome.UNCHANGED}:
            if not settlement.stays:
                del self._pending[key]
            return
        self._pending[key] = replace(
            row,
            outcome=settlement.outcome,
            reason=settlement.reason,
            errors=settlement.errors,
            attempts=row.attempts + settlement.attempts,
            since=row.since or datetime.now(UTC),
            due=settlement.due,
            parked=settlement.parked,
            holds=row.holds if settlement.stays else carried(row.holds, settlement.holds, run),
            run=row.run if settlement.stays else run,
        )
