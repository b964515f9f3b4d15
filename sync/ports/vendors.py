"""How an account is spoken with: a vendor's dialect, and who plays its conversations."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import BaseModel

from sync.model import (
    Conversation,
    Diff,
    Exchange,
    Identity,
    Leaf,
    Listed,
    Request,
    SignIn,
    Token,
    Update,
)

T = TypeVar("T")


class Signing(Protocol):
    """How an account's requests become acceptable. Pure: no I/O, no clock."""

    signs_in: ClassVar[bool] = True
    """Whether a token is asked for before anything else; False: `sign` alone makes a request acceptable, and `sign_in` only
    looks whether it does."""

    @abstractmethod
    def sign_in(self, token: Token | None) -> SignIn:
        """Yields the sign-in requests (a refresh where `token` allows it) and returns the new token."""

    @abstractmethod
    def sign(self, request: Request, token: Token | None) -> Request:
        """The request with the account's headers; `token` is None where none is needed, and while signing in."""


class Ask(Protocol):
    """The way from a source to an account: what it says is signed, paced, and repeated where a retry is right."""

    @abstractmethod
    async def __call__(self, conversation: Callable[[], Conversation[T]], about: str = "") -> T:
        """What the conversation comes to, begun anew for every attempt; `about` is the customer, if it is about one.

        Raises Refused where the account will not answer this, now or later, and SourceError for the rest; without secrets.
        """


class Listing(Protocol):
    """How an account lists its customers, and shows one. Pure: no I/O, no clock."""

    fields: Mapping[str, str] = MappingProxyType({})
    """Fields that a customer is known to have, by type; those that the first customers show come on top."""
    cursor: str | None = None
    """The field that grows whenever a customer changes."""
    narrows: bool = False
    """Whether a list can be asked for that has only those who changed since some time."""
    whole: bool = True
    """Whether the list shows all of a customer; False: everybody that it names has to be read singly."""
    reads: bool = True
    """Whether a single customer can be asked for."""
    steady: bool = False
    """Whether nobody slips from one page to another while the list is read."""
    overlap: timedelta = timedelta(0)
    """How far to read back behind the cursor, unless the configuration says otherwise."""

    @abstractmethod
    def page(self, since: object, at: object) -> Conversation[Listed]:
        """One page of who changed `since` (None: everybody), from `at` (None: the first). Never takes anything else for empty."""

    @abstractmethod
    def read(self, key: str) -> Conversation[Mapping[str, Any] | None]:
        """All of one customer; None if it is gone."""


class Vendor(Signing, Protocol):
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
    def listing(self) -> Listing | None:
        """How the account's customers are listed, so that it can be a source; None where that is not known."""
        return None

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
        """The update requests that say `changes` of the record `leaves`, unsigned.

        Raises `Refused`, with an error per field, where the vendor has no safe way to say them (a rename of what it is named by).
        """

    @abstractmethod
    def exchange(self, update: Update) -> Exchange:
        """Yields the update's requests, reads each reply, returns the receipt; raises a `VendorError` for the rest."""

    @abstractmethod
    def look(self, update: Update) -> Exchange:
        """Reads the customer back after an unclear reply. Returns a receipt whose `missing` are the changes not held as sent.

        Raises a VendorError where that cannot be told; a `Refused` is then about the reading, never about the update.
        """
