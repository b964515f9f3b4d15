"""A map test that fails -> lines for a person: each field as expected and as it came, marked where the two differ."""

from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.cells import cell_len

from sync.model import Change, Mismatch, Said
from sync.reports.ink import Ink
from sync.reports.marking import Piece, Pieces, Sides, clip, sides
from sync.reports.values import shown, visible

LONGEST = 100


def maptest_text(file: str, test: str, mismatches: Sequence[Mismatch], out: TextIO) -> str:
    """A line that names the test, then three or four for each field; in colour where `out` is a terminal."""
    ink = Ink(out, colour=None, width=None)
    return "\n".join([f"{file}: {visible(test)} fails", *(line for one in mismatches for line in _lines(one, ink))])


def _lines(mismatch: Mismatch, ink: Ink) -> Iterator[str]:
    expected, got = clip(_sides(mismatch), LONGEST)
    if mismatch.field:
        yield f"  {ink(visible(mismatch.field), 'field')}"
    yield f"    expected  {ink.pieces(expected, 'after', 'come')}"
    if marks := _marks(expected):
        yield f"              {marks}"
    yield f"    got       {ink.pieces(got, 'before', 'gone')}"
    if marks := _marks(got):
        yield f"              {marks}"


def _sides(mismatch: Mismatch) -> Sides:
    expected, got = mismatch.expected, mismatch.got
    if isinstance(expected, Said) or isinstance(got, Said):
        return (Piece(_said(expected)),), (Piece(_said(got)),)
    return sides(Change(mismatch.field, expected, got))


def _said(value: object) -> str:
    return visible(value.text) if isinstance(value, Said) else shown(value)


def _marks(pieces: Pieces) -> str:
    """Signs below what differs, also for who sees no colour."""
    return "".join(("^" if piece.differs else " ") * cell_len(piece.text) for piece in pieces).rstrip()
