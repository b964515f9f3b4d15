"""SQLite as a source: read-only, in one thread of its own; a column's declared type says what its values are."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import orjson

from sync.errors import NotThere, SourceError
from sync.sources.sql import Dialect

T = TypeVar("T")
BUSY_SECONDS = 30.0
LARGEST_KEY = 2**63 - 1


class SqliteDialect(Dialect):
    """One SQLite file."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._thread = ThreadPoolExecutor(1, "source")
        self._connection: sqlite3.Connection | None = None

    def quote(self, name: str) -> str:
        """In double quotes; a column that is not there would then be taken for text, so columns are checked before."""
        return '"' + name.replace('"', '""') + '"'

    async def columns(self, selection: str) -> Mapping[str, str]:
        """By a temporary view, which knows the declared types of a query's columns, too."""
        return await self._call(self._columns, selection)

    async def scan(self, statement: str, values: Sequence[object], size: int) -> AsyncGenerator[list[tuple[Any, ...]], None]:
        """Page by page, so that memory does not grow; once more from the start where a text turns out not to be UTF-8."""
        rows: list[tuple[Any, ...]] | None = None
        while rows is None:
            cursor = await self._call(lambda: self._open().execute(statement, values))
            try:
                while rows := await self._call(self._page, cursor, size):
                    yield rows
            finally:
                await self._call(cursor.close)

    def among(self, column: str, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        """SQLite does not take 7 for '7' in a column without a type, so a key that reads as a number is asked for as both."""
        wanted: list[object] = list(keys)
        for key in keys:
            with suppress(ValueError):
                wanted.append(int(key) if abs(int(key)) <= LARGEST_KEY else key)
            with suppress(ValueError):
                wanted.append(float(key))
        return f"{column} IN (SELECT value FROM json_each(?))", (orjson.dumps(wanted).decode(),)  # noqa: S608 - a quoted name

    def reader(self, kind: str) -> Callable[[Any], Any] | None:
        """By SQLite's habit the declared type is free text (`DECIMAL(10,2)`); a value that is something else stays as it is."""
        return next((read for start, read in READERS.items() if kind.startswith(start)), None)

    async def close(self) -> None:
        """Closes the connection and ends the thread."""
        if self._connection is not None:
            await self._call(self._connection.close)
        self._thread.shutdown()

    async def _call(self, function: Callable[..., T], *values: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *values)
        except sqlite3.Error as error:
            raise SourceError(f"{self._name}: {self._path}: {error}") from None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if not self._path.exists():
                raise SourceError(f"{self._name}: {self._path} is not there")
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        return self._connection

    def _page(self, cursor: sqlite3.Cursor, size: int) -> list[tuple[Any, ...]] | None:
        """None: one row cannot be read as text, and from now on such a text is bytes, so that its customer alone is rejected."""
        try:
            return cursor.fetchmany(size)
        except sqlite3.OperationalError as error:
            if "decode to UTF-8" not in str(error):
                raise
            self._open().text_factory = _text
            return None

    def _columns(self, selection: str) -> dict[str, str]:
        connection = self._open()
        connection.execute("DROP VIEW IF EXISTS temp.customer_sync_columns")
        try:
            connection.execute(f"CREATE TEMP VIEW customer_sync_columns AS SELECT * FROM {selection}")  # noqa: S608 - the user's query
            rows = connection.execute("PRAGMA temp.table_info(customer_sync_columns)").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            raise NotThere(str(error), "query", valid=[name for (name,) in tables]) from None
        connection.execute("DROP VIEW temp.customer_sync_columns")
        return {name: kind.upper() for _, name, kind, *_ in rows}


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
