"""One JSON document -> the objects of the list in it, one by one, so that its size does not matter."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar, TextIO

from sync.sources.formats.base import Damaged, Format, Row, Sheet, text_of
from sync.sources.formats.values import DECODER, Kinds

CHUNK = 1 << 16
LONGEST = 1 << 26
"""Characters of one value; a text without its end would otherwise be held as a whole."""
LOOKAHEAD = 3
"""Behind a number at the end of what is held, `e+5` may follow."""
SOMETHING = re.compile(r"[^ \t\r\n]")


@dataclass(frozen=True, slots=True)
class JsonDocument(Format):
    """`items` is the dotted path to the list; None: the document is the list."""

    declares: ClassVar[bool] = False
    encoding: str = "utf-8"
    items: str | None = None

    def read(self, file: BinaryIO) -> Sheet:
        """The columns are those of all objects together."""
        kinds = Kinds()
        return Sheet(kinds, self._rows(file, kinds))

    def _rows(self, file: BinaryIO, kinds: Kinds) -> Iterator[Row]:
        try:
            for item in _Document(text_of(file, self.encoding)).items(self.items.split(".") if self.items else []):
                if not isinstance(item, dict):
                    raise Damaged("its list holds something that is no JSON object")
                kinds.see(item)
                yield item, ""
        except UnicodeError:
            raise Damaged(f'it is not {self.encoding}: say how it is written, such as encoding = "cp1252", or mend it') from None
        except _NoList:
            where = f"there is no list at items = {self.items!r}" if self.items else "it is no list; say where it is: items"
            raise Damaged(where) from None
        except (ValueError, RecursionError):
            raise Damaged("it is not JSON: it is damaged, or cut short") from None


class _NoList(Exception):
    """There is something else where the list should be, or nothing."""


class _Document:
    """JSON text that is read as it is needed; ValueError where it ends too early or is none."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._held = ""
        self._place = 0
        self._ended = False

    def items(self, path: Sequence[str]) -> Iterator[Any]:
        """The items of the list at `path`; what stands around it is read, too, since a file that is cut short may end there."""
        if not self._peek():
            raise ValueError
        yield from self._within(path)
        if self._peek():
            raise ValueError

    def _within(self, path: Sequence[str]) -> Iterator[Any]:
        if self._peek() != ("{" if path else "["):
            raise _NoList
        if not path:
            for _ in self._members("]"):
                yield self._value()
            return
        found = False
        for _ in self._members("}"):
            name = self._value()
            self._take(":")
            if name == path[0]:
                found = True
                yield from self._within(path[1:])
            else:
                self._value()
        if not found:
            raise _NoList

    def _members(self, end: str) -> Iterator[None]:
        """Once for each member of the list or object that begins here, which the caller then reads."""
        self._place += 1
        if self._peek() == end:
            self._place += 1
            return
        while True:
            yield
            if self._peek() == end:
                self._place += 1
                return
            self._take(",")

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            raise ValueError
        self._place += 1

    def _peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            found = SOMETHING.search(self._held, self._place)
            if found:
                self._place = found.start()
                return found[0]
            self._place = len(self._held)
            if not self._more():
                return ""

    def _value(self) -> Any:
        """A value that reaches up to the end of what is held may go on behind it (12|34), so that more is read first."""
        self._peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._held, self._place)
            except ValueError:
                if len(self._held) - self._place > LONGEST or not self._more():
                    raise
                continue
            if end + LOOKAHEAD <= len(self._held) or self._ended:
                self._place = end
                return value
            self._more()

    def _more(self) -> bool:
        """Reads on, by as much again as is held, so that a long value is not tried too often."""
        held = self._held[self._place :]
        found = self._text.read(max(CHUNK, len(held)))
        self._held, self._place, self._ended = held + found, 0, not found
        return bool(found)
