"""An update of every field, sent to the sandbox and read back: `look` says what is held, and what is not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sync.errors import Refused, Unclear
from sync.model import NEVER, Outcome, Receipt
from sync.sandbox.faults import Fault
from sync.vendors import bundled

HIDDEN = {
    "rpm": {"Address"},
    "sellercloud": set(),
    "sparklayer": {"parent_customer.external_id"},
    "webcommander": {"customer.newsletter.subscribed", "customer.password"},
}
"""What no read shows; and of a parent one id only, the other would name somebody else."""
NAMES = sorted(bundled())
FAULTS = [Fault("wrong_id"), *(Fault("garbage", kind=kind) for kind in ("html", "utf8", "empty", "truncated", "list", "object"))]
Open = Callable[[str], Any]
Values = Callable[[str], dict[str, Any]]


def shown(name: str, values_of: Values) -> dict[str, Any]:
    return {field: value for field, value in values_of(name).items() if field not in HIDDEN[name]}


def another(value: Any) -> Any:
    """A value of the same kind that differs."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case [{**address}, *_]:
            return [{**address, "city": "York"}]
        case list():
            return [*value, "GB888888888"]
    known = {"sales-agent": "main", " GBP": "usd", "Female": "male", "Very_Disatisfied": 5, "12": 13, "EUR": "chf"}
    return known.get(value, f"9{value}")


@pytest.mark.parametrize("name", NAMES)
async def test_after_an_update_of_every_field_all_is_held(name: str, desk_of: Open, values_of: Values) -> None:
    desk = desk_of(name)
    update = desk.update(shown(name, values_of))
    assert (await desk.carry(update)).outcome is Outcome.DELIVERED
    assert await desk.look(update) == Receipt()


@pytest.mark.parametrize("name", NAMES)
async def test_after_a_clear_of_every_field_all_is_held(name: str, desk_of: Open, values_of: Values) -> None:
    desk, values = desk_of(name), shown(name, values_of)
    first = desk.update(values)
    await desk.carry(first)
    cleared = desk.update(dict.fromkeys(values))
    clearable = {field: None for field, clear in cleared.leaves.items() if clear is not NEVER}
    update = desk.update(clearable, before=first.leaves)
    assert [error.field for error in (await desk.look(update)).missing] == sorted(change.field for change in update.changes)
    await desk.carry(update)
    assert await desk.look(update) == Receipt()


@pytest.mark.parametrize("name", NAMES)
async def test_whatever_field_was_not_applied_is_missing(name: str, desk_of: Open, values_of: Values) -> None:
    desk, values = desk_of(name), shown(name, values_of)
    await desk.carry(desk.update(values))
    looked = {field: await desk.look(desk.update({field: another(value)})) for field, value in values.items()}
    assert {field: [error.field for error in receipt.missing] for field, receipt in looked.items()} == {f: [f] for f in values}


@pytest.mark.parametrize(("name", "field"), [(name, field) for name in NAMES for field in sorted(HIDDEN[name])])
async def test_a_field_that_no_read_shows_cannot_be_told(name: str, field: str, desk_of: Open, values_of: Values) -> None:
    desk = desk_of(name)
    await desk.carry(desk.update({"parent_customer.id": "cu_9"} if name == "sparklayer" else {field: values_of(name)[field]}))
    with pytest.raises(Unclear, match=field):
        await desk.look(desk.update({field: values_of(name)[field]}))


@pytest.mark.parametrize("name", NAMES)
async def test_of_a_customer_who_is_not_there_nothing_can_be_told(name: str, desk_of: Open, values_of: Values) -> None:
    desk = desk_of(name)
    desk.sandbox.state.switches.set({f"{name}.unknown_id": "not_found"})
    field, value = next(iter(shown(name, values_of).items()))
    with pytest.raises(Refused):
        await desk.look(desk.update({field: value}))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.fault}-{fault.kind}")
async def test_a_read_that_is_spoilt_itself_is_unclear(name: str, fault: Fault, desk_of: Open, values_of: Values) -> None:
    desk = desk_of(name)
    update = desk.update(shown(name, values_of))
    await desk.carry(update)
    desk.sandbox.state.faults.add(replace(fault, match={"endpoint": "read"}))
    with pytest.raises(Unclear):
        await desk.look(update)
