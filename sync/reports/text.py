"""A plan -> lines for a person at a terminal: figures first, then every customer; plain where it is piped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from rich.cells import cell_len

from sync.errors import FieldError
from sync.model import ABSENT, Change, Held, Outcome, Rejection, TargetPlan, Told, Tripped, Update
from sync.ports import Report
from sync.reports.gates import clipped
from sync.reports.ink import Ink
from sync.reports.marking import Pieces, clip, sides
from sync.reports.values import shown, visible
from sync.reports.wording import (
    TOLD,
    Kind,
    Row,
    busiest,
    ended,
    entries,
    errors,
    estimate,
    heads,
    holds,
    how_many,
    known_as,
    leavers,
    says,
    summary,
    title,
)

COLOURS: Final = {
    "updates": "good",
    "delivered": "good",
    "rejected": "bad",
    "rejected by the vendor": "bad",
    "unknown": "bad",
    "deferred": "wait",
    "held": "wait",
}
SMALLEST_ROOM: Final = 32
"""Characters for a value, however narrow the terminal."""
WIDEST_FIELD: Final = 32


@dataclass(frozen=True, slots=True)
class TextPolicy:
    """What is shown, and how.

    `requests`: what is sent, byte for byte. `colour` None: where the output is a terminal. `width` in characters, None: that
    of the terminal, 120 without one. `limit`: at most so many customers in each list, None: all.
    """

    requests: bool = False
    colour: bool | None = None
    width: int | None = None
    limit: int | None = None


class Text(Report):
    """What a person reads. Long values are cut around the first character that differs; requests never are."""

    def __init__(self, policy: TextPolicy | None = None) -> None:
        self._policy = policy or TextPolicy()

    def write(self, plan: str, targets: Sequence[TargetPlan], out: TextIO) -> None:
        """A summary of all targets, then a section for each that has something to say."""
        ink = Ink(out, colour=self._policy.colour, width=self._policy.width)
        out.write(ink(f"{title(targets)} {visible(plan)}", "title") + "\n\n")
        out.writelines(line + "\n" for line in _summary(targets, ink))
        for target in targets:
            out.writelines(line + "\n" for line in _Section(target, self._policy, ink).lines())


def _summary(targets: Sequence[TargetPlan], ink: Ink) -> Iterator[str]:
    rows = [_cells(row) for row in summary(targets)]
    columns = ("target", *heads(targets), "requests", "time")
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    yield ink("  ".join(_padded(columns, widths)), "dim")
    for row in rows:
        yield "  ".join(
            ink(text, COLOURS[name]) if name in COLOURS and cell != "0" else text
            for name, cell, text in zip(columns, row, _padded(row, widths), strict=True)
        ).rstrip()


def _cells(row: Row) -> list[str]:
    return [visible(row.target), *(f"{figure:,}" for figure in (*row.figures, row.requests)), row.time or "-"]


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *numbers, last = zip(cells, widths, strict=True)
    return [f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in numbers), last[0]]


class _Section:
    """One target in detail."""

    def __init__(self, target: TargetPlan, policy: TextPolicy, ink: Ink) -> None:
        self._target, self._policy, self._ink = target, policy, ink
        self._field_width = min(WIDEST_FIELD, max(map(len, target.fields), default=0))

    def lines(self) -> Iterator[str]:
        target = self._target
        if not says(target):
            return
        yield ""
        yield self._ink(visible(target.target), "title") + self._ink(f"  {estimate(target)}", "dim")
        if target.fields:
            yield from self._fields()
        for tripped in target.gates:
            yield from self._gate(tripped)
        yield from self._list("updates", target.updates, Update, self._update)
        for outcome in TOLD:
            yield from self._ended(outcome)
        yield from self._list("rejected", target.rejected, Rejection, self._rejection)
        yield from self._list("held", target.held, Held, self._held)
        yield from self._left()

    def _fields(self) -> Iterator[str]:
        """How often each field changes, as many on a line as fit."""
        line, used = "  changes", 9
        for name, count in busiest(self._target):
            size = cell_len(visible(name)) + len(f"  {count:,}") + 1
            if used + size > self._ink.width and used > len("  changes"):
                yield line
                line, used = "         ", 9
            line += f"  {self._ink(visible(name), 'field')} {count:,}"
            used += size
        yield line

    def _gate(self, tripped: Tripped) -> Iterator[str]:
        yield ""
        yield f"  {self._ink(tripped.gate, 'wait')}  {visible(tripped.reason)}"
        if tripped.value is not ABSENT:
            yield f"    value {self._ink(clipped(shown(tripped.value)), 'after')}"
        for example in tripped.examples:
            if isinstance(example, Update):
                yield self._customer(example.customer, visible(known_as(example)))
                for change in example.changes:
                    yield from self._change(change)
            else:
                yield from self._rejection(example)

    def _list(self, name: str, total: int, kind: type[Kind], say: Callable[[Kind], Iterator[str]]) -> Iterator[str]:
        if not total:
            return
        limit = self._policy.limit
        yield ""
        yield "  " + self._ink(f"{total:,} {name if total > 1 else name.removesuffix('s')}", COLOURS[name])
        for entry in entries(self._target, kind, limit):
            yield from say(entry)
        if limit is not None and total > limit:
            yield self._ink(f"    ... and {total - limit:,} more", "dim")

    def _ended(self, outcome: Outcome) -> Iterator[str]:
        total, limit = how_many(self._target, outcome), self._policy.limit
        if not total:
            return
        name = "rejected by the vendor" if outcome is Outcome.REJECTED else outcome.value
        yield ""
        yield "  " + self._ink(f"{total:,} {name}", COLOURS[name])
        for told in ended(self._target, outcome, limit):
            yield from self._told(told)
        if limit is not None and total > limit:
            yield self._ink(f"    ... and {total - limit:,} more", "dim")

    def _told(self, told: Told) -> Iterator[str]:
        customer, *details = self._update(told.update)
        yield customer
        if told.reason:
            yield "      " + self._ink(visible(told.reason), "dim" if told.outcome is Outcome.DELIVERED else "bad")
        for error in told.errors:
            yield self._error(error)
        yield from details

    def _left(self) -> Iterator[str]:
        target, limit = self._target, self._policy.limit
        if not target.left:
            return
        yield ""
        yield "  " + self._ink(f"{target.left:,} left", "wait") + "  no longer this target's, which keeps what it holds of them"
        for customer, why in leavers(target, limit):
            yield self._customer(customer, why)
        if limit is not None and target.left > limit:
            yield self._ink(f"    ... and {target.left - limit:,} more", "dim")

    def _update(self, update: Update) -> Iterator[str]:
        yield self._customer(update.customer, visible(known_as(update)))
        for change in update.changes:
            yield from self._change(change)
        if self._policy.requests:
            yield from self._requests(update)

    def _held(self, held: Held) -> Iterator[str]:
        customer, *details = self._update(held.update)
        yield customer
        for hold in holds(held):
            yield f"      {self._ink(visible(hold.reason), 'wait')}{self._ink(f'  {hold.gate}', 'dim')}"
        yield from details

    def _rejection(self, rejection: Rejection) -> Iterator[str]:
        yield self._customer(rejection.customer, "")
        for error in errors(rejection):
            yield self._error(error)

    def _customer(self, customer: str, id: str) -> str:
        return f"    customer {self._ink(visible(customer), 'title')}" + (self._ink(f"  {id}", "dim") if id else "")

    def _error(self, error: FieldError) -> str:
        return f"      {self._ink(self._name(error.field), 'field')}  {self._ink(visible(error.message), 'bad')}"

    def _name(self, field: str) -> str:
        return f"{visible(field):<{self._field_width}}"

    def _change(self, change: Change) -> Iterator[str]:
        """On one line where it fits, else one value below the other, so that they can be compared."""
        before, after = sides(change)
        origin = f"from {visible(', '.join(change.sources))}" if change.sources else ""
        fixed = 6 + max(self._field_width, len(change.field)) + 2
        if fixed + _width(before) + 4 + _width(after) + 2 + cell_len(origin) <= self._ink.width:
            yield self._beside(change.field, before, after, origin)
            return
        yield f"      {self._ink(self._name(change.field), 'field')}  {self._ink(origin, 'dim')}".rstrip()
        room = max(SMALLEST_ROOM, self._ink.width - 36)
        before, after = clip((before, after), room)
        yield "        - " + self._ink.pieces(before, "before", "gone")
        yield "        + " + self._ink.pieces(after, "after", "come")

    def _beside(self, field: str, before: Pieces, after: Pieces, origin: str) -> str:
        ink = self._ink
        values = f"{ink.pieces(before, 'before', 'gone')} -> {ink.pieces(after, 'after', 'come')}"
        return f"      {ink(self._name(field), 'field')}  {values}" + (f"  {ink(origin, 'dim')}" if origin else "")

    def _requests(self, update: Update) -> Iterator[str]:
        """Byte for byte; on a terminal, what would command it stands as JSON escapes it."""
        for request in update.requests:
            content = (request.content() or b"").decode()
            line = f"{request.method} {request.url} {content}".rstrip()
            yield "      " + self._ink(visible(line) if self._ink.terminal else line, "dim")


def _width(pieces: Pieces) -> int:
    return sum(cell_len(piece.text) for piece in pieces)
