"""SQLite as a source: read-only, in one thread of its own; a column's declared type says what its values are."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import orjson

from sync.errors import NotThere, SourceError
from sync.sources.dialect import Dialect, Read, Row, Snapshot

T = TypeVar("T")
BUSY_SECONDS = 30.0
LARGEST_KEY = 2**63 - 1


class SqliteDialect(Dialect):
    """One SQLite file; each read has a connection of its own, which costs next to nothing."""

    mark = "?"

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._thread = ThreadPoolExecutor(1, "source")

    def quote(self, name: str) -> str:
        """In double quotes; a column that is not there would then be taken for text, so columns are checked before."""
        return '"' + name.replace('"', '""') + '"'

    def table(self, name: str) -> str:
        """A file has no schemas."""
        return self.quote(name)

    def verbatim(self, sql: str) -> str:
        """Marks are counted by the database."""
        return sql

    async def columns(self, select: str) -> Mapping[str, str]:
        """By a temporary view, which knows the declared types of a query's columns, too."""
        async with self.snapshot() as snapshot:
            return await snapshot.call(snapshot.columns, select)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["SqliteSnapshot"]:
        """A transaction that only reads."""
        snapshot = SqliteSnapshot(self._path, self._name, self._thread)
        try:
            await snapshot.call(snapshot.open)
            yield snapshot
        finally:
            await snapshot.call(snapshot.close)

    def column(self, name: str, _kind: str) -> str:
        """As it is stored."""
        return f"t.{self.quote(name)}"

    def clipped(self, name: str, kind: str) -> str:
        """Whatever is stored can be read."""
        return self.column(name, kind)

    def among(self, name: str, _kind: str, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        """SQLite does not take 7 for '7' in a column without a type, so a key that reads as a number is asked for as both."""
        wanted: list[object] = list(keys)
        for key in keys:
            with suppress(ValueError):
                wanted.append(int(key) if abs(int(key)) <= LARGEST_KEY else key)
            with suppress(ValueError):
                wanted.append(float(key))
        condition = f"t.{self.quote(name)} IN (SELECT value FROM json_each(?))"  # noqa: S608 - a quoted name
        return condition, (orjson.dumps(wanted).decode(),)

    def reader(self, kind: str) -> Read | None:
        """By SQLite's habit the declared type is free text (`DECIMAL(10,2)`); a value that is something else stays as it is."""
        return next((read for start, read in READERS.items() if kind.startswith(start)), None)

    def position(self, _kind: str) -> Read | None:
        """Compared as it is stored."""
        return None

    def since(self, _name: str, _kind: str) -> str:
        """There are no such columns."""
        raise NotImplementedError

    def is_transaction(self, _kind: str) -> bool:
        """SQLite has one writer at a time and does not number its transactions."""
        return False

    def bound(self, cursor: object, _kind: str) -> object:
        """Text and numbers are kept as they are stored."""
        return cursor

    async def indexed(self, table: str, column: str) -> bool | None:
        """The primary key of a table without one of its own counts, too."""
        found = "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1) l JOIN pragma_index_info(l.name) i WHERE i.seqno = 0 \
AND i.name = ?2 COLLATE NOCASE) OR EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE AND pk = 1)"
        async with self.snapshot() as snapshot:
            [[(there,)]] = [rows async for rows in snapshot.scan(found, (table, column), 1)]
        return bool(there)

    async def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown()


class SqliteSnapshot(Snapshot):
    """One connection in one read transaction; what does not begin with `_` and is not async runs in the source's thread."""

    def __init__(self, path: Path, name: str, thread: ThreadPoolExecutor) -> None:
        self._path = path
        self._name = name
        self._thread = thread
        self._connection: sqlite3.Connection | None = None

    async def scan(self, statement: str, values: Sequence[object], size: int) -> AsyncGenerator[list[Row], None]:
        """Page by page, so that memory does not grow; once more from the start where a text turns out not to be UTF-8."""
        rows: list[Row] | None = None
        while rows is None:
            cursor = await self.call(lambda: self._database.execute(statement, values))
            try:
                while rows := await self.call(self._page, cursor, size):
                    yield rows
            finally:
                await self.call(cursor.close)

    async def call(self, function: Callable[..., T], *values: object) -> T:
        """In the thread. Raises SourceError."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *values)
        except sqlite3.Error as error:
            raise SourceError(f"{self._name}: {self._path}: {error}") from None

    def open(self) -> None:
        """The snapshot is taken by the first statement that reads."""
        if not self._path.exists():
            raise SourceError(f"{self._name}: {self._path} is not there")
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """Ends the read."""
        if self._connection is not None:
            self._connection.close()

    def columns(self, select: str) -> dict[str, str]:
        """Of a statement. Raises NotThere."""
        self._database.execute("ROLLBACK")
        try:
            self._database.execute(f"CREATE TEMP VIEW customer_sync_columns AS {select}")
            rows = self._database.execute("PRAGMA temp.table_info(customer_sync_columns)").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            tables = self._database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            raise NotThere(str(error), "query", valid=[name for (name,) in tables]) from None
        return {name: kind.upper() for _, name, kind, *_ in rows}

    @property
    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            raise SourceError(f"{self._name}: {self._path}: the read is over")
        return self._connection

    def _page(self, cursor: sqlite3.Cursor, size: int) -> list[Row] | None:
        """None: one row cannot be read as text, and from now on such a text is bytes, so that its customer alone is rejected."""
        try:
            return cursor.fetchmany(size)
        except sqlite3.OperationalError as error:
            if "decode to UTF-8" not in str(error):
                raise
            self._database.text_factory = _text
            return None


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _decimal(value: Any) -> Any:
    try:
        return value if isinstance(value, bytes) else Decimal(str(value))
    except InvalidOperation:
        return value


def _bool(value: Any) -> Any:
    return bool(value) if value in (0, 1) else value


def _moment(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _day(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return _moment(value)


READERS: dict[str, Callable[[Any], Any]] = {
    "DECIMAL": _decimal,
    "NUMERIC": _decimal,
    "MONEY": _decimal,
    "BOOL": _bool,
    "DATETIME": _moment,
    "TIMESTAMP": _moment,
    "DATE": _day,
}
