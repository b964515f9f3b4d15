"""MySQL and MariaDB as a source: read-only snapshots, rows as they come; values arrive as text and are read by column type."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from sync.errors import NotThere, SourceError
from sync.sources.connections import Connections, missing, tls
from sync.sources.dialect import Address, Dialect, Lost, Read, Row, Snapshot

PORT = 3306
KINDS = {
    0: "decimal", 1: "tinyint", 2: "smallint", 3: "int", 4: "float", 5: "double", 7: "timestamp", 8: "bigint", 9: "mediumint",
    10: "date", 11: "time", 12: "datetime", 13: "year", 15: "varchar", 16: "bit", 245: "json", 246: "decimal", 247: "enum",
    248: "set", 249: "tinyblob", 250: "mediumblob", 251: "longblob", 252: "blob", 253: "varchar", 254: "char", 255: "geometry",
}  # fmt: skip
"""Types by their number in the protocol; a text and a blob have the same."""
WHOLE = {"smallint", "int", "bigint", "mediumint", "year", "tinyint"}
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")
WRONG_STATEMENT = {1051, 1052, 1054, 1060, 1064, 1109, 1142, 1143, 1146, 1247, 1248}
"""Unknown tables and columns, names that stand for two, syntax, and tables that must not be read."""
LOST = {1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1927, 2002, 2003, 2006, 2013, 2014}
"""The server is going down, has too many connections or has dropped this one; a lock was not to be had."""
TIMED_OUT = {1969, 3024}
QUOTING = {1292, 1366, 1367, 1411, 1690}
"""A value that does not fit, quoted."""
QUOTED = re.compile("'[^']*'")
NO_TLS = "SSL"

INDEXED = "SELECT t.table_type FROM information_schema.tables t LEFT JOIN information_schema.statistics s \
ON s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.seq_in_index = 1 \
WHERE t.table_schema = COALESCE(%s, DATABASE()) AND t.table_name = %s AND (s.column_name = %s OR t.table_type = 'VIEW')"


class MysqlDialect(Dialect):
    """One database of a MySQL or MariaDB server."""

    mark = "%s"

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connections = Connections(self._connect, _end)

    def quote(self, name: str) -> str:
        """In backticks; a percent sign would be taken for a mark."""
        return "`" + name.replace("`", "``").replace("%", "%%") + "`"

    def table(self, name: str) -> str:
        """With its database before a dot."""
        return ".".join(map(self.quote, name.split(".")))

    def verbatim(self, sql: str) -> str:
        """A percent sign would be taken for a mark."""
        return sql.replace("%", "%%")

    async def columns(self, select: str) -> Mapping[str, str]:
        """By running the statement for no rows."""
        try:
            async with self.snapshot() as snapshot:
                return await snapshot.columns(select)
        except SourceError as error:
            if _number(error.__context__) not in WRONG_STATEMENT:
                raise
            async with self.snapshot() as snapshot:
                tables = [name async for rows in snapshot.scan("SHOW TABLES", (), 1000) for (name,) in rows]
            raise NotThere(str(error).removeprefix(f"{self._address.name}: "), "query", valid=tables) from None

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["MysqlSnapshot"]:
        """REPEATABLE READ, READ ONLY; a read that is left in the middle ends its connection."""
        async with self._connections.one() as connection:
            snapshot = MysqlSnapshot(self._address, connection)
            await snapshot.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield snapshot
            await snapshot.run("ROLLBACK")

    def column(self, name: str, kind: str) -> str:
        """Bits as a number."""
        return f"t.{self.quote(name)} + 0" if kind.startswith("bit") else f"t.{self.quote(name)}"

    def clipped(self, name: str, kind: str) -> str:
        """Whatever is stored arrives as text."""
        return self.column(name, kind)

    def among(self, name: str, kind: str, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        """In the column's own type, so that its index is used."""
        values: list[object] = list(keys)
        if kind.partition("(")[0] in WHOLE:
            values = [int(key) for key in keys if re.fullmatch(r"-?[0-9]{1,20}", key)]
        elif kind in ("decimal", "float", "double"):
            values = [Decimal(key) for key in keys if NUMBER.fullmatch(key)]
        marks = ", ".join([self.mark] * len(values))
        return (f"t.{self.quote(name)} IN ({marks})", values) if values else ("FALSE", ())

    def reader(self, kind: str) -> Read | None:
        """A value that is not what its type says (a date with a zero in it) stays as it is."""
        return READERS.get(kind) or (int if kind.partition("(")[0] in WHOLE or kind.startswith("bit") else None)

    def position(self, kind: str) -> Read | None:
        """A date with a zero in it is no position."""
        read = self.reader(kind)
        if read is None:
            return None

        def typed(value: Any) -> Any:
            found = read(value)
            return None if isinstance(found, str) else found

        return typed

    def since(self, _name: str, _kind: str) -> str:
        """There are no such columns."""
        raise NotImplementedError

    def is_transaction(self, _kind: str) -> bool:
        """No column can tell."""
        return False

    def bound(self, cursor: object, kind: str) -> object:
        """Times are kept as ISO 8601, decimals as text."""
        read = self.reader(kind)
        return read(cursor) if read and isinstance(cursor, str) else cursor

    async def indexed(self, table: str, column: str) -> bool | None:
        """A view has none."""
        schema, _, name = table.rpartition(".")
        async with self.snapshot() as snapshot:
            found = [rows async for rows in snapshot.scan(INDEXED, (schema or None, name, column), 1)]
        return None if found and found[0][0][0] == "VIEW" else bool(found)

    async def close(self) -> None:
        """Closes the connections."""
        await self._connections.close()

    async def _connect(self) -> Any:
        """With TLS, where it is only preferred without it if the server does not know it."""
        secure = tls(self._address)
        try:
            return await self._connect_by(secure)
        except Lost as error:
            if self._address.tls != "prefer" or NO_TLS not in str(error):
                raise
            return await self._connect_by(None)

    async def _connect_by(self, secure: Any) -> Any:
        asyncmy, parts = _driver(self._address), urlsplit(self._address.url)
        with _told(self._address):
            connection = await asyncmy.connect(
                host=parts.hostname or "127.0.0.1",
                port=parts.port or PORT,
                user=unquote(parts.username or "root"),
                password=unquote(parts.password or ""),
                db=unquote(parts.path.lstrip("/")) or None,
                charset="utf8mb4",
                conv=_encoders(),
                connect_timeout=30,
                init_command="SET SESSION time_zone = '+00:00', net_write_timeout = 600",
                ssl=secure,
            )
        try:
            await MysqlSnapshot(self._address, connection).run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        except BaseException:
            connection.close()
            raise
        return connection


class MysqlSnapshot(Snapshot):
    """One transaction."""

    def __init__(self, address: Address, connection: Any) -> None:
        self._address = address
        self._connection = connection

    async def run(self, statement: str) -> None:
        """A statement without rows."""
        with _told(self._address):
            async with self._connection.cursor() as cursor, self._limit():
                await cursor.execute(statement)

    async def columns(self, select: str) -> dict[str, str]:
        """Of a statement that is run for no row."""
        with _told(self._address):
            async with self._connection.cursor() as cursor, self._limit():
                await cursor.execute(f"SELECT * FROM ({select}) AS t LIMIT 0", ())  # noqa: S608 - the user's own query
                return {name: _kind(number, length) for name, number, _, length, *_ in cursor.description}

    async def scan(self, statement: str, values: Sequence[object], size: int) -> AsyncGenerator[list[Row], None]:
        """Unbuffered: the server sends on as rows are taken."""
        from asyncmy.cursors import SSCursor

        cursor = SSCursor(self._connection)
        with _told(self._address):
            async with self._limit():
                await cursor.execute(statement, tuple(values))
        while True:
            with _told(self._address):
                async with self._limit():
                    rows = await cursor.fetchmany(size)
            if not rows:
                break
            with self._at_rest():
                yield rows
        await cursor.close()

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        """The driver would take in whatever the server sends, however much that is: nothing is read while a page is looked at."""
        transport = self._connection._transport  # noqa: SLF001 - the driver has no other way
        transport.pause_reading()
        try:
            yield
        finally:
            transport.resume_reading()

    def _limit(self) -> asyncio.Timeout:
        return asyncio.timeout(self._address.timeout.total_seconds())


def _kind(number: int, length: int) -> str:
    """A tinyint of one digit is how a bool is declared."""
    name = KINDS.get(number, "text")
    return f"{name}(1)" if name in ("tinyint", "bit") and length == 1 else name


async def _end(connection: Any) -> None:
    connection.close()


def _driver(address: Address) -> Any:
    try:
        import asyncmy
    except ImportError:
        raise missing(address, "asyncmy", "mysql") from None
    return asyncmy


@cache
def _encoders() -> Mapping[Any, Any]:
    """How values are written; without readers, so that values arrive as text."""
    from asyncmy.converters import conversions

    return {kind: write for kind, write in conversions.items() if not isinstance(kind, int)}


def _number(error: BaseException | None) -> int:
    """The server's number of an error."""
    return error.args[0] if error is not None and error.args and isinstance(error.args[0], int) else 0


@contextmanager
def _told(address: Address) -> Iterator[None]:
    """The driver's errors in one line; a value that the server quotes is left out."""
    from asyncmy.errors import InterfaceError, MySQLError

    name = address.name
    try:
        yield
    except TimeoutError:
        raise address.too_slow() from None
    except MySQLError as error:
        number, said = _number(error), address.said(error.args[-1]) if error.args else ""
        if number in TIMED_OUT:
            raise address.too_slow() from None
        if number in LOST or isinstance(error, InterfaceError):
            raise Lost(f"{name}: {said}") from None
        raise SourceError(f"{name}: {re.sub(QUOTED, '***', said) if number in QUOTING else said}") from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Lost(f"{name}: the server cannot be reached: {address.said(error)}") from None


def _safely(read: Callable[[str], Any]) -> Read:
    def safe(value: Any) -> Any:
        try:
            return read(value)
        except (ValueError, ArithmeticError):
            return value

    return safe


READERS: dict[str, Read] = {
    "decimal": _safely(Decimal),
    "float": _safely(float),
    "double": _safely(float),
    "date": _safely(date.fromisoformat),
    "datetime": _safely(datetime.fromisoformat),
    "timestamp": _safely(lambda value: datetime.fromisoformat(value).replace(tzinfo=UTC)),
    "json": _safely(orjson.loads),
    "tinyint(1)": _safely(lambda value: bool(int(value)) if value in ("0", "1") else int(value)),
    "bit(1)": _safely(lambda value: value == "1"),
}
