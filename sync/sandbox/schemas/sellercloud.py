"""Sellercloud: the fields of PUT Customers/{id} -> their checks, and a customer in the shape of GET and of the list."""

import re
from collections.abc import Mapping
from typing import Any, Final

from sync.sandbox.checks import Check, flag, number, text, texts, whole
from sync.sandbox.shelf import Held
from sync.sandbox.talk import Tree

RATINGS: Final = ("NotRated", "Very_Disatisfied", "Disatisfied", "Neutral", "Satisfied", "Very_Satisfied")
TEXTS: Final = ("Title", "Name", "Email", "EmailCC", "BusinessName", "SourceId", "Salesman", "Comments")
PHONES: Final = ("Phone1", "Phone2", "Phone3", "Mobile", "Fax")
MANAGERS: Final = ("AccountManager1Id", "AccountManager2Id", "AccountManager3Id")
COMMISSIONS: Final = ("AccountManager1Commission", "AccountManager2Commission", "AccountManager3Commission")
EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def rating(spelling: str) -> Check:
    """A rating by its name, its number, or both."""

    def check(value: object) -> str:
        named = isinstance(value, str) and value in RATINGS and spelling != "number"
        counted = not whole(value) and isinstance(value, int) and 0 <= value < len(RATINGS) and spelling != "name"
        return "" if named or counted else "is not a rating"

    return check


def email(value: object) -> str:
    """Text that looks like an e-mail address, or is empty."""
    return text(value) or ("" if not value or EMAIL.fullmatch(str(value)) else "is not a valid e-mail address")


UPDATE: Final[Mapping[str, Check]] = {
    **dict.fromkeys(TEXTS + PHONES, text),
    **dict.fromkeys(MANAGERS, whole),
    **dict.fromkeys(COMMISSIONS, number),
    "BusinessAliases": texts,
    "IsWholesale": flag,
    "CompanyId": whole,
    "Rating": rating("both"),
}


def details(held: Held) -> Tree:
    """The customer as GET shows it: other names, four sections, a default wherever nothing was written."""
    got = _Reader(held.values)
    return {
        "General": {
            "ID": int(held.id),
            **got.texts("Title", "Name", "Email", "EmailCC", "SourceId"),
            "CorporateName": got.text("BusinessName"),
            "BusinessAliases": held.values.get("BusinessAliases", []),
            "EBayUserID": "",
            "IsBlackListed": False,
            "IsWholeSaleUser": got.flag("IsWholesale"),
            "IsModified": False,
        },
        "Internal": _internal(got, held),
        "OrderOptions": {
            "TaxExempt": False,
            "TaxExemptType": "",
            "InvoiceNote": "",
            "WholesaleDiscount": 0.0,
            "IsModified": False,
        },
        "Personal": {**got.texts(*PHONES), "IsModified": False},
        "Addresses": [],
        "WholesaleOptions": {"CreditTerm": 0, "CreditLimit": 0.0, "BillingCycleStartdate": None, "IsModified": False},
        "CustomerGroups": {"CustomerGroups": [], "IsModified": False},
        "CreditCards": [],
        "CustomColumns": [],
        "NotesCount": 0,
        "IsModified": False,
    }


def _internal(got: "_Reader", held: Held) -> Tree:
    return {
        "CompanyID": got.whole("CompanyId"),
        "AccountManagerId": got.whole("AccountManager1Id"),
        "AccountManagerCommission": got.number("AccountManager1Commission"),
        "AccountManager2Id": got.whole("AccountManager2Id"),
        "AccountManager2Commission": got.number("AccountManager2Commission"),
        "AccountManager3Id": got.whole("AccountManager3Id"),
        "AccountManager3Commission": got.number("AccountManager3Commission"),
        "SalesMan": got.text("Salesman"),
        "Comment": got.text("Comments"),
        "LocalRating": got.whole("Rating"),
        "CreatedOn": f"{held.added:%Y-%m-%dT%H:%M:%S}",
        "IsModified": False,
    }


def row(held: Held) -> Tree:
    """The customer as the list shows it: few fields, the name in two."""
    got = _Reader(held.values)
    first, _, last = got.text("Name").partition(" ")
    wholesale = got.flag("IsWholesale")
    return {
        "UserID": int(held.id),
        "Email": got.text("Email"),
        "FirstName": first,
        "LastName": last,
        "EmailCC": got.text("EmailCC"),
        "Rating": got.whole("Rating"),
        "CorporateName": got.text("BusinessName"),
        "IsWholeSaleUser": wholesale,
        "IsWholesaleString": "Yes" if wholesale else "No",
        "CustomColumns": [],
    }


class _Reader:
    """Values, with .NET's default of the field's type where there is none."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        return str(self._values.get(name, ""))

    def texts(self, *names: str) -> dict[str, str]:
        return {name: self.text(name) for name in names}

    def whole(self, name: str) -> int:
        return int(self._values.get(name, 0))

    def number(self, name: str) -> float:
        return float(self._values.get(name, 0.0))

    def flag(self, name: str) -> bool:
        return bool(self._values.get(name, False))
