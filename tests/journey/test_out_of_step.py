"""Bad customers, bad vendors, bad luck: the others go on, whoever is not in step is listed until it is, and nothing is lost."""

import json
import re
from collections import Counter

from sync.failpoints import EXIT_CODE
from tests.journey.conftest import SOURCE, Place

NOWHERE = "http://127.0.0.1:9/nobody"
SOON = 'retry = { attempts = 2, backoff = "10ms" }\nbreaker = { cooldown = "20ms", probes = 1 }\ntimeout = "400ms"\n'
NAME = 'Name = "Name"'
STAMP = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_what_one_customer_or_vendor_cannot_do_never_stops_the_others_and_is_made_good_later(shop: Place) -> None:
    vendors = ("sellercloud", "rpm", "sparklayer", "webcommander")
    shop.config(*vendors, extra=SOON, urls={"sparklayer": NOWHERE})
    shop.target("sellercloud", NAME + '\nEmail = { from = "Email", when_null = "reject" }')
    shop.target("rpm", NAME)
    shop.target("sparklayer", 'first_name = "Name"')
    shop.target("webcommander", '[fields.customer]\nfirst_name = "Name"')
    refusal = {"Message": "The request is invalid.", "ModelState": {"request.Name": ["Names must be in Latin letters"]}}
    shop.sandbox.fault(vendor="sellercloud", fault="status", status=400, body=refusal, times=None, match={"customer": "3"})
    shop.sandbox.fault(vendor="rpm", fault="status", status=503, times=None)
    shop.sandbox.fault(vendor="webcommander", fault="hang", seconds=60, times=None)

    first = shop.cli("run")

    assert first.code == 3
    assert first.err == ""
    assert sorted(shop.sandbox.holds("sellercloud")) == ["1", "2", "5", "6"]
    found = shop.failures()
    assert {key: failure["outcome"] for key, failure in found.items()} == {
        ("sellercloud", "3"): "rejected",
        ("sellercloud", "4"): "rejected",
        **{("rpm", str(key)): "deferred" for key in range(1, 7)},
        **{("sparklayer", str(key)): "deferred" for key in range(1, 7)},
        **{("webcommander", str(key)): found["webcommander", str(key)]["outcome"] for key in range(1, 7)},
    }
    assert {found["webcommander", str(key)]["outcome"] for key in range(1, 7)} <= {"unknown", "deferred"}
    assert found["webcommander", "1"]["outcome"] == "unknown"
    for failure in found.values():
        assert set(failure) - {"due"} == {"target", "customer", "outcome", "reason", "errors", "attempts", "since"}
        assert STAMP.fullmatch(failure["since"])
        assert failure["reason"]
    refused, misfit = found["sellercloud", "3"], found["sellercloud", "4"]
    assert refused["errors"] == [{"field": "Name", "message": "Names must be in Latin letters"}]
    assert (refused["attempts"], misfit["attempts"]) == (1, 0)
    assert [error["field"] for error in misfit["errors"]] == ["Email"]
    assert "503" in found["rpm", "1"]["reason"]

    shop.sandbox.mend()
    shop.edit("config/sync.toml", NOWHERE, shop.sandbox.base("sparklayer"))
    asked = len(shop.sandbox.updates("sellercloud"))
    second = shop.cli("run")

    assert second.code == 3
    assert [len(shop.sandbox.holds(vendor)) for vendor in ("rpm", "sparklayer", "webcommander")] == [6, 6, 6]
    assert len(shop.sandbox.updates("sellercloud")) == asked
    assert sorted(shop.failures()) == [("sellercloud", "3"), ("sellercloud", "4")]

    shop.sql("UPDATE customers SET Email = 'ana@example.org' WHERE Id = 4")
    asked = len(shop.sandbox.updates())
    again = shop.cli("retry", "--target", "sellercloud", "3", "--json")
    third = shop.cli("run")

    assert again.tree == {"format": 1, "waiting": 1}
    assert third.code == 0
    assert sorted((entry["vendor"], entry["customer"]) for entry in shop.sandbox.updates()[asked:]) == [
        ("sellercloud", "3"), ("sellercloud", "4"),
    ]  # fmt: skip
    assert shop.failures() == {}


def test_a_refused_customer_is_tried_again_when_it_or_the_map_changes_and_not_before(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", NAME)
    refusal = {"Result": {"Error": {"Message": "Customer not found"}}}
    shop.sandbox.fault(vendor="rpm", fault="status", status=200, body=refusal, times=None, match={"customer": "2"})
    runs = [shop.cli("run"), shop.cli("run")]
    assert [run.code for run in runs] == [3, 3]
    assert [entry["customer"] for entry in shop.sandbox.updates()].count("2") == 1
    assert [run.out.count("rejected  customer 2") for run in runs] == [1, 1]
    assert "Customer not found" in runs[1].out

    shop.write("config/targets/rpm.toml", (shop.folder / "config/targets/rpm.toml").read_text() + '\nWebsite = "Note"\n')
    shop.cli("run")
    assert [entry["customer"] for entry in shop.sandbox.updates()].count("2") == 2

    shop.sql("UPDATE customers SET Name = 'Jack Sparrow' WHERE Id = 2")
    shop.sandbox.mend()
    assert shop.cli("run").code == 0
    assert shop.sandbox.holds("rpm")["2"]["Name"] == "Jack Sparrow"


def test_after_a_lost_reply_the_old_value_is_sent_again_although_nothing_differs(shop: Place) -> None:
    """The source says A, then B whose reply is lost, then A again: the vendor holds B, so A has to go."""
    shop.config("sellercloud", extra=SOON)
    shop.target("sellercloud", NAME + '\nPhone1 = "Phone"')
    assert shop.cli("run").code == 0
    shop.sql("UPDATE customers SET Name = 'B' WHERE Id = 1")
    shop.sandbox.fault(vendor="sellercloud", fault="drop_after", times=None, match={"customer": "1"})
    lost = shop.cli("run")
    assert (lost.code, lost.out.count("unknown  customer 1")) == (3, 1)
    assert shop.sandbox.holds("sellercloud")["1"]["Name"] == "B"
    shop.sandbox.mend()
    shop.sql("UPDATE customers SET Name = 'Zoë Ångström' WHERE Id = 1")

    plan = shop.cli("plan", "--format", "json").tree["targets"]["sellercloud"]
    assert [update["changes"] for update in plan["updates"]] == [
        [{"field": "Name", "before": {"unknown": True}, "after": "Zoë Ångström", "from": ["Name"]}]
    ]
    assert shop.cli("run").code == 0
    assert shop.sandbox.holds("sellercloud")["1"]["Name"] == "Zoë Ångström"


def test_a_run_that_was_killed_is_told_as_one_before_the_next_run(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", 'Website = "Note"')
    killed = shop.cli("run", env={"CUSTOMER_SYNC_FAILPOINT": "after_reply"})
    assert killed.code == EXIT_CODE
    text, tree, failures = shop.all(("status",), ("status", "--json"), ("failures", "--json"))
    unknown = [failure["customer"] for failure in failures.tree["failures"] if failure["outcome"] == "unknown"]
    assert unknown
    assert tree.tree["targets"]["rpm"]["unknown"] == len(unknown)
    assert [run["interrupted"] for run in tree.tree["runs"]] == [True]
    assert "interrupted" in text.out
    assert "under way" not in text.out
    assert shop.cli("run").code == 0
    assert "unknown" not in shop.cli("status").out


def test_whoever_was_put_off_and_then_in_flight_when_a_run_was_killed_is_counted_once(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", 'Website = "Note"')
    shop.sandbox.fault(vendor="rpm", fault="status", status=503, times=None)
    shop.cli("run")
    shop.sandbox.mend()
    assert shop.cli("run", env={"CUSTOMER_SYNC_FAILPOINT": "after_reply"}).code == EXIT_CODE
    standing, failures = shop.all(("status", "--json"), ("failures", "--json"))
    counts = Counter(failure["outcome"] for failure in failures.tree["failures"])
    told = standing.tree["targets"]["rpm"]
    assert counts["unknown"] > 0
    assert (told["deferred"], told["unknown"]) == (counts["deferred"], counts["unknown"])


def test_refused_credentials_stop_their_account_alone_and_never_show_a_secret(shop: Place) -> None:
    shop.config("sellercloud", "rpm")
    shop.target("sellercloud", NAME)
    shop.target("rpm", NAME)
    shop.edit("config/sync.toml", 'password = "sandbox-password"', 'password = { env = "SC_PASSWORD" }')
    env = {"SC_PASSWORD": "hunter2-hunter2"}
    echo = {"Message": "Sorry, invalid username or password hunter2-hunter2"}
    shop.sandbox.fault(vendor="sellercloud", fault="status", status=400, body=echo, times=None, match={"endpoint": "token"})

    online = shop.cli("check", "--online", env=env)
    run = shop.cli("run", "--log-level", "debug", env=env)
    failures = shop.cli("failures", "--json", env=env)

    assert (online.code, run.code) == (1, 1)
    assert "accounts.sellercloud: " in online.err
    assert "accounts.rpm" in online.out
    assert "accounts.sellercloud: " in run.err
    assert len(shop.sandbox.holds("rpm")) == 6
    assert shop.sandbox.updates("sellercloud") == []
    assert {(failure["target"], failure["outcome"]) for failure in failures.tree["failures"]} == {("sellercloud", "deferred")}
    assert len(failures.tree["failures"]) == 6
    said = [online.out, online.err, run.out, run.err, failures.out]
    kept = [content for name, content in shop.files().items() if name.startswith("state.db")]
    assert [text for text in said if "hunter2" in text] == []
    assert [content for content in kept if b"hunter2" in content] == []


def test_a_customers_password_reaches_its_vendor_and_nothing_else(shop: Place) -> None:
    shop.config("webcommander")
    shop.target("webcommander", '[fields.customer]\nfirst_name = "Name"\npassword = { from = "Note", when_null = "keep" }')
    shop.sql(
        "UPDATE customers SET Note = 'correct-horse' WHERE Id = 1", "UPDATE customers SET Note = 'battery-staple' WHERE Id = 5"
    )
    echo = {"message": "correct-horse is too short", "errors": [{"field": "customer.password", "message": "correct-horse"}]}
    shop.sandbox.fault(vendor="webcommander", fault="status", status=400, body=echo, times=None, match={"customer": "1"})

    plan, text = shop.all(("plan", "--format", "json"), ("plan", "--requests"))
    run = shop.cli("run", "--log-level", "debug")
    failures = shop.cli("failures", "--json")

    one = next(update for update in plan.tree["targets"]["webcommander"]["updates"] if update["customer"] == "1")
    assert next(change for change in one["changes"] if change["field"] == "customer.password")["after"] == "***"
    assert one["requests"][0]["body"]["customer"]["password"] == "***"
    assert failures.tree["failures"][0]["errors"] == [{"field": "customer.password", "message": "***"}]
    for said in (plan.out, text.out, run.out, run.err, failures.out):
        assert "correct-horse" not in said
        assert "battery-staple" not in said
    for name, content in shop.files().items():
        assert name == "crm.sqlite" or (b"correct-horse" not in content and b"battery-staple" not in content)
    shop.sql("UPDATE customers SET Note = 'new-password' WHERE Id = 5")
    assert shop.cli("run").code == 3
    assert json.loads(shop.sandbox.updates("webcommander")[-1]["body"]) == {"customer": {"password": "***"}}


def test_a_state_that_cannot_be_used_is_one_line_and_nothing_is_sent(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", NAME)
    shop.write("state.db", "this is no database, and it is longer than a header of one would be" * 20)
    plan, run, status = shop.all(("plan",), ("run",), ("status",))
    assert [(done.code, done.out, len(done.err.splitlines())) for done in (plan, run, status)] == [(1, "", 1)] * 3
    assert shop.sandbox.history() == []


def test_a_state_that_fails_in_the_middle_is_one_line_and_what_was_sent_is_unknown(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", NAME)
    assert shop.cli("run").code == 0
    shop.sql("UPDATE customers SET Name = 'B' WHERE Id = 1")
    shop.state("CREATE TRIGGER full BEFORE INSERT ON baselines BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    run = shop.cli("run")
    assert (run.code, run.out, len(run.err.splitlines())) == (1, "", 1)
    assert "the disk is full" in run.err
    shop.state("DROP TRIGGER full")
    assert shop.failures()["rpm", "1"]["outcome"] == "unknown"
    assert shop.cli("run").code == 0
    assert shop.sandbox.holds("rpm")["1"]["Name"] == "B"


def test_a_row_without_a_key_or_with_a_text_that_is_none_stops_nobody_else(shop: Place) -> None:
    source = 'kind = "sql"\nurl = "sqlite:///crm.sqlite"\nkey = "Id"\n'
    query = 'query = "SELECT CASE Id WHEN 2 THEN NULL ELSE Id END AS Id, Name FROM customers"\n'
    shop.config("rpm", source=source + query)
    shop.target("rpm", NAME)
    shop.sql("UPDATE customers SET Name = CAST(x'ff4a61636b' AS TEXT) WHERE Id = 3")

    run = shop.cli("run")

    assert sorted(shop.sandbox.holds("rpm")) == ["1", "4", "5", "6"]
    assert run.code != 0
    assert "1 of 6 rows have no key" in run.err
    assert "Jack" not in run.out + run.err
    assert {key: failure["outcome"] for key, failure in shop.failures().items()} == {("rpm", "3"): "rejected"}


def test_an_id_that_cannot_be_one_stops_nobody_else(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", NAME, head='id = "Email"')
    shop.sql("UPDATE customers SET Email = Id", "UPDATE customers SET Email = '99999999999999999999' WHERE Id = 3")
    run = shop.cli("run")
    assert (run.code, run.err) == (3, "")
    assert list(shop.failures()) == [("rpm", "3")]
    assert sorted(shop.sandbox.holds("rpm")) == ["1", "2", "4", "5", "6"]


def test_a_source_that_cannot_be_read_stops_what_it_feeds_alone_in_a_plan_too(shop: Place) -> None:
    shop.config("rpm", "sellercloud")
    shop.target("rpm", NAME)
    shop.edit(
        "config/sync.toml", "[accounts.rpm]", f"[sources.away]\n{SOURCE.replace('crm.sqlite', 'away.sqlite')}\n[accounts.rpm]"
    )
    shop.write("config/targets/away.toml", f'source = "away"\naccount = "sellercloud"\nid = "Id"\n[fields]\n{NAME}\n')

    plan, run = shop.cli("plan", "--format", "json"), shop.cli("run")

    assert (plan.code, run.code) == (1, 1)
    assert (plan.err, run.err) == ("sources.away: away.sqlite is not there\n",) * 2
    assert len(shop.sandbox.holds("rpm")) == 6
    assert len(plan.tree["targets"]["rpm"]["updates"]) == 6
