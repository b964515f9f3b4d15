"""How updates and runs ended, and where things stand: what the state remembers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sync.errors import FieldError
from sync.model.customers import Diff
from sync.model.exchange import Request
from sync.model.leaves import Leaf
from sync.model.plans import Hold, Outcome


@dataclass(frozen=True, slots=True)
class Released:
    """What was let through a gate: so many customers, `still` of them held by others; and the rows now taken as right."""

    customers: int
    still: int = 0
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one update ended, to be written down at once with its baseline.

    `taken` is all that the target holds now, with `doubt` the fields in it that are not known; where it is None the baseline
    stays as it was, with the fields in `doubt` no longer trusted.
    """

    customer: str
    id: str
    version: int
    outcome: Outcome
    reason: str = ""
    errors: tuple[FieldError, ...] = ()
    taken: Mapping[str, Leaf] | None = None
    doubt: frozenset[str] = frozenset()
    attempts: int = 0
    due: datetime | None = None
    parked: bool = False
    """Not taken up again until the customer or the map changes, or somebody asks for it."""
    stays: bool = False
    """Delivered, but not all that there is to tell: the customer goes on waiting as before."""
    holds: tuple[Hold, ...] = ()
    changes: Diff = ()
    """What was sent, with the requests and the status of the last reply; nothing for what was settled without sending."""
    requests: tuple[Request, ...] = ()
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """One update in a target's history: what was told about a customer, and how it ended.

    `requests` are (method, URL, body as sent, with every secret as `***`); `status` is that of the last reply; `place` is where
    the vendor's customers live, empty if that was not noted.
    """

    run: str
    at: datetime
    target: str
    customer: str
    id: str
    outcome: Outcome
    reason: str
    attempts: int
    changes: Diff
    requests: tuple[tuple[str, str, str], ...]
    status: int | None
    errors: tuple[FieldError, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One pass as it was noted: when, and what it reported; `ended` is None while it is under way.

    `report` holds `targets` (outcomes by target) and `troubles`; `interrupted` if its process ended before it did; the `undoes`
    of an undo is the run that it put back.
    """

    run: str
    started: datetime
    ended: datetime | None
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Undone:
    """Fields of one customer that the run `run` put back, with the values that they keep until the customer is filed again."""

    customer: str
    run: str
    leaves: Mapping[str, Leaf]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered of an account: stopped until when, what is wrong with it, when it was last sent to, its used quota.

    `reason` without `stopped_until` is for people only: an open circuit, or credentials that were refused.
    `used` holds (bucket's start in epoch seconds, calls) by quota as written, such as "10800/h". Times are epoch seconds.
    """

    stopped_until: float = 0.0
    reason: str = ""
    last_sent: float = 0.0
    used: Mapping[str, Sequence[tuple[float, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timing:
    """What the service remembers of a target: when it last ran, when it last ran well, since when it is paused (None: not)."""

    last: datetime | None = None
    succeeded: datetime | None = None
    paused: datetime | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong with the service and was told to people: what it is about, since when, and a sentence."""

    about: str
    since: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Where one target stands: customers acknowledged, waiting, and out of step by outcome."""

    target: str
    known: int
    waiting: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Failure:
    """One customer that is out of step with one target, and why."""

    target: str
    customer: str
    outcome: Outcome
    reason: str
    errors: tuple[FieldError, ...]
    attempts: int
    since: datetime
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of those who are out of step: one target's, of one outcome, with a text in key or reason, one customer. Empty: any."""

    target: str = ""
    outcome: str = ""
    text: str = ""
    customer: str = ""


class Numbered(NamedTuple):
    """An episode with its place in a list of them."""

    number: int
    episode: Episode
