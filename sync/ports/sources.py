"""Where customers come from."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.model import (
    Customer,
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a source: the key and a digest of each, how many had no key, and the cursor after them (None: it has none).

    `whole` is a digest of all of them (empty: none), by which a page that was seen before is known without a look at its rows.
    `note` tells a person what is odd about this read, and what to do; it keeps nothing from being done.
    """

    rows: Sequence[tuple[str, bytes]]
    cursor: object = None
    keyless: int = 0
    whole: bytes = b""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """How far the cursor of a source reaches, from its first value to its last one; `among` so many customers (None: all).

    `indexed`: what is behind a value is found without reading everything (None: nobody can tell); `advice` makes it so.
    """

    first: object
    last: object
    indexed: bool | None = None
    advice: str = ""
    among: int | None = None


class Source(Protocol):
    """Where customers come from. Read only."""

    span: Callable[[], Awaitable[Span]] | None = None
    """How far its cursor reaches. Raises SourceError. None: it has none, or would have to read everything to tell."""
    few: Callable[[], Awaitable[Sequence[Customer]]] | None = None
    """Some customers to look at. Raises SourceError. None: the first ones of a read cost no more than they do."""
    woken: Callable[[], AsyncIterator[None]] | None = None
    """Yields whenever the source says that something has changed, so that a service need not wait. Raises SourceError where it
    cannot listen (any more). None: it never says."""

    @abstractmethod
    async def fields(self) -> Mapping[str, str]:
        """The customers' fields, each with its type in the source's words. Raises NotThere, SourceError."""

    @abstractmethod
    def changed(self, cursor: object) -> AsyncIterator[Page]:
        """Every row that may have changed since `cursor` (None: every row), in an order in which its cursor only grows.

        Rows that tie with the cursor, lie within the overlap behind it, or have no cursor are among them. Raises SourceError.
        """

    @abstractmethod
    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        """The customers with these keys as they are now, with their digests; one that is gone is left out. Raises SourceError."""

    @abstractmethod
    def everybody(self) -> AsyncIterator[Sequence[str]]:
        """The key of everybody who is there now, in any order, perhaps twice; nobody is left out. Raises SourceError."""

    @abstractmethod
    async def count(self) -> int | None:
        """How many rows there are now; None where that cannot be told without reading them all. Raises SourceError."""

    @abstractmethod
    async def close(self) -> None:
        """Lets go of connections and threads."""
