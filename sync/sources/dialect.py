"""What differs from database to database: how names and values are written, how rows are read, what types mean."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Literal, Protocol

from sync.errors import SourceError
from sync.sources.secrecy import secrets_of

Row = tuple[Any, ...]
Read = Callable[[Any], Any]

HINTS = {
    "CERTIFICATE_VERIFY_FAILED": "tls_ca is the file of whom to trust, and url has to name the host as its certificate does",
    "WRONG_VERSION_NUMBER": 'it speaks no TLS: tls = "prefer" does without',
    "rejected SSL upgrade": 'it speaks no TLS: tls = "prefer" does without',
}
"""What can be done about what OpenSSL and drivers say."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, and how to talk to it; `name` is how messages call the source, such as `sources.crm`."""

    name: str
    url: str
    timeout: timedelta = timedelta(minutes=10)
    tls: Literal["off", "prefer", "require", "verify"] = "prefer"
    tls_ca: str | None = None

    def said(self, error: object) -> str:
        """What a driver or server says, in one line, without the password."""
        text = " ".join(str(error).split())
        for secret in secrets_of(self.url):
            text = text.replace(secret, "***")
        return next((f"{text}; {hint}" for sign, hint in HINTS.items() if sign in text), text)

    def too_slow(self) -> SourceError:
        """Nothing came in time."""
        seconds = self.timeout.total_seconds()
        return SourceError(f"{self.name}: no answer within {seconds:g} s: give the cursor's column an index, or raise timeout")


class Lost(SourceError):
    """The connection broke, or there was none: the same may go well in a moment."""


class Unreadable(SourceError):
    """The database has sent a value that cannot be held here; other rows may be fine."""


class Snapshot(Protocol):
    """A connection in a read-only transaction: whatever is read through it is of one moment."""

    @abstractmethod
    def scan(self, statement: str, values: Sequence[object], size: int) -> AsyncGenerator[list[Row], None]:
        """The rows of a statement in lists of `size`; memory does not grow with their number.

        Raises Lost, Unreadable, SourceError.
        """


class Dialect(Protocol):
    """One database, of one kind. Connects read-only, and only when something is asked for."""

    mark: ClassVar[str]
    """How the first value of a statement is written in it; there is never more than one beside the keys of `among`."""
    content: ClassVar[str | None] = None
    """An expression for all that a row `t` holds, made by the database; None: the raw values of its columns say that."""
    horizon: ClassVar[str | None] = None
    """A number below which every transaction has ended, as this snapshot sees it; None: the database cannot tell."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """A column's name as the database wants it quoted."""

    @abstractmethod
    def table(self, name: str) -> str:
        """A table's name, with its schema where it has one."""

    @abstractmethod
    def verbatim(self, sql: str) -> str:
        """SQL of the user's own, safe beside values."""

    @abstractmethod
    async def columns(self, select: str) -> Mapping[str, str]:
        """The columns of a statement, with their types in the database's words. Raises NotThere, Lost, SourceError."""

    @abstractmethod
    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """A read of one moment; leaving it ends the read, and what that locks. Raises Lost, SourceError."""

    @abstractmethod
    def column(self, name: str, kind: str) -> str:
        """An expression for a column's value as it shall arrive here."""

    @abstractmethod
    def clipped(self, name: str, kind: str) -> str:
        """The same for a cursor, which is read of every row, so that one wrong value must not stop the read."""

    @abstractmethod
    def among(self, name: str, kind: str, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        """A condition, with its values, that holds for every row whose column has one of these keys as text."""

    @abstractmethod
    def reader(self, kind: str) -> Read | None:
        """What makes of a column's raw value, not null, what its type says it is; None where it is that already."""

    @abstractmethod
    def position(self, kind: str) -> Read | None:
        """What makes of a cursor's raw value, not null, one that can be compared (None: no position); None where it is that."""

    @abstractmethod
    def since(self, name: str, kind: str) -> str:
        """A condition that holds for rows of transactions from the one in `mark` on; for columns of such a kind only."""

    @abstractmethod
    def is_transaction(self, kind: str) -> bool:
        """Whether a column of this type holds the number of the transaction that wrote its row."""

    @abstractmethod
    def bound(self, cursor: object, kind: str) -> object:
        """A cursor as it was kept -> the value that a column of this type is compared with."""

    @abstractmethod
    async def indexed(self, table: str, column: str) -> bool | None:
        """Whether a table has an index that begins with this column; None where nobody can tell. Raises SourceError."""

    listen: Callable[[str], AsyncIterator[None]] | None = None
    """Yields whenever something is said on a channel. None: the database has no channels."""

    @abstractmethod
    async def close(self) -> None:
        """Lets go of the connections."""
