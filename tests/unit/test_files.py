"""Files as a source: taken whole or not at all, each content once, and which of several files counts."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from sync.errors import SourceError
from sync.ports import Page
from sync.sources.exports import Export
from sync.sources.files import GONE, PAGE, Files
from sync.sources.formats.base import Format
from sync.sources.formats.delimited import Delimited
from sync.sources.formats.lines import JsonLines
from sync.sources.places import Disk
from sync.sources.rows import TWICE

KEY = b"k" * 32
Open = Callable[..., Files]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Makes sources of the files in the folder."""
    sources: list[Files] = []

    def make(pattern: str = "customers.csv", format: Format | None = None, **policy: Any) -> Files:
        export = Export("sources.crm", "Id", **{"settle": 0.0} | policy)
        sources.append(Files(export, Disk("sources.crm", str(tmp_path / pattern)), format or Delimited("Id"), KEY))
        return sources[-1]

    yield make
    for source in sources:
        await source.close()


async def read(source: Files, cursor: object = None) -> tuple[list[str], object]:
    """Whose rows come, and the cursor after them."""
    pages: list[Page] = [page async for page in source.changed(cursor)]
    return [key for page in pages for key, _ in page.rows], pages[-1].cursor if pages else cursor


async def names(source: Files, *keys: str) -> dict[str, Any]:
    return {customer.key: customer.trouble or customer.values["Name"] for customer in await source.fetch(keys)}


async def refusal(source: Files) -> str:
    with pytest.raises(SourceError) as caught:
        await read(source)
    return str(caught.value)


# ---- whole, or not at all


async def test_nothing_of_a_file_that_is_cut_short_is_seen(opened: Open, tmp_path: Path) -> None:
    lines = "".join(f"{number},x\n" for number in range(3 * PAGE))
    (tmp_path / "customers.csv").write_text(f"Id,Name\n{lines}9")
    source = opened()
    pages = source.changed(None)
    with pytest.raises(SourceError) as caught:
        await anext(pages)
    assert str(caught.value) == "sources.crm: customers.csv: its last line has no end: it was cut short; nothing of it is taken"


async def test_a_file_that_is_cut_short_leaves_what_was_taken_before(opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("Id,Name\n1,Ann\n")
    source = opened()
    _, cursor = await read(source)
    file.write_text("Id,Name\n1,Anna\n2")
    await refusal(source)
    assert await names(source, "1") == {"1": "Ann"}
    file.write_text("Id,Name\n1,Anna\n2,Bea\n")
    assert (await read(source, cursor))[0] == ["1", "2"]
    assert await names(source, "1", "2") == {"1": "Anna", "2": "Bea"}


class Grows(Disk):
    """Somebody writes to the file as soon as it is being read."""

    def __init__(self, path: Path, *, keep_time: bool) -> None:
        super().__init__("sources.crm", str(path))
        self._keep_time = keep_time

    def open(self, file: Any) -> Any:
        path, before = Path(file.path), Path(file.path).stat()
        path.write_text(path.read_text().replace("Ann", "Bob"))
        if self._keep_time:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return super().open(file)


@pytest.mark.parametrize("keep_time", [False, True])
async def test_a_file_that_is_written_to_while_it_is_read_is_refused(tmp_path: Path, keep_time: bool) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("Id,Name\n1,Ann\n")
    source = Files(Export("sources.crm", "Id", settle=0), Grows(path, keep_time=keep_time), Delimited("Id"), KEY)
    assert await refusal(source) == (
        "sources.crm: customers.csv is still being written: write it under another name, and rename it when it is whole"
    )
    await source.close()


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (time.time(), time.time() - seconds))


async def test_a_file_that_is_written_to_while_it_settles_is_refused(opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("Id,Name\n1,Ann\n")
    reading = asyncio.create_task(refusal(opened(settle=0.5)))
    await asyncio.sleep(0.1)
    file.write_text("Id,Name\n1,Ann\n2,Bea\n")
    assert await reading == (
        "sources.crm: customers.csv is still being written: write it under another name, and rename it when it is whole"
    )


async def test_a_file_that_has_settled_is_read_at_once_and_another_one_when_it_has(opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("Id,Name\n1,Ann\n")
    for age in (60.0, 59.95, -9999.0):
        aged(file, age)
        assert (await read(opened(settle=60)))[0] == ["1"]


async def test_a_file_that_is_not_there_is_told(opened: Open, tmp_path: Path) -> None:
    assert await refusal(opened()) == f"sources.crm: {tmp_path}/customers.csv is not there"
    assert await refusal(opened("*.csv")) == f"sources.crm: {tmp_path}/*.csv is not there"


async def test_a_file_that_may_not_be_read_is_told(opened: Open, tmp_path: Path) -> None:
    folder = tmp_path / "loop.csv"
    folder.symlink_to(folder)
    told = await refusal(opened("loop.csv"))
    assert told.startswith("sources.crm: ")
    assert "loop.csv" in told


async def test_a_column_that_vanishes_while_the_service_runs_is_told(opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("Id,Name,Email\n1,Ann,ann@example.org\n")
    source = opened()
    await source.fields()
    file.write_text("Id,Name\n1,Ann\n")
    assert "its header has no column Email any more" in await refusal(source)


# ---- remembered by content


async def test_an_unchanged_file_is_not_read_again_whatever_its_time_says(opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("Id,Name\n1,Ann\n")
    _, cursor = await read(opened())
    aged(file, 999)
    assert await read(opened(), cursor) == ([], cursor)
    before = file.stat()
    file.write_text("Id,Name\n1,Bob\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (await read(opened(), cursor))[0] == ["1"]


async def test_customers_are_those_of_the_file_that_is_there_also_if_it_was_taken_before(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, customers="1,Ann\n")
    _, cursor = await read(opened())
    source = opened()
    write(tmp_path, customers="1,Bob\n")
    assert await names(source, "1") == {"1": "Bob"}
    write(tmp_path, customers="1,Ann\n")
    assert await read(source, cursor) == ([], cursor)
    assert await names(source, "1") == {"1": "Ann"}


async def test_a_file_that_goes_back_to_what_it_was_is_read_again(opened: Open, tmp_path: Path) -> None:
    cursor: object = None
    for name in ("Ann", "Bob", "Ann"):
        (tmp_path / "customers.csv").write_text(f"Id,Name\n1,{name}\n")
        keys, cursor = await read(opened(), cursor)
        assert keys == ["1"]


async def test_after_a_crash_in_the_middle_everything_is_read_again(opened: Open, tmp_path: Path) -> None:
    lines = "".join(f"{number},x\n" for number in range(3 * PAGE))
    (tmp_path / "customers.csv").write_text(f"Id,Name\n{lines}")
    async with aclosing(opened().changed(None)) as pages:  # type: ignore[type-var]
        assert (await anext(pages)).cursor is None
    keys, cursor = await read(opened())
    assert len(set(keys)) == len(keys) == 3 * PAGE
    assert cursor is not None


async def test_customers_of_an_unchanged_file_are_there(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("Id,Name\n1,Ann\n")
    _, cursor = await read(opened())
    source = opened()
    await read(source, cursor)
    assert await source.count() == 1
    assert await names(source, "1", "2") == {"1": "Ann"}


async def test_a_file_with_rows_that_have_no_key_is_told_until_it_is_mended(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("Id,Name\n1,Ann\n,nobody\n")
    pages = [page async for page in opened().changed(None)]
    assert [(page.cursor, page.keyless) for page in pages] == [(None, 1)]


async def test_columns_that_change_places_are_other_customers(opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("Id,Name,Alias\n1,Ann,Nan\n")
    before = [page.rows async for page in opened().changed(None)]
    file.write_text("Id,Alias,Name\n1,Ann,Nan\n")
    assert [page.rows async for page in opened().changed(None)] != before


async def test_whoever_has_two_rows_is_rejected_alone_until_one_is_gone(opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("Id,Name\n1,Ann\n2,Bea\n1,Bob\n")
    source = opened()
    before = [row async for page in source.changed(None) for row in page.rows]
    assert [key for key, _ in before] == ["1", "2"]
    assert await names(source, "1", "2") == {"1": TWICE, "2": "Bea"}
    file.write_text("Id,Name\n1,Ann\n2,Bea\n")
    assert [row[0] async for page in source.changed(None) for row in page.rows if row not in before] == ["1"]
    assert await names(source, "1") == {"1": "Ann"}


async def test_a_row_that_nobody_can_tell_is_rejected_alone(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("Id,Name,Email\n1,Ann,a@x.org\n2,Bea, B.,b@x.org\n")
    source = opened()
    [one, two] = await source.fetch(["1", "2"])
    assert (one.trouble, two.trouble) == ("", "line 3 has 4 values, the header has 3")
    assert two.values == {"Id": None, "Name": None, "Email": None}


# ---- several files


def write(folder: Path, **files: str) -> None:
    for name, rows in files.items():
        (folder / f"{name}.csv").write_text("Id,Name\n" + rows)


async def test_the_newest_file_holds_all_customers(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, export_9="1,old\n", export_10="2,Bea\n")
    source = opened("*.csv", files="newest")
    keys, cursor = await read(source)
    assert keys == ["2"]
    write(tmp_path, export_8="3,older\n")
    assert (await read(source, cursor))[0] == []
    assert await names(source, "1", "2") == {"2": "Bea"}


async def test_the_newest_file_may_be_the_one_that_was_written_last(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, a="1,Ann\n", b="2,Bea\n")
    aged(tmp_path / "b.csv", 60)
    assert (await read(opened("*.csv", files="newest", order="modified")))[0] == ["1"]


async def test_a_newest_file_that_is_cut_short_is_not_replaced_by_an_older_one(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, a="1,Ann\n", b="2")
    assert "b.csv: its last line has no end" in await refusal(opened("*.csv", files="newest"))


async def test_increments_never_call_everybody(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("Id,Name\n1,Ann\n")
    with pytest.raises(SourceError, match="nobody can tell who is gone"):
        _ = [page async for page in opened("*.csv", files="increments").everybody()]


async def test_parts_are_one_set_of_customers(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, a="1,Ann\n2,Bea\n", b="2,Bo\n3,Cem\n")
    source = opened("*.csv", files="parts")
    keys, cursor = await read(source)
    assert keys == ["1", "2", "3"]
    assert await source.count() == 4
    assert await names(source, "1", "2", "3") == {"1": "Ann", "2": TWICE, "3": "Cem"}
    assert (await read(opened("*.csv", files="parts"), cursor))[0] == []
    write(tmp_path, b="3,Cem\n")
    assert (await read(opened("*.csv", files="parts"), cursor))[0] == ["1", "2", "3"]


async def test_parts_may_name_their_columns_in_another_order_but_no_others(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, a="1,Ann\n")
    (tmp_path / "b.csv").write_text("Name,Id\nBea,2\n")
    source = opened("*.csv", files="parts")
    assert await names(source, "1", "2") == {"1": "Ann", "2": "Bea"}
    (tmp_path / "b.csv").write_text("Name,Id,Email\nBea,2,b@x.org\n")
    assert "b.csv: its header has a column Email, which the other parts do not have" in await refusal(source)
    (tmp_path / "b.csv").write_text("Id\n2\n")
    assert "b.csv: its header has no column Name" in await refusal(source)


async def test_one_part_that_is_cut_short_refuses_them_all(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, a="1,Ann\n", b="2")
    assert "b.csv: its last line has no end" in await refusal(opened("*.csv", files="parts"))


async def test_each_increment_is_taken_once_in_its_order_and_the_later_row_stands(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, day_1="1,Ann\n2,Bea\n", day_2="2,Bo\n")
    source = opened("*.csv", files="increments")
    keys, cursor = await read(source)
    assert keys == ["1", "2"]
    assert await names(source, "1", "2") == {"1": "Ann", "2": "Bo"}
    write(tmp_path, day_3="3,Cem\n")
    again = opened("*.csv", files="increments")
    keys, cursor = await read(again, cursor)
    assert keys == ["3"]
    assert await again.count() is None
    assert await names(again, "3", "2") == {"3": "Cem", "2": "Bo"}
    assert await again.count() == 3
    assert (await read(opened("*.csv", files="increments"), cursor))[0] == []


async def test_an_older_increment_is_read_when_a_customer_of_it_is_needed(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, day_1="1,Ann\n")
    _, cursor = await read(opened("*.csv", files="increments"))
    write(tmp_path, day_2="2,Bea\n")
    source = opened("*.csv", files="increments")
    _, cursor = await read(source, cursor)
    assert await read(source, cursor) == ([], cursor)
    assert await names(source, "1", "2") == {"1": "Ann", "2": "Bea"}


async def test_an_increment_that_puts_back_what_another_changed_is_taken(opened: Open, tmp_path: Path) -> None:
    cursor: object = None
    for day, name in enumerate(("Ann", "Bob", "Ann")):
        write(tmp_path, **{f"day_{day}": f"1,{name}\n"})
        source = opened("*.csv", files="increments")
        keys, cursor = await read(source, cursor)
        assert (keys, await names(source, "1")) == (["1"], {"1": name})


async def test_an_increment_that_comes_late_does_not_stand_over_a_later_one(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, day_1="1,Ann\n", day_3="1,Anna\n")
    _, cursor = await read(opened("*.csv", files="increments"))
    write(tmp_path, day_2="1,Anni\n2,Bea\n")
    source = opened("*.csv", files="increments")
    assert (await read(source, cursor))[0] == ["1", "2"]
    assert await names(source, "1", "2") == {"1": "Anna", "2": "Bea"}


async def test_whoever_is_in_no_increment_any_more_is_not_gone(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, day_1="1,Ann\n", day_2="2,Bea\n")
    source = opened("*.csv", files="increments")
    await read(source)
    (tmp_path / "day_1.csv").unlink()
    assert await names(opened("*.csv", files="increments"), "1", "2") == {"1": GONE, "2": "Bea"}


async def test_an_increment_that_is_empty_says_nothing(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, day_1="1,Ann\n")
    (tmp_path / "day_2.csv").touch()
    assert (await read(opened("*.csv", files="increments")))[0] == ["1"]


# ---- fields, and the rows' place


async def test_fields_without_a_header_are_those_of_all_objects(opened: Open, tmp_path: Path) -> None:
    lines = '{"Id": 1}\n' * 3000 + '{"Id": 2, "Name": "Bea"}\n'
    (tmp_path / "customers.jsonl").write_text(lines)
    source = opened("customers.jsonl", JsonLines())
    assert dict(await source.fields()) == {"Id": "integer", "Name": "text"}
    assert await names(source, "2") == {"2": "Bea"}
    (tmp_path / "customers.jsonl").write_text('{"Id": 2, "Alias": "Bo"}\n')
    assert dict(await source.fields()) == {"Id": "integer", "Alias": "text"}


async def test_a_file_that_was_read_for_its_fields_is_not_read_once_more_for_its_customers(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "customers.jsonl").write_text('{"Id": 1}\n')
    source = opened("customers.jsonl", JsonLines())
    await source.fields()
    held = source._spool
    assert (await read(source))[0] == ["1"]
    assert source._spool is held


@pytest.mark.parametrize("key", ["[1]", '{"a": 1}', r'"\ud800"'])
async def test_a_key_that_is_none_is_told(opened: Open, tmp_path: Path, key: str) -> None:
    (tmp_path / "customers.jsonl").write_text('{"Id": ' + key + "}\n")
    assert "key" in await refusal(opened("customers.jsonl", JsonLines()))


async def test_no_row_can_be_found_on_the_disk(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("SQLITE_TMPDIR", str(scratch))
    write(tmp_path, customers="".join(f"{number},{'secret' * 99}\n" for number in range(3 * PAGE)))
    source = opened()
    await read(source)
    assert list(scratch.iterdir()) == []


async def test_a_disk_that_is_full_is_told(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, customers="".join(f"{number},{'x' * 999}\n" for number in range(3 * PAGE)))
    source = opened()
    await source.fetch(["1"])
    assert source._spool is not None
    source._spool._connection.execute("PRAGMA max_page_count = 1").fetchone()
    with pytest.raises(SourceError, match=r"sources\.crm: the temporary database of its rows: "):
        await source._call(source._spool.add, [(("1", "x" * 99999), "")])
