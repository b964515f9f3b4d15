"""What can be plugged in: Source, Vendor, Store, Report. Each plug subclasses its port, so that nothing is forgotten."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from sync.model import Baseline, Customer, Diff, Exchange, Identity, Leaf, Receipt, Reply, Request, SignIn, Token, Update

__all__ = ["Receipt", "Reply", "Source", "Vendor"]


class Vendor(Protocol):
    """A vendor's dialect: its update schema, and how an update is said and its replies are read. Pure: no I/O, no clock.

    One instance speaks for one account: it is built with the validated `Account` table of the configuration.
    """

    name: ClassVar[str]
    Account: ClassVar[type[BaseModel]]
    """What `[accounts.NAME]` holds for this vendor beside the common keys: base_url, credentials (SecretStr), site."""
    Customer: ClassVar[type[BaseModel]]
    """The complete update schema, in the vendor's spelling and nesting (see `sync.vendors.schema` for the leaf types)."""
    limit: ClassVar[str | None] = None
    """The limit that the vendor documents, such as "10800/h"."""
    matches: ClassVar[frozenset[str]] = frozenset()
    """Fields that may name a customer in place of an id (`match = { Name = "..." }`)."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where this account's customers live: base URL, and site where there is one. Baselines hold for one place."""

    @abstractmethod
    def identify(self, value: object, match: str | None = None) -> Identity:
        """The source's value as this vendor's id of a customer (or the value of the field `match` that names it).

        Raises ValueError, with a sentence that does not quote the value, where it cannot be one.
        """

    @abstractmethod
    def requests(self, identity: Identity, changes: Diff, leaves: Mapping[str, Leaf]) -> tuple[Request, ...]:
        """The update requests that say `changes` of the record `leaves`, unsigned."""

    @abstractmethod
    def exchange(self, update: Update) -> Exchange:
        """Yields the update's requests, reads each reply, returns the receipt; raises a `VendorError` for the rest."""

    @abstractmethod
    def sign_in(self, token: Token | None) -> SignIn:
        """Yields the sign-in requests (a refresh where `token` allows it) and returns the new token."""

    @abstractmethod
    def sign(self, request: Request, token: Token | None) -> Request:
        """The request with the account's headers; `token` is None for a vendor that needs no sign-in."""
