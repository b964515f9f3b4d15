"""Sellercloud: PUT /Customers/{id} with a bearer token. Pure.

Rests on Sellercloud's page "Update Customer": null or omitted means "no update", so a clear is said by an empty value.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError

from sync import reading
from sync.errors import FieldError, StopAccount, TryAgain, Unclear, VendorError, Wait
from sync.model import Conversation, Diff, Exchange, Identity, Leaf, Listed, Receipt, Reply, Request, SignIn, Token, Update
from sync.ports import Listing, Vendor
from sync.vendors import holding
from sync.vendors.schema import BaseUrl, Exact, Field, Flag, Schema, Text, Whole

INTERNAL_ERROR_ATTEMPTS = 3
"""A 500 may be permanent (an unknown id, a refused value), so it is tried a few times only."""

PAGE_SIZE = 50
DONE = {HTTPStatus.OK, HTTPStatus.NO_CONTENT}
ERROR_NAMES = ("ErrorMessage", "ExceptionMessage", "Error")
NOT_FOUND = re.compile(r"not (be )?found|not exist|no such", re.IGNORECASE)


GENERAL = ("Title", "Name", "Email", "EmailCC", "BusinessAliases", "SourceId")
MANAGERS = tuple(f"AccountManager{number}{what}" for number in (2, 3) for what in ("Id", "Commission"))
PERSONAL = ("Phone1", "Phone2", "Phone3", "Mobile", "Fax")
READ = {
    **{name: ("General", name) for name in GENERAL},
    **{name: ("Internal", name) for name in MANAGERS},
    **{name: ("Personal", name) for name in PERSONAL},
    "BusinessName": ("General", "CorporateName"),
    "IsWholesale": ("General", "IsWholeSaleUser"),
    "CompanyId": ("Internal", "CompanyID"),
    "AccountManager1Id": ("Internal", "AccountManagerId"),
    "AccountManager1Commission": ("Internal", "AccountManagerCommission"),
    "Salesman": ("Internal", "SalesMan"),
    "Comments": ("Internal", "Comment"),
    "Rating": ("Internal", "LocalRating"),
}
"""A field of the update -> its section and its name there when the customer is read."""
COMMISSION_ERROR = Decimal("0.00005")
"""A commission is written as a decimal and read as a double; four places of it are kept, as far as is known."""


class Rating(IntEnum):
    """The vendor's spelling, mistakes included."""

    NotRated = 0
    Very_Disatisfied = 1
    Disatisfied = 2
    Neutral = 3
    Satisfied = 4
    Very_Satisfied = 5


def _rating(value: object) -> object:
    if isinstance(value, str) and value in Rating.__members__:
        return Rating[value].value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and value in list(Rating):
        return int(value)
    raise PydanticCustomError("rating", "Input should be 0 to 5 or one of {names}", {"names": ", ".join(Rating.__members__)})


Clearable = Annotated[Text | None, Field(clear="")]
Stars = Annotated[int, BeforeValidator(_rating), Field(clear=Rating.NotRated.value)]
Manager = Annotated[Whole | None, Field(clear=0)]


class SellercloudCustomer(Schema):
    """The body of PUT /Customers/{id}."""

    Title: Clearable = None
    Name: Clearable = None
    Email: Clearable = None
    EmailCC: Clearable = None
    BusinessName: Clearable = None
    BusinessAliases: Annotated[list[Text] | None, Field(clear=[], unordered=True)] = None
    SourceId: Clearable = None
    IsWholesale: Flag | None = None
    CompanyId: Whole | None = None
    AccountManager1Id: Manager = None
    AccountManager1Commission: Exact | None = None
    AccountManager2Id: Manager = None
    AccountManager2Commission: Exact | None = None
    AccountManager3Id: Manager = None
    AccountManager3Commission: Exact | None = None
    Salesman: Clearable = None
    Comments: Clearable = None
    Rating: Stars | None = None
    Phone1: Clearable = None
    Phone2: Clearable = None
    Phone3: Clearable = None
    Mobile: Clearable = None
    Fax: Clearable = None


class SellercloudAccount(Schema):
    """What an account needs beside the common keys."""

    base_url: BaseUrl
    username: str
    password: SecretStr


class Sellercloud(Vendor):
    """Sellercloud's REST API, as one account speaks it."""

    name: ClassVar[str] = "sellercloud"
    Account: ClassVar[type[BaseModel]] = SellercloudAccount
    Customer: ClassVar[type[BaseModel]] = SellercloudCustomer
    limit: ClassVar[str | None] = "10800/h"

    def __init__(self, account: SellercloudAccount) -> None:
        self._account = account
        self._base = account.base_url.rstrip("/")

    @property
    def place(self) -> str:
        """One server is one company's Sellercloud."""
        return self._base

    @property
    def listing(self) -> Listing:
        """`Customers`, page by page, and each of them by its id."""
        return SellercloudListing(self._base)

    def identify(self, value: object, match: str | None = None) -> Identity:
        """A customer's id is an integer (int32)."""
        return Identity(reading.whole_id(value), match)

    def requests(self, identity: Identity, changes: Diff, leaves: Mapping[str, Leaf]) -> tuple[Request, ...]:  # noqa: ARG002
        """One PUT that holds only what changed."""
        body = {change.field: change.after for change in changes}
        return (Request("PUT", f"{self._base}/Customers/{quote(identity.value, safe='')}", body),)

    def exchange(self, update: Update) -> Exchange:
        """200 means done. What its body holds is not documented, so it is read only for signs that it is not, or of nonsense."""
        _answer((yield update.requests[0]))
        return Receipt()

    def look(self, update: Update) -> Exchange:
        """GET /Customers/{id}: other names, in sections. Beside them stand card numbers, which are not touched."""
        answer = _answer((yield Request("GET", update.requests[0].url)))
        if str(_section(answer, "General").get("ID")).strip() != update.identity.value:
            raise Unclear("the reply is about another customer, or does not say which")
        return holding.looked(update.changes, partial(_shown, answer), _alike)

    def sign_in(self, token: Token | None) -> SignIn:  # noqa: ARG002 - there is no refresh
        """POST /token; `expires_in` is obeyed, whatever it is."""
        body = {"Username": self._account.username, "Password": reading.credential(self._account.password)}
        reply = yield Request("POST", f"{self._base}/token", body)
        if "RateLimitResetTime" in (reading.tree(reply) or {}):
            raise _failure(reply)
        words = _words(reply)
        if "invalid username or password" in words.lower():
            raise StopAccount(f"credentials refused: {words}")
        return reading.token(reply, words)

    def sign(self, request: Request, token: Token | None) -> Request:
        """A bearer token, on everything but the sign-in."""
        return reading.bearer(request, token)


class SellercloudListing(Listing):
    """The list shows little of a customer and no time of change, but can be narrowed to who changed since a time.

    In which zone it compares that time is not documented, hence the overlap of a day. How many a page holds is the server's.
    """

    fields: Mapping[str, str] = {"ID": "number", "CreatedOn": "text", "Addresses": "list"} | dict.fromkeys(READ, "unknown")
    narrows = True
    whole = False
    overlap = timedelta(days=1)

    def __init__(self, base: str) -> None:
        self._base = base

    def page(self, since: object, at: Any) -> Conversation[Listed]:
        """By number, until as many have come as there are in all: a page may be shorter than asked for."""
        number, taken = at or (1, 0)
        query = {"model.pageNumber": number, "model.pageSize": PAGE_SIZE}
        if since is not None:
            query["model.modifiedOnFrom"] = str(since).removesuffix("Z")
        reply = yield Request("GET", f"{self._base}/Customers?{urlencode(query)}", lists=True)
        answer = _answer(reply)
        items, total = answer.get("Items"), answer.get("TotalResults")
        if not isinstance(items, list) or not isinstance(total, int):
            raise Unclear("the list has no Items, or no TotalResults")
        taken += len(items)
        rows = [(_listed_id(item), item) for item in items]
        return Listed(rows, reading.date(reply), (number + 1, taken) if items and taken < total else None, None, total)

    def read(self, key: str) -> Conversation[Mapping[str, Any] | None]:
        """By the names of an update, where it has one. Card numbers stand in the same answer and go no further."""
        reply = yield Request("GET", f"{self._base}/Customers/{quote(key, safe='')}")
        if reply.status == HTTPStatus.NOT_FOUND or (reply.status >= HTTPStatus.BAD_REQUEST and NOT_FOUND.search(_words(reply))):
            return None
        answer = _answer(reply)
        if str(_section(answer, "General").get("ID")).strip() != key:
            raise Unclear("the reply is about another customer, or does not say which")
        columns = answer.get("CustomColumns")
        own = {
            "ID": int(key),
            "CreatedOn": _section(answer, "Internal").get("CreatedOn"),
            "Addresses": answer.get("Addresses"),
            **{
                f"CustomColumns.{column['ColumnName']}": column.get("Value")
                for column in (columns if isinstance(columns, list) else [])
                if isinstance(column, dict) and column.get("ColumnName")
            },
        }
        return own | {field: shown[0] for field in READ if (shown := _shown(answer, field))}


def _listed_id(item: object) -> str | None:
    id = item.get("UserID") if isinstance(item, dict) else None
    return str(id) if isinstance(id, int | str) and id != "" else None


def _answer(reply: Reply) -> Mapping[str, Any]:
    """The body of a reply that is neither an error nor a web page; it may be empty."""
    answer = reading.tree(reply) or {}
    if reply.status not in DONE or "RateLimitResetTime" in answer:
        raise _failure(reply)
    if answer.get("Success") is False or any(answer.get(name) for name in ERROR_NAMES):
        raise reading.refused(reply, _words(reply), _errors(answer))
    if reading.is_page(reply):
        raise Unclear("a web page instead of an answer")
    if reading.is_nonsense(reply):
        raise Unclear("an answer that nobody can read")
    return answer


def _section(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = answer.get(name)
    return section if isinstance(section, dict) else {}


def _shown(answer: Mapping[str, Any], field: str) -> Sequence[object]:
    section, name = READ[field]
    members = _section(answer, section)
    return [members[name]] if name in members else []


def _alike(field: str, sent: Leaf, held: object) -> bool:
    """Null is .NET's way to say 0 and false, too; aliases have no order."""
    within = COMMISSION_ERROR if field.endswith("Commission") else Decimal(0)
    return holding.same(sent, held, unordered=True, within=within) or (held is None and not sent)


def _failure(reply: Reply) -> VendorError:
    answer, words = reading.tree(reply) or {}, _words(reply)
    if "RateLimitResetTime" in answer:
        return Wait(words or "too many requests", reset_time(answer["RateLimitResetTime"]))
    if reply.status != HTTPStatus.INTERNAL_SERVER_ERROR:
        return reading.failure(reply, words, _errors(answer))
    if NOT_FOUND.search(words):
        return reading.refused(reply, words)
    reason = f"{reading.phrase(reply)}: {words}" if words else reading.phrase(reply)
    return TryAgain(reason, limit=INTERNAL_ERROR_ATTEMPTS, then_refuse=True)


def reset_time(text: object) -> datetime | None:
    """`2022-01-14T09:38:49.9856571Z`: .NET writes seven fractional digits, Python reads six."""
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _words(reply: Reply) -> str:
    """The order in which the vendor's own HTTP library looks for its message; else the body, if it is text."""
    answer = reading.tree(reply)
    if answer is None:
        return reading.text(reply)
    found = [answer.get(name) for name in ("ErrorMessage", "ExceptionMessage", "Message", "Error")]
    found += [error.message for error in _errors(answer)[:1]]
    found += [answer.get("Title"), answer.get("error_description")]
    return next((reading.quoted(words) for words in found if isinstance(words, str) and words.strip()), "")


def _errors(answer: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """`ModelState` (ASP.NET, `request.Email`) or `Errors`: a list of messages by field."""
    found = answer.get("ModelState") or answer.get("Errors")
    if not isinstance(found, dict):
        return ()
    pairs = ((name, said if isinstance(said, list) else [said]) for name, said in found.items())
    return tuple(FieldError(name.rsplit(".", 1)[-1], reading.quoted(text)) for name, said in pairs for text in said)
