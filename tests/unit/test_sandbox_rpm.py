"""The simulated RPM."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sync.sandbox.control import WORLD
from sync.sandbox.server import build
from sync.sandbox.world import World

BASE = "/rpm/api2.svc"


class Api:
    """A holder of the key, and what the vendor holds."""

    def __init__(self, client: TestClient[Any, Any], world: World) -> None:
        self.client, self.world = client, world
        self.headers = {"RpmApiKey": "sandbox-key"}

    async def ask(self, endpoint: str, body: Any = None) -> Any:
        """The Result, or what its Error says."""
        async with self.client.post(f"{BASE}/{endpoint}", json=body, headers=self.headers) as reply:
            if reply.status != 200:
                return reply.status
            result = (await reply.json())["Result"]
            return result["Error"]["Message"] if "Error" in result else result

    async def edit(self, **customer: Any) -> Any:
        return await self.ask("CustomerEdit", {"Customer": customer})

    def held(self, id: str = "7") -> Any:
        return self.world.customers("rpm")[id]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    app = build()
    async with TestClient(TestServer(app)) as client:
        yield Api(client, app[WORLD])


def pair(name: str, value: object) -> dict[str, object]:
    return {"Field": name, "Value": value}


# ---- the key


async def test_any_key_does_unless_it_is_missing(api: Api) -> None:
    api.headers = {"RpmApiKey": "mine"}
    assert (await api.edit(CustomerID=7))["CustomerID"] == 7
    api.headers = {}
    assert await api.edit(CustomerID=7) == "Valid key required"


async def test_with_strict_credentials_only_the_sandboxs_own_key_does(api: Api) -> None:
    api.world.switches.set({"credentials": "sandbox"})
    assert (await api.edit(CustomerID=7))["CustomerID"] == 7
    api.headers = {"RpmApiKey": "mine"}
    assert await api.edit(CustomerID=7) == "Valid key required"


# ---- editing


async def test_an_edit_writes_what_it_names_and_answers_with_the_whole_customer(api: Api) -> None:
    await api.edit(CustomerID=7, Name="Ox", Website="ox.org", Fields=[pair("Plan", "Gold"), pair("Since", "2020")])
    result = await api.edit(CustomerID=7, Fields=[pair("Plan", "Silver")])
    assert (result["CustomerID"], result["Name"], result["Website"]) == (7, "Ox", "ox.org")
    assert result["Fields"] == [pair("Plan", "Silver"), pair("Since", "2020")]
    listed = {"Accounts", "Aliases", "Contacts", "Locations", "Notes", "NotesForStaff"}
    assert {name for name, value in result.items() if value == []} == listed
    assert {"Age", "Added", "Modified"} <= set(result)


async def test_blank_clears_and_omission_keeps(api: Api) -> None:
    await api.edit(CustomerID=7, Name="Ox", Website="ox.org", Fields=[pair("Plan", "Gold")])
    await api.edit(CustomerID=7, Website="", Fields=[pair("Plan", "")])
    assert api.held() == {"Name": "Ox", "Website": "", "Fields": {"Plan": ""}}


async def test_a_name_alone_identifies_and_does_not_rename(api: Api) -> None:
    await api.edit(CustomerID=7, Name="Ox")
    assert (await api.edit(Name=" OX ", Website="ox.org"))["CustomerID"] == 7
    assert api.held() == {"Name": "Ox", "Website": "ox.org"}


async def test_a_name_beside_an_id_renames_unless_another_has_it(api: Api) -> None:
    await api.edit(CustomerID=7, Name="Ox")
    await api.edit(CustomerID=8, Name="Cow")
    assert await api.edit(CustomerID=8, Name="ox", Website="w") == "A customer with that name already exists"
    assert (await api.edit(CustomerID=7, Name="OX"))["Name"] == "OX"
    await api.edit(CustomerID=7, Name="Bull")
    assert (await api.edit(CustomerID=8, Name="Ox"))["Name"] == "Ox"
    assert api.held("8") == {"Name": "Ox"}


async def test_the_documented_errors_come_in_the_result_of_a_200(api: Api) -> None:
    assert await api.ask("CustomerEdit", {}) == 'Call requires parameter: "Customer" which was not found'
    assert await api.edit(Website="w") == "Customer name or ID must be specified"
    api.world.switches.set({"rpm.unknown_id": "not_found"})
    assert await api.edit(CustomerID=7) == "Customer not found"
    assert await api.edit(Name="Ox") == "Customer not found"


@pytest.mark.parametrize(
    "customer",
    [
        {"CustomerID": "7"},
        {"CustomerID": 7, "Website": 1},
        {"CustomerID": 7, "Fields": {"Plan": "Gold"}},
        {"CustomerID": 7, "Fields": [{"Field": "Plan", "Value": 5}]},
        {"CustomerID": 7, "Fields": [{"Field": "Plan", "Value": "5", "Extra": 1}]},
        {"CustomerID": 7, "Webseit": "x"},
        "Ox",
    ],
)
async def test_what_does_not_fit_the_schema_is_a_real_bad_request(api: Api, customer: Any) -> None:
    assert await api.ask("CustomerEdit", {"Customer": customer}) == 400
    assert api.world.customers("rpm") == {}


async def test_malformed_json_and_unknown_functions_are_real_http_errors(api: Api) -> None:
    async with api.client.post(
        f"{BASE}/CustomerEdit", data=b"{", headers={**api.headers, "Content-Type": "application/json"}
    ) as reply:
        assert reply.status == 400
    assert await api.ask("CustomerEat", {}) == 404


@pytest.mark.parametrize("status", [405, 404])
async def test_everything_is_post(api: Api, status: int) -> None:
    api.world.switches.set({"rpm.get_status": status})
    async with api.client.get(f"{BASE}/Customers", headers=api.headers) as reply:
        assert reply.status == status


# ---- what is assumed


async def test_by_default_an_unknown_id_and_an_unknown_name_are_adopted(api: Api) -> None:
    assert (await api.edit(CustomerID=7))["Name"] == ""
    adopted = await api.edit(Name="Ox", Website="w")
    assert (adopted["Name"], adopted["Website"]) == ("Ox", "w")
    assert (await api.edit(Name="Ox"))["CustomerID"] == adopted["CustomerID"]


async def test_an_error_is_plain_text_where_switched(api: Api) -> None:
    api.world.switches.set({"rpm.error_shape": "text"})
    async with api.client.post(f"{BASE}/CustomerEdit", json={}, headers=api.headers) as reply:
        assert await reply.json() == {"Result": {"Error": 'Call requires parameter: "Customer" which was not found'}}


@pytest.mark.parametrize(("setting", "held"), [("ignore", ("w", "Gold")), ("clear", ("", ""))])
async def test_null_is_ignored_or_clears_as_switched(api: Api, setting: str, held: tuple[str, str]) -> None:
    api.world.switches.set({"rpm.null": setting})
    await api.edit(CustomerID=7, Website="w", Fields=[pair("Plan", "Gold")])
    await api.edit(CustomerID=7, Website=None, Fields=[pair("Plan", None)])
    assert (api.held()["Website"], api.held()["Fields"]["Plan"]) == held


@pytest.mark.parametrize(("setting", "locations"), [("ignore", []), ("location", ["Main St"])])
async def test_an_address_is_ignored_or_sets_the_primary_location_as_switched(
    api: Api, setting: str, locations: list[str]
) -> None:
    api.world.switches.set({"rpm.address": setting})
    result = await api.edit(CustomerID=7, Address="Main St")
    assert [location["Address"] for location in result["Locations"]] == locations


@pytest.mark.parametrize(("setting", "answered"), [("ignore", [pair("Plan", "a")]), ("refuse", "Field not found")])
async def test_an_unknown_custom_field_is_ignored_or_refused_as_switched(api: Api, setting: str, answered: Any) -> None:
    api.world.switches.set({"rpm.custom_fields": ["Plan"], "rpm.unknown_custom_field": setting})
    result = await api.edit(CustomerID=7, Fields=[pair("Plan", "a"), pair("Plaan", "b")])
    assert (result["Fields"] if isinstance(result, dict) else result) == answered


async def test_without_a_list_every_custom_field_exists(api: Api) -> None:
    assert (await api.edit(CustomerID=7, Fields=[pair("Any", "a")]))["Fields"] == [pair("Any", "a")]


@pytest.mark.parametrize(("setting", "answered"), [("refuse", "Field specified more than once"), ("last", [pair("Plan", "b")])])
async def test_a_field_named_twice_is_refused_or_the_last_wins_as_switched(api: Api, setting: str, answered: Any) -> None:
    api.world.switches.set({"rpm.duplicate_field": setting})
    result = await api.edit(CustomerID=7, Fields=[pair("Plan", "a"), pair("Plan", "b")])
    assert (result["Fields"] if isinstance(result, dict) else result) == answered


async def test_a_field_without_a_name_is_refused(api: Api) -> None:
    assert await api.edit(CustomerID=7, Fields=[{"Value": "x"}]) == "Field name must be specified"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("4/16/2008", "2008-04-16"), ("1.50", "1.5"), ("true", "Yes"), ("NO", "No"), (" x ", "x"), ("10", "10"), ("2.00", "2")],
)
async def test_custom_values_are_kept_as_sent_or_in_rpms_rendering_as_switched(api: Api, sent: str, kept: str) -> None:
    await api.edit(CustomerID=7, Fields=[pair("Plan", sent)])
    assert api.held()["Fields"] == {"Plan": sent}
    api.world.switches.set({"rpm.values": "normalised"})
    await api.edit(CustomerID=7, Fields=[pair("Plan", sent)])
    assert api.held()["Fields"] == {"Plan": kept}


@pytest.mark.parametrize(("setting", "same"), [("folded", True), ("exact", False)])
async def test_names_are_compared_folded_or_exactly_as_switched(api: Api, setting: str, same: bool) -> None:
    api.world.switches.set({"rpm.name_match": setting})
    await api.edit(CustomerID=7, Name="Ox")
    assert ((await api.edit(Name="OX"))["CustomerID"] == 7) is same


@pytest.mark.parametrize(("setting", "answered"), [("refuse", "A customer name is required"), ("ignore", "Ox")])
async def test_a_blank_name_is_refused_or_ignored_as_switched(api: Api, setting: str, answered: str) -> None:
    api.world.switches.set({"rpm.blank_name": setting})
    await api.edit(CustomerID=7, Name="Ox")
    result = await api.edit(CustomerID=7, Name="")
    assert (result["Name"] if isinstance(result, dict) else result) == answered


async def test_a_name_has_a_longest_length(api: Api) -> None:
    assert (await api.edit(CustomerID=7, Name="x" * 255))["Name"] == "x" * 255
    assert await api.edit(CustomerID=7, Name="x" * 256) == "Customer name is too long"


async def test_members_that_the_page_does_not_name_are_ignored_where_switched(api: Api) -> None:
    api.world.switches.set({"rpm.unknown_field": "ignore"})
    assert (await api.edit(CustomerID=7, Webseit="x"))["Website"] == ""


# ---- reading and adding


async def test_a_customer_reads_back_by_id_or_by_name(api: Api) -> None:
    await api.edit(CustomerID=7, Name="Ox", Website="w")
    by_id, by_name = await api.ask("Customer", {"CustomerID": 7}), await api.ask("Customer", {"Customer": "ox"})
    assert by_id == by_name
    assert (by_id["Website"], by_id["DefaultRep"]) == ("w", "")
    assert "Locations" not in await api.ask("Customer", {"CustomerID": 7, "IncludeLocations": False})
    assert await api.ask("Customer", {}) == "Customer name or ID must be specified"
    addressed = [(entry.endpoint, entry.customer, entry.key) for entry in api.world.history.entries]
    assert addressed[:3] == [("update", "7", "7"), ("read", "7", "7"), ("read", "ox", "7")]


@pytest.mark.parametrize(("setting", "id"), [("number", 7), ("text", "7")])
async def test_the_list_holds_everybody_and_is_an_error_when_empty(api: Api, setting: str, id: object) -> None:
    api.world.switches.set({"rpm.ids": setting})
    assert await api.ask("Customers") == "No customers"
    await api.edit(CustomerID=7, Name="Ox")
    listed = await api.ask("Customers", {})
    assert [(item["Customer"], item["CustomerID"]) for item in listed["Customers"]] == [("Ox", id)]
    assert (await api.ask("Modified", {}))["Modified"] == [{"Type": "CustomerAndAliasList", "Age": listed["Age"]}]


@pytest.mark.parametrize(("setting", "parts"), [("iso", 2), ("us", 3)])
async def test_times_come_in_iso_or_american_as_switched(api: Api, setting: str, parts: int) -> None:
    api.world.switches.set({"rpm.dates": setting})
    modified = (await api.edit(CustomerID=7))["Modified"]
    assert len(modified.split("/" if setting == "us" else " ")) == parts


async def test_adding_needs_a_unique_name(api: Api) -> None:
    added = await api.ask("CustomerAdd", {"Customer": {"Name": "Ox", "Website": "w", "Fields": [pair("Plan", "a")]}})
    assert (added["Name"], added["Website"], added["Fields"]) == ("Ox", "w", [pair("Plan", "a")])
    assert await api.ask("CustomerAdd", {"Customer": {"Name": "OX"}}) == "A unique customer name is required"
    assert await api.ask("CustomerAdd", {"Customer": {}}) == "A customer name is required"


async def test_one_request_too_many_is_the_daily_limit_in_a_200(api: Api) -> None:
    api.world.switches.set({"rpm.limit": "1/d"})
    await api.edit(CustomerID=7, Website="w")
    assert await api.edit(CustomerID=7, Website="v") == "API daily limit reached"
    assert api.held() == {"Website": "w"}
