"""A map's own tests: which pass, and what is said of those that do not."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from sync import app
from sync.errors import ConfigError
from sync.model import ABSENT, Mismatch, Said
from sync.reports.maptests import maptest_text
from sync.settings import load

MAIN = """
[sources.crm]
kind = "sql"
url = "sqlite:///nowhere.sqlite"
table = "customers"
key = "Id"
[accounts.shop]
vendor = "webcommander"
base_url = "https://shop.example/api/v4"
username = "u"
password = "p"
client_id = "c"
client_secret = "s"
redirect_uri = "https://shop.example/"
"""
TARGET = """
source = "crm"
account = "shop"
id = "Id"
where = { Country = ["AU", "NZ"] }
[fields]
credit_limit = "Limit"
[fields.customer]
first_name = "First"
email = { from = "Email", via = ["trim", "lower"] }
phone = { from = "Phone", via = ["phone:AU"] }
password = "Password"
"""
Try = Callable[[str], list[app.Failed]]
HOME = 'Country = "AU", '


@pytest.fixture
def tried(tmp_path: Path) -> Try:
    """Tries the tests of one target; what fails comes back."""

    def write_and_try(tests: str) -> list[app.Failed]:
        (tmp_path / "targets").mkdir(exist_ok=True)
        (tmp_path / "sync.toml").write_text(MAIN, encoding="utf-8")
        (tmp_path / "targets/shop.toml").write_text(TARGET + tests, encoding="utf-8")
        return app.try_maps(load(tmp_path))

    return write_and_try


def one(given: str, outcome: str) -> str:
    return f"\n[[tests]]\ngiven = {{ {given.strip(', ')} }}\n{outcome}\n"


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (HOME + 'First = "Zoë"', 'expect.customer.first_name = "Zoë"'),
        (HOME + 'First = "Zoë", Limit = 12.50', 'expect = { credit_limit = 12.5, customer.first_name = "Zoë" }'),
        (HOME + "Limit = 100", "expect = { credit_limit = 100.0 }"),
        (HOME + "First = 2026-11-22", "expect.customer.first_name = 2026-11-22"),
        (HOME + "First = 2026-11-22", 'expect.customer.first_name = "2026-11-22"'),
        (HOME + 'Password = "hunter2-hunter2"', 'expect.customer.password = "hunter2-hunter2"'),
        (HOME + 'Phone = "x"', 'expect_errors = { "customer.phone" = "not a phone number" }'),
        (HOME + 'Phone = "x"', 'expect_errors.customer.phone = "phone"'),
        ('Id = "", ' + HOME, 'expect_errors.Id = "empty"'),
        (HOME, "expect = {}"),
        ('Country = "FR"', "expect_skipped = true"),
        ('First = "Zoë"', "expect_skipped = true"),
    ],
)
def test_a_test_passes_where_the_map_does_what_it_says(tried: Try, given: str, outcome: str) -> None:
    assert tried(one(given, outcome)) == []


@pytest.mark.parametrize(
    ("given", "outcome", "mismatch"),
    [
        (HOME + 'First = "Zoë "', 'expect.customer.first_name = "Zoë"', ("customer.first_name", "Zoë", "Zoë ")),
        (HOME + 'First = "Zoë"', "expect = {}", ("customer.first_name", ABSENT, "Zoë")),
        (HOME, 'expect.customer.first_name = "Zoë"', ("customer.first_name", "Zoë", ABSENT)),
        (HOME + "Limit = 12", 'expect.credit_limit = "12"', ("credit_limit", "12", 12)),
        (
            HOME + 'Phone = "x"',
            "expect = {}",
            ("customer.phone", ABSENT, Said("the error: from Phone via phone:AU: not a phone number")),
        ),
        (HOME, 'expect_errors.customer.phone = "empty"', ("customer.phone", Said("the error: empty"), Said("no error"))),
        (
            HOME + 'Phone = "x"',
            'expect_errors.customer.phone = "empty"',
            ("customer.phone", Said("the error: empty"), Said("the error: from Phone via phone:AU: not a phone number")),
        ),
        (HOME, "expect_skipped = true", ("", Said("skipped"), Said("a record"))),
        ("", "expect = {}", ("", Said("a record"), Said("skipped: where or without_id leaves this customer out"))),
    ],
)
def test_what_differs_is_told_field_by_field(tried: Try, given: str, outcome: str, mismatch: tuple[str, object, object]) -> None:
    (failed,) = tried(one(given, outcome))
    assert failed.mismatches == (Mismatch(*mismatch),)


def test_a_password_is_never_shown(tried: Try) -> None:
    (failed,) = tried(one(HOME + 'Password = "hunter2-hunter2"', 'expect.customer.password = "hunter3-hunter3"'))
    shown = maptest_text(failed.file, failed.test, failed.mismatches, io.StringIO())
    assert shown.count("***") == 2
    assert "hunter" not in shown + repr(failed)


def test_the_places_where_two_texts_differ_are_marked_below_them() -> None:
    mismatches = (Mismatch("Email", "anna@x.org", "Anna@x.org"), Mismatch("Fax", ABSENT, "1"))
    assert maptest_text("shop.toml", "tests[0]", mismatches, io.StringIO()).splitlines() == [
        "shop.toml: tests[0] fails",
        "  Email",
        '    expected  "anna@x.org"',
        "               ^",
        '    got       "Anna@x.org"',
        "               ^",
        "  Fax",
        "    expected  absent",
        '    got       "1"',
    ]


@pytest.mark.parametrize(
    ("test", "mistake"),
    [
        (
            one('Frist = "x"', "expect = {}"),
            "tests[0].given.Frist: the map uses no such field of the source; did you mean First?",
        ),
        (one("", 'expect.customer.emial = "x"'), "tests[0].expect.customer.emial: the map has no such field; did you mean "),
        (one("", 'expect_cleared = ["credit"]'), "tests[0].expect_cleared.credit: the map has no such field"),
        (one("", 'expect_errors.customer.city = "x"'), "tests[0].expect_errors.customer.city: the map has no such field"),
        (one("", "expect = {}\nexpect_skipped = true"), "tests.0: one of expect (with expect_cleared), expect_errors and"),
        (one("", ""), "tests.0: one of expect (with expect_cleared), expect_errors and"),
        (one("", "expects = {}"), "tests.0.expects: unknown key; did you mean expect?"),
    ],
)
def test_a_name_that_the_map_does_not_know_is_a_mistake_of_the_config(tried: Try, test: str, mistake: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        tried(test)
    assert f"targets/shop.toml: {mistake}" in str(wrong.value)


def test_a_function_may_read_whatever_is_given(tried: Try, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "maps_of_a_test.py").write_text("def city(customer):\n    return customer['Anything']\n")
    monkeypatch.syspath_prepend(tmp_path)
    given = one(HOME + 'Anything = "Perth"', 'expect.customer.city = "Perth"')
    assert tried('city = { call = "maps_of_a_test:city" }\n' + given) == []
