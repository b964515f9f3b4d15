"""Places with customers in them, which sources read and somebody else changes; and what is asked of every source."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncmy.errors import OperationalError

from sync.model import Customer
from sync.pipeline.detect import Stream, detect
from sync.ports import Filer, Source
from sync.sources.alchemy import AlchemyDialect
from sync.sources.dialect import Address, Dialect
from sync.sources.mysql import MysqlDialect
from sync.sources.postgres import PostgresDialect
from sync.sources.sql import Sql
from sync.sources.sqlite import SqliteDialect
from sync.sources.statements import Table
from sync.stores.memory import Memory
from tests.databases import elsewhere, run_mysql, run_postgres

KEY = b"k" * 32
MINUTES = timedelta(minutes=1)
NOW = datetime.now(UTC)


COLUMNS = "Id INTEGER PRIMARY KEY, Name TEXT, Moved TEXT"


@dataclass
class Ground:
    """A place with customers in it, and sources that read it."""

    opened: list[Source] = field(default_factory=list)

    columns = COLUMNS
    """Of the table Customer."""
    crowd = (15, 60)
    """Pages of customers, few and many; a driver may take in some pages at once."""

    def run(self, *statements: str) -> None:
        """As somebody else, committed at once."""
        raise NotImplementedError

    def cut(self) -> None:
        """Breaks every connection, as a server does that is restarted."""
        raise NotImplementedError

    def dialect(self) -> Dialect:
        raise NotImplementedError

    def fill(self, rows: Sequence[Sequence[object]], columns: str = "") -> None:
        """A table Customer with these rows, by column."""
        self.run(f"CREATE TABLE IF NOT EXISTS Customer ({columns or self.columns})")
        for page in batched(rows):
            self.run("INSERT INTO Customer VALUES " + ", ".join(f"({', '.join(map(literal, row))})" for row in page))

    def source(self, **changed: Any) -> Source:
        """With key Id and cursor Moved, unless said otherwise."""
        wanted = {"key": "Id", "cursor": "Moved"} | ({} if "query" in changed else {"table": "Customer"}) | changed
        source = Sql(Table("sources.crm", **wanted), self.dialect(), KEY)
        self.opened.append(source)
        return source


@dataclass
class Lite(Ground):
    """A SQLite file, which keeps whatever is given to it."""

    path: Path = Path()

    def run(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    def dialect(self) -> Dialect:
        return SqliteDialect(self.path, "sources.crm")

    def fill(self, rows: Sequence[Sequence[object]], columns: str = "") -> None:
        columns = columns or self.columns
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(f"CREATE TABLE IF NOT EXISTS Customer ({columns})")
            connection.executemany(f"INSERT INTO Customer VALUES ({', '.join('?' * len(columns.split(', ')))})", rows)


@dataclass
class Alchemy(Lite):
    """The same file, through SQLAlchemy."""

    def dialect(self) -> Dialect:
        return AlchemyDialect(Address("sources.crm", f"sqlite+pysqlite:///{self.path}"))


@dataclass
class Postgres(Ground):
    """A schema of a PostgreSQL server."""

    url: str = ""

    columns = COLUMNS.replace("Moved TEXT", "Moved TIMESTAMP")

    def run(self, *statements: str) -> None:
        elsewhere(run_postgres(self.url, *map(quoted, statements)))

    def cut(self) -> None:
        others = "application_name = current_schema() AND pid <> pg_backend_pid()"
        self.run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")

    def dialect(self) -> Dialect:
        return PostgresDialect(Address("sources.crm", self.url))

    def source(self, **changed: Any) -> Source:
        words = {name: quoted(text) for name, text in changed.items() if name in ("query", "where")}
        lists = {name: quoted(query) for name, query in changed.get("children", {}).items()}
        return super().source(**changed | words | ({"children": lists} if lists else {}))


@dataclass
class Mariadb(Ground):
    """A database of a MySQL or MariaDB server."""

    url: str = ""

    columns = COLUMNS.replace("Moved TEXT", "Moved DATETIME(6)")

    def run(self, *statements: str) -> None:
        elsewhere(run_mysql(self.url, *statements))

    def cut(self) -> None:
        others = "db = DATABASE() AND id <> CONNECTION_ID()"
        found = elsewhere(run_mysql(self.url, f"SELECT id FROM information_schema.processlist WHERE {others}"))
        for (number,) in found:
            with suppress(OperationalError):  # it was about to end, and has
                self.run(f"KILL {number}")

    def dialect(self) -> Dialect:
        return MysqlDialect(Address("sources.crm", self.url))


def batched(rows: Sequence[Sequence[object]]) -> Iterator[Sequence[Sequence[object]]]:
    return (rows[start : start + 1000] for start in range(0, len(rows), 1000))


def literal(value: object) -> str:
    return (
        "NULL" if value is None else str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"
    )


def quoted(statement: str) -> str:
    """PostgreSQL takes names without quotes for small letters."""
    return re.sub(r"\b(Customer|Id|Name|Moved|Seen|Called)\b", r'"\1"', statement)


async def cursor_of(store: Filer) -> object:
    """The cursor as kept, without the definition of the source for which it holds."""
    kept = await store.cursor("crm")
    return kept[1] if isinstance(kept, list) else None


async def keys(source: Source, cursor: object = None) -> list[str]:
    return [key async for page in source.changed(cursor) for key, _ in page.rows]


async def last_cursor(source: Source, cursor: object = None) -> object:
    """Where the source says that it is after reading everything behind `cursor`."""
    async for page in source.changed(cursor):
        cursor = page.cursor if page.cursor is not None else cursor
    return cursor


async def one(source: Source, key: str = "1") -> Customer:
    [customer] = await source.fetch([key])
    return customer


async def fresh(source: Source, store: Memory, target: str = "rpm") -> list[str]:
    """Who waits after one more look at the source, and does not wait any more then."""
    await detect(Stream("crm", source, "", [target]), store)
    pending = await store.pending(target, "", 9999)
    await store.drop(target, pending)
    return [waiting.customer for waiting in pending]


def at(minutes: float) -> str:
    return (datetime(2020, 11, 22, 10, tzinfo=UTC) + minutes * MINUTES).strftime("%Y-%m-%d %H:%M:%S")
