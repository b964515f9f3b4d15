"""What gates hold of one customer: as it is held once more, and as it is let go. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sync.model import Hold, Releases


@dataclass(frozen=True, slots=True)
class LetGo:
    """What is still held of a customer, and what has been let through."""

    left: tuple[Hold, ...]
    released: Releases


def carried(before: Sequence[Hold], now: Sequence[Hold], run: str) -> tuple[Hold, ...]:
    """What is held now; what was held before stays held since then."""
    return tuple(replace(hold, run=next((old.run for old in before if _covers(old, hold)), run)) for hold in now)


def let_go(holds: Sequence[Hold], gate: str, last: str, run: str | None) -> LetGo | None:
    """What becomes of a customer when a gate lets go what it held in `run` (None: at all); None where that is nothing.

    A run's name begins with its time, and what was held in its first run and in the `last` one was held in those between.
    """
    chosen = [hold for hold in holds if hold.gate == gate and (run is None or held_in(run, hold.run, last))]
    if not chosen:
        return None
    through = frozenset((gate, name) for hold in chosen for name in hold.fields)
    return LetGo(tuple(hold for hold in holds if hold not in chosen), through)


def held_in(run: str, first: str, last: str) -> bool:
    """Whether what was held from the first to the last run was held in this one."""
    return first <= run <= last or run in (first, last)


def _covers(old: Hold, new: Hold) -> bool:
    return old.gate == new.gate and set(old.fields) >= set(new.fields)
