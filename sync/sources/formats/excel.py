"""An Excel sheet -> rows of its cells' values, row by row (openpyxl, an extra)."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, BinaryIO, ClassVar
from zipfile import BadZipFile

from sync.sources.formats.base import Damaged, Format, Row, Sheet, checked, extra

ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})
UNREADABLE = "it is not an Excel workbook (.xlsx): it is damaged, or cut short"


@dataclass(frozen=True, slots=True)
class Excel(Format):
    """`sheet` None: the only one. The first line is the header; a formula counts as what it last came to."""

    declares: ClassVar[bool] = True
    key: str
    sheet: str | None = None

    def read(self, file: BinaryIO) -> Sheet:
        """A workbook is a zip file, whose directory stands at its end: one that was cut short has none."""
        openpyxl = extra("openpyxl", "excel")
        try:
            with warnings.catch_warnings(action="ignore"):  # it warns of whatever it does not show, such as a drop-down list
                sheet = self._chosen(openpyxl.load_workbook(file, read_only=True, data_only=True))
            sheet.reset_dimensions()  # what the file says of its size is often wrong, and would cut its rows
            lines = sheet.iter_rows(values_only=True)
            header = next(lines, ())
        except (BadZipFile, KeyError, ValueError, OSError, EOFError):
            raise Damaged(UNREADABLE) from None
        names = ["" if cell is None else str(cell).strip() for cell in header]
        checked(names, self.key)
        return Sheet(dict.fromkeys(filter(None, names), ""), _rows(lines, names))

    def _chosen(self, book: Any) -> Any:
        names = [sheet.title for sheet in book.worksheets]
        if self.sheet is None and len(names) != 1:
            raise Damaged(f"it has {len(names)} sheets: say which one, sheet = ...")
        if self.sheet is not None and self.sheet not in names:
            raise Damaged(f"it has no sheet {self.sheet}")
        return book[self.sheet or names[0]]


def _rows(lines: Iterator[Sequence[Any]], names: Sequence[str]) -> Iterator[Row]:
    number = 1
    while True:
        number += 1
        try:
            cells = next(lines, None)
        except (BadZipFile, KeyError, ValueError, OSError, EOFError, SyntaxError):
            raise Damaged(f"line {number} cannot be read: it is damaged") from None
        if cells is None:
            return
        pairs = list(zip_longest(names, cells[: len(names)]))
        values = tuple([cell for name, cell in pairs if name])
        if any(cell is not None for cell in cells):
            yield values, _trouble(pairs, cells[len(names) :], number)


def _trouble(pairs: Sequence[tuple[str, Any]], beyond: Sequence[Any], number: int) -> str:
    wrong = next((name for name, cell in pairs if isinstance(cell, str) and cell in ERRORS), None)
    if wrong:
        return f"line {number} has an error of Excel's in column {wrong}"
    return f"line {number} has values beyond the header" if any(cell is not None for cell in beyond) else ""
