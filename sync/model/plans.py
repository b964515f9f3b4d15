"""What planning makes of the customers that wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sync.errors import FieldError
from sync.model.customers import Diff, Identity
from sync.model.exchange import Request
from sync.model.leaves import Leaf

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
