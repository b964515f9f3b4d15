"""The simulated Sellercloud."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sync.sandbox.control import WORLD
from sync.sandbox.server import build
from sync.sandbox.world import World

BASE = "/sellercloud/rest/api"
Answered = tuple[int, Any]


class Api:
    """A signed-in user, and what the vendor holds."""

    def __init__(self, client: TestClient[Any, Any], world: World) -> None:
        self.client, self.world = client, world
        self.headers: dict[str, str] = {}

    async def sign_in(self, **credentials: str) -> Answered:
        sent = {"Username": "sandbox", "Password": "sandbox-password", **credentials}
        async with self.client.post(f"{BASE}/token", json=sent) as reply:
            tree = await reply.json()
            self.headers = {"Authorization": f"Bearer {tree.get('access_token')}"}
            return reply.status, tree

    async def ask(self, method: str, path: str, **rest: Any) -> Answered:
        async with self.client.request(method, f"{BASE}/{path}", headers=self.headers, **rest) as reply:
            return reply.status, await reply.json() if await reply.read() else None

    async def put(self, body: Any, id: str = "7") -> Answered:
        return await self.ask("PUT", f"Customers/{id}", json=body)

    def held(self, id: str = "7") -> Any:
        return self.world.customers("sellercloud")[id]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    app = build()
    async with TestClient(TestServer(app)) as client:
        user = Api(client, app[WORLD])
        await user.sign_in()
        yield user


# ---- signing in


async def test_a_token_says_how_long_it_lives_as_a_double_and_with_two_dotted_times(api: Api) -> None:
    status, token = await api.sign_in()
    assert status == 200
    assert (token["token_type"], token["username"], token["expires_in"]) == ("Bearer", "sandbox", 3600.0)
    assert isinstance(token["expires_in"], float)
    issued, expires = (datetime.fromisoformat(token[name]) for name in (".issued", ".expires"))
    assert expires - issued == timedelta(hours=1)


async def test_a_sign_in_may_come_as_a_form(api: Api) -> None:
    async with api.client.post(f"{BASE}/token", data={"Username": "a", "Password": "b"}) as reply:
        assert reply.status == 200


async def test_any_credentials_do_unless_they_are_empty(api: Api) -> None:
    assert (await api.sign_in(Username="me", Password="mine"))[0] == 200
    assert (await api.sign_in(Password="")) == (400, {"Message": "Sorry, invalid username or password"})


@pytest.mark.parametrize("status", [400, 401])
async def test_with_strict_credentials_only_the_sandboxs_own_do(api: Api, status: int) -> None:
    api.world.switches.set({"credentials": "sandbox", "sellercloud.bad_credentials_status": status})
    assert (await api.sign_in(Password="mine"))[0] == status
    assert (await api.sign_in())[0] == 200


async def test_without_a_good_token_the_reason_is_an_invalid_token(api: Api) -> None:
    api.headers = {"Authorization": "Bearer nonsense"}
    async with api.client.put(f"{BASE}/Customers/7", json={"Name": "x"}, headers=api.headers) as reply:
        assert (reply.status, reply.reason, await reply.json()) == (401, "Invalid token", {"Message": "Not Valid Token"})
    assert api.world.customers("sellercloud") == {}


async def test_a_token_expires_after_its_lifetime(api: Api) -> None:
    api.world.switches.set({"sellercloud.token_lifetime": 60.0})
    assert (await api.sign_in())[1]["expires_in"] == 60
    assert (await api.put({"Name": "x"}))[0] == 200
    api.world.vendors["sellercloud"]._door.tokens._clock = lambda: time.monotonic() + 61
    assert (await api.put({"Name": "y"}))[0] == 401
    assert api.held() == {"Name": "x"}


# ---- updating


async def test_an_update_writes_what_it_names_and_answers_without_a_body(api: Api) -> None:
    await api.put({"Name": "Jo Ox", "Email": "jo@x.org", "IsWholesale": True})
    assert (await api.put({"Email": "new@x.org", "Name": None, "AccountManager1Commission": 0.125})) == (200, None)
    assert api.held() == {"Name": "Jo Ox", "Email": "new@x.org", "IsWholesale": True, "AccountManager1Commission": 0.125}


async def test_false_and_zero_are_values(api: Api) -> None:
    await api.put({"IsWholesale": True, "AccountManager2Commission": 3.5})
    await api.put({"IsWholesale": False, "AccountManager2Commission": 0})
    assert api.held() == {"IsWholesale": False, "AccountManager2Commission": 0}


async def test_a_customer_reads_back_under_other_names(api: Api) -> None:
    await api.put(
        {
            "BusinessName": "Ox Ltd",
            "IsWholesale": True,
            "CompanyId": 3,
            "AccountManager1Id": 4,
            "AccountManager1Commission": 1.5,
            "Salesman": "web",
            "Comments": "c",
            "Rating": "Very_Disatisfied",
            "Phone1": "1",
            "BusinessAliases": ["O"],
        }
    )
    status, read = await api.ask("GET", "Customers/7")
    assert status == 200
    assert (read["General"]["ID"], read["General"]["CorporateName"], read["General"]["IsWholeSaleUser"]) == (7, "Ox Ltd", True)
    assert read["General"]["BusinessAliases"] == ["O"]
    internal = read["Internal"]
    assert (internal["CompanyID"], internal["AccountManagerId"], internal["AccountManagerCommission"]) == (3, 4, 1.5)
    assert (internal["SalesMan"], internal["Comment"], internal["LocalRating"]) == ("web", "c", 1)
    assert (read["Personal"]["Phone1"], read["Personal"]["Fax"]) == ("1", "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Name", 7),
        ("CompanyId", "7"),
        ("CompanyId", 7.5),
        ("CompanyId", True),
        ("CompanyId", 2**31),
        ("AccountManager3Commission", "1.5"),
        ("IsWholesale", "true"),
        ("BusinessAliases", "a"),
        ("BusinessAliases", [1]),
        ("Rating", "Dissatisfied"),
        ("Rating", 6),
        ("Rating", True),
        ("Nam", "x"),
    ],
)
async def test_a_value_of_a_wrong_type_is_refused_and_nothing_is_written(api: Api, field: str, value: object) -> None:
    status, error = await api.put({"Email": "jo@x.org", field: value})
    assert (status, error["Message"], list(error["ModelState"])) == (400, "The request is invalid.", [f"request.{field}"])
    assert api.held() == {}


async def test_every_field_of_the_page_is_taken(api: Api) -> None:
    whole = {f"AccountManager{n}Id": n for n in (1, 2, 3)}
    commissions = {f"AccountManager{n}Commission": n + 0.5 for n in (1, 2, 3)}
    names = [
        "Title",
        "Name",
        "Email",
        "EmailCC",
        "BusinessName",
        "SourceId",
        "Salesman",
        "Comments",
        "Phone1",
        "Phone2",
        "Phone3",
        "Mobile",
        "Fax",
    ]
    sent = {
        **dict.fromkeys(names, "x"),
        **whole,
        **commissions,
        "CompanyId": 1,
        "IsWholesale": True,
        "Rating": 5,
        "BusinessAliases": [],
    }
    assert (await api.put(sent))[0] == 200
    assert api.held() == sent
    assert len(sent) == 23


@pytest.mark.parametrize("body", [b"{", b"[]", b""])
async def test_a_body_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    api.headers["Content-Type"] = "application/json"
    assert (await api.ask("PUT", "Customers/7", data=body))[0] == 400


async def test_a_body_that_is_not_declared_as_json_is_refused(api: Api) -> None:
    api.headers["Content-Type"] = "text/plain"
    assert (await api.ask("PUT", "Customers/7", data=b'{"Name":"x"}'))[0] == 400


@pytest.mark.parametrize("id", ["x", "-1", "1.5", str(2**31)])
async def test_an_id_that_is_no_int32_is_refused(api: Api, id: str) -> None:
    assert (await api.put({"Name": "x"}, id))[0] == 400


async def test_an_address_that_is_none_is_not_found(api: Api) -> None:
    assert (await api.ask("PUT", "Customer/7", json={}))[0] == 404


# ---- what is assumed


@pytest.mark.parametrize(("setting", "status"), [("adopt", 200), ("not_found", 404), ("400", 400), ("500", 500)])
async def test_a_customer_never_seen_exists_or_not_as_switched(api: Api, setting: str, status: int) -> None:
    api.world.switches.set({"sellercloud.unknown_id": setting})
    assert (await api.put({"Name": "x"}))[0] == status
    assert (await api.ask("GET", "Customers/8"))[0] == status
    api.world.vendors["sellercloud"].seed("9", {"Name": "old"})
    assert (await api.put({"Email": "x"}, "9"))[0] == 200
    assert api.held("9") == {"Name": "old", "Email": "x"}


async def test_unknown_fields_are_ignored_where_switched(api: Api) -> None:
    api.world.switches.set({"sellercloud.unknown_field": "ignore"})
    assert (await api.put({"Nam": "x", "Name": "y"}))[0] == 200
    assert api.held() == {"Name": "y"}


@pytest.mark.parametrize(
    ("setting", "held"),
    [
        ("clear", {"Name": "", "BusinessAliases": [], "AccountManager1Id": 0, "Rating": 0}),
        ("ignore", {"Name": "x", "BusinessAliases": ["a"], "AccountManager1Id": 3, "Rating": 0}),
    ],
)
async def test_empty_values_clear_or_are_ignored_as_switched(api: Api, setting: str, held: dict[str, Any]) -> None:
    api.world.switches.set({"sellercloud.empty": setting})
    await api.put({"Name": "x", "BusinessAliases": ["a"], "AccountManager1Id": 3, "Rating": 4})
    await api.put({"Name": "", "BusinessAliases": [], "AccountManager1Id": 0, "Rating": "NotRated"})
    assert api.held() == held


@pytest.mark.parametrize(("setting", "held"), [("replace", ["b"]), ("append", ["a", "b"])])
async def test_aliases_replace_or_append_as_switched(api: Api, setting: str, held: list[str]) -> None:
    api.world.switches.set({"sellercloud.business_aliases": setting})
    await api.put({"BusinessAliases": ["a"]})
    await api.put({"BusinessAliases": ["b"]})
    assert api.held()["BusinessAliases"] == held


@pytest.mark.parametrize(("setting", "name", "number"), [("both", 200, 200), ("name", 200, 400), ("number", 400, 200)])
async def test_a_rating_is_a_name_or_a_number_as_switched(api: Api, setting: str, name: int, number: int) -> None:
    api.world.switches.set({"sellercloud.rating": setting})
    assert ((await api.put({"Rating": "Neutral"}))[0], (await api.put({"Rating": 3}))[0]) == (name, number)
    assert api.held() == {"Rating": 3}


async def test_an_update_answers_with_the_customer_where_switched(api: Api) -> None:
    api.world.switches.set({"sellercloud.update_body": "customer"})
    _, body = await api.put({"Name": "x"})
    assert body["General"]["Name"] == "x"


async def test_wholesale_needs_a_business_name_where_switched_whatever_the_body_holds(api: Api) -> None:
    await api.put({"IsWholesale": True})
    api.world.switches.set({"sellercloud.wholesale_needs_business_name": True})
    status, error = await api.put({"Name": "x"})
    assert (status, list(error["ModelState"])) == (400, ["request.BusinessName"])
    assert (await api.put({"BusinessName": "Ox"}))[0] == 200


async def test_only_listed_companies_exist_where_switched(api: Api) -> None:
    api.world.switches.set({"sellercloud.companies": [1]})
    assert [(await api.put({"CompanyId": id}))[0] for id in (1, 2)] == [200, 400]


async def test_an_email_is_unique_where_switched(api: Api) -> None:
    await api.put({"Email": "a@x.org"}, "1")
    assert (await api.put({"Email": "a@x.org"}, "2"))[0] == 200
    api.world.switches.set({"sellercloud.unique_email": True})
    assert (await api.put({"Email": "A@x.org"}, "3"))[0] == 400


async def test_an_email_has_to_look_like_one_where_switched(api: Api) -> None:
    assert (await api.put({"Email": "nonsense"}))[0] == 200
    api.world.switches.set({"sellercloud.email_format": "checked"})
    assert [(await api.put({"Email": email}))[0] for email in ("nonsense", "a@x.org", "")] == [400, 200, 200]


@pytest.mark.parametrize("status", [429, 503, 200])
async def test_one_request_too_many_is_answered_with_the_reset_time_in_the_body(api: Api, status: int) -> None:
    api.world.switches.set({"sellercloud.rate_limit_status": status, "sellercloud.limit": "1/h"})
    assert (await api.put({"Name": "x"}))[0] == 200
    answered, error = await api.put({"Name": "y"})
    assert (answered, error["Error"]) == (status, "Too many requests.")
    reset = error["RateLimitResetTime"]
    assert len(reset.partition(".")[2]) == len("1234567Z")
    assert timedelta(minutes=59) < datetime.fromisoformat(reset) - datetime.now(UTC) <= timedelta(hours=1)
    assert api.held() == {"Name": "x"}


# ---- many customers


async def test_a_list_comes_in_pages_with_the_total_and_a_capped_size(api: Api) -> None:
    for id in range(1, 13):
        await api.put({"Name": f"Jo {id}", "Email": f"{id}@x.org"}, str(id))
    _, first = await api.ask("GET", "Customers")
    assert (len(first["Items"]), first["TotalResults"]) == (10, 12)
    assert (first["Items"][0]["UserID"], first["Items"][0]["FirstName"], first["Items"][0]["LastName"]) == (1, "Jo", "1")
    _, second = await api.ask("GET", "Customers", params={"model.pageNumber": "2"})
    assert [item["UserID"] for item in second["Items"]] == [11, 12]
    api.world.switches.set({"sellercloud.page_size_cap": 3})
    _, capped = await api.ask("GET", "Customers", params={"pageSize": "100"})
    assert len(capped["Items"]) == 3


async def test_a_list_is_filtered_by_date_email_and_id(api: Api) -> None:
    await api.put({"Email": "a@x.org"}, "1")
    await api.put({"Email": "b@x.org"}, "2")
    future = f"{datetime.now(UTC) + timedelta(days=1):%m/%d/%Y %H:%M}"

    async def ids(**params: str) -> list[int]:
        _, tree = await api.ask("GET", "Customers", params=params)
        return [item["UserID"] for item in tree["Items"]]

    assert await ids(modifiedOnFrom=future) == []
    assert await ids(modifiedOnTo=future) == [1, 2]
    assert await ids(email="A@") == [1]
    assert await ids(**{"model.customerIds": "2"}) == [2]
    assert (await api.ask("GET", "Customers", params={"modifiedOnFrom": "soon"}))[0] == 400


async def test_creating_answers_with_the_bare_id_and_knows_its_own_numbers_for_wholesale(api: Api) -> None:
    status, id = await api.ask("POST", "Customers", json={"FirstName": "Jo", "LastName": "Ox", "CustomerType": 0})
    assert (status, type(id)) == (200, int)
    assert api.held(str(id)) == {"Name": "Jo Ox", "IsWholesale": True}
    for wrong, field in (({"LastName": "Ox"}, "FirstName"), ({"FirstName": 7}, "FirstName"), ([], "request")):
        status, error = await api.ask("POST", "Customers", json=wrong)
        assert (status, list(error["ModelState"])) == (400, [f"request.{field}"])
