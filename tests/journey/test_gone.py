"""Customers that are gone from the source: told to nobody, to people or to the vendor, and taken back once they return."""

from typing import Any

import pytest

from tests.journey.conftest import SOURCE, Place

MANY = 30
FIELDS = 'first_name = "Name"\nemail = "Email"\nstatus = { value = "enabled" }'
HEAD = 'id = "Id"\nmissing_in_source = "{missing}"'
DISABLED = '[deactivate]\nstatus = "disabled"'
ORIGINAL = "SELECT * FROM original WHERE Id"


@pytest.fixture
def town(place: Place) -> Place:
    """Thirty customers, and no config yet."""
    place.sql("CREATE TABLE customers (Id INTEGER PRIMARY KEY, Name TEXT, Email TEXT, UpdatedAt TEXT)")
    stamp = "2026-11-01 00:00:00"
    place.sql(*(f"INSERT INTO customers VALUES ({n}, 'Customer {n}', 'c{n}@example.org', '{stamp}')" for n in range(1, MANY + 1)))
    place.sql("CREATE TABLE original AS SELECT * FROM customers")
    return place


def configured(place: Place, missing: str = "deactivate", *, source: str = SOURCE, tail: str = DISABLED) -> Place:
    place.config("sparklayer", source=source)
    place.target("sparklayer", FIELDS, head=HEAD.format(missing=missing), tail=tail)
    return place


def disabled(place: Place) -> set[str]:
    return {held["email"] for held in place.sandbox.holds("sparklayer").values() if held["status"] == "disabled"}


def planned(place: Place) -> dict[str, Any]:
    return place.cli("plan", "--format", "json").tree["targets"]["sparklayer"]


@pytest.mark.parametrize("source", [SOURCE, SOURCE + 'cursor = "UpdatedAt"\n'])
def test_who_is_gone_is_deactivated_once_and_is_active_again_with_all_values_after_a_return(town: Place, source: str) -> None:
    configured(town, source=source)
    assert town.cli("run").code == 0
    town.sql("DELETE FROM customers WHERE Id IN (7, 8)")

    plan = planned(town)
    assert [(update["customer"], update["gone"], update["changes"]) for update in plan["updates"]] == [
        (customer, True, [{"field": "status", "before": "enabled", "after": "disabled", "from": []}]) for customer in ("7", "8")
    ]
    before = len(town.sandbox.updates())
    run = town.cli("run")
    assert (run.code, "2 gone" in run.out) == (0, True)
    assert [entry["body"] for entry in town.sandbox.updates()[before:]] == ['{"status":"disabled"}'] * 2
    assert disabled(town) == {"c7@example.org", "c8@example.org"}
    assert town.failures() == {}

    for _ in range(2):
        assert town.cli("run").code == 0
    assert len(town.sandbox.updates()) == before + 2

    town.sql(f"INSERT INTO customers {ORIGINAL} = 7", "UPDATE customers SET Name = 'Back' WHERE Id = 7")
    assert town.cli("run").code == 0
    assert disabled(town) == {"c8@example.org"}
    [held] = [held for held in town.sandbox.holds("sparklayer").values() if held["email"] == "c7@example.org"]
    assert (held["status"], held["first_name"]) == ("enabled", "Back")
    assert town.cli("run").code == 0
    assert len(town.sandbox.updates()) == before + 3


def test_who_would_not_be_active_again_after_a_return_is_not_deactivated_in_the_first_place(town: Place) -> None:
    configured(town, tail=DISABLED + '\naccounting_id = "gone"')
    place = "config/targets/sparklayer.toml: deactivate.accounting_id: would stay so when a customer returns"
    for command in ("check", "plan", "run"):
        told = town.cli(command)
        assert told.err == f"{place}: add accounting_id to [fields], with what it is for customers who are there\n"
        assert told.code == 1
    assert town.sandbox.history() == []


def test_whoever_is_told_of_by_a_field_from_the_source_is_as_the_source_says_after_a_return(town: Place) -> None:
    """Also where the source has nothing to say: what deactivated the customer is cleared."""
    configured(town, tail='[deactivate]\nstatus = "disabled"\naccounting_id = "gone"')
    town.sql("ALTER TABLE customers ADD COLUMN Note TEXT", "UPDATE customers SET Note = 'n' WHERE Id = 7")
    town.edit(
        "config/targets/sparklayer.toml",
        'email = "Email"',
        'email = "Email"\naccounting_id = { from = "Note", when_null = "clear" }',
    )
    assert town.cli("run").code == 0
    town.sql("CREATE TABLE away AS SELECT * FROM customers WHERE Id IN (7, 8)", "DELETE FROM customers WHERE Id IN (7, 8)")
    assert town.cli("run").code == 0
    assert {held["accounting_id"] for held in town.sandbox.holds("sparklayer").values() if held["status"] == "disabled"} == {
        "gone"
    }
    town.sql("INSERT INTO customers SELECT * FROM away")
    assert town.cli("run").code == 0
    found = {held["email"]: (held["status"], held.get("accounting_id")) for held in town.sandbox.holds("sparklayer").values()}
    assert (found["c7@example.org"], found["c8@example.org"]) == (("enabled", "n"), ("enabled", None))
    before = len(town.sandbox.updates())
    assert (town.cli("run").code, len(town.sandbox.updates())) == (0, before)


def test_too_many_who_are_gone_are_held_until_they_return_or_somebody_lets_them_go(town: Place) -> None:
    configured(town)
    assert town.cli("run").code == 0
    town.sql("DELETE FROM customers WHERE Id <= 10", "UPDATE customers SET Name = 'B' WHERE Id = 20")
    before = len(town.sandbox.updates())
    [gate] = planned(town)["gates"]
    assert (gate["gate"], gate["figure"], gate["limit"]) == ("max_source_drop", 10, "20%")
    assert town.cli("run").code == 3
    assert [entry["body"] for entry in town.sandbox.updates()[before:]] == ['{"first_name":"B"}']
    assert {failure["outcome"] for failure in town.failures().values()} == {"held"}
    assert len(town.failures()) == 10

    town.sql(f"INSERT INTO customers {ORIGINAL} <= 3")
    assert town.cli("run").code == 3
    assert {customer for _, customer in town.failures()} == {"4", "5", "6", "7", "8", "9", "10"}
    assert disabled(town) == set()

    assert town.cli("release", "sparklayer", "--gate", "max_source_drop", "--json").tree["released"] == 7
    assert town.cli("run").code == 0
    assert disabled(town) == {f"c{number}@example.org" for number in range(4, 11)}


def test_an_explicit_gate_on_the_rows_of_the_source_holds_everything_also_what_is_reported(town: Place) -> None:
    configured(town, "report", tail='[gates]\nmax_source_drop = "10%"')
    assert town.cli("run").code == 0
    town.sql("DELETE FROM customers WHERE Id <= 10")
    run = town.cli("run")
    assert (run.code, "max_source_drop" in run.out) == (0, True)
    assert town.failures() == {}
    assert town.cli("release", "sparklayer", "--gate", "max_source_drop", "--json").tree["rows"] == 20
    assert town.cli("run").code == 3
    assert len(town.failures()) == 10


@pytest.mark.parametrize("source", [SOURCE, SOURCE + 'cursor = "UpdatedAt"\n'])
def test_nobody_is_gone_from_a_source_that_is_empty_or_cannot_be_read(town: Place, source: str) -> None:
    configured(town, source=source)
    assert town.cli("run").code == 0
    before = len(town.sandbox.updates())
    town.sql("DELETE FROM customers")
    for _ in range(2):
        run = town.cli("run")
        assert (run.code, "sources.crm: nobody is there any more, of 30 customers" in run.out + run.err) == (1, True)
    town.sql("DROP TABLE customers")
    assert town.cli("run").code == 1
    (town.folder / "crm.sqlite").rename(town.folder / "away.sqlite")
    assert town.cli("run").code == 1
    (town.folder / "away.sqlite").rename(town.folder / "crm.sqlite")
    town.sql("CREATE TABLE customers AS SELECT * FROM original")
    assert town.cli("run").code == 0
    assert (len(town.sandbox.updates()), town.failures()) == (before, {})


def test_who_is_reported_stays_listed_until_a_return_or_a_retry_and_the_vendor_is_told_nothing(town: Place) -> None:
    configured(town, "report", tail="")
    assert town.cli("run").code == 0
    before = len(town.sandbox.updates())
    town.sql("DELETE FROM customers WHERE Id IN (7, 8)")
    assert [left["customer"] for left in planned(town)["left"]] == ["7", "8"]
    for _ in range(2):
        assert town.cli("run").code == 3
    found = town.failures()
    assert {customer: failure["outcome"] for (_, customer), failure in found.items()} == {"7": "gone", "8": "gone"}
    assert town.cli("status", "--json").tree["targets"]["sparklayer"]["gone"] == 2

    town.sql(f"INSERT INTO customers {ORIGINAL} = 7")
    assert town.cli("run").code == 3
    assert {customer for _, customer in town.failures()} == {"8"}
    assert town.cli("retry", "8").code == 0
    assert town.cli("run").code == 0
    assert (len(town.sandbox.updates()), town.failures()) == (before, {})


def test_a_customer_who_was_never_gone_but_leaves_the_targets_where_is_not_deactivated(town: Place) -> None:
    configured(town)
    town.edit("config/targets/sparklayer.toml", 'id = "Id"', 'id = "Id"\nwhere = { Name = ["Customer 7", "Customer 8"] }')
    assert town.cli("run").code == 0
    before = len(town.sandbox.updates())
    town.sql("UPDATE customers SET Name = 'else' WHERE Id = 7", "DELETE FROM customers WHERE Id = 30")
    assert town.cli("run").code == 0
    assert (len(town.sandbox.updates()), disabled(town)) == (before, set())


def test_a_customer_with_a_new_key_and_the_same_vendor_id_is_not_deactivated(town: Place) -> None:
    town.sql("ALTER TABLE customers ADD COLUMN Shop TEXT", "UPDATE customers SET Shop = 's' || Id")
    configured(town)
    town.edit("config/targets/sparklayer.toml", 'id = "Id"', 'id = "Shop"')
    assert town.cli("run").code == 0
    before = len(town.sandbox.updates())
    town.sql("UPDATE customers SET Id = 107, Name = 'Moved' WHERE Id = 7", "DELETE FROM customers WHERE Id = 8")
    assert town.cli("run").code == 0
    assert disabled(town) == {"c8@example.org"}
    told = {entry["customer"]: entry["body"] for entry in town.sandbox.updates()[before:]}
    assert min(told.values(), key=len) == '{"status":"disabled"}'
    assert town.failures() == {}

    town.sql("INSERT INTO customers SELECT 108, Name, Email, UpdatedAt, 's8' FROM original WHERE Id = 8")
    assert [town.cli("run").code for _ in range(2)] == [0, 0]
    assert (disabled(town), town.failures()) == (set(), {})


def test_a_saved_plan_deactivates_whom_it_was_planned_for_and_nobody_else(town: Place) -> None:
    configured(town)
    assert town.cli("run").code == 0
    town.sql("DELETE FROM customers WHERE Id = 7")
    assert town.cli("plan", "--save", "gone.plan").code == 0
    town.sql("DELETE FROM customers WHERE Id = 8")
    before = len(town.sandbox.updates())
    assert town.cli("apply", "gone.plan").code == 0
    assert disabled(town) == {"c7@example.org"}
    assert town.cli("run").code == 0
    assert disabled(town) == {"c7@example.org", "c8@example.org"}
    assert len(town.sandbox.updates()) == before + 2


def test_an_undo_says_of_who_is_gone_that_the_source_has_to_bring_them_back(town: Place) -> None:
    configured(town)
    assert town.cli("run").code == 0
    town.sql("DELETE FROM customers WHERE Id = 7")
    assert town.cli("run").code == 0
    last = town.cli("status", "--json").tree["runs"][0]["run"]
    undo = town.cli("undo", last)
    assert "not restorable: the customer is gone from the source" in undo.out


@pytest.mark.parametrize("form", ["text", "markdown", "html", "csv"])
def test_every_report_shows_who_is_gone(town: Place, form: str) -> None:
    configured(town)
    assert town.cli("run").code == 0
    town.sql("DELETE FROM customers WHERE Id = 7")
    assert "gone from the source" in town.cli("plan", "--format", form).out


DEATHS = ["before_roll_ends", "before_commit:5", "after_commit:3", "after_commit:5", "after_commit:7"]
DEATHS += ["after_intent", "after_send:2", "before_settling", "after_settling"]


@pytest.mark.parametrize("death", DEATHS)
def test_wherever_a_run_dies_the_next_one_deactivates_who_is_gone(town: Place, death: str) -> None:
    configured(town)
    assert town.cli("run").code == 0
    before = len(town.sandbox.updates())
    town.sql("DELETE FROM customers WHERE Id IN (7, 8)")
    assert town.cli("run", env={"CUSTOMER_SYNC_FAILPOINT": death}).code == 86
    assert town.cli("run").code == 0
    assert disabled(town) == {"c7@example.org", "c8@example.org"}
    bodies = [entry["body"] for entry in town.sandbox.updates()[before:]]
    assert (set(bodies), len(bodies) <= 4) == ({'{"status":"disabled"}'}, True)
    assert town.failures() == {}
