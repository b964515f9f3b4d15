"""What the README shows can be taken as it stands."""

import re
import tomllib
from pathlib import Path

import pytest

from sync.app import check_files
from sync.settings import load

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
SOURCES = [block for block in BLOCKS if "sources" in tomllib.loads(block)]
ENVIRONMENT = {"CRM_URL": "postgresql://user:password@db.example/crm", "SHOP_SECRET": "secret"}
ACCOUNTS = """
[accounts.rpm]
vendor = "rpm"
base_url = "http://127.0.0.1:8900/rpm/api2.svc"
key = "sandbox"
"""
SHOP = """
[accounts.webcommander]
vendor = "webcommander"
base_url = "http://127.0.0.1:8900/webcommander/api/v4"
username = "sandbox"
password = "sandbox"
client_id = "sandbox"
client_secret = "sandbox"
redirect_uri = "http://localhost/"
"""


@pytest.mark.parametrize("block", SOURCES, ids=[next(iter(tomllib.loads(block)["sources"])) for block in SOURCES])
async def test_every_example_of_a_source_passes_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: str) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    tree = tomllib.loads(block)
    state = "" if "state" in tree else '[state]\nurl = "sqlite:///state.db"\n'
    account = SHOP if any(table.get("account") for table in tree["sources"].values()) else ""
    (tmp_path / "targets").mkdir()
    (tmp_path / "sync.toml").write_text(f"{state}{block}{ACCOUNTS}{account}", encoding="utf-8")
    for name in tree["sources"]:
        target = f'source = "{name}"\naccount = "rpm"\nid = "id"\n[fields]\nName = "name"\n'
        (tmp_path / "targets" / f"{name}.toml").write_text(target, encoding="utf-8")
    settings = load(tmp_path)
    assert set(settings.sources) == set(tree["sources"])
    for warning in await check_files(settings):
        assert "is not there" in warning


def test_every_kind_of_source_has_an_example() -> None:
    tables = [table for block in SOURCES for table in tomllib.loads(block)["sources"].values()]
    assert {(table["kind"], "account" in table) for table in tables} == {
        ("sql", False),
        ("file", False),
        ("http", False),
        ("http", True),
    }
