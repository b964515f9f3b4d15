"""SparkLayer: PATCH /api/v1/customers/{id} with a bearer token and a Site-Id. Pure.

Rests on SparkLayer's Core API page "Update a Customer": only what is sent changes. Null empties a field, lists and objects are
replaced as a whole.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from sync.errors import FieldError, Refused, TryAgain, Unclear, VendorError
from sync.model import UNKNOWN, Diff, Exchange, Identity, Leaf, Receipt, Reply, Request, SignIn, Token, Update
from sync.ports import Vendor
from sync.vendors import reading
from sync.vendors.schema import Amount, BaseUrl, Bounds, Exact, Field, Filled, Flag, Schema, Text, Whole

INTERNAL = "cu_"
"""How an id of SparkLayer's own begins; whatever else stands in its place is taken for an external id."""
WHOLE = ("metadata", "payment_on_account", "parent_customer")
"""Objects that are sent as a whole when anything in them changed."""
CONFLICT_ATTEMPTS = 3
DUPLICATE = re.compile(r"duplicat|already|unique|taken|in use", re.IGNORECASE)
CONCURRENT = re.compile(r"concurren", re.IGNORECASE)


def _not_prefixed(prefix: str) -> AfterValidator:
    def check(value: str) -> str:
        if value.startswith(prefix):
            raise PydanticCustomError("prefix", "Input should not start with {prefix}", {"prefix": prefix})
        return value

    return AfterValidator(check)


def _currency(value: str) -> str:
    code = value.strip().lower()
    if not re.fullmatch(r"[a-z]{3}", code):
        raise PydanticCustomError("currency", "Input should be an ISO 4217 code of three letters")
    return code


def _json(value: object) -> object:
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**63 else Decimal(value)
    if value is None or isinstance(value, str | bool | Decimal):
        return value
    if isinstance(value, float):
        return Decimal(str(value))
    raise PydanticCustomError("metadata", "Input should be a text, a number, true or false, or a list of these")


Nullable = Annotated[Text | None, Field(clear=None)]
Override = Annotated[Flag | None, Field(clear=None)]
Names = Annotated[list[Text] | None, Field(clear=[], unordered=True)]
Currency = Annotated[Text, AfterValidator(_currency), Field(clear=None)]
Percent = Annotated[Exact, Bounds(ge=0, le=100), Field(clear=None)]
Metadata = Annotated[Any, BeforeValidator(_json)]


class Address(Schema):
    """One of the customer's addresses; those that a list leaves out may be deleted."""

    id: Text | None = None
    title: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    company: Text | None = None
    address_line1: Filled
    address_line2: Text | None = None
    city: Filled
    region_code: Text | None = None
    postal_code: Text | None = None
    country_code: Filled
    phone: Text | None = None
    mobile: Text | None = None
    external_id: Annotated[Text, _not_prefixed("ca_")] | None = None
    nickname: Text | None = None


class PaymentOnAccount(Schema):
    """Credit and terms; the balance is kept by the server and is never written."""

    credit_limit: Annotated[Amount | None, Field(clear=None)] = None
    currency_code: Currency | None = None
    net_terms: Annotated[Whole, Bounds(ge=0), Field(clear=None)] | None = None


class Parent(Schema):
    """The customer above this one, by one of its ids."""

    id: Nullable = None
    external_id: Nullable = None

    @model_validator(mode="after")
    def one_id(self) -> "Parent":
        """Two ids could name two customers."""
        if self.id is not None and self.external_id is not None:
            raise PydanticCustomError("parent", "A parent is named by its id or its external_id, not by both")
        return self


class SparkLayerCustomer(Schema):
    """The body of PATCH /api/v1/customers/{id}, without what only the server writes: id, created_at, updated_at."""

    addresses: list[Address] | None = None
    title: Nullable = None
    first_name: Nullable = None
    last_name: Nullable = None
    email: Filled | None = None
    company_name: Nullable = None
    external_id: Annotated[Filled, _not_prefixed(INTERNAL), Field(clear=None)] | None = None
    accounting_id: Nullable = None
    status: Filled | None = None
    group: Nullable = None
    role: Literal["main", "limited-customer", "sales-agent", "sales-admin"] | None = None
    default_billing_address_id: Nullable = None
    default_shipping_address_id: Nullable = None
    available_shipping_addresses: Names = None
    currency_code: Currency | None = None
    sales_agent_groups: Annotated[list[Text] | None, Field(clear=[], unordered=True, empty_is_null=True)] = None
    price_lists: Annotated[list[Text] | None, Field(clear=[])] = None
    vatin_numbers: Names = None
    discount_percentage: Percent | None = None
    tax_exempt: Override = None
    payment_by_invoice: Override = None
    payment_on_account: PaymentOnAccount | None = None
    metadata: Annotated[dict[str, Metadata], Field(clear=None, free=True)] | None = None
    parent_customer: Parent | None = None


class SparkLayerAccount(Schema):
    """What an account needs beside the common keys."""

    base_url: BaseUrl
    site_id: str
    client_id: str
    client_secret: SecretStr


class SparkLayer(Vendor):
    """SparkLayer's Core API v1, as one account speaks it."""

    name: ClassVar[str] = "sparklayer"
    Account: ClassVar[type[BaseModel]] = SparkLayerAccount
    Customer: ClassVar[type[BaseModel]] = SparkLayerCustomer

    def __init__(self, account: SparkLayerAccount) -> None:
        self._account = account
        self._base = account.base_url.rstrip("/")

    @property
    def place(self) -> str:
        """One base URL holds many sites."""
        return f"{self._base}|{self._account.site_id}"

    def identify(self, value: object, match: str | None = None) -> Identity:
        """An internal id (`cu_...`) or an external one: text, or a number that stands for it."""
        if isinstance(value, Decimal | float) and not isinstance(value, bool):
            value = reading.whole_id(value)
        text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not text:
            raise ValueError("the vendor's id has to be text that is not empty")
        return Identity(text, match)

    def requests(self, identity: Identity, changes: Diff, leaves: Mapping[str, Leaf]) -> tuple[Request, ...]:
        """One PATCH that holds only what changed, but objects as a whole.

        A new external id is refused where the old one addresses the customer: if the reply is lost, the same call again finds
        nobody there, or somebody else.
        """
        asked = identity.value
        body: dict[str, Any] = {}
        for change in changes:
            if change.field == "external_id" and not asked.startswith(INTERNAL) and change.after != asked:
                why = "it is what the customer is addressed by: map the internal id (cu_...) as id to change it"
                raise Refused("the external id cannot be changed", [FieldError("external_id", why)])
            name = change.field.split(".", 1)[0]
            body[name] = _whole(name, changes, leaves) if name in WHOLE else change.after
        return (Request("PATCH", f"{self._base}/api/v1/customers/{quote(asked, safe='')}", body),)

    def exchange(self, update: Update) -> Exchange:
        """200 with the customer that was asked for means done."""
        reply = yield update.requests[0]
        if reply.status != HTTPStatus.OK:
            raise _failure(reply)
        answer = reading.tree(reply) or {}
        if answer.get("id") is None and answer.get("external_id") is None:
            raise Unclear("the reply holds no customer")
        own = answer.get("id" if update.identity.value.startswith(INTERNAL) else "external_id")
        if own is not None and str(own) != update.identity.value:
            raise Unclear("the reply is about another customer")
        return Receipt()

    def look(self, update: Update) -> Exchange:
        """GET of the same address; address ids go in as external ones and come out as internal ones, so they tell nothing."""
        reply = yield Request("GET", update.requests[0].url)
        answer = reading.tree(reply) or {}
        own = answer.get("id" if update.identity.value.startswith(INTERNAL) else "external_id")
        if reply.status != HTTPStatus.OK or own is None or str(own) != update.identity.value:
            raise Unclear("read back, the reply is not about this customer")
        return reading.compared(update.changes, lambda field: _shown(answer, field))

    def sign_in(self, token: Token | None) -> SignIn:  # noqa: ARG002 - there is no refresh
        """POST /api/auth/token, in JSON and for one site; the same again when it has expired."""
        credentials = {"client_id": self._account.client_id, "client_secret": reading.credential(self._account.client_secret)}
        body = {"grant_type": "client_credentials", **credentials}
        reply = yield Request("POST", f"{self._base}/api/auth/token", body, (self._site,))
        return reading.token(reply, _words(reading.tree(reply) or {}))

    def sign(self, request: Request, token: Token | None) -> Request:
        """The site and a bearer token; the sign-in names its site itself."""
        sited = request if self._site in request.headers else reading.headed(request, *self._site)
        return reading.bearer(sited, token)

    @property
    def _site(self) -> tuple[str, str]:
        return "Site-Id", self._account.site_id


def _shown(answer: Mapping[str, Any], field: str) -> object:
    if "address" in field:
        return UNKNOWN
    held: object = answer
    for name in field.split("."):
        held = held.get(name) if isinstance(held, Mapping) else None
    return held


def _whole(name: str, changes: Diff, leaves: Mapping[str, Leaf]) -> Leaf:
    """The object as the record has it. Of a parent only the id that changed: the other may be the last parent's."""
    members = _members(name, leaves)
    if name != "parent_customer":
        return members
    changed = _members(name, {change.field: change.after for change in changes})
    return _known(changed) or _known(members) or None


def _members(name: str, leaves: Mapping[str, Leaf]) -> dict[str, Leaf]:
    return {field.removeprefix(f"{name}."): value for field, value in leaves.items() if field.startswith(f"{name}.")}


def _known(members: Mapping[str, Leaf]) -> dict[str, Leaf]:
    return {member: value for member, value in members.items() if value is not None}


def _failure(reply: Reply) -> VendorError:
    answer = reading.tree(reply) or {}
    words, errors = _words(answer) or reading.text(reply), tuple(_errors(answer))
    if reply.status == HTTPStatus.CONFLICT and not _is_duplicate(answer):
        reason = f"{reading.phrase(reply)}: {words}".removesuffix(": ")
        return TryAgain(reason, maybe_applied=False, limit=CONFLICT_ATTEMPTS, then_refuse=True)
    return reading.failure(reply, words, errors)


def _is_duplicate(answer: Mapping[str, Any]) -> bool:
    """A 409 is a duplicate, which stays one, or a concurrent update, which passes; unsaid, it may pass."""
    said = " ".join(_texts(answer))
    return bool(DUPLICATE.search(said)) and not CONCURRENT.search(said)


def _texts(answer: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(answer[name]) for name in ("title", "detail") if name in answer)
    for error in _problems(answer):
        yield from (str(error[name]) for name in ("code", "message") if name in error)


def _words(answer: Mapping[str, Any]) -> str:
    """Problem details (RFC 7807): the detail says more than the title; what an OAuth answer says counts, too."""
    found = [answer.get(name) for name in ("detail", "title", "error_description", "error", "message")]
    found += [error.get("message") for error in _problems(answer)]
    return next((reading.quoted(words) for words in found if isinstance(words, str) and words.strip()), "")


def _errors(answer: Mapping[str, Any]) -> Iterator[FieldError]:
    for error in _problems(answer):
        if isinstance(error.get("property"), str):
            yield FieldError(error["property"], reading.quoted(error.get("message") or error.get("code") or "refused"))


def _problems(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    errors = answer.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
