"""A plan in numbers, entry by entry. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from sync.model import Entry, Foreign, Held, Rejection, Told, Unchanged, Update


@dataclass(slots=True)
class Figures:
    """A plan in numbers; `known` customers are those that the target has acknowledged, `fields` counts changes.

    Of the updates, `gone` tell of customers that are gone from the source.
    """

    known: int = 0
    updates: int = 0
    requests: int = 0
    unchanged: int = 0
    rejected: int = 0
    held: int = 0
    foreign: int = 0
    left: int = 0
    gone: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    """How the updates of a run ended."""

    @property
    def empty(self) -> bool:
        """Whether nobody was planned at all."""
        return not (self.updates or self.unchanged or self.rejected or self.held or self.foreign)

    @property
    def stuck(self) -> bool:
        """Whether somebody was planned, and nobody of whom anything came."""
        return not (self.empty or self.updates or self.unchanged or self.foreign)

    def count(self, entry: Entry) -> None:
        """One entry more."""
        match entry:
            case Update():
                self.updates += 1
                self.gone += entry.gone
                self.requests += len(entry.requests)
                self.fields.update(change.field for change in entry.changes)
            case Told(update, outcome):
                self.told[outcome.value] += 1
                self.requests += len(update.requests)
                self.fields.update(change.field for change in update.changes)
            case Unchanged():
                self.unchanged += 1
            case Rejection():
                self.rejected += 1
            case Held():
                self.held += 1
            case Foreign():
                self.foreign += 1
                self.left += entry.left
