"""A record and a baseline -> the fields that differ. Pure."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import itemgetter

from sync.model import ABSENT, UNKNOWN, Baseline, Change, Diff, Field, Leaf, Missing, Record


def diff(
    record: Record,
    baseline: Baseline | None,
    *,
    place: str,
    about: Callable[[str], Field],
    sources: Mapping[str, tuple[str, ...]],
) -> Diff:
    """Every field of the record that its target may not hold as it is, sorted by field; `about` tells if a list has an order.

    A field that the record lacks is left alone. A baseline speaks for one customer at one place only.
    """
    known = baseline if baseline and (baseline.place, baseline.id) == (place, record.identity.value) else None
    found = []
    for name, after in record.leaves.items():
        before = _before(name, known)
        unordered = isinstance(after, list) and about(name).unordered
        if isinstance(before, Missing) or not same(before, after, unordered=unordered):
            found.append(Change(name, before, after, sources.get(name, ())))
    found.sort(key=itemgetter(0))
    return tuple(found)


def _before(name: str, baseline: Baseline | None) -> Leaf | Missing:
    if baseline is None or baseline.leaves is None or name in baseline.doubt:
        return UNKNOWN
    return baseline.leaves.get(name, ABSENT)


def same(before: Leaf, after: Leaf, *, unordered: bool = False) -> bool:
    """Whether two leaves mean the same: 1.50 is 1.5, but 1 is not true and "1" is not 1."""
    if isinstance(before, list) and isinstance(after, list):
        if unordered:
            before, after = sorted(before, key=_rank), sorted(after, key=_rank)
        return len(before) == len(after) and all(map(same, before, after))
    if isinstance(before, bool) != isinstance(after, bool):
        return False
    return bool(before == after)


def _rank(value: Leaf) -> tuple[str, str]:
    """Items that mean the same rank the same: 1.50 as 1.5, and 1 as 1.0."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return "number", str(Decimal(value).normalize() + 0)
    return type(value).__name__, str(value)
