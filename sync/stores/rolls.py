"""Everybody whom a source calls -> who is gone from it, and who has returned: marked in a temporary table, swept at once."""

import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from sync.model import Roll, RollCall
from sync.stores.writes import FILE, next_version

TABLES = (
    "CREATE TEMP TABLE IF NOT EXISTS met (source TEXT, key TEXT, PRIMARY KEY (source, key)) WITHOUT ROWID",
    "CREATE TEMP TABLE IF NOT EXISTS found (key TEXT PRIMARY KEY) WITHOUT ROWID",
)
GONE = """
INSERT INTO temp.found SELECT key FROM main.seen AS s WHERE source = ?
AND NOT EXISTS (SELECT 1 FROM temp.met AS m WHERE m.source = s.source AND m.key = s.key)
"""
RETURNED = """
INSERT INTO temp.found SELECT key FROM temp.met AS m WHERE source = ?
AND NOT EXISTS (SELECT 1 FROM main.seen AS s WHERE s.source = m.source AND s.key = m.key)
AND NOT EXISTS (SELECT 1 FROM seen AS s WHERE s.source = m.source AND s.key = m.key)
"""
"""In a dry run, what has just been filed stands in the second of the two only."""
WAIT = FILE.replace(
    "(target, customer, version) VALUES (?, ?, ?)",
    "(target, customer, version, gone) SELECT ?, key, ?, ? FROM temp.found WHERE {}",
    1,
)
LET_GO = """
DELETE FROM undone WHERE customer IN (SELECT key FROM temp.found)
AND (source = ? OR target IN (SELECT value FROM json_each(?)))
"""


def roll(connection: sqlite3.Connection, source: str) -> Roll:
    """What is known of it."""
    [(seen,)] = connection.execute("SELECT count(*) FROM main.seen WHERE source = ?", (source,))
    last = connection.execute("SELECT at, surplus FROM main.rolls WHERE source = ?", (source,)).fetchone()
    return Roll(seen, datetime.fromtimestamp(last[0], UTC), last[1]) if last else Roll(seen)


def begin(connection: sqlite3.Connection, source: str) -> None:
    """Nobody has been called."""
    for table in TABLES:
        connection.execute(table)
    connection.execute("DELETE FROM temp.met WHERE source = ?", (source,))


def meet(connection: sqlite3.Connection, source: str, customers: Sequence[str]) -> None:
    """Some more have been called."""
    statement = "INSERT OR IGNORE INTO temp.met SELECT ?, value FROM json_each(?)"
    connection.execute(statement, (source, orjson.dumps(list(customers)).decode()))


def end(connection: sqlite3.Connection, call: RollCall) -> int:
    """All at once, so that nobody is seen no more without being filed as gone."""
    gone = _find(connection, GONE, call.source)
    if gone:
        _mark(connection, call)
    if _find(connection, RETURNED, call.source):
        _welcome(connection, call)
    connection.execute("DELETE FROM temp.met WHERE source = ?", (call.source,))
    [(seen,)] = connection.execute("SELECT count(*) FROM seen WHERE source = ?", (call.source,))
    surplus = 0 if call.rows is None else call.rows - seen
    connection.execute("INSERT OR REPLACE INTO rolls VALUES (?, ?, ?)", (call.source, time.time(), surplus))
    return gone


def _find(connection: sqlite3.Connection, statement: str, source: str) -> int:
    connection.execute("DELETE FROM temp.found")
    return connection.execute(statement, (source,)).rowcount


def _mark(connection: sqlite3.Connection, call: RollCall) -> None:
    """They wait as gone where somebody is watching, and where they have been waiting anyway."""
    version = next_version(connection)
    for target in call.targets:
        if target in call.watching:
            connection.execute(WAIT.format("true"), (target, version, True))
        else:
            waiting = "key IN (SELECT customer FROM pending WHERE target = ?)"
            connection.execute(WAIT.format(waiting), (target, version, True, target))
    connection.execute("DELETE FROM seen WHERE source = ? AND key IN (SELECT key FROM temp.found)", (call.source,))
    _forget_the_rest(connection, call)


def _welcome(connection: sqlite3.Connection, call: RollCall) -> None:
    """They are seen, although nobody knows yet what they look like."""
    version = next_version(connection)
    for target in call.targets:
        connection.execute(WAIT.format("true"), (target, version, False))
    connection.execute("INSERT INTO seen SELECT ?, key, x'' FROM temp.found", (call.source,))
    missing = "DELETE FROM targets WHERE source = ? AND name NOT IN (SELECT value FROM json_each(?))"
    connection.execute(missing, (call.source, _text(call.targets)))
    _forget_the_rest(connection, call)


def _forget_the_rest(connection: sqlite3.Connection, call: RollCall) -> None:
    """What was put back, and which pages are known, holds until something is filed."""
    connection.execute(LET_GO, (call.source, _text(call.targets)))
    connection.execute("DELETE FROM pages WHERE source = ?", (call.source,))


def _text(names: Sequence[str]) -> str:
    return orjson.dumps(list(names)).decode()
