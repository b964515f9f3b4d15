"""What reports are made of: a target's plan in figures and entries, why a field is as it is, what a map test found."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync.model.exchange import Request
from sync.model.leaves import ABSENT, Leaf, Missing
from sync.model.outcomes import Episode, Failure
from sync.model.plans import Entry, Rejection, Update


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


@dataclass(frozen=True, slots=True)
class Step:
    """The way of one field: from which source values, by which rule, to what the target should hold, and what it holds."""

    field: str
    sources: Mapping[str, Any]
    rule: Any
    record: Leaf | Missing
    acknowledged: Leaf | Missing
    error: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a target holds what it holds of one customer: each field's way, what would be sent now, and what was sent before."""

    target: str
    customer: str
    id: str
    steps: tuple[Step, ...]
    failure: Failure | None
    planned: tuple[Request, ...]
    history: tuple[Episode, ...]
    note: str = ""
