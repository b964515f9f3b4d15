"""A dry run changes nothing anywhere, says so where it cannot tell, and what it shows is what is sent."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import gettempdir

import pytest

from tests.accounts import VENDORS
from tests.journey.conftest import SOURCE, Place, environment
from tests.journey.test_four_vendors import as_planned, as_sent

MAPS = {
    "sellercloud": """Name = "{Name}"
        Email = { from = "Email", when_null = "clear" }
        Comments = "Note"
        Rating = "Rating" """,
    "rpm": """[fields.Fields]
        Note = { from = "Note", when_null = "clear" }
        "Größe \\"x\\"" = { from = "Rating", via = ["decimal:2"] }""",
    "webcommander": """credit_limit = { from = "Rating", via = ["decimal:2"] }
        [fields.customer]
        first_name = "Name"
        email = "Email" """,
    "sparklayer": """first_name = "Name"
        company_name = { from = "Note", when_null = "clear" }
        [fields.metadata]
        phone = "Phone" """,
}


@pytest.fixture
def ready(shop: Place) -> Place:
    shop.config(*VENDORS)
    for vendor, fields in MAPS.items():
        shop.target(vendor, fields)
    return shop


def marks(folder: Path) -> dict[str, tuple[bytes, int]]:
    """The state's files with their bytes, and when each was last written."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("state.db*")}


def test_a_plan_in_every_form_and_view_leaves_the_state_and_the_vendors_as_they_were(ready: Place) -> None:
    assert ready.cli("run").code == 0
    ready.sql("UPDATE customers SET Name = 'Zoë', Note = NULL WHERE Id = 1", "UPDATE customers SET Email = NULL WHERE Id = 2")
    before, asked = marks(ready.folder), ready.sandbox.history()
    done = ready.all(
        ("plan", "--format", "text,json,markdown,html,csv", "--out", "reports", "--requests"),
        ("plan", "--requests", "--show-values", "masked", "--target", "rpm"),
        ("plan", "--only", "changed", "--customer", "1", "--field", "Name", "--format", "json"),
        ("plan", "--save", "later.plan", "--detailed-exitcode"),
        ("explain", "rpm", "1"),
        ("check",),
    )
    assert [said.code for said in done] == [0, 0, 0, 2, 0, 0]
    assert len(list((ready.folder / "reports").iterdir())) == 5
    assert marks(ready.folder) == before
    assert ready.sandbox.history() == asked


def test_the_first_plan_of_all_asks_nobody_and_makes_no_state(ready: Place) -> None:
    assert ready.cli("plan", "--format", "html", "--out", "plan.html").code == 0
    assert marks(ready.folder) == {}
    assert ready.sandbox.history() == []


def test_what_cannot_be_read_is_never_shown_as_nothing_to_do(ready: Place) -> None:
    away = SOURCE.replace("crm.sqlite", "away.sqlite")
    ready.write("config/sync.toml", (ready.folder / "config/sync.toml").read_text() + f"\n[sources.away]\n{away}")
    ready.edit("config/targets/rpm.toml", '"crm"', '"away"')
    text, tree, alone, folder = ready.all(
        ("plan",),
        ("plan", "--format", "json", "--detailed-exitcode"),
        ("plan", "--target", "rpm", "--format", "json"),
        ("plan", "--format", "text,json,markdown,html,csv", "--out", "reports"),
    )
    assert [said.code for said in (text, tree, alone, folder)] == [1, 1, 1, 1]
    assert ["away.sqlite is not there" in said.err for said in (text, tree, alone, folder)] == [True] * 4
    assert alone.out == ""
    assert sorted(tree.tree["targets"]) == ["sellercloud", "sparklayer", "webcommander"]
    assert "(without rpm: the source cannot be read)" in text.out
    written = {path.name: path.read_text(encoding="utf-8") for path in (ready.folder / "reports").iterdir()}
    assert [name for name, said in written.items() if "(without rpm: the source cannot be read)" not in said] == []
    assert ready.sandbox.history() == []


def test_a_plan_that_finds_no_room_for_itself_says_where(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", 'Website = "Note"')
    shop.sql("UPDATE customers SET Note = hex(zeroblob(1000000))")
    command = f'ulimit -f 100; exec "{sys.executable}" -m sync plan >/dev/null'
    done = subprocess.run(command, shell=True, cwd=shop.folder, env=environment(), stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert (
        done.stderr.decode()
        == f"{gettempdir()}: File too large: make room for the plan there, or name another folder in TMPDIR\n"
    )


def test_what_a_saved_plan_sends_is_byte_for_byte_what_the_plan_showed(ready: Place) -> None:
    def planned_and_applied(name: str) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
        since = len(ready.sandbox.updates())
        plan = ready.cli("plan", "--format", "json", "--save", name)
        assert ready.cli("apply", name).code == 0
        sent = ready.sandbox.updates()[since:]
        assert len(sent) == sum(len(target["updates"]) for target in json.loads(plan.out)["targets"].values())
        return sorted(as_planned(plan.out, ready.sandbox.url)), sorted(as_sent(sent))

    planned, sent = planned_and_applied("first.plan")
    assert len(sent) == 24
    assert sent == planned
    ready.sql(
        "UPDATE customers SET Name = 'Zoë \"\"Z\"\" \\ O''Hara\t\u2028', Note = NULL, Rating = 3 WHERE Id = 1",
        "UPDATE customers SET Email = NULL WHERE Id = 2",
    )
    planned, sent = planned_and_applied("second.plan")
    assert len(sent) == 5
    assert sent == planned
    assert ready.cli("plan", "--format", "json").tree["targets"]["rpm"]["updates"] == []


def test_the_first_plan_of_all_can_be_saved_and_sends_passwords_too(shop: Place) -> None:
    shop.config("webcommander")
    shop.target("webcommander", '[fields.customer]\nfirst_name = "Name"\npassword = "{Name}!"')
    assert shop.cli("plan", "--save", "first.plan").code == 0
    applied = shop.cli("apply", "first.plan")
    assert (applied.code, "Dropped" in applied.out) == (0, False)
    assert shop.sandbox.bodies("webcommander")["4"] == {"customer": {"first_name": "Ana", "password": "***"}}
    assert "Ana!" not in (shop.folder / "first.plan").read_text()


def test_who_is_put_off_is_shown_as_a_change(shop: Place) -> None:
    shop.config("rpm", extra='quota = "4/h"')
    shop.target("rpm", 'Website = "Note"')
    assert "4 delivered, 1 unchanged, 1 deferred" in shop.cli("run").out
    plan, saved = shop.all(
        ("plan", "--detailed-exitcode", "--format", "json"), ("plan", "--save", "rest.plan", "--out", "rest.txt")
    )
    assert (plan.code, [update["customer"] for update in plan.tree["targets"]["rpm"]["updates"]]) == (2, ["6"])
    assert plan.tree["targets"]["rpm"]["estimate"]["ends_after"] > 3000
    assert (saved.code, "1 update saved" in saved.err) == (0, True)
    assert "1 deferred" in shop.cli("apply", "rest.plan").out
    assert len(shop.sandbox.updates("rpm")) == 4
