"""What a target makes of customers that are gone from their source. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sync.model import Entry, Foreign, Held, Leaf, Pending, Told, Update
from sync.pipeline.gates import Limit

Missing = Literal["ignore", "report", "deactivate"]
NOT_SHOWN = "the source does not show this customer just now; whether it is gone is told when everybody in it is called"
MOST = Limit("20%", share=0.2)


@dataclass(frozen=True, slots=True)
class GonePolicy:
    """What is done about who is gone; `leaves` are what a vendor is told of them, of at most so many at once."""

    missing: Missing = "ignore"
    leaves: Mapping[str, Leaf] = field(default_factory=dict)
    most: Limit = MOST

    @property
    def watches(self) -> bool:
        """Whether anybody wants to know who is gone."""
        return self.missing != "ignore"


def parted(waiting: Pending, policy: GonePolicy, *, known: bool) -> Foreign:
    """A customer that is gone, where there is nothing to tell the vendor."""
    return Foreign(waiting, gone=True, left=known, listed=known and waiting.gone and policy.missing == "report")


Rivals = Mapping[str, tuple[str, ...]]


def yielding(rivals: Rivals, entries: Iterable[Entry]) -> tuple[Rivals, frozenset[str]]:
    """Who claims a vendor id that others claim, too, but for those who are gone; and the gone whose id is somebody else's now."""
    gone = {entry.customer for entry in entries if entry.customer in rivals and _is_gone(entry)} if rivals else set()
    others = {customer: tuple(name for name in names if name not in gone) for customer, names in rivals.items()}
    contested = {customer: names for customer, names in others.items() if names and customer not in gone}
    return contested, frozenset(customer for customer in gone if others[customer])


def _is_gone(entry: Entry) -> bool:
    match entry:
        case Update():
            return entry.gone
        case Held(update) | Told(update):
            return update.gone
    return entry.waiting.gone
