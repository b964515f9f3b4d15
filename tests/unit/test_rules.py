"""A target's `[fields]` table -> rules, or every mistake in it by its key."""

import math
from pathlib import Path
from typing import Any

import pytest

from sync.model import Field
from sync.pipeline.rules import compile_rules, load, nearest

FIELDS = {
    "Name": Field(),
    "Email": Field(clear=""),
    "Phone1": Field(clear=""),
    "home.city": Field(clear=""),
    "home.geo.lat": Field(),
    "Fields.*": Field(clear="", free=True),
    "metadata.*": Field(free=True),
}
MAPS = {"terms": {"30": "Net 30"}}
UNCLEARABLE = 'the vendor cannot clear this field: use when_null = "keep" or "reject", or via = ["default:..."]'


def fields_of(table: dict[str, Any]) -> list[str]:
    rules, mistakes = compile_rules(table, FIELDS, MAPS)
    assert mistakes == []
    return [rule.field for rule in rules]


def mistakes_of(table: dict[str, Any]) -> list[tuple[str, str]]:
    return compile_rules(table, FIELDS, MAPS)[1]


def test_tables_nest_as_the_vendors_schema_does() -> None:
    table = {"Name": "a", "home": {"city": "b", "geo": {"lat": "c"}}}
    assert fields_of(table) == ["Name", "home.city", "home.geo.lat"]


def test_the_names_of_a_free_object_may_be_anything() -> None:
    table = {"Fields": {"Customer type": "a", "v1.2": "b", "from": "c", "Fields": {"value": 1}}}
    rules, mistakes = compile_rules(table, FIELDS, {})
    assert (mistakes, [rule.path for rule in rules]) == (
        [],
        [("Fields", "Customer type"), ("Fields", "v1.2"), ("Fields", "from"), ("Fields", "Fields")],
    )


def test_a_free_object_may_nest() -> None:
    assert fields_of({"metadata": {"a": {"b": {"from": "x"}, "c": "y"}}}) == ["metadata.a.b", "metadata.a.c"]


@pytest.mark.parametrize(
    ("written", "sources"),
    [
        ("a", ("a",)),
        ("{a} {b} {a}", ("a", "b")),
        ({"from": "{a}"}, ("a",)),
        ({"value": "a"}, ()),
        ({"value": 0}, ()),
        ({"value": False}, ()),
        ({"value": ""}, ()),
        ({"value": []}, ()),
        ({"call": "math:sqrt"}, ()),
        ("no braces, but a column", ("no braces, but a column",)),
    ],
)
def test_a_rule_knows_the_source_fields_that_it_is_made_from(written: Any, sources: tuple[str, ...]) -> None:
    (rule,), mistakes = compile_rules({"Name": written}, FIELDS, {})
    assert (rule.sources, mistakes) == (sources, [])


@pytest.mark.parametrize("value", [0, False, "", [], 1.5, ["a"], "{a}"])
def test_a_constant_stays_what_it_is(value: Any) -> None:
    (rule,), _ = compile_rules({"Name": {"value": value}}, FIELDS, {})
    assert rule.read({"a": 1}) == value


@pytest.mark.parametrize(
    ("table", "key", "said"),
    [
        ({"Emial": "a"}, "fields.Emial", "the vendor has no such field; did you mean Email?"),
        ({"email": "a"}, "fields.email", "the vendor has no such field; did you mean Email?"),
        ({"zzz": "a"}, "fields.zzz", "the vendor has no such field"),
        ({"home": {"citty": "a"}}, "fields.home.citty", "the vendor has no such field; did you mean home.city?"),
        ({"home": "a"}, "fields.home", "the vendor has no such field; did you mean home.city?"),
        ({"home": {"geo": "a"}}, "fields.home.geo", "the vendor has no such field; did you mean home.geo.lat?"),
        ({"Fields": "a"}, "fields.Fields", "the vendor has no such field; did you mean Fields.*?"),
        ({"Name": 5}, "fields.Name", 'a field is a name, a template, or a table such as { from = "Email" } or { value = 5 }'),
        ({"Name": ["a"]}, "fields.Name", 'a field is a name, a template, or a table such as { from = "Email" } or { value = 5 }'),
        ({"Name": {}}, "fields.Name", "one of from, value and call is needed"),
        ({"Name": {"via": ["trim"]}}, "fields.Name", "one of from, value and call is needed"),
        ({"Name": {"from": "a", "value": 1}}, "fields.Name", "one of from, value and call is needed"),
        ({"Name": {"form": "a"}}, "fields.Name", "unknown key form; did you mean from?"),
        ({"Name": {"from": "a", "when-null": "keep"}}, "fields.Name", "unknown key when-null; did you mean when_null?"),
        ({"Name": {"from": 5}}, "fields.Name", "from: input should be a valid string"),
        ({"Name": {"from": "a", "via": "trim"}}, "fields.Name", "via: input should be a valid list"),
        ({"Name": {"from": "a", "via": [5]}}, "fields.Name", "via.0: input should be a valid string"),
        (
            {"Name": {"from": "a", "when_null": "drop"}},
            "fields.Name",
            "when_null: input should be 'keep', 'clear' or 'reject'",
        ),
        ({"Name": {"from": "a", "when_null": "clear"}}, "fields.Name", UNCLEARABLE),
        ({"metadata": {"a": {"from": "x", "when_null": "clear"}}}, "fields.metadata.a", UNCLEARABLE),
        ({"Name": {"from": "a", "via": ["tirm"]}}, "fields.Name", "via: unknown transform tirm; did you mean trim?"),
        ({"Name": {"from": "a", "via": ["Trim"]}}, "fields.Name", "via: unknown transform Trim; did you mean trim?"),
        ({"Name": {"from": "a", "via": ["phone:ZZ"]}}, "fields.Name",
         "via: phone:ZZ: the argument has to be a country's two letters, such as phone:AU"),
        ({"Name": {"from": "a", "via": ["map:trems"]}}, "fields.Name", "via: map:trems: there is no table [maps.trems]"),
        ({"Name": {"call": "math"}}, "fields.Name", '"math" has to be written as package.module:name'),
        ({"Name": {"call": "math:pi"}}, "fields.Name", "math:pi is not a function"),
        ({"Name": {"call": "math:sqroot"}}, "fields.Name", "math has no sqroot"),
        ({"Name": {"call": "no_such.place:f"}}, "fields.Name", "cannot import no_such.place: No module named 'no_such'"),
        ({"Name": "{a"}, "fields.Name", "expected '}' before end of string"),
        ({"Name": "a}"}, "fields.Name", "Single '}' encountered in format string"),
        ({"Name": "{}"}, "fields.Name", "a template needs a name between its braces"),
        ({"Name": "{a:>5}"}, "fields.Name", "a template holds names in braces only, without formats"),
        ({"Name": "{a!r}"}, "fields.Name", "a template holds names in braces only, without formats"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_by_its_key(table: dict[str, Any], key: str, said: str) -> None:
    assert mistakes_of(table) == [(key, said)]


def test_all_mistakes_are_told_at_once_and_the_rest_is_compiled() -> None:
    rules, mistakes = compile_rules({"Nmae": "a", "Email": "b", "home": {"city": {"form": "c"}}}, FIELDS, {})
    assert ([rule.field for rule in rules], [key for key, _ in mistakes]) == (["Email"], ["fields.Nmae", "fields.home.city"])


def test_a_name_is_imported_from_its_module() -> None:
    assert load("math:sqrt") is math.sqrt


@pytest.mark.parametrize("place", [":", "math:", ":sqrt", "..:x", ".x:y", "math:sqrt.x", "a b:c"])
def test_a_place_that_is_none_is_a_lookup_error(place: str) -> None:
    with pytest.raises(LookupError):
        load(place)


def test_a_module_that_cannot_be_imported_is_a_mistake_and_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_unfinished.py").write_text("def comments(:\n")
    (tmp_path / "mine_broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    ((_, said),) = mistakes_of({"Name": {"call": "mine_unfinished:comments"}})
    assert said.startswith("cannot import mine_unfinished: SyntaxError: ")
    ((_, said),) = mistakes_of({"Name": {"call": "mine_broken:comments"}})
    assert said == "cannot import mine_broken: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Emial", "; did you mean Email?"), ("EMAIL", "; did you mean Email?"), ("x", ""), ("", "")],
)
def test_the_nearest_name_is_offered_only_if_there_is_one_like_it(name: str, hint: str) -> None:
    assert nearest(name, ["Email", "Phone1"]) == hint
