"""Each vendor as a source, against the sandbox: everybody with everything, whatever its pages leave open."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pytest

from sync.errors import SourceError
from sync.log import Redactor
from sync.model import Customer, Standing
from sync.pipeline.asker import Asker
from sync.pipeline.detect import Stream, detect
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.retry import RetryPolicy
from sync.pipeline.speaker import Speaker
from sync.sandbox.faults import Fault
from sync.sandbox.talk import Simulated
from sync.sources.http.source import Http, HttpPolicy
from sync.stores.memory import Memory
from sync.vendors import bundled

NAMES = sorted(bundled())
MANY = 47
EMPTY = ("sparklayer", "list")
"""An empty list is what SparkLayer says when there is nobody."""
SPOILT = [pair for pair in product(NAMES, ("html", "empty", "truncated", "list", "object")) if pair != EMPTY]
Open = Callable[[str], Any]
NAMED: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "rpm": lambda name: {"Name": name, "Fields": {"Region": "North"}},
    "sellercloud": lambda name: {"Name": name, "Phone1": "08 5550 0101", "Rating": 5},
    "sparklayer": lambda name: {"first_name": name, "metadata": {"tier": "gold"}},
    "webcommander": lambda name: {"customer": {"first_name": name, "city": "Perth", "country": "Australia"}, "store_credit": 1.5},
}
SHOWN: Mapping[str, Mapping[str, Any]] = {
    "rpm": {"CustomerID": 1001, "Name": "Ann 1001", "Fields.Region": "North"},
    "sellercloud": {"ID": 1001, "Name": "Ann 1001", "Phone1": "08 5550 0101", "Rating": 5},
    "sparklayer": {"id": "cu_1001", "first_name": "Ann 1001", "metadata.tier": "gold"},
    "webcommander": {"id": 1001, "first_name": "Ann 1001", "city": "Perth", "country": "Australia", "store_credit": 1.5},
}


class Shop:
    """One vendor with customers, and a source that reads it."""

    def __init__(self, desk: Any) -> None:
        self.name: str = desk.name
        self.world = desk.sandbox.state
        self.vendor: Simulated = self.world.vendors[self.name]
        policy = LanePolicy(retry=RetryPolicy(attempts=2, backoff=0.0))
        self.lane = Lane(self.name, policy, Standing(), asyncio.Event())
        ask = Asker("sources.shop", Speaker(desk.vendor, self.lane, desk.wire, Redactor()))
        self.source = Http(desk.vendor.listing, ask, HttpPolicy("sources.shop"), b"k" * 32)
        self.store = Memory()

    def id(self, number: int) -> str:
        return f"cu_{number}" if self.name == "sparklayer" else str(number)

    def fill(self, many: int) -> None:
        for number in range(1001, 1001 + many):
            self.rename(number, f"Ann {number}")

    def rename(self, number: int, name: str) -> None:
        self.vendor.seed(self.id(number), NAMED[self.name](name))

    def set(self, **switches: Any) -> None:
        self.world.switches.set({f"{self.name}.{name}": value for name, value in switches.items()})

    def asked(self, endpoint: str) -> int:
        return sum(entry.endpoint == endpoint for entry in self.world.history.last(9999))

    async def fresh(self) -> list[str]:
        """Who waits after one more look, and does not wait any more then."""
        await detect(Stream("shop", self.source, "", ["target"]), self.store)
        pending = await self.store.pending("target", "", 9999)
        await self.store.drop("target", pending)
        return [waiting.customer for waiting in pending]

    async def one(self, number: int) -> Customer | None:
        return next(iter(await self.source.fetch([self.id(number)])), None)


@pytest.fixture(params=NAMES)
def shop(request: pytest.FixtureRequest, desk_of: Open) -> Shop:
    return Shop(desk_of(request.param))


async def test_everybody_comes_once_and_with_everything(shop: Shop) -> None:
    shop.fill(MANY)
    assert await shop.fresh() == [shop.id(number) for number in range(1001, 1001 + MANY)]
    customer = await shop.one(1001)
    assert customer
    assert {name: customer.values[name] for name in SHOWN[shop.name]} == SHOWN[shop.name]


async def test_every_field_of_a_customer_is_among_the_fields(shop: Shop) -> None:
    shop.fill(2)
    found = await shop.source.fields()
    customer = await shop.one(1002)
    assert customer
    assert customer.values.keys() <= found.keys()


async def test_nobody_is_nobody_and_not_an_error(shop: Shop) -> None:
    assert await shop.fresh() == []
    if shop.name == "sparklayer":
        shop.set(empty_list_status=204)
        assert await shop.fresh() == []


async def test_who_changes_is_found_and_nobody_else(shop: Shop) -> None:
    shop.fill(MANY)
    await shop.fresh()
    assert await shop.fresh() == []
    shop.rename(1007, "Bea")
    assert await shop.fresh() == [shop.id(1007)]


async def test_who_is_gone_is_gone(shop: Shop) -> None:
    shop.fill(1)
    shop.set(unknown_id="not_found")
    assert await shop.one(1002) is None


@pytest.mark.parametrize(("shop", "kind"), SPOILT, indirect=["shop"])
async def test_a_list_that_is_spoilt_is_not_taken_for_an_empty_one(shop: Shop, kind: str) -> None:
    shop.fill(3)
    shop.world.faults.add(Fault("garbage", times=None, kind=kind, vendor=shop.name, match={"endpoint": "list"}))
    with pytest.raises(SourceError, match=r"^sources\.shop: "):
        await shop.fresh()


async def test_a_server_that_is_out_of_order_is_told_and_the_cursor_kept(shop: Shop) -> None:
    shop.fill(MANY)
    await shop.fresh()
    cursor = await shop.store.cursor("shop")
    shop.rename(1007, "Bea")
    shop.world.faults.add(Fault("status", times=None, vendor=shop.name, status=500, match={"endpoint": "list"}))
    with pytest.raises(SourceError, match=r"^sources\.shop: "):
        await shop.fresh()
    assert await shop.store.cursor("shop") == cursor
    shop.world.faults.clear()
    assert await shop.fresh() == [shop.id(1007)]


# ---- Sellercloud


@pytest.mark.parametrize("shop", ["sellercloud"], indirect=True)
async def test_sellercloud_is_read_to_its_total_however_few_a_page_holds(shop: Shop) -> None:
    shop.set(page_size_cap=7)
    shop.fill(MANY)
    assert len(await shop.fresh()) == MANY


@pytest.mark.parametrize("shop", ["sellercloud"], indirect=True)
async def test_sellercloud_is_asked_only_for_those_who_changed_within_a_day(shop: Shop) -> None:
    shop.fill(3)
    await shop.fresh()
    held = shop.vendor.shelf.get("1002")
    assert held
    before = shop.asked("read")
    held.modified = held.modified.replace(year=2020)
    assert await shop.fresh() == []
    assert shop.asked("read") - before == 2


@pytest.mark.parametrize("shop", ["sellercloud"], indirect=True)
async def test_card_numbers_of_sellercloud_go_nowhere(shop: Shop) -> None:
    shop.fill(1)
    customer = await shop.one(1001)
    assert customer
    assert not [name for name in customer.values if "card" in name.casefold()]


# ---- RPM


@pytest.mark.parametrize("shop", ["rpm"], indirect=True)
@pytest.mark.parametrize(("ids", "dates"), [("number", "iso"), ("text", "us"), ("text", "iso")])
async def test_rpm_reads_again_only_who_changed_as_late_as_the_last_one(shop: Shop, ids: str, dates: str) -> None:
    shop.set(ids=ids, dates=dates)
    shop.fill(3)
    for number, year in ((1001, 2020), (1002, 2021)):
        held = shop.vendor.shelf.get(str(number))
        assert held
        held.modified = held.modified.replace(year=year)
    assert await shop.fresh() == ["1001", "1002", "1003"]
    before = shop.asked("read")
    assert await shop.fresh() == []
    assert shop.asked("read") - before == 1
    shop.rename(1003, "Bea")
    assert await shop.fresh() == ["1003"]


@pytest.mark.parametrize("shop", ["rpm"], indirect=True)
async def test_rpm_answers_in_either_shape_of_error_that_there_is_nobody(shop: Shop) -> None:
    shop.set(error_shape="text")
    assert await shop.fresh() == []


@pytest.mark.parametrize("shop", ["rpm"], indirect=True)
async def test_no_other_error_of_rpm_is_taken_for_an_empty_list(shop: Shop) -> None:
    said = '{"Result": {"Error": {"Message": "Permission denied"}}}'
    shop.world.faults.add(Fault("status", times=None, status=200, body=said, vendor="rpm", match={"endpoint": "list"}))
    with pytest.raises(SourceError, match=r"^sources\.shop: Permission denied$"):
        await shop.fresh()


# ---- WebCommander


@pytest.mark.parametrize("shop", ["webcommander"], indirect=True)
@pytest.mark.parametrize("pagination", ["records", "total"])
@pytest.mark.parametrize("many", [0, 1, 20, 21, 39, 40])
async def test_webcommander_is_read_by_as_many_as_come(shop: Shop, pagination: str, many: int) -> None:
    shop.set(pagination=pagination, ids="text", amounts="text")
    shop.fill(many)
    assert len(await shop.fresh()) == many


@pytest.mark.parametrize("shop", ["webcommander"], indirect=True)
@pytest.mark.parametrize("trash", ["hidden", "listed"])
async def test_who_is_in_the_trash_of_webcommander_is_gone(shop: Shop, trash: str) -> None:
    shop.set(trash=trash)
    shop.fill(25)
    for number in (1001, 1020):
        held = shop.vendor.shelf.get(str(number))
        assert held
        held.trashed = True
    assert await shop.one(1001) is None
    assert await shop.fresh() == [str(number) for number in range(1001, 1026) if number not in {1001, 1020}]
    assert await shop.one(1020) is None
