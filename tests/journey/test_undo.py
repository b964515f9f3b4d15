"""A run that should not have been: the vendors are brought back to what they held before it, and nobody fights that."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.accounts import VENDORS
from tests.journey.conftest import Done, Place, Sandboxes

FIELDS = {
    "sellercloud": 'Name = "Name"\nEmail = "Email"\nPhone1 = { from = "Phone", when_null = "clear" }',
    "rpm": 'Name = "Name"\n[fields.Fields]\nNote = "Note"',
    "webcommander": '[fields.customer]\nfirst_name = "Name"\nemail = "Email"',
    "sparklayer": 'first_name = "Name"\nemail = "Email"\n[fields.metadata]\nnote = "Note"',
}
BAD = "UPDATE customers SET Name = Name || '!', Email = 'x' || Email, Phone = NULL, Note = Note || '?' WHERE Id <= 4"


def set_up(place: Place) -> None:
    place.sql(
        "CREATE TABLE customers (Id INTEGER PRIMARY KEY, Name TEXT, Email TEXT, Phone TEXT, Note TEXT)",
        "INSERT INTO customers VALUES (1, 'Zoë Ångström', 'zoe@example.org', '02 5550 0101', 'gold')",
        "INSERT INTO customers VALUES (2, 'Jack O''Brien', 'jack@example.org', NULL, 'a \"quoted\" note')",
        "INSERT INTO customers VALUES (3, '李小龍', 'lee@example.org', '02 5550 0103', 'x')",
        "INSERT INTO customers VALUES (4, 'Ana', 'ana@example.org', '02 5550 0104', 'y')",
        "INSERT INTO customers VALUES (5, 'Ben', 'ben@example.org', '02 5550 0105', 'z')",
    )
    place.config(*VENDORS)
    for vendor, fields in FIELDS.items():
        place.target(vendor, fields)


def holds(place: Place) -> dict[str, Any]:
    return {vendor: place.sandbox.holds(vendor) for vendor in VENDORS}


def counts(done: Done) -> dict[str, dict[str, int]]:
    targets: dict[str, dict[str, int]] = done.tree["targets"]
    return targets


def undo(place: Place, run: str) -> Done:
    """Puts back what a run changed, by way of a file; how the delivery went."""
    saved = place.cli("undo", run, "--save", "undo.plan")
    assert saved.code in {0, 3}, saved.err
    return place.cli("apply", "undo.plan", "--json")


@dataclass(slots=True)
class Story:
    """What every command said, in the order in which they were given, and what the vendors held and had received by then."""

    place: Place
    first: str
    bad: str
    before: dict[str, Any]
    spoiled: dict[str, Any]
    shown: Done
    as_json: Done
    saved: Done
    asked: int
    applied: Done
    sent: list[dict[str, Any]]
    after: dict[str, Any]
    again: Done
    next: Done
    next_sent: int
    status: Done
    status_text: Done
    failures: Done
    explained: Done


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, sandboxes: Sandboxes) -> Story:
    place = Place(tmp_path_factory.mktemp("undo"), sandboxes.start())
    set_up(place)
    first = place.cli("run", "--json").tree["run"]
    before = holds(place)
    place.sql(BAD)
    bad = place.cli("run", "--json").tree["run"]
    spoiled, asked = holds(place), len(place.sandbox.history())
    shown, as_json = place.all(("undo", bad), ("undo", bad, "--format", "json"))
    saved = place.cli("undo", bad, "--save", "undo.plan")
    looked = len(place.sandbox.history()) - asked
    applied = place.cli("apply", "undo.plan", "--json")
    sent = place.sandbox.updates()[-4 * 4 :]
    after = holds(place)
    again = place.cli("apply", "undo.plan")
    count = len(place.sandbox.updates())
    following = place.cli("run", "--json")
    looks = place.all(("status", "--json"), ("status",), ("failures", "--json"), ("explain", "sellercloud", "1", "Email"))
    return Story(
        place, first, bad, before, spoiled, shown, as_json, saved, looked, applied, sent, after, again, following,
        len(place.sandbox.updates()) - count, *looks,
    )  # fmt: skip


def test_an_undo_is_a_report_that_sends_nothing_and_says_how_to_go_on(story: Story) -> None:
    assert (story.shown.code, story.asked) == (0, 0)
    assert f"undo of {story.bad}" in story.shown.out
    assert '"xzoe@example.org" -> "zoe@example.org"' in story.shown.out
    assert story.shown.err.startswith("Nothing has been sent. To put it back: ")
    assert story.saved.err == "16 updates saved: customer-sync apply undo.plan\n"


def test_the_vendors_hold_what_they_held_before(story: Story) -> None:
    assert story.spoiled != story.before
    assert story.applied.code == 0
    assert counts(story.applied) == {vendor: {"delivered": 4} for vendor in VENDORS}
    assert story.after == story.before


def test_what_an_undo_shows_is_byte_for_byte_what_is_sent(story: Story) -> None:
    shown = {
        (request["method"], request["url"].removeprefix(story.place.sandbox.url), json.dumps(request["body"]))
        for target in story.as_json.tree["targets"].values()
        for update in target["updates"]
        for request in update["requests"]
    }
    for entry in story.sent:
        assert f'"body":{entry["body"]}}}' in story.as_json.out
    assert {(entry["method"], entry["path"], json.dumps(json.loads(entry["body"]))) for entry in story.sent} == shown
    assert len(shown) == 16


def test_an_undo_is_applied_once(story: Story) -> None:
    assert story.again.code == 1
    assert "has been applied already" in story.again.err


def test_the_next_run_does_not_fight_it(story: Story) -> None:
    assert (story.next.code, story.next_sent) == (0, 0)


def test_status_says_how_many_are_undone_and_lists_the_last_runs(story: Story) -> None:
    status = story.status.tree
    assert {name: target["undone"] for name, target in status["targets"].items()} == dict.fromkeys(VENDORS, 4)
    runs = status["runs"]
    assert [run["run"] for run in runs[2:]] == [story.bad, story.first]
    assert (runs[1]["undoes"], counts(story.applied)) == (story.bad, runs[1]["targets"])
    assert [run["ended"] is None for run in runs] == [False] * 4
    assert "5 known, 0 waiting; 4 undone" in story.status_text.out
    assert f"{runs[1]['run']}  undo of {story.bad}; rpm 4 delivered" in story.status_text.out


def test_who_is_undone_is_listed_and_explained(story: Story) -> None:
    failures = story.failures.tree["failures"]
    undoing = story.applied.tree["run"]
    assert {(failure["outcome"], failure["reason"]) for failure in failures} == {
        ("undone", f"put back by run {undoing}; stays so until the customer changes at the source")
    }
    assert len(failures) == 16
    assert 'source        Email = "xzoe@example.org"' in story.explained.out
    assert 'record        "zoe@example.org"' in story.explained.out
    assert "nothing to send" in story.explained.out


@pytest.fixture
def undone(place: Place) -> tuple[Place, str]:
    """A bad run that was put back; the name of the undo."""
    set_up(place)
    place.config("sellercloud")
    for vendor in VENDORS[:1] + VENDORS[2:]:
        if vendor != "sellercloud":
            (place.folder / f"config/targets/{vendor}.toml").unlink()
    place.cli("run")
    place.sql(BAD)
    done = undo(place, place.cli("run", "--json").tree["run"])
    return place, done.tree["run"]


def test_it_stays_undone_until_the_customer_changes_also_under_another_map(undone: tuple[Place, str]) -> None:
    place, _ = undone
    place.edit("config/targets/sellercloud.toml", 'Name = "Name"', 'Name = "Name"\nComments = "Note"')
    sent = len(place.sandbox.updates())
    place.cli("run")
    assert place.sandbox.bodies("sellercloud")["1"] == {"Comments": "gold?"}
    assert len(place.sandbox.updates()) - sent == 5
    place.sql("UPDATE customers SET Note = 'new' WHERE Id = 1")
    place.cli("run")
    assert len(place.sandbox.updates()) - sent == 6
    everything = {"Comments": "new", "Email": "xzoe@example.org", "Name": "Zoë Ångström!", "Phone1": ""}
    assert place.sandbox.bodies("sellercloud")["1"] == everything
    assert place.cli("status", "--json").tree["targets"]["sellercloud"]["undone"] == 3


def test_an_undo_is_undone_like_any_other_run(undone: tuple[Place, str]) -> None:
    place, run = undone
    assert counts(undo(place, run)) == {"sellercloud": {"delivered": 4}}
    assert place.sandbox.holds("sellercloud")["1"]["Email"] == "xzoe@example.org"
    assert place.cli("status", "--json").tree["targets"]["sellercloud"]["undone"] == 0
    sent = len(place.sandbox.updates())
    assert place.cli("run").code == 0
    assert len(place.sandbox.updates()) == sent


def test_what_has_moved_on_between_saving_and_applying_is_dropped(undone: tuple[Place, str]) -> None:
    place, run = undone
    place.cli("undo", run, "--save", "undo.plan")
    place.sql("UPDATE customers SET Email = 'newer@example.org' WHERE Id = 2")
    sent = len(place.sandbox.updates())
    done = place.cli("apply", "undo.plan", "--json")
    assert [(one["customer"], one["fields"]) for one in done.tree["dropped"]] == [("2", ["Email"])]
    bodies = [json.loads(entry["body"]) for entry in place.sandbox.updates()[sent:]]
    assert {"Name": "Jack O'Brien!"} in bodies
    place.cli("run")
    assert place.sandbox.holds("sellercloud")["2"]["Email"] == "newer@example.org"


def test_what_is_not_known_is_listed_as_not_restorable(undone: tuple[Place, str]) -> None:
    place, _ = undone
    first = place.cli("status", "--json").tree["runs"][-1]["run"]
    place.sql("UPDATE customers SET Email = 'newer@example.org' WHERE Id = 5")
    done = place.cli("undo", first, "--format", "json")
    assert done.code == 3
    target = done.tree["targets"]["sellercloud"]
    assert target["updates"] == []
    told = {error["message"] for rejection in target["rejected"] for error in rejection["errors"]}
    assert told == {"not restorable: what was there before is not known"}
    assert [rejection["customer"] for rejection in target["rejected"]] == ["1", "2", "3", "4", "5"]


def test_a_run_that_nobody_knows_cannot_be_undone(undone: tuple[Place, str]) -> None:
    place, run = undone
    typo = place.cli("undo", run[:-1] + "x")
    assert (typo.code, typo.out) == (1, "")
    assert typo.err == f"there is no run {run[:-1]}x; did you mean {run}?\n"
    other = place.cli("undo", "yesterday")
    assert other.code == 1
    assert other.err.startswith(f"there is no run yesterday; the last runs: {run}, ")


def test_an_undo_that_dies_amid_its_delivery_is_taken_up_by_the_next_run(place: Place) -> None:
    set_up(place)
    assert place.cli("run").code == 0
    before = holds(place)
    place.sql(BAD)
    bad = place.cli("run", "--json").tree["run"]
    place.cli("undo", bad, "--save", "undo.plan")
    assert place.cli("apply", "undo.plan", env={"CUSTOMER_SYNC_FAILPOINT": "after_reply:7"}).code == 86
    interrupted = place.cli("status", "--json").tree["runs"][0]
    assert (interrupted["undoes"], interrupted["ended"]) == (bad, None)
    assert place.cli("run").code == 0
    assert holds(place) == before
    sent = len(place.sandbox.updates())
    assert place.cli("run").code == 0
    assert len(place.sandbox.updates()) == sent
    nothing = place.cli("undo", bad, "--format", "json").tree["targets"]
    assert {name: (target["updates"], target["rejected"]) for name, target in nothing.items()} == {
        vendor: ([], []) for vendor in VENDORS
    }
