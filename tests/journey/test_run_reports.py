"""The report of a run, in the forms of a plan, with what became of everybody."""

import csv
import io
import json

import pytest

from tests.journey.conftest import Place


@pytest.fixture
def told(shop: Place) -> Place:
    """Customer 2 is refused by the vendor, customer 4 does not fit."""
    shop.config("sellercloud")
    shop.target("sellercloud", 'Name = "Name"\nEmail = { from = "Email", when_null = "reject" }')
    shop.sandbox.fault(vendor="sellercloud", fault="status", status=404, match={"customer": "2"}, times=None)
    return shop


def test_a_run_tells_how_everybody_ended_in_every_form_that_is_asked_for(told: Place) -> None:
    done = told.cli("run", "--format", "json,html,markdown,csv,text", "--out", "report")
    assert done.code == 3
    assert "4 delivered, 2 rejected" in done.out
    tree = json.loads((told.folder / "report/run.json").read_text())
    target = tree["targets"]["sellercloud"]
    assert [update["customer"] for update in target["delivered"]] == ["1", "3", "5", "6"]
    assert sorted(one["customer"] for one in target["rejected"]) == ["2", "4"]
    assert tree["run"] in done.out
    sent = {entry["body"] for entry in told.sandbox.updates() if entry["status"] == 200}
    bodies = [request["body"] for update in target["delivered"] for request in update["requests"]]
    assert sorted(map(json.loads, sent), key=str) == sorted(bodies, key=str)
    rows = list(csv.DictReader(io.StringIO((told.folder / "report/run.csv").read_text())))
    assert {row["customer"]: row["outcome"] for row in rows} == {
        "1": "delivered", "2": "rejected", "3": "delivered", "4": "rejected", "5": "delivered", "6": "delivered",
    }  # fmt: skip
    assert "4 delivered" in (told.folder / "report/run.txt").read_text()
    assert "What each target was told, and how it ended." in (told.folder / "report/run.html").read_text()
    assert "<summary>4 delivered</summary>" in (told.folder / "report/run.md").read_text()


def test_the_report_stands_alone_where_it_goes_to_the_terminal_and_can_be_masked(told: Place) -> None:
    done = told.cli("run", "--format", "text", "--only", "changed", "--show-values", "masked")
    assert done.out.startswith("Run 20")
    assert "4 delivered" in done.out
    assert "zoe@" not in done.out
    assert "customer 2" not in done.out


def test_the_report_of_an_applied_plan_names_the_plan(told: Place) -> None:
    told.cli("plan", "--save", "one.plan")
    told.sql("UPDATE customers SET Name = 'Dan' WHERE Id = 5")
    done = told.cli("apply", "one.plan", "--format", "json")
    target = done.tree["targets"]["sellercloud"]
    assert " of plan 20" in done.tree["run"]
    assert [update["customer"] for update in target["delivered"]] == ["1", "3", "5", "6"]
    assert [change["field"] for change in target["delivered"][2]["changes"]] == ["Email"]
    assert "customer 5  Name: moved on since it was planned" in done.err


def test_what_cannot_be_sent_is_deferred_with_what_the_account_said(told: Place) -> None:
    told.sandbox.fault(vendor="sellercloud", fault="status", status=503, times=None)
    told.edit("config/sync.toml", "[accounts.sellercloud]", '[accounts.sellercloud]\nretry = { attempts = 1, backoff = "10ms" }')
    target = told.cli("run", "--format", "json").tree["targets"]["sellercloud"]
    deferred = {update["customer"]: update["reason"] for update in [*target["deferred"], *target["unknown"]]}
    assert sorted(deferred) == ["1", "3", "5", "6"]
    assert "" not in deferred.values()
