"""Files keep the promises of all sources, in every format: the same tests, on the ground that is defined here."""

import csv
import gzip
import io
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sync.app.sources import open_file
from sync.pipeline.detect import Detected, Stream, detect
from sync.ports import Source
from sync.settings.sources.file import FileTable
from sync.sources.files import PAGE
from sync.stores.memory import Memory
from tests.conformance.test_sources import (  # noqa: F401 - run here once more
    KEY,
    Lite,
    at,
    cursor_of,
    fresh,
    keys,
    one,
    store,
    test_a_crash_amid_ties_misses_nobody,
    test_a_key_that_two_rows_have_is_nobodys,
    test_a_read_that_is_left_in_the_middle_locks_nobody_out,
    test_a_row_that_goes_back_to_what_it_was_is_found,
    test_a_row_that_moves_during_the_read_is_read_then_or_next_time,
    test_a_row_without_a_cursor_value_is_compared_every_time,
    test_a_source_that_was_never_read_can_be_closed,
    test_a_target_that_comes_later_reaches_every_customer,
    test_an_empty_source_has_nobody,
    test_every_row_comes_once,
    test_everybody_is_called_whatever_the_cursor_says_and_whoever_has_no_place_in_it,
    test_fetching_a_whole_page_and_more_finds_all,
    test_fetching_finds_exactly_those_who_are_asked_for,
    test_fetching_nobody_finds_nobody,
    test_one_row_is_enough,
    test_rows_that_tie_with_the_cursor_are_read_again,
    test_rows_without_a_key_are_told_and_the_others_are_taken,
    test_the_same_row_has_the_same_digest_and_another_row_another,
    test_without_a_cursor_column_whatever_differs_is_found,
)

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


@pytest.fixture(params=KINDS)
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Exported]:
    made = Exported(path=tmp_path / "crm.db", kind=request.param)
    yield made
    for source in made.opened:
        await source.close()


@pytest.fixture
def lite(ground: Exported) -> Exported:
    return ground


async def test_after_a_crash_in_the_middle_everybody_is_read_again_and_filed_once(ground: Exported, store: Memory) -> None:  # noqa: F811
    ground.fill([(number, "x", at(number)) for number in range(2 * PAGE)])
    pages = ground.source().changed(None)
    first = await anext(pages)
    await pages.aclose()  # type: ignore[attr-defined]
    found = await detect(Stream("crm", ground.source(), "", ["rpm"]), store)
    assert first.cursor is None
    assert found == Detected(2 * PAGE, 2 * PAGE)
    assert await detect(Stream("crm", ground.source(), "", ["rpm"]), store) == Detected(0, 0)


async def test_customers_stay_as_they_were_found_until_the_files_are_looked_at_again(ground: Exported, store: Memory) -> None:  # noqa: F811
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(0))])
    source = ground.source()
    await fresh(source, store)
    ground.run("UPDATE Customer SET Name = 'Anna' WHERE Id = 1", "DELETE FROM Customer WHERE Id = 2")
    assert [customer.values["Name"] for customer in await source.fetch(["1", "2"])] == ["Ann", "Bea"]
    assert await source.count() == 2
    assert await fresh(source, store) == ["1"]
    assert [customer.values["Name"] for customer in await source.fetch(["1", "2"])] == ["Anna"]
    assert await source.count() == 1


@pytest.mark.parametrize("text", ["O'Brien \u2014 \U0001f600 \u4f60\u597d", "0123", 'a "b", c; d', "é", "1.50"])
async def test_text_is_kept(ground: Exported, text: str) -> None:
    ground.fill([(1, text, at(0))])
    assert (await one(ground.source())).values["Name"] == text


async def test_no_value_is_no_value(ground: Exported) -> None:
    ground.fill([(1, None, None), (2, "Bea", at(0))])
    values = (await one(ground.source())).values
    assert (values["Name"], values["Moved"]) == (None, None)


async def test_decimals_and_times_with_their_zone_are_kept(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    moment = datetime(2026, 11, 22, 10, tzinfo=UTC)
    price = Decimal("12345678901234567890.10")
    parquet.write_table(arrow.table({"Id": [1], "Price": [price], "Moved": [moment]}), tmp_path / "customers.parquet")
    (tmp_path / "customers.json").write_text(
        '[{"Id": 1, "Price": 12345678901234567890.10, "Moved": "2026-11-22T10:00:00+00:00"}]'
    )
    for name, moved in (("customers.parquet", moment), ("customers.json", moment.isoformat())):
        table = FileTable.model_validate({"kind": "file", "path": str(tmp_path / name), "key": "Id", "settle": "0s"})
        source = open_file("crm", table, KEY)
        assert (await one(source)).values == {"Id": 1, "Price": price, "Moved": moved}
        await source.close()
