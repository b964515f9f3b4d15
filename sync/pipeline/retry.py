"""What went wrong, and what was tried -> what to do now. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.errors import (
    Broken,
    FieldError,
    NotSent,
    Refused,
    SignInAgain,
    StopAccount,
    SyncError,
    TryAgain,
    Unclear,
    Wait,
)
from sync.model import Outcome

SIGN_INS = 1
"""A second refusal of a fresh token is not a matter of time."""
UNCLEAR_ATTEMPTS = 2
MOST_WAITS = 20
"""A wait costs no attempt; a vendor that asks for nothing else is left alone until the next run."""
LONGEST_WAIT = timedelta(days=1)
"""A vendor that asks for more is taken at its word for a day, and asked again then."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How an account's requests are repeated: attempts in all, seconds in all, first and longest backoff in seconds."""

    attempts: int = 5
    total: float = 120.0
    backoff: float = 0.5
    longest: float = 30.0


@dataclass(frozen=True, slots=True)
class Tried:
    """What one update has behind it: attempts that counted, waits that did not, sign-ins, and seconds since it first failed."""

    attempts: int = 0
    waits: int = 0
    sign_ins: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Again:
    """Send the same again after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Nobody sends to this account until `until`; then the same again."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Renew:
    """Sign in, then the same again."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing more for this account in this run."""

    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class End:
    """That was it for this update; a `parked` one is not tried again by itself."""

    outcome: Outcome
    reason: str
    errors: tuple[FieldError, ...] = ()
    parked: bool = False


Step = Again | Pause | Renew | Stop | End


def maybe_applied(trouble: SyncError) -> bool:
    """Whether the vendor may hold the update although it was not acknowledged."""
    match trouble:
        case TryAgain() | Wait():
            return trouble.maybe_applied
        case Broken() | Unclear():
            return True
    return False


def unwell(trouble: SyncError) -> bool:
    """Whether this speaks of the vendor's health and not of one customer."""
    return isinstance(trouble, NotSent | Broken | TryAgain)


def decide(trouble: SyncError, tried: Tried, policy: RetryPolicy, now: datetime, jitter: Callable[[], float]) -> Step:
    """The next step; `jitter` yields 0.0 to 1.0 (full jitter: anything up to the backoff)."""
    match trouble:
        case Refused():
            return End(Outcome.REJECTED, trouble.reason, trouble.errors, parked=True)
        case StopAccount() if trouble.until and tried.waits >= MOST_WAITS:
            return End(Outcome.DEFERRED, trouble.reason)
        case StopAccount():
            return Stop(trouble.reason, _bounded(trouble.until, now))
        case Wait() if tried.waits >= MOST_WAITS:
            return End(Outcome.DEFERRED, trouble.reason)
        case Wait():
            shortest = now + timedelta(seconds=_backoff(tried.waits, policy) * (1 + jitter()) / 2)
            return Pause(max(_bounded(trouble.until, now) or shortest, shortest if tried.waits else now))
        case SignInAgain():
            return Renew() if tried.sign_ins < SIGN_INS else Stop(f"credentials refused: {trouble.reason}", None)
    if _spent(trouble, tried, policy):
        return _give_up(trouble)
    return Again(_backoff(tried.attempts, policy) * jitter())


def _backoff(failures: int, policy: RetryPolicy) -> float:
    return min(policy.backoff * 2.0 ** min(failures, 30), policy.longest)


def _spent(trouble: SyncError, tried: Tried, policy: RetryPolicy) -> bool:
    """`tried.attempts` are those before the one that has just failed."""
    most = policy.attempts
    if isinstance(trouble, TryAgain) and trouble.limit is not None:
        most = min(most, trouble.limit)
    if isinstance(trouble, Unclear):
        most = min(most, UNCLEAR_ATTEMPTS)
    return tried.attempts + 1 >= most or tried.seconds >= policy.total


def _give_up(trouble: SyncError) -> End:
    match trouble:
        case TryAgain() if trouble.then_refuse:
            return End(Outcome.REJECTED, trouble.reason, parked=True)
        case Broken() | Unclear():
            return End(Outcome.UNKNOWN, str(trouble))
    return End(Outcome.DEFERRED, str(trouble))


def _bounded(until: datetime | None, now: datetime) -> datetime | None:
    """Neither in the past nor further off than LONGEST_WAIT."""
    return None if until is None else min(max(until, now), now + LONGEST_WAIT)
