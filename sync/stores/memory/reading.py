"""The half of the store in memory that changes nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sync.model import (
    AT_ONCE,
    LONGEST_STOP,
    Alert,
    Baseline,
    Episode,
    Failure,
    Holding,
    Outcome,
    Pending,
    Roll,
    Run,
    Standing,
    Tally,
    Timing,
    Undone,
)
from sync.ports import Reading
from sync.stores.memory.rows import Count, Kept, Row

IN_FLIGHT = "in flight when the process ended"
UNDERWAY = "on its way: no answer has been written down yet"
UNDONE = "put back by run {run}; stays so until the customer changes at the source"


class MemoryReading(Reading):
    """What it can be asked."""

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
            outcome, reason = (Outcome.UNKNOWN, UNDERWAY) if flying else (row.outcome, row.reason)
            since = row.since or datetime.now(UTC)
            due = row.due if row.due and row.due.timestamp() > AT_ONCE else None
            found.append(Failure(target, customer, outcome or Outcome.UNKNOWN, reason, row.errors, row.attempts, since, due))
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

    async def in_flight(self) -> dict[str, int]:
        return dict(Counter(target for target, _ in self._intents))

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

    def _waiting(self, target: str, customer: str) -> Pending:
        row = self._pending[target, customer]
        return Pending(customer, row.version, row.released, row.gone)

    def _of(self, run: str, target: str) -> list[Episode]:
        return [episode for episode in self._history if (episode.run, episode.target) == (run, target)]
