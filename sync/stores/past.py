"""Runs, what they told whom, and what was put back: the transactions of the SQLite state that look behind."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from sync.model import Episode, Failure, Filing, Outcome, Run, Settlement, Undone
from sync.stores.bulk import insert
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

UNDONE = "put back by run {run}; stays so until the customer changes at the source"
COLUMNS = "run, at, target, customer, id, outcome, reason, attempts, changes, requests, status, errors, place"


def remember(connection: sqlite3.Connection, where: tuple[str, str, str], settlements: Sequence[Settlement], now: float) -> None:
    """What was sent, and how it ended; `where` is the run, the target and its place."""
    into = f"INSERT INTO history ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
    run, target, place = where
    sent = [s for s in settlements if s.changes]
    rows = [(run, now, target, s.customer, s.id, s.outcome.value, s.reason, s.attempts, *_sent(s), place) for s in sent]
    insert(connection, into, rows)


def history(connection: sqlite3.Connection, target: str, customer: str, most: int) -> list[Episode]:
    """The last updates of one customer, newest first."""
    statement = f"SELECT {COLUMNS} FROM main.history WHERE target = ? AND customer = ? ORDER BY number DESC LIMIT ?"  # noqa: S608
    return [episode(row) for row in connection.execute(statement, (target, customer, most))]


def told(connection: sqlite3.Connection, run: str, target: str, after: str, size: int) -> list[str]:
    """The next customers of one run."""
    statement = (
        "SELECT DISTINCT customer FROM main.history WHERE run = ? AND target = ? AND customer > ? ORDER BY customer LIMIT ?"
    )
    return [customer for (customer,) in connection.execute(statement, (run, target, after, size))]


def episodes(connection: sqlite3.Connection, run: str, target: str, customers: Sequence[str]) -> dict[str, Episode]:
    """What one run has told of these customers, each in its last episode."""
    statement = (
        f"SELECT {COLUMNS} FROM main.history WHERE run = ? AND target = ?"  # noqa: S608
        " AND customer IN (SELECT value FROM json_each(?)) ORDER BY number"
    )
    found = connection.execute(statement, (run, target, orjson.dumps(customers).decode()))
    return {told.customer: told for told in map(episode, found)}


def begin_run(connection: sqlite3.Connection, run: str, started: float, report: Mapping[str, object]) -> None:
    """A run without an end."""
    connection.execute("INSERT INTO runs VALUES (?, ?, NULL, ?)", (run, started, orjson.dumps(report)))


def runs(connection: sqlite3.Connection, most: int) -> list[Run]:
    """The last ones, newest first."""
    statement = "SELECT run, started, ended, report FROM main.runs ORDER BY started DESC, run DESC LIMIT ?"
    return [
        Run(run, _moment(started), _moment(ended) if ended else None, orjson.loads(report))
        for run, started, ended, report in connection.execute(statement, (most,))
    ]


def interrupt(connection: sqlite3.Connection) -> None:
    """Whatever was under way has ended with its process; what it had told by then is what it reports."""
    for run, begun in connection.execute("SELECT run, report FROM runs WHERE ended IS NULL").fetchall():
        targets: dict[str, dict[str, int]] = {}
        counted = "SELECT target, outcome, count(*) FROM history WHERE run = ? GROUP BY target, outcome"
        for target, outcome, count in connection.execute(counted, (run,)):
            targets.setdefault(target, {})[outcome] = count
        report = orjson.dumps(orjson.loads(begun) | {"targets": targets, "troubles": [], "interrupted": True})
        connection.execute("UPDATE runs SET ended = ?, report = ? WHERE run = ?", (time.time(), report, run))


PRUNE = (
    (
        "DELETE FROM history WHERE number IN"
        " (SELECT number FROM (SELECT number, at FROM history ORDER BY number LIMIT :most) WHERE at < :before)"
    ),
    (
        "DELETE FROM runs WHERE run IN (SELECT run FROM"
        " (SELECT run, coalesce(ended, started) AS at FROM runs ORDER BY run LIMIT :most) WHERE at < :before)"
    ),
    (
        "DELETE FROM filings WHERE version IN"
        " (SELECT version FROM (SELECT version, at FROM filings ORDER BY version LIMIT :most) WHERE at < :before)"
    ),
)
"""Only the first rows of each are looked at: all three are in the order of time by their keys."""


def prune(connection: sqlite3.Connection, before: float, most: int) -> int:
    """What goes makes room for what comes: SQLite uses free pages first, so that the file stops growing."""
    return sum(connection.execute(statement, {"before": before, "most": most}).rowcount for statement in PRUNE)


def undone(connection: sqlite3.Connection, target: str, customers: Sequence[str]) -> dict[str, Undone]:
    """Who keeps what was put back."""
    statement = "SELECT customer, run, leaves FROM undone WHERE target = ? AND customer IN (SELECT value FROM json_each(?))"
    found = connection.execute(statement, (target, orjson.dumps(customers).decode()))
    return {customer: Undone(customer, run, decode(leaves)) for customer, run, leaves in found}


def put_back(connection: sqlite3.Connection, target: str, kept: Sequence[Undone]) -> None:
    """In place of what was noted before."""
    connection.executemany("DELETE FROM undone WHERE target = ? AND customer = ?", [(target, one.customer) for one in kept])
    connection.executemany(
        "INSERT INTO undone SELECT ?, ?, (SELECT source FROM targets WHERE name = ?), ?, ?, ?",
        [(target, one.customer, target, one.run, time.time(), encode(one.leaves)) for one in kept if one.leaves],
    )


def kept(connection: sqlite3.Connection, targets: Sequence[str]) -> list[Failure]:
    """Whoever was put back is out of step until its source says something new."""
    statement = (
        "SELECT target, customer, run, at FROM undone LEFT JOIN pending USING (target, customer)"
        " LEFT JOIN main.intents USING (target, customer) WHERE outcome IS NULL AND fields IS NULL"
        " AND (? OR target IN (SELECT value FROM json_each(?)))"
    )
    found = connection.execute(statement, (not targets, orjson.dumps(targets).decode()))
    return [
        Failure(target, customer, Outcome.UNDONE, UNDONE.format(run=run), (), 0, _moment(at))
        for target, customer, run, at in found
    ]


def let_go(connection: sqlite3.Connection, filing: Filing) -> None:
    """Whoever is filed keeps nothing any more, also at a target that is not in the configuration just now."""
    if not connection.execute("SELECT 1 FROM undone LIMIT 1").fetchone():
        return
    statement = (
        "DELETE FROM undone WHERE customer IN (SELECT value FROM json_each(?))"
        " AND (source = ? OR target IN (SELECT value FROM json_each(?)))"
    )
    keys = orjson.dumps([key for key, _ in filing.rows]).decode()
    connection.execute(statement, (keys, filing.source, orjson.dumps(filing.targets).decode()))


def _sent(settlement: Settlement) -> tuple[object, ...]:
    sent = encode_changes(settlement.changes), encode_requests(settlement.requests)
    return *sent, settlement.status, encode_errors(settlement.errors)


def episode(row: Sequence[Any]) -> Episode:
    """A row of the history."""
    run, at, target, customer, id, outcome, reason, attempts, changes, requests, status, errors, place = row
    ended = Outcome(outcome), reason, attempts
    sent = decode_changes(changes), decode_requests(requests), status
    return Episode(run, _moment(at), target, customer, id, *ended, *sent, decode_errors(errors), place)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
