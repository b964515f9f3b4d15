"""The cursor is past them, and still nobody is forgotten: late targets, changed maps, left-out targets, other places."""

import json
from typing import Any

from tests.journey.conftest import SOURCE, Place, Sandboxes

NAME = 'Name = "Name"'
EVERYBODY = ["1", "2", "3", "4", "5", "6"]


def fresh(place: Place, since: int, vendor: str) -> dict[str, Any]:
    """What a vendor was told since then, by customer."""
    return {
        entry["customer"]: json.loads(entry["body"]) for entry in place.sandbox.updates()[since:] if entry["vendor"] == vendor
    }


def test_whoever_comes_late_reaches_every_customer(shop: Place, sandboxes: Sandboxes) -> None:
    shop.sql("ALTER TABLE customers ADD COLUMN UpdatedAt TEXT", "UPDATE customers SET UpdatedAt = '2026-03-01 10:00:00'")
    shop.config("rpm", "sellercloud", source=SOURCE + 'cursor = "UpdatedAt"\noverlap = "0s"\n')
    shop.target("rpm", NAME)
    assert shop.cli("run").code == 0

    # a target that is new
    shop.target("sellercloud", NAME)
    start = len(shop.sandbox.updates())
    assert shop.cli("run").code == 0
    assert (sorted(fresh(shop, start, "sellercloud")), fresh(shop, start, "rpm")) == (EVERYBODY, {})

    # a target that is left out
    shop.sql("UPDATE customers SET Name = 'Zoë', UpdatedAt = '2026-03-02 10:00:00' WHERE Id = 1")
    start = len(shop.sandbox.updates())
    assert shop.cli("run", "--target", "rpm").code == 0
    assert (sorted(fresh(shop, start, "rpm")), fresh(shop, start, "sellercloud")) == (["1"], {})
    start = len(shop.sandbox.updates())
    assert shop.cli("run").code == 0
    assert (fresh(shop, start, "rpm"), fresh(shop, start, "sellercloud")) == ({}, {"1": {"Name": "Zoë"}})

    # a map that has changed
    shop.target("sellercloud", NAME + '\nPhone1 = "Phone"')
    start = len(shop.sandbox.updates())
    assert shop.cli("run").code == 0
    assert fresh(shop, start, "sellercloud") == {key: {"Phone1": f"02 5550 010{key}"} for key in EVERYBODY if key != "2"}
    assert fresh(shop, start, "rpm") == {}

    # an account that points elsewhere, and back
    elsewhere = sandboxes.start()
    here, there = shop.sandbox.base("sellercloud"), elsewhere.base("sellercloud")
    shop.edit("config/sync.toml", here, there)
    assert shop.cli("run").code == 0
    assert sorted(elsewhere.holds("sellercloud")) == EVERYBODY
    assert elsewhere.bodies("sellercloud")["1"] == {"Name": "Zoë", "Phone1": "02 5550 0101"}
    assert elsewhere.holds("rpm") == {}
    shop.edit("config/sync.toml", there, here)
    start = len(shop.sandbox.updates())
    plan = shop.cli("plan", "--format", "json").tree["targets"]
    assert shop.cli("run").code == 0
    assert sorted(fresh(shop, start, "sellercloud")) == EVERYBODY
    assert fresh(shop, start, "sellercloud")["1"] == {"Name": "Zoë", "Phone1": "02 5550 0101"}
    assert {change["before"]["unknown"] for update in plan["sellercloud"]["updates"] for change in update["changes"]} == {True}
    assert plan["rpm"]["updates"] == []


def test_two_that_claim_one_vendor_id_are_both_rejected_until_one_moves(shop: Place) -> None:
    shop.sql("ALTER TABLE customers ADD COLUMN RpmId INTEGER", "UPDATE customers SET RpmId = 100 + Id")
    shop.config("rpm")
    shop.target("rpm", NAME, head='id = "RpmId"')
    assert shop.cli("run").code == 0
    shop.sql(
        "UPDATE customers SET RpmId = 101, Name = 'Jack' WHERE Id = 2", "UPDATE customers SET Name = 'Benjamin' WHERE Id = 5"
    )

    start = len(shop.sandbox.updates())
    run = shop.cli("run")

    assert run.code == 3
    assert sorted(fresh(shop, start, "rpm")) == ["105"]
    found = shop.failures()
    assert {key: failure["outcome"] for key, failure in found.items()} == {("rpm", "1"): "rejected", ("rpm", "2"): "rejected"}
    assert "customer 2" in found["rpm", "1"]["errors"][0]["message"]
    assert "customer 1" in found["rpm", "2"]["errors"][0]["message"]

    shop.sql("UPDATE customers SET RpmId = 109 WHERE Id = 2")
    start = len(shop.sandbox.updates())
    assert shop.cli("run").code == 0
    assert fresh(shop, start, "rpm")["109"] == {"Customer": {"CustomerID": 109, "Name": "Jack"}}
    assert sorted(fresh(shop, start, "rpm")) == ["109"]


TIMES = {
    "text": ("TEXT", "2026-03-01 10:00:00", "2026-03-01 09:57:00", "2026-02-28 10:00:00", "2026-03-01 10:00:01"),
    "iso": ("TEXT", "2026-03-01T10:00:00Z", "2026-03-01T09:57:00Z", "2026-02-28T10:00:00Z", "2026-03-01T10:01:00Z"),
    "epoch": ("INTEGER", 1772359200, 1772359020, 1772272800, 1772359201),
    "milliseconds": ("INTEGER", 1772359200000, 1772359020000, 1772272800000, 1772359200001),
}
"""How a time is written in a column: the newest at first; then one within the overlap, one before it, one that is newer."""


def test_ties_late_commits_and_rows_without_a_time_are_seen(place: Place) -> None:
    place.config("sellercloud")
    text = (place.folder / "config/sync.toml").read_text(encoding="utf-8")
    for number, (kind, (column, newest, *_)) in enumerate(TIMES.items(), 1):
        place.sql(
            f"CREATE TABLE {kind} (Id INTEGER PRIMARY KEY, Name TEXT, At {column}, Kind TEXT DEFAULT '{kind}')",
            *(f"INSERT INTO {kind} (Id, Name, At) VALUES ({number}00{key}, 'Old', {newest!r})" for key in (1, 2)),
        )
        text += f'[sources.{kind}]\n{SOURCE.replace("customers", kind)}cursor = "At"\noverlap = "5m"\n'
        head = f'source = "{kind}"\naccount = "sellercloud"\nid = "Id"\nwhere = {{ Kind = "{kind}" }}\n'
        place.write(f"config/targets/{kind}.toml", f"{head}[fields]\n{NAME}")
    place.write("config/sync.toml", text)
    assert place.cli("run").code == 0
    for number, (kind, (_, newest, late, early, newer)) in enumerate(TIMES.items(), 1):
        for key, at in {11: newest, 12: late, 13: None, 14: newer, 15: early}.items():
            place.sql(f"INSERT INTO {kind} (Id, Name, At) VALUES ({number}0{key}, 'New', {'NULL' if at is None else repr(at)})")
        place.sql(f"UPDATE {kind} SET Name = 'Touched, and the time stamp forgotten' WHERE Id = {number}002")
    start = len(place.sandbox.updates())
    assert place.cli("run").code == 0
    assert sorted(fresh(place, start, "sellercloud")) == sorted(
        f"{number}0{key}" for number in range(1, len(TIMES) + 1) for key in ("02", "11", "12", "13", "14")
    )
