"""What people try when they are not sure: it is answered in a line, and nothing is made or changed by asking."""

import re

import pytest

from tests.journey.conftest import Place

NAME = 'Name = "Name"'


@pytest.fixture
def ready(shop: Place) -> Place:
    shop.config("rpm")
    shop.target("rpm", NAME, head='id = "Id"\nwhere = { Country = "Norway" }')
    return shop


def test_the_version_is_told(place: Place) -> None:
    done = place.cli("--version")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"customer-sync \d+\.\d+\.\d+\n", done.out)


def test_the_help_says_what_an_option_takes_and_nothing_where_it_takes_nothing(place: Place) -> None:
    commands = ("plan", "run", "status", "failures", "retry", "check", "sandbox")
    shown = [place.cli("--help").out, *(done.out for done in place.all(*((command, "--help") for command in commands)))]
    assert [text for text in shown if "<bool>" in text or "<list[changed" in text] == []
    assert "changed|rejected|held" in shown[1]


def test_the_demos_lines_are_not_broken_where_nobody_reads_them_on_a_screen(place: Place) -> None:
    lines = place.cli("demo", timeout=30).out.splitlines()
    assert [line for line in lines if line.endswith("so that is no change")]
    assert [line for line in lines if line.startswith("2. The plan of the first run") and line.endswith("customer-sync plan")]


def test_who_is_nobodys_customer_is_said_so_and_who_is_gone_is_still_explained(ready: Place) -> None:
    assert ready.cli("run").code == 0
    ready.sql("DELETE FROM customers WHERE Id = 5")
    nobody, gone, field = ready.all(("explain", "rpm", "7777"), ("explain", "rpm", "5"), ("explain", "rpm", "1", "Nmae"))
    assert (field.code, field.out, field.err) == (1, "", "rpm: the map has no field Nmae; did you mean Name?\n")
    assert (nobody.code, nobody.out) == (1, "")
    assert nobody.err == "rpm: source crm has no customer 7777, and nothing is remembered of one\n"
    assert gone.code == 0
    assert "the source has no such customer" in gone.out
    assert 'acknowledged  "Ben"' in gone.out


def test_who_is_not_out_of_step_is_not_tried_again_and_the_others_are(ready: Place) -> None:
    before = ready.files()
    early = ready.cli("retry")
    assert (early.code, early.out) == (0, "0 customers will be tried again by the next run\n")
    assert ready.files() == before
    refusal = {"Result": {"Error": {"Message": "Customer not found"}}}
    ready.sandbox.fault(vendor="rpm", fault="status", status=200, body=refusal, times=None, match={"customer": "5"})
    assert ready.cli("run").code == 3
    both = ready.cli("retry", "5", "nobody")
    assert both.code == 1
    assert both.out == "1 customer will be tried again by the next run\n"
    assert both.err.startswith("not out of step, so not to be tried again: nobody (")


def test_a_reason_that_only_repeats_the_field_is_told_once(ready: Place) -> None:
    taken = {"Result": {"Error": {"Message": "A customer with that name already exists"}}}
    ready.sandbox.fault(vendor="rpm", fault="status", status=200, body=taken, times=None, match={"customer": "5"})
    assert ready.cli("run").code == 3
    failures = ready.cli("failures", "--target", "rpm").out
    assert failures.splitlines()[2:] == ["      Name: A customer with that name already exists"]


def test_a_mistake_that_a_run_finds_leaves_no_file_behind(ready: Place) -> None:
    ready.edit("config/targets/rpm.toml", NAME, 'Name = "Nmae"')
    before = ready.files()
    run = ready.cli("run")
    assert (run.code, run.out) == (1, "")
    assert "fields.Name: source crm has no field Nmae; did you mean Name?" in run.err
    assert ready.files() == before


def test_a_source_that_is_not_there_yet_is_warned_of(ready: Place) -> None:
    ready.edit("config/sync.toml", "crm.sqlite", "nowhere.sqlite")
    check = ready.cli("check")
    assert (check.code, check.out) == (0, "config: 1 source, 1 account, 1 target: valid\n")
    assert "sources.crm: nowhere.sqlite is not there" in check.err
    ready.config("rpm", source='kind = "file"\npath = "nowhere.csv"\nkey = "Id"\n')
    check = ready.cli("check")
    assert (check.code, "sources.crm: nowhere.csv is not there" in check.err) == (0, True)


def test_who_leaves_a_target_is_counted_by_the_plan_and_by_the_run_and_told_once(ready: Place) -> None:
    assert ready.cli("run").code == 0
    ready.sql("UPDATE customers SET Country = 'Sweden' WHERE Id = 5", "UPDATE customers SET Country = 'Chile' WHERE Id = 4")
    plan = ready.cli("plan", "--format", "json").tree["targets"]["rpm"]
    run = ready.cli("run", "--json")
    again = ready.cli("plan", "--format", "json").tree["targets"]["rpm"]
    assert plan["left"] == [{"customer": "5", "reason": "no longer chosen by where or without_id"}]
    assert (run.code, run.tree["targets"]) == (0, {"rpm": {"left": 1}})
    assert again["left"] == []


def test_a_maps_tests_are_tried_by_check_and_one_that_fails_shows_the_fields_that_differ(ready: Place) -> None:
    test = '\n[[tests]]\nname = "as it is"\ngiven = { Country = "Norway", Name = "Zoë" }\nexpect = { Name = "Zoe" }\n'
    ready.write("config/targets/rpm.toml", (ready.folder / "config/targets/rpm.toml").read_text(encoding="utf-8") + test)
    failing = ready.cli("check")
    ready.edit("config/targets/rpm.toml", '"Zoe"', '"Zoë"')
    passing = ready.cli("check")
    assert (failing.code, failing.out) == (1, "")
    assert failing.err.splitlines() == [
        'config/targets/rpm.toml: tests[0] "as it is" fails',
        "  Name",
        '    expected  "Zoe"',
        "                 ^",
        '    got       "Zoë"',
        "                 ^",
        "config: 1 of 1 map test failed",
    ]
    assert (passing.code, passing.out) == (0, "config: 1 source, 1 account, 1 target, 1 map test: valid\n")
