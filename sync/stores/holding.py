"""What gates hold, what was let through them, and how many rows they found, in the state."""

import sqlite3
import time

from sync.model import Hold, Outcome, Released, Releases, said_of
from sync.stores.codec import decode_holds, decode_releases, encode_holds, encode_releases

HOLDING = """
SELECT json_extract(hold.value, '$[0]') AS gate, held_in, count(DISTINCT customer) FROM pending, json_each(holds) hold
WHERE target = ? AND outcome = 'held' GROUP BY gate, held_in
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


def release(connection: sqlite3.Connection, target: str, gate: str, run: str | None) -> Released:
    """Row by row, because what is held by others as well stays held."""
    statement = (
        "SELECT customer, outcome, holds, released FROM pending"
        " WHERE target = ? AND holds <> '[]' AND held_in = coalesce(?, held_in)"
    )
    let_go = [
        (customer, outcome, *_let_go(gate, decode_holds(holds), decode_releases(released)))
        for customer, outcome, holds, released in connection.execute(statement, (target, run)).fetchall()
        if any(hold.gate == gate for hold in decode_holds(holds))
    ]
    now = time.time()
    connection.executemany(
        "UPDATE pending SET holds = ?, released = ?, parked = 0, due = ?,"
        " outcome = CASE WHEN outcome = 'held' AND ? = '[]' THEN NULL ELSE outcome END,"
        " reason = CASE outcome WHEN 'held' THEN ? ELSE reason END WHERE target = ? AND customer = ?",
        [(holds, released, now, holds, reason, target, customer) for customer, _, holds, released, reason in let_go],
    )
    rows = connection.execute(
        "UPDATE counts SET taken = refused, refused = NULL, gate = '' WHERE target = ? AND gate = ? RETURNING taken",
        (target, gate),
    ).fetchone()
    held = [holds for _, outcome, holds, *_ in let_go if outcome == Outcome.HELD.value]
    return Released(len(held), sum(holds != "[]" for holds in held), rows[0] if rows else None)


def _let_go(gate: str, holds: tuple[Hold, ...], released: Releases) -> tuple[str, str, str]:
    """Holds, releases and the reason as they are from now on."""
    left = [hold for hold in holds if hold.gate != gate]
    through = {(gate, name) for hold in holds if hold.gate == gate for name in hold.fields}
    return encode_holds(left), encode_releases(released | through), said_of(left)
