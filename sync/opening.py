"""A source's table -> the source, connected to nothing yet.

The part of `app` that knows every format and place of files, and how an API is described.
"""

from urllib.parse import urljoin

from sync.ports import Signing, Source
from sync.settings import FileTable, HttpTable
from sync.settings.sources.http import BasicAuth, BearerAuth, HeaderAuth, OAuth
from sync.sources.exports import Export
from sync.sources.files import Files
from sync.sources.formats.base import Format
from sync.sources.formats.delimited import Delimited, Dialect
from sync.sources.formats.document import JsonDocument
from sync.sources.formats.excel import Excel
from sync.sources.formats.lines import JsonLines
from sync.sources.formats.parquet import Parquet
from sync.sources.http.api import Api, Narrowing, Single
from sync.sources.http.paging import extended
from sync.sources.http.signing import ClientCredentials, Headers, basic
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


def api(table: HttpTable) -> Api:
    """The list that the table describes."""
    params = {name: value.get_secret_value() for name, value in table.params.items()}
    return Api(
        extended(table.url or "", params),
        table.key,
        table.items,
        table.total,
        table.ways,
        Narrowing(table.since, table.since_format) if table.since else None,
        Single(extended(urljoin(table.url or "", table.item), params), table.item_at) if table.item else None,
        table.cursor,
        not table.details,
    )


def signing(table: HttpTable) -> Signing:
    """How the API lets somebody in."""
    headers = tuple((name, value.get_secret_value()) for name, value in table.headers.items())
    match table.auth:
        case HeaderAuth(name=name, value=value):
            return Headers((*headers, (name, value.get_secret_value())))
        case BasicAuth(username=username, password=password):
            return Headers((*headers, basic(username, password.get_secret_value())))
        case BearerAuth(token=token):
            return Headers((*headers, ("Authorization", f"Bearer {token.get_secret_value()}")))
        case OAuth() as oauth:
            in_form = oauth.credentials_in == "form"
            return ClientCredentials(oauth.token_url, oauth.client_id, oauth.client_secret, oauth.scope, in_form, headers)
    return Headers(headers)
