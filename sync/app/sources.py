"""A source's table -> the source, opened by its kind. Nothing is connected to yet."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from sync.app.switchboard import Switchboard
from sync.ports import Source
from sync.settings import FileTable, HttpTable, SqlTable
from sync.sources.alchemy import AlchemyDialect
from sync.sources.dialect import Address, Dialect
from sync.sources.exports import Export
from sync.sources.files import Files
from sync.sources.formats.base import Format
from sync.sources.formats.delimited import Delimited
from sync.sources.formats.delimited import Dialect as CsvDialect
from sync.sources.formats.document import JsonDocument
from sync.sources.formats.excel import Excel
from sync.sources.formats.lines import JsonLines
from sync.sources.formats.parquet import Parquet
from sync.sources.mysql import MysqlDialect
from sync.sources.places import Disk
from sync.sources.postgres import PostgresDialect
from sync.sources.remote import Remote
from sync.sources.sql import Sql
from sync.sources.sqlite import SqliteDialect
from sync.sources.statements import Table

SQLITE = "sqlite:///"


def open_source(name: str, board: Switchboard, key: bytes, stack: AsyncExitStack) -> Source:
    """One source of the configuration; it lives as long as the stack."""
    board.redactor.learn(board.settings.sources[name].secrets)
    match board.settings.sources[name]:
        case HttpTable() as table:
            source = board.open(name, table, key)
        case FileTable() as table:
            source = open_file(name, table, key)
        case SqlTable() as table:
            source = _open_sql(name, table, key)
        case table:
            raise NotImplementedError(table.kind)
    stack.push_async_callback(source.close)
    return source


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


def open_file(name: str, table: FileTable, key: bytes) -> Source:
    """Files in a folder or in a remote store; `key` is that of the digests."""
    what = f"sources.{name}"
    place = Remote(what, table.path, table.options) if table.remote else Disk(what, table.path)
    export = Export(what, table.key, table.files or "newest", table.order, table.settle.total_seconds())
    return Files(export, place, _format(table), key)


def _format(table: FileTable) -> Format:
    match table.chosen_format:
        case "jsonl":
            return JsonLines(table.encoding)
        case "json":
            return JsonDocument(table.encoding, table.items)
        case "parquet":
            return Parquet(table.key)
        case "excel":
            return Excel(table.key, table.sheet)
        case _:
            nulls = frozenset(table.nulls)
            dialect = CsvDialect(table.encoding, table.delimiter, table.quote, table.escape, nulls, table.final_newline)
            return Delimited(table.key, dialect)
