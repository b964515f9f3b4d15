"""A database that is exported to a file, in every format."""

import csv
import gzip
import io
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from sync.app.sources import open_file
from sync.ports import Source
from sync.settings.sources.file import FileTable
from tests.conformance.grounds import KEY, Lite

Rows = Sequence[dict[str, Any]]


def as_csv(names: Sequence[str], rows: Rows) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows(row.values() for row in rows)
    return out.getvalue().encode()


def as_lines(_names: Sequence[str], rows: Rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows) or b"\n"


def as_json(_names: Sequence[str], rows: Rows) -> bytes:
    return json.dumps({"data": {"customers": list(rows)}}).encode()


def as_parquet(names: Sequence[str], rows: Rows) -> bytes:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    columns = {name: [None if row[name] is None else str(row[name]) for row in rows] for name in names}
    parquet.write_table(arrow.table({name: arrow.array(values, arrow.string()) for name, values in columns.items()}), out)
    return out.getvalue()


def as_excel(names: Sequence[str], rows: Rows) -> bytes:
    book = pytest.importorskip("openpyxl").Workbook(write_only=True)
    sheet = book.create_sheet("Customers")
    sheet.append(list(names))
    for row in rows:
        sheet.append(list(row.values()))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


KINDS: dict[str, tuple[str, Callable[[Sequence[str], Rows], bytes], dict[str, str]]] = {
    "csv": ("customers.csv", as_csv, {}),
    "gzip": ("customers.csv.gz", lambda names, rows: gzip.compress(as_csv(names, rows), 1), {}),
    "jsonl": ("customers.jsonl", as_lines, {}),
    "json": ("customers.json", as_json, {"items": "data.customers"}),
    "parquet": ("customers.parquet", as_parquet, {}),
    "excel": ("customers.xlsx", as_excel, {}),
}


@dataclass
class Exported(Lite):
    """A database that is exported to a file after every change."""

    kind: str = "csv"

    crowd = (4, 16)

    def run(self, *statements: str) -> None:
        super().run(*statements)
        self.export()

    def fill(self, rows: Sequence[Sequence[object]], columns: str = "") -> None:
        super().fill(rows, columns)
        self.export()

    def export(self) -> None:
        name, write, _ = KINDS[self.kind]
        with closing(sqlite3.connect(self.path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                return
            found = connection.execute("SELECT * FROM Customer ORDER BY rowid")
            names = [column[0] for column in found.description]
            rows = [dict(zip(names, row, strict=True)) for row in found]
        written = self.path.with_name("written")
        written.write_bytes(write(names, rows))
        written.rename(self.path.with_name(name))

    def source(self, **_changed: Any) -> Source:
        """A file has no cursor, and is no table."""
        name, _, own = KINDS[self.kind]
        table = {"kind": "file", "path": str(self.path.with_name(name)), "key": "Id", "settle": "0s"} | own
        source = open_file("crm", FileTable.model_validate(table), KEY)
        self.opened.append(source)
        return source
