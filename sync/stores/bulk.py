"""Many rows -> few steps of SQLite: after each step the store's thread has to wait until it is let in again."""

import sqlite3
from collections.abc import Sequence
from itertools import chain

ROWS_AT_ONCE = (64, 16, 4, 1)
"""Few sizes, so that few statements have to be prepared."""


def insert(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """An INSERT that ends in VALUES (?, ...), for all the rows."""
    into, _, row = statement.partition("VALUES ")
    start = 0
    for size in ROWS_AT_ONCE:
        while len(rows) - start >= size:
            values = list(chain.from_iterable(rows[start : start + size]))
            connection.execute(f"{into} VALUES {', '.join([row] * size)}", values)
            start += size
