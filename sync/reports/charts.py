"""Figures of a plan -> tables with bars, as HTML. Pure: every text is escaped, and no style stands in an attribute."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from sync.model import TargetPlan
from sync.reports.values import visible
from sync.reports.wording import Row, busiest, counted, estimate, heads, summary

WIDTH: Final = 1000
NARROWEST: Final = 6
"""What is there is seen, however few it is."""
MOST_BARS: Final = 12


def figures(targets: Sequence[TargetPlan]) -> str:
    """A line for each target, with the share of each outcome."""
    names = heads(targets)
    keys = [
        f'<svg class="key" viewBox="0 0 1 1" aria-hidden="true"><rect class="{name}" width="1" height="1"/></svg>'
        for name in names
    ]
    columns = zip([*keys, ""], [*names, "requests"], strict=True)
    head = "".join(f'<th scope="col" class="number">{key}{name}</th>' for key, name in columns)
    rows = summary(targets)
    left = "".join(_left(target) for target in targets if target.left)
    body = "".join(_figures(row, names, whole=len(rows) > 1 and row is rows[-1]) for row in rows)
    return (
        '<div class="scroll" role="region" aria-labelledby="summary-title" tabindex="0"><table class="figures">'
        f'<thead><tr><th scope="col">target</th>{head}<th scope="col" class="number">time</th>'
        '<th scope="col">share</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>{left}"
    )


def _left(target: TargetPlan) -> str:
    name, who = escape(visible(target.target)), counted(target.left, "customer")
    return f"<p>{name}: {who} left, and what it holds of them stays as it is.</p>"


def fields(targets: Sequence[TargetPlan]) -> str:
    """A card for each target that has changes: how often each field changes, the most frequent first."""
    cards = "".join(_card(target) for target in targets if target.fields)
    return f'<div class="cards">{cards}</div>' if cards else "<p>No field changes.</p>"


def _figures(row: Row, names: Sequence[str], *, whole: bool) -> str:
    cells = "".join(f'<td class="number">{number:,}</td>' for number in (*row.figures, row.requests))
    name = escape(visible(row.target))
    kind = ' class="all"' if whole else ""
    bar = _stack(row.figures, names)
    return f'<tr{kind}><th scope="row">{name}</th>{cells}<td class="number">{row.time or "-"}</td><td class="bar">{bar}</td></tr>'


def _stack(numbers: Sequence[int], names: Sequence[str]) -> str:
    total = sum(numbers)
    label = ", ".join(f"{number:,} {name}" for number, name in zip(numbers, names, strict=True))
    rects, place = "", 0.0
    for number, name in zip(numbers, names, strict=True):
        width = _share(number, total)
        rects += f'<rect class="{name}" x="{place:.1f}" width="{width:.1f}" height="8"/>' if number else ""
        place += width
    return (
        f'<svg viewBox="0 0 {max(WIDTH, place):.1f} 8" preserveAspectRatio="none" role="img" aria-label="{label}">{rects}</svg>'
    )


def _share(number: int, total: int) -> float:
    return max(NARROWEST, WIDTH * number / total) if number else 0.0


def _card(target: TargetPlan) -> str:
    counts = busiest(target)
    head = f'<h3>{escape(visible(target.target))}</h3><p class="dim">{escape(estimate(target))}</p>'
    rest = f"<details><summary>{len(counts) - MOST_BARS} more</summary>{_bars(target, counts[MOST_BARS:])}</details>"
    return f'<div class="card">{head}{_bars(target, counts[:MOST_BARS])}{rest if len(counts) > MOST_BARS else ""}</div>'


def _bars(target: TargetPlan, counts: Sequence[tuple[str, int]]) -> str:
    """Bars of all fields of a target are to one scale."""
    most = max(target.fields.values(), default=0)
    rows = "".join(_rows(target.target, counts, most))
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("field", "share", "changes"))
    return f'<table><thead class="away"><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _rows(target: str, counts: Sequence[tuple[str, int]], most: int) -> Iterator[str]:
    place = escape(visible(target))
    for field, count in counts:
        name = escape(visible(field))
        button = f'<button type="button" data-target="{place}" data-field="{name}">{name}</button>'
        rect = f'<rect class="update" width="{_share(count, most):.1f}" height="8"/>'
        bar = f'<svg viewBox="0 0 {WIDTH} 8" preserveAspectRatio="none" aria-hidden="true">{rect}</svg>'
        yield f'<tr><th scope="row">{button}</th><td>{bar}</td><td class="number">{count:,}</td></tr>'
