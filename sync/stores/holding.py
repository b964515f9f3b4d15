"""What gates hold, what was let through them, and how many rows they found, in the state."""

import sqlite3
from collections.abc import Sequence

from sync.model import AT_ONCE, Outcome, Released, Settlement, said_of
from sync.stores.codec import decode_holds, decode_releases, encode_holds, encode_releases
from sync.stores.holds import carried, let_go

HOLDING = """
SELECT json_extract(value, '$[0]') AS gate, json_extract(value, '$[3]') AS first, held_in, count(DISTINCT customer)
FROM pending, json_each(holds) WHERE target = ? AND outcome = 'held' GROUP BY gate, first, held_in ORDER BY 1, 2, 3
"""


def note_rows(connection: sqlite3.Connection, target: str, source: str, rows: int, gate: str) -> None:
    """What is taken as right stays while a gate finds them too few, unless that was of another source."""
    if not gate:
        connection.execute("INSERT OR REPLACE INTO counts VALUES (?, ?, ?, NULL, '')", (target, source, rows))
        return
    connection.execute(
        "INSERT INTO counts VALUES (?, ?, NULL, ?, ?) ON CONFLICT DO UPDATE SET source = excluded.source,"
        " taken = CASE source WHEN excluded.source THEN taken END, refused = excluded.refused, gate = excluded.gate",
        (target, source, rows, gate),
    )


def hold(connection: sqlite3.Connection, target: str, settlements: Sequence[Settlement], run: str) -> None:
    """What was held before is held since then; what is not any more is forgotten."""
    for settlement in settlements:
        key = (target, settlement.customer, settlement.version)
        row = connection.execute("SELECT holds FROM pending WHERE target = ? AND customer = ? AND version = ?", key).fetchone()
        if row and (settlement.holds or row[0] != "[]"):
            holds = encode_holds(carried(decode_holds(row[0]), settlement.holds, run))
            connection.execute(
                "UPDATE pending SET holds = ?, held_in = ? WHERE target = ? AND customer = ? AND version = ?", (holds, run, *key)
            )


def release(connection: sqlite3.Connection, target: str, gate: str, run: str | None) -> Released:
    """Row by row, because what is held by others as well stays held."""
    rows = connection.execute(
        "SELECT customer, outcome, holds, held_in, released FROM pending WHERE target = ? AND holds <> '[]'", (target,)
    ).fetchall()
    held = still = 0
    for customer, outcome, holds, last, released in rows:
        gone = let_go(decode_holds(holds), gate, last, run)
        if gone is None:
            continue
        if outcome == Outcome.HELD.value:
            held, still = held + 1, still + bool(gone.left)
        through = encode_releases(decode_releases(released) | gone.released)
        values = (encode_holds(gone.left), through, AT_ONCE, not gone.left, said_of(gone.left), target, customer)
        connection.execute(LET_GO, values)
    taken = connection.execute(
        "UPDATE counts SET taken = refused, refused = NULL, gate = '' WHERE target = ? AND gate = ? RETURNING taken",
        (target, gate),
    ).fetchone()
    return Released(held, still, taken[0] if taken else None)


LET_GO = (
    "UPDATE pending SET holds = ?, released = ?, parked = 0, due = ?,"
    " outcome = CASE WHEN outcome = 'held' AND ? THEN NULL ELSE outcome END,"
    " reason = CASE outcome WHEN 'held' THEN ? ELSE reason END WHERE target = ? AND customer = ?"
)
