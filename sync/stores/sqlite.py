"""The state in one SQLite file: short transactions in one thread of their own.

WAL with synchronous=NORMAL: a killed process loses nothing that was written; a power cut can lose the last transactions,
whose updates are then sent again, but never half of one.
"""

import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import orjson

from sync.errors import StateError
from sync.model import Alert, Pending, Released, Settlement, Standing, Timing, Undone, Update
from sync.ports import Store
from sync.stores import holding, past, reads, writes
from sync.stores.file import lock, meaning, migrate, same_schema
from sync.stores.ledger import Ledger
from sync.stores.migrations import SCRATCH

BUSY_SECONDS = 10.0
LARGEST_JOURNAL = 64 << 20
"""Bytes; a journal that grew because somebody was reading for long is cut back to this."""


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
