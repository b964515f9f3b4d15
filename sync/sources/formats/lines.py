"""JSON lines -> one row a line, with exact decimals; a line that is no JSON object makes the file damaged."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, ClassVar

from sync.sources.formats.base import EMPTY, Damaged, Format, Row, Sheet, not_text, text_of
from sync.sources.formats.values import DECODER, Kinds


@dataclass(frozen=True, slots=True)
class JsonLines(Format):
    """Lines with nothing in them are none."""

    declares: ClassVar[bool] = False
    encoding: str = "utf-8"

    def read(self, file: BinaryIO) -> Sheet:
        """The columns are those of all objects together."""
        kinds = Kinds()
        return Sheet(kinds, self._rows(file, kinds))

    def _rows(self, file: BinaryIO, kinds: Kinds) -> Iterator[Row]:
        text, number = text_of(file, self.encoding), 0
        while True:
            number += 1
            try:
                line = text.readline()
                item = DECODER.decode(line) if line.strip() else None
            except UnicodeError as error:
                raise not_text(error, number, self.encoding) from None
            except (ValueError, RecursionError):
                raise Damaged(f"line {number} is not JSON: it is damaged, or cut short") from None
            if not line:
                break
            if isinstance(item, dict):
                kinds.see(item)
                yield item, ""
            elif line.strip():
                raise Damaged(f"line {number} is no JSON object")
        if number == 1:
            raise Damaged(EMPTY)
