"""What is written to the state, each in the store's thread: one transaction's writing."""

import sqlite3
import time
from collections.abc import Iterable, Sequence

import orjson

from sync.model import AT_ONCE, Filing, Outcome, Pending, Settlement, Update
from sync.stores import holding, past
from sync.stores.bulk import insert
from sync.stores.codec import encode, encode_errors
from sync.stores.reads import IN_FLIGHT, waiting


def many(connection: sqlite3.Connection, statement: str, rows: Iterable[Sequence[object]]) -> None:
    connection.executemany(statement, rows)


def note_alerts(connection: sqlite3.Connection, rows: Sequence[tuple[str, float, str]]) -> None:
    connection.execute("DELETE FROM alerts")
    connection.executemany("INSERT INTO alerts VALUES (?, ?, ?)", rows)


def file(connection: sqlite3.Connection, filing: Filing) -> None:
    connection.executemany(
        "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest",
        [(filing.source, key, digest) for key, digest in filing.rows],
    )
    if filing.rows:
        past.let_go(connection, filing)
        connection.execute("DELETE FROM pages WHERE source = ?", (filing.source,))
        missing = "DELETE FROM targets WHERE source = ? AND name NOT IN (SELECT value FROM json_each(?))"
        connection.execute(missing, (filing.source, orjson.dumps(filing.targets).decode()))
        version = next_version(connection)
        connection.executemany(FILE, [(target, key, version) for target in filing.targets for key, _ in filing.rows])
    if filing.cursor is not None:
        connection.execute("INSERT OR REPLACE INTO sources VALUES (?, ?)", (filing.source, orjson.dumps(filing.cursor)))


def next_version(connection: sqlite3.Connection) -> int:
    """Greater than all before, also than those of customers that wait no more: a plan made long ago must not match again."""
    version = int(connection.execute("UPDATE versions SET last = last + 1 RETURNING last").fetchone()[0])
    connection.execute("INSERT INTO filings VALUES (?, ?)", (version, time.time()))
    return version


FILE = (
    "INSERT INTO pending (target, customer, version) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version,"
    " outcome = NULL, reason = '', errors = '[]', attempts = 0, since = NULL, due = 0, parked = 0,"
    " holds = '[]', released = '[]', held_in = '', gone = excluded.gone"
)
WAIT = (
    "INSERT INTO pending (target, customer, version) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version,"
    " outcome = CASE outcome WHEN 'held' THEN outcome END, reason = CASE outcome WHEN 'held' THEN reason ELSE '' END,"
    " since = CASE outcome WHEN 'held' THEN since END, errors = '[]', attempts = 0, due = 0, parked = 0"
)


def spend(connection: sqlite3.Connection, plan: str) -> bool:
    return connection.execute("INSERT OR IGNORE INTO spent VALUES (?, ?)", (plan, time.time())).rowcount == 1


def forget(connection: sqlite3.Connection, source: str, customers: Sequence[str]) -> None:
    connection.executemany("DELETE FROM seen WHERE source = ? AND key = ?", [(source, customer) for customer in customers])
    connection.execute("DELETE FROM pages WHERE source = ?", (source,))


def wait(connection: sqlite3.Connection, target: str, customers: Sequence[str]) -> list[Pending]:
    version = next_version(connection)
    connection.executemany(WAIT, [(target, customer, version) for customer in customers])
    statement = (
        "SELECT customer, version, released, gone FROM pending WHERE target = ? AND customer IN (SELECT value FROM json_each(?))"
    )
    return [waiting(*row) for row in connection.execute(statement, (target, orjson.dumps(customers).decode()))]


def enrol(connection: sqlite3.Connection, target: str, source: str, fingerprint: str) -> bool:
    known = connection.execute("SELECT 1 FROM main.targets WHERE name = ? AND fingerprint = ?", (target, fingerprint)).fetchone()
    if known:
        return False
    connection.execute("INSERT OR REPLACE INTO targets VALUES (?, ?, ?)", (target, source, fingerprint))
    statement = FILE.replace("VALUES (?, ?, ?)", "SELECT ?, key, ? FROM main.seen WHERE source = ?", 1)
    connection.execute(statement, (target, next_version(connection), source))
    connection.execute("UPDATE pending SET parked = 0 WHERE target = ? AND gone", (target,))
    return True


def recover(connection: sqlite3.Connection) -> None:
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
    past.interrupt(connection)


def intend(connection: sqlite3.Connection, target: str, updates: Sequence[Update]) -> None:
    fields = {update.customer: [change.field for change in update.changes] for update in updates}
    statement = "SELECT customer, fields FROM intents WHERE target = ? AND customer IN (SELECT value FROM json_each(?))"
    for customer, intended in connection.execute(statement, (target, _text(list(fields)))):
        fields[customer] = sorted({*fields[customer], *orjson.loads(intended)})
    rows = [(target, customer, orjson.dumps(names)) for customer, names in fields.items()]
    insert(connection, "INSERT OR REPLACE INTO intents VALUES (?, ?, ?)", rows)
    claimed = _text([(update.identity.value, update.customer) for update in updates])
    connection.execute(OTHERS, {"target": target, "claimed": claimed})


OTHERS = """
WITH claimed AS MATERIALIZED (SELECT value ->> 0 AS id, value ->> 1 AS customer FROM json_each(:claimed))
DELETE FROM baselines WHERE target = :target AND id IN (SELECT id FROM claimed)
AND (id, customer) NOT IN (SELECT id, customer FROM claimed)
"""
"""Those that had one of these vendor ids before."""


def settle(connection: sqlite3.Connection, target: str, place: str, settlements: Sequence[Settlement], run: str) -> None:
    statement = "DELETE FROM intents WHERE target = ? AND customer IN (SELECT value FROM json_each(?))"
    connection.execute(statement, (target, _text([settlement.customer for settlement in settlements])))
    acknowledged = [
        (target, s.customer, place, s.id, encode(s.taken), orjson.dumps(sorted(s.doubt)) if s.doubt else None)
        for s in settlements
        if s.taken is not None
    ]
    insert(connection, "INSERT OR REPLACE INTO baselines VALUES (?, ?, ?, ?, ?, ?)", acknowledged)
    for settlement in settlements:
        if settlement.taken is None and settlement.doubt:
            _doubt(connection, target, place, settlement)
    now = time.time()
    past.remember(connection, (run, target, place), settlements, now)
    done = {Outcome.DELIVERED, Outcome.UNCHANGED}
    _in_step(connection, target, [s for s in settlements if s.outcome in done and not s.stays])
    connection.executemany(
        "UPDATE pending SET outcome = ?, reason = ?, errors = ?, attempts = attempts + ?, since = coalesce(since, ?), due = ?,"
        " parked = ? WHERE target = ? AND customer = ? AND version = ?",
        [(*_told(s, now), target, s.customer, s.version) for s in settlements if s.outcome not in done],
    )
    holding.hold(connection, target, [s for s in settlements if s.outcome not in done and not s.stays], run)


def _in_step(connection: sqlite3.Connection, target: str, settlements: Sequence[Settlement]) -> None:
    """They wait no more, unless they have been filed again meanwhile."""
    versions: dict[int, list[str]] = {}
    for settlement in settlements:
        versions.setdefault(settlement.version, []).append(settlement.customer)
    statement = "DELETE FROM pending WHERE target = ? AND version = ? AND customer IN (SELECT value FROM json_each(?))"
    for version, customers in versions.items():
        connection.execute(statement, (target, version, _text(customers)))


def _text(values: object) -> str:
    return orjson.dumps(values).decode()


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


def drop(connection: sqlite3.Connection, target: str, waiting: Sequence[Pending]) -> None:
    for pending in waiting:
        gone = connection.execute(
            "DELETE FROM pending WHERE target = ? AND customer = ? AND version = ?", (target, pending.customer, pending.version)
        )
        if gone.rowcount:
            connection.execute("DELETE FROM baselines WHERE target = ? AND customer = ?", (target, pending.customer))
            connection.execute("DELETE FROM undone WHERE target = ? AND customer = ?", (target, pending.customer))


def retry(connection: sqlite3.Connection, targets: Sequence[str], customers: Sequence[str]) -> int:
    statement = (
        "UPDATE pending SET version = ?, outcome = NULL, reason = '', errors = '[]', attempts = 0, since = NULL,"
        " due = ?, parked = 0, holds = '[]' WHERE outcome IS NOT NULL AND (? OR target IN (SELECT value FROM json_each(?)))"
        " AND (? OR customer IN (SELECT value FROM json_each(?)))"
    )
    values = (not targets, orjson.dumps(targets).decode(), not customers, orjson.dumps(customers).decode())
    let_go = _let_go_of_gone(connection, values)
    return let_go + connection.execute(statement, (next_version(connection), AT_ONCE, *values)).rowcount


def _let_go_of_gone(connection: sqlite3.Connection, values: tuple[object, ...]) -> int:
    listed = (
        "SELECT target, customer FROM pending WHERE outcome = 'gone' AND (? OR target IN (SELECT value FROM json_each(?)))"
        " AND (? OR customer IN (SELECT value FROM json_each(?)))"
    )
    for table in ("baselines", "undone"):
        connection.execute(f"DELETE FROM {table} WHERE (target, customer) IN ({listed})", values)  # noqa: S608 - our own names
    return connection.execute(f"DELETE FROM pending WHERE (target, customer) IN ({listed})", values).rowcount  # noqa: S608
