"""Memory stays flat, and a run that finds nothing costs little more than reading the rows."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from sync.reports.forms import FORMS
from tests.journey.conftest import Place, environment

pytestmark = pytest.mark.long
FIELDS = 30
MAPS = {
    "sellercloud": 'Name = "{F1} {F2}"\nEmail = { from = "F3", via = ["trim", "lower"] }\nPhone1 = "F4"\nComments = "F5"',
    "webcommander": '[fields.customer]\nfirst_name = "F1"\nlast_name = "F2"\ncity = "F7"\naddress_line = "F8"',
}
"""The second one takes a tenth of the customers."""
PROBE = """
import os, sys, time
began = time.monotonic()
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", "sync", *sys.argv[1:]], os.environ,
                     file_actions=[(os.POSIX_SPAWN_OPEN, 1, "out.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
_, status, used = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss / 1024, time.monotonic() - began)
"""
"""A small process in between: the peak that Linux reports of a child begins with what its parent has at the time."""


def fill(path: Path, rows: int) -> None:
    words = random.Random(7)
    columns = ", ".join(f"F{number} TEXT" for number in range(1, FIELDS))
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE customers (Id INTEGER PRIMARY KEY, {columns})")
        for start in range(1, rows + 1, 1000):
            batch = [
                (key, *(f"Wört {words.randrange(10**9)} {key}" for _ in range(2, FIELDS)), "tenth" if key % 10 == 0 else "other")
                for key in range(start, min(start + 1000, rows + 1))
            ]
            database.executemany(f"INSERT INTO customers VALUES ({', '.join('?' * FIELDS)})", batch)
        database.commit()


def run(place: Place, *words: str) -> tuple[float, float]:
    """The peak memory in MB, and the seconds that it took."""
    probe = [sys.executable, "-c", PROBE, *words]
    said = subprocess.run(probe, cwd=place.folder, env=environment(), stdout=subprocess.PIPE, check=True).stdout
    code, peak, seconds = said.split()
    assert int(code) == 0, (place.folder / "out.txt").read_text(encoding="utf-8")[-2000:]
    return float(peak), float(seconds)


def peaks(place: Place, rows: int) -> dict[str, float]:
    """The peak memory of the first run, of a plan and a run of the 1 % that changed, of a run without a change, and of a plan
    in which everybody changes, as reports of all forms."""
    fill(place.folder / "crm.sqlite", rows)
    place.config(*MAPS, extra="concurrency = 16\n")
    place.target("sellercloud", MAPS["sellercloud"])
    place.target("webcommander", MAPS["webcommander"], head='id = "Id"\nwhere = { F29 = "tenth" }')
    found = {"first": run(place, "run")[0]}
    place.sql("UPDATE customers SET F1 = F1 || '!', F7 = 'Elsewhere' WHERE Id % 100 = 0")
    found["plan"] = run(place, "plan", "--format", "json")[0]
    plan = json.loads((place.folder / "out.txt").read_text(encoding="utf-8"))
    assert {name: len(target["updates"]) for name, target in plan["targets"].items()} == {
        "sellercloud": rows // 100,
        "webcommander": rows // 100,
    }
    found["changed"] = run(place, "run")[0]
    found["quiet"] = run(place, "run")[0]
    place.sql("UPDATE customers SET F1 = F1 || '?', F5 = NULL")
    found["reports"] = run(place, "plan", "--format", ",".join(FORMS), "--out", "reports", "--requests")[0]
    with (place.folder / "reports/plan.csv").open(encoding="utf-8") as lines:
        assert sum(1 for _ in lines) > rows + rows // 10
    return found


def test_memory_is_flat_in_the_number_of_customers(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    small = peaks(Place(tmp_path_factory.mktemp("small"), place.sandbox), 10_000)
    large = peaks(place, 100_000)
    assert {name: round(peak) for name, peak in large.items() if peak >= 150} == {}
    assert {name: round(peak / small[name], 2) for name, peak in large.items() if peak > 1.2 * small[name]} == {}


def gone_peaks(place: Place, rows: int) -> dict[str, float]:
    """The peak memory of a plan and a run in which a tenth of the customers is gone, and of one in which they are back."""
    fill(place.folder / "crm.sqlite", rows)
    place.config("sparklayer", extra="concurrency = 16\n")
    fields = 'first_name = "F1"\nstatus = { value = "enabled" }'
    missing = 'id = "Id"\nmissing_in_source = "deactivate"'
    place.target("sparklayer", fields, head=missing, tail='[deactivate]\nstatus = "disabled"')
    run(place, "run")
    place.sql("CREATE TABLE away AS SELECT * FROM customers WHERE Id % 10 = 0", "DELETE FROM customers WHERE Id % 10 = 0")
    found = {"plan": run(place, "plan", "--format", "json")[0], "gone": run(place, "run")[0]}
    assert statuses(place) == {"enabled": rows - rows // 10, "disabled": rows // 10}
    place.sql("INSERT INTO customers SELECT * FROM away")
    found["back"] = run(place, "run")[0]
    assert statuses(place) == {"enabled": rows}
    return found


def statuses(place: Place) -> Counter[str]:
    return Counter(held["status"] for held in place.sandbox.holds("sparklayer").values())


def test_memory_is_flat_in_the_number_of_those_who_are_gone_and_return(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    small = gone_peaks(Place(tmp_path_factory.mktemp("small"), place.sandbox), 10_000)
    large = gone_peaks(place, 100_000)
    assert {name: round(peak) for name, peak in large.items() if peak >= 150} == {}
    assert {name: round(peak / small[name], 2) for name, peak in large.items() if peak > 1.2 * small[name]} == {}


def test_a_run_that_finds_nothing_takes_at_most_twice_a_bare_select(shop: Place) -> None:
    """Less what starting the process takes, by a command that reads no rows."""
    shop.sql("DROP TABLE customers")
    fill(shop.folder / "crm.sqlite", 200_000)
    shop.config("rpm")
    shop.target("rpm", 'Website = "F1"', head='id = "Id"\nwhere = { F2 = "nobody" }')
    run(shop, "run")
    quiet = min(run(shop, "run")[1] for _ in range(3)) - min(run(shop, "status")[1] for _ in range(3))
    bare = min(select(shop.folder / "crm.sqlite") for _ in range(3))
    assert quiet <= 2 * bare


def select(path: Path) -> float:
    began = time.monotonic()
    with closing(sqlite3.connect(path)) as database:
        cursor = database.execute("SELECT * FROM customers")
        while cursor.fetchmany(1000):
            pass
    return time.monotonic() - began
