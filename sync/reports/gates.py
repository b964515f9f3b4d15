"""The gates that have tripped, with a few customers each -> lines for a person, a section of HTML. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from sync.model import ABSENT, Rejection, Released, TargetPlan, Tripped, Update
from sync.reports.marking import Pieces, clip, sides
from sync.reports.values import shown, visible
from sync.reports.wording import counted, errors

LONGEST_VALUE: Final = 120


def gates_text(gates: Mapping[str, Sequence[Tripped]]) -> str:
    """By target: which gate, limit and figure, a few customers, and how to let it through."""
    lines = [line for target, tripped in gates.items() for one in tripped for line in _lines(target, one)]
    return "\n".join(["", "", "Held by gates", *lines]) if lines else ""


def released_text(target: str, gate: str, released: Released) -> str:
    """How many were let through, and what becomes of them."""
    lines = []
    if released.rows is not None:
        lines.append(f"{released.rows:,} rows of the source count as right from now on")
    if released.customers:
        lines.append(f"{counted(released.customers, 'customer')} let through {gate}: the next run sends what it held of them")
    if released.still:
        lines.append(f"{released.still:,} of them are held by other gates, too: customer-sync failures --target {target}")
    return "\n".join(lines) or f"{gate} holds nobody of {target}"


def _lines(target: str, tripped: Tripped) -> Iterator[str]:
    yield f"  {visible(target)}  {tripped.gate}: {visible(tripped.reason)}"
    if tripped.value is not ABSENT:
        yield f"      value {clipped(shown(tripped.value))}"
    for example in tripped.examples:
        yield f"      customer {visible(example.customer)}  {'; '.join(_parts(example))}"
    yield f"      until the source heals, or: customer-sync release {visible(target)} --gate {tripped.gate}"


def _parts(example: Update | Rejection) -> Iterator[str]:
    if isinstance(example, Rejection):
        yield from (f"{visible(error.field)}: {visible(error.message)}" for error in errors(example))
        return
    for change in example.changes:
        before, after = clip(sides(change), LONGEST_VALUE)
        yield f"{visible(change.field)}: {_said(before)} -> {_said(after)}"


def _said(pieces: Pieces) -> str:
    return "".join(piece.text for piece in pieces)


def gates_html(targets: Sequence[TargetPlan]) -> str:
    """A table of all that have tripped; nothing where none has."""
    rows = "".join(_row(target.target, one) for target in targets for one in target.gates)
    if not rows:
        return ""
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("target", "gate", "why", "such as"))
    return (
        '<section aria-labelledby="gates-title"><h2 id="gates-title">Held by gates</h2>'
        '<div class="scroll" role="region" aria-labelledby="gates-title" tabindex="0">'
        f'<table class="gates"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _row(target: str, tripped: Tripped) -> str:
    value = "" if tripped.value is ABSENT else f'<div class="value">{escape(clipped(shown(tripped.value)))}</div>'
    examples = "".join(
        f"<div>customer {escape(visible(example.customer))}: {escape('; '.join(_parts(example)))}</div>"
        for example in tripped.examples
    )
    return (
        f'<tr><th scope="row">{escape(visible(target))}</th><td class="held">{escape(tripped.gate)}</td>'
        f"<td>{escape(visible(tripped.reason))}{value}</td><td>{examples}</td></tr>"
    )


def clipped(text: str) -> str:
    """A value as a report shows it: its beginning, where it is long."""
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
