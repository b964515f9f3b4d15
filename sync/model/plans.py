"""What planning makes of the customers that wait, and what a report is told of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sync.errors import FieldError
from sync.model.customers import Diff, Identity
from sync.model.exchange import Request
from sync.model.leaves import ABSENT, Leaf, Missing

Releases = frozenset[tuple[str, str]]
"""What of a customer somebody has let through the gates by name, as (gate, field); its rejection has no field."""


@dataclass(frozen=True, slots=True)
class Update:
    """What one target shall be told about one customer: as changes, and as the vendor's requests.

    `version` is the pending row's when this was planned. Once it is acknowledged, the target holds `leaves`, and only the
    fields in `doubt` are still unknown there.
    """

    customer: str
    identity: Identity
    version: int
    changes: Diff
    leaves: Mapping[str, Leaf]
    requests: tuple[Request, ...]
    doubt: frozenset[str] = frozenset()
    stays: bool = False
    """Something remains to be told, so its customer goes on waiting."""
    released: Releases = frozenset()
    gone: bool = False
    """Its customer is gone from the source, and this is how the target is told so."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A customer that waits for one target; `version` grows whenever it is filed again.

    It is `gone` if it was not called when its source was last asked for everybody, and has not been filed since.
    """

    customer: str
    version: int
    released: Releases = frozenset()
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """What one gate keeps back of a customer: its name in the configuration, limit and figure in words, and the fields.

    `run` is the run, or saved plan, in which it was held first.
    """

    gate: str
    reason: str
    fields: tuple[str, ...]
    run: str = ""


@dataclass(frozen=True, slots=True)
class Holding:
    """So many customers that a gate holds, from the `first` run in which it did to the `last` one (or saved plans)."""

    gate: str
    first: str
    last: str
    customers: int


def said_of(holds: Sequence[Hold]) -> str:
    """Why something is held, gate by gate."""
    return "; ".join(f"{hold.gate}: {hold.reason}" for hold in holds)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A customer that cannot become an update for this target, with an error per field.

    A `parked` one is not planned again before its customer or the map changes. One that has tripped a gate is, and `holds` it.
    """

    waiting: Pending
    errors: tuple[FieldError, ...]
    parked: bool = True
    holds: tuple[Hold, ...] = ()

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.waiting.customer


@dataclass(frozen=True, slots=True)
class Held:
    """An update that gates keep back; `gate` is the first of them, `reason` has limit and figure of each, and no value."""

    update: Update
    gate: str
    reason: str
    holds: tuple[Hold, ...] = ()

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.update.customer


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A customer that its target already holds as it should."""

    waiting: Pending

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.waiting.customer


@dataclass(frozen=True, slots=True)
class Foreign:
    """A customer that is not this target's, or `gone` from its source; it `left` if the target knows it.

    One that is `listed` is not forgotten, but told as out of step until it returns or somebody lets go of it.
    """

    waiting: Pending
    gone: bool = False
    left: bool = False
    listed: bool = False

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.waiting.customer


class Outcome(Enum):
    """How an update ended."""

    DELIVERED = "delivered"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    HELD = "held"
    UNKNOWN = "unknown"
    GONE = "gone"
    """No update ends so: the customer is gone from the source, and its target is to tell people, not the vendor."""
    UNDONE = "undone"
    """No update ends so: somebody put the customer back to what it was, and it stays so until it changes at the source."""


@dataclass(frozen=True, slots=True)
class Told:
    """An update that a run was to deliver, and how it ended; `reason` and `errors` are the vendor's words."""

    update: Update
    outcome: Outcome
    reason: str = ""
    errors: tuple[FieldError, ...] = ()

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.update.customer


Entry = Update | Told | Rejection | Held | Unchanged | Foreign
"""What planning makes of one customer that waited; in the report of a run, what became of it."""


@dataclass(frozen=True, slots=True)
class Tripped:
    """A gate that a plan has tripped: its name and limit as configured, and the figure, in words `reason` (without values).

    `field` is the one that the gate is about, if it is about one, and `value` the new value that many would get.
    """

    gate: str
    limit: str
    figure: int
    reason: str
    field: str = ""
    value: Leaf | Missing = ABSENT
    examples: tuple[Update | Rejection, ...] = ()
    """A few customers, with what the gate is about alone, and without requests."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A quota as written, the calls that are `left` of it in the end, and those that have to wait because they do not fit."""

    quota: str
    left: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a target's plan costs its account, which all its targets share, in the order in which they go out.

    `end` is in how many seconds its last request has left (None: the account is not paced, so nobody knows), `due` in how many
    the target's next scheduled run begins (None: it has no schedule).
    """

    account: str
    end: float | None
    allowances: tuple[Allowance, ...] = ()
    due: float | None = None

    @property
    def in_time(self) -> bool | None:
        """Whether it ends before the next scheduled run; None: that cannot be told, or there is none."""
        return None if self.end is None or self.due is None else self.end < self.due


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """One target's part of a plan, as reports see it: figures, and every entry as often as it is asked for.

    In the report of a run `outcomes` says how many ended how, and the updates are `Told`; in that of a plan it is None.
    `fields` counts the changes by field; `seconds` is how long the requests take at the account's pace; `left` counts the
    customers that were this target's, and are not any more.
    """

    target: str
    updates: int
    requests: int
    unchanged: int
    rejected: int
    held: int
    fields: Mapping[str, int]
    seconds: float
    entries: Callable[[], Iterator[Entry]]
    left: int = 0
    gates: tuple[Tripped, ...] = ()
    estimate: Estimate | None = None
    outcomes: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Something to tell in place of a value."""

    text: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """In a map test, one field (empty: the customer as a whole) that is not as the test says."""

    field: str
    expected: Leaf | Missing | Said
    got: Leaf | Missing | Said
