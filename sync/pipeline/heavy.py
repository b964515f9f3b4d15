"""A plan and its sketches -> the new values that are on too many customers, counted exactly and in bounded memory. Pure.

The sketch names a few candidates, and one more pass over the plan counts these. Where a limit is so small against the plan that
the sketch cannot tell, all values are counted instead, in as many passes as it takes for each to fit.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sync.model import Change, Entry, Leaf, Update
from sync.pipeline.sketch import Sketch, key_of

MOST_COUNTED = 100_000
"""Values in one exact pass."""
MOST_NAMED = 1000
"""Values of one field that are told apart; with more of them every change of the field is meant."""


@dataclass(frozen=True, slots=True)
class Heavy:
    """The most frequent new value of a field and its count, and the keys of all that are too frequent (None: any value)."""

    field: str
    value: Leaf
    count: int
    keys: frozenset[int] | None

    def names(self, change: Change) -> bool:
        """Whether a change is to one of these values."""
        return change.field == self.field and (self.keys is None or key_of(change.after) in self.keys)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one pass counts of a field: some keys, or those that fall into one of many parts."""

    keys: frozenset[int] | None
    number: int = 0
    of: int = 1

    def has(self, key: int) -> bool:
        return key in self.keys if self.keys is not None else key % self.of == self.number


def heaviest(sketches: Mapping[str, Sketch], entries: Callable[[], Iterator[Entry]], most: float) -> list[Heavy]:
    """By field, the values that more than `most` customers would get, but never one that a single customer would get."""
    most = max(most, 1)
    found: dict[str, Counter[int]] = {}
    for parts in _passes(sketches, most):
        tallies: dict[str, Counter[int]] = {name: Counter() for name in parts}
        for name, key, _ in _values(entries(), parts):
            tallies[name][key] += 1
        for name, tally in tallies.items():
            kept = {key: count for key, count in tally.items() if count > most}
            if kept:
                found[name] = Counter(dict((found.get(name, Counter()) | Counter(kept)).most_common(MOST_NAMED + 1)))
    return [_heavy(name, tally, entries) for name, tally in sorted(found.items())]


def _passes(sketches: Mapping[str, Sketch], most: float) -> Iterator[dict[str, _Part]]:
    """Which fields are counted together, pass by pass; none where no value can be too frequent."""
    candidates = {name: sketch.above(most) for name, sketch in sketches.items()}
    known = {name: _Part(frozenset(keys)) for name, keys in candidates.items() if keys}
    if known:
        yield known
    unsure = [name for name, keys in candidates.items() if keys is None]
    of = sum(sketches[name].seen for name in unsure) // MOST_COUNTED + 1
    for number in range(of if unsure else 0):
        yield {name: _Part(None, number, of) for name in unsure}


def _values(entries: Iterator[Entry], parts: Mapping[str, _Part]) -> Iterator[tuple[str, int, Leaf]]:
    for entry in entries:
        if not isinstance(entry, Update):
            continue
        for change in entry.changes:
            part = parts.get(change.field)
            if part and ("max_same_value", change.field) not in entry.released and part.has(key := key_of(change.after)):
                yield change.field, key, change.after


def _heavy(name: str, tally: Counter[int], entries: Callable[[], Iterator[Entry]]) -> Heavy:
    [(key, count)] = tally.most_common(1)
    value = next(value for _, _, value in _values(entries(), {name: _Part(frozenset({key}))}))
    return Heavy(name, value, count, None if len(tally) > MOST_NAMED else frozenset(tally))
