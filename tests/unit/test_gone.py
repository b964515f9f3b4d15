"""Who is gone: when everybody is called, what a target makes of those who are missed, and whose vendor id it is."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from sync.errors import SourceError
from sync.model import Customer, Entry, Foreign, Identity, Pending, Rejection, Roll, Update
from sync.pipeline.detect import Stream, detect
from sync.pipeline.gone import GonePolicy, parted, yielding
from sync.pipeline.rollcall import Roster, call
from sync.ports import Page, Source
from sync.stores.memory import Memory

DAY = timedelta(days=1)


class Town(Source):
    """Customers by key, of whom a look at what has changed shows only those who are `moved`; `counts` can be taken away."""

    def __init__(self, *keys: str) -> None:
        self.there = list(keys)
        self.moved = list(keys)
        self.counts = True
        self.rolls = 0
        self.breaks_after: int | None = None

    async def fields(self) -> Mapping[str, str]:
        return {}

    async def changed(self, cursor: object) -> AsyncIterator[Page]:
        del cursor
        yield Page([(key, b"x") for key in self.moved if key in self.there])

    async def fetch(self, keys: Sequence[str]) -> Sequence[Customer]:
        return [Customer(key, {}) for key in keys if key in self.there]

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        self.rolls += 1
        for place, key in enumerate(self.there):
            if place == self.breaks_after:
                raise SourceError("the connection broke")
            yield [key]

    async def count(self) -> int | None:
        return len(self.there) if self.counts else None

    async def close(self) -> None:
        pass


async def looked(town: Town, store: Memory, *, watching: Sequence[str] = ("shop",), every: timedelta = DAY) -> int | None:
    """One look at the source, and who waits for its targets then."""
    await detect(Stream("crm", town, "", ["shop", "office"]), store)
    return await call(Roster("crm", town, ["shop", "office"], watching, every), store)


async def gone(store: Memory, target: str = "shop") -> list[str]:
    return [pending.customer for pending in await store.pending(target, "", 99) if pending.gone]


async def test_nobody_is_called_where_no_target_wants_to_know(town: Town, store: Memory) -> None:
    assert await looked(town, store, watching=[]) is None
    assert town.rolls == 0


async def test_everybody_is_called_at_first_and_then_only_when_the_source_counts_others_than_were_seen(
    town: Town, store: Memory
) -> None:
    assert [await looked(town, store) for _ in range(3)] == [0, None, None]
    town.there.append("d")
    town.moved.append("d")
    assert await looked(town, store) is None
    town.there.remove("a")
    assert (await looked(town, store), await gone(store), town.rolls) == (1, ["a"], 2)
    assert (await looked(town, store), town.rolls) == (None, 2)


async def test_everybody_is_called_now_and_then_in_any_case(town: Town, store: Memory) -> None:
    await looked(town, store)
    town.counts = False
    town.there.remove("a")
    assert (await looked(town, store), await gone(store)) == (None, [])
    assert (await looked(town, store, every=timedelta(0)), await gone(store)) == (1, ["a"])


class Ahead(Memory):
    """Everybody was called by a clock that ran a year ahead."""

    async def roll(self, source: str) -> Roll:
        last = await super().roll(source)
        return replace(last, at=last.at and last.at + 365 * DAY)


async def test_everybody_is_called_again_after_a_clock_was_set_back(town: Town) -> None:
    store = Ahead()
    await looked(town, store)
    town.counts = False
    town.there.remove("a")
    assert (await looked(town, store), await gone(store)) == (1, ["a"])


async def test_rows_that_are_nobodys_do_not_have_everybody_called_every_time(town: Town, store: Memory) -> None:
    town.there.append("a")
    assert [await looked(town, store) for _ in range(2)] == [0, None]


async def test_who_returns_behind_the_cursor_is_found_by_the_count(town: Town, store: Memory) -> None:
    await looked(town, store)
    town.there.remove("a")
    await looked(town, store)
    town.moved = []
    town.there.append("a")
    assert (await looked(town, store), await gone(store)) == (0, [])
    assert "a" in [pending.customer for pending in await store.pending("office", "", 99)]


async def test_nobody_is_gone_from_a_source_that_calls_nobody(town: Town, store: Memory) -> None:
    await looked(town, store)
    town.there.clear()
    for _ in range(2):
        with pytest.raises(SourceError, match="nobody is there any more, of 3 customers"):
            await looked(town, store)
    assert await gone(store) == []


async def test_nobody_is_gone_where_the_list_breaks_off(town: Town, store: Memory) -> None:
    await looked(town, store)
    town.there.remove("a")
    town.breaks_after = 1
    with pytest.raises(SourceError, match="broke"):
        await looked(town, store)
    assert await gone(store) == []
    town.breaks_after = None
    assert (await looked(town, store), await gone(store)) == (1, ["a"])


@pytest.fixture
def town() -> Town:
    return Town("a", "b", "c")


@pytest.fixture
def store() -> Memory:
    return Memory()


# ---- what a target makes of it


@pytest.mark.parametrize(
    ("missing", "known", "marked", "listed"),
    [
        ("ignore", True, True, False),
        ("report", True, True, True),
        ("report", False, True, False),
        ("report", True, False, False),
        ("deactivate", True, True, False),
    ],
)
def test_only_whom_the_target_knows_and_who_was_missed_is_listed(
    missing: object, known: bool, marked: bool, listed: bool
) -> None:
    policy = GonePolicy(missing)  # type: ignore[arg-type]
    waiting = Pending("7", 1, gone=marked)
    assert parted(waiting, policy, known=known) == Foreign(waiting, gone=True, left=known, listed=listed)


def update(customer: str, *, gone: bool = False) -> Update:
    return Update(customer, Identity("1"), 1, (), {}, (), gone=gone)


def test_who_is_gone_yields_a_vendor_id_to_who_is_there() -> None:
    rivals = {"old": ("new",), "new": ("old",)}
    assert yielding(rivals, [update("old", gone=True), update("new")]) == ({}, {"old"})


def test_who_is_there_has_to_agree_with_the_others_who_are_there_only() -> None:
    rivals = {"old": ("a", "b"), "a": ("b", "old"), "b": ("a", "old")}
    entries: list[Entry] = [update("old", gone=True), update("a"), Rejection(Pending("b", 1), ())]
    assert yielding(rivals, entries) == ({"a": ("b",), "b": ("a",)}, {"old"})


def test_nobody_yields_to_who_is_gone() -> None:
    rivals = {"old": ("older",), "older": ("old",)}
    assert yielding(rivals, [update("old", gone=True), update("older", gone=True)]) == ({}, frozenset())
