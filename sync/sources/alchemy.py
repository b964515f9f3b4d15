"""Any other database that SQLAlchemy speaks to, as a source: in one thread of its own, with the types that its driver yields."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from sync.errors import NotThere, SourceError
from sync.sources.connections import missing
from sync.sources.dialect import Address, Dialect, Lost, Read, Row, Snapshot

T = TypeVar("T")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")
POSITIONS: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "Decimal": Decimal,
}


class AlchemyDialect(Dialect):
    """A database by its SQLAlchemy URL. A column's type is that of its first value here."""

    mark = ":v0"

    def __init__(self, address: Address) -> None:
        self._address = address
        self._thread = ThreadPoolExecutor(1, "source")
        self._made: Any = None

    def quote(self, name: str) -> str:
        """As the database wants it; a colon would be taken for a mark."""
        quoted: str = self._engine.dialect.identifier_preparer.quote_identifier(name)
        return self.verbatim(quoted)

    def table(self, name: str) -> str:
        """With its schema before a dot."""
        return ".".join(map(self.quote, name.split(".")))

    def verbatim(self, sql: str) -> str:
        """A colon would be taken for a mark."""
        return sql.replace(":", "\\:")

    async def columns(self, select: str) -> Mapping[str, str]:
        """By the first row."""
        from sqlalchemy import inspect

        async with self.snapshot() as snapshot:
            try:
                return await snapshot.call(snapshot.columns, select)
            except Lost:
                raise
            except SourceError as error:
                tables = await snapshot.call(lambda: inspect(self._engine).get_table_names())
                raise NotThere(str(error).removeprefix(f"{self._address.name}: "), "query", valid=tables) from None

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["AlchemySnapshot"]:
        """A transaction that is rolled back; how much of one moment it is depends on the database."""
        snapshot = AlchemySnapshot(self._address, self._thread)
        await snapshot.call(lambda: snapshot.open(self._engine))
        try:
            yield snapshot
        finally:
            await snapshot.call(snapshot.close)

    def column(self, name: str, _kind: str) -> str:
        """As the driver yields it."""
        return f"t.{self.quote(name)}"

    def clipped(self, name: str, kind: str) -> str:
        """As the driver yields it."""
        return self.column(name, kind)

    def among(self, name: str, kind: str, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        """In the column's own type, so that its index is used."""
        values: list[object] = list(keys)
        if kind in ("int", "float", "Decimal"):
            number = int if kind == "int" else Decimal
            values = [number(key) for key in keys if NUMBER.fullmatch(key) and (kind != "int" or key.lstrip("-").isdigit())]
        marks = ", ".join(f":v{place}" for place in range(len(values)))
        return (f"{self.column(name, kind)} IN ({marks})", values) if values else ("1 = 0", ())

    def reader(self, _kind: str) -> Read | None:
        """The driver has read it."""
        return None

    def position(self, _kind: str) -> Read | None:
        """It is that already."""
        return None

    def since(self, _name: str, _kind: str) -> str:
        """There are no such columns."""
        raise NotImplementedError

    def is_transaction(self, _kind: str) -> bool:
        """No column can tell."""
        return False

    def bound(self, cursor: object, kind: str) -> object:
        """Times are kept as ISO 8601, decimals as text."""
        read = POSITIONS.get(kind)
        return read(cursor) if read and isinstance(cursor, str) else cursor

    async def indexed(self, _table: str, _column: str) -> bool | None:
        """Told in another way by every database."""
        return None

    async def close(self) -> None:
        """Closes the connections and ends the thread."""
        if self._made is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._made.dispose)
        self._thread.shutdown()

    @property
    def _engine(self) -> Any:
        """Connects to nothing yet. Raises SourceError where the database's driver is not installed."""
        if self._made is None:
            try:
                from sqlalchemy import create_engine
                from sqlalchemy.exc import ArgumentError, NoSuchModuleError
                from sqlalchemy.pool import QueuePool
            except ImportError:
                raise missing(self._address, "SQLAlchemy", "sqlalchemy") from None
            try:
                self._made = create_engine(self._address.url, poolclass=QueuePool, max_overflow=-1)
            except (NoSuchModuleError, ArgumentError, ImportError) as error:
                raise SourceError(
                    f"{self._address.name}: {self._address.said(error)}: install the database's driver for SQLAlchemy"
                ) from None
        return self._made


class AlchemySnapshot(Snapshot):
    """One connection; what is not async runs in the source's thread."""

    def __init__(self, address: Address, thread: ThreadPoolExecutor) -> None:
        self._address = address
        self._thread = thread
        self._connection: Any = None

    async def scan(self, statement: str, values: Sequence[object], size: int) -> AsyncGenerator[list[Row], None]:
        """By a server-side cursor, where the driver has them."""
        result = await self.call(self._execute, statement, values)
        try:
            while rows := await self.call(result.fetchmany, size):
                yield [tuple(row) for row in rows]
        finally:
            await self.call(result.close)

    async def call(self, function: Callable[..., T], *values: object) -> T:
        """In the thread. Raises Lost, SourceError."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        work = asyncio.get_running_loop().run_in_executor(self._thread, function, *values)
        try:
            return await asyncio.wait_for(work, self._address.timeout.total_seconds())
        except TimeoutError:
            raise self._address.too_slow() from None
        except DBAPIError as error:
            failure = Lost if error.connection_invalidated else SourceError
            raise failure(f"{self._address.name}: {self._address.said(error.orig)}") from None
        except SQLAlchemyError as error:
            raise SourceError(f"{self._address.name}: {type(error).__name__}") from None

    def open(self, engine: Any) -> None:
        """Connects."""
        self._connection = engine.connect().execution_options(stream_results=True)

    def close(self) -> None:
        """Ends the transaction."""
        if self._connection is not None:
            self._connection.rollback()
            self._connection.close()

    def columns(self, select: str) -> dict[str, str]:
        """Names, and the Python types of the first row's values."""
        result = self._execute(select, ())
        row = result.fetchone()
        names = list(result.keys())
        result.close()
        return {name: "" if row is None or row[at] is None else type(row[at]).__name__ for at, name in enumerate(names)}

    def _execute(self, statement: str, values: Sequence[object]) -> Any:
        from sqlalchemy import text

        return self._connection.execute(text(statement), {f"v{place}": value for place, value in enumerate(values)})
