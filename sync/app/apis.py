"""A table of `kind = "http"` -> how its API is asked: the list that it describes, and how it lets somebody in."""

from urllib.parse import urljoin

from sync.ports import Signing
from sync.settings import HttpTable
from sync.settings.sources.http import BasicAuth, BearerAuth, HeaderAuth, OAuth
from sync.sources.http.api import Api, Narrowing, Single
from sync.sources.http.paging import extended
from sync.sources.http.signing import ClientCredentials, Headers, basic


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
