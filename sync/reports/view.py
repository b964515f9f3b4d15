"""A plan -> the part of it that somebody asked to see, with the figures of that part. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from sync.model import Diff, Entry, Foreign, Held, Outcome, Rejection, TargetPlan, Told, Tripped, Unchanged, Update
from sync.reports.masking import mask

Part = Literal["changed", "rejected", "held"]
KINDS: Final[dict[Part, type[Entry]]] = {"changed": Update, "rejected": Rejection, "held": Held}
BACK: Final = {Outcome.DEFERRED, Outcome.HELD}


@dataclass(frozen=True, slots=True)
class View:
    """What of a plan is shown; empty: all of it. A field is named with all that is below it (`customer.address`)."""

    only: tuple[Part, ...] = ()
    customers: frozenset[str] = frozenset()
    fields: tuple[str, ...] = ()
    masked: bool = False

    def of(self, target: TargetPlan) -> TargetPlan:
        """One target's plan, seen so."""
        part = narrow(target, self) if self.only or self.customers or self.fields else target
        return mask(part) if self.masked else part

    def name(self, plan: str) -> str:
        """The plan's name, with what was left out of it, so that no report passes for the whole."""
        said = [f"only {' and '.join(self.only)}"] if self.only else []
        said += [f"customers: {', '.join(sorted(self.customers))}"] if self.customers else []
        said += [f"fields: {', '.join(self.fields)}"] if self.fields else []
        said += ["values masked"] if self.masked else []
        return f"{plan} ({'; '.join(said)})" if said else plan


def narrow(target: TargetPlan, view: View) -> TargetPlan:
    """The entries that the view names, counted anew. Requests stay whole, because they are what is sent."""

    def entries() -> Iterator[Entry]:
        return (part for part in (_part(entry, view) for entry in target.entries()) if part)

    return _recounted(replace(target, entries=entries, gates=tuple(_tripped(tripped, view) for tripped in target.gates)))


def _tripped(tripped: Tripped, view: View) -> Tripped:
    """A gate is about the whole plan, and so is its figure; of its customers those are shown that the view names."""
    parts = (_part(example, replace(view, only=())) for example in tripped.examples)
    return replace(tripped, examples=tuple(part for part in parts if isinstance(part, Update | Rejection)))


def _part(entry: Entry, view: View) -> Entry | None:
    if view.only and not any(_is(part, entry) for part in view.only):
        return None
    if view.customers and entry.customer not in view.customers:
        return None
    return _fields(entry, view.fields) if view.fields else entry


def _is(part: Part, entry: Entry) -> bool:
    """What a run did is changed where it may have arrived, and held where it was put off."""
    if isinstance(entry, Told):
        return part == ("rejected" if entry.outcome is Outcome.REJECTED else "held" if entry.outcome in BACK else "changed")
    return isinstance(entry, KINDS[part])


def _fields(entry: Entry, fields: tuple[str, ...]) -> Entry | None:
    """The entry with these fields alone, None if it has nothing to say of them."""
    match entry:
        case Update():
            changes = _changes(entry.changes, fields)
            return replace(entry, changes=changes) if changes else None
        case Held() | Told():
            changes = _changes(entry.update.changes, fields)
            return replace(entry, update=replace(entry.update, changes=changes)) if changes else None
        case Rejection():
            errors = tuple(error for error in entry.errors if _named(error.field, fields))
            return replace(entry, errors=errors) if errors else None
        case Foreign():
            return None
        case _:
            return entry


def _changes(changes: Diff, fields: tuple[str, ...]) -> Diff:
    return tuple(change for change in changes if _named(change.field, fields))


def _named(field: str, fields: tuple[str, ...]) -> bool:
    return any(field == name or field.startswith(f"{name}.") for name in fields)


def _recounted(target: TargetPlan) -> TargetPlan:
    updates = requests = unchanged = rejected = held = left = 0
    fields = dict.fromkeys(target.fields, 0)
    told: Counter[str] = Counter()
    for entry in target.entries():
        updates += isinstance(entry, Update)
        unchanged += isinstance(entry, Unchanged)
        rejected += isinstance(entry, Rejection)
        held += isinstance(entry, Held)
        left += isinstance(entry, Foreign) and entry.left
        told.update([entry.outcome.value] if isinstance(entry, Told) else [])
        update = entry.update if isinstance(entry, Told) else entry
        if isinstance(update, Update):
            requests += len(update.requests)
            for change in update.changes:
                fields[change.field] = fields.get(change.field, 0) + 1
    return replace(
        target,
        updates=updates,
        requests=requests,
        unchanged=unchanged,
        rejected=rejected,
        held=held,
        left=left,
        outcomes=None if target.outcomes is None else told + Counter(unchanged=unchanged, rejected=rejected, held=held),
        fields={name: count for name, count in fields.items() if count},
        seconds=target.seconds * requests / target.requests if target.requests else 0.0,
        estimate=None,
    )
