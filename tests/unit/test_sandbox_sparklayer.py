"""The simulated SparkLayer."""

import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from sync.sandbox.control import WORLD
from sync.sandbox.server import build
from sync.sandbox.world import World

BASE = "/sparklayer/api"
Answered = tuple[int, Any]


class Api:
    """A signed-in client of one site, and what the vendor holds."""

    def __init__(self, client: TestClient[Any, Any], world: World) -> None:
        self.client, self.world = client, world
        self.headers = {"Site-Id": "sandbox"}

    async def sign_in(self, **sent: str) -> Answered:
        body = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox-secret", **sent}
        status, tree = await self.ask("POST", "auth/token", json=body)
        if status == 200:
            self.headers["Authorization"] = f"Bearer {tree['access_token']}"
        return status, tree

    async def ask(self, method: str, path: str, **rest: Any) -> Answered:
        url = URL(f"{self.client.make_url(BASE)}/{path}", encoded=True)
        async with self.client.session.request(method, url, headers=self.headers, **rest) as reply:
            return reply.status, await reply.json(content_type=None) if await reply.read() else None

    async def patch(self, id: str = "cu_7", **body: Any) -> Answered:
        return await self.ask("PATCH", f"v1/customers/{quote(id, safe='')}", json=body)

    def set(self, **switches: Any) -> None:
        self.world.switches.set({f"sparklayer.{name}": value for name, value in switches.items()})

    def held(self, id: str = "cu_7") -> Any:
        return self.world.customers("sparklayer")[id]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    app = build()
    async with TestClient(TestServer(app)) as client:
        user = Api(client, app[WORLD])
        await user.sign_in()
        yield user


# ---- signing in


async def test_a_sign_in_is_json_and_yields_a_bearer_token(api: Api) -> None:
    status, tree = await api.sign_in()
    assert (status, tree["token_type"], tree["expires_in"], "refresh_token" in tree) == (200, "Bearer", 3600, False)
    form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox-secret"}
    async with api.client.post(f"{BASE}/auth/token", data=form, headers={"Site-Id": "sandbox"}) as reply:
        assert reply.status == 400
    assert (await api.sign_in(grant_type="password"))[0] == 400


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_every_call_needs_a_site_the_sign_in_too(api: Api, status: int) -> None:
    api.set(missing_site_status=status)
    del api.headers["Site-Id"]
    assert ((await api.sign_in())[0], (await api.patch(title="Mr"))[0]) == (status, status)
    assert api.world.customers("sparklayer") == {}


async def test_a_token_is_good_for_its_own_site_only(api: Api) -> None:
    api.headers["Site-Id"] = "other"
    status, problem = await api.patch(title="Mr")
    assert (status, problem["status"], problem["title"]) == (401, 401, "Unauthorized")


async def test_with_strict_credentials_only_the_sandboxs_own_do(api: Api) -> None:
    assert (await api.sign_in(client_secret="mine"))[0] == 200
    assert (await api.sign_in(client_secret=""))[0] == 401
    api.world.switches.set({"credentials": "sandbox"})
    assert (await api.sign_in(client_secret="mine"))[0] == 401
    assert (await api.sign_in())[0] == 200
    api.headers["Site-Id"] = "other"
    assert (await api.sign_in())[0] == 401


async def test_a_token_expires_after_its_lifetime(api: Api) -> None:
    api.set(token_lifetime=60.0)
    await api.sign_in()
    assert (await api.patch(title="Mr"))[0] == 200
    api.world.vendors["sparklayer"]._door.tokens._clock = lambda: time.monotonic() + 61
    assert (await api.patch(title="Ms"))[0] == 401
    assert api.held() == {"title": "Mr"}


# ---- updating


async def test_a_patch_writes_what_it_names_and_answers_with_the_whole_customer(api: Api) -> None:
    await api.patch(first_name="Jo", email="Jo@x.org", tax_exempt=False, price_lists=["a", "b"])
    status, customer = await api.patch(first_name="Al", price_lists=["c"])
    assert (status, customer["id"], customer["first_name"], customer["email"]) == (200, "cu_7", "Al", "Jo@x.org")
    assert (customer["tax_exempt"], customer["price_lists"], customer["title"], customer["addresses"]) == (False, ["c"], None, [])
    assert {"created_at", "updated_at"} <= set(customer)
    assert await api.ask("GET", "v1/customers/cu_7") == (200, customer)


async def test_an_external_id_finds_the_same_customer_whatever_characters_it_holds(api: Api) -> None:
    _, made = await api.patch("a/b %?#", first_name="Jo")
    assert (made["id"][:3], made["external_id"]) == ("cu_", "a/b %?#")
    assert (await api.patch(made["id"], last_name="Ox"))[1]["external_id"] == "a/b %?#"
    assert api.held(made["id"]) == {"external_id": "a/b %?#", "first_name": "Jo", "last_name": "Ox"}


async def test_changing_the_external_id_moves_the_address(api: Api) -> None:
    _, made = await api.patch("old", first_name="Jo")
    await api.patch("old", external_id="new")
    api.set(unknown_id="not_found")
    assert (await api.ask("GET", "v1/customers/old"))[0] == 404
    assert (await api.ask("GET", "v1/customers/new"))[1]["id"] == made["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 7),
        ("external_id", "cu_9"),
        ("role", "boss"),
        ("currency_code", "pounds"),
        ("sales_agent_groups", "a"),
        ("price_lists", [1]),
        ("vatin_numbers", ["123"]),
        ("discount_percentage", "12.5"),
        ("discount_percentage", 101),
        ("discount_percentage", True),
        ("tax_exempt", "true"),
        ("payment_by_invoice", 1),
        ("payment_on_account", 1000),
        ("metadata", []),
        ("parent_customer", "cu_1"),
        ("addresses", ["x"]),
        ("status", 1),
        ("firstname", "Jo"),
    ],
)
@pytest.mark.parametrize("status", [400, 422])
async def test_a_value_that_does_not_fit_is_refused_with_problem_details(
    api: Api, field: str, value: object, status: int
) -> None:
    api.set(validation_status=status)
    answered, problem = await api.patch(**{"last_name": "Ox", field: value})
    assert (answered, problem["status"], [item["property"] for item in problem["errors"]]) == (status, status, [field])
    assert api.held() == {}


async def test_every_member_of_the_page_is_taken(api: Api) -> None:
    sent = {
        **dict.fromkeys(["title", "first_name", "last_name", "email", "company_name", "external_id", "accounting_id"], "x"),
        "status": "active",
        "group": "base",
        "role": "limited-customer",
        "default_billing_address_id": "ca_1",
        "default_shipping_address_id": "ca_1",
        "available_shipping_addresses": ["ca_1"],
        "currency_code": "gbp",
        "sales_agent_groups": [],
        "price_lists": ["a"],
        "vatin_numbers": ["GB123456789"],
        "discount_percentage": 12.5,
        "tax_exempt": True,
        "payment_by_invoice": False,
        "payment_on_account": {"credit_limit": 1000},
        "metadata": {"a": 1},
        "parent_customer": {"id": "cu_1"},
        "addresses": [{"id": "ca_1", "address_line1": "1 Main St", "city": "Leeds", "country_code": "GB"}],
    }
    status, customer = await api.patch(**{**sent, "default_billing_address_id": None, "default_shipping_address_id": None})
    assert (status, len(sent)) == (200, 24)
    assert {name for name in sent if customer[name] != sent[name]} <= {
        "addresses",
        "default_billing_address_id",
        "default_shipping_address_id",
    }


@pytest.mark.parametrize("field", ["email", "external_id"])
async def test_email_and_external_id_belong_to_one_customer(api: Api, field: str) -> None:
    await api.patch("cu_1", **{field: "jo@x.org"})
    status, problem = await api.patch("cu_2", **{field: "jo@x.org"})
    assert (status, problem["errors"]) == (409, [{"code": "duplicate", "message": "duplicate", "property": field}])
    await api.patch("cu_1", **{field: None})
    assert (await api.patch("cu_2", **{field: "jo@x.org"}))[0] == 200


async def test_an_email_is_unique_without_case(api: Api) -> None:
    await api.patch("cu_1", email="jo@x.org")
    assert (await api.patch("cu_2", email="JO@x.org"))[0] == 409
    assert (await api.patch("cu_1", email="JO@x.org"))[0] == 200


async def test_a_body_that_is_no_object_is_refused(api: Api) -> None:
    assert (await api.ask("PATCH", "v1/customers/cu_7", json=[]))[0] == 400


async def test_an_address_that_is_none_is_not_found(api: Api) -> None:
    assert (await api.ask("PATCH", "v2/customers/cu_7", json={}))[0] == 404
    assert (await api.ask("PATCH", "v1/customers/", json={}))[0] == 404


# ---- what is assumed


@pytest.mark.parametrize(("setting", "status"), [("adopt", 200), ("not_found", 404)])
async def test_a_customer_never_seen_exists_or_not_as_switched(api: Api, setting: str, status: int) -> None:
    api.set(unknown_id=setting)
    assert [(await api.patch(id, title="Mr"))[0] for id in ("cu_7", "ext")] == [status, status]
    api.world.vendors["sparklayer"].seed("old", {"title": "Ms"})
    assert (await api.patch("old", first_name="Jo"))[1]["title"] == "Ms"


async def test_unknown_fields_are_ignored_where_switched(api: Api) -> None:
    api.set(unknown_field="ignore")
    assert (await api.patch(firstname="Jo", title="Mr"))[0] == 200
    assert api.held() == {"title": "Mr"}


@pytest.mark.parametrize(("setting", "status"), [("ignore", 200), ("refuse", 400)])
async def test_read_only_members_are_ignored_or_refused_as_switched(api: Api, setting: str, status: int) -> None:
    api.set(read_only=setting)
    sent = {"id": "cu_8", "created_at": "2020-01-01T00:00:00Z", "updated_at": "x"}
    assert (await api.ask("PATCH", "v1/customers/cu_7", json=sent))[0] == status
    assert api.held() == {}


@pytest.mark.parametrize(("setting", "held"), [("clear", {}), ("ignore", {"title": "Mr", "price_lists": ["a"]})])
async def test_null_clears_or_is_ignored_as_switched(api: Api, setting: str, held: dict[str, Any]) -> None:
    api.set(null=setting)
    await api.patch(title="Mr", price_lists=["a"])
    await api.patch(title=None, price_lists=None)
    assert api.held() == held


@pytest.mark.parametrize(("setting", "held"), [("replace", {"b": 2}), ("merge", {"a": 1, "b": 2})])
async def test_metadata_replaces_or_merges_as_switched(api: Api, setting: str, held: dict[str, int]) -> None:
    api.set(metadata=setting)
    await api.patch(metadata={"a": 1})
    await api.patch(metadata={"b": 2})
    assert api.held()["metadata"] == held


@pytest.mark.parametrize(("setting", "cities"), [("replace", ["York"]), ("merge", ["Leeds", "York"])])
async def test_addresses_replace_or_merge_as_switched(api: Api, setting: str, cities: list[str]) -> None:
    api.set(addresses=setting)
    await api.patch(addresses=[{"external_id": "a", "city": "Leeds"}])
    await api.patch(addresses=[{"external_id": "b", "city": "York"}])
    assert [address["city"] for address in api.held()["addresses"]] == cities


async def test_an_address_keeps_its_id_whichever_way_it_is_named(api: Api) -> None:
    _, customer = await api.patch(addresses=[{"external_id": "a", "city": "Leeds"}])
    id = customer["addresses"][0]["id"]
    for named in ({"id": id}, {"external_id": "a", "id": id}, {"external_id": "a"}):
        _, customer = await api.patch(addresses=[{"external_id": "other"}, {**named, "city": "York"}])
        assert customer["addresses"][1]["id"] == id
        await api.patch(addresses=[{"external_id": "a", "id": id}])


@pytest.mark.parametrize(("setting", "status"), [("adopt", 200), ("refuse", 400)])
async def test_a_default_address_goes_in_external_and_comes_out_internal(api: Api, setting: str, status: int) -> None:
    api.set(unknown_address=setting)
    await api.patch(addresses=[{"external_id": "home", "city": "Leeds"}])
    _, customer = await api.patch(default_billing_address_id="home")
    id = customer["addresses"][0]["id"]
    assert (id[:3], customer["default_billing_address_id"]) == ("ca_", id)
    answered, customer = await api.patch(default_shipping_address_id="work")
    assert answered == status
    assert setting == "refuse" or customer["default_shipping_address_id"] == customer["addresses"][1]["id"]


async def test_only_listed_groups_exist_where_switched(api: Api) -> None:
    api.set(groups=["base"])
    assert [(await api.patch(group=group))[0] for group in ("base", "best")] == [200, 400]


async def test_vat_numbers_are_not_checked_where_switched(api: Api) -> None:
    api.set(vatin="any")
    assert (await api.patch(vatin_numbers=["123"]))[0] == 200


@pytest.mark.parametrize(("setting", "held"), [("as_sent", "gb 123.456-789"), ("normalised", "GB123456789")])
async def test_vat_numbers_are_kept_as_sent_or_normalised_as_switched(api: Api, setting: str, held: str) -> None:
    api.set(vatin_text=setting)
    await api.patch(vatin_numbers=["gb 123.456-789"])
    assert api.held()["vatin_numbers"] == [held]


async def test_errors_have_no_body_where_switched(api: Api) -> None:
    api.set(error_body="none")
    assert await api.patch(title=7) == (400, None)
    vendor = api.world.vendors["sparklayer"]
    for said in (vendor.broken(), vendor.conflict(), vendor.limited(5)):
        assert (said.body, "Content-Type" in said.headers) == (b"", False)
    assert (await api.patch(title="Mr"))[1]["title"] == "Mr"


@pytest.mark.parametrize("setting", ["seconds", "date", "none"])
async def test_one_request_too_many_says_when_as_switched(api: Api, setting: str) -> None:
    api.set(limit="1/10s", retry_after=setting)
    await api.patch(title="Mr")
    async with api.client.patch(f"{BASE}/v1/customers/cu_7", json={}, headers=api.headers) as reply:
        after = reply.headers.get("Retry-After")
        assert reply.status == 429
    if setting == "date":
        assert parsedate_to_datetime(after or "")
    else:
        assert after == {"seconds": "10", "none": None}[setting]


# ---- many customers


@pytest.mark.parametrize(("status", "empty"), [(200, []), (204, None)])
async def test_the_list_holds_everybody(api: Api, status: int, empty: object) -> None:
    api.set(empty_list_status=status)
    assert await api.ask("GET", "v1/customers") == (status, empty)
    await api.patch("a", title="Mr")
    await api.patch("b", title="Ms")
    _, everybody = await api.ask("GET", "v1/customers")
    assert [customer["external_id"] for customer in everybody] == ["a", "b"]


async def test_creating_needs_an_email_of_its_own(api: Api) -> None:
    status, made = await api.ask("POST", "v1/customers", json={"email": "jo@x.org", "title": "Ms"})
    assert (status, made["title"], made["id"][:3]) == (201, "Ms", "cu_")
    assert (await api.ask("POST", "v1/customers", json=[]))[0] == 400
    cases = [{"title": "Mr"}, {"email": "jo@x.org"}, {"email": "al@x.org", "title": 7}]
    assert [(await api.ask("POST", "v1/customers", json=case))[0] for case in cases] == [400, 409, 400]
