"""What was sent, and what a reply shows of the customer -> what the vendor does not hold as sent."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from sync.errors import FieldError, Unclear
from sync.model import ABSENT, UNKNOWN, Change, Leaf, Receipt
from sync.vendors.holding import NOT_HELD, looked, otherwise, same

SAME: Sequence[tuple[Leaf, object]] = [
    ("Jo", "Jo"),
    (77, "77"),
    ("77", 77),
    (Decimal("1.50"), 1.5),
    (Decimal("1.50"), "1.5"),
    (Decimal(0), 0),
    (0, "0.0"),
    (True, True),
    (False, False),
    *((nothing, other) for nothing in ("", None, []) for other in ("", None, [])),
    (["a", 7], ["a", "7"]),
]
OTHER: Sequence[tuple[Leaf, object]] = [
    ("Jo", "jo"),
    ("Jo", None),
    ("Jo", ["Jo"]),
    ("Jo", {"name": "Jo"}),
    ("", "Jo"),
    (None, 0),
    (0, None),
    (False, None),
    (False, 0),
    (0, False),
    (True, 1),
    (1, True),
    (True, "True"),
    ("True", True),
    ("1.0", 1.0),
    (Decimal("1.5"), "much"),
    (Decimal("1.5"), "NaN"),
    (Decimal("1.5"), "Infinity"),
    (Decimal("1.5"), {}),
    (Decimal("1.5"), Decimal("1.50001")),
    (["a"], "a"),
    (["a"], ["a", "a"]),
    (["a", "b"], ["b", "a"]),
    (["a"], ["b"]),
]


@pytest.mark.parametrize(("sent", "held"), SAME, ids=repr)
def test_two_values_that_differ_in_jsons_spelling_alone_are_the_same(sent: Leaf, held: object) -> None:
    assert same(sent, held)


@pytest.mark.parametrize(("sent", "held"), OTHER, ids=repr)
def test_any_other_value_is_another(sent: Leaf, held: object) -> None:
    assert not same(sent, held)


@pytest.mark.parametrize(("held", "is_same"), [(["b", 7], True), (["7", "b"], True), (["b"], False), (["b", "8"], False)])
def test_where_order_says_nothing_a_list_is_the_same_in_any(held: object, is_same: bool) -> None:
    assert same([7, "b"], held, unordered=True) is is_same


def test_numbers_may_be_as_far_apart_as_a_vendor_rounds() -> None:
    within = Decimal("0.0001")
    assert [same(Decimal("1.5"), held, within=within) for held in (1.5001, 1.4999, 1.50011, 1.49989)] == [
        True,
        True,
        False,
        False,
    ]


# ---- receipts


def alike(field: str, sent: Leaf, held: object) -> bool:
    """This vendor has no case in names."""
    return str(sent).casefold() == str(held).casefold() if field == "Name" else same(sent, held)


def shown(**fields: Sequence[object]) -> Any:
    return lambda field: fields.get(field, ())


CHANGES = (Change("Name", "jo", "Jo"), Change("Fax", "1", "2"))


@pytest.mark.parametrize(
    ("reply", "missing"),
    [
        ({"Name": ["JO"], "Fax": ["2"]}, []),
        ({"Name": ["JO"]}, []),
        ({}, []),
        ({"Name": ["JO"], "Fax": ["1"]}, ["Fax"]),
        ({"Name": ["Bo"], "Fax": ["1"]}, ["Name", "Fax"]),
        ({"Name": ["Bo", "Jo"]}, []),
    ],
)
def test_an_update_that_was_accepted_misses_what_its_reply_shows_otherwise(
    reply: Mapping[str, Sequence[object]], missing: list[str]
) -> None:
    assert otherwise(CHANGES, shown(**reply), alike, "no") == Receipt(tuple(FieldError(field, "no") for field in missing))


@pytest.mark.parametrize(
    ("reply", "missing"),
    [
        ({"Name": ["JO"], "Fax": ["2"]}, []),
        ({"Name": ["Jo"], "Fax": ["1"]}, ["Fax"]),
        ({"Name": ["jo"], "Fax": ["2"]}, ["Name"]),  # that is the old value, to the letter
        ({"Name": ["jo", "Jo"], "Fax": ["2"]}, []),
    ],
)
def test_a_customer_read_back_misses_what_it_does_not_show_as_sent(
    reply: Mapping[str, Sequence[object]], missing: list[str]
) -> None:
    assert looked(CHANGES, shown(**reply), alike) == Receipt(tuple(FieldError(field, NOT_HELD) for field in missing))


@pytest.mark.parametrize("before", [ABSENT, UNKNOWN])
def test_where_nothing_was_known_before_what_is_like_the_new_value_is_held(before: Leaf) -> None:
    assert looked((Change("Name", before, "Jo"),), shown(Name=["jo"]), alike) == Receipt()


def test_a_customer_read_back_that_does_not_show_a_field_says_nothing_of_the_update() -> None:
    with pytest.raises(Unclear, match="does not show Fax"):
        looked(CHANGES, shown(Name=["Jo"]), alike)
