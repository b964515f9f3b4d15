"""SparkLayer: PATCH /api/v1/customers/{id} with a bearer token and a Site-Id. Pure.

Rests on SparkLayer's Core API page "Update a Customer": only what is sent changes. Null empties a field, lists and objects are
replaced as a whole.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from sync import reading
from sync.errors import FieldError, Refused, TryAgain, Unclear, VendorError
from sync.model import Conversation, Diff, Exchange, Identity, Leaf, Listed, Receipt, Reply, Request, SignIn, Token, Update
from sync.ports import Listing, Vendor
from sync.vendors import holding
from sync.vendors.schema import Amount, BaseUrl, Bounds, Exact, Field, Filled, Flag, Schema, Text, Whole, fields

INTERNAL = "cu_"
"""How an id of SparkLayer's own begins; whatever else stands in its place is taken for an external id."""
WHOLE = ("metadata", "payment_on_account", "parent_customer")
"""Objects that are sent as a whole when anything in them changed."""
DEFAULTS = ("default_billing_address_id", "default_shipping_address_id")
PERCENT_ERROR = Decimal("0.00001")
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


FIELDS = fields(SparkLayerCustomer)


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

    @property
    def listing(self) -> Listing:
        """`customers`, all at once."""
        return SparkLayerListing(self._base)

    def identify(self, value: object, match: str | None = None) -> Identity:
        """An internal id (`cu_...`) or an external one: text, or a number that stands for it."""
        if isinstance(value, Decimal | float) and not isinstance(value, bool):
            value = reading.whole_id(value)
        text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not text:
            raise ValueError("the vendor's id has to be text that is not empty")
        if text in {".", ".."}:
            raise ValueError("the vendor's id cannot be . or ..: an address that ends in it is another one")
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
        _customer((yield update.requests[0]), update.identity)
        return Receipt()

    def look(self, update: Update) -> Exchange:
        """GET of the same address."""
        customer = _customer((yield Request("GET", update.requests[0].url)), update.identity)
        if _own(customer, update.identity) is None:
            raise Unclear("the reply does not say whose it is")
        return holding.looked(update.changes, partial(_shown, customer), _alike)

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


class SparkLayerListing(Listing):
    """Everybody at once, by internal id; without customers there may be no body at all."""

    fields: Mapping[str, str] = dict.fromkeys(
        ("id", "created_at", "updated_at", *(name for name in FIELDS if not name.endswith(".*"))), "unknown"
    )
    steady = True

    def __init__(self, base: str) -> None:
        self._base = base

    def page(self, since: object, at: object) -> Conversation[Listed]:  # noqa: ARG002 - all at once, and nothing narrows it
        """A list, or 204."""
        reply = yield Request("GET", f"{self._base}/api/v1/customers", lists=True)
        if reply.status == HTTPStatus.NO_CONTENT:
            return Listed((), reading.date(reply), total=0)
        if reply.status != HTTPStatus.OK:
            raise _failure(reply)
        items = reading.exact(reply)
        if not isinstance(items, list):
            raise Unclear("the reply is no list of customers")
        return Listed([_row(item) for item in items], reading.date(reply))

    def read(self, key: str) -> Conversation[Mapping[str, Any] | None]:
        """By its internal id."""
        reply = yield Request("GET", f"{self._base}/api/v1/customers/{quote(key, safe='')}")
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        _customer(reply, Identity(key))
        return _row(reading.exact(reply))[1]


def _row(item: Any) -> tuple[str | None, Mapping[str, Any]]:
    """By dotted name, as in an update."""
    values = dict(reading.flat(item)) if isinstance(item, dict) else {}
    id = values.get("id")
    return (id if isinstance(id, str) and id else None), values


def _customer(reply: Reply, identity: Identity) -> Mapping[str, Any]:
    if reply.status != HTTPStatus.OK:
        raise _failure(reply)
    answer = reading.tree(reply) or {}
    if answer.get("id") is None and answer.get("external_id") is None:
        raise Unclear("the reply holds no customer")
    if _own(answer, identity) not in {None, identity.value}:
        raise Unclear("the reply is about another customer")
    return answer


def _own(customer: Mapping[str, Any], identity: Identity) -> str | None:
    """The id of the kind that the customer was asked for by."""
    own = customer.get("id" if identity.value.startswith(INTERNAL) else "external_id")
    return None if own is None else str(own)


def _shown(customer: Mapping[str, Any], field: str) -> Sequence[object]:
    """A parent may be shown by the id that it was not sent by: then that one is not told."""
    name, _, member = field.partition(".")
    if name not in customer:
        return []
    held = customer[name]
    if name in DEFAULTS:
        return _ids(customer, held)
    if not member:
        return [held]
    if not held:
        return [None]
    told = isinstance(held, dict) and (member in held or name != "parent_customer")
    return [held.get(member)] if told else []


def _ids(customer: Mapping[str, Any], internal: object) -> Sequence[object]:
    """A default address goes in by either of its ids and comes out by the internal one; the list of addresses has both."""
    if internal is None:
        return [None]
    addresses = customer.get("addresses")
    known = [address for address in addresses if isinstance(address, dict)] if isinstance(addresses, list) else []
    both = next(([internal, address.get("external_id")] for address in known if address.get("id") == internal), [])
    return [id for id in both if id]


def _alike(field: str, sent: Leaf, held: object) -> bool:
    """A currency has no case, a VAT number no punctuation, a percentage the places of a float."""
    about = FIELDS.get(field, Field())
    if field == "addresses":
        return _same_addresses(sent, held)
    if field.endswith("currency_code") and isinstance(held, str):
        held = held.lower()
    if field == "vatin_numbers":
        sent, held = _compact(sent), _compact(held)
    within = PERCENT_ERROR if field == "discount_percentage" else Decimal(0)
    return holding.same(sent, held, unordered=about.unordered, within=within)


def _compact(numbers: object) -> object:
    return [re.sub(r"[\s.-]", "", str(number)).upper() for number in numbers] if isinstance(numbers, list) else numbers


def _same_addresses(sent: Leaf, held: object) -> bool:
    """As many, each with its like."""
    if not sent or not isinstance(held, list):
        return holding.same(sent, held)
    pairs = {(ours, theirs) for ours, one in enumerate(sent) for theirs, other in enumerate(held) if _holds(other, one)}
    everyone = set(range(len(sent)))
    return len(sent) == len(held) and {ours for ours, _ in pairs} == {theirs for _, theirs in pairs} == everyone


def _holds(held: object, address: Mapping[str, Leaf]) -> bool:
    """What an address was sent without is not there; only an id may have been given to it."""
    names = {*Address.model_fields} - ({"id"} - {*address})
    return isinstance(held, dict) and all(holding.same(address.get(name), held.get(name)) for name in names)


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
