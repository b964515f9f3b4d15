"""A folder -> the whole story in it: plan, run, change, plan, run, and nothing left to send."""

import csv
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from rich.console import Console

from sync import app
from sync.errors import SyncError
from sync.log import Redactor, configure
from sync.model import TargetPlan
from sync.reports.listings import run_text
from sync.reports.text import Text, TextPolicy
from sync.sandbox.server import serve
from sync.settings import Settings, load

SANDBOX = "http://127.0.0.1:8900"
TYPES = {"CustomerId": "INTEGER PRIMARY KEY", "CreditLimit": "DECIMAL(10,2)", "Discount": "DECIMAL(5,2)", "Wholesale": "BOOLEAN"}
TYPES |= {"Rating": "INTEGER", "Newsletter": "BOOLEAN"}
CHANGES = (
    ("Siobhan O'Brien moves to another phone", "Phone = '(02) 5550 0199' WHERE CustomerId = 1"),
    ("Jack Thompson marries and becomes Jack Thompson-Rees", "LastName = 'Thompson-Rees' WHERE CustomerId = 2"),
    ("Zoë Papadopoulos gets a higher credit limit", "CreditLimit = 900.00 WHERE CustomerId = 3"),
    ("a note on Liam Nguyen is deleted, and his discount grows", "Notes = NULL, Discount = 7.5 WHERE CustomerId = 4"),
    (
        "somebody writes an e-mail address in capitals: the map lowers it, so that is no change",
        "Email = upper(Email) WHERE CustomerId = 5",
    ),
)


async def tell(directory: Path) -> None:
    """Tells it on standard output; the files stay in the folder."""
    configure(Redactor(), level="error", form="console")
    console = Console(highlight=False)
    if directory.exists():
        _clear(directory)
    directory.mkdir(parents=True)
    async with serve("127.0.0.1", 0) as sandbox:
        settings = _prepare(directory, sandbox.url)
        _say(
            console,
            "1",
            f"Four vendors are simulated at {sandbox.url}; a database of 80 customers stands in {directory}/customers.sqlite",
        )
        _say(console, "2", "The plan of the first run: nothing is known of the vendors, so every mapped field goes", "plan")
        await _plan(settings, limit=2)
        _say(console, "3", "The first run", "run")
        await _run(settings)
        _say(console, "4", "Meanwhile, in the company's own system:")
        _change(directory / "customers.sqlite", console)
        _say(console, "5", "The plan of the second run: only what changed, and the exact requests", "plan --requests")
        await _plan(settings, limit=None, requests=True)
        _say(console, "6", "The second run", "run")
        await _run(settings)
        _say(console, "7", "The third run: nothing is left to send", "run")
        await _run(settings)
    _farewell(console, directory, sandbox.url)


def _clear(directory: Path) -> None:
    """Only what an earlier demo left there. Raises SyncError."""
    files = ("config", "customers.sqlite")
    if not directory.is_dir() or (any(directory.iterdir()) and not all((directory / name).exists() for name in files)):
        raise SyncError(f"{directory} is there already, and no demo left it: name a new folder, nothing was written")
    shutil.rmtree(directory)


def _prepare(directory: Path, url: str) -> Settings:
    """The example config, pointed at this sandbox and this folder."""
    _make_source(directory / "customers.sqlite")
    config = directory / "config"
    shutil.copytree(Path(__file__).parent.parent / "example", config)
    main = config / "sync.toml"
    text = main.read_text(encoding="utf-8").replace(SANDBOX, url).replace("sqlite:///var/", f"sqlite:///{directory}/")
    main.write_text(text, encoding="utf-8")
    return load(config)


def _make_source(path: Path) -> None:
    with files("sync.demo").joinpath("customers.csv").open(encoding="utf-8") as file, closing(sqlite3.connect(path)) as database:
        names, *rows = csv.reader(file)
        columns = ", ".join(f"{name} {TYPES.get(name, 'TEXT')}" for name in names)
        database.execute(f"CREATE TABLE customers ({columns})")
        values = [[value or None for value in row] for row in rows]
        database.executemany(f"INSERT INTO customers VALUES ({', '.join('?' * len(names))})", values)  # noqa: S608 - no values
        database.commit()


def _change(path: Path, console: Console) -> None:
    with closing(sqlite3.connect(path)) as database:
        for words, statement in CHANGES:
            database.execute(f"UPDATE customers SET UpdatedAt = datetime('now'), {statement}")  # noqa: S608 - constants of this file
            console.print(f"   - {words}", soft_wrap=True)
        database.commit()


async def _plan(settings: Settings, *, limit: int | None, requests: bool = False) -> None:
    async with app.propose(settings, (), app.Unwatched()) as proposal:
        targets: Sequence[TargetPlan] = proposal.targets
        Text(TextPolicy(requests=requests, limit=limit)).write(proposal.plan, targets, sys.stdout)


async def _run(settings: Settings) -> None:
    report = await app.run_once(settings, (), app.Caller())
    print(run_text(report.run, report.targets, await app.failures(settings, ())))


def _say(console: Console, number: str, words: str, command: str = "") -> None:
    told = f"\n[bold]{number}. {words}[/bold]" + (f"  [dim]$ customer-sync {command}[/dim]" if command else "")
    console.print(told, soft_wrap=True)


def _farewell(console: Console, directory: Path, url: str) -> None:
    port = url.rpartition(":")[2]
    console.print(
        f"\n[bold]Look around:[/bold] {directory}/config is a config to start from, {directory}/customer-sync.db what each target"
        f" holds.\n`customer-sync sandbox --port {port}` starts the vendors again where that config looks for them,"
        "\nas empty as they were at first; a page shows what they hold.",
        soft_wrap=True,
    )
