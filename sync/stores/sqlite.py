"""The state in one SQLite file: short transactions in one thread of their own.

WAL with synchronous=NORMAL: a killed process loses nothing that was written; a power cut can lose the last transactions,
whose updates are then sent again, but never half of one.
"""

import asyncio
import fcntl
import os
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import orjson
from xxhash import xxh3_128_digest

from sync.errors import StateError
from sync.failpoints import reach
from sync.model import Baseline, Claim, Episode, Failure, Filing, Outcome, Pending, Settlement, Standing, Tally, Update
from sync.ports import Filer, Store
from sync.stores.codec import (
    decode,
    decode_changes,
    decode_errors,
    decode_requests,
    encode,
    encode_changes,
    encode_errors,
    encode_requests,
)
from sync.stores.migrations import MIGRATIONS, SCRATCH

P = ParamSpec("P")
T = TypeVar("T")
IN_FLIGHT = "in flight when the process ended"
BUSY_SECONDS = 10.0
KEY_BYTES = 32


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
            raise StateError(f"{self._path}: {_meaning(error)}") from None

    async def cursor(self, source: str) -> object:
        rows = await self._call(_rows, "SELECT cursor FROM main.sources WHERE name = ?", (source,))
        return orjson.loads(rows[0][0]) if rows else None

    async def unseen(self, source: str, rows: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        return await self._call(_unseen, source, rows)

    async def pending(self, target: str, after: str, size: int) -> list[Pending]:
        statement = (
            "SELECT customer, version FROM pending WHERE target = ? AND customer > ? AND NOT parked AND due <= ?"
            " ORDER BY customer LIMIT ?"
        )
        return [Pending(*row) for row in await self._call(_rows, statement, (target, after, time.time(), size))]

    async def baselines(self, target: str, customers: Sequence[str]) -> dict[str, Baseline]:
        return await self._call(_baselines, target, customers)

    async def rivals(self, target: str) -> dict[str, tuple[str, ...]]:
        return await self._call(_rivals, target)

    async def known(self, target: str) -> int:
        statement = "SELECT count(*) FROM main.baselines WHERE target = ? AND leaves IS NOT NULL"
        return int((await self._call(_rows, statement, (target,)))[0][0])

    async def standing(self, account: str) -> Standing:
        rows = await self._call(_rows, "SELECT standing FROM main.accounts WHERE name = ?", (account,))
        return Standing(**orjson.loads(rows[0][0])) if rows else Standing()

    async def failures(self, targets: Sequence[str] = ()) -> list[Failure]:
        return await self._call(_failures, targets)

    async def history(self, target: str, customer: str, most: int) -> list[Episode]:
        rows = await self._call(_rows, HISTORY, (target, customer, most))
        return [_episode(row) for row in rows]

    async def tally(self) -> list[Tally]:
        return await self._call(_tally)

    async def file(self, filing: Filing) -> None:
        await self._call(_file, filing)

    async def enrol(self, target: str, source: str, fingerprint: str) -> bool:
        return await self._call(_enrol, target, source, fingerprint)

    async def wait(self, target: str, customers: Sequence[str]) -> list[Pending]:
        return await self._call(_wait, target, customers)

    async def claim(self, target: str, claims: Sequence[Claim]) -> None:
        rows = [(claim.id, target, claim.customer) for claim in claims]
        await self._call(_many, "UPDATE pending SET id = ? WHERE target = ? AND customer = ?", rows)

    async def close(self) -> None:
        """Closes the file; what was called before is written first."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()


class Sqlite(Ledger, Store):
    """The state as a run sees it."""

    def __init__(self, connection: sqlite3.Connection, path: str, lock: int | None = None) -> None:
        super().__init__(connection, path)
        self._lock = lock

    async def recover(self) -> dict[str, int]:
        return await self._call(_recover)

    async def intend(self, target: str, updates: Sequence[Update]) -> None:
        await self._call(_intend, target, updates)

    async def settle(self, target: str, place: str, settlements: Sequence[Settlement], *, run: str = "") -> None:
        await self._call(_settle, target, place, settlements, run)

    async def drop(self, target: str, waiting: Sequence[Pending]) -> None:
        await self._call(_drop, target, waiting)

    async def forget(self, source: str, customers: Sequence[str]) -> None:
        await self._call(_forget, source, customers)

    async def stand(self, account: str, standing: Standing) -> None:
        rows = [(account, orjson.dumps(standing))]
        await self._call(_many, "INSERT OR REPLACE INTO accounts VALUES (?, ?)", rows)

    async def retry(self, targets: Sequence[str] = (), customers: Sequence[str] = ()) -> int:
        return await self._call(_retry, targets, customers)

    async def spend(self, plan: str) -> bool:
        return await self._call(_spend, plan)

    async def log_run(self, run: str, started: datetime, ended: datetime, report: Mapping[str, object]) -> None:
        row = (run, started.timestamp(), ended.timestamp(), orjson.dumps(report))
        await self._call(_many, "INSERT INTO runs VALUES (?, ?, ?, ?)", [row])

    async def close(self) -> None:
        with suppress(StateError):  # somebody else reads just now, and the journal stays as it is
            await self._call(_rows, "PRAGMA journal_mode = DELETE", ())
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
            lock = _lock(path) if exclusive else None
            if lock is not None:
                undo.callback(os.close, lock)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(path, timeout=patience, isolation_level="IMMEDIATE", check_same_thread=False)
            undo.callback(connection.close)
            _migrate(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"{path}: {_meaning(error)}") from None
        undo.pop_all()
        return Sqlite(connection, str(path), lock)


def open_forgetful(path: Path) -> Ledger:
    """The state for a dry run: the file is opened read-only, and whatever is filed ends with the process. Raises StateError."""
    there = path.exists()
    place = f"{path.absolute().as_uri()}?mode=ro" if there else ""
    with ExitStack() as undo:
        try:
            connection = sqlite3.connect(place, uri=there, timeout=BUSY_SECONDS, check_same_thread=False)
            undo.callback(connection.close)
            if there:
                _same_schema(connection, path)
            else:
                _migrate(connection, path)
            connection.executescript(SCRATCH)
        except sqlite3.Error as error:
            raise StateError(f"{path}: {_meaning(error)}") from None
        undo.pop_all()
        return Ledger(connection, str(path))


def secret_key(path: Path, *, create: bool) -> bytes:
    """The key of all fingerprints and digests, in a file beside the state, so that a copy of the state alone tells nothing.

    A dry run without a state has a key of its own. Raises StateError.
    """
    place = path.with_name(path.name + ".key")
    try:
        if place.exists():
            return _read_key(place)
        key = secrets.token_bytes(KEY_BYTES)
        if create:
            place.parent.mkdir(parents=True, exist_ok=True)
            _write_key(place, key)
    except (OSError, ValueError) as error:
        raise StateError(f"{place}: {_meaning(error)}") from None
    return key


def _read_key(place: Path) -> bytes:
    """Half a key would make fingerprints that anybody can compute."""
    with suppress(ValueError):
        if len(key := bytes.fromhex(place.read_text().strip())) == KEY_BYTES:
            return key
    raise ValueError(f"not a key of {KEY_BYTES} bytes: restore it, or move it away, and every customer is compared anew")


def _write_key(place: Path, key: bytes) -> None:
    """All of it or nothing."""
    new = place.with_name(place.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(place)


def _lock(path: Path) -> int:
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 20).decode().strip()
        os.close(handle)
        raise StateError(f"{path}: another customer-sync (process {holder or '?'}) is running on this state") from None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    return handle


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        _same_schema(connection, path)
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StateError(f"{path}: this is somebody else's database, and no state of customer-sync: name another file")
    for number in range(version, len(MIGRATIONS)):
        connection.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[number]}; PRAGMA user_version = {number + 1}; COMMIT;")


def _same_schema(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StateError(
            f"{path}: written by a newer customer-sync (schema {version}, this one knows {len(MIGRATIONS)}): update it"
        )
    if version < len(MIGRATIONS):
        raise StateError(
            f"{path}: written by an older customer-sync (schema {version}): `customer-sync run` brings it up to date"
        )


def _meaning(error: Exception) -> str:
    """What SQLite or the system says, and what to do about it."""
    text = str(error)
    advice = {
        "database is locked": "it is locked by another program: end that, or wait",
        "database or disk is full": "the disk is full: make room; nothing was sent that could not be written down",
        "file is not a database": "this is no state of customer-sync: name another file, or restore a backup",
        "database disk image is malformed": "the file is damaged: restore a backup, or move it away to start anew",
        "attempt to write a readonly database": "the file is read-only for this user: mend its rights",
    }
    return advice.get(text, error.strerror or text if isinstance(error, OSError) else text)


# ---- transactions, each in the store's thread


def _rows(connection: sqlite3.Connection, statement: str, values: Sequence[object]) -> list[tuple]:  # type: ignore[type-arg]
    return connection.execute(statement, values).fetchall()


def _many(connection: sqlite3.Connection, statement: str, rows: Iterable[Sequence[object]]) -> None:
    connection.executemany(statement, rows)


def _unseen(connection: sqlite3.Connection, source: str, rows: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Row by row, unless the same page of rows has been found to be seen before (`pages` holds until `seen` changes)."""
    page = (source, xxh3_128_digest(b"".join([digest for _, digest in rows])))
    if connection.execute("SELECT 1 FROM main.pages WHERE source = ? AND digest = ?", page).fetchone():
        return []
    statement = "SELECT key, digest FROM main.seen WHERE source = ? AND key IN (SELECT value FROM json_each(?))"
    known = dict(connection.execute(statement, (source, orjson.dumps([key for key, _ in rows]).decode())).fetchall())
    unseen = [row for row in rows if known.get(row[0]) != row[1]]
    if not unseen:
        connection.execute("INSERT OR IGNORE INTO pages VALUES (?, ?)", page)
    return unseen


def _file(connection: sqlite3.Connection, filing: Filing) -> None:
    connection.executemany(
        "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest",
        [(filing.source, key, digest) for key, digest in filing.rows],
    )
    if filing.rows:
        connection.execute("DELETE FROM pages WHERE source = ?", (filing.source,))
        missing = "DELETE FROM targets WHERE source = ? AND name NOT IN (SELECT value FROM json_each(?))"
        connection.execute(missing, (filing.source, orjson.dumps(filing.targets).decode()))
    version = _next_version(connection)
    connection.executemany(FILE, [(target, key, version) for target in filing.targets for key, _ in filing.rows])
    if filing.cursor is not None:
        connection.execute("INSERT OR REPLACE INTO sources VALUES (?, ?)", (filing.source, orjson.dumps(filing.cursor)))


def _next_version(connection: sqlite3.Connection) -> int:
    """Greater than all before, also than those of customers that wait no more: a plan made long ago must not match again."""
    return int(connection.execute("UPDATE versions SET last = last + 1 RETURNING last").fetchone()[0])


FILE = (
    "INSERT INTO pending (target, customer, version) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version,"
    " outcome = NULL, reason = '', errors = '[]', attempts = 0, since = NULL, due = 0, parked = 0"
)


def _spend(connection: sqlite3.Connection, plan: str) -> bool:
    return connection.execute("INSERT OR IGNORE INTO spent VALUES (?, ?)", (plan, time.time())).rowcount == 1


def _forget(connection: sqlite3.Connection, source: str, customers: Sequence[str]) -> None:
    connection.executemany("DELETE FROM seen WHERE source = ? AND key = ?", [(source, customer) for customer in customers])
    connection.execute("DELETE FROM pages WHERE source = ?", (source,))


def _wait(connection: sqlite3.Connection, target: str, customers: Sequence[str]) -> list[Pending]:
    version = _next_version(connection)
    connection.executemany(FILE, [(target, customer, version) for customer in customers])
    statement = "SELECT customer, version FROM pending WHERE target = ? AND customer IN (SELECT value FROM json_each(?))"
    return [Pending(*row) for row in connection.execute(statement, (target, orjson.dumps(customers).decode()))]


def _enrol(connection: sqlite3.Connection, target: str, source: str, fingerprint: str) -> bool:
    known = connection.execute("SELECT 1 FROM main.targets WHERE name = ? AND fingerprint = ?", (target, fingerprint)).fetchone()
    if known:
        return False
    connection.execute("INSERT OR REPLACE INTO targets VALUES (?, ?, ?)", (target, source, fingerprint))
    statement = FILE.replace("VALUES (?, ?, ?)", "SELECT ?, key, ? FROM main.seen WHERE source = ?", 1)
    connection.execute(statement, (target, _next_version(connection), source))
    return True


def _baselines(connection: sqlite3.Connection, target: str, customers: Sequence[str]) -> dict[str, Baseline]:
    statement = (
        "SELECT b.customer, b.place, b.id, b.leaves, b.doubt, i.fields FROM main.baselines b"
        " LEFT JOIN main.intents i USING (target, customer)"
        " WHERE b.target = ? AND b.customer IN (SELECT value FROM json_each(?))"
    )
    found = {}
    for customer, place, id, leaves, doubt, flying in connection.execute(statement, (target, orjson.dumps(customers).decode())):
        doubted = frozenset(orjson.loads(doubt) if doubt else ()) | frozenset(orjson.loads(flying) if flying else ())
        found[customer] = Baseline(place, id, decode(leaves), doubted)
    return found


def _rivals(connection: sqlite3.Connection, target: str) -> dict[str, tuple[str, ...]]:
    """A pending customer claims what it was planned with, any other what its baseline says."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS contested (id TEXT PRIMARY KEY) WITHOUT ROWID")
    connection.execute("DELETE FROM contested")
    connection.execute(CONTESTED, {"target": target})
    claimants: dict[str, list[str]] = {}
    for customer, id in connection.execute(CLAIMANTS, {"target": target}):
        claimants.setdefault(id, []).append(customer)
    groups = [sorted(group) for group in claimants.values() if len(group) > 1]
    return {customer: tuple(other for other in group if other != customer) for group in groups for customer in group}


CONTESTED = """
INSERT OR IGNORE INTO contested SELECT id FROM pending WHERE target = :target AND id <> '' GROUP BY id HAVING count(*) > 1
UNION SELECT p.id FROM pending p JOIN main.baselines b ON b.target = p.target AND b.id = p.id AND b.customer <> p.customer
WHERE p.target = :target AND p.id <> ''
"""
CLAIMANTS = """
SELECT customer, id FROM pending WHERE target = :target AND id IN (SELECT id FROM contested)
UNION SELECT b.customer, b.id FROM main.baselines b LEFT JOIN pending p USING (target, customer)
WHERE b.target = :target AND b.id IN (SELECT id FROM contested) AND p.id IS NULL
"""


def _failures(connection: sqlite3.Connection, targets: Sequence[str]) -> list[Failure]:
    statement = (
        "SELECT target, customer, outcome, reason, errors, attempts, since, due, fields FROM pending"
        " LEFT JOIN main.intents USING (target, customer) WHERE (outcome IS NOT NULL OR fields IS NOT NULL)"
        " AND (? OR target IN (SELECT value FROM json_each(?))) ORDER BY target, customer"
    )
    found = []
    for row in connection.execute(statement, (not targets, orjson.dumps(targets).decode())):
        target, customer, outcome, reason, errors, attempts, since, due, flying = row
        if flying:
            outcome, reason = Outcome.UNKNOWN.value, IN_FLIGHT
        parsed = decode_errors(errors)
        found.append(
            Failure(target, customer, Outcome(outcome), reason, parsed, attempts, _moment(since), _moment(due) if due else None)
        )
    return found


def _moment(seconds: float | None) -> datetime:
    return datetime.fromtimestamp(seconds, UTC) if seconds else datetime.now(UTC)


def _tally(connection: sqlite3.Connection) -> list[Tally]:
    known = dict(connection.execute("SELECT target, count(*) FROM main.baselines WHERE leaves IS NOT NULL GROUP BY target"))
    counted: dict[str, dict[str, int]] = {}
    waiting: dict[str, int] = {}
    statement = "SELECT target, outcome, parked, count(*) FROM pending GROUP BY target, outcome, parked"
    for target, outcome, parked, count in connection.execute(statement):
        waiting[target] = waiting.get(target, 0) + (0 if parked else count)
        if outcome:
            counts = counted.setdefault(target, {})
            counts[outcome] = counts.get(outcome, 0) + count
    names = [name for (name,) in connection.execute("SELECT name FROM main.targets ORDER BY name")]
    return [Tally(name, known.get(name, 0), waiting.get(name, 0), counted.get(name, {})) for name in names]


def _recover(connection: sqlite3.Connection) -> dict[str, int]:
    flying = connection.execute(
        "SELECT target, customer, fields, doubt FROM intents LEFT JOIN baselines USING (target, customer)"
    ).fetchall()
    doubts = [
        (orjson.dumps(sorted({*orjson.loads(fields), *(orjson.loads(doubt) if doubt else ())})), target, customer)
        for target, customer, fields, doubt in flying
    ]
    connection.executemany("UPDATE baselines SET doubt = ? WHERE target = ? AND customer = ?", doubts)
    connection.execute(
        "UPDATE pending SET outcome = 'unknown', reason = ?, since = coalesce(since, ?)"
        " WHERE (target, customer) IN (SELECT target, customer FROM intents)",
        (IN_FLIGHT, time.time()),
    )
    connection.execute("DELETE FROM intents")
    return dict(Counter(target for target, *_ in flying))


def _intend(connection: sqlite3.Connection, target: str, updates: Sequence[Update]) -> None:
    for update in updates:
        row = connection.execute(
            "SELECT fields FROM intents WHERE target = ? AND customer = ?", (target, update.customer)
        ).fetchone()
        fields = {change.field for change in update.changes} | set(orjson.loads(row[0]) if row else ())
        values = (target, update.customer, orjson.dumps(sorted(fields)))
        connection.execute("INSERT OR REPLACE INTO intents VALUES (?, ?, ?)", values)
    others = [(target, update.identity.value, update.customer) for update in updates]
    connection.executemany("DELETE FROM baselines WHERE target = ? AND id = ? AND customer <> ?", others)


def _settle(connection: sqlite3.Connection, target: str, place: str, settlements: Sequence[Settlement], run: str) -> None:
    connection.executemany("DELETE FROM intents WHERE target = ? AND customer = ?", [(target, s.customer) for s in settlements])
    connection.executemany(
        "INSERT OR REPLACE INTO baselines VALUES (?, ?, ?, ?, ?, ?)",
        [
            (target, s.customer, place, s.id, encode(s.taken), orjson.dumps(sorted(s.doubt)) if s.doubt else None)
            for s in settlements
            if s.taken is not None
        ],
    )
    for settlement in settlements:
        if settlement.taken is None and settlement.doubt:
            _doubt(connection, target, place, settlement)
    done = {Outcome.DELIVERED, Outcome.UNCHANGED}
    connection.executemany(
        "DELETE FROM pending WHERE target = ? AND customer = ? AND version = ?",
        [(target, s.customer, s.version) for s in settlements if s.outcome in done and not s.stays],
    )
    now = time.time()
    _remember(connection, run, target, settlements, now)
    connection.executemany(
        "UPDATE pending SET outcome = ?, reason = ?, errors = ?, attempts = attempts + ?, since = coalesce(since, ?), due = ?,"
        " parked = ? WHERE target = ? AND customer = ? AND version = ?",
        [(*_told(s, now), target, s.customer, s.version) for s in settlements if s.outcome not in done],
    )


def _remember(connection: sqlite3.Connection, run: str, target: str, settlements: Sequence[Settlement], now: float) -> None:
    connection.executemany(
        "INSERT INTO history (run, at, target, customer, id, outcome, reason, attempts, changes, requests, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (run, now, target, s.customer, s.id, s.outcome.value, s.reason, s.attempts, *_sent(s))
            for s in settlements
            if s.changes
        ],
    )


def _sent(settlement: Settlement) -> tuple[object, ...]:
    return encode_changes(settlement.changes), encode_requests(settlement.requests), settlement.status


HISTORY = (
    "SELECT run, at, target, customer, id, outcome, reason, attempts, changes, requests, status FROM main.history"
    " WHERE target = ? AND customer = ? ORDER BY number DESC LIMIT ?"
)


def _episode(row: tuple[Any, ...]) -> Episode:
    run, at, target, customer, id, outcome, reason, attempts, changes, requests, status = row
    told = decode_changes(changes), decode_requests(requests)
    return Episode(run, _moment(at), target, customer, id, Outcome(outcome), reason, attempts, *told, status)


def _told(settlement: Settlement, now: float) -> tuple[object, ...]:
    due = settlement.due.timestamp() if settlement.due else 0
    errors = encode_errors(settlement.errors)
    return settlement.outcome.value, settlement.reason, errors, settlement.attempts, now, due, settlement.parked


def _doubt(connection: sqlite3.Connection, target: str, place: str, settlement: Settlement) -> None:
    where = (target, settlement.customer, place, settlement.id)
    row = connection.execute(
        "SELECT doubt FROM baselines WHERE target = ? AND customer = ? AND place = ? AND id = ?", where
    ).fetchone()
    if row:
        doubt = orjson.dumps(sorted({*settlement.doubt, *(orjson.loads(row[0]) if row[0] else ())}))
        connection.execute("UPDATE baselines SET doubt = ? WHERE target = ? AND customer = ?", (doubt, *where[:2]))


def _drop(connection: sqlite3.Connection, target: str, waiting: Sequence[Pending]) -> None:
    for pending in waiting:
        gone = connection.execute(
            "DELETE FROM pending WHERE target = ? AND customer = ? AND version = ?", (target, pending.customer, pending.version)
        )
        if gone.rowcount:
            connection.execute("DELETE FROM baselines WHERE target = ? AND customer = ?", (target, pending.customer))


def _retry(connection: sqlite3.Connection, targets: Sequence[str], customers: Sequence[str]) -> int:
    statement = (
        "UPDATE pending SET version = ?, outcome = NULL, reason = '', errors = '[]', attempts = 0, since = NULL,"
        " due = 0, parked = 0 WHERE outcome IS NOT NULL AND (? OR target IN (SELECT value FROM json_each(?)))"
        " AND (? OR customer IN (SELECT value FROM json_each(?)))"
    )
    values = (not targets, orjson.dumps(targets).decode(), not customers, orjson.dumps(customers).decode())
    return connection.execute(statement, (_next_version(connection), *values)).rowcount
