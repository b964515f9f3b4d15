"""WebCommander: the members of PUT admin/customers/{id} -> their checks, and a customer in the shape of its answer."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from babel import Locale

from sync.sandbox.checks import Check, complaints, flag, number, text, tree
from sync.sandbox.shelf import Held
from sync.sandbox.talk import Answer, Tree, answer

ADDRESS: Final = {
    "address_line": "address_line_1",
    "country": "country",
    "state": "state",
    "post_code": "post_code",
    "city": "city",
    "mobile": "mobile",
    "phone": "phone",
}
"""Members of an update that land in the PRIMARY address, with their names there."""

STATES: Final = {
    "Australia": {
        "Australian Capital Territory",
        "New South Wales",
        "Northern Territory",
        "Queensland",
        "South Australia",
        "Tasmania",
        "Victoria",
        "Western Australia",
    },
    "Canada": {
        "Alberta",
        "British Columbia",
        "Manitoba",
        "New Brunswick",
        "Newfoundland and Labrador",
        "Northwest Territories",
        "Nova Scotia",
        "Nunavut",
        "Ontario",
        "Prince Edward Island",
        "Quebec",
        "Saskatchewan",
        "Yukon",
    },
}
GENDERS: Final = {"male", "female", "other"}
AMOUNT: Final = re.compile(r"\d+(\.\d*)?|\.\d+")


def amount(value: object) -> str:
    """Money, 0 or more, as a number or (as the page's placeholders have it) as text."""
    if isinstance(value, str):
        return "" if AMOUNT.fullmatch(value) else "must be an amount"
    return number(value) or ("" if isinstance(value, (int, float)) and value >= 0 else "must not be negative")


def profile(value: object) -> str:
    """An id, as a number or as text."""
    fits = isinstance(value, (int, str)) and not isinstance(value, bool)
    return "" if fits else "must be an id"


CUSTOMER: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("first_name", "last_name", "gender", "email", "company_name", *ADDRESS), text),
    **dict.fromkeys(("abn", "abn_branch", "password"), text),
    "shipping_profile": profile,
    "newsletter": tree,
}
NEWSLETTER: Final[Mapping[str, Check]] = {"subscribed": flag}
BESIDE: Final[Mapping[str, Check]] = {
    "customer": tree,
    "store_credit": amount,
    "credit_limit": amount,
    "customer_password_expired": flag,
    "allow_credit_limit": flag,
}


@lru_cache(maxsize=1)
def countries() -> Mapping[str, str]:
    """English country names and their codes."""
    return {name: code for code, name in Locale("en").territories.items() if len(code) == 2 and code.isalpha()}  # noqa: PLR2004


def shown(held: Held, *, amounts: str, ids: str) -> Tree:
    """The customer as PUT and GET answer it: without password and newsletter, the address in three."""
    values, customer = held.values, held.values.get("customer", {})
    primary, shipping = held.number * 10, held.number * 10 + 1
    return {
        "id": _id(held.id, ids),
        "display_id": f"C{held.id}",
        "status": "active",
        **{name: customer.get(name, "") for name in ("first_name", "last_name", "email")},
        "sex": customer.get("gender", ""),
        "parent": {"id": None, "name": None},
        "company": bool(customer.get("company_name")),
        "company_name": customer.get("company_name", ""),
        "timezone": None,
        **{name: customer.get(name, "") for name in ("abn", "abn_branch")},
        "shipping_profile": _profile(customer.get("shipping_profile"), ids),
        **dict.fromkeys(("transaction_number", "referral_code", "used_referral_code")),
        "count_referral_code_used": 0,
        "allow_credit_limit": values.get("allow_credit_limit", False),
        **{name: _money(values.get(name, 0.0), amounts) for name in ("store_credit", "credit_limit")},
        "how_do_you_know": None,
        "customer_password_expired": values.get("customer_password_expired", False),
        "hide_price": False,
        **dict.fromkeys(("default_tax_code", "source", "base_url", "background_image", "profile_picture")),
        "created_at": f"{held.added:%Y-%m-%dT%H:%M:%SZ}",
        "updated_at": f"{held.modified:%Y-%m-%dT%H:%M:%SZ}",
        "version": held.version,
        "addresses": [
            _address(primary, "PRIMARY", customer, ids),
            _address(shipping, "SHIPPING", {}, ids),
            _address(primary, "BILLING", customer, ids),
        ],
        "active_billing_address": _id(str(primary), ids),
        "active_shipping_address": _id(str(shipping), ids),
        "is_in_trash": held.trashed,
    }


def _address(id: int, kind: str, customer: Mapping[str, Any], ids: str) -> Tree:
    country, state = customer.get("country", ""), customer.get("state", "")
    return {
        "id": _id(str(id), ids),
        "type": kind,
        **{name: customer.get(name, "") for name in ("first_name", "last_name", "email", "company_name")},
        "address_line_1": customer.get("address_line", ""),
        "address_line_2": "",
        "country": {"id": None, "name": country, "code": countries().get(country)} if country else None,
        "state": {"id": None, "name": state, "code": None} if state else None,
        **{name: customer.get(name, "") for name in ("city", "post_code", "mobile", "phone")},
        "fax": "",
    }


def _profile(value: int | str | None, ids: str) -> Tree | None:
    if value in (None, ""):
        return None
    about: Tree = {"shippingRules": [], "created": None, "name": f"Profile {value}", "description": ""}
    return {**about, "id": _id(str(value), ids), "updated": None, "version": 0, "rulePrecedence": None}


def _id(value: str, ids: str) -> int | str:
    return int(value) if ids == "number" and value.isdecimal() else value


def _money(value: float, amounts: str) -> float | str:
    return value if amounts == "number" else f"{value:.2f}"


def misfits(sent: Mapping[str, Any], unknown: str) -> dict[str, str]:
    """Every member of an update that does not fit, by its dotted name."""
    wrong = complaints(sent, BESIDE, unknown=unknown)
    customer = sent.get("customer")
    if isinstance(customer, dict):
        inside = complaints(customer, CUSTOMER, unknown=unknown)
        wrong |= {f"customer.{name}": complaint for name, complaint in inside.items()}
        if isinstance(newsletter := customer.get("newsletter"), dict):
            inside = complaints(newsletter, NEWSLETTER, unknown=unknown)
            wrong |= {f"customer.newsletter.{name}": complaint for name, complaint in inside.items()}
    return wrong


def misplaced(customer: Tree) -> dict[str, str]:
    """A country that is none, or a state of another one."""
    country, state = customer.get("country"), customer.get("state")
    if country and country not in countries():
        return {"customer.country": "is not a known country"}
    if country and state and state not in STATES.get(country, {state}):
        return {"customer.state": "state_country_mismatch"}
    return {}


def problem(
    status: int, message: str, wrong: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None
) -> Answer:
    """An error in the vendor's shape, with what is wrong by field."""
    tree: Tree = {"status": "error", "code": status, "message": message}
    if wrong:
        tree["error"] = "validation_failed"
        tree["errors"] = [{"field": name, "code": "invalid", "message": complaint} for name, complaint in wrong.items()]
    return answer(status, tree, headers=headers)
