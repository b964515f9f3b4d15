"""The sandbox's own addresses, its page, and how it starts and stops."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sync.sandbox.assumed import TABLE
from sync.sandbox.control import WORLD
from sync.sandbox.faults import Fault
from sync.sandbox.limits import Limit, rate
from sync.sandbox.server import build, serve
from sync.sandbox.world import World

Client = TestClient[Any, Any]
EDIT = "/rpm/api2.svc/CustomerEdit"
KEY = {"RpmApiKey": "k"}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(build())) as client:
        yield client


@pytest.fixture
def world(client: Client) -> World:
    return client.app[WORLD]  # type: ignore[union-attr]


async def edit(client: Client, **customer: Any) -> None:
    async with client.post(EDIT, json={"Customer": {"CustomerID": 7, **customer}}, headers=KEY) as reply:
        assert reply.status == 200


async def got(client: Client, path: str) -> Any:
    async with client.get(path) as reply:
        return await reply.json()


# ---- switches


async def test_every_switch_has_a_default_that_is_allowed_and_a_meaning() -> None:
    assert [switch.name for switch in TABLE if switch.complaint(switch.default) or not switch.about] == []
    assert len({switch.name for switch in TABLE}) == len(TABLE)


async def test_switches_are_read_and_changed_over_http(client: Client, world: World) -> None:
    async with client.put("/_sandbox/switches", json={"rpm.null": "clear", "latency": 0.5, "rpm.limit": "5/m"}) as reply:
        assert reply.status == 200
    assert (world.switches["rpm.null"], world.switches["latency"]) == ("clear", 0.5)
    shown = (await got(client, "/_sandbox/switches"))["rpm.null"]
    assert (shown["value"], shown["default"], shown["values"]) == ("clear", "ignore", ["ignore", "clear"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rpm.nul", "clear"),
        ("rpm.null", "maybe"),
        ("sellercloud.rate_limit_status", "429"),
        ("latency", -1),
        ("rpm.max_name", 0),
        ("sellercloud.unique_email", 1),
        ("rpm.custom_fields", "Plan"),
        ("rpm.limit", "many"),
    ],
)
async def test_a_switch_or_value_that_is_none_is_refused_and_nothing_changes(
    client: Client, world: World, name: str, value: Any
) -> None:
    async with client.put("/_sandbox/switches", json={"rpm.address": "location", name: value}) as reply:
        assert (reply.status, (await reply.json())["error"].startswith(name)) == (400, True)
    assert world.switches["rpm.address"] == "ignore"


async def test_switches_can_be_given_at_the_start() -> None:
    assert build({"rpm.null": "clear"})[WORLD].switches["rpm.null"] == "clear"
    with pytest.raises(ValueError, match=r"did you mean rpm\.null"):
        build({"rpm.nul": "clear"})


async def test_latency_holds_every_answer_back(client: Client, world: World) -> None:
    world.switches.set({"latency": 600})
    asked = asyncio.create_task(edit(client, Name="Ox"))
    async with asyncio.timeout(60):
        while not world.customers("rpm"):  # noqa: ASYNC110 - the sandbox tells nobody
            await asyncio.sleep(0)
    assert not asked.done()
    world.stopping.set()
    with pytest.raises(aiohttp.ClientConnectionError):
        await asked


# ---- customers and history


async def test_customers_are_seeded_and_shown_by_their_update_names(client: Client) -> None:
    for vendor, id, values in (
        ("sellercloud", "1", {"Name": "a", "Rating": 2}),
        ("rpm", "1", {"Name": "a", "Fields": {"Plan": "x"}}),
        ("webcommander", "1", {"customer": {"email": "a@x.org"}, "store_credit": 5}),
        ("sparklayer", "cu_1", {"title": "Mr"}),
    ):
        async with client.post("/_sandbox/customers", json={"vendor": vendor, "customers": {id: values}}) as reply:
            assert await reply.json() == {"customers": 1}
        assert await got(client, f"/_sandbox/customers?vendor={vendor}") == {id: values}
    assert set(await got(client, "/_sandbox/customers")) == {"sellercloud", "rpm", "webcommander", "sparklayer"}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"vendor": "acme", "customers": {}},
        {"vendor": "rpm", "customers": []},
        {"vendor": "sellercloud", "customers": {"1": {"Nam": "x"}}},
    ],
)
async def test_customers_that_do_not_fit_are_refused(client: Client, sent: Any) -> None:
    async with client.post("/_sandbox/customers", json=sent) as reply:
        assert reply.status == 400


async def test_history_holds_every_request_in_order_with_its_body_to_the_byte(client: Client) -> None:
    body = b'{ "Customer":{"CustomerID":7,  "Name":"\xc3\x96x"} }'
    async with client.post(EDIT + "?a=1", data=body, headers={**KEY, "Content-Type": "application/json"}):
        pass
    await edit(client, Website="w")
    first, second = await got(client, "/_sandbox/history")
    assert first["body"] == body.decode()
    assert {name: first[name] for name in ("sequence", "vendor", "endpoint", "method", "path", "customer", "key", "status")} == {
        "sequence": 1,
        "vendor": "rpm",
        "endpoint": "update",
        "method": "POST",
        "path": EDIT + "?a=1",
        "customer": "7",
        "key": "7",
        "status": 200,
    }
    assert (first["applied"], first["turn"], first["wrote"], second["turn"], second["wrote"]) == (
        True,
        1,
        {"Name": "Öx"},
        2,
        {"Website": "w"},
    )
    assert first["received"] <= first["finished"] <= second["received"]
    assert [entry["sequence"] for entry in await got(client, "/_sandbox/history?since=1&vendor=rpm")] == [2]
    assert await got(client, "/_sandbox/history?vendor=sparklayer") == []
    assert len(await got(client, "/_sandbox/history?limit=1")) == 1


async def test_no_secret_is_kept_in_the_history_or_shown(client: Client, world: World) -> None:
    sent = {"Username": "me", "Password": 'hush"\\'}
    async with client.post("/sellercloud/rest/api/token", json=sent) as reply:
        await reply.read()
    grant = {"grant_type": "client_credentials", "auth_string": "aHVzaDpodXNo", "client_id": "a", "client_secret": "hush"}
    async with client.post("/webcommander/api/v4/oauth2/token", json=grant) as reply:
        signed = {"Authorization": f"Bearer {(await reply.json())['access_token']}"}
    customer = {"customer": {"password": "hush"}, "customer_password_expired": True}
    async with client.put("/webcommander/api/v4/admin/customers/7", json=customer, headers=signed) as reply:
        assert "hush" not in await reply.text()
    assert world.customers("webcommander")["7"]["customer"]["password"] == "hush"
    for path in ("/_sandbox/history", "/_sandbox/customers", "/?vendor=webcommander"):
        async with client.get(path) as reply:
            text = await reply.text()
            assert ("hush" in text, "aHVz" in text, "***" in text) == (False, False, True)
    assert world.history.entries[0].body == '{"Username": "me", "Password": "***"}'


async def test_history_is_bounded() -> None:
    async with TestClient(TestServer(build(keep=3))) as client:
        for _ in range(5):
            await edit(client)
        assert [entry["sequence"] for entry in await got(client, "/_sandbox/history")] == [3, 4, 5]


async def test_a_reset_forgets_everything(client: Client, world: World) -> None:
    world.switches.set({"rpm.null": "clear", "rpm.limit": "1/h"})
    await edit(client, Name="Ox")
    world.faults.add(Fault("status"))
    async with client.post("/sellercloud/rest/api/token", json={"Username": "a", "Password": "b"}) as reply:
        signed = {"Authorization": f"Bearer {(await reply.json())['access_token']}"}
    async with client.post("/_sandbox/reset", json={"switches": False}) as reply:
        assert (reply.status, await reply.json()) == (200, {"reset": True})
    async with client.get("/sellercloud/rest/api/Customers/7", headers=signed) as reply:
        assert reply.status == 401
    world.history.clear()
    assert (world.customers("rpm"), len(world.history.entries), world.faults.active) == ({}, 0, [])
    assert world.switches["rpm.null"] == "clear"
    await edit(client, Name="Ox")
    assert world.history.entries[0].applied
    async with client.post("/_sandbox/reset"):
        pass
    assert world.switches["rpm.null"] == "ignore"


async def test_an_address_of_nobody_is_not_found(client: Client) -> None:
    async with client.get("/acme/customers") as reply:
        assert reply.status == 404


# ---- limits


def test_a_limit_holds_in_every_window_and_counts_only_what_it_lets_through() -> None:
    now = 0.0
    limit = Limit(lambda: now)
    passed = []
    for step in range(100):
        now = step / 10
        if limit.exceeded("3/s") is None:
            passed.append(now)
    assert len(passed) == 30
    assert all(later - earlier >= 1 for earlier, later in zip(passed, passed[3:], strict=False))


def test_a_limit_says_how_long_it_lasts() -> None:
    now = 0.0
    limit = Limit(lambda: now)
    assert limit.exceeded("1/m") is None
    now = 15.0
    assert limit.exceeded("1/m") == 45.0
    assert limit.exceeded(None) is None


@pytest.mark.parametrize(
    ("text", "parsed"), [("10800/h", (10800, 3600.0)), ("5/10s", (5, 10.0)), ("1/0.5m", (1, 30.0)), ("2/d", (2, 86400.0))]
)
def test_a_limit_is_a_count_in_a_period(text: str, parsed: tuple[int, float]) -> None:
    assert rate(text) == parsed


# ---- the page


async def test_the_page_shows_customers_requests_faults_and_switches_escaped(client: Client, world: World) -> None:
    await edit(client, Name="<script>alert(1)</script>", Website="")
    world.faults.add(Fault("hang", vendor="rpm"))
    world.switches.set({"rpm.null": "clear"})
    async with client.get("/?vendor=rpm") as reply:
        text = await reply.text()
    assert reply.content_type == "text/html"
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert [word in text for word in ("POST /rpm/api2.svc/CustomerEdit", "<mark>clear</mark>", "hang", "1 of 1")] == [True] * 4
    assert "http://" not in text
    assert "https://" not in text


async def test_the_page_has_pages(client: Client, world: World) -> None:
    for id in range(1, 31):
        world.vendors["rpm"].seed(str(id), {"Name": f"name-{id}."})
    for page, shown, hidden in ((1, "name-25.", "name-26."), (2, "name-26.", "name-25.")):
        async with client.get(f"/?vendor=rpm&page={page}") as reply:
            text = await reply.text()
        assert (shown in text, hidden in text) == (True, False)
    async with client.get("/?vendor=acme") as reply:
        assert reply.status == 404


async def test_an_empty_sandbox_has_a_page_too(client: Client) -> None:
    async with client.get("/") as reply:
        assert (reply.status, "Nobody yet." in await reply.text()) == (200, True)


# ---- starting and stopping


async def test_it_serves_on_any_free_port_and_is_gone_afterwards() -> None:
    async with serve() as running, aiohttp.ClientSession() as session:
        sent = {"Customer": {"CustomerID": 7, "Name": "Ox"}}
        async with session.post(running.base_url("rpm") + "/CustomerEdit", json=sent, headers=KEY) as reply:
            assert reply.status == 200
        assert running.state.customers("rpm") == {"7": {"Name": "Ox"}}
        url = running.url
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)


async def test_stopping_does_not_wait_for_what_hangs_and_applies_it_never() -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        async with serve() as running:
            running.state.faults.add(Fault("hang", seconds=600))
            sent = {"Customer": {"CustomerID": 7, "Name": "Ox"}}
            asked = asyncio.create_task(session.post(running.base_url("rpm") + "/CustomerEdit", json=sent, headers=KEY))
            while not running.state.history.entries:  # noqa: ASYNC110 - the sandbox tells nobody
                await asyncio.sleep(0)
        with pytest.raises(aiohttp.ClientConnectionError):
            await asked
        assert running.state.customers("rpm") == {}
