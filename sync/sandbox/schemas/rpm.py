"""RPM: the members of CustomerEdit's Customer -> their checks, and a customer in the shape of its Result."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sync.sandbox.checks import Check, complaints, text, trees, whole
from sync.sandbox.shelf import Held
from sync.sandbox.switches import Read
from sync.sandbox.talk import Tree

EDIT: Final[Mapping[str, Check]] = {
    "CustomerID": whole,
    "Name": text,
    "Address": text,
    "Website": text,
    "Fields": trees,
}
PAIR: Final[Mapping[str, Check]] = {"Field": text, "Uid": text, "Value": text}

AMERICAN_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
PLAIN_NUMBER: Final = re.compile(r"-?\d+\.\d*?0+")


def misfits(customer: Tree, unknown: str) -> bool:
    """Whether a member is of a wrong type, or (with "refuse") is none."""
    if complaints(customer, EDIT, unknown=unknown):
        return True
    return any(complaints(pair, PAIR, unknown=unknown) for pair in customer.get("Fields") or [])


def refusal(customer: Tree, switch: Read) -> str:
    """What fails the whole request before anybody is looked for, in the vendor's words (or, undocumented, in ours)."""
    name, known = (customer.get("Name") or "").strip(), switch("custom_fields")
    names = [field for field, _ in pairs(customer.get("Fields") or [])]
    if len(name) > switch("max_name"):
        return "Customer name is too long"
    if customer.get("CustomerID") and customer.get("Name") is not None and not name and switch("blank_name") == "refuse":
        return "A customer name is required"
    if not all(names):
        return "Field name must be specified"
    if len(set(names)) < len(names) and switch("duplicate_field") == "refuse":
        return "Field specified more than once"
    if known is not None and set(names) - set(known) and switch("unknown_custom_field") == "refuse":
        return "Field not found"
    return ""


def result(held: Held, *, dates: str, locations: bool) -> Tree:
    """The customer as CustomerEdit and Customer answer it, without the reps that only Customer has."""
    values = held.values
    address = values.get("Address")
    return {
        "Age": int(held.modified.timestamp()),
        "Accounts": [],
        "Added": stamp(held.added, dates),
        "Aliases": [],
        "Contacts": [],
        "CustomerID": int(held.id),
        "Fields": [{"Field": name, "Value": value} for name, value in values.get("Fields", {}).items()],
        **({"Locations": [_location(held, address, dates)] if address else []} if locations else {}),
        "Modified": stamp(held.modified, dates),
        "Name": values.get("Name", ""),
        "Notes": [],
        "NotesForStaff": [],
        "Website": values.get("Website", ""),
    }


def _location(held: Held, address: str, dates: str) -> Tree:
    return {
        "Address": address,
        "City": "",
        "Country": "",
        "IsPrimary": True,
        "LocationID": held.number,
        "Name": "Primary",
        "StateProvince": "n/a",
        "ZipPostalCode": "",
        "Added": stamp(held.added, dates),
        "Modified": stamp(held.modified, dates),
        "Fields": [],
    }


def stamp(moment: datetime, dates: str) -> str:
    """A time as RPM writes it, without its zone."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if dates == "iso" else f"{moment.month}/{moment.day}/{moment.year}"


def rendered(value: str) -> str:
    """A custom value in RPM's own rendering: trimmed, a day as 2008-04-16, Yes and No, a number without idle zeros."""
    value = value.strip()
    if found := AMERICAN_DAY.fullmatch(value):
        month, day, year = found.groups()
        return f"{year}-{int(month):02}-{int(day):02}"
    if PLAIN_NUMBER.fullmatch(value):
        return value.rstrip("0").rstrip(".")
    return {"true": "Yes", "yes": "Yes", "false": "No", "no": "No"}.get(value.casefold(), value)


def pairs(sent: Sequence[Mapping[str, Any]]) -> list[tuple[str, str | None]]:
    """The custom fields of a request as names (or uids) and values."""
    return [(pair.get("Field") or pair.get("Uid") or "", pair.get("Value")) for pair in sent]
