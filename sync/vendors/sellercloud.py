"""Sellercloud: PUT /Customers/{id} with a bearer token. Pure.

Rests on Sellercloud's page "Update Customer": null or omitted means "no update", so a clear is said by an empty value.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from enum import IntEnum
from http import HTTPStatus
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError

from sync.errors import FieldError, StopAccount, TryAgain, Unclear, VendorError, Wait
from sync.model import Diff, Exchange, Identity, Leaf, Receipt, Reply, Request, SignIn, Token, Update
from sync.ports import Vendor
from sync.vendors import reading
from sync.vendors.schema import Exact, Field, Flag, Schema, Text, Whole

INTERNAL_ERROR_ATTEMPTS = 3
"""A 500 may be permanent (an unknown id, a refused value), so it is tried a few times only."""


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
    if isinstance(value, int) and not isinstance(value, bool) and value in list(Rating):
        return value
    raise PydanticCustomError("rating", "Input should be 0 to 5 or one of {names}", {"names": ", ".join(Rating.__members__)})


Clearable = Annotated[Text | None, Field(clear="")]
Manager = Annotated[Whole | None, Field(clear=0)]


class Customer(Schema):
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
    Rating: Annotated[int | None, BeforeValidator(_rating), Field(clear=0)] = None
    Phone1: Clearable = None
    Phone2: Clearable = None
    Phone3: Clearable = None
    Mobile: Clearable = None
    Fax: Clearable = None


class Account(Schema):
    """What an account needs beside the common keys."""

    base_url: str
    username: str
    password: SecretStr


class Sellercloud(Vendor):
    """Sellercloud's REST API, as one account speaks it."""

    name: ClassVar[str] = "sellercloud"
    Account: ClassVar[type[BaseModel]] = Account
    Customer: ClassVar[type[BaseModel]] = Customer
    limit: ClassVar[str | None] = "10800/h"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._base = account.base_url.rstrip("/")

    @property
    def place(self) -> str:
        """One server is one company's Sellercloud."""
        return self._base

    def identify(self, value: object, match: str | None = None) -> Identity:
        """A customer's id is an integer (int32)."""
        return Identity(reading.whole_id(value), match)

    def requests(self, identity: Identity, changes: Diff, leaves: Mapping[str, Leaf]) -> tuple[Request, ...]:  # noqa: ARG002
        """One PUT that holds only what changed."""
        body = {change.field: change.after for change in changes}
        return (Request("PUT", f"{self._base}/Customers/{quote(identity.value, safe='')}", body),)

    def exchange(self, update: Update) -> Exchange:
        """200 means done; its body is not documented, so it is not read unless it speaks of the rate limit."""
        reply = yield update.requests[0]
        if reply.status != HTTPStatus.OK or "RateLimitResetTime" in (reading.tree(reply) or {}):
            raise _failure(reply)
        return Receipt()

    def sign_in(self, token: Token | None) -> SignIn:  # noqa: ARG002 - there is no refresh
        """POST /token; `expires_in` is obeyed, whatever it is."""
        body = {"Username": self._account.username, "Password": reading.credential(self._account.password)}
        reply = yield Request("POST", f"{self._base}/token", body)
        answer = reading.tree(reply) or {}
        if "RateLimitResetTime" in answer:
            raise _failure(reply)
        if reply.status in reading.CREDENTIALS_REFUSED:
            raise StopAccount(f"credentials refused: {_words(answer) or reading.phrase(reply)}")
        return reading.token(reply)

    def sign(self, request: Request, token: Token | None) -> Request:
        """A bearer token, on everything but the sign-in."""
        return reading.bearer(request, token)


def _failure(reply: Reply) -> VendorError:
    answer = reading.tree(reply) or {}
    if "RateLimitResetTime" in answer:
        return Wait(_words(answer) or "too many requests", reset_time(answer["RateLimitResetTime"]))
    if reply.status == HTTPStatus.INTERNAL_SERVER_ERROR and "not found" not in _words(answer).lower():
        return TryAgain(f"{reading.phrase(reply)}: {_words(answer)}", limit=INTERNAL_ERROR_ATTEMPTS, then_refuse=True)
    if reply.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return reading.refused(reply, _words(answer))
    if reply.status == HTTPStatus.OK:
        return Unclear("a rate limit without a reset time")
    return reading.failure(reply, _words(answer), _errors(answer))


def reset_time(text: object) -> datetime | None:
    """`2022-01-14T09:38:49.9856571Z`: .NET writes seven fractional digits, Python reads six."""
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _words(answer: Mapping[str, Any]) -> str:
    """The vendor's own HTTP library looks for its message in this order."""
    for name in ("ErrorMessage", "ExceptionMessage", "Message", "Error"):
        if isinstance(answer.get(name), str):
            return reading.quoted(answer[name])
    first = next(iter(_errors(answer)), None)
    return first.message if first else reading.quoted(answer.get("Title") or answer.get("error_description") or "")


def _errors(answer: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """`ModelState` (ASP.NET, `request.Email`) or `Errors`: a list of messages by field."""
    found = answer.get("ModelState") or answer.get("Errors")
    if not isinstance(found, dict):
        return ()
    pairs = ((name, said if isinstance(said, list) else [said]) for name, said in found.items())
    return tuple(FieldError(name.removeprefix("request."), reading.quoted(text)) for name, said in pairs for text in said)
