"""CSV and TSV -> rows of text: dialect, encoding and header checked, every row as wide as the header or told."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, Literal

from sync.sources.formats.base import EMPTY, Damaged, Format, Row, Sheet, checked, not_text, text_of

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the text is written. `delimiter` None: the one of `,` `;` tab and `|` that makes the key a column of the header."""

    encoding: str = "utf-8"
    delimiter: str | None = None
    quote: str | None = '"'
    escape: str | None = None
    nulls: frozenset[str] = frozenset({""})
    """The texts that stand for no value."""
    final_newline: bool = False
    """Whether a last line without an end is one that was cut short, however wide it is."""


@dataclass(frozen=True, slots=True)
class Delimited(Format):
    """Text with one row a line, and the columns' names in the first."""

    declares: ClassVar[bool] = True
    key: str
    dialect: Dialect = Dialect()

    def read(self, file: BinaryIO) -> Sheet:
        """The header at once, the rows one by one."""
        lines = _Lines(file, self.dialect.encoding)
        first = next(lines, None)
        if first is None:
            raise Damaged(EMPTY)
        delimiter = self.dialect.delimiter or self._detected(first)
        lines.push(first)
        reader = self._reader(lines, delimiter)
        names = [name.strip() for name in self._next(reader, lines) or []]
        checked(names, self.key)
        return Sheet({name: "text" for name in names if name}, self._rows(reader, lines, names))

    def _detected(self, header: str) -> str:
        """Only the delimiter beside the key makes it a cell of its own, so that no two can be meant."""
        for delimiter in DELIMITERS:
            cells = next(self._reader(iter([header]), delimiter, strict=False), [])
            if len(cells) > 1 and self.key in (cell.strip() for cell in cells):
                return delimiter
        return DELIMITERS[0]

    def _reader(self, lines: Iterator[str], delimiter: str, *, strict: bool = True) -> Iterator[list[str]]:
        quote, escape = self.dialect.quote, self.dialect.escape
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=delimiter, quotechar=quote, escapechar=escape, quoting=quoting, strict=strict)

    def _next(self, reader: Iterator[list[str]], lines: "_Lines") -> list[str] | None:
        try:
            return next(reader, None)
        except csv.Error as error:
            raise Damaged(f"line {lines.count} cannot be read ({error}): it is damaged, or cut short") from None

    def _rows(self, reader: Iterator[list[str]], lines: "_Lines", names: Sequence[str]) -> Iterator[Row]:
        """A row that is too short or too long keeps its key, and nobody can tell the rest of it."""
        nulls, width, named = self.dialect.nulls, len(names), _named(names)
        trouble = "" if lines.ended else "the header has no end"
        while (cells := self._next(reader, lines)) is not None:
            if not cells:
                continue
            trouble = "" if len(cells) == width else f"line {lines.count} has {len(cells)} values, the header has {width}"
            values = [None if cell in nulls else cell for cell in cells]
            yield named((values + [None] * width)[:width] if trouble else values), trouble
        if not lines.ended and (trouble or self.dialect.final_newline):
            raise Damaged("its last line has no end: it was cut short")


def _named(names: Sequence[str]) -> Callable[[list[str | None]], tuple[str | None, ...]]:
    """What takes the values of the columns that have a name."""
    places = [place for place, name in enumerate(names) if name]
    if len(places) == len(names):
        return tuple
    return lambda values: tuple([values[place] for place in places])


class _Lines(Iterator[str]):
    """A file's lines, counted, and whether the last one had its end."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._text = text_of(file, encoding)
        self._pushed: str | None = None
        self._encoding = encoding
        self.count = 0
        self.ended = False

    def push(self, line: str) -> None:
        """Makes it the next one once more."""
        self._pushed = line
        self.count -= 1

    def __next__(self) -> str:
        line, self._pushed = self._pushed, None
        if line is None:
            try:
                line = next(self._text)
            except UnicodeError as error:
                raise not_text(error, self.count + 1, self._encoding) from None
        self.count += 1
        self.ended = line[-1] in "\r\n"
        if "\0" in line:
            raise Damaged(f"line {self.count} holds zero bytes: it is damaged, or not {self._encoding}")
        return line
