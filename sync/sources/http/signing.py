"""How an API lets somebody in: a header, a user and password, a token, or OAuth client credentials. Pure."""

import base64
from dataclasses import dataclass, field, replace
from urllib.parse import quote_plus

from pydantic import SecretStr

from sync import reading
from sync.model import Request, SignIn, Token
from sync.ports import Signing


@dataclass(frozen=True, slots=True)
class Headers(Signing):
    """The same headers on every request; a key, a bearer token, a user and password, or nothing at all."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    signs_in = False

    def sign_in(self, token: Token | None) -> SignIn:  # noqa: ARG002 - there is no token
        """Nothing has to be asked for."""
        return Token("")
        yield

    def sign(self, request: Request, token: Token | None) -> Request:  # noqa: ARG002 - as above
        return replace(request, headers=(*request.headers, *self.headers))


@dataclass(frozen=True, slots=True)
class ClientCredentials(Signing):
    """OAuth 2 (RFC 6749, 4.4): a form to `url`; the client's name and secret in a header, as the RFC wants, or in the form."""

    url: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""
    in_form: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def sign_in(self, token: Token | None) -> SignIn:  # noqa: ARG002 - this grant has no refresh
        form = {"grant_type": "client_credentials"} | ({"scope": self.scope} if self.scope else {})
        secret = {"client_id": self.client_id, "client_secret": reading.credential(self.client_secret)}
        headers = () if self.in_form else (basic(quote_plus(self.client_id), quote_plus(self.client_secret.get_secret_value())),)
        reply = yield Request("POST", self.url, form | (secret if self.in_form else {}), headers, form=True)
        return reading.token(reply, _words(reading.tree(reply) or {}))

    def sign(self, request: Request, token: Token | None) -> Request:
        return reading.bearer(replace(request, headers=(*request.headers, *self.headers)), token)


def basic(username: str, password: str) -> tuple[str, str]:
    """The header of a user and password (RFC 7617)."""
    return "Authorization", "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _words(answer: dict[str, object]) -> str:
    found = (answer.get(name) for name in ("error_description", "error"))
    return next((reading.quoted(words) for words in found if isinstance(words, str) and words), "")
