"""A record and a baseline -> the fields that differ."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model import ABSENT, UNKNOWN, Baseline, Change, Diff, Field, Identity, Record, Secret
from sync.pipeline.diff import diff, same

HERE = "https://vendor.example"

numbers = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-10_000, max_value=10_000)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | numbers | st.text(max_size=8)
leaves = st.one_of(scalars, st.lists(st.text(max_size=4), max_size=4), st.builds(Secret, st.text("abcdef", min_size=1)))
records = st.dictionaries(st.text("abc.", min_size=1, max_size=4), leaves, max_size=8)


def record(leaves: dict[str, Any], id: str = "4711") -> Record:
    return Record("7", Identity(id), leaves)


def baseline(leaves: dict[str, Any] | None, id: str = "4711", doubt: tuple[str, ...] = (), place: str = HERE) -> Baseline:
    return Baseline(place, id, leaves, frozenset(doubt))


def differ(after: dict[str, Any], before: Baseline | None, *, unordered: bool = False, **sources: tuple[str, ...]) -> Diff:
    return diff(record(after), before, place=HERE, about=lambda _name: Field(unordered=unordered), sources=sources)


def test_a_field_that_differs_is_told_with_both_values_and_where_it_comes_from() -> None:
    found = differ({"Email": "b@x.org", "Name": "Jo"}, baseline({"Email": "a@x.org", "Name": "Jo"}), Email=("Mail",))
    assert found == (Change("Email", "a@x.org", "b@x.org", ("Mail",)),)


def test_changes_are_sorted_by_field_whatever_the_order_of_the_map() -> None:
    assert [change.field for change in differ({"b": 1, "a": 1, "B": 1, "a.a": 1}, None)] == ["B", "a", "a.a", "b"]


def test_a_field_that_the_baseline_lacks_was_absent() -> None:
    assert differ({"a": 1, "b": None}, baseline({"a": 1})) == (Change("b", ABSENT, None),)


def test_a_field_that_the_record_lacks_is_left_alone() -> None:
    assert differ({"a": 1}, baseline({"a": 1, "b": 2})) == ()


@pytest.mark.parametrize(
    "before",
    [
        None,
        baseline(None),
        baseline({"a": 1}, id="4712"),
        baseline({"a": 1}, place="https://sandbox.example"),
        baseline({"a": 1}, doubt=("a",)),
    ],
    ids=["no baseline", "never acknowledged", "another id", "another place", "in doubt"],
)
def test_what_nobody_knows_is_unknown_and_goes_although_it_looks_the_same(before: Baseline | None) -> None:
    assert differ({"a": 1}, before) == (Change("a", UNKNOWN, 1),)


def test_doubt_reaches_no_other_field() -> None:
    assert differ({"a": 1, "b": 2}, baseline({"a": 1, "b": 2}, doubt=("b", "c"))) == (Change("b", UNKNOWN, 2),)


def test_a_record_without_fields_has_nothing_to_say() -> None:
    assert differ({}, None) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Decimal("1.50"), Decimal("1.5")),
        (1, Decimal("1.0")),
        (0, Decimal("-0")),
        ("", ""),
        (None, None),
        ([], []),
        (["a", "b"], ["a", "b"]),
        ([Decimal("1.50")], [Decimal("1.5")]),
        (Secret("f"), Secret("f", "hunter2")),
    ],
)
def test_what_means_the_same_is_no_change(before: Any, after: Any) -> None:
    assert same(before, after)
    assert same(after, before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (1, True),
        (0, False),
        ("1", 1),
        ("1.5", Decimal("1.5")),
        ("true", True),
        ("", None),
        ([], None),
        ([], ""),
        (0, None),
        (False, None),
        (0, ""),
        ("a", "A"),
        ("a", "a "),
        ("e\u0301", "\u00e9"),
        (["a"], ["a", "a"]),
        ([1], [True]),
        (["a", "b"], ["b", "a"]),
        ("a", ["a"]),
        (Secret("f"), Secret("g")),
        (Secret("f"), "f"),
    ],
)
def test_what_means_something_else_is_a_change(before: Any, after: Any) -> None:
    assert not same(before, after)
    assert not same(after, before)


def test_a_list_without_order_is_compared_as_often_as_each_item_stands_in_it() -> None:
    assert differ({"a": ["x", "y", "x"]}, baseline({"a": ["y", "x", "x"]}), unordered=True) == ()
    assert differ({"a": ["x", "y", "y"]}, baseline({"a": ["y", "x", "x"]}), unordered=True) != ()


def test_a_list_without_order_is_not_sorted_on_its_way() -> None:
    (change,) = differ({"a": ["z", "a"]}, baseline({"a": ["b"]}), unordered=True)
    assert change.after == ["z", "a"]


@given(records)
def test_a_record_does_not_differ_from_itself(leaves: dict[str, Any]) -> None:
    assert differ(leaves, baseline(leaves)) == ()


@given(records, st.none() | records, st.sets(st.text("abc.", min_size=1, max_size=4)))
def test_applying_the_diff_to_the_baseline_gives_the_record(
    after: dict[str, Any], before: dict[str, Any] | None, doubt: set[str]
) -> None:
    known = baseline(before, doubt=tuple(doubt))
    changes = differ(after, known)
    told = {name: value for name, value in (before or {}).items() if name not in doubt}
    told |= {change.field: change.after for change in changes}
    assert {name: told[name] for name in after} == after
    assert differ(after, baseline((before or {}) | told)) == ()


@given(records, records)
def test_only_what_changed_is_told_and_with_what_it_was(after: dict[str, Any], before: dict[str, Any]) -> None:
    for change in differ(after, baseline(before)):
        assert change.before == before.get(change.field, ABSENT)
        assert change.before is ABSENT or not same(change.before, change.after)


@given(
    st.lists(st.text() | numbers | st.integers(-(2**63), 2**63 - 1) | st.booleans(), max_size=6).flatmap(
        lambda items: st.tuples(st.just(items), st.permutations(items))
    )
)
def test_reordering_a_list_without_order_is_no_change(pair: tuple[list[Any], list[Any]]) -> None:
    before, after = pair
    assert same(before, after, unordered=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([Decimal(10), Decimal("9.0")], [Decimal("10.0"), Decimal(9)]),
        ([Decimal("1.0"), "a"], ["a", 1]),
        ([Decimal("1E+1"), Decimal("1.5")], [Decimal("1.50"), Decimal(10)]),
        ([2**70, 1], [1, 2**70]),
    ],
)
def test_numbers_in_a_list_without_order_count_by_what_they_mean(before: list[Any], after: list[Any]) -> None:
    assert same(before, after, unordered=True)
