"""RPM Software: POST /CustomerEdit with an API key; its errors come inside HTTP 200. Pure.

Rests on RPM's page "API CustomerEdit": omitted means unchanged, a blank value clears, any error fails the whole request. The
server is known to ignore a field in silence, so what it answers is compared with what it was sent.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr, StrictStr
from pydantic_core import PydanticCustomError

from sync import reading
from sync.errors import FieldError, Refused, StopAccount, Unclear, VendorError
from sync.model import Change, Conversation, Diff, Exchange, Identity, Leaf, Listed, Reply, Request, SignIn, Token, Update
from sync.ports import Listing, Vendor
from sync.vendors import holding
from sync.vendors.schema import BaseUrl, Field, Filled, Schema, Text

CUSTOM = "Fields."
"""A custom field's leaf is this and its name, which may hold dots of its own."""
CREDENTIALS = re.compile(r"valid key required|key not found\b.*|unauthorized user")
NOBODY = re.compile(r"no customers")
UNKNOWN_CUSTOMER = re.compile(r"customer not found")
QUOTA = re.compile(r"api daily limit reached")
NAME_TAKEN = re.compile(r"a customer with that name already exists|a (unique )?customer name is required")
WRONG_ADDRESS = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
"""An unknown customer is told inside a 200, so these speak of the URL."""
DATES = ("", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p")
"""How RPM may write a date; the empty one is ISO 8601."""
YES_NO = {"yes": True, "true": True, "no": False, "false": False}
NOT_HELD = "accepted, but the reply does not hold it as sent"


def _value(value: object) -> object:
    """A custom field's value is always text; a list is said as its options, separated by commas."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(_option(item) for item in value)
    return value


def _number(value: float | Decimal) -> str:
    number = Decimal(str(value))
    if not number.is_finite():
        raise PydanticCustomError("amount", "Input should be a finite number")
    # the places of a decimal are the map's choice (decimal:2); a float has none
    return format(number if isinstance(value, Decimal) or not number else number.normalize(), "f")


def _option(item: object) -> str:
    option = _value(item)
    if not isinstance(option, str) or isinstance(item, list | tuple) or "," in option:
        raise PydanticCustomError("options", "Input should be a list of texts without commas")
    return option.strip()


def _distinct(fields: dict[str, str]) -> dict[str, str]:
    names = [_folded(name) for name in fields]
    if "" in names or len(set(names)) < len(names):
        raise PydanticCustomError("names", "Custom fields should have names, each of them once")
    return fields


Value = Annotated[StrictStr, BeforeValidator(_value)]
Clearable = Annotated[Text | None, Field(clear="")]


class RpmCustomer(Schema):
    """The `Customer` of CustomerEdit; `Address` stands in the page's example only, what it does is not documented."""

    Name: Filled | None = None
    Website: Clearable = None
    Address: Clearable = None
    Fields: Annotated[dict[str, Value], AfterValidator(_distinct), Field(clear="", free=True)] | None = None


class RpmAccount(Schema):
    """What an account needs beside the common keys."""

    base_url: BaseUrl
    key: SecretStr


class Rpm(Vendor):
    """RPM's API, as one account speaks it."""

    name: ClassVar[str] = "rpm"
    Account: ClassVar[type[BaseModel]] = RpmAccount
    Customer: ClassVar[type[BaseModel]] = RpmCustomer
    matches: ClassVar[frozenset[str]] = frozenset({"Name"})
    signs_in: ClassVar[bool] = False

    def __init__(self, account: RpmAccount) -> None:
        self._account = account
        self._base = account.base_url.rstrip("/")

    @property
    def place(self) -> str:
        """The base URL holds the subscriber's name."""
        return self._base

    @property
    def listing(self) -> Listing:
        """`Customers`, and each of them by `Customer`."""
        return RpmListing(self._base)

    def identify(self, value: object, match: str | None = None) -> Identity:
        """A CustomerID, or with `match` the customer's unique name."""
        if match is None:
            return Identity(reading.whole_id(value))
        name = value.strip() if isinstance(value, str) else ""
        if match not in self.matches or not name:
            raise ValueError("a customer is matched by its Name, as text that is not empty")
        return Identity(name, match)

    def requests(self, identity: Identity, changes: Diff, leaves: Mapping[str, Leaf]) -> tuple[Request, ...]:  # noqa: ARG002
        """One POST that holds only what changed. A `Name` beside a CustomerID renames; alone, it says whom to edit."""
        customer = {change.field: change.after for change in changes if not change.field.startswith(CUSTOM)}
        pairs = [{"Field": _custom(change), "Value": change.after} for change in changes if change.field.startswith(CUSTOM)]
        body = _named(identity, customer) | ({"Fields": pairs} if pairs else {})
        return (Request("POST", f"{self._base}/CustomerEdit", {"Customer": body}),)

    def exchange(self, update: Update) -> Exchange:
        """A `Result` without `Error`, of the customer that was asked for, means done."""
        result = _result((yield update.requests[0]), update.identity)
        return holding.otherwise(update.changes, partial(_shown, result), _alike, NOT_HELD)

    def look(self, update: Update) -> Exchange:
        """`Customer` answers as CustomerEdit does, but takes a name in a member of its own."""
        identity = update.identity
        whom = {"CustomerID": int(identity.value)} if identity.match is None else {"Customer": identity.value}
        reply = yield Request("POST", f"{self._base}/Customer", {**whom, "IncludeLocations": False})
        return holding.looked(update.changes, partial(_shown, _result(reply, identity)), _alike)

    def sign_in(self, token: Token | None) -> SignIn:  # noqa: ARG002 - there is no token
        """There is no token; a look at `Info`, which changes nothing, shows whether the key is accepted."""
        reply = yield Request("POST", f"{self._base}/Info", {})
        words = _error(reading.tree(reply) or {})
        if CREDENTIALS.fullmatch(_said(words)) or reply.status == HTTPStatus.UNAUTHORIZED:
            raise StopAccount(f"credentials refused: {words or reading.phrase(reply)}")
        return Token("")

    def sign(self, request: Request, token: Token | None) -> Request:  # noqa: ARG002
        """The key, in the header alone (in the body it is not supported any more)."""
        return reading.headed(request, "RpmApiKey", self._account.key.get_secret_value())


class RpmListing(Listing):
    """All names at once, with the time of each one's last change, which is local: hence the overlap, for when clocks go back.

    A day without a time counts from its start, so that everybody of that day is read again.
    """

    fields: Mapping[str, str] = dict.fromkeys(("CustomerID", "Name", "Website", "Added", "Modified"), "text")
    cursor = "Modified"
    whole = False
    steady = True
    overlap = timedelta(hours=2)

    def __init__(self, base: str) -> None:
        self._base = base

    def page(self, since: object, at: object) -> Conversation[Listed]:  # noqa: ARG002 - all at once
        """An empty list is an error, which is the only one that is not."""
        reply = yield Request("POST", f"{self._base}/Customers", {}, lists=True)
        answer = reading.tree(reply) or {}
        words = _error(answer)
        if reply.status == HTTPStatus.OK and NOBODY.fullmatch(_said(words)):
            return Listed((), reading.date(reply), total=0)
        if words or reply.status != HTTPStatus.OK:
            raise _failure(reply, words)
        result = answer.get("Result")
        rows = result.get("Customers") if isinstance(result, dict) else None
        if not isinstance(rows, list):
            raise Unclear("the answer to Customers has no list of them")
        return Listed([_row(row) for row in rows], reading.date(reply))

    def read(self, key: str) -> Conversation[Mapping[str, Any] | None]:
        """By id, with its custom fields by name."""
        reply = yield Request("POST", f"{self._base}/Customer", {"CustomerID": int(key), "IncludeLocations": True})
        if UNKNOWN_CUSTOMER.fullmatch(_said(_error(reading.tree(reply) or {}))):
            return None
        result = dict(_result(reply, Identity(key)))
        pairs = result.pop("Fields", None)
        own = {
            f"{CUSTOM}{pair['Field']}": pair.get("Value") for pair in pairs or [] if isinstance(pair, dict) and pair.get("Field")
        }
        return result | own | {"CustomerID": int(key), "Modified": _iso(result.get("Modified"))}


def _row(row: object) -> tuple[str | None, Mapping[str, Any]]:
    """An id may be text; what has none cannot be told from others."""
    members = row if isinstance(row, dict) else {}
    try:
        return reading.whole_id(members.get("CustomerID")), members | {"Modified": _iso(members.get("Modified"))}
    except ValueError:
        return None, members


def _iso(stamp: object) -> object:
    """A time as text that sorts; any other text stays, and then its customer is read every time."""
    moment = _moment(stamp) if isinstance(stamp, str) else None
    return stamp if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _named(identity: Identity, customer: dict[str, Leaf]) -> dict[str, Leaf]:
    """What changed, below the id or the name that says whose it is."""
    if identity.match is None:
        return {"CustomerID": int(identity.value), **customer}
    if _folded(customer.get("Name", identity.value)) != _folded(identity.value):
        error = FieldError("Name", "a customer that is matched by its Name cannot be renamed: map its CustomerID as id")
        raise Refused("the customer cannot be renamed", [error])
    return {**customer, "Name": identity.value}


def _error(answer: Mapping[str, Any]) -> str:
    """The words of `Error`: an object with `Message`, a string, or whatever else stands there. Empty: no error."""
    result = answer.get("Result")
    error = answer.get("Error")
    if isinstance(result, dict) and "Error" in result:
        error = result["Error"]
    if isinstance(error, dict) and isinstance(error.get("Message"), str):
        error = error["Message"].strip() or "an error without a message"
    if error is None or error is False or error == "":
        return ""
    return reading.quoted(error if isinstance(error, str) else orjson.dumps(error).decode()) or "an error without a message"


def _said(words: str) -> str:
    """As the patterns of errors are written."""
    return _folded(words).rstrip(".")


def _result(reply: Reply, identity: Identity) -> Mapping[str, Any]:
    """What CustomerEdit and Customer answer: the customer that was asked for."""
    answer = reading.tree(reply) or {}
    words = _error(answer)
    if words or reply.status != HTTPStatus.OK:
        raise _failure(reply, words)
    result = answer.get("Result")
    if not isinstance(result, dict):
        raise Unclear(f"an answer without a Result: {reading.text(reply) or 'nothing that can be read'}")
    if not _fits(identity, result):
        raise Unclear("the reply is about another customer, or does not say which")
    return result


def _failure(reply: Reply, words: str) -> VendorError:
    """Only the text tells one error from another; a text that is not known is a refusal of this customer.

    "Permission denied" is one, too: it may be about a single customer, which must not stop the others.
    """
    said = _said(words)
    if CREDENTIALS.fullmatch(said) or (reply.status == HTTPStatus.UNAUTHORIZED):
        return StopAccount(f"credentials refused: {words or reading.phrase(reply)}")
    if QUOTA.fullmatch(said):
        midnight = reply.at.replace(hour=0, minute=0, second=0, microsecond=0)
        return StopAccount(words, midnight + timedelta(days=1))
    if reply.status in WRONG_ADDRESS:
        return StopAccount(f"no api2.svc at base_url: {reading.phrase(reply)}")
    if reply.status != HTTPStatus.OK:
        return reading.failure(reply, words or reading.text(reply))
    taken = NAME_TAKEN.fullmatch(said)
    return Refused(words, [FieldError("Name", words)] if taken else [])


def _fits(identity: Identity, result: Mapping[str, Any]) -> bool:
    """An id may come back as text; a name may have been that of an alias."""
    if identity.match is None:
        return str(result.get("CustomerID")).strip() == identity.value
    names = [result.get("Name"), *_aliases(result)]
    return _folded(identity.value) in map(_folded, names) or ("Name" not in result and "CustomerID" in result)


def _aliases(result: Mapping[str, Any]) -> Iterator[object]:
    """What an entry of `Aliases` looks like is not documented: any text in it counts."""
    entries = result.get("Aliases")
    for entry in entries if isinstance(entries, list) else []:
        yield from entry.values() if isinstance(entry, dict) else [entry]


def _shown(result: Mapping[str, Any], field: str) -> Sequence[object]:
    """A custom field that is not listed is empty, as long as there is a list."""
    if not field.startswith(CUSTOM):
        return [result[field]] if field in result else []
    pairs = result.get("Fields")
    if not isinstance(pairs, list):
        return []
    asked = _folded(field.removeprefix(CUSTOM))
    return [pair.get("Value") for pair in pairs if isinstance(pair, dict) and _folded(pair.get("Field")) == asked] or [""]


def _alike(field: str, sent: Leaf, held: object) -> bool:
    return _folded(sent) == _folded(held) if field == "Name" else _same(sent, held)


def _custom(change: Change) -> str:
    return change.field.removeprefix(CUSTOM)


def _folded(value: object) -> str:
    """How RPM compares names: without regard to case and space."""
    return " ".join(str(value).split()).casefold()


def _same(sent: object, held: object) -> bool:
    ours, theirs = _plain(sent), _plain(held)
    return ours == theirs or _meaning(ours) == _meaning(theirs)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return "" if value is None else str(_value(value)).strip()


def _meaning(text: str) -> object:
    """1.50 is 1.5 and $1,000 is 1000 (but 007 is not 7), 4/16/2008 is 2008-04-16, true is Yes, "b,a" is "a, b"."""
    digits = re.sub(r"[$,%\s]", "", text)
    if re.fullmatch(r"[-+]?(0|[1-9]\d*)(\.\d+)?", digits):
        return Decimal(digits)
    if text.casefold() in YES_NO:
        return YES_NO[text.casefold()]
    options = tuple(sorted(option.strip() for option in text.split(",")))
    return _moment(text) or options


def _moment(text: str) -> datetime | None:
    for pattern in DATES:
        with suppress(ValueError):
            return _read(pattern, text)
    return None


def _read(pattern: str, text: str) -> datetime:
    if not pattern:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    return datetime.strptime(text, pattern).replace(tzinfo=UTC)
