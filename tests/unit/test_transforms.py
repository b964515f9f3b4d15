"""The words of `via`."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.pipeline.transforms import EXAMPLES, PER_ITEM, names, text, transform

MAPS = {"terms": {"30": "Net 30", "true": "Cash"}, "rest": {"a": 1, "*": 0}}
SECRET = "hunter2-4111"


def via(rule: str, value: Any) -> Any:
    return transform(rule, MAPS)(value)


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("trim", "  a  b\t\n", "a  b"),
        ("trim", 5, "5"),
        ("collapse", " a \n b\u00a0 c ", "a b c"),
        ("lower", "ÄBC", "äbc"),
        ("upper", "straße", "STRASSE"),
        ("title", "anna-lena o'brien's SHOP", "Anna-Lena O'Brien's Shop"),
        ("title", "d\u2019arcy it\u2019s", "D\u2019Arcy It\u2019s"),
        ("digits", "+61 (0)2 9999-1234", "610299991234"),
        ("digits", "none", ""),
        ("truncate:3", "abcdef", "abc"),
        ("truncate:3", "ab", "ab"),
        ("truncate:0", "ab", ""),
        ("default:n/a", None, "n/a"),
        ("default:n/a", "", ""),
        ("default:n/a", 0, 0),
        ("default:a:b", None, "a:b"),
        ("default:", None, ""),
        ("null_if:n/a", "n/a", None),
        ("null_if:n/a", "N/A", "N/A"),
        ("null_if:0", 0, None),
        ("null_if:0", Decimal("0.0"), Decimal("0.0")),
        ("null_if:", "", None),
        ("null_if:a", ["a"], ["a"]),
        ("split:;", " a ;; b;", ["a", "b"]),
        ("split:", "a, b", ["a", "b"]),
        ("split:, ", "a, b,c", ["a", "b,c"]),
        ("split:;", "", []),
        ("join:, ", ["a", 1, True], "a, 1, true"),
        ("join:", ["a", "b"], "ab"),
        ("join:;", "a", "a"),
        ("join:;", [], ""),
        ("int", " 42 ", 42),
        ("int", "42.0", 42),
        ("int", Decimal("4.2E1"), 42),
        ("int", "-0", 0),
        ("int", 9.0, 9),
        ("decimal:2", "1.005", Decimal("1.01")),
        ("decimal:2", "1.5", Decimal("1.50")),
        ("decimal:0", 2.5, Decimal(3)),
        ("decimal:2", -1.005, Decimal("-1.01")),
        ("bool", "Yes", True),
        ("bool", " on ", True),
        ("bool", 1, True),
        ("bool", True, True),
        ("bool", "n", False),
        ("bool", 0, False),
        ("bool", "F", False),
        ("date:%Y-%m-%d", "2026-11-22T10:00:00Z", "2026-11-22"),
        ("date:%d.%m.%y %H:%M", datetime(2026, 11, 22, 10, 5, tzinfo=UTC), "22.11.26 10:05"),
        ("date:%m/%d/%Y", date(2026, 11, 22), "11/22/2026"),
        ("date:%Y", " 2026-11-22 ", "2026"),
        ("phone:AU", "(02) 9999 1234", "+61299991234"),
        ("phone:AU", "+61 2 9999 1234", "+61299991234"),
        ("phone:au", "0011 61 2 9999 1234", "+61299991234"),
        ("phone:DE", "+61 2 9999 1234", "+61299991234"),
        ("phone:DE", "030 901820", "+4930901820"),
        ("phone:AU", "(02) 9999 1234 ext 12", "+61299991234 ext. 12"),
        ("phone:AU", "+61299991234 ext. 12", "+61299991234 ext. 12"),
        ("phone:US", "(415) 555-2671 x89", "+14155552671 ext. 89"),
        ("country:name", "au", "Australia"),
        ("country:name", "Deutschland", "Germany"),
        ("country:alpha2", "AUS", "AU"),
        ("country:alpha2", " germany ", "DE"),
        ("country:alpha2", "USA", "US"),
        ("country:alpha2", "United Kingdom", "GB"),
        ("country:alpha2", "UK", "GB"),
        ("country:alpha2", "Czech Republic", "CZ"),
        ("country:alpha3", "New Zealand", "NZL"),
        ("country:alpha3", "gb", "GBR"),
        ("country:alpha3", "\u65e5\u672c", "JPN"),
        ("map:terms", "30", "Net 30"),
        ("map:terms", 30, "Net 30"),
        ("map:terms", True, "Cash"),
        ("map:rest", "a", 1),
        ("map:rest", "anything else", 0),
    ],
)
def test_every_word_does_what_it_says(rule: str, value: Any, expected: Any) -> None:
    found = via(rule, value)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("rule", "value", "said"),
    [
        ("trim", b"hunter2-4111", "a bytes is not text"),
        ("lower", {"a": SECRET}, "a dict is not text"),
        ("upper", [None], "a NoneType is not text"),
        ("int", SECRET, "not a number"),
        ("int", "1.5", "not a whole number"),
        ("int", "", "not a number"),
        ("int", float("nan"), "not a number"),
        ("int", "Infinity", "not a number"),
        ("int", "1e999999999", "a number out of bounds"),
        ("decimal:2", SECRET, "not a number"),
        ("decimal:2", "sNaN", "not a number"),
        ("decimal:2", "1e30", "a number out of bounds"),
        ("decimal:2", "9" * 30, "a number out of bounds"),
        ("bool", SECRET, "neither yes nor no"),
        ("bool", 2, "neither yes nor no"),
        ("bool", "", "neither yes nor no"),
        ("date:%Y", SECRET, "not a date"),
        ("date:%Y", 20261122, "not a date"),
        ("date:%Y", "2026-13-01", "not a date"),
        ("phone:AU", "ask for hunter", "not a phone number"),
        ("phone:AU", "12", "not a possible phone number"),
        ("phone:AU", "", "not a phone number"),
        ("country:name", SECRET, "not a country"),
        ("country:name", "", "not a country"),
        ("country:name", 61, "not a country"),
        ("split:;", ["a"], "a list is not text"),
        ("join:;", [["a"]], "a list is not text"),
        ("null_if:x", b"x", "a bytes is not text"),
        ("map:terms", SECRET, "no entry in [maps.terms]"),
    ],
)
def test_what_does_not_fit_is_told_without_its_value(rule: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError) as wrong:  # noqa: PT011 - the text is compared below
        via(rule, value)
    assert str(wrong.value) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("trim:5", "trim takes no argument"),
        ("int:", "int takes no argument"),
        ("truncate", "truncate needs an argument, such as truncate:40"),
        ("default", "default needs an argument, such as default:none"),
        ("map", "map needs an argument, such as map:NAME"),
        ("truncate:x", "the argument has to be a whole number"),
        ("truncate:-1", "the argument has to be a whole number"),
        ("decimal:", "the argument has to be a whole number"),
        ("decimal:\u00b2", "the argument has to be a whole number"),
        ("date:", "the argument has to be a format, such as %Y-%m-%d"),
        ("phone:XX", "the argument has to be a country's two letters, such as phone:AU"),
        ("phone:", "the argument has to be a country's two letters, such as phone:AU"),
        ("country:long", "the argument has to be name, alpha2 or alpha3"),
        ("map:none", "there is no table [maps.none]"),
    ],
)
def test_an_argument_that_is_none_is_a_mistake_before_any_customer_is_read(rule: str, said: str) -> None:
    with pytest.raises(ValueError) as wrong:  # noqa: PT011 - the text is compared below
        transform(rule, MAPS)
    assert str(wrong.value) == said


def test_a_word_that_is_none_is_named() -> None:
    with pytest.raises(LookupError) as wrong:
        transform("tirm", {})
    assert wrong.value.args == ("tirm",)


def test_every_word_is_listed_and_every_example_works() -> None:
    assert names() == sorted([
        "trim", "collapse", "lower", "upper", "title", "digits", "truncate", "default", "null_if", "split", "join", "int",
        "decimal", "bool", "date", "phone", "country", "map",
    ])  # fmt: skip
    assert [rule for rule in EXAMPLES.values() if rule != "map:NAME" and not callable(transform(rule, {}))] == []


@pytest.mark.parametrize("rule", sorted(PER_ITEM))
def test_a_list_is_transformed_item_by_item(rule: str) -> None:
    tried = {"map": ("map:terms", "30"), "phone": ("phone:AU", "0299991234"), "country": ("country:alpha2", "AUS")}
    name, item = tried.get(rule, (EXAMPLES.get(rule, rule), "1"))
    name, item = (name, "2026-11-22") if rule == "date" else (name, item)
    assert via(name, [item, item]) == [via(name, item)] * 2
    assert via(name, []) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1.50, "1.5"),
        (1e22, "10000000000000000000000"),
        (0.1, "0.1"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+2"), "100"),
        (date(2026, 11, 22), "2026-11-22"),
        (datetime(2026, 11, 22, 10, 0), "2026-11-22 10:00:00"),  # noqa: DTZ001 - a database without zones
    ],
)
def test_a_scalar_as_a_person_would_write_it(value: Any, expected: str) -> None:
    assert text(value) == expected


@given(st.text(), st.sampled_from(["trim", "collapse", "lower", "upper", "digits", "truncate:5", "split:;"]))
def test_any_text_is_taken(value: str, rule: str) -> None:
    via(rule, value)


@given(
    st.text()
    | st.text().map("\N{SNOWMAN}".__add__)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.decimals()
    | st.dates()
    | st.binary()
    | st.lists(st.text()),
    st.sampled_from(sorted({*names(), *EXAMPLES.values()} - set(EXAMPLES) - {"map:NAME"})),
)
def test_whatever_does_not_fit_is_a_value_error(value: Any, rule: str) -> None:
    try:
        via(rule, value)
    except ValueError as wrong:
        assert "\N{SNOWMAN}" not in str(wrong)  # noqa: PT017 - either way is right


@given(
    st.text(alphabet=" abcAB1\n\u00e4\u00df'", max_size=20),
    st.sampled_from(["trim", "collapse", "lower", "upper", "title", "digits"]),
)
def test_doing_it_twice_changes_nothing_more(value: str, rule: str) -> None:
    once = via(rule, value)
    assert via(rule, once) == once
