"""Whatever is wrong with a config: exit 1, a line for each mistake with file, key and the nearest name, and nobody is asked."""

import shutil
from collections.abc import Iterator

import pytest

from tests.journey.conftest import Done, Place, Sandboxes

BROKEN = """[state]
url = "sqlite:///state.db"
[sources.crm]
kind = "sqll"
url = { env = "NOBODY_SET_THIS" }
table = "customers"
kee = "Id"
overlap = "soon"
[accounts.sellercloud]
vendor = "sellercloud"
base_url = "http://127.0.0.1:1"
usrname = "x"
password = { file = "no/such/secret" }
rate = "quick"
concurrency = "four"
[accounts.rpm]
vendor = "rmp"
[accounts.sparklayer]
vendor = "my.vendors:Nobody"
[accounts.webcommander]
base_url = "http://127.0.0.1:1"
"""
TARGETS = {
    "fields": 'source = "crm"\naccount = "sellercloud"\nid = "Id"\nwithout_id = "skp"\n'
    '[fields]\nEmial = "Email"\nName = { form = "Name" }\nTitle = { from = "Name", via = ["lwer"] }\nFax = "{Name!r}"\n'
    'Phone1 = { from = "Phone", value = 1 }\nPhone2 = { call = "no_such.module:it" }\n'
    'IsWholesale = { from = "Note", when_null = "clear" }\n'
    'Mobile = 5\n[gates]\nmax_updates = "many"\n',
    "places": 'source = "crn"\naccount = "sellerclod"\nid = "Id"\n[fields]\nName = "Name"\n',
    "nobody": 'source = "crm"\naccount = "sellercloud"\n[fields]\nName = "Name"\n',
    "toml": 'source = "crm"\naccount = \n',
}
MISTAKES = (
    ("sync.toml", "sources.crm.kind", "sql"),
    ("sync.toml", "sources.crm.url", "NOBODY_SET_THIS is not set"),
    ("sync.toml", "sources.crm.kee", "unknown key; did you mean key?"),
    ("sync.toml", "sources.crm.key", "is missing"),
    ("sync.toml", "sources.crm.overlap", "has to be a time"),
    ("sync.toml", "accounts.sellercloud.usrname", "unknown key; did you mean username?"),
    ("sync.toml", "accounts.sellercloud.username", "is missing"),
    ("sync.toml", "accounts.sellercloud.password", "cannot read no/such/secret"),
    ("sync.toml", "accounts.sellercloud.rate", "has to be a number per s, m, h or d"),
    ("sync.toml", "accounts.sellercloud.concurrency", "integer"),
    ("sync.toml", "accounts.rpm.vendor", "there is no such vendor; did you mean rpm?"),
    ("sync.toml", "accounts.sparklayer.vendor", "cannot import my.vendors"),
    ("sync.toml", "accounts.webcommander.vendor", "is missing"),
    ("targets/fields.toml", "without_id", "skip"),
    ("targets/fields.toml", "fields.Emial", "the vendor has no such field; did you mean Email?"),
    ("targets/fields.toml", "fields.Name", "unknown key form; did you mean from?"),
    ("targets/fields.toml", "fields.Title", "unknown transform lwer; did you mean lower?"),
    ("targets/fields.toml", "fields.Fax", "template"),
    ("targets/fields.toml", "fields.Phone1", "one of from, value and call"),
    ("targets/fields.toml", "fields.Phone2", "cannot import no_such"),
    ("targets/fields.toml", "fields.IsWholesale", "cannot clear"),
    ("targets/fields.toml", "fields.Mobile", "a field is a name, a template, or a table"),
    ("targets/fields.toml", "gates.max_updates", "has to be a number or a share"),
    ("targets/places.toml", "source", "did you mean crm?"),
    ("targets/places.toml", "account", "did you mean sellercloud?"),
    ("targets/nobody.toml", "", "id"),
    ("targets/toml.toml", "", "is not TOML"),
)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, sandboxes: Sandboxes) -> Iterator[tuple[Place, list[Done]]]:
    """A config with every mistake that can be made in its text, and what each command says of it."""
    place = Place(tmp_path_factory.mktemp("broken"), sandboxes.start())
    place.write("config/sync.toml", BROKEN.replace("http://127.0.0.1:1", place.sandbox.base("sellercloud")))
    for name, text in TARGETS.items():
        place.write(f"config/targets/{name}.toml", text)
    before = place.files()
    said = place.all(*((command,) for command in ("check", "plan", "run")))
    assert place.files() == before
    return place, said


@pytest.mark.parametrize(("file", "key", "words"), MISTAKES, ids=[f"{file}-{key}" for file, key, _ in MISTAKES])
def test_each_mistake_has_a_line_with_file_key_and_what_to_do(
    broken: tuple[Place, list[Done]], file: str, key: str, words: str
) -> None:
    start = f"config/{file}: " + (f"{key}: " if key else "")
    lines = [line for line in broken[1][0].err.splitlines() if line.startswith(start)]
    assert len(lines) == 1
    assert words in lines[0]


def test_all_mistakes_are_told_at_once_and_by_every_command_alike(broken: tuple[Place, list[Done]]) -> None:
    check, *others = broken[1]
    assert len(check.err.splitlines()) == len(MISTAKES)
    assert [done.err for done in others] == [check.err] * len(others)
    assert [(done.code, done.out) for done in broken[1]] == [(1, "")] * 3


def test_nobody_was_asked_anything(broken: tuple[Place, list[Done]]) -> None:
    assert broken[0].sandbox.history() == []


# ---- what only the database, or the folder, can tell


@pytest.fixture
def ready(shop: Place) -> Place:
    shop.config("rpm", "sellercloud")
    shop.target("rpm", 'Name = "Name"')
    shop.target("sellercloud", 'Name = "Name"')
    return shop


def copied(place: Place, name: str, file: str, old: str, new: str) -> str:
    """Another config folder beside the good one, with one thing replaced."""
    shutil.copytree(place.folder / "config", place.folder / name)
    place.edit(f"{name}/{file}", old, new)
    return name


def test_a_table_or_column_that_is_not_there_is_told_before_anything_is_sent(ready: Place) -> None:
    copied(ready, "table", "sync.toml", '"customers"', '"custmers"')
    copied(ready, "query", "sync.toml", 'table = "customers"', 'query = "select Idd from customers"')
    copied(ready, "columns", "sync.toml", 'key = "Id"', 'key = "Idd"\ncursor = "Nte"')
    ready.edit("columns/targets/rpm.toml", '"Id"', '"Ident"')
    ready.edit("columns/targets/rpm.toml", 'Name = "Name"', 'Name = "{Name} {Nam}"')
    ready.edit("columns/targets/rpm.toml", "[fields]", "where = { Cuntry = 1 }\n[fields]")
    table, query, columns, planned, ran = ready.all(
        ("check", "--config", "table"),
        ("check", "--config", "query"),
        ("check", "--config", "columns"),
        ("plan", "--config", "columns"),
        ("run", "--config", "table"),
    )
    assert [(done.code, done.out) for done in (table, query, columns, planned, ran)] == [(1, "")] * 5
    assert table.err == "table/sync.toml: sources.crm.table: the source has no table custmers; did you mean customers?\n"
    assert query.err == "query/sync.toml: sources.crm.query: no such column: Idd\n"
    assert columns.err.splitlines() == [
        "columns/sync.toml: sources.crm.key: the source has no column Idd; did you mean Id?",
        "columns/sync.toml: sources.crm.cursor: the source has no column Nte; did you mean Note?",
        "columns/targets/rpm.toml: id: source crm has no field Ident",
        "columns/targets/rpm.toml: where.Cuntry: source crm has no field Cuntry; did you mean Country?",
        "columns/targets/rpm.toml: fields.Name: source crm has no field Nam; did you mean Name?",
    ]
    assert (planned.err, ran.err) == (columns.err, table.err)
    assert ready.sandbox.history() == []


def test_a_folder_or_target_or_source_that_is_not_there_is_told(ready: Place) -> None:
    copied(ready, "toml", "sync.toml", "[sources.crm]", "[sources.crm")
    copied(ready, "away", "sync.toml", "crm.sqlite", "nowhere.sqlite")
    copied(ready, "none", "targets/rpm.toml", "rpm", "rpm")
    shutil.rmtree(ready.folder / "none/targets")
    done = ready.all(
        ("check", "--config", "nowhere"),
        ("check", "--config", "toml"),
        ("check", "--config", "none"),
        ("plan", "--target", "rmp"),
        ("run", "--config", "away"),
    )
    nowhere, toml, none, target, away = done
    assert [(said.code, len(said.err.splitlines())) for said in done] == [(1, 1)] * 5
    assert nowhere.err.startswith("nowhere/sync.toml: there is no such file")
    assert toml.err.startswith("toml/sync.toml: is not TOML: ")
    assert none.err.startswith("none/targets: there is no target")
    assert target.err == "config/targets/rmp.toml: there is no target rmp; did you mean rpm?\n"
    assert "nowhere.sqlite is not there" in away.err
    assert ready.sandbox.history() == []


def test_an_address_or_time_that_cannot_be_one_is_a_mistake_of_the_config(ready: Place) -> None:
    copied(ready, "state", "sync.toml", "sqlite:///state.db", "mysql://state")
    ready.edit("config/sync.toml", f'"{ready.sandbox.base("rpm")}"', '"rpm.example.com"')
    ready.edit("config/sync.toml", "sqlite:///crm.sqlite", "crm.sqlite")
    ready.edit("config/targets/rpm.toml", 'id = "Id"', 'id = "Id"\nschedule = "often"\ntimezone = "Berlin"')
    check, state = ready.all(("check",), ("check", "--config", "state"))
    assert [(check.code, len(check.err.splitlines())), (state.code, len(state.err.splitlines()))] == [(1, 4), (1, 1)]
    for start in ("sync.toml: accounts.rpm.base_url: ", "sync.toml: sources.crm.url: ", "targets/rpm.toml: schedule: ",
                  "targets/rpm.toml: timezone: "):  # fmt: skip
        assert f"config/{start}" in check.err
    assert state.err.startswith("state/sync.toml: state.url: ")


def test_a_mistake_never_quotes_a_secret(ready: Place) -> None:
    ready.edit("config/sync.toml", 'password = "sandbox-password"', 'password = ["hunter2-hunter2"]')
    check = ready.cli("check")
    assert check.code == 1
    assert "accounts.sellercloud.password" in check.err
    assert "hunter2" not in check.err


def test_mistakes_of_the_command_line_are_one_line_too(ready: Place) -> None:
    commands = (
        ("paln",), ("plan", "--traget", "rpm"), ("plan", "--format", "pdf"), ("run", "--log-level", "loud"),
        ("plan", "--out", "no/such/folder/plan.txt"), ("plan", "--field", "Emial"), ("run", "--field", "Emial"),
    )  # fmt: skip
    done = ready.all(*commands)
    assert [(words, said.code) for words, said in zip(commands, done, strict=True) if said.code != 1] == []
    assert [(words, said.err) for words, said in zip(commands, done, strict=True) if len(said.err.splitlines()) != 1] == []
    assert ready.sandbox.history() == []
