"""The tables of the configuration -> sources, opened by their kind."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from sync.opening import open_file
from sync.ports import Source
from sync.settings import HttpTable, SqlTable
from sync.sources.alchemy import AlchemyDialect
from sync.sources.dialect import Address, Dialect
from sync.sources.mysql import MysqlDialect
from sync.sources.postgres import PostgresDialect
from sync.sources.sql import Sql, Table
from sync.sources.sqlite import SqliteDialect
from sync.switchboard import Switchboard

SQLITE = "sqlite:///"


def _open_sql(name: str, table: SqlTable, key: bytes) -> Source:
    what = f"sources.{name}"
    read = Table(
        what, table.key, table.table, table.query, table.cursor, table.overlap, table.where, table.children, table.notify
    )
    address = Address(what, table.url.get_secret_value(), table.timeout, table.tls, table.tls_ca)
    dialects: dict[str, Callable[[], Dialect]] = {
        "sqlite": lambda: SqliteDialect(table.path, what),
        "postgres": lambda: PostgresDialect(address),
        "mysql": lambda: MysqlDialect(address),
        "other": lambda: AlchemyDialect(address),
    }
    return Sql(read, dialects[table.family](), key)


OPENERS: Mapping[str, Callable[[str, Any, bytes], Source]] = {"file": open_file, "sql": _open_sql}
"""How a source of each kind is made of its name, its table and the key of its digests. Nothing is connected to yet."""


def open_source(name: str, board: Switchboard, key: bytes, stack: AsyncExitStack) -> Source:
    """One source of the configuration; it lives as long as the stack."""
    table = board.settings.sources[name]
    source = board.open(name, table, key) if isinstance(table, HttpTable) else OPENERS[table.kind](name, table, key)
    stack.push_async_callback(source.close)
    return source
