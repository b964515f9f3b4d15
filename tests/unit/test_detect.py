"""A source -> who waits for which target."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from sync.errors import Keyless, SourceError
from sync.model import Customer, Filing
from sync.pipeline.detect import Detected, Stream, detect
from sync.ports import Page, Source
from sync.stores.memory import Memory

ONE, TWO, THREE = (("1", b"a"), ("2", b"b"), ("3", b"c"))


class Shown(Source):
    """Shows these pages, whatever it is asked from, and fails after them if told to."""

    def __init__(self, *pages: Page, fails: bool = False) -> None:
        self.asked: list[object] = []
        self._pages = pages
        self._fails = fails

    async def fields(self) -> dict[str, str]:
        return {}

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        self.asked.append(cursor)
        for page in self._pages:
            yield page
        if self._fails:
            raise SourceError("the line is cut")

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        raise NotImplementedError

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        yield []

    async def count(self) -> int | None:
        return None

    async def close(self) -> None:
        pass


class Diary(Memory):
    """Keeps what was filed, too."""

    def __init__(self) -> None:
        super().__init__()
        self.filings: list[Filing] = []

    async def file(self, filing: Filing) -> None:
        self.filings.append(filing)
        await super().file(filing)


async def found(store: Memory, *pages: Page, definition: str = "as it is", **told: Any) -> Detected:
    return await detect(Stream("crm", Shown(*pages), definition, ["rpm", "shop"]), store, **told)


async def asked_from(store: Memory, definition: str = "as it is") -> object:
    source = Shown()
    await detect(Stream("crm", source, definition, ["rpm"]), store)
    return source.asked[0]


async def test_who_is_new_or_differs_waits_for_every_target_and_is_counted() -> None:
    store = Memory()
    assert await found(store, Page([ONE]), Page([TWO])) == Detected(2, 2)
    assert await found(store, Page([ONE, ("2", b"another"), THREE])) == Detected(3, 2)
    for target in ("rpm", "shop"):
        assert [pending.customer for pending in await store.pending(target, "", 9)] == ["1", "2", "3"]


async def test_the_source_is_read_on_from_where_it_was_left() -> None:
    store = Memory()
    await found(store, Page([ONE], cursor=41), Page([TWO], cursor=42))
    assert await asked_from(store) == 42


async def test_a_cursor_says_nothing_once_the_source_is_read_in_another_way() -> None:
    store = Memory()
    await found(store, Page([ONE], cursor=42))
    assert await asked_from(store, "another query") is None


async def test_a_source_without_a_cursor_is_read_from_the_start() -> None:
    store = Memory()
    await found(store, Page([ONE]))
    assert await asked_from(store) is None


async def test_who_was_filed_before_the_source_failed_stays_filed_and_the_rest_is_read_the_next_time() -> None:
    store = Memory()
    with pytest.raises(SourceError, match="the line is cut"):
        await detect(Stream("crm", Shown(Page([ONE], cursor=41), fails=True), "as it is", ["rpm"]), store)
    assert [pending.customer for pending in await store.pending("rpm", "", 9)] == ["1"]
    assert await asked_from(store) == 41


async def test_nothing_is_written_where_nothing_has_moved_and_the_cursor_alone_where_nobody_differs() -> None:
    store = Diary()
    await found(store, Page([ONE], cursor=41))
    await found(store, Page([ONE], cursor=41))
    await found(store, Page([ONE], cursor=42))
    assert [(filing.rows, filing.cursor) for filing in store.filings] == [
        ([ONE], ["as it is", 41]),
        ([], ["as it is", 42]),
    ]


async def test_whoever_looks_on_is_told_the_rows_so_far_and_what_is_odd() -> None:
    rows: list[int] = []
    notes: list[str] = []
    pages = Page([ONE], note="the clock is ahead"), Page([TWO, THREE])
    await found(Memory(), *pages, watch=rows.append, note=notes.append)
    assert (rows, notes) == ([1, 3], ["the clock is ahead"])


async def test_rows_without_a_key_are_told_once_all_the_others_have_been_taken() -> None:
    store = Memory()
    with pytest.raises(Keyless, match=r"^sources\.crm: 3 of 5 rows have no key"):
        await found(store, Page([ONE], keyless=1), Page([TWO], keyless=2))
    assert [pending.customer for pending in await store.pending("rpm", "", 9)] == ["1", "2"]
