"""The rows of files, taken one by one -> customers by key, without memory that grows with their number."""

import pickle
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson

from sync.model import Customer
from sync.sources.formats.base import Damaged, Row, Sheet
from sync.sources.rows import TWICE, key_text
from sync.sources.scratch import open_scratch

SCHEMA = """
CREATE TABLE rows (key TEXT NOT NULL, digest BLOB NOT NULL, sheet INTEGER NOT NULL, trouble TEXT NOT NULL, content BLOB NOT NULL);
"""
SUPERSEDED = "DELETE FROM rows AS old WHERE sheet < (SELECT max(sheet) FROM rows WHERE key = old.key)"


class Spool:
    """Filled sheet by sheet, then finished, then read; it goes away with the last one who uses it."""

    def __init__(self, key: str, digest: Callable[[tuple[Any, ...]], bytes]) -> None:
        self._key = key
        self._digest = digest
        self._connection = open_scratch(SCHEMA)
        self._sheets: list[Sheet] = []
        self.close = weakref.finalize(self, self._connection.close)
        self.keyless = 0

    @property
    def columns(self) -> Mapping[str, str]:
        """Those of all sheets."""
        return {name: kind for sheet in self._sheets for name, kind in sheet.columns.items()}

    def begin(self, sheet: Sheet) -> None:
        """The rows that are added from now on are this sheet's."""
        self._sheets.append(sheet)

    def add(self, rows: Iterable[Row]) -> int:
        """Adds some; returns how many these were. Raises Damaged."""
        told = list(rows)
        with self._connection:
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", self._entries(told))
            except UnicodeEncodeError:
                raise Damaged("one of its keys is not valid text: it holds half a character") from None
        return len(told)

    def finish(self, *, newest: bool) -> None:
        """All are there; with `newest`, a row of a later sheet stands in place of those of earlier ones."""
        self._connection.execute("CREATE INDEX by_key ON rows (key, sheet, digest)")
        if newest and len(self._sheets) > 1:
            self._connection.execute(SUPERSEDED)

    def count(self) -> int:
        """How many rows there are, with a key or without."""
        return int(self._connection.execute("SELECT count(*) FROM rows").fetchone()[0]) + self.keyless

    def page(self, after: str, size: int) -> list[tuple[str, bytes]]:
        """The next keys, each once, with their digests."""
        found = self._connection.execute(
            "SELECT key, count(*), min(digest), max(digest) FROM rows WHERE key > ? GROUP BY key ORDER BY key LIMIT ?",
            (after, size),
        )
        return [(key, self._mixed(*digests)) for key, *digests in found]

    def customers(self, keys: Sequence[str]) -> list[Customer]:
        """Those of the keys that are there."""
        found = self._connection.execute(
            "SELECT key, digest, sheet, trouble, content FROM rows"
            " WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key, sheet, digest",
            (orjson.dumps(list(keys)).decode(),),
        )
        columns = dict.fromkeys(self.columns)
        return [self._customer(key, list(rows), columns) for key, rows in groupby(found, itemgetter(0))]

    def _customer(self, key: str, rows: Sequence[Any], columns: Mapping[str, None]) -> Customer:
        digests = sorted(row[1] for row in rows)
        _, _, sheet, trouble, content = rows[0]
        trouble = TWICE if len(rows) > 1 else trouble
        values = {} if trouble else self._named(pickle.loads(content), self._sheets[sheet])  # noqa: S301 - written here
        return Customer(key, {**columns, **values}, self._mixed(len(rows), digests[0], digests[-1]), trouble)

    def _named(self, values: Any, sheet: Sheet) -> Mapping[str, Any]:
        return values if isinstance(values, dict) else dict(zip(sheet.columns, values, strict=True))

    def _mixed(self, count: int, least: bytes, greatest: bytes) -> bytes:
        """Several rows with one key are one customer that nobody can tell, until one of them is changed or taken away."""
        return least if count == 1 else self._digest((count, least, greatest))

    def _entries(self, rows: Iterable[Row]) -> Iterator[tuple[str, bytes, int, str, bytes]]:
        """The names of the columns are part of a digest: where they change places, every customer is another one."""
        names = list(self._sheets[-1].columns)
        number, place = len(self._sheets) - 1, names.index(self._key) if self._key in names else 0
        head = self._digest(tuple(names))
        for values, trouble in rows:
            key = self._key_of(values, place)
            if key is None:
                self.keyless += 1
            elif isinstance(values, dict):
                yield key, self._digest((values,)), number, trouble, pickle.dumps(values, pickle.HIGHEST_PROTOCOL)
            else:
                yield key, self._digest((head, values, trouble)), number, trouble, pickle.dumps(values, pickle.HIGHEST_PROTOCOL)

    def _key_of(self, values: Any, place: int) -> str | None:
        value = values.get(self._key) if isinstance(values, dict) else values[place]
        if isinstance(value, dict | list):
            raise Damaged(f"its key {self._key} holds lists or objects; a key has to be text or a number")
        try:
            return key_text(value)
        except ValueError as error:
            raise Damaged(f"its key {self._key} {error}") from None
