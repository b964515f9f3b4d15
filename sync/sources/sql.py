"""A table or query -> customers: the rows behind a cursor or all of them, and single ones by key.

What differs from database to database is the `Dialect`'s.
"""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.errors import NotThere, SourceError
from sync.model import Customer
from sync.ports import Page, Source
from sync.sources.rows import TWICE, digester, key_text
from sync.sources.watermark import behind, later

PAGE = 1000


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
        """The columns of what follows FROM, with their declared types. Raises NotThere, SourceError."""

    @abstractmethod
    def scan(self, statement: str, values: Sequence[object], size: int) -> AsyncGenerator[list[tuple[Any, ...]], None]:
        """The rows of a statement, raw, in lists of `size`; closing it ends the read, and what that locks. Raises SourceError."""

    @abstractmethod
    def among(self, column: str, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        """A condition, with its values, that holds for rows whose column has one of these keys as text."""

    @abstractmethod
    def reader(self, kind: str) -> Callable[[Any], Any] | None:
        """What makes of a column's raw value, not null, what its declared type says it is; None where it is that already."""

    @abstractmethod
    async def close(self) -> None:
        """Lets go of the connection."""


class Sql(Source):
    """Customers in a database."""

    def __init__(self, table: Table, dialect: Dialect, digest_key: bytes) -> None:
        self._table = table
        self._dialect = dialect
        self._digest = digester(digest_key)
        self._columns: Mapping[str, str] | None = None

    @property
    def _selection(self) -> str:
        table = self._table
        return f"({table.query.rstrip().rstrip(';')}\n)" if table.query else self._dialect.quote(table.table or "")

    async def fields(self) -> Mapping[str, str]:
        """The columns, looked up once."""
        if self._columns is None:
            try:
                self._columns = await self._dialect.columns(self._selection)
            except NotThere as error:
                name = self._table.table
                if name is None or name in error.valid:
                    raise
                raise NotThere(f"the source has no table {name}", "table", name, error.valid) from None
        return self._columns

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        """Rows without a cursor value first, since nothing tells whether they changed; then the others in the cursor's order."""
        names = list(await self.fields())
        key = self._place(names, self._table.key)
        if self._table.cursor is None:
            every = f"SELECT * FROM {self._selection}"  # noqa: S608 - the user's own query
            async with aclosing(self._dialect.scan(every, (), PAGE)) as found:
                async for rows in found:
                    yield self._page(rows, key)
            return
        column = self._dialect.quote(self._table.cursor)
        place = self._place(names, self._table.cursor)
        empty = f"SELECT * FROM {self._selection} WHERE {column} IS NULL"  # noqa: S608 - as above
        async with aclosing(self._dialect.scan(empty, (), PAGE)) as found:
            async for rows in found:
                yield self._page(rows, key)
        start = behind(cursor, self._table.overlap)
        condition = "IS NOT NULL" if start is None else ">= ?"
        statement = f"SELECT * FROM {self._selection} WHERE {column} {condition} ORDER BY {column}"  # noqa: S608 - as above
        now = datetime.now().astimezone()
        async with aclosing(self._dialect.scan(statement, () if start is None else (start,), PAGE)) as found:
            async for rows in found:
                for row in rows:
                    cursor = later(cursor, row[place], now)
                yield self._page(rows, key, cursor)

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        """In one statement, by key."""
        columns = await self.fields()
        names = list(columns)
        readers = [(name, read) for name, kind in columns.items() if (read := self._dialect.reader(kind))]
        place = self._place(names, self._table.key)
        condition, values = self._dialect.among(self._dialect.quote(self._table.key), keys)
        wanted = set(keys)
        statement = f"SELECT * FROM {self._selection} WHERE {condition}"  # noqa: S608 - as above
        found: dict[str, Customer] = {}
        async for rows in self._dialect.scan(statement, values, PAGE):
            for row in rows:
                text = self._key(row[place])
                if text in wanted:
                    trouble = TWICE if text in found else ""
                    found[text] = Customer(text, _values(names, row, readers), self._digest(row), trouble)
        return list(found.values())

    async def count(self) -> int | None:
        """The database counts."""
        number = 0
        async for rows in self._dialect.scan(f"SELECT count(*) FROM {self._selection}", (), 1):  # noqa: S608 - the user's query
            number = int(rows[0][0])
        return number

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._dialect.close()

    def _place(self, names: Sequence[str], name: str) -> int:
        if name not in names:
            raise SourceError(f"{self._table.name}: there is no column {name}")
        return names.index(name)

    def _page(self, rows: list[tuple[Any, ...]], key: int, cursor: object = None) -> Page:
        keyed = [(self._key(row[key]), row) for row in rows]
        found = [(text, self._digest(row)) for text, row in keyed if text is not None]
        return Page(found, cursor, len(rows) - len(found))

    def _key(self, value: object) -> str | None:
        try:
            return key_text(value)
        except ValueError as error:
            raise SourceError(f"{self._table.name}: key {self._table.key} {error}") from None


def _values(names: Sequence[str], row: tuple[Any, ...], readers: Sequence[tuple[str, Callable[[Any], Any]]]) -> dict[str, Any]:
    values = dict(zip(names, row, strict=True))
    for name, read in readers:
        if values[name] is not None:
            values[name] = read(values[name])
    return values
