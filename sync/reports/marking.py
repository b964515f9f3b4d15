"""Two values -> their texts, in pieces that differ or do not. Pure."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from sync.model import Change
from sync.reports.values import shown

LONGEST: Final = 400
"""Longer texts are compared at both ends only: comparing takes the square of their length."""
ALIKE: Final = 0.5
"""Below this share of common characters, marking them would only be noise."""


class Piece(NamedTuple):
    """A part of a text, and whether the other text lacks it there."""

    text: str
    differs: bool = False


Pieces = tuple[Piece, ...]
Sides = tuple[Pieces, Pieces]
"""Before and after."""


def sides(change: Change) -> Sides:
    """Before and after as they are shown; what differs is marked where the two have something in common."""
    before, after = shown(change.before), shown(change.after)
    if isinstance(change.before, str) and isinstance(change.after, str):
        old, new = differing(before[1:-1], after[1:-1])
        return _in_quotes(old), _in_quotes(new)
    if isinstance(change.before, list) and isinstance(change.after, list):
        return differing(before, after)
    return (Piece(before),), (Piece(after),)


def differing(before: str, after: str) -> Sides:
    """Both texts, cut where they begin and cease to differ; in one piece each if they have little in common."""
    blocks = list(_blocks(before, after))
    common = sum(size for _, _, size in blocks)
    if before == after or 2 * common < ALIKE * (len(before) + len(after)):
        return (Piece(before),), (Piece(after),)
    return _cut(before, [(old, size) for old, _, size in blocks]), _cut(after, [(new, size) for _, new, size in blocks])


def clip(both: Sides, size: int) -> Sides:
    """Both texts with at most about `size` characters, from shortly before the first that differs."""
    first = max(len(pieces[0].text) if len(pieces) > 1 and not pieces[0].differs else 0 for pieces in both)
    before, after = (_clipped(pieces, max(0, first - size // 3), size) for pieces in both)
    return before, after


def _clipped(pieces: Pieces, start: int, size: int) -> Pieces:
    whole = sum(len(piece.text) for piece in pieces)
    if whole <= size:
        return pieces
    front = (Piece("…"),) if start else ()
    back = (Piece("…"),) if start + size < whole else ()
    return (*front, *_window(pieces, start, start + size), *back, Piece(f" ({whole:,} characters)"))


def _in_quotes(pieces: Pieces) -> Pieces:
    """The quotes are nobody's difference."""
    merged = [Piece('"')]
    for text, differs in (*pieces, Piece('"')):
        if differs or merged[-1].differs:
            merged.append(Piece(text, differs))
        else:
            merged[-1] = Piece(merged[-1].text + text)
    return tuple(merged)


def _blocks(before: str, after: str) -> Iterator[tuple[int, int, int]]:
    """Where the two are the same: offset in each, and length. The ends are found fast, the middle by search."""
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    yield 0, 0, start
    if max(len(old), len(new)) <= LONGEST and not set(old).isdisjoint(new):
        for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
            yield start + block.a, start + block.b, block.size
    yield len(before) - end, len(after) - end, end


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _cut(text: str, blocks: list[tuple[int, int]]) -> Pieces:
    """In turns what differs and what does not; blocks that touch are one piece."""
    runs: list[list[int]] = [[0, 0]]
    for offset, size in blocks:
        if offset > runs[-1][1]:
            runs.append([offset, offset])
        runs[-1][1] = offset + size
    place, pieces = 0, []
    for start, end in runs:
        pieces += [Piece(text[place:start], differs=True), Piece(text[start:end])]
        place = end
    return tuple(piece for piece in (*pieces, Piece(text[place:], differs=True)) if piece.text)


def _window(pieces: Pieces, start: int, end: int) -> Iterator[Piece]:
    place = 0
    for text, differs in pieces:
        part = text[max(0, start - place) : max(0, end - place)]
        place += len(text)
        if part:
            yield Piece(part, differs)
