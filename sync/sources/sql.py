"""A table or query -> customers: the rows behind a cursor or all of them, and single ones by key.

What differs from database to database is the `Dialect`'s.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from sync.errors import SourceError
from sync.model import Customer
from sync.ports import Page, Source, Span
from sync.sources.children import Children
from sync.sources.columns import Columns
from sync.sources.dialect import Dialect, Lost, Row, Snapshot, Unreadable
from sync.sources.rows import NO_KEY, TWICE, Sealed, key_text
from sync.sources.statements import Shape, Statements, Table
from sync.sources.watermark import AHEAD, BACK, Course, behind, kept

PAGE = 1000
RETRIES = (0.5, 2.0)
"""Seconds to wait before a read that broke off is taken up again."""
HALF = 2**31
"""Numbers of transactions go round; after more than half of them, every row counts as changed."""


class Sql(Source):
    """Customers in a database."""

    def __init__(self, table: Table, dialect: Dialect, digest_key: bytes) -> None:
        self._table = table
        self._dialect = dialect
        self._statements = Statements(table, dialect)
        self._columns = Columns(self._statements, list(table.children), digest_key)
        self._children = [Children(name, query, dialect) for name, query in table.children.items()]
        if table.cursor is not None:
            self.span = self._span
        if table.channel is not None and dialect.listen is not None:
            self.woken = partial(dialect.listen, table.channel)

    async def fields(self) -> Mapping[str, str]:
        """The columns and the lists, as they were looked up for the last read."""
        lists = {child.name: await child.kind() for child in self._children}
        return {**await self._columns.known(), **lists}

    async def _span(self) -> Span:
        name, table, dialect = self._table.cursor or "", self._table.table, self._dialect
        columns = await self._columns.known()
        if dialect.is_transaction(self._statements.cursor_kind(columns)) and name not in columns:
            return Span(None, None)
        column = dialect.clipped(name, columns[name])
        async with dialect.snapshot() as snapshot:
            ends = self._statements.select(f"min({column}), max({column})")
            [[(first, last)]] = [rows async for rows in snapshot.scan(ends, (), 1)]
        indexed = None if table is None else await dialect.indexed(table, name)
        advice = "" if indexed is not False else self._statements.index(name)
        return Span(kept(first), kept(last), indexed, advice)

    # ---- what has changed

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        """Taken up again behind the last whole page where the connection breaks."""
        tries = 0
        while True:
            try:
                async with aclosing(self._read(cursor)) as pages:
                    async for page in pages:
                        if page.cursor not in (None, cursor):  # else it begins anew, and may break off there every time
                            cursor, tries = page.cursor, 0
                        yield page
            except Lost:
                if tries == len(RETRIES):
                    raise
                await asyncio.sleep(RETRIES[tries])
                tries += 1
            except SourceError:
                await self._columns.look_again()
                raise
            else:
                return

    async def _read(self, cursor: object) -> AsyncGenerator[Page, None]:
        """One read of one moment; columns that were renamed meanwhile make other rows."""
        self._columns.forget()
        columns = await self._columns.known()
        shape = self._statements.shape(columns)
        async with self._dialect.snapshot() as snapshot:
            if self._table.cursor is None:
                pages = self._pages(snapshot, shape)
            elif self._dialect.is_transaction(self._statements.cursor_kind(columns)):
                pages = self._since(snapshot, shape, cursor)
            else:
                pages = self._behind(snapshot, shape, cursor)
            async with aclosing(pages) as found:
                async for page in found:
                    yield page

    async def _pages(
        self, snapshot: Snapshot, shape: Shape, condition: str = "", values: Sequence[object] = ()
    ) -> AsyncGenerator[Page, None]:
        async with aclosing(snapshot.scan(self._statements.select(shape.select, condition), values, PAGE)) as found:
            async for rows in found:
                yield await self._page(rows, shape)

    async def _behind(self, snapshot: Snapshot, shape: Shape, cursor: object) -> AsyncGenerator[Page, None]:
        """Rows without a cursor value first, since nothing tells whether they changed; then the others in the cursor's order."""
        column = f"t.{self._dialect.quote(self._table.cursor or '')}"
        async with aclosing(self._pages(snapshot, shape, f"{column} IS NULL")) as pages:
            async for page in pages:
                yield page
        kind = self._statements.cursor_kind(await self._columns.known())
        before = None if cursor is None else self._dialect.bound(cursor, kind)
        start = behind(before, self._table.overlap)
        condition = f"{column} IS NOT NULL" if start is None else f"{column} >= {self._dialect.mark}"
        statement = f"{self._statements.select(shape.select, condition)} ORDER BY {column}"
        course = Course(before, self._dialect.position(kind))
        async with aclosing(snapshot.scan(statement, () if start is None else (start,), PAGE)) as found:
            async for rows in found:
                course.go([row[shape.cursor] for row in rows])
                yield replace(await self._page(rows, shape), cursor=kept(course.reached))
        if course.ahead:
            yield Page((), kept(course.reached), note=f"{self._table.name}: {self._table.cursor} {AHEAD.format(course.ahead)}")
        if course.is_behind:
            yield Page((), note=f"{self._table.name}: {self._table.cursor} {BACK}")
            async with aclosing(self._behind(snapshot, shape, None)) as pages:
                async for page in pages:
                    yield page

    async def _since(self, snapshot: Snapshot, shape: Shape, cursor: object) -> AsyncGenerator[Page, None]:
        """Rows of all transactions but those that had ended at the last read; the cursor moves when all of them are read."""
        [[(horizon,)]] = [rows async for rows in snapshot.scan(f"SELECT {self._dialect.horizon}", (), 1)]
        known = isinstance(cursor, int) and 0 <= horizon - cursor < HALF
        kind = self._statements.cursor_kind(await self._columns.known())
        condition = self._dialect.since(self._table.cursor or "", kind) if known else ""
        async with aclosing(self._pages(snapshot, shape, condition, (cursor,) if known else ())) as pages:
            async for page in pages:
                yield page
        yield Page((), horizon)

    # ---- single customers

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        """In one statement, by key; twice where the connection breaks."""
        if not keys:
            return []
        try:
            return await self._fetch(keys)
        except Lost:
            return await self._fetch(keys)
        except Unreadable as error:
            return await self._halves(keys, str(error))
        except SourceError:
            await self._columns.look_again()
            raise

    async def _fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        columns = await self._columns.known()
        names, raw = list(columns), self._dialect.content is None
        readers = [(name, read) for name, kind in columns.items() if (read := self._dialect.reader(kind))]
        place, wanted = self._statements.place(columns, self._table.key), set(keys)
        select = (
            self._statements.every_column(columns)
            if raw
            else f"{self._dialect.content}, {self._statements.every_column(columns)}"
        )
        condition, values = self._dialect.among(self._table.key, columns[self._table.key], keys)
        lists = await self._lists(keys)
        found: dict[str, Customer] = {}
        statement = self._statements.select(select, condition)
        async with self._dialect.snapshot() as snapshot, aclosing(snapshot.scan(statement, values, PAGE)) as pages:
            async for rows in pages:
                for row in rows:
                    values_of, content = (row, row) if raw else (row[1:], row[:1])
                    text = self._key(values_of[place])
                    if text is not None and text in wanted:
                        customer = _values(names, values_of, readers) | self._named(lists, text)
                        trouble = TWICE if text in found else ""
                        found[text] = Customer(text, customer, self._seal(content, lists, text), trouble)
        return list(found.values())

    async def _halves(self, keys: Sequence[str], reason: str) -> Sequence[Customer]:
        """Those who can be read, one by one if it must be, and the others with the reason."""
        if len(keys) == 1:
            return [Customer(keys[0], {}, trouble=reason)]
        middle = len(keys) // 2
        return [*await self.fetch(keys[:middle]), *await self.fetch(keys[middle:])]

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        """Of one moment."""
        columns = await self._columns.known()
        self._statements.place(columns, self._table.key)
        statement = self._statements.select(self._dialect.column(self._table.key, columns[self._table.key]))
        async with self._dialect.snapshot() as snapshot, aclosing(snapshot.scan(statement, (), PAGE)) as found:
            async for rows in found:
                yield [self._known_key(value) for (value,) in rows if value not in NO_KEY]

    async def count(self) -> int | None:
        """The database counts."""
        async with self._dialect.snapshot() as snapshot:
            [[(number,)]] = [rows async for rows in snapshot.scan(self._statements.select("count(*)"), (), 1)]
        return int(number)

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._dialect.close()

    # ---- what a row says

    async def _page(self, rows: list[Row], shape: Shape) -> Page:
        """Where nothing but the rows counts and all have a key, one digest tells whether they were seen before."""
        if not self._children and not any(row[shape.key] in NO_KEY for row in rows):
            digest = self._columns.digest
            sealed = Sealed(rows, lambda row: (self._known_key(row[shape.key]), digest(row[shape.content])))
            return Page(sealed, whole=digest((self._table.key, rows)))
        keyed = [(self._key(row[shape.key]), row) for row in rows]
        lists = await self._lists([text for text, _ in keyed if text is not None])
        found = [(text, self._seal(row[shape.content], lists, text)) for text, row in keyed if text is not None]
        return Page(found, None, len(rows) - len(found))

    async def _lists(self, keys: Sequence[str]) -> Sequence[Mapping[str, list[Any]]]:
        return [await child.of(keys) for child in self._children]

    def _named(self, lists: Sequence[Mapping[str, list[Any]]], key: str) -> dict[str, list[Any]]:
        return {child.name: found.get(key, []) for child, found in zip(self._children, lists, strict=True)}

    def _seal(self, content: Row, lists: Sequence[Mapping[str, list[Any]]], key: str) -> bytes:
        return self._columns.digest((content, [found.get(key, []) for found in lists]) if lists else content)

    def _known_key(self, value: object) -> str:
        return self._key(value) or ""

    def _key(self, value: object) -> str | None:
        try:
            return key_text(value)
        except ValueError as error:
            raise SourceError(f"{self._table.name}: key {self._table.key} {error}") from None


def _values(names: Sequence[str], row: Row, readers: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(zip(names, row, strict=True))
    for name, read in readers:
        if values[name] is not None:
            values[name] = read(values[name])
    return values
