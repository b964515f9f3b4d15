"""A plan, entry by entry -> what the gates of its target count. Pure.

What somebody has released does not count any more for the gate by whose name it was, nor for the plain number of updates.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync.model import Change, Entry, Leaf, Missing, Rejection, Releases, Update
from sync.pipeline.sketch import Sketch, key_of

EMPTY: tuple[object, ...] = ("", None, [])


@dataclass(slots=True)
class Census:
    """Customers with a new update, with a field that is emptied, rejected, gone, with a certain field changed; the new values.

    `clears` holds, by field, what empties it in its vendor's way where the map asks for that. With `values` they are sketched.
    """

    clears: Mapping[str, Leaf] = field(default_factory=dict)
    values: bool = False
    updates: int = 0
    cleared: int = 0
    rejected: int = 0
    gone: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    sketches: defaultdict[str, Sketch] = field(default_factory=lambda: defaultdict(Sketch))

    def again(self) -> "Census":
        """One that has counted nothing yet."""
        return Census(self.clears, self.values)

    def count(self, entry: Entry) -> None:
        """One entry more."""
        match entry:
            case Update():
                self._count(entry)
            case Rejection():
                self.rejected += ("max_rejected", "") not in entry.waiting.released

    def _count(self, update: Update) -> None:
        changes, released = update.changes, update.released
        self.gone += update.gone and any(("max_source_drop", change.field) not in released for change in changes)
        self.updates += not released or any(is_new(change.field, released) for change in changes)
        self.cleared += any(empties(change, self.clears) and ("max_cleared", change.field) not in released for change in changes)
        self.fields.update(change.field for change in changes if ("max_field_changed", change.field) not in released)
        if self.values:
            for change in changes:
                if ("max_same_value", change.field) not in released:
                    self.sketches[change.field].add(key_of(change.after))


def is_new(name: str, released: Releases) -> bool:
    """Whether nobody has released a field's change yet."""
    return all(name != known for _, known in released)


def empties(change: Change, clears: Mapping[str, Leaf]) -> bool:
    """Whether the field held something and becomes empty, also where its vendor writes 0 for that."""
    before, after = change.before, change.after
    if isinstance(before, Missing) or before in EMPTY:
        return False
    if after in EMPTY:
        return True
    clear = clears.get(change.field, after)
    return change.field in clears and _same(after, clear) and not _same(before, clear)


def _same(value: Leaf, clear: Leaf) -> bool:
    return bool(value == clear) and isinstance(value, bool) == isinstance(clear, bool)
