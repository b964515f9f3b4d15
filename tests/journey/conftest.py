"""What a journey needs: the sandbox on a port of its own, and a folder with a database, a config and the installed command."""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from sync.sandbox.server import serve
from tests.accounts import PATHS, account

ROOT = Path(__file__).parents[2]
SOURCE = 'kind = "sql"\nurl = "sqlite:///crm.sqlite"\ntable = "customers"\nkey = "Id"\n'
ANSI = re.compile(r"\x1b\[")


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def tree(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


class Sandbox:
    """The four vendors, asked and told over their control address."""

    def __init__(self, url: str) -> None:
        self.url = url

    def base(self, vendor: str) -> str:
        return self.url + PATHS[vendor]

    def history(self, vendor: str | None = None) -> list[dict[str, Any]]:
        return self._call("GET", "/_sandbox/history" + (f"?vendor={vendor}" if vendor else ""))

    def updates(self, vendor: str | None = None) -> list[dict[str, Any]]:
        return [entry for entry in self.history(vendor) if entry["endpoint"] == "update"]

    def bodies(self, vendor: str) -> dict[str, Any]:
        """What was last sent of each customer."""
        return {entry["customer"]: json.loads(entry["body"]) for entry in self.updates(vendor)}

    def holds(self, vendor: str) -> dict[str, Any]:
        return self._call("GET", f"/_sandbox/customers?vendor={vendor}")

    def fault(self, **fault: Any) -> None:
        self._call("POST", "/_sandbox/faults", fault)

    def mend(self) -> None:
        self._call("DELETE", "/_sandbox/faults")

    def switch(self, **switches: Any) -> None:
        self._call("PUT", "/_sandbox/switches", {name.replace("__", "."): value for name, value in switches.items()})

    def _call(self, method: str, path: str, tree: Any = None) -> Any:
        content = None if tree is None else json.dumps(tree).encode()
        with urlopen(Request(self.url + path, content, method=method)) as reply:
            return json.loads(reply.read())


class Place:
    """A folder in which somebody works with customer-sync."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox

    def cli(self, *words: str, env: Mapping[str, str] | None = None, timeout: float = 60) -> Done:
        """Runs one command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "sync", *words],
            cwd=self.folder,
            env=environment() | dict(env or {}),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def all(self, *commands: Sequence[str]) -> list[Done]:
        """Runs several commands that change nothing, side by side."""
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda words: self.cli(*words), commands))

    def sql(self, *statements: str) -> None:
        """Somebody works in the source."""
        self._execute("crm.sqlite", statements)

    def state(self, *statements: str) -> None:
        """Something happens to the state."""
        self._execute("state.db", statements)

    def _execute(self, name: str, statements: Sequence[str]) -> None:
        with closing(sqlite3.connect(self.folder / name)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def config(self, *vendors: str, source: str = SOURCE, extra: str = "", urls: Mapping[str, str] | None = None) -> None:
        """A sync.toml with one source, and one account for each vendor, by its name; `extra` holds for every account."""
        tables = ['[state]\nurl = "sqlite:///state.db"\n', f"[sources.crm]\n{source}"]
        for vendor in vendors:
            base = (urls or {}).get(vendor) or self.sandbox.base(vendor)
            tables.append(account(vendor, base) + extra)
        self.write("config/sync.toml", "\n".join(tables))

    def target(self, vendor: str, fields: str, *, head: str = 'id = "Id"', tail: str = "", name: str = "") -> None:
        """A target on the account of that vendor."""
        text = f'source = "crm"\naccount = "{vendor}"\n{head}\n[fields]\n{fields}\n{tail}\n'
        self.write(f"config/targets/{name or vendor}.toml", text)

    def failures(self, *words: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Who is out of step, by target and customer."""
        found = self.cli("failures", "--json", *words).tree["failures"]
        return {(failure["target"], failure["customer"]): failure for failure in found}

    def files(self) -> dict[str, bytes]:
        """Every file, with its bytes."""
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


def environment() -> dict[str, str]:
    """Nothing of the caller's terminal; the package as it stands here, also from another folder."""
    kept = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "COLUMNS", "TERM"}}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


class Sandboxes:
    """A thread in which as many sandboxes run as are asked for."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stops: list[Callable[[], None]] = []

    def start(self) -> Sandbox:
        serving = serve("127.0.0.1", 0)
        running = asyncio.run_coroutine_threadsafe(serving.__aenter__(), self._loop).result(10)
        self._stops.append(
            lambda: asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), self._loop).result(10) and None
        )
        return Sandbox(running.url)

    def close(self) -> None:
        for stop in self._stops:
            stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[Sandboxes]:
    sandboxes = Sandboxes()
    yield sandboxes
    sandboxes.close()


@pytest.fixture
def place(tmp_path: Path, sandboxes: Sandboxes) -> Place:
    """An empty folder, and vendors that know nobody yet."""
    return Place(tmp_path, sandboxes.start())


@pytest.fixture
def shop(place: Place) -> Place:
    """Six customers, and no config yet."""
    place.sql(
        "CREATE TABLE customers"
        " (Id INTEGER PRIMARY KEY, Name TEXT, Email TEXT, Phone TEXT, Note TEXT, Country TEXT, Rating INTEGER)",
        "INSERT INTO customers VALUES (1, 'Zoë Ångström', 'zoe@example.org', '02 5550 0101', 'gold', 'Norway', 5)",
        "INSERT INTO customers VALUES (2, 'Jack O''Brien', 'jack@example.org', NULL, NULL, 'Ireland', 4)",
        "INSERT INTO customers VALUES (3, '李小龍', 'lee@example.org', '02 5550 0103', '\"quoted\"', 'China', NULL)",
        "INSERT INTO customers VALUES (4, 'Ana', NULL, '02 5550 0104', '', 'Brazil', 0)",
        "INSERT INTO customers VALUES (5, 'Ben', 'ben@example.org', '02 5550 0105', 'x', 'Norway', 1)",
        "INSERT INTO customers VALUES (6, 'Cid', 'cid@example.org', '02 5550 0106', 'y', NULL, 2)",
    )
    return place
