"""The simulated WebCommander shop."""

import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sync.sandbox.control import WORLD
from sync.sandbox.server import build
from sync.sandbox.world import World

BASE = "/webcommander/api/v4"
Answered = tuple[int, Any]


def auth(name: str = "sandbox", password: str = "sandbox-password") -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode()


class Api:
    """A signed-in administrator, and what the shop holds."""

    def __init__(self, client: TestClient[Any, Any], world: World) -> None:
        self.client, self.world = client, world
        self.headers: dict[str, str] = {}

    async def token(self, **sent: str) -> Answered:
        client = {"client_id": "sandbox", "client_secret": "sandbox-secret", "redirect_uri": "https://shop.example/"}
        return await self.ask("POST", "oauth2/token", json={**client, **sent})

    async def sign_in(self) -> Answered:
        status, tree = await self.token(grant_type="client_credentials", auth_string=auth())
        self.headers = {"Authorization": f"Bearer {tree.get('access_token')}"}
        return status, tree

    async def ask(self, method: str, path: str, **rest: Any) -> Answered:
        async with self.client.request(method, f"{BASE}/{path}", headers=self.headers, **rest) as reply:
            return reply.status, await reply.json()

    async def put(self, customer: Any = None, id: str = "7", **beside: Any) -> Answered:
        sent = beside if customer is None else {"customer": customer, **beside}
        return await self.ask("PUT", f"admin/customers/{id}", json=sent)

    def set(self, **switches: Any) -> None:
        self.world.switches.set({f"webcommander.{name}": value for name, value in switches.items()})

    def held(self, id: str = "7") -> Any:
        return self.world.customers("webcommander")[id]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    app = build()
    async with TestClient(TestServer(app)) as client:
        user = Api(client, app[WORLD])
        await user.sign_in()
        yield user


# ---- signing in


@pytest.mark.parametrize("status", [201, 200])
async def test_a_sign_in_yields_a_token_and_a_refresh_token(api: Api, status: int) -> None:
    api.set(token_status=status)
    answered, tree = await api.sign_in()
    assert (answered, set(tree), tree["expires_in"]) == (status, {"access_token", "refresh_token", "expires_in"}, 3600)


@pytest.mark.parametrize(
    "string", ["", "no base64!", base64.b64encode(b"nocolon").decode(), base64.b64encode(b"\xff:x").decode()]
)
async def test_an_auth_string_has_to_be_base64_of_a_name_and_a_password(api: Api, string: str) -> None:
    assert (await api.token(grant_type="client_credentials", auth_string=string))[0] == 401


async def test_with_strict_credentials_only_the_sandboxs_own_do(api: Api) -> None:
    mine = auth("me", "mine")
    assert (await api.token(grant_type="client_credentials", auth_string=mine, client_id="c", client_secret="s"))[0] == 201
    api.world.switches.set({"credentials": "sandbox"})
    assert (await api.token(grant_type="client_credentials", auth_string=mine))[0] == 401
    assert (await api.token(grant_type="client_credentials", auth_string=auth(), client_secret="s"))[0] == 401
    assert (await api.sign_in())[0] == 201


async def test_a_sign_in_has_to_be_json_with_a_known_grant(api: Api) -> None:
    assert (await api.token(grant_type="password"))[0] == 400
    async with api.client.post(f"{BASE}/oauth2/token", data={"grant_type": "client_credentials"}) as reply:
        assert reply.status == 401


@pytest.mark.parametrize(("setting", "again"), [("rotate", 401), ("keep", 201)])
async def test_a_refresh_token_is_good_once_or_always_as_switched(api: Api, setting: str, again: int) -> None:
    api.set(refresh=setting)
    _, first = await api.sign_in()
    status, second = await api.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (status, second["access_token"] != first["access_token"]) == (201, True)
    assert (await api.token(grant_type="refresh_token", refresh_token=first["refresh_token"]))[0] == again
    assert (await api.token(grant_type="refresh_token", refresh_token=second["refresh_token"]))[0] == 201
    assert (await api.token(grant_type="refresh_token", refresh_token="nonsense"))[0] == 401


@pytest.mark.parametrize(
    ("setting", "bearer", "bare"),
    [("both", 200, 200), ("bearer", 200, 401), ("access_token", 401, 200)],
)
async def test_a_token_is_accepted_in_the_switched_header(api: Api, setting: str, bearer: int, bare: int) -> None:
    api.set(header=setting)
    token = api.headers["Authorization"].removeprefix("Bearer ")
    assert (await api.put({}))[0] == bearer
    api.headers = {"access_token": token}
    assert (await api.put({}))[0] == bare


async def test_a_token_expires_after_its_lifetime(api: Api) -> None:
    api.set(token_lifetime=60.0)
    await api.sign_in()
    assert (await api.put({"city": "Perth"}))[0] == 200
    api.world.vendors["webcommander"]._door.tokens._clock = lambda: time.monotonic() + 61
    status, error = await api.put({"city": "Darwin"})
    assert (status, error["status"], error["code"]) == (401, "error", 401)
    assert api.held() == {"customer": {"city": "Perth"}}


# ---- updating


async def test_an_update_writes_what_it_names_inside_the_envelope_and_beside_it(api: Api) -> None:
    await api.put({"first_name": "Jo", "email": "jo@x.org"}, store_credit=5, credit_limit="10.50", allow_credit_limit=True)
    status, _ = await api.put({"first_name": "Al"}, allow_credit_limit=False, customer_password_expired=True)
    assert status == 200
    assert api.held() == {
        "customer": {"first_name": "Al", "email": "jo@x.org"},
        "store_credit": 5.0,
        "credit_limit": 10.5,
        "allow_credit_limit": False,
        "customer_password_expired": True,
    }


async def test_the_answer_renames_nests_and_leaves_out(api: Api) -> None:
    sent = {
        "gender": "Female",
        "company_name": "Ox Ltd",
        "shipping_profile": 3,
        "address_line": "1 Main St",
        "country": "Australia",
        "state": "Victoria",
        "post_code": "0800",
        "city": "Geelong",
        "mobile": "04",
        "phone": "03",
        "newsletter": {"subscribed": True},
        "password": "hush",
    }
    _, tree = await api.put(sent, store_credit=1.5)
    customer = tree["customer"]
    assert (customer["id"], customer["sex"], customer["company"], customer["company_name"]) == (7, "Female", True, "Ox Ltd")
    assert (customer["store_credit"], customer["shipping_profile"]["id"], customer["version"]) == (1.5, 3, 1)
    assert {"gender", "newsletter", "password"}.isdisjoint(customer)
    primary, shipping, billing = customer["addresses"]
    assert [address["type"] for address in customer["addresses"]] == ["PRIMARY", "SHIPPING", "BILLING"]
    assert (primary["address_line_1"], primary["post_code"], primary["mobile"]) == ("1 Main St", "0800", "04")
    assert primary["country"] == {"id": None, "name": "Australia", "code": "AU"}
    assert (primary["state"]["name"], billing["id"], shipping["city"]) == ("Victoria", primary["id"], "")
    assert await api.ask("GET", "admin/customers/7") == (200, tree)
    assert api.held()["customer"] == sent


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"customer": {"first_name": 7}}, "customer.first_name"),
        ({"customer": {"newsletter": True}}, "customer.newsletter"),
        ({"customer": {"newsletter": {"subscribed": "yes"}}}, "customer.newsletter.subscribed"),
        ({"customer": {"shipping_profile": True}}, "customer.shipping_profile"),
        ({"customer": {"firstname": "Jo"}}, "customer.firstname"),
        ({"customer": {"store_credit": 5}}, "customer.store_credit"),
        ({"first_name": "Jo"}, "first_name"),
        ({"customer": "Jo"}, "customer"),
        ({"store_credit": "much"}, "store_credit"),
        ({"store_credit": True}, "store_credit"),
        ({"credit_limit": -1}, "credit_limit"),
        ({"allow_credit_limit": "true"}, "allow_credit_limit"),
        ({"customer": {"gender": "robot"}}, "customer.gender"),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_and_named(api: Api, sent: Any, field: str) -> None:
    status, error = await api.ask("PUT", "admin/customers/7", json=sent)
    assert (status, error["error"], [item["field"] for item in error["errors"]]) == (400, "validation_failed", [field])
    assert api.held() == {}


async def test_an_email_belongs_to_one_customer(api: Api) -> None:
    await api.put({"email": "jo@x.org"}, "1")
    status, error = await api.put({"email": "JO@x.org"}, "2")
    assert (status, error["message"]) == (409, "Provided email already registered")
    await api.put({"email": "al@x.org"}, "1")
    assert (await api.put({"email": "jo@x.org"}, "2"))[0] == 200


async def test_a_url_that_leads_nowhere_is_a_200_that_is_no_success(api: Api) -> None:
    status, tree = await api.ask("PUT", "admin/customer/7", json={})
    assert (status, tree["isSuccess"]) == (200, False)


@pytest.mark.parametrize("id", ["x", "-1", str(2**31)])
async def test_an_id_that_is_no_whole_number_is_refused(api: Api, id: str) -> None:
    assert (await api.put({}, id))[0] == 400


async def test_a_body_that_is_no_object_is_refused(api: Api) -> None:
    assert (await api.ask("PUT", "admin/customers/7", json=[]))[0] == 400


# ---- what is assumed


@pytest.mark.parametrize(("setting", "status"), [("adopt", 200), ("not_found", 404)])
async def test_a_customer_never_seen_exists_or_not_as_switched(api: Api, setting: str, status: int) -> None:
    api.set(unknown_id=setting)
    assert (await api.put({"city": "Perth"}))[0] == status
    assert (await api.ask("GET", "admin/customers/8"))[0] == status


async def test_unknown_fields_are_ignored_where_switched(api: Api) -> None:
    api.set(unknown_field="ignore")
    assert (await api.put({"firstname": "Jo", "city": "Perth"}, other=1))[0] == 200
    assert api.held() == {"customer": {"city": "Perth"}}


@pytest.mark.parametrize(("setting", "city"), [("apply", "Perth"), ("discard", "")])
async def test_an_inline_address_sets_the_primary_one_or_is_discarded_as_switched(api: Api, setting: str, city: str) -> None:
    api.set(inline_address=setting)
    _, tree = await api.put({"city": "Perth", "last_name": "Ox"})
    assert (tree["customer"]["addresses"][0]["city"], tree["customer"]["last_name"]) == (city, "Ox")


@pytest.mark.parametrize(
    ("setting", "held"),
    [
        (
            "ignore",
            {"customer": {"city": "Perth", "newsletter": {"subscribed": True}}, "store_credit": 5.0, "allow_credit_limit": True},
        ),
        ("clear", {"customer": {"city": "", "newsletter": {}}, "store_credit": 0.0, "allow_credit_limit": False}),
    ],
)
async def test_null_is_ignored_or_clears_as_switched(api: Api, setting: str, held: dict[str, Any]) -> None:
    api.set(null=setting)
    await api.put({"city": "Perth", "newsletter": {"subscribed": True}}, store_credit=5, allow_credit_limit=True)
    await api.put({"city": None, "newsletter": None}, store_credit=None, allow_credit_limit=None)
    assert api.held() == held


@pytest.mark.parametrize(("setting", "city"), [("clear", ""), ("ignore", "Perth")])
async def test_empty_text_clears_or_is_ignored_as_switched(api: Api, setting: str, city: str) -> None:
    api.set(empty=setting)
    await api.put({"city": "Perth"})
    await api.put({"city": ""})
    assert api.held()["customer"]["city"] == city


@pytest.mark.parametrize(("setting", "money"), [("number", 5.5), ("text", "5.50")])
async def test_money_is_answered_as_a_number_or_as_text_as_switched(api: Api, setting: str, money: object) -> None:
    api.set(amounts=setting)
    assert (await api.put(store_credit=5.5))[1]["customer"]["store_credit"] == money


@pytest.mark.parametrize(("setting", "id"), [("number", 7), ("text", "7")])
async def test_ids_are_answered_as_numbers_or_as_text_as_switched(api: Api, setting: str, id: object) -> None:
    api.set(ids=setting)
    assert (await api.put({}))[1]["customer"]["id"] == id


async def test_any_gender_will_do_where_switched(api: Api) -> None:
    api.set(genders="any")
    assert (await api.put({"gender": "robot"}))[0] == 200


async def test_places_are_checked_where_switched(api: Api) -> None:
    nowhere, elsewhere = {"country": "Atlantis"}, {"country": "Australia", "state": "Ontario"}
    assert [(await api.put(place))[0] for place in (nowhere, elsewhere)] == [200, 200]
    api.set(places="checked")
    fitting = {"country": "Australia", "state": "Tasmania"}
    assert [(await api.put(place))[0] for place in (nowhere, elsewhere, fitting, {"country": "France", "state": "Y"})] == [
        400,
        400,
        200,
        200,
    ]
    assert (await api.put(elsewhere))[1]["errors"][0]["message"] == "state_country_mismatch"


async def test_only_listed_shipping_profiles_exist_where_switched(api: Api) -> None:
    api.set(shipping_profiles=[1])
    assert [(await api.put({"shipping_profile": id}))[0] for id in (1, "1", 2)] == [200, 200, 400]


async def test_an_abn_has_to_have_its_digits_where_switched(api: Api) -> None:
    assert (await api.put({"abn": "12"}))[0] == 200
    api.set(abn="checked")
    cases = [{"abn": "12"}, {"abn": "12345678901", "abn_branch": "001"}, {"abn_branch": "x01"}]
    assert [(await api.put(case))[0] for case in cases] == [400, 200, 400]


async def test_one_request_too_many_is_429_with_retry_after(api: Api) -> None:
    api.set(limit="1/10s")
    await api.put({"city": "Perth"})
    async with api.client.put(f"{BASE}/admin/customers/7", json={}, headers=api.headers) as reply:
        assert (reply.status, reply.headers["Retry-After"]) == (429, "10")


# ---- many customers


async def test_a_list_is_capped_at_twenty_and_says_so(api: Api) -> None:
    for id in range(1, 26):
        await api.put({"email": f"{id}@x.org"}, str(id))
    _, tree = await api.ask("GET", "admin/customers", params={"limit": "100"})
    assert (len(tree["customers"]), tree["pagination"]["limit"], tree["pagination"]["records"]) == (20, 20, 25)
    _, rest = await api.ask("GET", "admin/customers", params={"offset": "20"})
    assert ([item["id"] for item in rest["customers"]], rest["pagination"]["next_page"]) == ([21, 22, 23, 24, 25], None)
    _, one = await api.ask("GET", "admin/customers", params={"email": "13@"})
    assert [item["id"] for item in one["customers"]] == [13]


async def test_a_list_refuses_parameters_that_it_does_not_know_and_ignores_dates(api: Api) -> None:
    await api.put({})
    _, tree = await api.ask("GET", "admin/customers", params={"updatedFrom": "2999-01-01"})
    assert len(tree["customers"]) == 1
    status, error = await api.ask("GET", "admin/customers", params={"Limit": "1"})
    assert (status, error["errors"][0]["message"]) == (400, "unknown_parameter")
    assert [(await api.ask("GET", "admin/customers", params={"limit": text}))[0] for text in ("0", "x")] == [400, 400]


async def test_creating_needs_a_name_and_an_email_of_its_own(api: Api) -> None:
    status, tree = await api.ask("POST", "admin/customers", json={"customer": {"first_name": "Jo", "email": "jo@x.org"}})
    assert (status, tree["customer"]["first_name"]) == (201, "Jo")
    status, error = await api.ask("POST", "admin/customers", json={"customer": {"email": "al@x.org"}})
    assert (status, error["message"]) == (400, "Customer name is required")
    assert (await api.ask("POST", "admin/customers", json={"customer": {"first_name": "Al", "email": "jo@x.org"}}))[0] == 409
    assert (await api.ask("POST", "admin/customers", json=[]))[0] == 400
    assert (await api.ask("POST", "admin/customers", json={"customer": {"first_name": 7}}))[0] == 400
