"""A schema -> a SQLite database that nobody else sees, for what a read has to remember and memory need not hold.

It is SQLite's temporary kind: a file without a name, so that nothing stays behind, even of a process that is killed.
"""

import sqlite3

HASTY = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8000;
"""


def open_scratch(schema: str) -> sqlite3.Connection:
    """Each statement is its own transaction, unless one is begun."""
    connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
    connection.executescript(HASTY + schema)
    return connection
