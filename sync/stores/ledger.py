"""The state as a dry run sees it: short transactions on one SQLite file, in one thread of their own."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from math import inf
from typing import Concatenate, ParamSpec, TypeVar

import orjson

from sync.errors import StateError
from sync.failpoints import reach
from sync.model import (
    Alert,
    Baseline,
    Claim,
    Episode,
    Failure,
    Filing,
    Holding,
    Pending,
    Roll,
    RollCall,
    Run,
    Standing,
    Tally,
    Timing,
    Undone,
)
from sync.ports import Filer
from sync.stores import holding, past, reads, rolls, writes
from sync.stores.file import meaning

P = ParamSpec("P")
T = TypeVar("T")


class Ledger(Filer):
    """The state as a dry run sees it: it can be read, and what is filed goes where the connection lets it go."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._connection = connection
        self._path = path
        self._thread = ThreadPoolExecutor(1, "state")

    async def _call(self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs one transaction in the thread."""

        def transaction() -> T:
            with self._connection:
                result = function(self._connection, *args, **kwargs)
                reach("before_commit")
            reach("after_commit")
            return result

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)
        except sqlite3.Error as error:
            raise StateError(f"{self._path}: {meaning(error)}") from None

    async def cursor(self, source: str) -> object:
        rows = await self._call(reads.rows, "SELECT cursor FROM main.sources WHERE name = ?", (source,))
        return orjson.loads(rows[0][0]) if rows else None

    async def unseen(self, source: str, rows: Sequence[tuple[str, bytes]], whole: bytes = b"") -> list[tuple[str, bytes]]:
        return await self._call(reads.unseen, source, rows, whole)

    async def seen(self, source: str, customers: Sequence[str]) -> frozenset[str]:
        keys = orjson.dumps(list(customers)).decode()
        return frozenset(key for (key,) in await self._call(reads.rows, reads.SEEN, (source, keys, source, keys)))

    async def pending(self, target: str, after: str, size: int) -> list[Pending]:
        return await self._call(reads.pending, target, after, size, inf)  # a plan also shows who is put off

    async def baselines(self, target: str, customers: Sequence[str]) -> dict[str, Baseline]:
        return await self._call(reads.baselines, target, customers)

    async def rivals(self, target: str) -> dict[str, tuple[str, ...]]:
        return await self._call(reads.rivals, target)

    async def known(self, target: str) -> int:
        statement = "SELECT count(*) FROM main.baselines WHERE target = ? AND leaves IS NOT NULL"
        return int((await self._call(reads.rows, statement, (target,)))[0][0])

    async def roll(self, source: str) -> Roll:
        return await self._call(rolls.roll, source)

    async def rows(self, target: str, source: str) -> int | None:
        statement = "SELECT taken FROM main.counts WHERE target = ? AND source = ?"
        found = await self._call(reads.rows, statement, (target, source))
        return found[0][0] if found else None

    async def holding(self, target: str) -> list[Holding]:
        return [Holding(*row) for row in await self._call(reads.rows, holding.HOLDING, (target,))]

    async def standing(self, account: str) -> Standing:
        rows = await self._call(reads.rows, "SELECT standing FROM main.accounts WHERE name = ?", (account,))
        return Standing(**orjson.loads(rows[0][0])) if rows else Standing()

    async def failures(self, targets: Sequence[str] = ()) -> list[Failure]:
        return await self._call(reads.failures, targets)

    async def history(self, target: str, customer: str, most: int) -> list[Episode]:
        return await self._call(past.history, target, customer, most)

    async def runs(self, most: int) -> list[Run]:
        return await self._call(past.runs, most)

    async def told(self, run: str, target: str, after: str, size: int) -> list[str]:
        return await self._call(past.told, run, target, after, size)

    async def episodes(self, run: str, target: str, customers: Sequence[str]) -> dict[str, Episode]:
        return await self._call(past.episodes, run, target, customers)

    async def undone(self, target: str, customers: Sequence[str]) -> dict[str, Undone]:
        return await self._call(past.undone, target, customers)

    async def in_flight(self) -> dict[str, int]:
        return dict(await self._call(reads.rows, "SELECT target, count(*) FROM main.intents GROUP BY target", ()))

    async def tally(self) -> list[Tally]:
        return await self._call(reads.tally)

    async def filed(self, target: str) -> dict[int, datetime]:
        rows = await self._call(reads.rows, reads.FILED, (target,))
        return {version: reads.moment(at) for version, at in rows}

    async def resumable(self) -> dict[str, datetime]:
        return await self._call(reads.resumable)

    async def timings(self) -> dict[str, Timing]:
        return await self._call(reads.timings)

    async def alerts(self) -> list[Alert]:
        return await self._call(reads.alerts)

    async def file(self, filing: Filing) -> None:
        await self._call(writes.file, filing)

    async def enrol(self, target: str, source: str, fingerprint: str) -> bool:
        return await self._call(writes.enrol, target, source, fingerprint)

    async def begin_roll(self, source: str) -> None:
        await self._call(rolls.begin, source)

    async def meet(self, source: str, customers: Sequence[str]) -> None:
        await self._call(rolls.meet, source, customers)

    async def end_roll(self, call: RollCall) -> int:
        return await self._call(rolls.end, call)

    async def wait(self, target: str, customers: Sequence[str]) -> list[Pending]:
        return await self._call(writes.wait, target, customers)

    async def note_rows(self, target: str, source: str, rows: int, gate: str = "") -> None:
        await self._call(holding.note_rows, target, source, rows, gate)

    async def claim(self, target: str, claims: Sequence[Claim]) -> None:
        rows = [(claim.id, target, claim.customer) for claim in claims]
        await self._call(writes.many, "UPDATE pending SET id = ? WHERE target = ? AND customer = ?", rows)

    async def close(self) -> None:
        """Closes the file; what was called before is written first."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()
