"""A customer -> the record that one target should hold, or why it cannot."""

import copy
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field as Alias

from sync.errors import FieldError
from sync.model import Customer, Field, Identity, Record, Request, Secret
from sync.pipeline.project import Misfit, Projection, flatten, project
from sync.pipeline.rules import compile_rules
from sync.stores.codec import decode, encode
from sync.vendors import bundled
from sync.vendors.schema import Amount, Exact, Flag, Password, Schema, Text, Whole, fields

MAPS = {"terms": {"30": "Net 30"}}


class Address(Schema):
    city: Annotated[Text | None, Field(clear="")] = None
    zip: Text | None = None


class Shop(Schema):
    name: Text | None = None
    email: Annotated[Text | None, Field(clear="")] = None
    stars: Whole | None = None
    credit: Annotated[Amount | None, Field(clear=None)] = None
    factor: Exact | None = None
    active: Flag | None = None
    tags: Annotated[list[Text] | None, Field(clear=[], unordered=True, empty_is_null=True)] = None
    aliases: Annotated[list[Text] | None, Field(clear=[])] = None
    password: Password | None = None
    home: Address | None = None
    spelled: Annotated[Text | None, Alias(alias="Spelled-Otherwise"), Field(clear="")] = None
    extra: Annotated[dict[str, Text], Field(clear="", free=True)] | None = None


def identify(value: object) -> Identity:
    if not str(value).isdigit():
        raise ValueError("the vendor's id has to be a whole number")
    return Identity(str(value))


def projection(table: dict[str, Any], **more: Any) -> Projection:
    known = fields(Shop)
    rules, mistakes = compile_rules(table, known, MAPS)
    assert mistakes == []
    return Projection(rules, Shop, known, "id", identify, lambda text: f"<{len(text)}>", **more)


def made(table: dict[str, Any], **values: Any) -> Any:
    """The leaves, or the errors."""
    found = project(Customer("7", {"id": 4711, **values}), projection(table))
    return found.leaves if isinstance(found, Record) else [(error.field, error.message) for error in found.errors]  # type: ignore[union-attr]


def test_a_customer_in_trouble_is_rejected_with_the_words_of_its_source_and_claims_no_id() -> None:
    found = project(Customer("7", {"id": 4711}, trouble="two rows have this key"), projection({"email": "mail"}))
    assert found == Misfit((FieldError("", "two rows have this key"),), "")


def test_what_is_wrong_with_a_whole_row_is_told_without_a_field() -> None:
    assert [str(FieldError("", "two rows")), str(FieldError("Email", "is empty"))] == ["two rows", "Email: is empty"]


def test_a_record_holds_the_mapped_fields_only_and_how_the_vendor_knows_the_customer() -> None:
    found = project(Customer("7", {"id": 4711, "mail": "a@x.org", "secret": 1}), projection({"email": "mail"}))
    assert found == Record("7", Identity("4711"), {"email": "a@x.org"})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Mail", "a@x.org"),
        ({"from": "Mail"}, "a@x.org"),
        ("{First} {Last}", "Jo Doe"),
        ({"from": "{First}-{Last}", "via": ["upper"]}, "JO-DOE"),
        ({"value": "web"}, "web"),
        ({"value": "web", "via": ["upper"]}, "WEB"),
        ({"call": "json:dumps", "via": ["truncate:1"]}, None),
        ({"call": "builtins:len", "via": ["trim"]}, "3"),
    ],
)
def test_every_form_of_a_rule(written: Any, expected: str | None) -> None:
    values = {"Mail": "a@x.org", "First": "Jo", "Last": "Doe"}
    rule = projection({"name": written}).rules[0]
    if expected is None:
        with pytest.raises(ValueError, match=r"^call json:dumps: raised TypeError$"):
            rule.read(values)
    else:
        assert rule.read(values) == expected


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("{a} {b}", {"a": "x", "b": None}, {"name": "x"}),
        ("{a} {b}", {"a": None, "b": "x"}, {"name": "x"}),
        ("{a} {b}", {"a": None, "b": None}, {}),
        ("{a}", {}, {}),
        ("Dear {a}!", {"a": None}, {}),
        ("{a}, {b}", {"a": "", "b": None}, {"name": ","}),
        ("{a} {b}", {"a": "", "b": ""}, {"name": ""}),
        ("{a}{a}", {"a": 5}, {"name": "55"}),
        ("{{{a}}}", {"a": "x"}, {"name": "{x}"}),
        ("{{a}}", {"a": "x"}, {"name": "{a}"}),
        ("  {a}  ", {"a": " x "}, {"name": "x"}),
        ("{a b.c}", {"a b.c": True}, {"name": "true"}),
        ("{a}", {"a": Decimal("1.50")}, {"name": "1.50"}),
        ("{a}", {"a": "{b}", "b": "no"}, {"name": "{b}"}),
    ],
)
def test_in_a_template_a_null_is_empty_text_and_nulls_alone_are_null(
    template: str, values: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert made({"name": template}, **values) == expected


@pytest.mark.parametrize(
    ("when", "values", "expected"),
    [
        ("keep", {"mail": None}, {}),
        ("keep", {}, {}),
        ("clear", {"mail": None}, {"email": ""}),
        ("clear", {}, {"email": ""}),
        ("clear", {"mail": "a"}, {"email": "a"}),
        ("reject", {"mail": None}, [("email", "from mail: is empty, and the map says when_null = reject")]),
        ("reject", {"mail": ""}, {"email": ""}),
        ("keep", {"mail": ""}, {"email": ""}),
    ],
)
def test_a_null_is_kept_cleared_or_rejected_as_the_map_says(when: str, values: dict[str, Any], expected: Any) -> None:
    assert made({"email": {"from": "mail", "when_null": when}}, **values) == expected


def test_a_field_is_cleared_in_the_vendors_own_way() -> None:
    table = {name: {"from": "x", "when_null": "clear"} for name in ("email", "credit", "tags", "Spelled-Otherwise")}
    assert made(table | {"home": {"city": {"from": "x", "when_null": "clear"}}}) == {
        "email": "",
        "credit": None,
        "tags": [],
        "Spelled-Otherwise": "",
        "home.city": "",
    }


def test_what_a_transform_makes_null_is_null() -> None:
    rule = {"from": "mail", "via": ["trim", "lower", "null_if:n/a", "upper"], "when_null": "clear"}
    assert made({"email": rule}, mail=" N/A ") == {"email": ""}


def test_a_default_fills_a_null_wherever_it_arose() -> None:
    rule = {"from": "mail", "via": ["trim", "null_if:", "default:None given", "upper"]}
    assert made({"email": rule}, mail="  ") == {"email": "NONE GIVEN"}
    assert made({"email": rule}) == {"email": "NONE GIVEN"}


def test_false_zero_and_empty_text_are_values() -> None:
    table = {"active": "a", "stars": "b", "email": "c", "credit": "d"}
    assert made(table, a=False, b=0, c="", d=Decimal(0)) == {"active": False, "stars": 0, "email": "", "credit": Decimal(0)}


def test_an_empty_list_is_no_value_only_where_the_vendor_says_so() -> None:
    table = {name: {"from": "x", "via": ["split:;"]} for name in ("tags", "aliases")}
    assert made(table, x="") == {"aliases": []}
    assert made({"tags": {"value": []}}) == {"tags": []}
    assert made({"tags": {"from": "x", "via": ["split:;"], "when_null": "reject"}}, x="") == [
        ("tags", "from x: is empty, and the map says when_null = reject")
    ]


def test_what_means_the_same_is_taken_by_the_schema() -> None:
    table = {"name": "a", "stars": "b", "active": "c", "factor": "d", "credit": "e"}
    assert made(table, a=5, b=4.0, c=1, d=1.50, e=Decimal("1.50")) == {
        "name": "5",
        "stars": 4,
        "active": True,
        "factor": Decimal("1.5"),
        "credit": Decimal("1.5"),
    }


@pytest.mark.parametrize(
    ("field", "written", "value", "said"),
    [
        ("stars", "x", "hunter2", 'from x: input should be a valid integer: via = ["int"] reads text'),
        ("name", "x", b"hunter2", "from x: input should be a valid string"),
        ("name", "{x}", b"hunter2", "from x: a bytes is not text"),
        ("credit", "x", Decimal(-47114711), "from x: input should be greater than or equal to 0"),
        ("active", "x", "hunter2", 'from x: input should be a valid boolean: via = ["bool"] reads text'),
        ("credit", "x", "hunter2", 'from x: input should be a number: via = ["decimal:2"] reads text'),
        ("tags", "x", "hunter2", "from x: input should be a valid list"),
        ("tags", "x", ["a", "b", {"hunter2": 1}], "from x: input should be a valid string"),
        ("stars", {"from": "x", "via": ["trim", "int"]}, "hunter2", "from x via int: not a number"),
        ("name", {"from": "{x} {y}", "via": ["map:terms"]}, "hunter2", "from x, y via map:terms: no entry in [maps.terms]"),
        ("name", {"from": "x", "via": ["country:name"]}, "hunter2", "from x via country:name: not a country"),
        ("name", {"call": "operator:index"}, "hunter2", "call operator:index: raised TypeError"),
        ("stars", {"value": "many"}, None, "input should be a valid integer"),
        ("password", "x", 47114711, "from x: input should be a valid string"),
    ],
)
def test_an_error_names_field_source_and_rule_and_never_the_value(field: str, written: Any, value: Any, said: str) -> None:
    assert made({field: written}, x=value, y=1) == [(field, said)]


def test_an_error_in_a_nested_or_free_field_names_the_whole_path() -> None:
    table = {"home": {"city": "x"}, "extra": {"Favourite colour": "y"}, "Spelled-Otherwise": "z"}
    found = made(table, x=[1], y={"a": 1}, z=b"")
    assert [field for field, _ in found] == ["home.city", "Spelled-Otherwise", "extra.Favourite colour"]


def test_every_error_of_a_customer_is_told_at_once_with_the_id_that_it_claims() -> None:
    table = {"stars": "a", "email": {"from": "b", "when_null": "reject"}, "credit": {"from": "c", "via": ["decimal:2"]}}
    found = project(Customer("7", {"id": 4711, "a": "x", "c": "y"}), projection(table))
    assert isinstance(found, Misfit)
    assert ({error.field for error in found.errors}, found.id) == ({"stars", "email", "credit"}, "4711")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "the vendor's id of this customer is empty"),
        ("", "the vendor's id of this customer is empty"),
        ("hunter2", "the vendor's id has to be a whole number"),
    ],
)
def test_a_customer_without_a_usable_id_is_rejected_by_its_id_field(value: Any, said: str) -> None:
    assert project(Customer("7", {"id": value}), projection({})) == Misfit((FieldError("id", said),), "")


def test_an_id_that_is_none_does_not_hide_the_other_errors() -> None:
    found = project(Customer("7", {"id": "x", "a": "b"}), projection({"stars": "a"}))
    assert isinstance(found, Misfit)
    assert [error.field for error in found.errors] == ["id", "stars"]


@pytest.mark.parametrize("values", [{}, {"id": None}, {"id": ""}])
def test_customers_without_id_are_somebody_elses_where_the_map_skips_them(values: dict[str, Any]) -> None:
    assert project(Customer("7", values), projection({}, without_id="skip")) is None


def test_an_id_that_is_wrong_is_not_skipped() -> None:
    assert isinstance(project(Customer("7", {"id": "x"}), projection({}, without_id="skip")), Misfit)


def test_zero_is_an_id() -> None:
    assert project(Customer("7", {"id": 0}), projection({})) == Record("7", Identity("0"), {})


@pytest.mark.parametrize(
    ("where", "values", "taken"),
    [
        ({"Country": ("AU", "NZ")}, {"Country": "NZ"}, True),
        ({"Country": ("AU", "NZ")}, {"Country": "DE"}, False),
        ({"Country": ("AU",)}, {"Country": "au"}, False),
        ({"Country": ("AU",)}, {}, False),
        ({"Country": ("AU",), "Active": (True,)}, {"Country": "AU", "Active": 1}, True),
        ({"Country": ("AU",), "Active": (True,)}, {"Country": "AU", "Active": 0}, False),
        ({}, {}, True),
    ],
)
def test_where_takes_only_customers_with_these_values(where: dict[str, Any], values: dict[str, Any], *, taken: bool) -> None:
    found = project(Customer("7", {"id": 1, **values}), projection({}, where=where))
    assert (found is not None) == taken


def test_a_customer_of_somebody_else_is_not_looked_at_any_further() -> None:
    assert project(Customer("7", {"a": "x"}), projection({"stars": "a"}, where={"Country": ("AU",)})) is None


def test_a_password_is_known_by_its_fingerprint_and_shown_nowhere() -> None:
    found = made({"password": "x"}, x="hunter2")
    assert found == {"password": Secret("<7>")}
    assert (found["password"].text, "hunter2" in repr(found)) == ("hunter2", False)


def test_sources_are_known_by_field_for_whoever_reports_a_change() -> None:
    known = projection({"name": "{a} {b}", "email": "c", "stars": {"value": 1}, "home": {"city": "d"}})
    assert known.sources == {"name": ("a", "b"), "email": ("c",), "stars": (), "home.city": ("d",)}


def test_a_function_of_the_customer_cannot_change_it() -> None:
    values = {"id": 1, "a": 1}
    rule = projection({"name": {"call": "operator:delitem"}}).rules[0]
    with pytest.raises(ValueError, match=r"^call operator:delitem: raised TypeError$"):
        rule.read(values)
    assert values == {"id": 1, "a": 1}


# ---- flatten


def test_flatten_reaches_the_leaves_of_a_branch_that_is_new() -> None:
    tree = {"a": {"b": {"c": {"d": 1, "e": None}}}, "f": [1, {"g": 2}], "h": ""}
    assert dict(flatten(tree)) == {"a.b.c.d": 1, "a.b.c.e": None, "f": [1, {"g": 2}], "h": ""}


def test_an_object_without_members_is_no_leaf() -> None:
    assert dict(flatten({"a": {}, "b": {"c": {}}})) == {}


def test_a_float_becomes_the_decimal_that_it_shows() -> None:
    assert dict(flatten({"a": 0.1, "b": {"c": 1e22}})) == {"a": Decimal("0.1"), "b.c": Decimal("1E+22")}


trees = st.recursive(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3), st.none() | st.booleans() | st.integers() | st.text(max_size=3), max_size=4
    ),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=3), inner | st.integers(), max_size=4),
    max_leaves=20,
)


def leaves_of(tree: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[tuple[str, ...], str]]:
    found = set()
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= leaves_of(value, (*path, name))
        else:
            found.add(((*path, name), repr(value)))
    return found


@given(trees)
def test_flatten_leaves_nothing_out(tree: dict[str, Any]) -> None:
    assert {(tuple(name.split(".")), repr(value)) for name, value in flatten(tree)} == leaves_of(tree)


# ---- for any customer

TABLE = {
    "name": "{a} {b}",
    "email": {"from": "a", "via": ["trim", "lower", "null_if:"], "when_null": "clear"},
    "stars": {"from": "b", "via": ["int"]},
    "factor": {"from": "c", "via": ["decimal:2"]},
    "credit": "c",
    "active": {"from": "d", "via": ["bool"]},
    "tags": {"from": "a", "via": ["split:;"]},
    "aliases": "e",
    "password": "a",
    "home": {"city": "b", "zip": {"from": "c", "via": ["digits"]}},
    "extra": {"X y": {"from": "d", "when_null": "reject"}},
}
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(max_size=6), st.binary(max_size=3),
    st.lists(st.text(max_size=3), max_size=3), st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.dates(), st.datetimes(),
)  # fmt: skip
customers = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), values).map(lambda found: {"id": 1, **found})


@given(customers)
def test_projecting_is_deterministic_and_leaves_the_customer_as_it_was(customer: dict[str, Any]) -> None:
    before = copy.deepcopy(customer)
    first, second = (project(Customer("7", customer), projection(TABLE)) for _ in range(2))
    assert repr(first) == repr(second)
    assert repr(customer) == repr(before)


@given(customers, st.sampled_from(["a", "b", "c", "d", "e"]))
def test_any_customer_becomes_a_record_or_is_rejected_in_words(customer: dict[str, Any], name: str) -> None:
    mark = "hunter2hunter2"
    found = project(Customer("7", customer | {name: mark}), projection(TABLE))
    assert isinstance(found, Record | Misfit)
    if isinstance(found, Misfit):
        assert found.errors != ()
        assert [error for error in found.errors if mark in error.message] == []


@pytest.mark.parametrize("vendor", ["sellercloud", "rpm", "webcommander", "sparklayer"])
@pytest.mark.parametrize("value", [2**70, [2**70], 1e20, Decimal("NaN"), float("inf"), "\ud800", ["\ud800"], b"\xff", {"a": 1}])
def test_whatever_a_source_holds_is_rejected_or_can_be_written(vendor: str, value: Any) -> None:
    schema = bundled()[vendor].Customer
    known = fields(schema)
    for name in known:
        rules, mistakes = compile_rules(nested(name.replace("*", "any"), "x", free=name.endswith("*")), known, {})
        assert mistakes == []
        there = replace(projection({}), rules=rules, schema=schema, fields=known)
        found = project(Customer("7", {"id": 1, "x": value}), there)
        if isinstance(found, Record):
            Request("PUT", "https://vendor.example", found.leaves).content(reveal=True)
            assert decode(encode(found.leaves)).keys() == found.leaves.keys()


def nested(name: str, rule: str, *, free: bool) -> dict[str, Any]:
    path = name.split(".", 1) if free else name.split(".")
    return {path[0]: nested(".".join(path[1:]), rule, free=free)} if path[1:] else {name: rule}
