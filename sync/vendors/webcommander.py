"""WebCommander: PUT /admin/customers/{id} with a bearer token. Pure.

Rests on WebCommander's page "Customer PUT API Documentation": a `customer` envelope and four fields beside it, only what is sent
changes, and the whole customer comes back. An inline address may be applied or discarded, so what comes back is compared.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, SecretStr

from sync import reading
from sync.errors import FieldError, Refused, StopAccount, Unclear
from sync.model import Conversation, Diff, Exchange, Identity, Leaf, Listed, Reply, Request, SignIn, Token, Update
from sync.ports import Listing, Vendor
from sync.vendors import holding
from sync.vendors.schema import Amount, BaseUrl, Field, Filled, Flag, Password, Schema, Text, Whole

INSIDE = "customer."
IDS = ("id", "customer_id", "internal_id")
"""The names of the id, in both generations of the API; the first that a reply has is the one in the URL."""
ADDRESS = {
    "address_line": "address_line_1",
    "country": "country",
    "state": "state",
    "city": "city",
    "post_code": "post_code",
    "mobile": "mobile",
    "phone": "phone",
}
"""A field of the request -> where the reply's PRIMARY address holds it."""
READ = {**ADDRESS, "gender": "sex"}
OBJECTS = {"country": ("name", "code"), "state": ("name", "code"), "shipping_profile": ("id",)}
"""What is sent as text or a number and shown as an object -> the members that may be it."""
BESIDE = ("store_credit", "credit_limit", "customer_password_expired", "allow_credit_limit")
"""What an update holds beside the envelope, and an answer inside it."""
SHOWN = ("id", "display_id", "status", "created_at", "updated_at")
"""What only an answer holds."""
LARGEST_PAGE = 20
NOT_SHOWN = {"password", "newsletter.subscribed"}
PHONES = {"mobile", "phone"}
FOLDED = {*ADDRESS, "gender"}
"""Names and words that the shop may spell in its own way."""
NOT_HELD = "accepted, but the primary address in the reply does not hold it"


def _profile(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


Clearable = Annotated[Text | None, Field(clear="")]
Login = Filled | None


class Newsletter(Schema):
    """Whether the customer gets the shop's letters."""

    subscribed: Flag | None = None


class Details(Schema):
    """What stands inside the envelope; country and state are names, gender is free text."""

    first_name: Login = None
    last_name: Clearable = None
    shipping_profile: Annotated[Whole, BeforeValidator(_profile)] | None = None
    gender: Clearable = None
    email: Login = None
    company_name: Clearable = None
    address_line: Clearable = None
    country: Clearable = None
    state: Clearable = None
    post_code: Clearable = None
    city: Clearable = None
    mobile: Clearable = None
    phone: Clearable = None
    abn: Clearable = None
    abn_branch: Clearable = None
    newsletter: Newsletter | None = None
    password: Password | None = None


class WebCommanderCustomer(Schema):
    """The body of PUT /admin/customers/{id}. `store_credit` overwrites what the shop has on its ledger."""

    customer: Details | None = None
    store_credit: Amount | None = None
    credit_limit: Amount | None = None
    customer_password_expired: Flag | None = None
    allow_credit_limit: Flag | None = None


class WebCommanderAccount(Schema):
    """What an account needs beside the common keys: an administrator's login, and the application's."""

    base_url: BaseUrl
    username: str
    password: SecretStr
    client_id: str
    client_secret: SecretStr
    redirect_uri: str


class WebCommander(Vendor):
    """WebCommander's admin API, as one account speaks it."""

    name: ClassVar[str] = "webcommander"
    Account: ClassVar[type[BaseModel]] = WebCommanderAccount
    Customer: ClassVar[type[BaseModel]] = WebCommanderCustomer

    def __init__(self, account: WebCommanderAccount) -> None:
        self._account = account
        self._base = account.base_url.rstrip("/")

    @property
    def place(self) -> str:
        """One site, one shop."""
        return self._base

    @property
    def listing(self) -> Listing:
        """`admin/customers`, page by page."""
        return WebCommanderListing(self._base)

    def identify(self, value: object, match: str | None = None) -> Identity:
        """A customer's id is an integer."""
        return Identity(reading.whole_id(value), match)

    def requests(self, identity: Identity, changes: Diff, leaves: Mapping[str, Leaf]) -> tuple[Request, ...]:  # noqa: ARG002
        """One PUT that holds only what changed; without a change inside the envelope there is no envelope."""
        body: dict[str, Any] = {}
        for change in changes:
            *envelopes, name = change.field.split(".")
            at = body
            for envelope in envelopes:
                at = at.setdefault(envelope, {})
            at[name] = change.after
        return (Request("PUT", f"{self._base}/admin/customers/{quote(identity.value, safe='')}", body),)

    def exchange(self, update: Update) -> Exchange:
        """200 with the `customer` that was asked for means done; an inline address may have been discarded all the same."""
        customer = _customer((yield update.requests[0]), update.identity)
        inline = tuple(change for change in update.changes if change.field.removeprefix(INSIDE) in ADDRESS)
        return holding.otherwise(inline, partial(_shown, customer), _alike, NOT_HELD)

    def look(self, update: Update) -> Exchange:
        """GET of the same address; it shows neither a password nor whether the newsletter is subscribed."""
        customer = _customer((yield Request("GET", update.requests[0].url)), update.identity)
        if _id(customer) is None:
            raise Unclear("the reply does not say whose it is")
        return holding.looked(update.changes, partial(_shown, customer), _alike)

    def sign_in(self, token: Token | None) -> SignIn:
        """POST /oauth2/token: a refresh where there is a refresh token, and the full sign-in where that is refused."""
        if token is not None and token.refresh:
            reply = yield self._token_request("refresh_token", refresh_token=reading.credential(SecretStr(token.refresh)))
            try:
                fresh = reading.token(reply)
            except StopAccount:
                pass
            else:
                return replace(fresh, refresh=fresh.refresh or token.refresh)
        login = f"{self._account.username}:{self._account.password.get_secret_value()}"
        encoded = SecretStr(base64.b64encode(login.encode()).decode())
        reply = yield self._token_request("client_credentials", auth_string=reading.credential(encoded))
        return reading.token(reply, _words(reading.tree(reply) or {}))

    def sign(self, request: Request, token: Token | None) -> Request:
        """A bearer token, on everything but the sign-in."""
        return reading.bearer(request, token)

    def _token_request(self, grant: str, **credentials: Leaf) -> Request:
        account = self._account
        application = {"client_id": account.client_id, "client_secret": reading.credential(account.client_secret)}
        body = {"grant_type": grant, **credentials, "redirect_uri": account.redirect_uri, **application}
        return Request("POST", f"{self._base}/oauth2/token", body)


class WebCommanderListing(Listing):
    """All of each customer, twenty at most at a time; filters by time are taken and ignored, so that everybody comes every time.

    Fields bear the names of an update without the envelope; the address is the primary one.
    """

    fields: Mapping[str, str] = dict.fromkeys(
        (*(name for name in Details.model_fields if name not in {"password", "newsletter"}), *BESIDE, *SHOWN), "unknown"
    )
    steady = True

    def __init__(self, base: str) -> None:
        self._base = base

    def page(self, since: object, at: Any) -> Conversation[Listed]:  # noqa: ARG002 - nothing narrows it
        """By offset, which the last customer of a page and the first of the next share; how many come is the server's to say."""
        offset, step = at or (0, 0)
        query = f"limit={LARGEST_PAGE}&offset={offset}"
        reply = yield Request("GET", f"{self._base}/admin/customers?{query}", lists=True)
        answer = _success(reply)
        items, paging = answer.get("customers"), answer.get("pagination")
        if not isinstance(items, list) or not isinstance(paging, dict):
            raise Unclear("the list has no customers, or no pagination")
        if str(paging.get("offset", offset)) != str(offset):
            raise Unclear("the list does not begin where it was asked to")
        told = str(paging.get("total", paging.get("records")))
        total = int(told) if told.isdecimal() else None
        end = offset + len(items)
        more = len(items) > 1 and (end < total if total is not None else paging.get("next_page"))
        again = (max(offset - max(step, 1), 0), step) if offset else None
        return Listed([_row(item) for item in items], reading.date(reply), (end - 1, len(items)) if more else None, again, total)

    def read(self, key: str) -> Conversation[Mapping[str, Any] | None]:
        """A customer in the trash is shown, and gone all the same."""
        reply = yield Request("GET", f"{self._base}/admin/customers/{quote(key, safe='')}")
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        found, values = _row(_customer(reply, Identity(key)))
        if found != key:
            raise Unclear("the reply does not say whose it is")
        return values


def _row(item: object) -> tuple[str | None, Mapping[str, Any] | None]:
    customer = item if isinstance(item, dict) else {}
    if customer.get("is_in_trash") is True:
        return _id(customer), None
    names = (*Details.model_fields, *BESIDE)
    values = {name: shown[0] for name in names if (shown := _shown(customer, name))}
    return _id(customer), values | {name: customer[name] for name in SHOWN if name in customer}


def _customer(reply: Reply, identity: Identity) -> Mapping[str, Any]:
    """The customer of a 200; a URL that leads nowhere is answered with 200, too."""
    customer = _success(reply).get("customer")
    if not isinstance(customer, dict):
        raise Unclear("the reply holds no customer")
    if _id(customer) not in {None, identity.value}:
        raise Unclear("the reply is about another customer")
    return customer


def _success(reply: Reply) -> Mapping[str, Any]:
    """What a 200 holds that is one in the body, too."""
    answer = reading.tree(reply) or {}
    words, errors = _words(answer) or reading.text(reply), tuple(_errors(answer))
    if reply.status != HTTPStatus.OK:
        raise reading.failure(reply, words, errors)
    if answer.get("isSuccess") is False or answer.get("status") == "error":
        raise Refused(words or "not a success, without a word why", errors)
    return answer


def _words(answer: Mapping[str, Any]) -> str:
    found = (answer.get(name) for name in ("message", "error_description", "error"))
    return next((reading.quoted(words) for words in found if isinstance(words, str) and words.strip()), "")


def _errors(answer: Mapping[str, Any]) -> Iterator[FieldError]:
    errors = answer.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict) and isinstance(error.get("field"), str):
            yield FieldError(_ours(error["field"]), reading.quoted(error.get("message") or error.get("code") or "refused"))


def _ours(field: str) -> str:
    """The vendor's name of a field as ours: `email` and `customer.email`, `addresses[0].state_id` as `customer.state`."""
    last = field.rsplit(".", 1)[-1].removesuffix("_id").removesuffix("_1")
    if last == "subscribed":
        return f"{INSIDE}newsletter.subscribed"
    if last in WebCommanderCustomer.model_fields:
        return last
    return INSIDE + last if last in Details.model_fields else field


def _id(customer: Mapping[str, Any]) -> str | None:
    return next((str(customer[name]).strip() for name in IDS if customer.get(name) is not None), None)


def _primary(customer: Mapping[str, Any]) -> Mapping[str, Any]:
    addresses = customer.get("addresses")
    found = [address for address in addresses if isinstance(address, dict)] if isinstance(addresses, list) else []
    return next((address for address in found if str(address.get("type")).casefold() == "primary"), {})


def _shown(customer: Mapping[str, Any], field: str) -> Sequence[object]:
    """All stand inside the customer, also what is sent beside it."""
    name = field.removeprefix(INSIDE)
    members = _primary(customer) if name in ADDRESS else customer
    name = READ.get(name, name)
    if name not in members or name in NOT_SHOWN:
        return []
    held = members[name]
    if name not in OBJECTS or not isinstance(held, dict):
        return [held]
    return [form for form in map(held.get, OBJECTS[name]) if form not in (None, "")] or [None]


def _alike(field: str, sent: Leaf, held: object) -> bool:
    name = field.removeprefix(INSIDE)
    if name in PHONES:
        return _digits(sent) == _digits(held)
    return _folded(sent) == _folded(held) if name in FOLDED else holding.same(sent, held)


def _digits(value: object) -> str:
    """A number may come back in groups of its own; one without a digit is compared as text."""
    return re.sub(r"\D", "", _folded(value)) or _folded(value)


def _folded(value: object) -> str:
    return "" if value is None else " ".join(str(value).split()).casefold()
