"""What goes wrong in the sandbox, on purpose."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sync.sandbox.control import WORLD
from sync.sandbox.faults import Fault
from sync.sandbox.history import Entry
from sync.sandbox.server import build, serve
from sync.sandbox.talk import CUT, Call
from sync.sandbox.world import World

Client = TestClient[Any, Any]
Update = Callable[..., Any]

VENDORS = ["sellercloud", "rpm", "webcommander", "sparklayer"]
ADDRESSES = {
    "sellercloud": ("PUT", "/sellercloud/rest/api/Customers/7", {"Name": "x"}),
    "rpm": ("POST", "/rpm/api2.svc/CustomerEdit", {"Customer": {"CustomerID": 7, "Name": "x"}}),
    "webcommander": ("PUT", "/webcommander/api/v4/admin/customers/7", {"customer": {"first_name": "x"}}),
    "sparklayer": ("PATCH", "/sparklayer/api/v1/customers/cu_7", {"first_name": "x"}),
}
APPLIED = {
    "sellercloud": {"7": {"Name": "x"}},
    "rpm": {"7": {"Name": "x"}},
    "webcommander": {"7": {"customer": {"first_name": "x"}}},
    "sparklayer": {"cu_7": {"first_name": "x"}},
}
AUTH = base64.b64encode(b"a:b").decode()
GRANT = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b", "auth_string": AUTH}
SIGN_INS = {
    "sellercloud": ("/sellercloud/rest/api/token", {"Username": "a", "Password": "b"}),
    "webcommander": ("/webcommander/api/v4/oauth2/token", GRANT),
    "sparklayer": ("/sparklayer/api/auth/token", GRANT),
}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(build())) as client:
        yield client


@pytest.fixture
def world(client: Client) -> World:
    return client.app[WORLD]  # type: ignore[union-attr]


async def headers(client: Client, vendor: str) -> dict[str, str]:
    known = {"RpmApiKey": "k", "Site-Id": "s"}
    if vendor in SIGN_INS:
        path, sent = SIGN_INS[vendor]
        async with client.post(path, json=sent, headers=known) as reply:
            known["Authorization"] = f"Bearer {(await reply.json())['access_token']}"
    return known


async def update(client: Client, vendor: str, signed: dict[str, str] | None = None, **rest: Any) -> tuple[int, bytes]:
    method, path, sent = ADDRESSES[vendor]
    signed = signed or await headers(client, vendor)
    async with client.request(method, path, json=sent, headers=signed, **rest) as reply:
        return reply.status, await reply.read()


async def posted(client: Client, **fault: Any) -> None:
    async with client.post("/_sandbox/faults", json=fault) as reply:
        assert reply.status == 200, await reply.text()


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_dropped_connection_applies_nothing_before_and_everything_after(
    client: Client, world: World, vendor: str
) -> None:
    signed = await headers(client, vendor)
    await posted(client, vendor=vendor, fault="drop_before")
    with pytest.raises(aiohttp.ClientConnectionError):
        await update(client, vendor, signed)
    assert world.customers(vendor) == {}
    await posted(client, vendor=vendor, fault="drop_after")
    with pytest.raises(aiohttp.ClientConnectionError):
        await update(client, vendor, signed)
    assert world.customers(vendor) == APPLIED[vendor]
    dropped = [(entry.fault, entry.status, entry.applied) for entry in world.history.entries if entry.fault]
    assert dropped == [("drop_before", 0, False), ("drop_after", 0, True)]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_error_after_has_applied_the_update(client: Client, world: World, vendor: str) -> None:
    await posted(client, vendor=vendor, fault="error_after")
    status, body = await update(client, vendor)
    assert (status, bool(body)) == (500, True)
    assert world.customers(vendor) == APPLIED[vendor]


async def test_a_status_is_answered_as_told_and_applies_nothing(client: Client, world: World) -> None:
    await posted(client, fault="status", status=503, headers={"Retry-After": 3}, body={"a": 1})
    async with client.post("/rpm/api2.svc/CustomerEdit", json={}, headers={"RpmApiKey": "k"}) as reply:
        assert (reply.status, reply.headers["Retry-After"], await reply.json()) == (503, "3", {"a": 1})
    assert world.customers("rpm") == {}


@pytest.mark.parametrize("vendor", ["sellercloud", "webcommander", "sparklayer"])
async def test_expired_tokens_end_in_a_401_until_the_next_sign_in(client: Client, world: World, vendor: str) -> None:
    signed = await headers(client, vendor)
    await posted(client, vendor=vendor, fault="expire_tokens")
    assert [(await update(client, vendor, signed))[0] for _ in range(2)] == [401, 401]
    assert world.customers(vendor) == {}
    assert (await update(client, vendor))[0] == 200


@pytest.mark.parametrize(("refresh", "status"), [(False, 201), (True, 401)])
async def test_refresh_tokens_outlive_the_others_unless_told(client: Client, refresh: bool, status: int) -> None:
    path, sent = SIGN_INS["webcommander"]
    async with client.post(path, json=sent) as reply:
        token = (await reply.json())["refresh_token"]
    await posted(client, vendor="webcommander", fault="expire_tokens", refresh=refresh)
    await update(client, "webcommander")
    async with client.post(path, json={**sent, "grant_type": "refresh_token", "refresh_token": token}) as reply:
        assert reply.status == status


@pytest.mark.parametrize(("vendor", "status"), [("sellercloud", 429), ("rpm", 200), ("webcommander", 429), ("sparklayer", 429)])
async def test_a_rate_limit_comes_in_the_vendors_own_words(client: Client, world: World, vendor: str, status: int) -> None:
    await posted(client, vendor=vendor, fault="rate_limit", seconds=30)
    answered, body = await update(client, vendor)
    words = {
        "sellercloud": b"RateLimitResetTime",
        "rpm": b"API daily limit reached",
        "webcommander": b"Too many",
        "sparklayer": b"Slow down",
    }
    assert (answered, words[vendor] in body) == (status, True)
    assert world.customers(vendor) == {}
    assert (await update(client, vendor))[0] == 200


async def test_a_rate_limit_that_holds_refuses_everybody_until_it_ends(client: Client, world: World) -> None:
    signed = await headers(client, "sparklayer")
    await posted(client, vendor="sparklayer", fault="rate_limit", seconds=600, hold=True)
    assert [(await update(client, "sparklayer", signed))[0] for _ in range(3)] == [429, 429, 429]
    world.limits["sparklayer"]._clock = lambda: time.monotonic() + 601
    assert (await update(client, "sparklayer", signed))[0] == 200


async def test_the_daily_limit_holds_until_its_end(client: Client, world: World) -> None:
    await posted(client, vendor="rpm", fault="daily_limit", seconds=60)
    assert [b"API daily limit reached" in (await update(client, "rpm"))[1] for _ in range(2)] == [True, True]
    async with client.delete("/_sandbox/faults") as reply:
        assert (reply.status, await reply.json()) == (200, [])
    await update(client, "rpm")
    assert world.customers("rpm") == APPLIED["rpm"]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_conflict_is_a_409(client: Client, world: World, vendor: str) -> None:
    await posted(client, vendor=vendor, fault="conflict")
    assert (await update(client, vendor))[0] == 409
    assert world.customers(vendor) == {}


async def test_a_redirect_leads_elsewhere(client: Client, world: World) -> None:
    await posted(client, vendor="rpm", fault="redirect", status=307)
    async with client.post("/rpm/api2.svc/CustomerEdit", json={}, headers={"RpmApiKey": "k"}, allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (307, "/_sandbox/elsewhere")
    assert world.customers("rpm") == {}


@pytest.mark.parametrize(
    ("kind", "fits"),
    [
        ("html", lambda body: body.startswith(b"<!doctype html>")),
        ("utf8", lambda body: b"\xff" in body),
        ("empty", lambda body: body == b""),
        ("huge", lambda body: len(body) == 3_000_000),
        ("truncated", lambda body: body.startswith(b'{"customer"') and not body.endswith(b"}")),
        ("list", lambda body: body == b"[]"),
        ("object", lambda body: body == b"{}"),
    ],
)
async def test_garbage_is_of_the_kind_that_was_asked_for_and_the_update_is_applied(
    client: Client, world: World, kind: str, fits: Callable[[bytes], bool]
) -> None:
    await posted(client, vendor="webcommander", fault="garbage", kind=kind, size=3_000_000)
    status, body = await update(client, "webcommander")
    assert (status, fits(body)) == (200, True)
    assert world.customers("webcommander") == APPLIED["webcommander"]


async def test_garbage_can_come_without_the_update_being_applied(client: Client, world: World) -> None:
    await posted(client, vendor="rpm", fault="garbage", apply=False)
    assert (await update(client, "rpm"))[1].startswith(b"<!doctype html>")
    assert world.customers("rpm") == {}


async def test_an_answer_can_be_cut_in_the_middle_of_its_body(client: Client, world: World) -> None:
    await posted(client, vendor="rpm", fault="garbage", kind="cut")
    with pytest.raises(aiohttp.ClientError):
        await update(client, "rpm")
    assert world.customers("rpm") == APPLIED["rpm"]


@pytest.mark.parametrize(
    ("vendor", "id"), [("rpm", b'"CustomerID":8'), ("webcommander", b'"id":8'), ("sparklayer", b'"id":"cu_79"')]
)
async def test_an_answer_can_speak_of_another_customer(client: Client, world: World, vendor: str, id: bytes) -> None:
    await posted(client, vendor=vendor, fault="wrong_id")
    assert id in (await update(client, vendor))[1]
    assert world.customers(vendor) == APPLIED[vendor]


async def in_hand(world: World) -> Entry:
    """The request that has arrived."""
    async with asyncio.timeout(60):
        while not world.history.entries or world.history.entries[-1].fault is None:  # noqa: ASYNC110 - the sandbox tells nobody
            await asyncio.sleep(0)
    return world.history.entries[-1]


@pytest.mark.parametrize(("fault", "applied"), [("slow", True), ("hang", False)])
async def test_a_slow_answer_is_applied_before_its_wait_and_a_hanging_one_after(
    client: Client, world: World, fault: str, applied: bool
) -> None:
    world.faults.add(Fault(fault, vendor="rpm", seconds=600))
    asked = asyncio.create_task(update(client, "rpm"))
    assert (await in_hand(world)).applied is applied
    assert (bool(world.customers("rpm")), asked.done()) == (applied, False)
    world.stopping.set()
    with pytest.raises(aiohttp.ClientConnectionError):
        await asked


@pytest.mark.parametrize("fault", ["slow", "hang"])
async def test_a_slow_and_a_hanging_one_are_applied_and_answered_in_the_end(client: Client, world: World, fault: str) -> None:
    world.faults.add(Fault(fault, vendor="rpm", seconds=0.01))
    assert (await update(client, "rpm"))[0] == 200
    assert world.customers("rpm") == APPLIED["rpm"]


async def test_a_hanging_update_is_applied_although_the_client_has_gone() -> None:
    async with serve() as running, aiohttp.ClientSession() as session:
        world = running.state
        world.faults.add(Fault("hang", vendor="rpm", seconds=0.1))
        url, sent = running.url + ADDRESSES["rpm"][1], ADDRESSES["rpm"][2]
        asked = asyncio.create_task(session.post(url, json=sent, headers={"RpmApiKey": "k"}))
        entry = await in_hand(world)
        asked.cancel()
        async with asyncio.timeout(60):
            while entry.finished is None:  # noqa: ASYNC110 - the sandbox tells nobody
                await asyncio.sleep(0.01)
        assert world.customers("rpm") == APPLIED["rpm"]
        assert (entry.applied, entry.gone) == (True, True)


async def test_two_in_flight_for_one_customer_are_noticed(client: Client, world: World) -> None:
    world.faults.add(Fault("hang", vendor="rpm", seconds=0.1))
    first = asyncio.create_task(update(client, "rpm"))
    await in_hand(world)
    await update(client, "rpm")
    await first
    await update(client, "rpm")
    assert [entry.overlapped for entry in world.history.entries] == [False, True, False]


# ---- whom a fault meets


async def test_a_fault_is_played_so_many_times_after_so_many_calls(client: Client) -> None:
    await posted(client, vendor="rpm", fault="status", status=500, after=1, times=2)
    assert [(await update(client, "rpm"))[0] for _ in range(5)] == [200, 500, 500, 200, 200]
    async with client.get("/_sandbox/faults") as reply:
        assert await reply.json() == []


async def test_a_fault_for_ever_ends_when_it_is_taken_away(client: Client) -> None:
    await posted(client, vendor="rpm", fault="status", times=None)
    assert [(await update(client, "rpm"))[0] for _ in range(3)] == [500, 500, 500]
    async with client.get("/_sandbox/faults") as reply:
        assert (await reply.json())[0]["played"] == 3
    async with client.delete("/_sandbox/faults"):
        pass
    assert (await update(client, "rpm"))[0] == 200


async def test_a_fault_spares_other_vendors_customers_endpoints_and_methods(client: Client, world: World) -> None:
    for match in ({"customer": "8"}, {"endpoint": "read"}, {"method": "PUT"}):
        world.faults.add(Fault("status", vendor="rpm", match=match))
    world.faults.add(Fault("status", vendor="sparklayer"))
    assert (await update(client, "rpm"))[0] == 200
    await posted(client, fault="status", match={"customer": 7, "endpoint": "update", "method": "post"})
    assert (await update(client, "rpm"))[0] == 500


@pytest.mark.parametrize(("endpoint", "status"), [(None, 200), ("token", 500), ("*", 500)])
async def test_a_sign_in_is_spared_unless_it_is_named(client: Client, world: World, endpoint: str | None, status: int) -> None:
    world.faults.add(Fault("status", match={"endpoint": endpoint} if endpoint else {}))
    path, sent = SIGN_INS["sellercloud"]
    async with client.post(path, json=sent) as reply:
        assert reply.status == status


async def test_chance_is_the_same_for_the_same_seed(client: Client) -> None:
    async def played(seed: int) -> list[int]:
        fault = {"vendor": "rpm", "fault": "status", "times": None, "probability": 0.5}
        async with client.delete("/_sandbox/faults"):
            pass
        async with client.post("/_sandbox/faults", json={"seed": seed, "faults": [fault]}):
            pass
        return [(await update(client, "rpm"))[0] for _ in range(40)]

    first, again, other = await played(1), await played(1), await played(2)
    assert first == again
    assert first != other
    assert 5 < first.count(500) < 35


async def test_taking_faults_away_starts_the_dice_anew(world: World) -> None:
    coin = Fault("status", times=None, probability=0.5)
    call = Call("update", lambda: CUT)

    def thrown() -> list[bool]:
        world.faults.clear()
        world.faults.add(coin)
        return [world.faults.pick("rpm", "POST", call) is not None for _ in range(30)]

    assert thrown() == thrown()


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"fault": "explode"},
        {"fault": "status", "vendor": "acme"},
        {"fault": "status", "status": 99},
        {"fault": "status", "times": 0},
        {"fault": "status", "probability": 2},
        {"fault": "status", "match": {"name": "x"}},
        {"fault": "garbage", "kind": "nice"},
        {"fault": "hang", "seconds": "long"},
        {"fault": "status", "sttus": 500},
        [{"fault": "status"}, 7],
    ],
)
async def test_a_fault_that_is_none_is_refused_and_none_is_set(client: Client, world: World, fault: Any) -> None:
    async with client.post("/_sandbox/faults", json=fault) as reply:
        assert (reply.status, "error" in await reply.json()) == (400, True)
    assert world.faults.active == []


async def test_a_reset_time_lies_ahead_by_the_seconds_of_the_fault(client: Client) -> None:
    await posted(client, vendor="sellercloud", fault="rate_limit", seconds=30)
    _, body = await update(client, "sellercloud")
    reset = datetime.fromisoformat(body.split(b'"RateLimitResetTime":"')[1].split(b'"')[0].decode())
    assert 28 < (reset - datetime.now(UTC)).total_seconds() <= 30
