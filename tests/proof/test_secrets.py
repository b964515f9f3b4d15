"""No credential, no token and no customer's password is seen in any byte that leaves or stays, whatever a vendor says back."""

import base64
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.accounts import PATHS, VENDORS, account
from tests.proof.conftest import ROOT
from tests.proof.sandboxes import Sandbox

CREDENTIALS = {
    "SC_PASSWORD": "zQ1-sellercloud-password",
    "RPM_KEY": "zQ2-rpm-key",
    "WC_PASSWORD": "zQ3-webcommander  password",
    "WC_SECRET": 'zQ4-webcommander-"secret"',
    "SL_SECRET": "zQ5-sparklayer-secret<&>",
}
OF_CUSTOMERS = {1: 'zQ6-kunde "ü" <1>', 2: "zQ7-kunde\\2", 3: "zQ8-kunde  3", 4: "zQ9-kunde-4-" + "x" * 60}
LOGIN = base64.b64encode(f"admin:{CREDENTIALS['WC_PASSWORD']}".encode()).decode()
SECRET_LOGINS = {
    "rpm": 'key = { env = "RPM_KEY" }',
    "sellercloud": 'username = "admin"\npassword = { env = "SC_PASSWORD" }',
    "sparklayer": 'site_id = "sandbox"\nclient_id = "sandbox"\nclient_secret = { env = "SL_SECRET" }',
    "webcommander": 'username = "admin"\npassword = { env = "WC_PASSWORD" }\nclient_id = "sandbox"\n'
    'client_secret = { env = "WC_SECRET" }\nredirect_uri = "http://localhost/"',
}
MAPS = {
    "rpm": 'Name = "{Name}"',
    "sellercloud": 'Name = "{Name}"',
    "sparklayer": 'first_name = "{Name}"',
    "webcommander": '[fields.customer]\nfirst_name = "{Name}"\npassword = "Password"',
}
QUICK = '[accounts.{}.retry]\nattempts = 2\nbackoff = "1ms"\n[accounts.{}.breaker]\nfailures = 1000\n'


@pytest.fixture
def config(tmp_path: Path, sandbox: Sandbox) -> Path:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as database:
        database.execute("CREATE TABLE customers (Id INTEGER PRIMARY KEY, Name TEXT, Password TEXT)")
        rows = [(id, f"Zoë {id}", password) for id, password in OF_CUSTOMERS.items()]
        database.executemany("INSERT INTO customers VALUES (?, ?, ?)", rows)
        database.commit()
    tables = [f'[state]\nurl = "sqlite:///{tmp_path}/var/state.db"']
    tables.append(f'[sources.crm]\nkind = "sql"\nurl = "sqlite:///{tmp_path}/crm.db"\ntable = "customers"\nkey = "Id"')
    tables += [account(name, sandbox.url + PATHS[name], SECRET_LOGINS[name]) + QUICK.replace("{}", name) for name in VENDORS]
    config = tmp_path / "config"
    (config / "targets").mkdir(parents=True)
    (config / "sync.toml").write_text("\n".join(tables))
    for name in VENDORS:
        text = f'source = "crm"\naccount = "{name}"\nid = "Id"\n[fields]\n{MAPS[name]}\n'
        (config / "targets" / f"{name}.toml").write_text(text)
    return config


class Seen:
    """Every byte that the commands said, and every one that they left."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self.said: dict[str, bytes] = {}

    def run(self, *words: str, **env: str) -> int:
        command = [sys.executable, "-m", "sync", *words, "--config", str(self._config)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | CREDENTIALS | env, capture_output=True, check=False, timeout=60)
        self.said[f"{len(self.said)} {' '.join(words)} stdout"] = done.stdout
        self.said[f"{len(self.said)} {' '.join(words)} stderr"] = done.stderr
        for path in (self._config.parent / "var").rglob("*"):
            if path.is_file():
                self.said[f"{len(self.said)} {' '.join(words)} {path.name}"] = path.read_bytes()
        return done.returncode

    def look(self) -> None:
        """Everything that shows something."""
        self.run("plan", "--format", "text,json,markdown,html,csv", "--out", str(self._config.parent / "var" / "plan"))
        self.run("plan", "--requests")
        self.run("explain", "webcommander", "1", "--json")

    def leaks(self, sandbox: Sandbox) -> list[str]:
        """Where any secret is seen, whole or in part, however it is spelled; `zQ` stands in each of them."""
        tokens: list[str] = json.loads(sandbox.ask("GET", "/_proof/tokens"))
        secrets = [b"zQ", LOGIN[:12].encode(), *(token.encode() for token in tokens)]
        return [f"{name}: {_around(text, secret)}" for name, text in self.said.items() for secret in secrets if secret in text]


def _around(text: bytes, secret: bytes) -> str:
    place = text.index(secret)
    return repr(text[max(place - 60, 0) : place + 60])


OWN = {
    "rpm": [CREDENTIALS["RPM_KEY"]],
    "sellercloud": [CREDENTIALS["SC_PASSWORD"]],
    "sparklayer": [CREDENTIALS["SL_SECRET"]],
    "webcommander": [CREDENTIALS["WC_PASSWORD"], CREDENTIALS["WC_SECRET"], LOGIN],
}


def echo(vendor: str, *more: str, padding: int = 0, **match: str) -> dict[str, Any]:
    """What a careless vendor says: what it was sent, in its own spelling and as JSON, at the end of much else."""
    secrets = [*more, *OWN[vendor]]
    words = "x" * padding + " ".join((*secrets, *(json.dumps(secret) for secret in secrets)))
    bodies: dict[str, Any] = {
        "rpm": {"Result": {"Error": {"Message": words}}},
        "sellercloud": {"Message": words, "ModelState": {"request.Name": [words]}},
        "sparklayer": {"detail": words, "errors": [{"property": "x", "message": words}]},
        "webcommander": {"message": words, "errors": [{"field": "x", "message": words}]},
    }
    status = 200 if vendor == "rpm" else 400
    body = json.dumps(bodies[vendor])
    return {"fault": "status", "vendor": vendor, "status": status, "body": body, "times": None, "match": match}


def test_a_good_run_and_all_that_can_be_looked_at_show_no_secret(config: Path, sandbox: Sandbox) -> None:
    seen = Seen(config)
    seen.look()
    assert seen.run("run", "--log-level", "debug", "--log-format", "json") == 0
    with closing(sqlite3.connect(config.parent / "crm.db")) as database:
        database.execute("UPDATE customers SET Password = Password || '!'")
        database.commit()
    seen.look()
    held = sandbox.holding()["webcommander"]
    assert {int(id): values["customer"]["password"] for id, values in held.items()} == OF_CUSTOMERS
    assert len({name.split()[-1] for name in seen.said}) > 8
    assert seen.leaks(sandbox) == []


@pytest.mark.parametrize("padding", [0, pytest.param(350, marks=pytest.mark.long), 470])
def test_a_vendor_that_says_back_what_it_was_sent_reveals_nothing(config: Path, sandbox: Sandbox, padding: int) -> None:
    of_customers = [echo("webcommander", text, padding=padding, customer=str(id)) for id, text in OF_CUSTOMERS.items()]
    sandbox.fault(*of_customers, *(echo(name, padding=padding) for name in VENDORS if name != "webcommander"))
    seen = Seen(config)
    assert seen.run("run", "--log-level", "debug") == 3
    seen.run("failures", "--json")
    seen.run("explain", "webcommander", "1", "--json")
    assert seen.leaks(sandbox) == []


@pytest.mark.parametrize("status", [400, pytest.param(503, marks=pytest.mark.long)])
def test_a_sign_in_that_says_back_what_it_was_sent_reveals_nothing(config: Path, sandbox: Sandbox, status: int) -> None:
    sandbox.fault(*(echo(name, endpoint="token") | {"status": status} for name in VENDORS if name != "rpm"))
    seen = Seen(config)
    seen.run("run", "--log-level", "debug", "--log-format", "json")
    seen.run("failures", "--json")
    seen.run("status", "--json")
    seen.run("check", "--online")
    assert seen.leaks(sandbox) == []


RARER = ("before_send:2", "after_send:3", "before_settling:1", "before_commit:9")
PLACES = ("after_reply:4", *(pytest.param(place, marks=pytest.mark.long) for place in RARER))


@pytest.mark.parametrize("place", PLACES)
def test_a_process_that_dies_leaves_no_secret(config: Path, sandbox: Sandbox, place: str) -> None:
    sandbox.fault({"fault": "error_after", "probability": 0.3, "times": None})
    seen = Seen(config)
    assert seen.run("run", "--log-level", "debug", CUSTOMER_SYNC_FAILPOINT=place) == 86
    seen.run("failures", "--json")
    assert seen.leaks(sandbox) == []
