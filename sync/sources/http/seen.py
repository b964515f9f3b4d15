"""The customers of a list as it is read, page by page -> who was seen, in which turn, and what they are now."""

import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from sync.model import Customer
from sync.sources.scratch import open_scratch

SCHEMA = """
CREATE TABLE seen (key TEXT PRIMARY KEY, mark BLOB NOT NULL, turn INTEGER NOT NULL, content BLOB NOT NULL) WITHOUT ROWID;
"""
GONE = pickle.dumps(None)
THERE = "SELECT key FROM seen WHERE key > ? AND content <> ? ORDER BY key LIMIT ?"
AMONG = "WHERE key IN (SELECT value FROM json_each(?))"


class Seen:
    """Everybody whom one reading of a list has shown, as shown last; a `mark` is another one when the list shows a change."""

    def __init__(self) -> None:
        self._database = open_scratch(SCHEMA)

    def __len__(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM seen").fetchone()[0])

    def known(self, keys: Iterable[str]) -> dict[str, tuple[bytes, int]]:
        """Those of the keys that have been seen, with mark and turn."""
        found = self._database.execute(f"SELECT key, mark, turn FROM seen {AMONG}", (_json(keys),))  # noqa: S608 - a constant
        return {key: (mark, turn) for key, mark, turn in found}

    def note(self, turn: int, customers: Iterable[tuple[str, bytes, Customer | None]]) -> None:
        """Seen in this turn as key, mark, and the customer as it is now; None is one that is gone although it is listed."""
        rows = [(key, mark, turn, pickle.dumps(customer)) for key, mark, customer in customers]
        self._write("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", rows)

    def meet(self, turn: int, keys: Iterable[str]) -> None:
        """Seen again as they were."""
        self._write("UPDATE seen SET turn = ? WHERE key = ?", [(turn, key) for key in keys])

    def customers(self, keys: Sequence[str]) -> dict[str, Customer | None]:
        """Those of the keys that have been seen."""
        found = self._database.execute(f"SELECT key, content FROM seen {AMONG}", (_json(keys),))  # noqa: S608 - a constant
        return {key: pickle.loads(content) for key, content in found}  # noqa: S301 - written here

    def keys(self, size: int) -> Iterator[list[str]]:
        """Everybody who is not gone, in lists of this size."""
        after = ""
        while found := self._database.execute(THERE, (after, GONE, size)).fetchall():
            yield [key for (key,) in found]
            after = found[-1][0]

    def close(self) -> None:
        """Forgets everybody."""
        self._database.close()

    def _write(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")


def _json(keys: Iterable[str]) -> str:
    return orjson.dumps(list(keys)).decode()
