"""What a plan counts -> which gates it trips, and what of it they name. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from sync.model import Change, Entry, Foreign, Held, Hold, Rejection, Tripped, Update, said_of
from sync.pipeline.census import Census, empties, is_new
from sync.pipeline.heavy import Heavy
from sync.pipeline.narrow import Say, narrowed

FEWEST_KNOWN = 20
"""A share of fewer customers than these says nothing, and a new target knows nobody."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many, or such a share (0.0 to 1.0) of the customers that the target knows; `text` as configured."""

    text: str
    number: int | None = None
    share: float | None = None

    def most(self, known: int) -> float | None:
        """The greatest figure that is within the limit; None where a share says nothing."""
        if self.number is not None:
            return self.number
        return (self.share or 0.0) * known if known >= FEWEST_KNOWN else None

    def exceeded(self, figure: int, known: int) -> bool:
        """Whether the figure is above the limit."""
        most = self.most(known)
        return most is not None and figure > most


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """The gates of one target; None: not there. `max_field_changed` is by field."""

    max_updates: Limit | None = None
    max_cleared: Limit | None = None
    max_same_value: Limit | None = None
    max_rejected: Limit | None = None
    max_source_drop: Limit | None = None
    min_source_rows: int | None = None
    max_field_changed: Mapping[str, Limit] = field(default_factory=dict)

    @property
    def counts_rows(self) -> bool:
        """Whether a gate asks how many rows the source has."""
        return self.max_source_drop is not None or self.min_source_rows is not None


GATES = tuple(gate.name for gate in fields(GatePolicy))
"""Their names in the configuration."""


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a source has, and had when they were last taken as right (None: nobody knows)."""

    now: int | None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate that has tripped, and which changes it names; `whole`: everything of the target."""

    tripped: Tripped
    names: Callable[[Update, Change], bool]
    whole: bool = False


def judge_source(policy: GatePolicy, rows: Rows | None) -> Iterator[Verdict]:
    """The gates that look at the source's rows."""
    if rows is None:
        return
    if rows.now is None:  # what was asked for cannot be had, so a person has to look
        gate = "min_source_rows" if policy.max_source_drop is None else "max_source_drop"
        yield _everything(gate, "", 0, "the source cannot tell how many rows it has: leave this gate out")
        return
    lost = (rows.before or 0) - rows.now
    if policy.max_source_drop and rows.before and policy.max_source_drop.exceeded(lost, rows.before):
        told = f"the source has lost {lost} of its {rows.before} rows; the limit is {policy.max_source_drop.text}"
        yield _everything("max_source_drop", policy.max_source_drop.text, lost, told)
    if policy.min_source_rows is not None and rows.now < policy.min_source_rows:
        told = f"the source has {rows.now} rows; it should have at least {policy.min_source_rows}"
        yield _everything("min_source_rows", str(policy.min_source_rows), rows.now, told)


def judge_slices(policy: GatePolicy, census: Census, known: int, values: Iterable[Heavy]) -> Iterator[Verdict]:
    """The gates that look at rejections, and at fields: what the latter do not name goes. `values` are on too many customers."""
    if policy.max_rejected and policy.max_rejected.exceeded(census.rejected, known):
        told = f"{_of(census.rejected, known)} are rejected; the limit is {policy.max_rejected.text}"
        yield _everything("max_rejected", policy.max_rejected.text, census.rejected, told)
    if policy.max_cleared and policy.max_cleared.exceeded(census.cleared, known):
        told = f"{_of(census.cleared, known)} would lose a value; the limit is {policy.max_cleared.text}"
        tripped = Tripped("max_cleared", policy.max_cleared.text, census.cleared, told)
        yield Verdict(tripped, _unless_released("max_cleared", lambda change: empties(change, census.clears)))
    for name, limit in policy.max_field_changed.items():
        if limit.exceeded(census.fields[name], known):
            told = f"{name} would change for {_of(census.fields[name], known)}; the limit is {limit.text}"
            yield _field(Tripped("max_field_changed", limit.text, census.fields[name], told, name))
    if policy.max_same_value:
        for heavy in values:
            told = f"{heavy.field} would get one and the same value for {_of(heavy.count, known)}"
            told += f"; the limit is {policy.max_same_value.text}"
            tripped = Tripped("max_same_value", policy.max_same_value.text, heavy.count, told, heavy.field, heavy.value)
            yield Verdict(tripped, _unless_released("max_same_value", heavy.names))


def judge_gone(most: Limit, census: Census, known: int) -> Iterator[Verdict]:
    """The gate on what is told of customers that are gone: the others go."""
    if most.exceeded(census.gone, known):
        told = f"{_of(census.gone, known)} are gone from the source; the limit is {most.text}"
        names = _unless_released("max_source_drop", lambda _change: True)
        tripped = Tripped("max_source_drop", most.text, census.gone, told)
        yield Verdict(tripped, lambda update, change: update.gone and names(update, change))


def judge_rest(policy: GatePolicy, census: Census, known: int, others: Sequence[Verdict]) -> Iterator[Verdict]:
    """The gate on all updates: it is judged on what the other gates leave, and names that."""

    def names(update: Update, change: Change) -> bool:
        return is_new(change.field, update.released) and not any(other.names(update, change) for other in others)

    if policy.max_updates and policy.max_updates.exceeded(census.updates, known):
        told = f"{_of(census.updates, known)} would be updated; the limit is {policy.max_updates.text}"
        tripped = Tripped("max_updates", policy.max_updates.text, census.updates, told)
        yield Verdict(tripped, names)


def sift(entry: Entry, verdicts: Sequence[Verdict], say: Say) -> list[Entry]:
    """What of an entry goes, and what is held: only the changes that a gate names, each under every gate that names it."""
    match entry:
        case Update():
            return _sift(entry, verdicts, say)
        case Rejection():
            holds = tuple(
                Hold(gate.tripped.gate, gate.tripped.reason, ("",)) for gate in verdicts if gate.tripped.gate == "max_rejected"
            )
            return [replace(entry, parked=False, holds=holds) if holds else entry]
        case Foreign() if any(gate.whole for gate in verdicts):
            return []  # it goes on waiting: whether it is gone is to be seen when the source is well
    return [entry]


def _sift(update: Update, verdicts: Sequence[Verdict], say: Say) -> list[Entry]:
    holds = [
        Hold(gate.tripped.gate, gate.tripped.reason, named)
        for gate in verdicts
        if (named := tuple(change.field for change in update.changes if gate.names(update, change)))
    ]
    if not holds:
        return [update]
    names = {name for hold in holds for name in hold.fields}
    kept = tuple(change for change in update.changes if change.field in names)
    rest = tuple(change for change in update.changes if change.field not in names)
    held = Held(narrowed(update, kept, say), holds[0].gate, said_of(holds), tuple(holds))
    return [held, narrowed(update, rest, say)] if rest else [held]


def examples(verdict: Verdict, entries: Iterator[Entry], most: int) -> Iterator[Update | Rejection]:
    """The first few customers that a gate is about, with what it is about."""
    for entry in entries:
        if most == 0:
            return
        if isinstance(entry, Rejection) and any(hold.gate == verdict.tripped.gate for hold in entry.holds):
            yield entry
        elif isinstance(entry, Held) and verdict.tripped.gate != "max_rejected":
            changes = tuple(change for change in entry.update.changes if verdict.names(entry.update, change))
            if not changes:
                continue
            yield replace(entry.update, changes=changes, requests=())
        else:
            continue
        most -= 1


def _everything(gate: str, limit: str, figure: int, told: str) -> Verdict:
    return Verdict(Tripped(gate, limit, figure, told), _unless_released(gate, lambda _change: True), whole=True)


def _field(tripped: Tripped) -> Verdict:
    return Verdict(tripped, _unless_released(tripped.gate, lambda change: change.field == tripped.field))


def _unless_released(gate: str, names: Callable[[Change], bool]) -> Callable[[Update, Change], bool]:
    return lambda update, change: names(change) and (gate, change.field) not in update.released


def _of(figure: int, known: int) -> str:
    return f"{figure} of {known} customers"
