"""What takes part in a run: targets, the feeds that feed them, the ways to their accounts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sync.model import (
    Diff,
    Request,
    Settlement,
    Update,
)
from sync.pipeline.census import Census
from sync.pipeline.gates import GatePolicy, Limit
from sync.pipeline.gone import GonePolicy
from sync.pipeline.lane import Lane
from sync.pipeline.project import Projection
from sync.ports import Source, Vendor


@dataclass(frozen=True, slots=True)
class Target:
    """One source's customers, projected onto one account. `fingerprint` changes with the map, the schema and the place."""

    name: str
    source: str
    account: str
    vendor: Vendor
    projection: Projection
    fingerprint: str
    gates: GatePolicy = field(default_factory=GatePolicy)
    gone: GonePolicy = field(default_factory=GonePolicy)

    @property
    def most_gone(self) -> Limit:
        """Of how many customers that are gone the vendor may be told at once."""
        return self.gone.most

    def census(self) -> Census | None:
        """What counts for its gates, if there are any."""
        if self.gates == GatePolicy() and not self.gone.leaves:
            return None
        return Census(self.projection.clears, values=self.gates.max_same_value is not None)

    def say(self, update: Update, changes: Diff) -> tuple[Request, ...]:
        """The vendor's requests for some of an update's changes."""
        return self.vendor.requests(update.identity, changes, update.leaves)


@dataclass(frozen=True, slots=True)
class Feed:
    """A source with all the targets that it feeds; those in `chosen` take part in this run, the others wait.

    `definition` changes when the source is read in another way, so that its old cursor says nothing.
    """

    name: str
    source: Source
    targets: tuple[Target, ...]
    chosen: tuple[Target, ...]
    definition: str = ""
    full_every: timedelta = timedelta(days=1)
    """How often at least everybody in it is called, where a target wants to know who is gone."""

    @property
    def names(self) -> list[str]:
        """The names of all its targets."""
        return [target.name for target in self.targets]

    @property
    def watching(self) -> list[str]:
        """The names of those that want to know who is gone."""
        return [target.name for target in self.targets if target.gone.watches]


@dataclass(frozen=True, slots=True)
class Way:
    """The way out to one account: its lane, and what carries an update along it."""

    lane: Lane
    carry: Callable[[Update], Awaitable[Settlement]]
