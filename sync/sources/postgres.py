"""PostgreSQL as a source: read-only snapshots by server-side cursors; the digest of a row is of PostgreSQL's own text of it."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from sync.errors import NotThere, SourceError
from sync.sources.connections import Connections, missing, tls
from sync.sources.dialect import Address, Dialect, Lost, Read, Row, Snapshot, Unreadable

WHOLE = ("int2", "int4", "int8")
TIMES = ("date", "timestamp", "timestamptz")
TEXTS = ("text", "varchar", "bpchar", "name", "citext")
PLAIN = {*WHOLE, *TIMES, *TEXTS, "bool", "float8", "numeric", "json", "jsonb", "bytea"}
"""Types that arrive as what they are; all others arrive as PostgreSQL writes them."""
FINITE = "CASE WHEN {0} IS NOT NULL THEN LEAST(GREATEST({0}, '0001-01-01'), '9999-12-31') END"
"""Python knows no infinity and no year after 9999."""
SETTINGS = "SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle = ISO; SET LOCAL intervalstyle = postgres; \
SET LOCAL bytea_output = hex; SET LOCAL extra_float_digits = 1; SET LOCAL xmlbinary = base64; \
SET LOCAL statement_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = 0"
"""Within the transaction, since a pooler between us and the server may give the connection to somebody else afterwards."""
TABLES = "SELECT CASE WHEN pg_table_is_visible(c.oid) THEN relname ELSE nspname || '.' || relname END FROM pg_class c \
JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'v', 'm', 'f', 'p') \
AND nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"

INDEXED = "SELECT c.relkind::text, EXISTS (SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid \
AND a.attnum = i.indkey[0] WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND a.attname = $2) \
FROM pg_class c WHERE c.oid = $1::text::regclass"


class PostgresDialect(Dialect):
    """One database of a PostgreSQL server."""

    mark = "$1"
    content = "t::text"
    horizon = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connections = Connections(self._connect, _end)

    def quote(self, name: str) -> str:
        """In double quotes; upper and lower case count."""
        return _quoted(name)

    def table(self, name: str) -> str:
        """With its schema before a dot."""
        return _table(name)

    def verbatim(self, sql: str) -> str:
        """Marks are counted by the database."""
        return sql

    async def columns(self, select: str) -> Mapping[str, str]:
        """By preparing the statement."""
        asyncpg = _driver(self._address)
        try:
            async with self.snapshot() as snapshot:
                return await snapshot.columns(select)
        except SourceError as error:
            if not isinstance(error.__context__, asyncpg.SyntaxOrAccessError):
                raise
            async with self.snapshot() as snapshot:
                tables = [name async for rows in snapshot.scan(TABLES, (), 1000) for (name,) in rows]
            reason = str(error).removeprefix(f"{self._address.name}: ")
            raise NotThere(reason, "query", valid=tables) from None

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["PostgresSnapshot"]:
        """REPEATABLE READ, READ ONLY."""
        async with self._connections.one() as connection:
            with _told(self._address):
                transaction = connection.transaction(isolation="repeatable_read", readonly=True)
                await transaction.start()
                await connection.execute(SETTINGS.format(int(self._address.timeout.total_seconds() * 1000)))
            yield PostgresSnapshot(self._address, connection)
            with _told(self._address):
                await transaction.rollback()

    def column(self, name: str, kind: str) -> str:
        """Other types, and what Python would not hold exactly, as text."""
        written = f"t.{self.quote(name)}"
        if kind == "float4":
            return f"{written}::text::float8"
        return written if kind.removesuffix("[]") in PLAIN else f"{written}::text"

    def clipped(self, name: str, kind: str) -> str:
        """A time that Python does not know is its first or last one."""
        return FINITE.format(f"t.{self.quote(name)}") if kind in TIMES else self.column(name, kind)

    def among(self, name: str, kind: str, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        """In the column's own type, so that its index is used."""
        column = f"t.{self.quote(name)}"
        if kind in WHOLE:
            return f"{column} = ANY($1::bigint[])", ([number for key in keys if -(2**63) <= (number := _whole(key)) < 2**63],)
        if kind == "numeric":
            return f"{column} = ANY($1::numeric[])", ([found for key in keys if (found := _decimal(key)) is not None],)
        if kind in ("text", "varchar", "citext"):
            return f"{column} = ANY($1::text[])", (list(keys),)
        if kind in ("bpchar", "uuid"):
            return f"{column} = ANY($1::text[]::{kind}[])", (
                keys if kind == "bpchar" else [key for key in keys if _is_uuid(key)],
            )
        if kind in ("float4", "float8"):
            return f"{column} = ANY($1::text[]::{kind}[])", ([key for key in keys if _decimal(key) is not None],)
        return f"{column}::text = ANY($1::text[])", (list(keys),)

    def reader(self, kind: str) -> Read | None:
        """JSON arrives as text."""
        return orjson.loads if kind in ("json", "jsonb") else None

    def position(self, _kind: str) -> Read | None:
        """It is that already."""
        return None

    def since(self, name: str, kind: str) -> str:
        """The numbers of `xmin` have 32 bits and go round; those of an xid8 do not."""
        column = f"t.{self.quote(name)}"
        if kind == "xid8":
            return f"{column} >= $1::bigint::text::xid8"
        return f"mod({column}::text::bigint - mod($1::bigint, 4294967296) + 4294967296, 4294967296) < 2147483648"

    def is_transaction(self, kind: str) -> bool:
        """The system's `xmin`, or a column with the default pg_current_xact_id()."""
        return kind in ("xid", "xid8")

    def bound(self, cursor: object, kind: str) -> object:
        """Times are kept as ISO 8601, decimals as text."""
        read = POSITIONS.get(kind)
        return read(str(cursor)) if read else cursor

    async def indexed(self, table: str, column: str) -> bool | None:
        """Valid, and not of a part of the table; a view has none."""
        async with self.snapshot() as snapshot:
            [[(kind, there)]] = [rows async for rows in snapshot.scan(INDEXED, (self.table(table), column), 1)]
        return bool(there) if kind in ("r", "m", "p") else None

    async def listen(self, channel: str) -> AsyncIterator[None]:
        """On a connection of its own, which stays open. Raises Lost when it breaks."""
        heard: asyncio.Queue[bool] = asyncio.Queue()
        connection = await self._connect()
        try:
            with _told(self._address):
                await connection.add_listener(channel, lambda *_: heard.put_nowait(True))
            connection.add_termination_listener(lambda _: heard.put_nowait(False))
            while await heard.get():
                more = [heard.get_nowait() for _ in range(heard.qsize())]  # many changes at once are one reason to look
                yield
                if not all(more):
                    break
            raise Lost(f"{self._address.name}: the connection that listens on {channel} broke")
        finally:
            await _end(connection)

    async def close(self) -> None:
        """Closes the connections."""
        await self._connections.close()

    async def _connect(self) -> Any:
        asyncpg, address = _driver(self._address), self._address
        secure = {"ssl": "prefer"} if address.tls == "prefer" else {"ssl": tls(address) or False}
        scheme, _, rest = address.url.partition("://")
        with _told(address):
            return await asyncpg.connect(
                f"{scheme.partition('+')[0]}://{rest}",
                timeout=min(30.0, address.timeout.total_seconds()),
                command_timeout=address.timeout.total_seconds(),
                statement_cache_size=0,
                **({} if "sslmode=" in rest else secure),
            )


class PostgresSnapshot(Snapshot):
    """One transaction."""

    def __init__(self, address: Address, connection: Any) -> None:
        self._address = address
        self._connection = connection

    async def columns(self, select: str) -> dict[str, str]:
        """Of a statement that is not run."""
        with _told(self._address):
            prepared = await self._connection.prepare(select)
        return {attribute.name: attribute.type.name for attribute in prepared.get_attributes()}

    async def scan(self, statement: str, values: Sequence[object], size: int) -> AsyncGenerator[list[Row], None]:
        """By a server-side cursor."""
        with _told(self._address):
            cursor = await self._connection.cursor(statement, *values)
        while True:
            with _told(self._address):
                rows = await cursor.fetch(size)
            if not rows:
                return
            yield rows


def trigger(table: str, channel: str) -> str:
    """The SQL, to be run by a person, after which a table says something on a channel whenever a transaction has changed it."""
    name, said = f"customer_sync_{channel}".replace('"', '""'), channel.replace('"', '""')
    return f"""CREATE OR REPLACE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN NOTIFY "{said}"; RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER "{name}" AFTER INSERT OR UPDATE OR DELETE ON {_table(table)}
  FOR EACH STATEMENT EXECUTE FUNCTION "{name}"();"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(name: str) -> str:
    return ".".join(map(_quoted, name.split(".")))


async def _end(connection: Any) -> None:
    connection.terminate()


def _driver(address: Address) -> Any:
    try:
        import asyncpg
    except ImportError:
        raise missing(address, "asyncpg", "postgres") from None
    return asyncpg


@contextmanager
def _told(address: Address) -> Iterator[None]:
    """The driver's errors in one line; a value that PostgreSQL quotes is left out."""
    asyncpg, name = _driver(address), address.name
    try:
        yield
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise SourceError(f"{name}: {address.said(error)}") from None
    except (asyncpg.QueryCanceledError, TimeoutError):
        raise address.too_slow() from None
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError) as error:
        raise Lost(f"{name}: {address.said(error)}") from None
    except asyncpg.PostgresError as error:
        said = re.sub(r'"[^"]*"', "***", str(error)) if error.sqlstate.startswith("22") else str(error)
        raise SourceError(f"{name}: {said}") from None
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise Lost(f"{name}: the server cannot be reached: {address.said(error)}") from None
    except (ValueError, OverflowError):
        raise Unreadable(f"{name}: a value cannot be held here: a date before the year 1 or after 9999?") from None


def _whole(key: str) -> int:
    return int(key) if re.fullmatch(r"-?[0-9]{1,19}", key) else 2**63


def _decimal(key: str) -> Decimal | None:
    return Decimal(key) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?|NaN", key) else None


def _is_uuid(key: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", key) is not None


POSITIONS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(WHOLE, int),
    "numeric": Decimal,
    "float4": float,
    "float8": float,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamptz": datetime.fromisoformat,
}
