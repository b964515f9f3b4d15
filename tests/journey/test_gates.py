"""A bad change at the source: what a gate names is held, the rest goes; it goes once somebody lets it, or is well again."""

import json
from typing import Any

import pytest

from tests.journey.conftest import Place

MANY = 30
NAME_MAIL = 'Name = "Name"\nEmail = "Email"\nComments = { from = "Note", when_null = "clear" }'


@pytest.fixture
def town(place: Place) -> Place:
    """Thirty customers whom Sellercloud holds."""
    place.sql("CREATE TABLE customers (Id INTEGER PRIMARY KEY, Name TEXT, Email TEXT, Note TEXT)")
    place.sql(
        *(f"INSERT INTO customers VALUES ({n}, 'Customer {n}', 'c{n}@example.org', 'note {n}')" for n in range(1, MANY + 1))
    )
    place.config("sellercloud")
    gates = 'max_updates = "90%"\nmax_same_value = "20%"\nmax_source_drop = "20%"\n[gates.max_field_changed]\nEmail = "10%"\n'
    place.target("sellercloud", NAME_MAIL, tail=f"[gates]\n{gates}")
    assert place.cli("run").code == 0
    return place


def sent(place: Place, before: int) -> dict[str, set[str]]:
    """Which fields were sent since then, by customer."""
    fields: dict[str, set[str]] = {}
    for entry in place.sandbox.updates()[before:]:
        fields.setdefault(entry["customer"], set()).update(json.loads(entry["body"]))
    return fields


def planned(place: Place) -> dict[str, Any]:
    return place.cli("plan", "--format", "json").tree["targets"]["sellercloud"]


def test_a_join_that_blanks_a_column_holds_that_field_alone_until_it_is_released(town: Place) -> None:
    everybody = {str(number) for number in range(1, MANY + 1)}
    town.sql("UPDATE customers SET Note = 'n/a'", "UPDATE customers SET Name = Name || ' Ltd' WHERE Id <= 20")
    renamed = {str(number): {"Name"} for number in range(1, 21)}
    before = len(town.sandbox.updates())

    plan = planned(town)
    assert [(gate["gate"], gate["field"], gate["figure"], gate["limit"], gate["value"]) for gate in plan["gates"]] == [
        ("max_same_value", "Comments", MANY, "20%", "n/a")
    ]
    assert [len(gate["examples"]) for gate in plan["gates"]] == [3]
    assert sorted(held["customer"] for held in plan["held"]) == sorted(everybody)
    assert {change["field"] for held in plan["held"] for change in held["changes"]} == {"Comments"}
    assert {update["customer"] for update in plan["updates"]} == set(renamed)

    run = town.cli("run")
    assert run.code == 3
    assert "Comments would get one and the same value for 30 of 30 customers; the limit is 20%" in run.out
    assert "customer-sync release sellercloud --gate max_same_value" in run.out
    assert sent(town, before) == renamed
    held = town.failures()
    assert {failure["outcome"] for failure in held.values()} == {"held"}
    assert {customer for _, customer in held} == everybody
    assert "n/a" not in "".join(failure["reason"] for failure in held.values())

    before = len(town.sandbox.updates())
    assert town.cli("run").code == 3
    assert sent(town, before) == {}

    town.sql("UPDATE customers SET Note = 'back' WHERE Id = 7")
    let = town.cli("release", "sellercloud", "--gate", "max_same_value", "--json")
    assert let.tree == {"format": 1, "released": MANY, "still_held": 0, "rows": None}
    assert town.failures() == {}
    assert town.cli("run").code == 0
    assert sent(town, before) == {customer: {"Comments"} for customer in everybody}
    assert town.sandbox.holds("sellercloud")["7"]["Comments"] == "back"

    town.sql("UPDATE customers SET Note = 'another flood'")
    assert town.cli("run").code == 3
    assert len(town.failures()) == MANY


def test_once_the_source_is_well_again_nothing_is_held(town: Place) -> None:
    town.sql("UPDATE customers SET Email = 'x' || Email WHERE Id <= 10")
    assert town.cli("run").code == 3
    assert len(town.failures()) == 10
    town.sql("UPDATE customers SET Email = substr(Email, 2) WHERE Id <= 9")
    before = len(town.sandbox.updates())
    assert town.cli("run").code == 0
    assert town.failures() == {}
    assert sent(town, before) == {"10": {"Email"}}


def test_a_source_that_lost_rows_holds_everything_until_it_has_them_again_or_they_are_released(town: Place) -> None:
    town.sql("CREATE TABLE lost AS SELECT * FROM customers WHERE Id > 20", "DELETE FROM customers WHERE Id > 20")
    town.sql("UPDATE customers SET Name = 'B' WHERE Id = 1")
    before = len(town.sandbox.updates())
    for _ in range(2):
        assert town.cli("run").code == 3
    [failure] = town.failures().values()
    assert failure["reason"] == "max_source_drop: the source has lost 10 of its 30 rows; the limit is 20%"
    assert sent(town, before) == {}
    town.sql("INSERT INTO customers SELECT * FROM lost")
    assert town.cli("run").code == 0
    assert sent(town, before) == {"1": {"Name"}}

    town.sql("DELETE FROM customers WHERE Id > 20")
    town.sql("UPDATE customers SET Name = 'C' WHERE Id = 2")
    assert town.cli("run").code == 3
    assert town.cli("release", "sellercloud", "--gate", "max_source_drop", "--json").tree["rows"] == 20
    town.sql("UPDATE customers SET Name = 'D' WHERE Id = 3")
    before = len(town.sandbox.updates())
    assert town.cli("run").code == 0
    assert sent(town, before) == {"2": {"Name"}, "3": {"Name"}}


def test_a_release_says_how_many_and_which_name_is_wrong(town: Place) -> None:
    town.sql("UPDATE customers SET Email = 'x' || Email")
    run = town.cli("run", "--json").tree
    assert [gate["gate"] for gate in run["gates"]["sellercloud"]] == ["max_field_changed"]
    wrong = town.all(
        ["release", "selercloud", "--gate", "max_field_changed"],
        ["release", "sellercloud", "--gate", "max_field_change"],
        ["release", "sellercloud", "--gate", "max_field_changed", "--plan", run["run"][:-1]],
        ["release", "sellercloud", "--gate", "max_updates", "--plan", run["run"]],
    )
    assert [(done.code, done.out, len(done.err.splitlines())) for done in wrong] == [(1, "", 1)] * 4
    assert "did you mean sellercloud?" in wrong[0].err
    assert "did you mean max_field_changed?" in wrong[1].err
    assert f"did you mean {run['run']}?" in wrong[2].err
    assert "it holds nobody" in wrong[3].err
    nobody = town.cli("release", "sellercloud", "--gate", "max_updates")
    assert (nobody.code, nobody.out) == (0, "max_updates holds nobody of sellercloud\n")
    let = town.cli("release", "sellercloud", "--gate", "max_field_changed", "--plan", run["run"])
    assert let.out == "30 customers let through max_field_changed: the next run sends what it held of them\n"
    assert town.cli("run").code == 0


def test_every_form_of_a_plan_tells_the_gate_its_limit_the_figure_and_examples(town: Place) -> None:
    town.sql("UPDATE customers SET Note = 'Utopia'")
    town.cli("plan", "--format", "text,json,markdown,html,csv", "--out", "full")
    town.cli("plan", "--format", "text,json,markdown,html,csv", "--out", "masked", "--show-values", "masked")
    for ending in ("txt", "json", "md", "html", "csv"):
        full, masked = ((town.folder / name / f"plan.{ending}").read_text() for name in ("full", "masked"))
        said = full.replace("\\_", "_")
        assert [word for word in ("max_same_value", "30 of 30 customers", "20%", "Utopia") if word not in said] == []
        assert "Utopia" not in masked


def test_a_plan_says_what_is_left_of_the_quota_and_whether_it_ends_before_the_next_run(town: Place) -> None:
    town.config("sellercloud", extra='quota = ["100/h", "1000/d"]\nrate = "1/s"\n')
    town.edit("config/targets/sellercloud.toml", 'id = "Id"', 'id = "Id"\nevery = "4s"')
    town.sql("UPDATE customers SET Name = 'B' WHERE Id <= 6")
    first = planned(town)["estimate"]
    assert {name: first[name] for name in ("requests", "account", "quotas", "next_run_after", "ends_before_next_run")} == {
        "requests": 6,
        "account": "sellercloud",
        "quotas": [{"quota": "100/h", "left": 94, "waiting": 0}, {"quota": "1000/d", "left": 994, "waiting": 0}],
        "next_run_after": 4.0,
        "ends_before_next_run": False,
    }
    assert first["ends_after"] == first["seconds"] == pytest.approx(6, abs=0.1)
    asked = len(town.sandbox.history())
    town.edit("config/sync.toml", 'rate = "1/s"', 'rate = "100/s"')
    assert town.cli("run").code == 0
    used = len(town.sandbox.history()) - asked
    town.sql("UPDATE customers SET Name = 'C' WHERE Id = 1")
    again = planned(town)["estimate"]
    assert (again["quotas"][0], again["ends_before_next_run"]) == ({"quota": "100/h", "left": 99 - used, "waiting": 0}, True)


def test_a_source_that_makes_many_be_rejected_holds_the_others_until_it_is_well_or_they_are_released(town: Place) -> None:
    town.target("sellercloud", 'Name = { from = "Name", when_null = "reject" }', tail='[gates]\nmax_rejected = "10%"\n')
    assert town.cli("run").code == 0
    town.sql("UPDATE customers SET Name = NULL WHERE Id <= 4", "UPDATE customers SET Name = 'B' WHERE Id = 30")
    before = len(town.sandbox.updates())
    for _ in range(2):
        assert town.cli("run").code == 3
        found = town.failures()
        assert found["sellercloud", "30"]["reason"] == "max_rejected: 4 of 30 customers are rejected; the limit is 10%"
        assert [found["sellercloud", str(number)]["outcome"] for number in range(1, 5)] == ["rejected"] * 4
    town.sql("UPDATE customers SET Name = 'well' WHERE Id <= 2")
    assert town.cli("run").code == 3
    assert sent(town, before) == {customer: {"Name"} for customer in ("1", "2", "30")}

    town.sql("UPDATE customers SET Name = NULL WHERE Id IN (5, 6, 7)", "UPDATE customers SET Name = 'C' WHERE Id = 29")
    before = len(town.sandbox.updates())
    assert town.cli("run").code == 3
    assert sent(town, before) == {"29": {"Name"}}
    town.sql("UPDATE customers SET Name = NULL WHERE Id IN (8, 9, 10, 11)", "UPDATE customers SET Name = 'D' WHERE Id = 29")
    before = len(town.sandbox.updates())
    assert town.cli("run").code == 3
    assert town.cli("release", "sellercloud", "--gate", "max_rejected", "--json").tree["released"] == 1
    town.sql("UPDATE customers SET Name = 'E' WHERE Id = 28")
    assert town.cli("run").code == 3
    assert sent(town, before) == {"28": {"Name"}, "29": {"Name"}}


def test_what_was_held_in_a_saved_plan_is_listed_once_it_is_applied_and_released_by_its_name(town: Place) -> None:
    town.sql("UPDATE customers SET Note = 'n/a'", "UPDATE customers SET Name = 'B' WHERE Id = 1")
    plan = town.cli("plan", "--format", "json", "--save", "a.plan").tree
    town.sql("UPDATE customers SET Note = 'other' WHERE Id = 30")
    before = len(town.sandbox.updates())
    assert town.cli("apply", "a.plan").code == 3
    assert sent(town, before) == {"1": {"Name"}}
    assert {failure["outcome"] for failure in town.failures().values()} == {"held"}
    assert len(town.failures()) == MANY - 1
    assert town.cli("run").code == 3
    let = town.cli("release", "sellercloud", "--gate", "max_same_value", "--plan", plan["plan"], "--json")
    assert let.tree["released"] == MANY - 1
    assert town.cli("run").code == 0
    assert town.sandbox.holds("sellercloud")["1"]["Comments"] == "n/a"
