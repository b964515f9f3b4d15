"""The smallest honest store: the same promises as the others, in dictionaries that end with the process."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.errors import FieldError
from sync.model import (
    LONGEST_STOP,
    Alert,
    Baseline,
    Claim,
    Episode,
    Failure,
    Filing,
    Hold,
    Holding,
    Outcome,
    Pending,
    Released,
    Releases,
    Roll,
    RollCall,
    Run,
    Settlement,
    Standing,
    Tally,
    Timing,
    Undone,
    Update,
    said_of,
)
from sync.ports import Store
from sync.stores.holds import carried, let_go

IN_FLIGHT = "in flight when the process ended"
UNDONE = "put back by run {run}; stays so until the customer changes at the source"


@dataclass(frozen=True, slots=True)
class Row:
    """One (target, customer) that waits."""

    version: int
    id: str | None = None
    outcome: Outcome | None = None
    reason: str = ""
    errors: tuple[FieldError, ...] = ()
    attempts: int = 0
    since: datetime | None = None
    due: datetime | None = None
    parked: bool = False
    holds: tuple[Hold, ...] = ()
    released: Releases = frozenset()
    run: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """A source's rows as last taken as right, and as a gate found them too few."""

    source: str
    taken: int | None
    refused: int | None = None
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a target keeps of one customer of this source since then."""

    source: str
    since: datetime
    undone: Undone


class Memory(Store):
    """A store for tests, and to read the rules in."""

    def __init__(self) -> None:
        self._versions = 0
        self._cursors: dict[str, object] = {}
        self._seen: dict[str, dict[str, bytes]] = {}
        self._met: dict[str, set[str]] = {}
        self._rolls: dict[str, tuple[datetime, int]] = {}
        self._enrolled: dict[str, tuple[str, str]] = {}
        self._pending: dict[tuple[str, str], Row] = {}
        self._intents: dict[tuple[str, str], frozenset[str]] = {}
        self._baselines: dict[tuple[str, str], Baseline] = {}
        self._history: list[Episode] = []
        self._spent: set[str] = set()
        self._counts: dict[str, Count] = {}
        self._standings: dict[str, Standing] = {}
        self._runs: dict[str, Run] = {}
        self._undone: dict[tuple[str, str], Kept] = {}
        self._filed: dict[int, datetime] = {}
        self._timings: dict[str, Timing] = {}
        self._alerts: list[Alert] = []

    async def cursor(self, source: str) -> object:
        return self._cursors.get(source)

    async def unseen(self, source: str, rows: Sequence[tuple[str, bytes]], whole: bytes = b"") -> list[tuple[str, bytes]]:  # noqa: ARG002 - here a look costs nothing
        seen = self._seen.get(source, {})
        return [(key, digest) for key, digest in rows if seen.get(key) != digest]

    async def seen(self, source: str, customers: Sequence[str]) -> frozenset[str]:
        return frozenset(self._seen.get(source, {}).keys() & set(customers))

    async def pending(self, target: str, after: str, size: int) -> list[Pending]:
        now = datetime.now(UTC)
        latest = now + timedelta(seconds=LONGEST_STOP)
        found = sorted(
            customer
            for (where, customer), row in self._pending.items()
            if where == target and customer > after and not row.parked and (row.due is None or not now < row.due <= latest)
        )
        return [self._waiting(target, customer) for customer in found[:size]]

    async def baselines(self, target: str, customers: Sequence[str]) -> dict[str, Baseline]:
        found = {}
        for customer in customers:
            known, flying = self._baselines.get((target, customer)), self._intents.get((target, customer))
            if known:
                found[customer] = replace(known, doubt=known.doubt | (flying or frozenset()))
        return found

    async def rivals(self, target: str) -> dict[str, tuple[str, ...]]:
        claims = {customer: known.id for (where, customer), known in self._baselines.items() if where == target}
        claims |= {customer: row.id for (where, customer), row in self._pending.items() if where == target and row.id is not None}
        claimants: dict[str, list[str]] = {}
        for customer, id in sorted(claims.items()):
            if id:
                claimants.setdefault(id, []).append(customer)
        groups = [group for group in claimants.values() if len(group) > 1]
        return {customer: tuple(other for other in group if other != customer) for group in groups for customer in group}

    async def known(self, target: str) -> int:
        return sum(where == target and known.leaves is not None for (where, _), known in self._baselines.items())

    async def roll(self, source: str) -> Roll:
        return Roll(len(self._seen.get(source, {})), *self._rolls.get(source, ()))

    async def rows(self, target: str, source: str) -> int | None:
        count = self._counts.get(target)
        return count.taken if count and count.source == source else None

    async def holding(self, target: str) -> list[Holding]:
        rows = [row for (where, _), row in self._pending.items() if where == target and row.outcome is Outcome.HELD]
        counts = Counter((gate, first, row.run) for row in rows for gate, first in {(hold.gate, hold.run) for hold in row.holds})
        return [Holding(*key, count) for key, count in sorted(counts.items())]

    async def standing(self, account: str) -> Standing:
        return self._standings.get(account, Standing())

    async def failures(self, targets: Sequence[str] = ()) -> list[Failure]:
        found = []
        for (target, customer), row in sorted(self._pending.items()):
            flying = (target, customer) in self._intents
            if (targets and target not in targets) or not (row.outcome or flying):
                continue
            outcome, reason = (Outcome.UNKNOWN, IN_FLIGHT) if flying else (row.outcome, row.reason)
            since = row.since or datetime.now(UTC)
            found.append(Failure(target, customer, outcome or Outcome.UNKNOWN, reason, row.errors, row.attempts, since, row.due))
        listed = {(failure.target, failure.customer) for failure in found}
        found += [
            Failure(target, customer, Outcome.UNDONE, UNDONE.format(run=kept.undone.run), (), 0, kept.since)
            for (target, customer), kept in self._undone.items()
            if (target, customer) not in listed and (not targets or target in targets)
        ]
        return sorted(found, key=lambda failure: (failure.target, failure.customer))

    async def history(self, target: str, customer: str, most: int) -> list[Episode]:
        found = [episode for episode in self._history if (episode.target, episode.customer) == (target, customer)]
        return found[::-1][:most]

    async def runs(self, most: int) -> list[Run]:
        return sorted(self._runs.values(), key=lambda run: (run.started, run.run), reverse=True)[:most]

    async def told(self, run: str, target: str, after: str, size: int) -> list[str]:
        return sorted({episode.customer for episode in self._of(run, target) if episode.customer > after})[:size]

    async def episodes(self, run: str, target: str, customers: Sequence[str]) -> dict[str, Episode]:
        return {episode.customer: episode for episode in self._of(run, target) if episode.customer in customers}

    async def undone(self, target: str, customers: Sequence[str]) -> dict[str, Undone]:
        return {customer: self._undone[target, customer].undone for customer in customers if (target, customer) in self._undone}

    async def tally(self) -> list[Tally]:
        tallies = []
        for target in sorted(self._enrolled):
            rows = [row for (where, _), row in self._pending.items() if where == target]
            outcomes = Counter(row.outcome.value for row in rows if row.outcome)
            undone = sum(where == target for where, _ in self._undone)
            outcomes |= Counter({Outcome.UNDONE.value: undone}) if undone else Counter()
            tallies.append(Tally(target, await self.known(target), sum(not row.parked for row in rows), dict(outcomes)))
        return tallies

    async def filed(self, target: str) -> dict[int, datetime]:
        versions = {row.version for (where, _), row in self._pending.items() if where == target}
        return {version: self._filed[version] for version in versions & self._filed.keys()}

    async def resumable(self) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for (target, _), row in self._pending.items():
            if not row.parked and (row.due or row.outcome in {Outcome.DEFERRED, Outcome.UNKNOWN}):
                due = row.due or datetime.fromtimestamp(0, UTC)
                found[target] = min(due, found.get(target, due))
        return found

    async def timings(self) -> dict[str, Timing]:
        return dict(self._timings)

    async def alerts(self) -> list[Alert]:
        return sorted(self._alerts, key=lambda alert: (alert.since, alert.about))

    async def file(self, filing: Filing) -> None:
        missing = [name for name, (source, _) in self._enrolled.items() if source == filing.source and name not in filing.targets]
        for name in missing if filing.rows else ():
            del self._enrolled[name]
        for key, digest in filing.rows:
            self._seen.setdefault(filing.source, {})[key] = digest
            for target in filing.targets:
                self._file(target, key)
            self._let_go(key, filing)
        if filing.cursor is not None:
            self._cursors[filing.source] = filing.cursor

    async def enrol(self, target: str, source: str, fingerprint: str) -> bool:
        if self._enrolled.get(target) == (source, fingerprint):
            return False
        self._enrolled[target] = (source, fingerprint)
        for (where, customer), row in self._pending.items():
            if where == target and row.gone:
                self._amend(target, customer, parked=False)
        for key in self._seen.get(source, {}):
            self._file(target, key)
        return True

    async def begin_roll(self, source: str) -> None:
        self._met[source] = set()

    async def meet(self, source: str, customers: Sequence[str]) -> None:
        self._met[source].update(customers)

    async def end_roll(self, call: RollCall) -> int:
        met, seen = self._met.pop(call.source), self._seen.setdefault(call.source, {})
        gone = seen.keys() - met
        for customer in gone:
            del seen[customer]
            self._let_go(customer, Filing(call.source, (), call.targets))
            for target in call.targets:
                if target in call.watching or (target, customer) in self._pending:
                    self._file(target, customer)
                    self._amend(target, customer, gone=True)
        returned = [(customer, b"") for customer in met - seen.keys()]
        await self.file(Filing(call.source, returned, call.targets))
        self._rolls[call.source] = datetime.now(UTC), 0 if call.rows is None else call.rows - len(seen)
        return len(gone)

    async def claim(self, target: str, claims: Sequence[Claim]) -> None:
        for claim in claims:
            row = self._pending.get((target, claim.customer))
            if row:
                self._pending[target, claim.customer] = replace(row, id=claim.id)

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

    async def wait(self, target: str, customers: Sequence[str]) -> list[Pending]:
        for customer in customers:
            row = self._file(target, customer)
            if row and row.outcome is Outcome.HELD:
                self._amend(target, customer, outcome=row.outcome, reason=row.reason, since=row.since)
            if row:
                self._amend(target, customer, holds=row.holds, released=row.released, run=row.run, gone=row.gone)
        return [self._waiting(target, customer) for customer in customers]

    async def note_rows(self, target: str, source: str, rows: int, gate: str = "") -> None:
        self._counts[target] = Count(source, await self.rows(target, source), rows, gate) if gate else Count(source, rows)

    async def in_flight(self) -> dict[str, int]:
        return dict(Counter(target for target, _ in self._intents))

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
            self._amend(target, customer, released=row.released, gone=row.gone, due=datetime.now(UTC))
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
            self._amend(target, customer, parked=False, due=datetime.now(UTC))
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

    def _file(self, target: str, customer: str) -> Row | None:
        """Waits from now on; returns what was there before."""
        self._versions += 1
        self._filed[self._versions] = datetime.now(UTC)
        row = self._pending.get((target, customer))
        self._pending[target, customer] = Row(self._versions, row.id if row else None)
        return row

    def _amend(self, target: str, customer: str, **changed: Any) -> None:
        self._pending[target, customer] = replace(self._pending[target, customer], **changed)

    def _waiting(self, target: str, customer: str) -> Pending:
        row = self._pending[target, customer]
        return Pending(customer, row.version, row.released, row.gone)

    def _of(self, run: str, target: str) -> list[Episode]:
        return [episode for episode in self._history if (episode.run, episode.target) == (run, target)]

    def _let_go(self, key: str, filing: Filing) -> None:
        """Whoever is filed keeps nothing any more, also at a target that is not in the configuration just now."""
        for (target, customer), kept in list(self._undone.items()):
            if customer == key and (kept.source == filing.source or target in filing.targets):
                del self._undone[target, customer]

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
