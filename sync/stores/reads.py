"""What is asked of the state, each in the store's thread: one transaction's reading."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from sync.model import AT_ONCE, LONGEST_STOP, Alert, Baseline, Failure, Outcome, Pending, Tally, Timing
from sync.stores import past
from sync.stores.codec import decode, decode_errors, decode_releases

IN_FLIGHT = "in flight when the process ended"
UNDERWAY = "on its way: no answer has been written down yet"


def rows(connection: sqlite3.Connection, statement: str, values: Sequence[object]) -> list[tuple]:  # type: ignore[type-arg]
    return connection.execute(statement, values).fetchall()


def unseen(
    connection: sqlite3.Connection, source: str, rows: Sequence[tuple[str, bytes]], whole: bytes
) -> list[tuple[str, bytes]]:
    """Row by row, unless the same page of rows has been found to be seen before (`pages` holds until `seen` changes)."""
    page = (source, whole)
    if whole and connection.execute("SELECT 1 FROM main.pages WHERE source = ? AND digest = ?", page).fetchone():
        return []
    statement = "SELECT key, digest FROM main.seen WHERE source = ? AND key IN (SELECT value FROM json_each(?))"
    known = dict(connection.execute(statement, (source, orjson.dumps([key for key, _ in rows]).decode())).fetchall())
    unseen = [row for row in rows if known.get(row[0]) != row[1]]
    if whole and not unseen:
        connection.execute("INSERT OR IGNORE INTO pages VALUES (?, ?)", page)
    return unseen


SEEN = (
    "SELECT key FROM main.seen WHERE source = ? AND key IN (SELECT value FROM json_each(?))"
    " UNION SELECT key FROM seen WHERE source = ? AND key IN (SELECT value FROM json_each(?))"
)
"""In a dry run, what has just been filed stands in the second of the two only."""


def pending(connection: sqlite3.Connection, target: str, after: str, size: int, now: float) -> list[Pending]:
    statement = (
        "SELECT customer, version, released, gone FROM pending WHERE target = ? AND customer > ? AND NOT parked"
        " AND (due <= ? OR due > ?) ORDER BY customer LIMIT ?"
    )
    return [waiting(*row) for row in connection.execute(statement, (target, after, now, now + LONGEST_STOP, size))]


def waiting(customer: str, version: int, released: str, gone: int) -> Pending:
    return Pending(customer, version, decode_releases(released), bool(gone))


def baselines(connection: sqlite3.Connection, target: str, customers: Sequence[str]) -> dict[str, Baseline]:
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


def rivals(connection: sqlite3.Connection, target: str) -> dict[str, tuple[str, ...]]:
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


def failures(connection: sqlite3.Connection, targets: Sequence[str]) -> list[Failure]:
    statement = (
        "SELECT target, customer, outcome, reason, errors, attempts, since, due, fields FROM pending"
        " LEFT JOIN main.intents USING (target, customer) WHERE (outcome IS NOT NULL OR fields IS NOT NULL)"
        " AND (? OR target IN (SELECT value FROM json_each(?)))"
    )
    found = []
    for row in connection.execute(statement, (not targets, orjson.dumps(targets).decode())):
        target, customer, outcome, reason, errors, attempts, since, due, flying = row
        if flying:
            outcome, reason = Outcome.UNKNOWN.value, UNDERWAY
        parsed, until = decode_errors(errors), moment(due) if due > AT_ONCE else None
        found.append(Failure(target, customer, Outcome(outcome), reason, parsed, attempts, moment(since), until))
    return sorted([*found, *past.kept(connection, targets)], key=lambda failure: (failure.target, failure.customer))


def moment(seconds: float | None) -> datetime:
    return datetime.fromtimestamp(seconds, UTC) if seconds else datetime.now(UTC)


def tally(connection: sqlite3.Connection) -> list[Tally]:
    known = dict(connection.execute("SELECT target, count(*) FROM main.baselines WHERE leaves IS NOT NULL GROUP BY target"))
    counted: dict[str, dict[str, int]] = {}
    waiting: dict[str, int] = {}
    statement = "SELECT target, outcome, parked, count(*) FROM pending GROUP BY target, outcome, parked"
    for target, outcome, parked, count in connection.execute(statement):
        waiting[target] = waiting.get(target, 0) + (0 if parked else count)
        if outcome:
            counts = counted.setdefault(target, {})
            counts[outcome] = counts.get(outcome, 0) + count
    for target, count in connection.execute("SELECT target, count(*) FROM undone GROUP BY target"):
        counted.setdefault(target, {})[Outcome.UNDONE.value] = count
    names = [name for (name,) in connection.execute("SELECT name FROM main.targets ORDER BY name")]
    return [Tally(name, known.get(name, 0), waiting.get(name, 0), counted.get(name, {})) for name in names]


FILED = "SELECT version, at FROM main.filings WHERE version IN (SELECT version FROM pending WHERE target = ?)"


def resumable(connection: sqlite3.Connection) -> dict[str, datetime]:
    statement = (
        "SELECT target, min(due) FROM pending WHERE NOT parked AND (outcome IN ('deferred', 'unknown') OR due > 0)"
        " GROUP BY target"
    )
    return {target: datetime.fromtimestamp(due, UTC) for target, due in connection.execute(statement)}


def alerts(connection: sqlite3.Connection) -> list[Alert]:
    found = connection.execute("SELECT about, since, text FROM main.alerts ORDER BY since, about")
    return [Alert(about, moment(since), text) for about, since, text in found]


def timings(connection: sqlite3.Connection) -> dict[str, Timing]:
    found = connection.execute("SELECT target, last, succeeded, paused FROM main.timings")
    return {target: Timing(*(at and moment(at) for at in moments)) for target, *moments in found}
