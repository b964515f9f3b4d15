"""A folder of TOML -> frozen settings, or every mistake in it with file and key."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from sync.errors import ConfigError
from sync.pipeline.gates import GatePolicy, Limit
from sync.pipeline.pace import Rate
from sync.settings import Settings, SyncTable, load
from sync.settings.references import resolve
from sync.settings.sources import KINDS
from sync.settings.values import DatabaseUrl, Duration, LimitText, RateText
from sync.sources.secrecy import secrets_of

EXAMPLE = Path(__file__).parents[2] / "sync" / "example"
MAIN = """
[sources.crm]
kind = "sql"
url = "sqlite:///crm.sqlite"
table = "Customer"
key = "CustomerId"

[accounts.shop]
vendor = "sellercloud"
base_url = "https://tt.example/rest/api"
username = "u"
password = "hunter2"
rate = "3/s"

[accounts.office]
vendor = "rpm"
base_url = "https://rpm.example/api2.svc"
key = "hunter2-key"
"""
SHOP = """
source = "crm"
account = "shop"
id = "sellercloud_id"

[fields]
Name = "{FirstName} {LastName}"
Email = { from = "Email", via = ["trim", "lower"] }
"""
OFFICE = """
source = "crm"
account = "office"
match = { Name = "Company" }

[fields]
Website = "Site"
"""
Load = Callable[..., Settings]


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads the files, given by name; those that are not given are well."""
    monkeypatch.chdir(tmp_path)

    def write_and_load(main: str | bytes = MAIN, targets: Mapping[str, str | bytes] | None = None) -> Settings:
        Path("targets").mkdir(exist_ok=True)
        Path("sync.toml").write_bytes(main if isinstance(main, bytes) else main.encode())
        for name, text in ({"shop": SHOP} if targets is None else targets).items():
            Path(f"targets/{name}.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(Path())

    return write_and_load


def mistakes(loading: Callable[[], Settings]) -> list[str]:
    """One line each."""
    with pytest.raises(ConfigError) as wrong:
        loading()
    assert "hunter2" not in str(wrong.value)
    return str(wrong.value).splitlines()


# ---- what is well


def test_a_folder_becomes_settings(loaded: Load) -> None:
    settings = loaded(MAIN, {"shop": SHOP, "office": OFFICE})
    assert (list(settings.sources), list(settings.accounts), list(settings.targets)) == (
        ["crm"],
        ["shop", "office"],
        ["office", "shop"],
    )
    shop, office = settings.targets["shop"], settings.targets["office"]
    assert (shop.source, shop.account, shop.id_source, shop.match) == ("crm", "shop", "sellercloud_id", None)
    assert (office.id_source, office.match) == ("Company", "Name")
    assert [rule.field for rule in shop.rules] == ["Name", "Email"]
    assert settings.accounts["shop"].policy.pace.rate == Rate(3, 1.0, "3/s")
    assert settings.state.get_secret_value() == "sqlite:///var/customer-sync.db"


def test_the_example_is_valid() -> None:
    settings = load(EXAMPLE)
    assert sorted(settings.targets) == ["rpm", "sellercloud", "sparklayer", "webcommander"]


def test_every_source_field_that_a_target_mentions_is_known_with_its_key(loaded: Load) -> None:
    settings = loaded(MAIN, {"shop": SHOP.replace("[fields]", 'where = { Country = "AU" }\n[fields]'), "office": OFFICE})
    assert settings.targets["shop"].mentioned == [
        ("id", "sellercloud_id"),
        ("where.Country", "Country"),
        ("fields.Name", "FirstName"),
        ("fields.Name", "LastName"),
        ("fields.Email", "Email"),
    ]
    assert settings.targets["office"].mentioned == [("match", "Company"), ("fields.Website", "Site")]


def test_any_value_may_come_from_the_environment_or_a_file(loaded: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "from-the-environment")
    monkeypatch.setenv("SHOP_RATE", "5/m")
    (tmp_path / "user").write_text("  from-a-file\n")
    text = MAIN.replace('"hunter2"', '{ env = "SHOP_PASSWORD" }').replace('"3/s"', '{ env = "SHOP_RATE" }')
    settings = loaded(text.replace('"u"', '{ file = "user" }').replace('"hunter2-key"', '{ file = "user" }'))
    assert settings.accounts["shop"].secrets == ("from-the-environment",)
    assert settings.accounts["office"].secrets == ("from-a-file",)
    assert settings.accounts["shop"].policy.pace.rate == Rate(5, 60.0, "5/m")


def test_an_empty_file_of_settings_shows_no_credential(loaded: Load) -> None:
    settings = loaded(MAIN, {"shop": SHOP})
    assert "hunter2" not in repr(settings.sources) + repr(settings.targets) + repr(settings.state)
    assert settings.accounts["shop"].secrets == ("hunter2",)


def test_a_limit_that_the_vendor_documents_and_nobody_set_is_a_warning(loaded: Load) -> None:
    settings = loaded(MAIN.replace('rate = "3/s"\n', ""))
    (warning,) = settings.warnings
    assert warning == 'sync.toml: accounts.shop: sellercloud documents a limit of 10800/h; set rate or quota = "10800/h"'
    assert loaded(MAIN.replace('rate = "3/s"', 'quota = "10800/h"')).warnings == ()


def test_an_account_may_have_several_quotas(loaded: Load) -> None:
    policy = loaded(MAIN.replace('rate = "3/s"', 'quota = ["10800/h", "100000/d"]')).accounts["shop"].policy
    assert policy.pace.quotas == (Rate(10_800, 3600.0, "10800/h"), Rate(100_000, 86_400.0, "100000/d"))


GONE = 'missing_in_source = "deactivate"\ndeactivate = { Salesman = "nobody", Rating = 0 }\n[fields]'
BACK = "Salesman = { value = 'web' }\nRating = { value = 3 }\n"


def test_what_is_told_of_who_is_gone_is_checked(loaded: Load) -> None:
    settings = loaded(MAIN, {"shop": SHOP.replace("[fields]", GONE) + BACK})
    gone = settings.targets["shop"].gone
    assert (gone.missing, gone.leaves, gone.most.text) == ("deactivate", {"Salesman": "nobody", "Rating": 0}, "20%")
    assert settings.targets["shop"].fingerprint != loaded(MAIN, {"shop": SHOP}).targets["shop"].fingerprint


KEPT = "fields.Salesman keeps what the vendor has where the source has no {}: add when_null, or default:X to via"


@pytest.mark.parametrize(
    ("back", "said"),
    [
        ("", "add Salesman to [fields], with what it is for customers who are there"),
        ("Salesman = 'Rep'\n", KEPT.format("Rep")),
        ("Salesman = '{Rep} of {Region}'\n", KEPT.format("Rep and no Region")),
        ("Salesman = { from = 'Rep', when_null = 'clear' }\n", None),
        ("Salesman = { from = 'Rep', when_null = 'reject' }\n", None),
        ("Salesman = { from = 'Rep', via = ['default:web'] }\n", None),
    ],
)
def test_what_nothing_takes_back_when_a_customer_returns_is_a_mistake(loaded: Load, back: str, said: str | None) -> None:
    target = SHOP.replace("[fields]", GONE) + back + "Rating = { value = 3 }\n"
    if said is None:
        assert loaded(MAIN, {"shop": target}).targets["shop"].gone.watches
    else:
        told = "targets/shop.toml: deactivate.Salesman: would stay so when a customer returns: "
        assert mistakes(lambda: loaded(MAIN, {"shop": target})) == [told + said]


def test_nobody_can_be_gone_from_increments(loaded: Load) -> None:
    main = MAIN.replace(
        'kind = "sql"\nurl = "sqlite:///crm.sqlite"\ntable = "Customer"', 'kind = "file"\npath = "*.csv"\nfiles = "increments"'
    )
    [mistake] = mistakes(lambda: loaded(main, {"shop": SHOP.replace("[fields]", 'missing_in_source = "report"\n[fields]')}))
    assert mistake.startswith("targets/shop.toml: missing_in_source: source crm holds increments")


def test_how_an_account_is_driven(loaded: Load) -> None:
    more = 'concurrency = 9\ntimeout = "7s"\npatience = "2m"\nretry = { attempts = 2 }\nbreaker = { probes = 1 }\n'
    policy = loaded(MAIN.replace('rate = "3/s"\n', more)).accounts["shop"].policy
    assert (policy.concurrency, policy.timeout, policy.patience, policy.pace.patience) == (9, 7.0, 120.0, 120.0)
    assert (policy.retry.attempts, policy.retry.total, policy.breaker.probes, policy.breaker.failures) == (2, 120.0, 1, 5)


# ---- every mistake, with file, key and the nearest name


def changed(old: str, new: str) -> tuple[str, dict[str, str]]:
    """The files with one change."""
    assert (MAIN + SHOP + OFFICE).count(old) >= 1
    return MAIN.replace(old, new), {"shop": SHOP.replace(old, new), "office": OFFICE.replace(old, new)}


SUCH_AS = 'the fields that tell the vendor that a customer is gone, such as status = "disabled"'
NO_SUCH = "the vendor has no such field"
TEXT = 'has to be text; in sync.toml also { env = "NAME" } or { file = "PATH" }'
RATINGS = "input should be 0 to 5 or one of NotRated, Very_Disatisfied, Disatisfied, Neutral, Satisfied, Very_Satisfied"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        # unknown keys
        ('table = "Customer"', 'tabel = "Customer"', [
            "sync.toml: sources.crm.tabel: unknown key; did you mean table?"]),
        ('rate = "3/s"', 'rat = "3/s"', ["sync.toml: accounts.shop.rat: unknown key; did you mean rate?"]),
        ('username = "u"', 'user_name = "u"', [
            "sync.toml: accounts.shop.username: is missing",
            "sync.toml: accounts.shop.user_name: unknown key; did you mean username?"]),
        ("[sources.crm]", "[sauces]\n[sources.crm]", ["sync.toml: sauces: unknown key; did you mean sources?"]),
        ("[sources.crm]", "[service]\nlisen = 1\n[sources.crm]", ["sync.toml: service.lisen: unknown key; did you mean listen?"]),
        ('rate = "3/s"', "retry = { atempts = 3 }", [
            "sync.toml: accounts.shop.retry.atempts: unknown key; did you mean attempts?"]),
        ('id = "sellercloud_id"', 'id = "sellercloud_id"\nwher = { a = 1 }', [
            "targets/shop.toml: wher: unknown key; did you mean where?"]),
        ('id = "sellercloud_id"', 'id = "sellercloud_id"\ngates = { max_update = "30%" }', [
            "targets/shop.toml: gates.max_update: unknown key; did you mean max_updates?"]),
        # missing keys, wrong types
        ('kind = "sql"\n', "", ["sync.toml: sources.crm.kind: is missing"]),
        ('kind = "sql"', 'kind = "sqll"', ["sync.toml: sources.crm.kind: there is no such kind; did you mean sql?"]),
        ('kind = "sql"', "kind = 5", ["sync.toml: sources.crm.kind: there is no such kind; there are " + ", ".join(KINDS)]),
        ('key = "CustomerId"', 'kye = "CustomerId"', [
            "sync.toml: sources.crm.key: is missing", "sync.toml: sources.crm.kye: unknown key; did you mean key?"]),
        ('table = "Customer"\n', "", ["sync.toml: sources.crm: one of table and query is needed"]),
        ('table = "Customer"', 'table = "a"\nquery = "b"', ["sync.toml: sources.crm: one of table and query is needed"]),
        ('key = "CustomerId"', "key = 5", [f"sync.toml: sources.crm.key: {TEXT}"]),
        ('rate = "3/s"', 'concurrency = "many"', [
            "sync.toml: accounts.shop.concurrency: input should be a valid integer, unable to parse string as an integer"]),
        ('rate = "3/s"', "concurrency = 0", ["sync.toml: accounts.shop.concurrency: input should be greater than or equal to 1"]),
        ('password = "hunter2"\n', "", ["sync.toml: accounts.shop.password: is missing"]),
        ('password = "hunter2"', "password = 5", [f"sync.toml: accounts.shop.password: {TEXT}"]),
        ('id = "sellercloud_id"\n', "", [
            'targets/shop.toml: one of id = "SOURCE FIELD" and match = { FIELD = "SOURCE FIELD" } is needed']),
        ('id = "sellercloud_id"', 'id = "a"\nevery = "5m"\nschedule = "* * * * *"', [
            "targets/shop.toml: every and schedule exclude each other"]),
        ('id = "sellercloud_id"', 'id = "a"\nwithout_id = "drop"', [
            "targets/shop.toml: without_id: input should be 'reject' or 'skip'"]),
        ('password = "hunter2"', 'password = { envv = "X" }', [f"sync.toml: accounts.shop.password: {TEXT}"]),
        ('rate = "3/s"', "concurrency = true", ["sync.toml: accounts.shop.concurrency: has to be a whole number"]),
        # who is gone
        ('id = "sellercloud_id"', 'id = "a"\nmissing_in_source = "delete"', [
            "targets/shop.toml: missing_in_source: input should be 'ignore', 'report' or 'deactivate'"]),
        ('id = "sellercloud_id"', 'id = "a"\nmissing_in_source = "deactivate"', [
            f"targets/shop.toml: deactivate: is missing: {SUCH_AS}"]),
        ('id = "sellercloud_id"', 'id = "a"\ndeactivate = { Salesman = "x" }', [
            'targets/shop.toml: deactivate: is for missing_in_source = "deactivate" only']),
        ('id = "sellercloud_id"', 'id = "a"\nmissing_in_source = "deactivate"\ndeactivate = { Salesmann = "x" }', [
            f"targets/shop.toml: deactivate.Salesmann: {NO_SUCH}; did you mean Salesman?"]),
        ('id = "sellercloud_id"', 'id = "a"\nmissing_in_source = "deactivate"\ndeactivate = { IsWholesale = 7 }', [
            "targets/shop.toml: deactivate.IsWholesale: input should be a valid boolean"]),
        ('key = "CustomerId"', 'key = "a"\nfull_every = "0s"', [
            "sync.toml: sources.crm.full_every: input should be greater than or equal to 1 second"]),
        # rates, durations, limits
        ('"3/s"', '"3 per second"', [
            'sync.toml: accounts.shop.rate: has to be a number per s, m, h or d, such as "3/s" or "10800/h"']),
        ('rate = "3/s"', 'quota = ["3/s", "0/h"]', [
            'sync.toml: accounts.shop.quota.1: has to be a number per s, m, h or d, such as "3/s" or "10800/h"']),
        ('rate = "3/s"', 'timeout = "soon"', [
            'sync.toml: accounts.shop.timeout: has to be a time such as "30s", "5m", "1h" or "2d"']),
        ('rate = "3/s"', 'timeout = "0s"', ["sync.toml: accounts.shop.timeout: input should be greater than 0 seconds"]),
        ('key = "CustomerId"', 'key = "a"\noverlap = "-5m"', [
            'sync.toml: sources.crm.overlap: has to be a time such as "30s", "5m", "1h" or "2d"']),
        ('key = "CustomerId"', 'key = "a"\noverlap = "99999999999d"', [
            'sync.toml: sources.crm.overlap: has to be a time such as "30s", "5m", "1h" or "2d"']),
        ('id = "sellercloud_id"', 'id = "a"\ngates = { max_updates = "101%" }', [
            'targets/shop.toml: gates.max_updates: has to be a number or a share such as "30%"']),
        ('id = "sellercloud_id"', 'id = "a"\ngates = { max_field_changed = { Emial = "2%" } }', [
            "targets/shop.toml: gates.max_field_changed.Emial: the map has no field Emial; did you mean Email?"]),
        ('id = "sellercloud_id"', 'id = "a"\ngates = { max_field_changed = { Email = "x" }, min_source_rows = "9" }', [
            'targets/shop.toml: gates.max_field_changed.Email: has to be a number or a share such as "30%"',
            "targets/shop.toml: gates.min_source_rows: input should be a valid integer"]),
        # names that lead nowhere
        ('vendor = "sellercloud"', 'vendor = "selercloud"', [
            "sync.toml: accounts.shop.vendor: there is no such vendor; did you mean sellercloud?"]),
        ('vendor = "sellercloud"', 'vendor = "xyz"', [
            "sync.toml: accounts.shop.vendor: there is no such vendor; there are rpm, sellercloud, sparklayer, webcommander"]),
        ('vendor = "sellercloud"', 'vendor = "no_such.place:Vendor"', [
            "sync.toml: accounts.shop.vendor: cannot import no_such.place: No module named 'no_such'"]),
        ('vendor = "sellercloud"', 'vendor = "json:loads"', [
            "sync.toml: accounts.shop.vendor: json:loads is not a vendor: a class that implements sync.ports.Vendor"]),
        ('vendor = "sellercloud"', 'vendor = "pathlib:Path"', [
            "sync.toml: accounts.shop.vendor: pathlib:Path is not a vendor: a class that implements sync.ports.Vendor"]),
        ('vendor = "sellercloud"\n', "", ["sync.toml: accounts.shop.vendor: is missing"]),
        ('account = "shop"', 'account = "shp"', [
            "targets/shop.toml: account: there is no [accounts.shp] in sync.toml; did you mean shop?"]),
        ('source = "crm"\naccount = "shop"', 'source = "erp"\naccount = "shop"', [
            "targets/shop.toml: source: there is no [sources.erp] in sync.toml"]),
        ('source = "crm"\naccount = "shop"', 'account = "shop"', ["targets/shop.toml: source: is missing"]),
        # fields
        ("Email =", "Emial =", [f"targets/shop.toml: fields.Emial: {NO_SUCH}; did you mean Email?"]),
        ('"trim"', '"tirm"', ["targets/shop.toml: fields.Email: via: unknown transform tirm; did you mean trim?"]),
        ("via =", "vai =", ["targets/shop.toml: fields.Email: unknown key vai; did you mean via?"]),
        ("[fields]\nName", "[field]\nName", [
            "targets/shop.toml: fields: is missing", "targets/shop.toml: field: unknown key; did you mean fields?"]),
        ("Email =", 'Rating = { value = "many" }\nEmail =', [f"targets/shop.toml: fields.Rating: {RATINGS}"]),
        ("Email =", 'Title = { value = "x", via = ["int"] }\nEmail =', [
            "targets/shop.toml: fields.Title: via int: not a number"]),
        # match
        ("match = { Name =", "match = { Website =", [
            "targets/office.toml: match.Website: rpm cannot name a customer by it; it can by Name",
            "targets/office.toml: fields.Website: names the customer already (match): map it only where an id is used"]),
        ('Website = "Site"', 'Name = "Company"', [
            "targets/office.toml: fields.Name: names the customer already (match): map it only where an id is used"]),
        ('match = { Name = "Company" }', 'match = { Name = "Company", Website = "Site" }', [
            "targets/office.toml: match takes one field"]),
        ('id = "sellercloud_id"', 'match = { Email = "Email" }', [
            "targets/shop.toml: match.Email: sellercloud cannot name a customer by it",
            "targets/shop.toml: fields.Email: names the customer already (match): map it only where an id is used"]),
        ('match = { Name = "Company" }', 'match = { Name = "Company" }\nid = "rpm_id"', [
            'targets/office.toml: one of id = "SOURCE FIELD" and match = { FIELD = "SOURCE FIELD" } is needed']),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_and_key(loaded: Load, old: str, new: str, said: list[str]) -> None:
    main, targets = changed(old, new)
    assert sorted(mistakes(lambda: loaded(main, targets))) == sorted(said)


def test_all_mistakes_are_told_at_once(loaded: Load) -> None:
    main = (
        MAIN.replace('"3/s"', '"often"').replace('kind = "sql"', 'kind = "excel"').replace('"hunter2-key"', '{ env = "NOT_SET" }')
    )
    shop = SHOP.replace("Name =", "Nmae =").replace("id =", "idd =")
    found = mistakes(lambda: loaded(main, {"shop": shop, "office": "source = [", "third": OFFICE.replace('"crm"', '"erp"')}))
    assert [line.partition(": ")[2].partition(": ")[0] for line in found if line.startswith("sync.toml")] == [
        "accounts.office.key",
        "sources.crm.kind",
        "accounts.shop.rate",
    ]
    assert {line.partition(": ")[0] for line in found} == {
        "sync.toml",
        "targets/shop.toml",
        "targets/office.toml",
        "targets/third.toml",
    }
    assert len([line for line in found if line.startswith("targets/shop.toml")]) == 2


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{ env = "NOT_SET" }', "the environment variable NOT_SET is not set"),
        ('{ env = "EMPTY" }', "the environment variable EMPTY is not set"),
        ('{ file = "no/such/file" }', "cannot read no/such/file: No such file or directory"),
        ('{ file = "targets" }', "cannot read targets: Is a directory"),
        ('{ file = "empty" }', "empty is empty"),
        ('{ file = "binary" }', "cannot read binary: not text"),
    ],
)
def test_a_secret_that_is_not_there_is_a_mistake(
    loaded: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert mistakes(lambda: loaded(MAIN.replace('"hunter2"', value))) == [f"sync.toml: accounts.shop.password: {said}"]


def test_a_folder_without_a_file_says_how_to_begin(tmp_path: Path) -> None:
    (line,) = mistakes(lambda: load(tmp_path))
    assert line == f"{tmp_path / 'sync.toml'}: there is no such file: `customer-sync init DIR` writes one to start from"


def test_a_folder_without_a_target_says_so(loaded: Load) -> None:
    assert mistakes(lambda: loaded(MAIN, {})) == ["targets: there is no target: write one, targets/NAME.toml"]


def test_a_folder_of_targets_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "sync.toml").write_text(MAIN)
    (tmp_path / "targets").write_text("")
    assert mistakes(lambda: load(tmp_path)) == [f"{tmp_path / 'targets'}: Not a directory"]


def test_what_editors_and_systems_leave_in_the_folder_is_no_target(loaded: Load, tmp_path: Path) -> None:
    loaded(MAIN, {"shop": SHOP})
    (tmp_path / "targets" / ".#shop.toml").symlink_to("nobody@nowhere:4711")
    (tmp_path / "targets" / "._shop.toml").write_bytes(b"\x00\x05\x16\x07")
    assert list(load(Path()).targets) == ["shop"]


def test_a_file_may_begin_with_a_byte_order_mark_and_end_its_lines_as_windows_does(loaded: Load) -> None:
    def as_written_there(text: str) -> bytes:
        return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()

    assert list(loaded(as_written_there(MAIN), {"shop": as_written_there(SHOP)}).targets) == ["shop"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source = ", "targets/shop.toml: is not TOML: Invalid value (at end of document)"),
        ("a = 1\nb = [1 2]", "targets/shop.toml: is not TOML: Unclosed array (at line 2, column 8)"),
    ],
)
def test_what_is_no_toml_is_named_with_its_line(loaded: Load, text: str, said: str) -> None:
    assert mistakes(lambda: loaded(MAIN, {"shop": text})) == [said]


def test_what_is_no_text_is_no_toml(loaded: Load) -> None:
    (line,) = mistakes(lambda: loaded(MAIN, {"shop": b"\xff\xfe"}))
    assert line.startswith("targets/shop.toml: is not TOML: ")


@pytest.mark.parametrize(
    "main",
    [
        "",
        "sources = 5\naccounts = 5",
        "[sources]\ncrm = 5\n[accounts]\nshop = 5",
        "accounts = []\nsources = []",
        "[accounts.shop]\nvendor = 5",
    ],
)
@pytest.mark.parametrize("target", ["", "source = 5\naccount = 5", "fields = 5\nmaps = 5", SHOP, "[fields]\n[maps]\na = 5"])
def test_whatever_stands_there_is_a_mistake_and_no_crash(loaded: Load, main: str, target: str) -> None:
    assert mistakes(lambda: loaded(main, {"shop": target})) != []


def test_a_vendor_of_ones_own_is_taken(loaded: Load) -> None:
    settings = loaded(MAIN.replace('vendor = "sellercloud"', 'vendor = "sync.vendors.sellercloud:Sellercloud"'))
    assert settings.accounts["shop"].vendor.name == "sellercloud"


# ---- what makes every customer be looked at again


@pytest.mark.parametrize(
    ("old", "new", "other"),
    [
        ('"trim"', '"collapse"', True),
        ('id = "sellercloud_id"', 'id = "other_id"', True),
        ('id = "sellercloud_id"', 'id = "sellercloud_id"\nwhere = { Country = "AU" }', True),
        ('id = "sellercloud_id"', 'id = "sellercloud_id"\nwithout_id = "skip"', True),
        ("https://tt.example", "https://uu.example", True),
        ('"3/s"', '"4/s"', False),
        ("hunter2", "hunter3", False),
        ('id = "sellercloud_id"', 'id = "sellercloud_id"\nevery = "5m"', False),
        ('id = "sellercloud_id"', 'id = "sellercloud_id"\ngates = { max_updates = 5 }', False),
        ("[fields]", "# a comment\n[fields]", False),
    ],
)
def test_the_fingerprint_is_another_where_the_map_or_the_place_is(loaded: Load, old: str, new: str, *, other: bool) -> None:
    before = loaded().targets["shop"].fingerprint
    after = loaded(MAIN.replace(old, new), {"shop": SHOP.replace(old, new)}).targets["shop"].fingerprint
    assert (before != after) == other


def test_another_text_of_a_function_that_a_map_calls_is_another_map(
    loaded: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib
    import sys

    monkeypatch.syspath_prepend(tmp_path)
    fingerprints = set()
    for body in ("'a'", "'b'"):
        (tmp_path / "mine_for_the_fingerprint.py").write_text(f"def comments(customer):\n    return {body}\n")
        importlib.invalidate_caches()
        sys.modules.pop("mine_for_the_fingerprint", None)
        target = SHOP + 'Comments = { call = "mine_for_the_fingerprint:comments" }\n'
        fingerprints.add(loaded(MAIN, {"shop": target}).targets["shop"].fingerprint)
    assert len(fingerprints) == 2


@pytest.mark.parametrize(
    ("old", "new", "other"),
    [
        ('table = "Customer"', 'table = "Customers"', True),
        ('table = "Customer"', 'query = "select * from Customer"', True),
        ('key = "CustomerId"', 'key = "Id"', True),
        ('key = "CustomerId"', 'key = "CustomerId"\ncursor = "UpdatedAt"', True),
        ("crm.sqlite", "erp.sqlite", True),
        ('key = "CustomerId"', 'key = "CustomerId"\noverlap = "1h"', False),
        ("[sources.crm]", "# a comment\n[sources.crm]", False),
    ],
)
def test_the_definition_of_a_source_is_another_where_its_rows_may_be(loaded: Load, old: str, new: str, *, other: bool) -> None:
    before, after = (loaded(text).sources["crm"].definition for text in (MAIN, MAIN.replace(old, new)))
    assert (before != after) == other


def test_an_editor_is_told_the_keys_of_every_kind_of_source() -> None:
    schema = SyncTable.model_json_schema()
    kinds = schema["properties"]["sources"]["additionalProperties"]["oneOf"]
    models = [schema["$defs"][kind["$ref"].rpartition("/")[2]] if "$ref" in kind else kind for kind in kinds]
    assert [model["properties"]["kind"]["const"] for model in models] == list(KINDS)


# ---- single values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("2d", 172_800),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        (" 5 m ", 300),
        ("7", 7),
        (7, 7),
        ("0s", 0),
    ],
)
def test_a_duration(text: object, seconds: float) -> None:
    assert TypeAdapter(Duration).validate_python(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "5 minutes", "-5s", "1h30m", True, None, [], "1e3s", "5M", "\u0665s", "99999999999999d"]
)
def test_a_duration_that_is_none(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(text)


@pytest.mark.parametrize(
    ("text", "count", "seconds"),
    [
        ("3/s", 3, 1),
        ("10800/h", 10_800, 3600),
        (" 5 / m ", 5, 60),
        ("1/d", 1, 86_400),
        ("0.5/s", 1, 2),
        ("1.5/s", 3, 2),
        ("2.0/s", 2, 1),
    ],
)
def test_a_rate_below_one_or_between_two_is_the_same_over_a_longer_time(text: str, count: int, seconds: float) -> None:
    rate = TypeAdapter(RateText).validate_python(text)
    assert (rate.count, rate.seconds) == (count, seconds)


@pytest.mark.parametrize("text", ["", "3", "3/w", "0/s", "0.0/s", "-3/s", "/s", "3/ms", 3, None, "a/s", "3/s/s"])
def test_a_rate_that_is_none(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RateText).validate_python(text)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("30%", Limit("30%", share=0.3)),
        ("0.5 %", Limit("0.5 %", share=0.005)),
        ("0%", Limit("0%", share=0.0)),
        ("100%", Limit("100%", share=1.0)),
        (0, Limit("0", number=0)),
        (5, Limit("5", number=5)),
    ],
)
def test_a_limit(text: object, limit: Limit) -> None:
    assert TypeAdapter(LimitText).validate_python(text) == limit


@pytest.mark.parametrize("text", ["", "%", "101%", "-1%", -1, "5", 0.5, True, None])
def test_a_limit_that_is_none(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LimitText).validate_python(text)


def test_only_a_table_of_exactly_that_key_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NAME", "value")
    complaints: list[tuple[str, str]] = []
    tree = {
        "a": {"env": "A_NAME"},
        "b": {"env": "A_NAME", "x": 1},
        "c": [{"env": "A_NAME"}, {"env": 5}],
        "d": {"e": {"env": "NOT_SET_HERE"}},
    }
    found = resolve(tree, lambda key, said: complaints.append((key, said)))
    assert found == {"a": "value", "b": {"env": "A_NAME", "x": 1}, "c": ["value", {"env": 5}], "d": {"e": ""}}
    assert complaints == [("d.e", "the environment variable NOT_SET_HERE is not set")]


# ---- one owner for each field


def test_a_field_that_two_targets_of_one_account_map_is_a_mistake_naming_both(loaded: Load) -> None:
    more = SHOP.replace("[fields]", '[fields]\nFax = "Fax"')
    assert mistakes(lambda: loaded(targets={"shop": SHOP, "second": more})) == [
        f"targets/shop.toml: fields.{field}: target second maps it, too, for the same account shop: leave it to one of them, "
        "or filter their customers apart with where, such as where = { Country = [...] } in both"
        for field in ("Name", "Email")
    ]


def test_targets_that_share_no_customer_or_no_field_may_share_an_account(loaded: Load) -> None:
    north, south = (SHOP.replace("[fields]", f'where = {{ Country = "{country}" }}\n[fields]') for country in ("NO", "CL"))
    fax = SHOP.partition("[fields]")[0] + '[fields]\nFax = "Fax"'
    settings = loaded(targets={"north": north, "south": south, "fax": fax})
    assert sorted(settings.targets) == ["fax", "north", "south"]
    assert settings.warnings == ()


def test_two_sources_can_hold_the_same_customer_as_well_as_one(loaded: Load) -> None:
    other = MAIN + '[sources.erp]\nkind = "sql"\nurl = "sqlite:///erp.sqlite"\ntable = "Customer"\nkey = "Id"\n'
    second = SHOP.replace('"crm"', '"erp"')
    assert len(mistakes(lambda: loaded(other, {"shop": SHOP, "second": second}))) == 2
    here, there = (text.replace("[fields]", f'where = {{ Country = "{country}" }}\n[fields]') for text, country in
                   ((SHOP, "NO"), (second, "CL")))  # fmt: skip
    assert sorted(loaded(other, {"shop": here, "second": there}).targets) == ["second", "shop"]


def test_a_gate_is_known_by_the_dotted_name_of_its_field_and_may_be_written_nested(loaded: Load) -> None:
    office = OFFICE + 'Fields = { Region = "Area" }\n[gates]\nmax_same_value = 5\nmin_source_rows = 9\n'
    nested = office + '[gates.max_field_changed]\nWebsite = "2%"\nFields.Region = 3\n'
    gates = loaded(MAIN, {"office": nested}).targets["office"].gates
    assert gates == GatePolicy(
        max_same_value=Limit("5", number=5),
        min_source_rows=9,
        max_field_changed={"Website": Limit("2%", share=0.02), "Fields.Region": Limit("3", number=3)},
    )


def test_who_is_told_is_a_secret_and_may_stand_elsewhere(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "json://hook.example/token")
    settings = loaded(MAIN + '[alerts]\nurls = [{ env = "HOOK" }, "mailto://u:p@mail.example"]\nafter = "1m"\n')
    assert settings.alerts.addresses == (
        ("alerts.urls[0]", "json://hook.example/token"),
        ("alerts.urls[1]", "mailto://u:p@mail.example"),
    )
    assert (settings.alerts.after, settings.alerts.intervals) == (timedelta(minutes=1), 5)
    assert "token" not in repr(settings.alerts)
    with pytest.raises(ConfigError, match=r"alerts\.urls\[0\]: the environment variable NOBODY_HAS_THIS is not set"):
        loaded(MAIN + '[alerts]\nurls = [{ env = "NOBODY_HAS_THIS" }]\n')


@pytest.mark.parametrize("password", ["12/34", "pa?ss", "12#34"])
def test_a_password_that_does_not_fit_into_an_address_is_told_with_what_to_write(password: str) -> None:
    """Else a part of it would be taken for the name of the database, which messages show."""
    with pytest.raises(ValidationError) as told:
        TypeAdapter(DatabaseUrl).validate_python(f"postgresql://u:{password}@db.example/crm")
    [problem] = told.value.errors(include_url=False, include_input=False)
    assert problem["msg"].startswith(("has an @ too late", "has to be a URL"))
    assert password not in str(problem)


@pytest.mark.parametrize("url", ["postgresql://u:12%2F34@db/crm", "sqlite:///var/a@b.db", "postgresql://db/crm?user=a@b"])
def test_an_at_sign_elsewhere_is_fine(url: str) -> None:
    assert TypeAdapter(DatabaseUrl).validate_python(url).get_secret_value() == url


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("postgresql://u:p%40ss@db/crm?sslmode=require", {"p%40ss", "p@ss"}),
        ("mysql://db/crm?user=u&password=hidden", {"hidden"}),
        ("https://api.example/customers?sort=name&api_key=hidden", {"hidden"}),
        ("sqlite:///var/a@b.db", set()),
    ],
)
def test_what_of_an_address_is_secret(address: str, secrets: set[str]) -> None:
    assert set(secrets_of(address)) == secrets
