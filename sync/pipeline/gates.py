"""A plan's figures -> what is held back. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from sync.model import Held, Update
from sync.pipeline.figures import Figures, clears

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


def judge(policy: GatePolicy, figures: Figures) -> Callable[[Update], Held | None] | None:
    """Names the first gate that holds an update: what clears a field first, then everything. None: no gate has tripped."""
    kept_back: list[tuple[str, str, Callable[[Update], bool]]] = []
    if policy.max_cleared and policy.max_cleared.exceeded(figures.clearing, figures.known):
        reason = f"{figures.clearing} of {figures.known} customers would lose a value; the limit is {policy.max_cleared.text}"
        kept_back.append(("max_cleared", reason, clears))
    if policy.max_updates and policy.max_updates.exceeded(figures.updates, figures.known):
        reason = f"{figures.updates} of {figures.known} customers would be updated; the limit is {policy.max_updates.text}"
        kept_back.append(("max_updates", reason, lambda _update: True))

    def keep(update: Update) -> Held | None:
        return next((Held(update, gate, f"{gate}: {reason}") for gate, reason, names in kept_back if names(update)), None)

    return keep if kept_back else None
