"""`kind = "http"`: a JSON API, or an account whose vendor can list its customers."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from sync.settings.base import Table
from sync.settings.lanes import LaneTable
from sync.settings.sources.base import SourceTable
from sync.settings.values import Duration
from sync.sources.http.paging import Cursor, Link, NextUrl, Numbered, Offset, Paging, Whole
from sync.sources.http.paths import Path, parse
from sync.sources.http.signing import basic
from sync.sources.http.stamps import EPOCHS
from sync.sources.secrecy import secrets_of


def _path(value: object) -> object:
    if isinstance(value, Path):
        return value
    try:
        return parse(value if isinstance(value, str) else "[")
    except ValueError as error:
        raise PydanticCustomError("path", "{why}", {"why": str(error)}) from None


def _address(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise PydanticCustomError("address", 'has to be an address, such as "https://api.example.com/v1/customers"')
    return value


def _form(value: str) -> str:
    if value not in EPOCHS and "%" not in value:
        raise PydanticCustomError("form", 'has to be "epoch", "epoch_ms" or a format such as "%Y-%m-%d %H:%M:%S"')
    return value


def _keyed(value: str) -> str:
    if "{key}" not in value:
        raise PydanticCustomError("keyed", 'has to hold {key}, such as "/v1/customers/{key}"', {"key": "{key}"})
    return value


Text = WithJsonSchema({"type": "string"})
PathText = Annotated[Path, BeforeValidator(_path), Text]
Web = Annotated[str, AfterValidator(_address)]


class HeaderAuth(Table):
    """A header of any name, such as an API key."""

    kind: Literal["header"]
    name: str = Field(min_length=1)
    value: SecretStr


class BasicAuth(Table):
    """A user and a password."""

    kind: Literal["basic"]
    username: str
    password: SecretStr


class BearerAuth(Table):
    """A token that does not expire."""

    kind: Literal["bearer"]
    token: SecretStr


class OAuth(Table):
    """OAuth 2 client credentials."""

    kind: Literal["oauth"]
    token_url: Web
    client_id: str
    client_secret: SecretStr
    scope: str = ""
    credentials_in: Literal["header", "form"] = "header"


Auth = Annotated[HeaderAuth | BasicAuth | BearerAuth | OAuth, Field(discriminator="kind")]


class PagingTable(Table):
    """`[sources.NAME.paging]`: how the list goes on."""

    kind: Literal["page", "offset", "cursor", "link", "next"]
    parameter: str | None = Field(default=None, description="page, offset, cursor: what the place is called in the address")
    next: PathText | None = Field(default=None, description="cursor, next: where a reply says where the next page is")
    size: int | None = Field(default=None, ge=2, description="how many to a page")
    size_parameter: str = "limit"
    first: int = Field(default=1, ge=0, description="page: the number of the first one")
    shifts: bool = Field(default=True, description="link, next: false, if pages keep their place when customers come and go")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind in {"cursor", "next"} and self.next is None:
            raise ValueError(f"{self.kind} needs next, the path to it in a reply")
        return self

    @property
    def paging(self) -> Paging:
        """As the source has it."""
        sized = None if self.size is None else (self.size_parameter, self.size)
        next = self.next or parse("")
        match self.kind:
            case "page":
                return Numbered(self.parameter or "page", self.first, sized)
            case "offset":
                return Offset(self.parameter or "offset", sized)
            case "cursor":
                return Cursor(self.parameter or "cursor", next, sized)
            case "link":
                return Link(steady=not self.shifts)
        return NextUrl(next, steady=not self.shifts)


class HttpTable(SourceTable, LaneTable):
    """`[sources.NAME]` with `kind = "http"`."""

    kind: Literal["http"] = Field(description="a JSON API, or an account whose vendor can list its customers")
    key: str = Field(default="", description="the field that tells customers apart; an account's vendor has one")
    overlap: Duration | None = Field(default=None, description="how far to read back behind the cursor")  # type: ignore[assignment]
    optional: tuple[str, ...] = Field(default=(), description="fields that the first customers may not show")
    account: str | None = Field(default=None, description="one of [accounts]; else url")
    url: Web | None = Field(default=None, description="the address of the list")
    params: dict[str, SecretStr] = Field(default_factory=dict, repr=False, description="more of the address")
    headers: dict[str, SecretStr] = Field(default_factory=dict, repr=False, description="sent with every request")
    auth: Auth | None = Field(default=None, repr=False)
    items: PathText = Field(default="", validate_default=True, description="the path to the customers in a reply")
    total: PathText | None = Field(default=None, description="the path to how many there are in all")
    paging: PagingTable | None = None
    since: str | None = Field(default=None, description="the parameter that asks for those who changed since a time")
    since_format: Annotated[str, AfterValidator(_form)] | None = Field(default=None, description="epoch, epoch_ms, or a format")
    item: Annotated[str, AfterValidator(_keyed)] | None = Field(default=None, description="the address of one customer")
    item_at: PathText = Field(default="", validate_default=True, description="the path to the customer in its reply")
    details: bool = Field(default=False, description="the list shows less than the whole: each customer is read by item")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.account is None) == (self.url is None):
            raise ValueError("one of url and account is needed")
        if self.account is not None and (own := self.model_fields_set - OF_ACCOUNT):
            raise ValueError(f"{', '.join(sorted(own))}: with an account, its vendor and [accounts.{self.account}] say this")
        if self.account is None and not self.key:
            raise ValueError("key is missing: the field that tells customers apart")
        if self.cursor is not None and self.since is None and not self.details:
            raise ValueError("cursor needs since, the parameter that asks for those who changed since a time")
        if self.details and self.item is None:
            raise ValueError("details needs item, the address of one customer")
        return self

    def reading(self) -> tuple[object, ...]:
        """Where, which, and how much of each."""
        params = sorted(self.params)
        place = (self.kind, self.account, self.url, params, self.items.text, self.key, self.cursor)
        return (*place, self.since, self.since_format, self.item, self.item_at.text, self.details)

    @property
    def named(self) -> Mapping[str, str]:
        """An account's vendor names them itself."""
        return {} if self.account is not None else super().named

    @property
    def ways(self) -> Paging:
        """How the list goes on."""
        return Whole() if self.paging is None else self.paging.paging

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that may be one, as it is and as it is sent."""
        found = [value.get_secret_value() for value in (*self.params.values(), *self.headers.values())]
        found += [*secrets_of(self.url or ""), *secrets_of(self.item or "")]
        match self.auth:
            case HeaderAuth(value=secret) | BearerAuth(token=secret) | OAuth(client_secret=secret):
                found.append(secret.get_secret_value())
            case BasicAuth(username=name, password=secret):
                found += [secret.get_secret_value(), basic(name, secret.get_secret_value())[1]]
        return tuple(found)


OF_ACCOUNT = {"kind", "account", "overlap", "optional"}
"""The keys that mean something beside an account."""
