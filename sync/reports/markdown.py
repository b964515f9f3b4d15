"""A plan -> Markdown for a pull request or a chat: a table of figures, and each target's customers folded away."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TextIO

from sync.model import ABSENT, Change, Held, Outcome, Rejection, Request, TargetPlan, Told, Tripped, Update
from sync.ports import Report
from sync.reports.gates import clipped
from sync.reports.marking import Pieces, clip, sides
from sync.reports.values import shown, visible
from sync.reports.wording import (
    GONE,
    TOLD,
    Kind,
    Row,
    busiest,
    counted,
    ended,
    entries,
    errors,
    estimate,
    heads,
    how_many,
    leavers,
    says,
    summary,
    title,
    why_held,
)

SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~&$#@])")
BACKTICKS: Final = re.compile("`+")
LONGEST_VALUE: Final = 120
Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MarkdownPolicy:
    """What is shown: the exact `requests`, and at most `limit` customers in each list (None: all)."""

    requests: bool = False
    limit: int | None = 50


class Markdown(Report):
    """What is pasted where others read it. Every value stands in a code span, so that none of it is taken for markup."""

    def __init__(self, policy: MarkdownPolicy | None = None) -> None:
        self._policy = policy or MarkdownPolicy()

    def write(self, plan: str, targets: Sequence[TargetPlan], out: TextIO) -> None:
        """A table of all targets, then a section for each that has something to say."""
        out.write(f"## {title(targets)} {code(plan)}\n\n")
        figures = (*heads(targets), "requests")
        out.writelines(table(("target", *figures, "time"), map(_cells, summary(targets)), numbers=range(1, len(figures) + 1)))
        for target in targets:
            if says(target):
                out.writelines(_section(target, self._policy))


def code(text: str) -> str:
    """Text as a code span, also inside a table, whatever is in it."""
    text = visible(text).replace("|", "\\|")
    fence = "`" * (_longest_run(text) + 1)
    edges = (text[:1], text[-1:])  # a space at both ends is taken away, unless there is nothing else
    pad = " " if not text or "`" in edges or (" " in edges and text.strip(" ")) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def words(text: str) -> str:
    """Text as words, none of them taken for markup."""
    return SPECIAL.sub(r"\\\1", visible(text))


def table(heads: Cells, rows: Iterator[Cells], numbers: range = range(0)) -> Iterator[str]:
    """Lines of a table; the columns `numbers` are aligned to the right."""
    yield f"| {' | '.join(heads)} |\n"
    yield f"|{'|'.join('--:' if column in numbers else '---' for column in range(len(heads)))}|\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


def _longest_run(text: str) -> int:
    return max(map(len, BACKTICKS.findall(text)), default=0)


def _cells(row: Row) -> Cells:
    return (words(row.target), *(f"{number:,}" for number in (*row.figures, row.requests)), row.time)


def _section(target: TargetPlan, policy: MarkdownPolicy) -> Iterator[str]:
    yield f"\n### {words(target.target)}\n\n{estimate(target).capitalize()}.\n"
    if target.fields:
        fields = ", ".join(f"{code(name)} {count:,}" for name, count in busiest(target))
        yield f"\nChanges: {fields}\n"
    if target.gates:
        yield "\n"
        yield from table(("gate", "limit", "figure", "why", "such as"), map(_gate, target.gates), numbers=range(1, 3))
    yield from _list("update", target.updates, _updates(target, policy))
    for outcome in TOLD:
        name = "rejected by the vendor" if outcome is Outcome.REJECTED else outcome.value
        yield from _list(name, how_many(target, outcome), _ended(target, outcome, policy))
    yield from _list("rejected", target.rejected, _rejected(target, policy))
    yield from _list("held", target.held, _held(target, policy))
    yield from _list("left: no longer this target's", target.left, _left(target, policy))


def _gate(tripped: Tripped) -> Cells:
    value = "" if tripped.value is ABSENT else f": {code(clipped(shown(tripped.value)))}"
    examples = "<br>".join(map(_example, tripped.examples))
    return words(tripped.gate), words(tripped.limit), f"{tripped.figure:,}", words(tripped.reason) + value, examples


def _example(example: Update | Rejection) -> str:
    if isinstance(example, Rejection):
        told = [f"{code(error.field)} {words(error.message)}" for error in errors(example)]
    else:
        told = [f"{field} {before} -> {after}" for field, before, after, _ in map(_change, example.changes)]
    return f"{code(example.customer)}: {', '.join(told)}"


def _list(name: str, total: int, lines: Iterator[str]) -> Iterator[str]:
    if not total:
        return
    title = counted(total, name) if name == "update" else f"{total:,} {name}"
    yield f"\n<details><summary>{title}</summary>\n\n"
    yield from lines
    yield "\n</details>\n"


def _updates(target: TargetPlan, policy: MarkdownPolicy) -> Iterator[str]:
    heads = ("customer", "id", "field", "before", "after", "from")
    yield from table(heads, (row for update in entries(target, Update, policy.limit) for row in _changes(update)))
    yield from _rest(target.updates, policy)
    if policy.requests:
        yield from _requests(target, Update, policy, lambda update: update.requests)


def _ended(target: TargetPlan, outcome: Outcome, policy: MarkdownPolicy) -> Iterator[str]:
    columns = ("customer", "id", "field", "before", "after", "from", "why")
    rows = ((*row, _why(told)) for told in ended(target, outcome, policy.limit) for row in _changes(told.update))
    yield from table(columns, rows)
    yield from _rest(how_many(target, outcome), policy)
    if policy.requests:
        yield from _blocks(told.update.requests for told in ended(target, outcome, policy.limit))


def _why(told: Told) -> str:
    said = [words(told.reason)] if told.reason else []
    return "<br>".join([*said, *(f"{code(error.field)} {words(error.message)}" for error in told.errors)])


def _changes(update: Update) -> Iterator[Cells]:
    """The customer is named once, in the first of its rows."""
    named: Cells = (code(update.customer), code(update.identity.value) + (f", {GONE}" if update.gone else ""))
    for change in update.changes:
        yield (*named, *_change(change))
        named = ("", "")


def _change(change: Change) -> Cells:
    before, after = clip(sides(change), LONGEST_VALUE)
    return code(change.field), _value(before), _value(after), words(", ".join(change.sources))


def _value(pieces: Pieces) -> str:
    """What differs stands out in bold; code spans never touch, because only what differs and what does not take turns."""
    turns = groupby(pieces, key=lambda piece: piece.differs)
    spans = [(differs, code("".join(piece.text for piece in run))) for differs, run in turns]
    return "".join(f"**{span}**" if differs else span for differs, span in spans)


def _rejected(target: TargetPlan, policy: MarkdownPolicy) -> Iterator[str]:
    rejections = entries(target, Rejection, policy.limit)
    rows = (
        (code(rejection.customer), code(error.field), words(error.message))
        for rejection in rejections
        for error in errors(rejection)
    )
    yield from table(("customer", "field", "error"), rows)
    yield from _rest(target.rejected, policy)


def _held(target: TargetPlan, policy: MarkdownPolicy) -> Iterator[str]:
    heads = ("customer", "id", "field", "before", "after", "from", "held by")
    rows = (
        (*row, words(why_held(held, change.field)))
        for held in entries(target, Held, policy.limit)
        for change, row in zip(held.update.changes, _changes(held.update), strict=True)
    )
    yield from table(heads, rows)
    yield from _rest(target.held, policy)
    if policy.requests:
        yield from _requests(target, Held, policy, lambda held: held.update.requests)


def _left(target: TargetPlan, policy: MarkdownPolicy) -> Iterator[str]:
    yield from table(("customer", "why"), ((code(customer), words(why)) for customer, why in leavers(target, policy.limit)))
    yield from _rest(target.left, policy)


def _rest(total: int, policy: MarkdownPolicy) -> Iterator[str]:
    if policy.limit is not None and total > policy.limit:
        yield f"\n... and {total - policy.limit:,} more\n"


def _requests(
    target: TargetPlan, kind: type[Kind], policy: MarkdownPolicy, of: Callable[[Kind], Sequence[Request]]
) -> Iterator[str]:
    yield from _blocks(map(of, entries(target, kind, policy.limit)))


def _blocks(sent: Iterator[Sequence[Request]]) -> Iterator[str]:
    yield "\n<details><summary>requests</summary>\n"
    for requests in sent:
        for request in requests:
            line = f"{request.method} {request.url} {(request.content() or b'').decode()}".rstrip()
            fence = "`" * max(3, _longest_run(line) + 1)
            yield f"\n{fence}\n{line}\n{fence}\n"
    yield "\n</details>\n"
