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
