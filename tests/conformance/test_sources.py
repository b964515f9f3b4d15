"""What every source must promise, one promise a test, on every ground; what a kind of source cannot do is said in `kinds`."""

import asyncio
import sqlite3
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sync.errors import SourceError
from sync.model import Customer, Filing
from sync.pipeline.detect import Detected, Stream, detect
from sync.sources.rows import TWICE
from sync.sources.sql import PAGE
from sync.stores.memory import Memory
from tests.conformance.grounds import MINUTES, NOW, Ground, Lite, at, cursor_of, fresh, keys, last_cursor, one

# ---- everything, once


@pytest.mark.parametrize("cursor", ["Moved", None])
async def test_every_row_comes_once(ground: Ground, cursor: str | None) -> None:
    ground.fill([(number, "x", at(number)) for number in range(2 * PAGE + 1)])
    found = await keys(ground.source(cursor=cursor))
    assert sorted(found, key=int) == [str(number) for number in range(2 * PAGE + 1)]


@pytest.mark.parametrize("cursor", ["Moved", None])
async def test_an_empty_source_has_nobody(ground: Ground, cursor: str | None) -> None:
    ground.fill([])
    source = ground.source(cursor=cursor)
    assert await keys(source) == []
    assert await source.fetch(["1"]) == []


@pytest.mark.parametrize("cursor", ["Moved", None])
async def test_everybody_is_called_whatever_the_cursor_says_and_whoever_has_no_place_in_it(
    ground: Ground, cursor: str | None
) -> None:
    ground.fill([(number, "x", at(number) if number else None) for number in range(2 * PAGE + 1)])
    source = ground.source(cursor=cursor)
    await last_cursor(source)
    called = [key async for page in source.everybody() for key in page]
    assert sorted(called, key=int) == [str(number) for number in range(2 * PAGE + 1)]


@pytest.mark.parametrize("selection", [{}, {"query": "SELECT * FROM Customer WHERE Name = 'x';"}])
@pytest.mark.needs("sql")
async def test_a_source_says_how_many_rows_it_has_now(ground: Ground, selection: dict[str, str]) -> None:
    ground.fill([])
    source = ground.source(**selection)
    assert await source.count() == 0
    ground.fill([(number, "x", at(number)) for number in range(12)] + [(12, "x", None)])
    assert await source.count() == 13


@pytest.mark.parametrize("cursor", ["Moved", None])
async def test_one_row_is_enough(ground: Ground, store: Memory, cursor: str | None) -> None:
    ground.fill([(1, "Ann", at(0))])
    source = ground.source(cursor=cursor)
    assert await fresh(source, store) == ["1"]
    assert await fresh(source, store) == []


@pytest.mark.needs("cursor")
async def test_the_cursor_only_grows(ground: Ground) -> None:
    ground.fill([(number, "x", at(-number if number % 2 else number)) for number in range(3 * PAGE)])
    cursors = [page.cursor async for page in ground.source().changed(None) if page.cursor is not None]
    assert cursors == sorted(cursors)
    assert str(cursors[-1]).replace("T", " ") == at(3 * PAGE - 2)


async def test_the_same_row_has_the_same_digest_and_another_row_another(ground: Ground) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Ann", at(0)), (3, None, None)])
    source = ground.source()
    first = {key: digest async for page in source.changed(None) for key, digest in page.rows}
    second = {key: digest async for page in ground.source().changed(None) for key, digest in page.rows}
    assert first == second
    assert len(set(first.values())) == 3


@pytest.mark.parametrize(("before", "after"), [("1", 1), ("", None), (1, 1.5), ("a", b"a"), (b"a", b"b"), ("ß", "ss")])
async def test_a_row_with_another_value_is_another_row(lite: Lite, store: Memory, before: object, after: object) -> None:
    lite.fill([(1, before)], "Id INTEGER PRIMARY KEY, Anything")
    source = lite.source(cursor=None)
    await fresh(source, store)
    with closing(sqlite3.connect(lite.path)) as connection, connection:
        connection.execute("UPDATE Customer SET Anything = ?", (after,))
    assert await fresh(source, store) == ["1"]


# ---- behind the cursor


async def test_rows_that_tie_with_the_cursor_are_read_again(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0))])
    source = ground.source()
    await fresh(source, store)
    ground.fill([(2, "Bea", at(0))])
    assert await fresh(source, store) == ["2"]


@pytest.mark.needs("cursor")
async def test_a_row_that_was_committed_late_is_found_within_the_overlap(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0))])
    source = ground.source(overlap=5 * MINUTES)
    await fresh(source, store)
    ground.fill([(2, "late", at(-5)), (3, "too late", at(-5.1))])
    assert await fresh(source, store) == ["2"]


async def test_a_row_without_a_cursor_value_is_compared_every_time(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", None)])
    source = ground.source()
    assert await fresh(source, store) == ["1", "2"]
    ground.run("UPDATE Customer SET Name = 'Bo' WHERE Id = 2")
    assert await fresh(source, store) == ["2"]
    assert await fresh(source, store) == []


@pytest.mark.needs("cursor")
async def test_only_rows_without_a_cursor_value_leave_the_cursor_where_it_was(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", None)])
    await fresh(ground.source(), store)
    assert await cursor_of(store) is None
    ground.fill([(2, "Bea", at(0))])
    assert await fresh(ground.source(), store) == ["2"]


async def test_without_a_cursor_column_whatever_differs_is_found(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(0))])
    source = ground.source(cursor=None)
    await fresh(source, store)
    ground.run("UPDATE Customer SET Name = 'Bo' WHERE Id = 2")
    assert await fresh(source, store) == ["2"]


async def test_a_row_that_goes_back_to_what_it_was_is_found(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "A", at(0))])
    source = ground.source(cursor=None)
    for name in ("A", "B", "A"):
        ground.run(f"UPDATE Customer SET Name = '{name}'")
        assert await fresh(source, store) == ["1"]


@pytest.mark.parametrize("is_new", [False, True])
async def test_columns_that_change_places_make_other_customers(ground: Ground, store: Memory, is_new: bool) -> None:
    """The values of every row stay as they are; whether the source is new or has been open all the time."""
    names = ["Id INTEGER PRIMARY KEY", "Name TEXT", "Called TEXT"]
    ground.fill([(1, "Ann", "Bea")], ", ".join(names))
    source = ground.source(cursor=None)
    assert await fresh(source, store) == ["1"]
    ground.run("DROP TABLE Customer")
    ground.fill([(1, "Ann", "Bea")], ", ".join([names[0], names[2], names[1]]))
    source = ground.source(cursor=None) if is_new else source
    assert await fresh(source, store) == ["1"]
    assert (await one(source)).values["Name"] == "Bea"


async def test_a_row_that_moves_during_the_read_is_read_then_or_next_time(ground: Ground, store: Memory) -> None:
    if isinstance(ground, Lite):
        ground.run("PRAGMA journal_mode = WAL")
    ground.fill([(number, "x", at(number)) for number in range(3 * PAGE)])
    source = ground.source()
    pages = source.changed(None)
    first = await anext(pages)
    await store.file(Filing("crm", first.rows, ["rpm"], first.cursor))
    late = at(4 * PAGE)
    ground.run(f"UPDATE Customer SET Name = 'moved', Moved = '{late}' WHERE Id IN (0, {2 * PAGE})")
    async for page in pages:
        await store.file(Filing("crm", await store.unseen("crm", page.rows), ["rpm"], page.cursor))
    assert {"0", str(2 * PAGE)} <= set(await fresh(source, store))
    assert await fresh(source, store) == []
    assert {customer.values["Name"] for customer in await source.fetch(["0", str(2 * PAGE)])} == {"moved"}


@pytest.mark.needs("resume")
async def test_after_a_crash_in_the_middle_the_rest_is_read_and_nobody_is_missed(ground: Ground, store: Memory) -> None:
    ground.fill([(number, "x", at(number)) for number in range(3 * PAGE)])
    pages = ground.source().changed(None)
    first = await anext(pages)
    await store.file(Filing("crm", first.rows, ["rpm"], ["", first.cursor]))
    await pages.aclose()  # type: ignore[attr-defined]
    found = await detect(Stream("crm", ground.source(), "", ["rpm"]), store)
    assert found == Detected(2 * PAGE + 1, 2 * PAGE)
    assert len(await store.pending("rpm", "", 9999)) == 3 * PAGE


@pytest.mark.lacks("resume")
async def test_after_a_crash_in_the_middle_everybody_is_read_again_and_filed_once(ground: Ground, store: Memory) -> None:
    ground.fill([(number, "x", at(number)) for number in range(2 * PAGE)])
    pages = ground.source().changed(None)
    first = await anext(pages)
    await pages.aclose()  # type: ignore[attr-defined]
    found = await detect(Stream("crm", ground.source(), "", ["rpm"]), store)
    assert first.cursor is None
    assert found == Detected(2 * PAGE, 2 * PAGE)
    assert (await detect(Stream("crm", ground.source(), "", ["rpm"]), store)).changed == 0


async def test_a_crash_amid_ties_misses_nobody(ground: Ground, store: Memory) -> None:
    ground.fill([(number, "x", at(0)) for number in range(2 * PAGE)])
    pages = ground.source().changed(None)
    first = await anext(pages)
    await store.file(Filing("crm", first.rows, ["rpm"], first.cursor))
    await pages.aclose()  # type: ignore[attr-defined]
    await detect(Stream("crm", ground.source(), "", ["rpm"]), store)
    assert len(await store.pending("rpm", "", 9999)) == 2 * PAGE


async def test_a_target_that_comes_later_reaches_every_customer(ground: Ground, store: Memory) -> None:
    ground.fill([(number, "x", at(number)) for number in range(PAGE + 1)])
    source = ground.source()
    await fresh(source, store, "rpm")
    await store.enrol("shop", "crm", "map 1")
    await detect(Stream("crm", source, "", ["rpm", "shop"]), store)
    waiting = [pending.customer for pending in await store.pending("shop", "", 9999)]
    assert len(waiting) == PAGE + 1
    assert len(await source.fetch(waiting)) == PAGE + 1


# ---- cursors of all kinds


def epoch(factor: int) -> Callable[[float], float]:
    return lambda minutes: int((NOW + minutes * MINUTES).timestamp() * factor)


def written(form: str) -> Callable[[float], str]:
    return lambda minutes: (NOW + minutes * MINUTES).strftime(form)


KINDS: dict[str, Callable[[float], Any]] = {
    "text with T": written("%Y-%m-%dT%H:%M:%S"),
    "text with T and Z": written("%Y-%m-%dT%H:%M:%SZ"),
    "text with T, fractions and an offset": written("%Y-%m-%dT%H:%M:%S.%f+00:00"),
    "text with a space": written("%Y-%m-%d %H:%M:%S"),
    "text with a space and fractions": written("%Y-%m-%d %H:%M:%S.%f"),
    "epoch in s": epoch(1),
    "epoch in s with fractions": lambda minutes: (NOW + minutes * MINUTES).timestamp(),
    "epoch in ms": epoch(1_000),
    "epoch in us": epoch(1_000_000),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_overlap_is_a_time_whatever_the_cursor_is_written_in(lite: Lite, store: Memory, kind: str) -> None:
    moment = KINDS[kind]
    rows = [(number, "x", moment(-number)) for number in range(60)] + [(99, "x", moment(-60 * 48))]
    lite.fill(rows, "Id INTEGER PRIMARY KEY, Name TEXT, Moved")
    source = lite.source(overlap=10 * MINUTES)
    await fresh(source, store)
    lite.fill([(100, "late", moment(-9.9)), (101, "new", moment(0.1))], "Id INTEGER PRIMARY KEY, Name TEXT, Moved")
    read = await keys(source, await cursor_of(store))
    assert {"0", "9", "100", "101"} <= set(read)
    assert "99" not in read
    if "T" not in kind:
        assert {"11", "12", "59"} & set(read) == set()
    assert await fresh(source, store) == ["100", "101"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_moment_in_the_future_does_not_move_the_cursor_past_now(lite: Lite, store: Memory, kind: str) -> None:
    moment = KINDS[kind]
    columns = "Id INTEGER PRIMARY KEY, Name TEXT, Moved"
    lite.fill([(1, "Ann", moment(-60)), (2, "wrong clock", moment(60 * 24 * 365))], columns)
    source = lite.source()
    assert await fresh(source, store) == ["1", "2"]
    lite.fill([(3, "Bea", moment(-30))], columns)
    assert await fresh(source, store) == ["3"]
    lite.run("UPDATE Customer SET Name = 'mended' WHERE Id = 2")
    assert await fresh(source, store) == ["2"]


async def test_text_with_a_space_is_not_missed_behind_text_with_t(lite: Lite, store: Memory) -> None:
    lite.fill([(1, "Ann", "2026-11-22T10:00:00")])
    source = lite.source()
    await fresh(source, store)
    lite.fill([(2, "Bea", "2026-11-22 10:00:01"), (3, "Cem", "2026-11-22T10:00:00Z")])
    assert await fresh(source, store) == ["2", "3"]


async def test_a_day_is_a_cursor(lite: Lite, store: Memory) -> None:
    lite.fill([(1, "Ann", "2026-11-21"), (2, "Bea", "2026-11-20")])
    source = lite.source(overlap=24 * 60 * MINUTES)
    await fresh(source, store)
    lite.fill([(3, "late", "2026-11-20"), (4, "too late", "2026-11-19")])
    assert await fresh(source, store) == ["3"]


@pytest.mark.needs("cursor")
async def test_a_counter_is_a_cursor(ground: Ground, store: Memory) -> None:
    columns = "Id INTEGER PRIMARY KEY, Name TEXT, Moved INTEGER"
    ground.fill([(1, "Ann", 9), (2, "Bea", 10)], columns)
    source = ground.source(overlap=5 * MINUTES)
    assert await fresh(source, store) == ["1", "2"]
    assert await cursor_of(store) == 10
    ground.fill([(3, "Cem", 11)], columns)
    assert await fresh(source, store) == ["3"]


async def test_the_beginning_of_time_is_a_cursor(lite: Lite, store: Memory) -> None:
    lite.fill([(1, "Ann", "0001-01-01 00:00:00")])
    source = lite.source(overlap=5 * MINUTES)
    await fresh(source, store)
    lite.fill([(2, "Bea", "0001-01-01 00:00:00")])
    assert await fresh(source, store) == ["2"]


async def test_numbers_and_texts_in_one_cursor_column_hide_nobody(lite: Lite, store: Memory) -> None:
    columns = "Id INTEGER PRIMARY KEY, Name TEXT, Moved"
    lite.fill([(1, "Ann", 1_763_800_000), (2, "Bea", at(0)), (3, "Cem", b"\x00")], columns)
    source = lite.source()
    assert await fresh(source, store) == ["1", "2", "3"]
    lite.fill([(4, "Dov", at(1))], columns)
    assert await fresh(source, store) == ["4"]


# ---- what the customer holds

VALUES = [
    ("TEXT", "O'Brien \u2014 \U0001f600 \u4f60\u597d\nline", "O'Brien \u2014 \U0001f600 \u4f60\u597d\nline"),
    ("TEXT", "", ""),
    ("TEXT", None, None),
    ("TEXT", "0123", "0123"),
    ("INTEGER", 2**63 - 1, 2**63 - 1),
    ("REAL", 0.1, 0.1),
    ("DECIMAL(10,2)", 12.5, Decimal("12.5")),
    ("DECIMAL(10,2)", 12, Decimal(12)),
    ("DECIMAL", "n/a", "n/a"),
    ("NUMERIC(8,4)", 0.1, Decimal("0.1")),
    ("BOOLEAN", 1, True),
    ("BOOLEAN", 0, False),
    ("BOOLEAN", 2, 2),
    ("bool", 1, True),
    ("DATE", "2026-11-22", date(2026, 11, 22)),
    ("DATE", "soon", "soon"),
    ("DATETIME", "2026-11-22 10:00:00", datetime(2026, 11, 22, 10)),  # noqa: DTZ001 - a column without a zone
    ("TIMESTAMP", "2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
    ("TIMESTAMP", 1_763_800_000, 1_763_800_000),
    ("DATETIME", None, None),
    ("BLOB", b"\x00\xff", b"\x00\xff"),
    ("BLOB", None, None),
    ("", "anything", "anything"),
]


@pytest.mark.parametrize(("kind", "stored", "held"), VALUES)
@pytest.mark.parametrize("form", ["table", "query"])
async def test_a_value_reaches_the_customer_as_what_its_column_says(
    lite: Lite, kind: str, stored: object, held: object, form: str
) -> None:
    lite.run(f"CREATE TABLE Customer (Id INTEGER PRIMARY KEY, Value {kind})")
    lite.fill([(1, stored)], "Id, Value")
    chosen: dict[str, str] = {"table": "Customer"} if form == "table" else {"query": "SELECT * FROM Customer"}
    customer = await one(lite.source(cursor=None, **chosen))
    assert (customer.values["Value"], type(customer.values["Value"])) == (held, type(held))


async def test_a_customer_holds_every_column_by_name(lite: Lite) -> None:
    lite.fill([(1, "Ann", at(0))])
    assert await one(lite.source()) == Customer("1", {"Id": 1, "Name": "Ann", "Moved": at(0)})


@pytest.mark.parametrize("text", ["O'Brien \u2014 \U0001f600 \u4f60\u597d", "0123", 'a "b", c; d', "é", "1.50"])
async def test_text_is_kept(ground: Ground, text: str) -> None:
    ground.fill([(1, text, at(0))])
    assert (await one(ground.source())).values["Name"] == text


async def test_no_value_is_no_value(ground: Ground) -> None:
    ground.fill([(1, None, None), (2, "Bea", at(0))])
    values = (await one(ground.source())).values
    assert (values["Name"], values["Moved"]) == (None, None)


async def test_the_fields_are_the_columns_with_their_types(lite: Lite) -> None:
    lite.fill([], "Id INTEGER PRIMARY KEY, Name nvarchar(40), Free")
    assert dict(await lite.source(cursor=None).fields()) == {"Id": "INTEGER", "Name": "NVARCHAR(40)", "Free": ""}


# ---- by key


async def test_fetching_finds_exactly_those_who_are_asked_for(ground: Ground) -> None:
    ground.fill([(number, "x", at(0)) for number in range(30)])
    found = await ground.source().fetch(["7", "12", "99", "x", "07", "7.0"])
    assert sorted(customer.key for customer in found) == ["12", "7"]


async def test_fetching_nobody_finds_nobody(ground: Ground) -> None:
    ground.fill([(1, "Ann", at(0))])
    assert await ground.source().fetch([]) == []


async def test_fetching_a_whole_page_and_more_finds_all(ground: Ground) -> None:
    ground.fill([(number, "x", at(0)) for number in range(3 * PAGE)])
    wanted = [str(number) for number in range(3 * PAGE)]
    assert sorted(customer.key for customer in await ground.source().fetch(wanted)) == sorted(wanted)


@pytest.mark.needs("present")
async def test_fetching_tells_how_they_are_now(ground: Ground) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(0))])
    source = ground.source()
    await keys(source)
    ground.run("UPDATE Customer SET Name = 'Anna' WHERE Id = 1", "DELETE FROM Customer WHERE Id = 2")
    assert [customer.values["Name"] for customer in await source.fetch(["1", "2"])] == ["Anna"]


@pytest.mark.lacks("present")
async def test_customers_stay_as_they_were_found_until_the_files_are_looked_at_again(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(0))])
    source = ground.source()
    await fresh(source, store)
    ground.run("UPDATE Customer SET Name = 'Anna' WHERE Id = 1", "DELETE FROM Customer WHERE Id = 2")
    assert [customer.values["Name"] for customer in await source.fetch(["1", "2"])] == ["Ann", "Bea"]
    assert await source.count() == 2
    assert await fresh(source, store) == ["1"]
    assert [customer.values["Name"] for customer in await source.fetch(["1", "2"])] == ["Anna"]
    assert await source.count() == 1


@pytest.mark.parametrize("kind", ["", "INTEGER", "TEXT", "REAL", "NUMERIC", "VARCHAR(20) COLLATE NOCASE", "BLOB"])
@pytest.mark.parametrize(
    "stored",
    [
        [7, 8, -1, 2**63 - 1],
        ["7", "007", "a", "A", "ä", "x' OR 1=1 --", ' "', "1e3", "1_0", "nan", "inf"],
        [7.5, 0.1, 1e300, 1 / 3, 1e22, 123456789.123456789],
        ["12345678901234567890", "99999999999999999999999999999"],
    ],
)
async def test_whatever_is_a_key_is_found_by_it(lite: Lite, kind: str, stored: list[object]) -> None:
    lite.fill([(value, "x") for value in stored], f"Id {kind}, Name TEXT")
    source = lite.source(cursor=None)
    found = set(await keys(source))
    assert {customer.key for customer in await source.fetch(list(found))} == found
    for key in found:
        assert {customer.key for customer in await source.fetch([key])} == {key}


async def test_rows_without_a_key_are_told_and_the_others_are_taken(lite: Lite, store: Memory) -> None:
    lite.fill([(1, "Ann"), (None, "nobody"), ("", "nobody either"), (2, "Bea")], "Id, Name TEXT")
    source = lite.source(cursor=None)
    [page] = [page async for page in source.changed(None)]
    assert ([key for key, _ in page.rows], page.keyless) == (["1", "2"], 2)
    with pytest.raises(SourceError, match=r"sources\.crm: 2 of 4 rows have no key; the others are taken: give them one"):
        await detect(Stream("crm", source, "", ["rpm"]), store)
    assert [waiting.customer for waiting in await store.pending("rpm", "", 9)] == ["1", "2"]


@pytest.mark.parametrize("kinds", ["Id INTEGER, Name TEXT", "Id, Name TEXT"])
async def test_a_key_that_two_rows_have_is_nobodys(lite: Lite, store: Memory, kinds: str) -> None:
    lite.fill([(1, "Ann"), (2, "Bea"), ("1", "Another Ann")], kinds)
    source = lite.source(cursor=None)
    await detect(Stream("crm", source, "", ["rpm"]), store)
    assert [waiting.customer for waiting in await store.pending("rpm", "", 9)] == ["1", "2"]
    troubles = {customer.key: customer.trouble for customer in await source.fetch(["1", "2"])}
    assert troubles == {"1": "two rows of the source have this key: make it unique there, or choose another key", "2": ""}


async def test_a_key_of_bytes_is_told(lite: Lite) -> None:
    lite.fill([(b"\x00\x01", "Ann")], "Id BLOB, Name TEXT")
    with pytest.raises(SourceError, match="key Id holds bytes"):
        await keys(lite.source(cursor=None))


# ---- what it is read from


async def test_a_source_is_never_written_to(lite: Lite) -> None:
    lite.fill([(1, "Ann", at(0))])
    before = {file.name: file.read_bytes() for file in lite.path.parent.iterdir()}
    source = lite.source()
    await fresh(source, Memory())
    await source.fetch(["1"])
    assert {file.name: file.read_bytes() for file in lite.path.parent.iterdir()} == before


@pytest.mark.parametrize(
    "query", ["DELETE FROM Customer", "SELECT 1); DELETE FROM Customer; --", "UPDATE Customer SET Name = 'x' RETURNING *"]
)
async def test_a_query_that_writes_is_an_error_and_writes_nothing(lite: Lite, query: str) -> None:
    lite.fill([(1, "Ann", at(0))])
    with pytest.raises(SourceError):
        await keys(lite.source(query=query))
    assert await one(lite.source()) == Customer("1", {"Id": 1, "Name": "Ann", "Moved": at(0)})


@pytest.mark.needs("present")
async def test_somebody_else_can_write_while_nothing_is_read(ground: Ground) -> None:
    ground.fill([(1, "Ann", at(0))])
    source = ground.source()
    await keys(source)
    ground.run("UPDATE Customer SET Name = 'Anna'")
    assert (await one(source)).values["Name"] == "Anna"


async def test_a_read_that_is_left_in_the_middle_locks_nobody_out(ground: Ground) -> None:
    ground.fill([(number, "x", at(number)) for number in range(3 * PAGE)])
    pages = ground.source().changed(None)
    await anext(pages)
    await pages.aclose()  # type: ignore[attr-defined]
    ground.run("UPDATE Customer SET Name = 'Anna'")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT c.Id, c.Name, c.Moved FROM Customer c WHERE c.Name <> 'Bea'",
        "SELECT * FROM Customer WHERE Name <> 'Bea';",
        "SELECT * FROM Customer WHERE Name <> 'Bea' ORDER BY Name DESC -- all but one",
        "WITH x AS (SELECT * FROM Customer) SELECT * FROM x WHERE Name <> 'Bea'\n",
        "SELECT Id, max(Name) AS Name, max(Moved) AS Moved FROM Customer GROUP BY Id HAVING Name <> 'Bea'",
    ],
)
@pytest.mark.needs("sql")
async def test_a_query_is_as_good_as_a_table(ground: Ground, store: Memory, query: str) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(1)), (3, "Cem", at(2))])
    source = ground.source(query=query)
    assert await fresh(source, store) == ["1", "3"]
    assert sorted(customer.key for customer in await source.fetch(["1", "2", "3"])) == ["1", "3"]
    ground.fill([(4, "Dov", at(3))])
    assert await fresh(source, store) == ["4"]


@pytest.mark.needs("sql")
async def test_a_view_is_as_good_as_a_table(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0))])
    ground.run("CREATE VIEW Seen AS SELECT Id, Name AS Called, Moved FROM Customer")
    assert await fresh(ground.source(table="Seen"), store) == ["1"]


async def test_odd_names_are_names(lite: Lite, store: Memory) -> None:
    lite.run(
        'CREATE TABLE "order ""x"" [by]" ("the key" INTEGER, "na""me" TEXT, "select" TEXT, "Größe; DROP" TEXT)',
        """INSERT INTO "order ""x"" [by]" VALUES (1, 'Ann', '2026-11-22', 'XL')""",
    )
    source = lite.source(table='order "x" [by]', key="the key", cursor="select")
    assert await fresh(source, store) == ["1"]
    assert (await one(source)).values == {"the key": 1, 'na"me': "Ann", "select": "2026-11-22", "Größe; DROP": "XL"}


# ---- what can be wrong with it


@pytest.mark.needs("twice")
async def test_a_key_that_two_rows_have_is_nobodys_on_any_ground(ground: Ground) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(0)), (1, "Another Ann", at(0))], ground.columns.replace(" PRIMARY KEY", ""))
    found = await ground.source().fetch(["1", "2"])
    assert {customer.key: customer.trouble for customer in found} == {"1": TWICE, "2": ""}


async def test_rows_without_a_key_are_told_with_what_to_do_and_the_others_are_taken(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0)), (None, "nobody", at(0))], ground.columns.replace(" PRIMARY KEY", ""))
    with pytest.raises(SourceError, match=r"sources\.crm: 1 of 2 rows have no key; the others are taken: give them one"):
        await fresh(ground.source(), store)
    assert [waiting.customer for waiting in await store.pending("rpm", "", 9)] == ["1"]


async def test_a_key_that_becomes_text_names_the_same_customers(ground: Ground, store: Memory) -> None:
    ground.fill([(7, "Ann", at(0))])
    source = ground.source()
    await fresh(source, store)
    ground.run("DROP TABLE Customer")
    ground.fill([("7", "Ann", at(0))], ground.columns.replace("Id INTEGER", "Id VARCHAR(9)"))
    again = ground.source()
    assert await keys(again) == ["7"]
    assert (await one(again, "7")).values["Name"] == "Ann"


@pytest.mark.needs("cursor")
async def test_a_clock_that_is_wrong_is_told_and_moves_no_cursor(ground: Ground, store: Memory) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", f"{NOW + timedelta(days=400):%Y-%m-%d %H:%M:%S}")])
    source = ground.source()
    told: list[str] = []
    await detect(Stream("crm", source, "", ["rpm"]), store, note=told.append)
    ground.fill([(3, "Cem", at(1))])
    assert await fresh(source, store) == ["1", "2", "3"]
    assert told == [
        "sources.crm: Moved lies in the future (rows: 1): set the clock or the values right; until then they are read every time"
    ]


@pytest.mark.needs("cursor")
async def test_a_cursor_that_goes_back_has_every_row_compared_once_more(ground: Ground, store: Memory) -> None:
    """A copy of yesterday was restored."""
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(60)), (3, "Cem", at(61))])
    source = ground.source(overlap=5 * MINUTES)
    await fresh(source, store)
    ground.run(f"UPDATE Customer SET Name = 'Bo', Moved = '{at(1)}' WHERE Id = 2", "DELETE FROM Customer WHERE Id = 3")
    told: list[str] = []
    await detect(Stream("crm", source, "", ["rpm"]), store, note=told.append)
    assert [waiting.customer for waiting in await store.pending("rpm", "", 9)] == ["2"]
    said = "has gone back (a copy was restored, a clock set back, or the newest rows deleted): every row is compared once more"
    assert told == [f"sources.crm: Moved {said}"]
    told.clear()
    await detect(Stream("crm", source, "", ["rpm"]), store, note=told.append)
    assert told == []


async def test_a_file_that_is_not_there_is_told_and_not_made(lite: Lite) -> None:
    with pytest.raises(SourceError, match=r"sources\.crm: .*crm\.db is not there"):
        await lite.source().fields()
    assert not lite.path.exists()


@pytest.mark.parametrize(("content", "words"), [(b"customers,and,more\n" * 99, "not a database"), (b"", "has no table Customer")])
async def test_a_file_that_is_no_database_is_told(lite: Lite, content: bytes, words: str) -> None:
    lite.path.write_bytes(content)
    with pytest.raises(SourceError, match=words):
        await keys(lite.source())


@pytest.mark.needs("sql")
async def test_a_table_that_is_not_there_is_told(ground: Ground) -> None:
    ground.fill([])
    with pytest.raises(SourceError, match="the source has no table Kunde"):
        await keys(ground.source(table="Kunde"))


async def test_a_query_that_is_none_is_told(lite: Lite) -> None:
    lite.fill([])
    with pytest.raises(SourceError, match="syntax error"):
        await lite.source(query="SELCT 1").fields()


async def test_a_table_that_goes_away_is_told(lite: Lite) -> None:
    lite.fill([(1, "Ann", at(0))])
    source = lite.source()
    await keys(source)
    lite.run("DROP TABLE Customer")
    with pytest.raises(SourceError, match=r"sources\.crm: the source has no table Customer"):
        await keys(source)


@pytest.mark.parametrize("changed", [{"key": "Nobody"}, {"cursor": "Nothing"}])
@pytest.mark.needs("sql")
async def test_a_column_that_is_not_there_is_told(ground: Ground, changed: dict[str, str]) -> None:
    ground.fill([(1, "Ann", at(0))])
    with pytest.raises(SourceError, match=r"sources\.crm: there is no column (Nobody|Nothing)"):
        await keys(ground.source(**changed))


async def test_a_source_that_was_never_read_can_be_closed(ground: Ground) -> None:
    await ground.source().close()


@pytest.mark.needs("cursor")
async def test_the_cursor_of_a_source_comes_from_its_rows(ground: Ground) -> None:
    ground.fill([(1, "Ann", at(0)), (2, "Bea", at(5))])
    assert str(await last_cursor(ground.source())).replace("T", " ") == at(5)


async def test_several_can_fetch_at_once(ground: Ground) -> None:
    ground.fill([(number, "x", at(0)) for number in range(20)])
    source = ground.source()
    found = await asyncio.gather(*(source.fetch([str(number)]) for number in range(20)))
    assert [customer.key for [customer] in found] == [str(number) for number in range(20)]


# ---- however many they are


@pytest.mark.needs("flat")
async def test_memory_is_flat_in_the_number_of_rows(ground: Ground) -> None:
    """A page is in memory, not the source: 6 pages more are 1.8 MB at least, half a megabyte more or less is chance."""
    peaks, (few, many) = [], ground.crowd
    for first, last in ((0, few * PAGE), (few * PAGE, many * PAGE)):
        ground.fill([(number, "x" * 200, at(number)) for number in range(first, last)])
        source = ground.source()
        await source.fields()
        tracemalloc.start()
        assert sum([len(page.rows) async for page in source.changed(None)]) == last
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 500_000


async def looked_at(keys: Sequence[str]) -> int:
    await asyncio.sleep(0.005)
    return len(keys)


@pytest.mark.needs("sql")
async def test_memory_is_flat_in_the_number_of_those_who_are_called(ground: Ground) -> None:
    """The 60 pages more would be 3.3 MB; a driver may take in 20 pages at once, but not more while they are looked at."""
    peaks = []
    for first, last in ((0, 30 * PAGE), (30 * PAGE, 90 * PAGE)):
        ground.fill([(number, "x" * 200, at(number)) for number in range(first, last)])
        source = ground.source()
        await source.fields()
        tracemalloc.start()
        assert sum([await looked_at(keys) async for keys in source.everybody()]) == last
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 2_000_000
