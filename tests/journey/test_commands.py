"""The commands as somebody meets them who has just installed the package."""

import json
import re
import signal
import subprocess
import sys
import time
from urllib.request import urlopen

from tests.accounts import VENDORS
from tests.journey.conftest import ANSI, Place, environment

COMMANDS = (
    *("init", "check", "plan", "undo", "apply", "run", "serve", "alert", "status"),
    *("failures", "retry", "release", "explain", "sandbox", "demo", "schema"),
)


def test_every_command_tells_what_it_does_with_an_example(place: Place) -> None:
    every, *each = place.all(("--help",), *((command, "--help") for command in COMMANDS))
    assert [command for command in COMMANDS if command not in every.out] == []
    for command, done in zip(COMMANDS, each, strict=True):
        assert done.code == 0
        assert f"Example: customer-sync {command}" in done.out
        assert not ANSI.search(done.out)


def test_an_argument_is_called_by_its_word_and_not_by_a_type(place: Place) -> None:
    told = {command: done.out for command, done in zip(COMMANDS, place.all(*((one, "--help") for one in COMMANDS)), strict=True)}
    assert {command for command, out in told.items() if re.search(r"<[^|>]+>", out)} == set()


def test_help_names_the_tables_of_the_config_that_it_is_about(place: Place) -> None:
    alert, serve, release = place.all(("alert", "--help"), ("serve", "--help"), ("release", "--help"))
    assert "[alerts]" in alert.out
    assert "[service]" in serve.out
    assert "[gates]" in release.out


def test_help_loads_nothing_that_only_work_needs(place: Place) -> None:
    done = place.cli("--help", env={"PYTHONPROFILEIMPORTTIME": "1"})
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert "sync.cli.plans" in loaded
    assert loaded.isdisjoint({"pydantic", "aiohttp", "sqlite3", "sync.app", "sync.settings", "sync.pipeline", "sync.reports"})


def test_the_shell_can_complete_commands(place: Place) -> None:
    shown = place.cli("--show-completion", "bash", env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert shown.code == 0
    assert "COMP_WORDS" in shown.out


def test_a_written_config_is_valid_and_is_not_written_over(place: Place) -> None:
    first = place.cli("init", "config")
    files = place.files()
    check, again = place.all(("check",), ("init", "config"))
    assert first.code == 0
    assert sorted(files) == ["config/sync.toml", *(f"config/targets/{vendor}.toml" for vendor in VENDORS)]
    assert check.code == 0
    assert "valid" in check.out
    assert again.code == 1
    assert "is there already" in again.err
    assert place.files() == files


def test_schemas_are_json_schema_of_what_is_written(place: Place) -> None:
    sync, target, *vendors = (
        done.tree for done in place.all(*(("schema", what) for what in ("sync", "target", "rpm", "sparklayer")))
    )
    assert set(sync["properties"]) >= {"state", "sources", "accounts"}
    assert set(target["properties"]) >= {"source", "account", "id", "without_id", "where", "every", "fields", "gates"}
    named = [name for vendor in vendors for name in vendor["properties"]]
    assert {"Fields", "metadata"} <= set(named)
    assert all(tree["type"] == "object" for tree in (sync, target, *vendors))


def test_the_demo_ends_by_itself_and_leaves_its_files(place: Place) -> None:
    began = time.monotonic()
    demo = place.cli("demo", timeout=30)
    assert time.monotonic() - began < 30
    assert (demo.code, demo.err) == (0, "")
    assert not ANSI.search(demo.out)
    story, last = demo.out.split("7. The third run")
    assert last.count("nothing to send") == 4
    assert '"Jack Thompson" -> "Jack Thompson-Rees"' in story
    assert "PUT http://" in story
    assert '{"Name":"Jack Thompson-Rees"}' in story
    assert '{"Comments":""}' in story
    assert set(place.files()) >= {
        "var/demo/customers.sqlite", "var/demo/customer-sync.db", "var/demo/config/sync.toml",
        *(f"var/demo/config/targets/{vendor}.toml" for vendor in VENDORS),
    }  # fmt: skip
    status = place.cli("status", "--config", "var/demo/config")
    assert (status.code, status.out.count("80 known, 0 waiting")) == (0, 2)
    assert place.cli("demo").code == 0


def test_the_demo_takes_nothing_away_that_is_not_its_own(place: Place) -> None:
    place.write("precious/letters.txt", "dear")
    demo = place.cli("demo", "precious")
    assert (demo.code, demo.out, len(demo.err.splitlines())) == (1, "", 1)
    assert place.files() == {"precious/letters.txt": b"dear"}


def test_the_sandbox_serves_until_it_is_asked_to_end(place: Place) -> None:
    command = [sys.executable, "-m", "sync", "sandbox", "--port", "0"]
    with subprocess.Popen(
        command, cwd=place.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        said = process.stdout.readline()
        url = re.search(r"http://[\d.:]+", said)
        assert url
        with urlopen(url[0]) as page, urlopen(f"{url[0]}/_sandbox/history") as history:
            assert "<html" in page.read().decode().lower()
            assert json.load(history) == []
        taken = place.cli("sandbox", "--port", url[0].rpartition(":")[2])
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert taken.code == 1
    assert "name another --port" in taken.err
    assert len(taken.err.splitlines()) == 1


def test_a_port_that_is_none_is_not_taken_for_another(place: Place) -> None:
    done = place.cli("sandbox", "--port", "70000", timeout=20)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "65535" in done.err


def test_what_is_printed_is_utf_8_whatever_the_locale_says(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", 'Name = "Name"')
    ascii_only = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for words in (("plan",), ("plan", "--format", "json"), ("plan", "--format", "csv"), ("explain", "rpm", "3")):
        done = shop.cli(*words, env=ascii_only)
        assert (done.code, done.err) == (0, "")
        assert "李小龍" in done.out


def test_a_stream_that_is_closed_or_full_is_no_crash(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", 'Name = "Name"')

    def told(redirected: str) -> tuple[int, str]:
        line = f'"{sys.executable}" -m sync run {redirected}'
        done = subprocess.run(line, shell=True, cwd=shop.folder, env=environment(), stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stderr.decode()

    assert told("<&- >&-") == (0, "")
    assert len(shop.sandbox.updates("rpm")) == 6
    assert told(">/dev/full") == (1, "standard output: No space left on device\n")


def test_a_folder_that_cannot_be_made_is_one_line(place: Place) -> None:
    place.write("letters", "dear")
    for done in place.all(("demo", "letters/demo"), ("init", "letters/config")):
        assert (done.code, len(done.err.splitlines())) == (1, 1)
        assert done.err.endswith(": Not a directory\n")


def test_nothing_has_run_yet_is_said_and_is_no_mistake(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", 'Name = "Name"')
    before = shop.files()
    status, failures, tree = shop.all(("status",), ("failures",), ("status", "--json"))
    assert (status.code, failures.code) == (0, 0)
    assert "nothing has run" in status.out
    assert "in step" not in failures.out
    assert tree.tree["written"] is None
    assert shop.files() == before


def test_a_report_can_be_written_to_files(shop: Place) -> None:
    shop.config("rpm")
    shop.target("rpm", 'Name = "Name"')
    one, several = shop.all(
        ("plan", "--format", "json", "--out", "plan.json"), ("plan", "--format", "text,json", "--out", "reports")
    )
    assert (one.code, one.out, several.code, several.out) == (0, "", 0, "")
    files = shop.files()
    assert json.loads(files["plan.json"])["targets"]["rpm"]["estimate"]["requests"] == 6
    assert sorted(name for name in files if name.startswith("reports/")) == ["reports/plan.json", "reports/plan.txt"]
