"""Which fields two targets would both write for the same customer."""

from collections.abc import Mapping
from typing import Any

import pytest

from sync.settings.owners import Owned, apart, clashes, overlap


def target(name: str, *fields: str, account: str = "shop", where: Mapping[str, Any] | None = None) -> Owned:
    return Owned(name, f"targets/{name}.toml", account, where or {}, fields)


def found(*targets: Owned) -> list[tuple[str, str, str]]:
    return [(clash.target.name, clash.other.name, clash.field) for clash in clashes(targets)]


def test_a_field_that_two_targets_of_one_account_map_has_two_owners() -> None:
    assert found(target("b", "Name", "Email"), target("a", "Email", "Fax")) == [("b", "a", "Email")]


def test_another_account_is_another_place() -> None:
    assert found(target("a", "Name"), target("b", "Name", account="outlet")) == []


def test_other_fields_may_be_shared_out() -> None:
    assert found(target("a", "Name", "customer.city"), target("b", "Email", "customer.country")) == []


def test_every_pair_is_looked_at() -> None:
    three = [target(name, "Name") for name in "abc"]
    assert [(later, earlier) for later, earlier, _ in found(*three)] == [("b", "a"), ("c", "a"), ("c", "b")]


def test_targets_that_are_filtered_apart_do_not_meet() -> None:
    north, south = (target(name, "Name", where={"Country": (name,)}) for name in ("norway", "chile"))
    assert found(north, south) == []
    assert found(north, target("all", "Name")) == [("norway", "all", "Name")]


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        ({"A": (1, 2)}, {"A": (3,)}, True),
        ({"A": (1, 2)}, {"A": (2, 3)}, False),
        ({"A": (1,)}, {"B": (2,)}, False),
        ({"A": (1,), "B": (1,)}, {"A": (1,), "B": (2,)}, True),
        ({"A": (True,)}, {"A": (1,)}, False),
        ({"A": ("x",)}, {}, False),
        ({"A": ()}, {"A": (1,)}, True),
    ],
)
def test_a_filter_keeps_apart_what_has_no_value_in_common(one: Any, other: Any, *, result: bool) -> None:
    assert apart(one, other) == result
    assert apart(other, one) == result


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        ("Fields.Region", "Fields.Region", True),
        ("Fields.Region", "Fields.Regional", False),
        ("metadata.address", "metadata.address.city", True),
        ("metadata.a", "metadata.b", False),
    ],
)
def test_a_field_of_a_free_object_counts_by_its_full_name(one: str, other: str, *, result: bool) -> None:
    assert overlap(one, other) == result
    assert overlap(other, one) == result
