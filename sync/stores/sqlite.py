"""The state in one SQLite file: short transactions in one thread of their own.

WAL with synchronous=NORMAL: a killed process loses nothing that was written; a power cut can lose the last transactions,
whose updates are then sent again, but never half of one.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime
from math import inf
from pathlib import Path
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
    Released,
    Roll,
    RollCall,
    Run,
    Settlement,
    Standing,
    Tally,
    Timing,
    Undone,
    Update,
)
from sync.ports import Filer, Store
from sync.stores import holding, past, reads, rolls, writes
from sync.stores.file import lock, meaning, migrate, same_schema
from sync.stores.migrations import SCRATCH

P = ParamSpec("P")
T = TypeVar("T")
BUSY_SECONDS = 10.0
LARGEST_JOURNAL = 64 << 20
"""Bytes; a journal that grew because somebody was reading for long is cut back to this."""


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


class Sqlite(Ledger, Store):
    """The state as a run sees it."""

    def __init__(self, connection: sqlite3.Connection, path: str, lock: int | None = None) -> None:
        super().__init__(connection, path)
        self._lock = lock

    async def pending(self, target: str, after: str, size: int) -> list[Pending]:
        return await self._call(reads.pending, target, after, size, time.time())

    async def recover(self) -> None:
        await self._call(writes.recover)

    async def intend(self, target: str, updates: Sequence[Update]) -> None:
        await self._call(writes.intend, target, updates)

    async def settle(self, target: str, place: str, settlements: Sequence[Settlement], *, run: str = "") -> None:
        await self._call(writes.settle, target, place, settlements, run)

    async def drop(self, target: str, waiting: Sequence[Pending]) -> None:
        await self._call(writes.drop, target, waiting)

    async def forget(self, source: str, customers: Sequence[str]) -> None:
        await self._call(writes.forget, source, customers)

    async def stand(self, account: str, standing: Standing) -> None:
        rows = [(account, orjson.dumps(standing))]
        await self._call(writes.many, "INSERT OR REPLACE INTO accounts VALUES (?, ?)", rows)

    async def retry(self, targets: Sequence[str] = (), customers: Sequence[str] = ()) -> int:
        return await self._call(writes.retry, targets, customers)

    async def put_back(self, target: str, undone: Sequence[Undone]) -> None:
        await self._call(past.put_back, target, undone)

    async def release(self, target: str, gate: str, run: str | None = None) -> Released:
        return await self._call(holding.release, target, gate, run)

    async def spend(self, plan: str) -> bool:
        return await self._call(writes.spend, plan)

    async def begin_run(self, run: str, started: datetime, report: Mapping[str, object]) -> None:
        await self._call(past.begin_run, run, started.timestamp(), report)

    async def log_run(self, run: str, started: datetime, ended: datetime, report: Mapping[str, object]) -> None:
        row = (run, started.timestamp(), ended.timestamp(), orjson.dumps(report))
        await self._call(writes.many, "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", [row])

    async def prune(self, before: datetime, most: int) -> int:
        return await self._call(past.prune, before.timestamp(), most)

    async def time(self, target: str, timing: Timing) -> None:
        moments = [moment and moment.timestamp() for moment in (timing.last, timing.succeeded, timing.paused)]
        await self._call(writes.many, "INSERT OR REPLACE INTO timings VALUES (?, ?, ?, ?)", [(target, *moments)])

    async def note_alerts(self, alerts: Sequence[Alert]) -> None:
        await self._call(writes.note_alerts, [(alert.about, alert.since.timestamp(), alert.text) for alert in alerts])

    async def probe(self) -> None:
        await self._call(writes.many, "UPDATE versions SET last = last", [()])

    async def close(self) -> None:
        with suppress(StateError):  # somebody else reads just now, and the journal stays as it is
            await self._call(reads.rows, "PRAGMA journal_mode = DELETE", ())
        await super().close()
        if self._lock is not None:
            os.close(self._lock)


def open_store(path: Path, *, exclusive: bool, patience: float = BUSY_SECONDS) -> Sqlite:
    """The state for writing, made if it is not there (mode 0600). `exclusive`: this process alone may run on it.

    `patience` is how many seconds it waits for another program's lock. Raises StateError.
    """
    with ExitStack() as undo:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = lock(path) if exclusive else None
            if handle is not None:
                undo.callback(os.close, handle)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(path, timeout=patience, isolation_level="IMMEDIATE", check_same_thread=False)
            undo.callback(connection.close)
            migrate(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA journal_size_limit = {LARGEST_JOURNAL}")
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"{path}: {meaning(error)}") from None
        undo.pop_all()
        return Sqlite(connection, str(path), handle)


def open_forgetful(path: Path) -> Ledger:
    """The state for a dry run: the file is opened read-only, and whatever is filed ends with the process. Raises StateError."""
    there = path.exists()
    place = f"{path.absolute().as_uri()}?mode=ro" if there else ""
    with ExitStack() as undo:
        try:
            connection = sqlite3.connect(place, uri=there, timeout=BUSY_SECONDS, check_same_thread=False)
            undo.callback(connection.close)
            if there:
                same_schema(connection, path)
            else:
                migrate(connection, path)
            connection.executescript(SCRATCH)
        except sqlite3.Error as error:
            raise StateError(f"{path}: {meaning(error)}") from None
        undo.pop_all()
        return Ledger(connection, str(path))
