"""A plan's figures -> what is held back. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync.model import Change, Held, Update
from sync.pipeline.figures import Figures, empties
from sync.pipeline.narrow import Say, narrowed

FEWEST_KNOWN = 20
"""A share of fewer customers than these says nothing, and a new target knows nobody."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many, or such a share (0.0 to 1.0) of the customers that the target knows; `text` as configured."""

    text: str
    number: int | None = None
    share: float | None = None

    def exceeded(self, figure: int, known: int) -> bool:
        """Whether the figure is above the limit."""
        if self.number is not None:
            return figure > self.number
        return known >= FEWEST_KNOWN and figure > (self.share or 0.0) * known


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """The gates of one target; None: not there."""

    max_updates: Limit | None = None
    max_cleared: Limit | None = None


@dataclass(frozen=True, slots=True)
class Tripped:
    """A gate that has tripped: its name in the configuration, limit and figure in words, and the changes that it names."""

    gate: str
    reason: str
    names: Callable[[Change], bool]


def judge(policy: GatePolicy, figures: Figures) -> tuple[Tripped, ...]:
    """The gates that the plan trips, the narrow ones first."""
    found = []
    if policy.max_cleared and policy.max_cleared.exceeded(figures.clearing, figures.known):
        told = f"{figures.clearing} of {figures.known} customers would lose a value; the limit is {policy.max_cleared.text}"
        found.append(Tripped("max_cleared", told, empties))
    if policy.max_updates and policy.max_updates.exceeded(figures.updates, figures.known):
        told = f"{figures.updates} of {figures.known} customers would be updated; the limit is {policy.max_updates.text}"
        found.append(Tripped("max_updates", told, lambda _change: True))
    return tuple(found)


def sift(update: Update, tripped: Sequence[Tripped], say: Say) -> list[Update | Held]:
    """What of an update goes, and what is held: only the changes that a gate names are, under the first gate that names one."""
    held = [change for change in update.changes if any(gate.names(change) for gate in tripped)]
    if not held:
        return [update]
    gate = next(gate for gate in tripped if any(map(gate.names, held)))
    rest = tuple(change for change in update.changes if change not in held)
    parts: list[Update | Held] = [Held(narrowed(update, tuple(held), say), gate.gate, f"{gate.gate}: {gate.reason}")]
    return [*parts, narrowed(update, rest, say)] if rest else parts
