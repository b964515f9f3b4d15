"""A source's table -> the source, connected to nothing yet. The part of `app` that knows every format and place of files."""

from sync.ports import Source
from sync.settings import FileTable
from sync.sources.exports import Export
from sync.sources.files import Files
from sync.sources.formats.base import Format
from sync.sources.formats.delimited import Delimited, Dialect
from sync.sources.formats.document import JsonDocument
from sync.sources.formats.excel import Excel
from sync.sources.formats.lines import JsonLines
from sync.sources.formats.parquet import Parquet
from sync.sources.places import Disk
from sync.sources.remote import Remote


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
            dialect = Dialect(table.encoding, table.delimiter, table.quote, table.escape, nulls, table.final_newline)
            return Delimited(table.key, dialect)
