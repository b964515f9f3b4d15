"""Text and what it means -> the same text, coloured where it goes to a terminal that wants colour."""

from typing import Final, TextIO

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from sync.reports.marking import Pieces

STYLES: Final = {
    "title": Style.parse("bold"),
    "dim": Style.parse("dim"),
    "field": Style.parse("cyan"),
    "bad": Style.parse("bold red"),
    "wait": Style.parse("bold yellow"),
    "good": Style.parse("bold green"),
    "before": Style.parse("red"),
    "after": Style.parse("green"),
    "gone": Style.parse("red reverse"),
    "come": Style.parse("green reverse"),
}
"""The sixteen colours of the terminal's own theme, so that they can be read on dark and on light."""
PIPED_WIDTH: Final = 120


class Ink:
    """How one output is written on: its width in characters, and with or without colour."""

    def __init__(self, out: TextIO, *, colour: bool | None, width: int | None) -> None:
        console = Console(file=out)
        able = console.is_terminal and not console.is_dumb_terminal and not console.no_color
        self._coloured = able if colour is None else colour
        self.terminal = console.is_terminal
        self.width = width or (console.width if console.is_terminal else PIPED_WIDTH)

    def __call__(self, text: str, style: str) -> str:
        """The text in one of the styles."""
        return STYLES[style].render(text, color_system=ColorSystem.STANDARD) if self._coloured else text

    def pieces(self, pieces: Pieces, style: str, marked: str) -> str:
        """A text in pieces, those that differ in the style `marked`."""
        return "".join(self(piece.text, marked if piece.differs else style) for piece in pieces)
