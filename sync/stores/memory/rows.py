"""What the store in memory keeps, row by row."""

from dataclasses import dataclass
from datetime import datetime

from sync.errors import FieldError
from sync.model import Hold, Outcome, Releases, Undone


@dataclass(frozen=True, slots=True)
class Row:
    """One (target, customer) that waits."""

    version: int
    id: str | None = None
    outcome: Outcome | None = None
    reason: str = ""
    errors: tuple[FieldError, ...] = ()
    attempts: int = 0
    since: datetime | None = None
    due: datetime | None = None
    parked: bool = False
    holds: tuple[Hold, ...] = ()
    released: Releases = frozenset()
    run: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """A source's rows as last taken as right, and as a gate found them too few."""

    source: str
    taken: int | None
    refused: int | None = None
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a target keeps of one customer of this source since then."""

    source: str
    since: datetime
    undone: Undone
