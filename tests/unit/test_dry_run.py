"""A dry run has no way to write and no way to send: by the types that it is made of, and by what it loads."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from sync.app import Proposal, propose
from sync.pipeline.courier import Courier
from sync.pipeline.feeds import Way
from sync.pipeline.lane import Lane
from sync.pipeline.planning import make_plans
from sync.pipeline.speaker import Speaker
from sync.ports import Filer, Store
from sync.stores.ledger import Ledger
from sync.stores.sqlite import Sqlite, open_forgetful, open_store

ROOT = Path(__file__).parents[2]
WRITING = Store.__abstractmethods__ - Filer.__abstractmethods__ - {"close"}
"""All that a store for real does beside what planning needs."""


def reachable(hint: Any, seen: set[Any]) -> Iterator[Any]:
    """Every type that a value of this type holds, as far down as its fields say."""
    if hint in seen:
        return
    seen.add(hint)
    yield hint
    inner = [*get_args(hint), *(get_type_hints(hint).values() if is_dataclass(hint) else ())]
    for part in inner:
        if not isinstance(part, list):
            yield from reachable(part, seen)


def test_the_state_of_a_dry_run_has_no_method_that_notes_a_send_or_an_outcome() -> None:
    assert {"intend", "settle", "drop", "forget", "stand", "retry", "spend", "log_run"} <= WRITING
    assert [name for name in WRITING if hasattr(Ledger, name)] == []
    assert [name for name in WRITING if not hasattr(Sqlite, name)] == []
    assert get_type_hints(open_forgetful)["return"] is Ledger
    assert get_type_hints(open_store)["return"] is Sqlite


def test_planning_asks_for_no_more_than_such_a_state() -> None:
    assert get_type_hints(make_plans)["store"] is Filer


def test_neither_planning_nor_what_comes_of_it_holds_a_way_to_send() -> None:
    hints = [*get_type_hints(make_plans).values(), Proposal, *get_type_hints(propose).values()]
    held = set[Any]()
    for hint in hints:
        held |= set(reachable(hint, set()))
    assert len(held) > 20
    assert held.isdisjoint({Courier, Lane, Speaker, Way, Store, Sqlite})
    assert Lane in set(reachable(Way, set()))


MAIN = """
[sources.crm]
kind = "sql"
url = "sqlite:///crm.sqlite"
table = "customers"
key = "Id"
[accounts.rpm]
vendor = "rpm"
base_url = "http://127.0.0.1:9"
key = "k"
"""
PROGRAM = """
import sys
from sync.cli import app
assert app(["plan"], standalone_mode=False) == 0
print([name for name in ("sync.wire", "aiohttp") if name in sys.modules])
"""


def test_a_plan_over_a_database_does_not_even_load_what_speaks_to_vendors(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as database:
        database.execute("CREATE TABLE customers (Id INTEGER PRIMARY KEY, Name TEXT)")
    (tmp_path / "config/targets").mkdir(parents=True)
    (tmp_path / "config/sync.toml").write_text(MAIN)
    (tmp_path / "config/targets/rpm.toml").write_text('source = "crm"\naccount = "rpm"\nid = "Id"\n[fields]\nName = "Name"\n')
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[]"
