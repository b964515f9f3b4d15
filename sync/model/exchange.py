"""What is said to a vendor and answered: requests, replies, tokens, receipts."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import orjson

from sync.errors import FieldError
from sync.model.leaves import PLAIN, Secret, masked, revealed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a vendor; `body` is a tree of JSON (with Decimal and Secret leaves), serialised in `content` only."""

    method: Literal["GET", "POST", "PUT", "PATCH"]
    url: str
    body: Mapping[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    lists: bool = False
    """The reply may be as long as a list of customers is."""
    form: bool = False
    """The body goes as a form, and every member of it is text."""

    def content(self, *, reveal: bool = False) -> bytes | None:
        """The bytes of the body: with `reveal` as they are sent, else with every secret as `***` and otherwise the same."""
        if self.body is None:
            return None
        spoken = revealed if reveal else masked
        if self.form:
            return urlencode(
                {name: spoken(value) if isinstance(value, Secret) else value for name, value in self.body.items()}
            ).encode()
        return orjson.dumps(self.body, default=spoken, option=PLAIN)

    @property
    def kind(self) -> str:
        """The content type of the body."""
        return "application/x-www-form-urlencoded" if self.form else "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a vendor answered: status, headers (asked for in lower case), the body's bytes, and when (aware UTC)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """What a sign-in yields; `expires` is aware UTC, None if the vendor did not say."""

    access: str = field(repr=False)
    expires: datetime | None = None
    refresh: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A vendor's acknowledgement; `missing` are fields that it accepted in words but does not hold as sent."""

    missing: tuple[FieldError, ...] = ()


Conversation = Generator[Request, Reply, T]
"""Requests and replies, in turns, and what they come to."""


Exchange = Conversation[Receipt]


SignIn = Conversation[Token]
