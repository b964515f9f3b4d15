"""What can go wrong, named by what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in the configuration: `file`, dotted `key` in it (may be empty), and what to do."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        """One line for a person: where, then what."""
        return ": ".join(part for part in (self.file, self.key, self.message) if part)


@dataclass(frozen=True, slots=True)
class FieldError:
    """Why one field of one customer does not fit: the field in the vendor's dotted name, and a sentence without its value."""

    field: str
    message: str

    def __str__(self) -> str:
        """What is wrong with a whole row is no field's."""
        return f"{self.field}: {self.message}" if self.field else self.message


def lowered(message: str) -> str:
    """A library's sentence, as it stands behind the name of what it is about."""
    return message[:1].lower() + message[1:]


class SyncError(Exception):
    """Any expected failure; its text is one line for a person, without a secret and without a customer's values."""


def first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first failure in a group of groups: one line is enough for a person."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


# ---- do not start


class ConfigError(SyncError):
    """The configuration cannot be used; holds every mistake that was found, not only the first."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


class StateError(SyncError):
    """The state cannot be read or written: nothing may be sent that could not be written down."""


# ---- stop what this source feeds, keep its cursor


class SourceError(SyncError):
    """The source cannot be read; "cannot tell" is never "no change"."""


class Keyless(SourceError):
    """Rows without a key cannot be told apart and are left out; all the others have been read."""


class NotThere(SourceError):
    """The source answers, but has not what a key of its table names: a mistake of the configuration.

    `part` is that key ("table", "query", "path"), `name` what it says and `valid` what there is instead.
    """

    def __init__(self, reason: str, part: str, name: str = "", valid: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.part = part
        self.name = name
        self.valid = tuple(valid)


# ---- what a vendor's reply (or the lack of one) asks for


class VendorError(SyncError):
    """One exchange did not end well; `reason` may hold the vendor's own words and never reaches a log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(VendorError):
    """Park this customer: the vendor will not take this update, now or later. `errors` where it names fields."""

    def __init__(self, reason: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(reason)
        self.errors = tuple(errors)


class TryAgain(VendorError):
    """Send the same again, with backoff; `limit` caps the attempts where the vendor's code means little."""

    def __init__(self, reason: str, *, maybe_applied: bool = True, limit: int | None = None, then_refuse: bool = False) -> None:
        super().__init__(reason)
        self.maybe_applied = maybe_applied
        self.limit = limit
        self.then_refuse = then_refuse


class Wait(VendorError):
    """The account has to wait until `until` (aware UTC; None: the vendor did not say). Costs no attempt.

    A limit refuses before it looks; whoever is unavailable may have been so while it answered (`maybe_applied`).
    """

    def __init__(self, reason: str, until: datetime | None, *, maybe_applied: bool = False) -> None:
        super().__init__(reason)
        self.until = until
        self.maybe_applied = maybe_applied


class SignInAgain(VendorError):
    """The token is not accepted (any more): sign in once and send the same again."""


class StopAccount(VendorError):
    """Nothing more can be sent to this account: credentials refused (`until` is None), or its quota is gone until then."""

    def __init__(self, reason: str, until: datetime | None = None) -> None:
        super().__init__(reason)
        self.until = until


class Unclear(VendorError):
    """A reply that nobody understands: the update may or may not have been applied."""


# ---- what the network says


class NotSent(SyncError):
    """No connection was made: the vendor has seen nothing of this request."""


class Broken(SyncError):
    """Time-out or broken connection after the request left: the vendor may have applied it."""
