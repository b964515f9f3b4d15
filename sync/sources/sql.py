"""A table or query -> customers: the rows behind a cursor or all of them, and single ones by key.

What differs from database to database is the `Dialect`'s.
"""

import hashlib
import marshal
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.errors import SourceError
from sync.model import Customer
from sync.ports import Page, Source
from sync.sources.watermark import behind, later

PAGE = 500


@dataclass(frozen=True, slots=True)
class Table:
    """What is read: a table or a query, the column that is the key, and the one that is the cursor (None: every row)."""

    name: str
    """How messages call this source, such as `sources.crm`."""
    key: str
    table: str | None = None
    query: str | None = None
    cursor: str | None = None
    overlap: timedelta = timedelta(0)


class Dialect(Protocol):
    """One kind of database: connects read-only, pages through rows, and knows the types of its columns."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """A name as the database wants it quoted."""

    @abstractmethod
    async def columns(self, selection: str) -> Mapping[str, str]:
        """The columns of what follows FROM, with their declared types. Raises SourceError."""

    @abstractmethod
    def scan(self, statement: str, values: Sequence[object], size: int) -> AsyncIterator[list[tuple[Any, ...]]]:
        """The rows of a statement, raw, in lists of `size`. Raises SourceError."""

    @abstractmethod
    def among(self, column: str, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        """A condition, with its values, that holds for rows whose column has one of these keys as text."""

    @abstractmethod
    def typed(self, row: tuple[Any, ...], types: Sequence[str]) -> tuple[Any, ...]:
        """A raw row with each value as what its column says it is."""

    @abstractmethod
    async def close(self) -> None:
        """Lets go of the connection."""


class Sql(Source):
    """Customers in a database."""

    def __init__(self, table: Table, dialect: Dialect, digest_key: bytes) -> None:
        self._table = table
        self._dialect = dialect
        self._digest_key = digest_key
        self._columns: Mapping[str, str] | None = None

    @property
    def _selection(self) -> str:
        table = self._table
        return f"({table.query})" if table.query else self._dialect.quote(table.table or "")

    async def fields(self) -> Mapping[str, str]:
        """The columns, looked up once."""
        if self._columns is None:
            self._columns = await self._dialect.columns(self._selection)
        return self._columns

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        """Rows without a cursor value first, since nothing tells whether they changed; then the others in the cursor's order."""
        names = list(await self.fields())
        key = names.index(self._table.key)
        if self._table.cursor is None:
            async for rows in self._dialect.scan(f"SELECT * FROM {self._selection}", (), PAGE):  # noqa: S608 - the user's own query
                yield self._page(rows, key)
            return
        column = self._dialect.quote(self._table.cursor)
        place = names.index(self._table.cursor)
        empty = f"SELECT * FROM {self._selection} WHERE {column} IS NULL"  # noqa: S608 - as above
        async for rows in self._dialect.scan(empty, (), PAGE):
            yield self._page(rows, key)
        start = behind(cursor, self._table.overlap)
        condition = "IS NOT NULL" if start is None else ">= ?"
        statement = f"SELECT * FROM {self._selection} WHERE {column} {condition} ORDER BY {column}"  # noqa: S608 - as above
        now = datetime.now().astimezone()
        async for rows in self._dialect.scan(statement, () if start is None else (start,), PAGE):
            for row in rows:
                cursor = later(cursor, row[place], now)
            yield self._page(rows, key, cursor)

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        """In one statement, by key."""
        columns = await self.fields()
        names, types = list(columns), list(columns.values())
        place = names.index(self._table.key)
        condition, values = self._dialect.among(self._dialect.quote(self._table.key), keys)
        wanted = set(keys)
        statement = f"SELECT * FROM {self._selection} WHERE {condition}"  # noqa: S608 - as above
        found: list[Customer] = []
        async for rows in self._dialect.scan(statement, values, PAGE):
            found += [
                Customer(text, dict(zip(names, self._dialect.typed(row, types), strict=True)))
                for row in rows
                if (text := self._key(row[place])) in wanted
            ]
        return found

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._dialect.close()

    def _page(self, rows: list[tuple[Any, ...]], key: int, cursor: object = None) -> Page:
        usable = [row for row in rows if row[key] is not None]
        digests = [(self._key(row[key]), self._digest(row)) for row in usable]
        return Page(digests, cursor, len(rows) - len(usable))

    def _key(self, value: object) -> str:
        if isinstance(value, bytes):
            raise SourceError(f"{self._table.name}: key {self._table.key} holds bytes; a key has to be text or a number")
        return str(value)

    def _digest(self, row: tuple[Any, ...]) -> bytes:
        """Version 2 of marshal writes the same bytes for the same plain values, whatever else the process holds."""
        try:
            content = marshal.dumps(row, 2)
        except ValueError:
            content = repr(row).encode()
        return hashlib.blake2b(content, digest_size=16, key=self._digest_key).digest()
