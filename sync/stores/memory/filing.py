"""Who waits for which target, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sync.model import Claim, Filing, Outcome, Pending, RollCall
from sync.ports import Filer
from sync.stores.memory.reading import MemoryReading
from sync.stores.memory.rows import Count, Row


class MemoryFiler(MemoryReading, Filer):
    """What detecting and planning write in it."""

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

    async def claim(self, target: str, claims: Sequence[Claim]) -> None:
        for claim in claims:
            row = self._pending.get((target, claim.customer))
            if row:
                self._pending[target, claim.customer] = replace(row, id=claim.id)

    def _file(self, target: str, customer: str) -> Row | None:
        """Waits from now on; returns what was there before."""
        self._versions += 1
        self._filed[self._versions] = datetime.now(UTC)
        row = self._pending.get((target, customer))
        self._pending[target, customer] = Row(self._versions, row.id if row else None)
        return row

    def _amend(self, target: str, customer: str, **changed: Any) -> None:
        self._pending[target, customer] = replace(self._pending[target, customer], **changed)

    def _let_go(self, key: str, filing: Filing) -> None:
        """Whoever is filed keeps nothing any more, also at a target that is not in the configuration just now."""
        for (target, customer), kept in list(self._undone.items()):
            if customer == key and (kept.source == filing.source or target in filing.targets):
                del self._undone[target, customer]
