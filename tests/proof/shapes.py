"""A life of a config, a source and the vendors that is cut short at its k-th failpoint -> what it came to.

There is no model: it has to come to what the same life comes to that is not cut short. Each step runs in a process of its own.
"""

import asyncio
import atexit
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync import app, failpoints
from sync.log import Redactor
from sync.log import configure as configure_log
from sync.settings import Settings, load
from tests.accounts import PATHS, account
from tests.proof.crashes import FAR, FAULTS, forked
from tests.proof.sandboxes import start

SOURCE = '[sources.crm]\nkind = "sql"\nurl = "sqlite:///{folder}/crm.db"\ntable = "customers"\nkey = "Id"\n'
CUSTOMERS = "CREATE TABLE customers (Id INTEGER PRIMARY KEY, Name TEXT, Email TEXT, Note TEXT, Vendor TEXT)"
PATIENCE = 'timeout = "2s"\npatience = "0s"\n[accounts.{vendor}.retry]\nbackoff = "10ms"\nlongest = "20ms"\nattempts = 2\n'
Targets = Mapping[str, str]


def people(count: int) -> list[str]:
    rows = (f"({n}, 'Ann {n}', 'a{n}@example.org', 'note {n}', {100 + n})" for n in range(1, count + 1))
    return [CUSTOMERS, f"INSERT INTO customers VALUES {', '.join(rows)}"]


@dataclass(frozen=True)
class Step:
    """What happens: SQL at the source, other maps, other customers at a vendor, faults; somebody lets a gate go; then a run.

    `rest`: seconds that pass before.
    """

    sql: Sequence[str] = ()
    targets: Targets = field(default_factory=dict)
    seed: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Mapping[str, Any]] = ()
    release: tuple[str, str] | None = None
    rest: float = 0.0


@dataclass(frozen=True)
class Shape:
    """`before` is the good life so far; then comes `change`, whose run dies; then `after`, whose run does not."""

    name: str
    accounts: Sequence[str]
    targets: Targets
    before: Sequence[Step]
    change: Step
    after: Step = Step()
    source: str = SOURCE

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Came:
    """What a life came to: what the vendors hold, who is out of step and how, and how much one more run sends."""

    holding: Mapping[str, Any]
    failures: Sequence[tuple[str, str, str]]
    more: int


class Stage:
    """A sandbox and a folder for one shape."""

    def __init__(self, shape: Shape) -> None:
        configure_log(Redactor(), level="critical", form="console")
        self.shape = shape
        self.sandbox, self._pid = start()
        self._home = Path(tempfile.mkdtemp(prefix="customer-sync-shapes-"))
        atexit.register(self._leave)
        self._folder, self._kept = self._home / "now", self._home / "kept"
        self._folder.mkdir()
        self._settings = self._configured(shape.targets)
        for step in shape.before:
            self._take(step)
        self.sandbox.save()
        shutil.copytree(self._folder, self._kept)
        self._before = self._settings

    def _leave(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        shutil.rmtree(self._home)

    def _configured(self, targets: Targets) -> Settings:
        config = self._folder / "config"
        shutil.rmtree(config, ignore_errors=True)
        (config / "targets").mkdir(parents=True)
        tables = [
            f'[state]\nurl = "sqlite:///{self._folder}/state.db"\n',
            self.shape.source.replace("{folder}", str(self._folder)),
        ]
        tables += [
            account(vendor, self.sandbox.url + PATHS[vendor]) + PATIENCE.replace("{vendor}", vendor)
            for vendor in self.shape.accounts
        ]
        (config / "sync.toml").write_text("\n".join(tables))
        for name, text in targets.items():
            (config / "targets" / f"{name}.toml").write_text(text)
        return load(config)

    def count(self) -> int:
        """How many failpoints the run of the change reaches."""
        self._restore()
        here, there = os.pipe()
        self._take(self.shape.change, counted=there)
        os.close(there)
        with os.fdopen(here) as pipe:
            return int(pipe.read())

    def live(self, at: int, *, unwell: bool = False) -> tuple[bool, Came]:
        """The whole life, with a death at that failpoint (0: none), and until then with `unwell` vendors; whether it died."""
        self._restore()
        if unwell:
            self.sandbox.fault(*FAULTS, seed=at)
        died = self._take(self.shape.change, dying=at) == failpoints.EXIT_CODE
        self.sandbox.mend()
        self._take(self.shape.after)
        holding = self.sandbox.holding()
        failures = asyncio.run(app.failures(self._settings, ()))
        before = len(self._updates())
        self._take(Step())
        listed = sorted((one.target, one.customer, one.outcome.value) for one in failures)
        return died, Came(holding, listed, len(self._updates()) - before)

    def _updates(self) -> list[Any]:
        return [entry for entry in self.sandbox.answered() if entry["endpoint"] == "update"]

    def _restore(self) -> None:
        shutil.rmtree(self._folder)
        shutil.copytree(self._kept, self._folder)
        self.sandbox.restore()
        self._settings = self._before

    def _take(self, step: Step, *, dying: int = 0, counted: int | None = None) -> int:
        """The exit code of its run."""
        time.sleep(step.rest)
        if step.targets:
            self._settings = self._configured({**self.shape.targets, **step.targets})
        with closing(sqlite3.connect(self._folder / "crm.db")) as database:
            for statement in step.sql:
                database.execute(statement)
            database.commit()
        if step.seed:
            self.sandbox.ask("POST", "/_sandbox/customers", dict(step.seed))
        if step.faults:
            self.sandbox.fault(*step.faults)
        if step.release:
            asyncio.run(app.release(self._settings, *step.release, None))
        return forked(lambda: _run(self._settings, dying, counted))


def _run(settings: Settings, dying: int, counted: int | None) -> int:
    failpoints.arm(f"*:{dying or FAR}")
    random.seed(dying)
    asyncio.run(app.run_once(settings, (), app.Caller()))
    if counted is not None:
        os.write(counted, str(FAR - failpoints._left[0]).encode())
    return 0


def _target(vendor: str, fields: str, *, id: str = "Id", source: str = "crm", more: str = "", tail: str = "") -> str:
    return f'source = "{source}"\naccount = "{vendor}"\nid = "{id}"\n{more}\n[fields]\n{fields}\n{tail}\n'


GONE = _target(
    "sparklayer",
    'first_name = "Name"\nemail = "Email"\nstatus = { value = "enabled" }',
    more='missing_in_source = "deactivate"',
    tail='[deactivate]\nstatus = "disabled"',
)
NAMES = 'Name = "Name"\nEmail = "Email"\nComments = { from = "Note", when_null = "clear" }'
GATED = _target("sellercloud", NAMES, tail='[gates]\nmax_updates = "50%"\nmax_cleared = 2')
LISTS = SOURCE + 'children = { aliases = "SELECT customer, alias FROM aliases ORDER BY alias" }\n'
STRICT = 'Name = "Name"\nEmail = "Email"\nPhone1 = { from = "Note", when_null = "reject" }'
SECRET = '[fields.customer]\nfirst_name = "Name"\nemail = "Email"\npassword = "Note"'
TWINS = {
    "names": _target("sellercloud", 'Name = "Name"\nEmail = "Email"'),
    "notes": _target("sellercloud", 'Comments = "Note"\nSourceId = "{Id}"'),
}
VENDOR = '[sources.crm]\nkind = "http"\naccount = "webcommander"\n'
SHOP = {str(n): {"customer": {"first_name": f"Ann {n}", "email": f"a{n}@example.org", "city": "Perth"}} for n in range(1, 9)}
SHAPES = (
    Shape(
        "who is gone is deactivated, and one returns",
        ["sparklayer"],
        {"shop": GONE},
        [Step(people(20))],
        Step(["DELETE FROM customers WHERE Id IN (3, 7)", "UPDATE customers SET Name = 'Bo' WHERE Id IN (1, 9)"]),
        Step(["INSERT INTO customers VALUES (7, 'Ann 7', 'a7@example.org', 'note 7', 107)"]),
    ),
    Shape(
        "what a gate held is released",
        ["sellercloud"],
        {"shop": GATED},
        [
            Step(people(12)),
            Step(["UPDATE customers SET Note = NULL WHERE Id < 6", "UPDATE customers SET Name = 'Bo' WHERE Id < 4"]),
        ],
        Step(release=("shop", "max_cleared")),
    ),
    Shape(
        "a gate holds a part of what goes",
        ["sellercloud"],
        {"shop": GATED},
        [Step(people(12))],
        Step(["UPDATE customers SET Note = NULL WHERE Id < 6", "UPDATE customers SET Name = 'Bo' WHERE Id < 4"]),
    ),
    Shape(
        "two targets of one account tell the same customers",
        ["sellercloud"],
        TWINS,
        [Step(people(8))],
        Step(["UPDATE customers SET Name = 'Bo', Note = 'new' WHERE Id < 7"]),
        Step(["UPDATE customers SET Name = 'Ann ' || Id WHERE Id IN (2, 3)"]),
    ),
    Shape(
        "lists of one-to-many rows change",
        ["sellercloud"],
        {"shop": _target("sellercloud", 'Name = "Name"\nBusinessAliases = "aliases"')},
        [
            Step(
                [
                    *people(8),
                    "CREATE TABLE aliases (customer, alias)",
                    "INSERT INTO aliases SELECT Id, 'one ' || Id FROM customers",
                ]
            )
        ],
        Step(
            ["INSERT INTO aliases SELECT Id, 'two ' || Id FROM customers WHERE Id < 6", "DELETE FROM aliases WHERE customer = 8"]
        ),
        Step(["DELETE FROM aliases WHERE alias = 'two 2'"]),
        source=LISTS,
    ),
    Shape(
        "who was rejected fits another map",
        ["sellercloud"],
        {"shop": _target("sellercloud", STRICT)},
        [Step([*people(8), "UPDATE customers SET Note = NULL WHERE Id < 5"])],
        Step(targets={"shop": _target("sellercloud", NAMES)}),
        Step(["UPDATE customers SET Note = 'back' WHERE Id = 2"]),
    ),
    Shape(
        "customers change places at the vendor",
        ["sellercloud"],
        {"shop": _target("sellercloud", NAMES, id="Vendor")},
        [Step(people(6))],
        Step(
            [
                "UPDATE customers SET Vendor = CASE Id WHEN 1 THEN 102 WHEN 2 THEN 101 ELSE Vendor END",
                "UPDATE customers SET Vendor = 104 WHERE Id = 3",
                "UPDATE customers SET Vendor = 203 WHERE Id = 6",
            ]
        ),
        Step(["UPDATE customers SET Vendor = 103 WHERE Id = 4"]),
    ),
    Shape(
        "passwords are told",
        ["webcommander"],
        {"shop": _target("webcommander", SECRET)},
        [Step(people(8))],
        Step(["UPDATE customers SET Note = 'secret ' || Id WHERE Id < 6"]),
        Step(["UPDATE customers SET Note = 'note 2' WHERE Id = 2"]),
    ),
    Shape(
        "one vendor feeds another",
        ["webcommander", "sparklayer"],
        {"shop": _target("sparklayer", 'first_name = "first_name"\nmetadata.city = "city"', id="id")},
        [Step(seed={"vendor": "webcommander", "customers": SHOP})],
        Step(seed={"vendor": "webcommander", "customers": {id: {"customer": {"city": "Hobart"}} for id in "12345"}}),
        Step(seed={"vendor": "webcommander", "customers": {"2": {"customer": {"city": "Perth"}}}}),
        source=VENDOR,
    ),
    Shape(
        "the account is stopped until it is due again",
        ["sparklayer"],
        {"shop": _target("sparklayer", 'first_name = "Name"\nemail = "Email"\ntitle = "Note"')},
        [Step(people(8))],
        Step(
            ["UPDATE customers SET Note = 'new' WHERE Id < 7"],
            faults=[{"fault": "status", "status": 429, "headers": {"Retry-After": "1"}, "after": 2, "times": 1}],
        ),
        Step(["UPDATE customers SET Note = 'note ' || Id WHERE Id IN (2, 5)"], rest=1.1),
    ),
)


@dataclass(frozen=True)
class Lives:
    """So many lives of one shape that were cut short, of `last` places where that can be; what came out `wrong`, by place."""

    shape: str
    last: int
    died: int
    wrong: Mapping[int, Came]


def lived(name: str, every: int, *, unwell: bool = False) -> Lives:
    """Dies at every so many-th place."""
    stage = Stage(next(shape for shape in SHAPES if shape.name == name))
    last, (_, undisturbed) = stage.count(), stage.live(0)
    assert undisturbed.more == 0, undisturbed
    ended = {at: stage.live(at, unwell=unwell) for at in range(1 + len(name) % every, last + 1, every)}
    died = sum(died for died, _ in ended.values())
    return Lives(name, last, died, {at: came for at, (_, came) in ended.items() if came != undisturbed})
