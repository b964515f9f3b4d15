"""Each field of each vendor's schema, carried to the sandbox: the sandbox, which reads the pages for itself, holds it."""

from collections.abc import Callable
from typing import Any

import pytest

from sync.model import NEVER, Outcome
from sync.vendors import bundled
from sync.vendors.schema import fields

NAMES = sorted(bundled())
KNOWN = {name: fields(bundled()[name].Customer) for name in NAMES}
FIELDS = [(name, field) for name in NAMES for field in KNOWN[name]]
CLEARABLE = [(name, field) for name, field in FIELDS if KNOWN[name][field].clear is not NEVER]
AS_HELD = {
    "Fields.No. of sites": "0",
    "Fields.VIP": "No",
    "Fields.Regions": "North, South",
    "Rating": 1,
    "customer.shipping_profile": 12,
    "currency_code": "gbp",
    "payment_on_account.currency_code": "eur",
    "addresses": [{"address_line1": "1 High St", "city": "Köln", "country_code": "DE", "external_id": "A/1", "id": "ca_1_0_0"}],
    "default_billing_address_id": "ca_1_0_0",
    "default_shipping_address_id": "ca_1_0_0",
}
"""What is said in another way than the map has it, or is given an id."""
Open = Callable[[str], Any]
Values = Callable[[str], dict[str, Any]]


def tried(field: str, values: dict[str, Any]) -> dict[str, Any]:
    """The field with its value; of a free object every member."""
    prefix = field.removesuffix("*")
    return {name: value for name, value in values.items() if name == field or (prefix != field and name.startswith(prefix))}


@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_value_for_every_field(name: str, values_of: Values) -> None:
    assert [field for field in KNOWN[name] if not tried(field, values_of(name))] == []


@pytest.mark.parametrize(("name", "field"), FIELDS)
async def test_a_field_that_is_sent_alone_is_held(name: str, field: str, desk_of: Open, values_of: Values) -> None:
    desk, sent = desk_of(name), tried(field, values_of(name))
    settlement = await desk.carry(desk.update(sent))
    assert (settlement.outcome, settlement.errors) == (Outcome.DELIVERED, ())
    assert {path: desk.held(path) for path in sent} == {path: AS_HELD.get(path, value) for path, value in sent.items()}


@pytest.mark.parametrize(("name", "field"), CLEARABLE)
async def test_a_field_that_is_cleared_is_empty(name: str, field: str, desk_of: Open, values_of: Values) -> None:
    desk, sent = desk_of(name), tried(field, values_of(name))
    first = desk.update(sent)
    await desk.carry(first)
    clear = desk.update(dict.fromkeys(sent), before=first.leaves)
    assert [change.field for change in clear.changes] == sorted(sent)
    settlement = await desk.carry(clear)
    assert (settlement.outcome, settlement.errors) == (Outcome.DELIVERED, ())
    assert [path for path in sent if desk.held(path) not in (None, "", [], 0)] == []


@pytest.mark.parametrize("name", NAMES)
async def test_a_clear_touches_no_other_field(name: str, desk_of: Open, values_of: Values) -> None:
    desk, values = desk_of(name), dict(values_of(name))
    values.pop("parent_customer.external_id", None)  # a parent has one id
    first = desk.update(values)
    await desk.carry(first)
    left = {path: desk.held(path) for path in values}
    for path, value in values.items():
        clear = desk.update({path: None}, before=first.leaves)
        if clear.leaves[path] is NEVER:
            continue
        await desk.carry(clear)
        assert {other for other in values if desk.held(other) != left[other]} == {path}
        await desk.carry(desk.update({path: value}, before=clear.leaves))
        assert {other for other in values if desk.held(other) != left[other]} == set()
