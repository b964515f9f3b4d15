"""A real table of 59 customers, with accents and nulls, to all four vendors with one config: seen first, then sent."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.accounts import VENDORS
from tests.journey.conftest import ANSI, ROOT, Done, Place, Sandboxes

CHINOOK = ROOT.parent / "shared/data/chinook.sqlite"
COLUMNS = "CustomerId, FirstName, LastName, Company, Address, City, State, Country, PostalCode, Phone, Fax, Email, SupportRepId"
SOURCE = 'kind = "sql"\nurl = "sqlite:///crm.sqlite"\ntable = "Customer"\nkey = "CustomerId"\n'
ID = 'id = "CustomerId"'
MAPS = {
    "sellercloud": """Name = "{FirstName} {LastName}"
        Email = { from = "Email", via = ["trim", "lower"] }
        BusinessName = { from = "Company", when_null = "clear" }
        Phone1 = "Phone"
        Fax = "Fax" """,
    "rpm": """Name = "{FirstName} {LastName} ({CustomerId})"
        [fields.Fields]
        City = "City"
        "Support rep" = { from = "SupportRepId", via = ["map:reps"] }
        [maps.reps]
        3 = "Jane"
        4 = "Margaret"
        5 = "Steve" """,
    "webcommander": """[fields.customer]
        first_name = "FirstName"
        last_name = "LastName"
        email = "Email"
        city = "City"
        state = "State"
        post_code = "PostalCode"
        country = { from = "Country", via = ["country:name"] }""",
    "sparklayer": """first_name = "FirstName"
        last_name = "LastName"
        email = "Email"
        company_name = { from = "Company", when_null = "clear" }
        [fields.metadata]
        city = "City" """,
}


@dataclass(slots=True)
class Story:
    """What every command said, in the order in which they were given, and what the vendors had received by then."""

    place: Place
    looks: dict[str, Done]
    bare: dict[str, bytes]
    looked: dict[str, bytes]
    asked: list[dict[str, Any]]
    first: Done
    sent: list[dict[str, Any]]
    second: Done
    sent_twice: list[dict[str, Any]]
    planned_again: Done
    planned_again_text: Done
    third: Done
    sent_thrice: list[dict[str, Any]]
    status: Done
    failures: Done


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, sandboxes: Sandboxes) -> Iterator[Story]:
    place = Place(tmp_path_factory.mktemp("four"), sandboxes.start())
    _make_customers(place.folder / "crm.sqlite")
    place.config(*VENDORS, source=SOURCE)
    for vendor, fields in MAPS.items():
        place.target(vendor, fields, head=ID)
    bare = place.files()
    commands = {
        "check": ("check",),
        "plan": ("plan",),
        "requests": ("plan", "--requests", "--target", "rpm"),
        "json": ("plan", "--format", "json"),
        "status": ("status", "--json"),
        "failures": ("failures",),
    }
    looks = dict(zip(commands, place.all(*commands.values()), strict=True))
    asked = place.sandbox.history()
    looked = place.files()
    looks["online"] = place.cli("check", "--online")
    first = place.cli("run")
    sent = place.sandbox.updates()
    second = place.cli("run", "--json")
    sent_twice = place.sandbox.updates()
    place.sql(
        "UPDATE Customer SET City = 'São Paulo do \"Sul\"' WHERE CustomerId = 1",
        "UPDATE Customer SET Fax = '+49 0711 2842223', Company = NULL WHERE CustomerId = 5",
        "UPDATE Customer SET Email = upper(Email) WHERE CustomerId = 7",
        "UPDATE Customer SET Address = 'not mapped anywhere' WHERE CustomerId = 9",
    )
    before = place.files()
    again, text = place.all(("plan", "--format", "json", "--detailed-exitcode"), ("plan",))
    assert place.files() == before
    assert place.sandbox.updates() == sent_twice
    third = place.cli("run")
    return Story(
        place, looks, bare, looked, asked, first, sent, second, sent_twice, again, text, third, place.sandbox.updates(),
        *place.all(("status", "--json"), ("failures", "--json")),
    )  # fmt: skip


def _make_customers(path: Path) -> None:
    """Chinook's customers where they are at hand, else as many that are like them."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "CREATE TABLE Customer (CustomerId INTEGER NOT NULL, FirstName NVARCHAR(40) NOT NULL, LastName NVARCHAR(20) NOT NULL,"
            " Company NVARCHAR(80), Address NVARCHAR(70), City NVARCHAR(40), State NVARCHAR(40), Country NVARCHAR(40),"
            " PostalCode NVARCHAR(10), Phone NVARCHAR(24), Fax NVARCHAR(24), Email NVARCHAR(60) NOT NULL, SupportRepId INTEGER)"
        )
        database.executemany(f"INSERT INTO Customer VALUES ({', '.join('?' * 13)})", _customers())
        database.commit()


def _customers() -> list[tuple[Any, ...]]:
    if CHINOOK.exists():
        with closing(sqlite3.connect(f"{CHINOOK.as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(f"SELECT {COLUMNS} FROM Customer").fetchall()
    names = (
        ("Luís", "Gonçalves", "Brazil"),
        ("Bjørn", "Hansen", "Norway"),
        ("Kara", "Nielsen", "Denmark"),
        ("F", "O'Reilly", "Ireland"),
    )
    return [
        (
            number,
            *names[number % 4][:2],
            "Embraer - Brasileira S.A." if number in {1, 5} or number % 6 == 0 else None,
            f"Rua {number}",
            "São José dos Campos",
            "SP" if number % 2 else None,
            names[number % 4][2],
            f"12227-{number:03}",
            f"+55 (12) 3923-55{number:02}",
            None if number % 5 else f"+55 (12) 3923-56{number:02}",
            f"customer{number}@example.org",
            3 + number % 3,
        )
        for number in range(1, 60)
    ]


def as_planned(plan: str, sandbox: str) -> set[tuple[str, str, str]]:
    """Method, URL and the body's own bytes of every request in a plan's JSON."""
    found = set()
    for target in json.loads(plan)["targets"].values():
        for update in target["updates"]:
            for request in update["requests"]:
                body = json.dumps(request["body"], ensure_ascii=False, separators=(",", ":"))
                assert f'"url":"{request["url"]}","body":{body}}}' in plan
                found.add((request["method"], request["url"].removeprefix(sandbox), body))
    return found


def as_sent(entries: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(entry["method"], entry["path"], entry["body"]) for entry in entries}


# ---- looking


def test_a_good_config_is_valid_and_sellercloud_without_a_rate_is_warned_of(story: Story) -> None:
    check = story.looks["check"]
    assert (check.code, check.out) == (0, "config: 1 source, 4 accounts, 4 targets: valid\n")
    assert "sellercloud" in check.err
    assert "10800/h" in check.err


def test_check_online_reads_the_source_and_signs_in_everywhere(story: Story) -> None:
    online = story.looks["online"]
    assert online.code == 0
    for name in ("sources.crm", *(f"accounts.{vendor}" for vendor in VENDORS)):
        assert name in online.out
    assert [entry for entry in story.place.sandbox.history() if entry["status"] not in {200, 201}] == []


def test_looking_writes_nothing_and_asks_nobody(story: Story) -> None:
    assert story.looked == story.bare
    assert story.asked == []


def test_a_plan_exits_with_0_and_with_2_where_that_was_asked_for(story: Story) -> None:
    assert [story.looks["plan"].code, story.looks["json"].code, story.planned_again.code] == [0, 0, 2]


def test_what_is_piped_holds_no_colours(story: Story) -> None:
    said = [*story.looks.values(), story.first, story.second, story.planned_again_text, story.third]
    assert [done.out for done in said if ANSI.search(done.out + done.err)] == []


def test_the_text_shows_every_change_with_where_it_comes_from(story: Story) -> None:
    text = story.planned_again_text.out
    assert '"São Paulo do \\"Sul\\""' in text
    assert "from Fax" in text
    assert "from City" in text
    assert "Address" not in text


def test_the_requests_are_shown_as_they_will_be_sent(story: Story) -> None:
    shown = story.looks["requests"].out
    for method, path, body in as_sent([entry for entry in story.sent if entry["vendor"] == "rpm"]):
        assert f"{method} {story.place.sandbox.url}{path} {body}\n" in shown


def test_the_json_of_a_plan_has_the_documented_shape(story: Story) -> None:
    plan = story.looks["json"].tree
    assert plan["format"] == 1
    assert plan["plan"].startswith("20")
    assert sorted(plan["targets"]) == list(VENDORS)
    for target in plan["targets"].values():
        assert (len(target["updates"]), target["unchanged"], target["rejected"], target["held"]) == (59, 0, [], [])
        assert target["estimate"]["requests"] == 59
        assert target["estimate"]["seconds"] >= 0
    one = next(update for update in plan["targets"]["sellercloud"]["updates"] if update["customer"] == "1")
    assert sorted(one) == ["changes", "customer", "id", "requests"]
    assert one["id"] == "1"
    fields = [change["field"] for change in one["changes"]]
    assert fields == sorted(fields)
    assert {"BusinessName", "Email", "Name", "Phone1"} <= set(fields)
    assert {tuple(change["before"].items()) for change in one["changes"]} == {(("unknown", True),)}
    name = next(change for change in one["changes"] if change["field"] == "Name")
    assert name == {"field": "Name", "before": {"unknown": True}, "after": name["after"], "from": ["FirstName", "LastName"]}


# ---- sending


def test_the_first_run_reaches_every_customer_at_every_vendor(story: Story) -> None:
    assert story.first.code == 0
    assert story.first.err == ""
    assert {vendor: len(story.place.sandbox.holds(vendor)) for vendor in VENDORS} == dict.fromkeys(VENDORS, 59)


def test_what_is_sent_is_byte_for_byte_what_was_planned(story: Story) -> None:
    assert as_sent(story.sent) == as_planned(story.looks["json"].out, story.place.sandbox.url)
    fresh = story.sent_thrice[len(story.sent_twice) :]
    assert as_sent(fresh) == as_planned(story.planned_again.out, story.place.sandbox.url)


def test_everything_is_sent_once(story: Story) -> None:
    assert len(story.sent) == 4 * 59
    assert [entry for entry in story.sent if entry["status"] != 200 or entry["overlapped"]] == []


def test_a_second_run_sends_nothing(story: Story) -> None:
    assert story.sent_twice == story.sent
    assert story.second.code == 0
    assert story.second.tree["targets"] == {vendor: {} for vendor in VENDORS}


def test_after_an_update_exactly_those_fields_travel(story: Story) -> None:
    fresh = story.sent_thrice[len(story.sent_twice) :]
    bodies = {(entry["vendor"], entry["customer"]): json.loads(entry["body"]) for entry in fresh}
    city = 'São Paulo do "Sul"'
    email = next(values[11].upper() for values in _customers() if values[0] == 7)
    had_company = any(values[3] for values in _customers() if values[0] == 5)
    assert had_company
    assert bodies == {
        ("rpm", "1"): {"Customer": {"CustomerID": 1, "Fields": [{"Field": "City", "Value": city}]}},
        ("webcommander", "1"): {"customer": {"city": city}},
        ("sparklayer", "1"): {"metadata": {"city": city}},
        ("sellercloud", "5"): {"BusinessName": "", "Fax": "+49 0711 2842223"},
        ("sparklayer", "5"): {"company_name": None},
        ("webcommander", "7"): {"customer": {"email": email}},
        ("sparklayer", "7"): {"email": email},
    }


def test_a_later_plan_says_what_was_there_before(story: Story) -> None:
    changes = {
        (name, update["customer"], change["field"]): change
        for name, target in story.planned_again.tree["targets"].items()
        for update in target["updates"]
        for change in update["changes"]
    }
    company = next(values[3] for values in _customers() if values[0] == 5)
    assert changes["sparklayer", "5", "company_name"] == {
        "field": "company_name", "before": company, "after": None, "from": ["Company"],
    }  # fmt: skip
    had_fax = next(values[10] for values in _customers() if values[0] == 5) is not None
    assert ("before" in changes["sellercloud", "5", "Fax"]) == had_fax


def test_the_vendors_hold_what_the_database_holds(story: Story) -> None:
    with closing(sqlite3.connect(story.place.folder / "crm.sqlite")) as database:
        rows = database.execute("SELECT CustomerId, FirstName, LastName, Email FROM Customer").fetchall()
    names = {str(key): f"{first} {last}" for key, first, last, _ in rows}
    emails = {str(key): email for key, _, _, email in rows}
    holds = story.place.sandbox.holds
    assert {key: values["Name"] for key, values in holds("sellercloud").items()} == names
    assert {key: values["Email"] for key, values in holds("sellercloud").items()} == {
        key: email.strip().lower() for key, email in emails.items()
    }
    sparklayer = [values for key, values in holds("sparklayer").items() if key.startswith("cu_")]
    assert {values["external_id"]: f"{values['first_name']} {values['last_name']}" for values in sparklayer} == names
    assert {key: values["customer"]["email"] for key, values in holds("webcommander").items()} == emails
    assert {key: values["Name"] for key, values in holds("rpm").items()} == {
        key: f"{name} ({key})" for key, name in names.items()
    }


def test_status_tells_where_each_target_stands(story: Story) -> None:
    nothing = {"rejected": 0, "deferred": 0, "held": 0, "unknown": 0, "undone": 0, "gone": 0}
    first, last = story.looks["status"].tree, story.status.tree
    assert (first["format"], first["written"], last["format"]) == (1, None, 1)
    assert first["targets"] == {vendor: {"known": 0, "waiting": 0, **nothing} for vendor in VENDORS}
    assert last["targets"] == {vendor: {"known": 59, "waiting": 0, **nothing} for vendor in VENDORS}


def test_who_is_in_step_is_not_listed(story: Story) -> None:
    assert story.failures.tree == {"format": 1, "failures": []}


def test_the_state_is_for_its_owner_alone(story: Story) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in story.place.folder.glob("state.db*")}
    assert set(modes.values()) == {0o600}
