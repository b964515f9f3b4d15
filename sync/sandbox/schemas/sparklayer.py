"""SparkLayer: the members of CustomerRequest-2 -> their checks, and a customer in the shape of CustomerResponse-2."""

import re
from collections.abc import Mapping
from typing import Any, Final

from sync.sandbox.checks import Check, flag, number, text, texts, tree, trees
from sync.sandbox.shelf import Held
from sync.sandbox.talk import Answer, Tree, answer

INTERNAL: Final = "cu_"
ROLES: Final = {"main", "limited-customer", "sales-agent", "sales-admin"}
READ_ONLY: Final = ("id", "created_at", "updated_at")
DEFAULTS: Final = ("default_billing_address_id", "default_shipping_address_id")
TEXTS: Final = ("title", "first_name", "last_name", "email", "company_name", "accounting_id", "status", "group")
CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
VATIN: Final = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,13}")
HUNDRED: Final = 100
ADDRESS_TEXTS: Final = (
    "id",
    "title",
    "first_name",
    "last_name",
    "company",
    "address_line1",
    "address_line2",
    "city",
    "region_code",
    "postal_code",
    "country_code",
    "phone",
    "mobile",
    "external_id",
    "nickname",
)


def external(value: object) -> str:
    """An external id: text that does not begin like an internal one."""
    return text(value) or ("cannot start with cu_" if str(value).startswith(INTERNAL) else "")


def role(value: object) -> str:
    """One of four."""
    return text(value) or ("" if value in ROLES else "is not a role")


def currency(value: object) -> str:
    """Three letters."""
    return text(value) or ("" if CURRENCY.fullmatch(str(value)) else "is not an ISO 4217 code")


def percentage(value: object) -> str:
    """0 to 100."""
    return number(value) or ("" if isinstance(value, (int, float)) and 0 <= value <= HUNDRED else "must be from 0 to 100")


def vatins(value: object) -> str:
    """VAT numbers that look like some."""
    if wrong := texts(value):
        return wrong
    fits = isinstance(value, list) and all(VATIN.fullmatch(compact(item)) for item in value)
    return "" if fits else "is not a VAT identification number"


def compact(vatin: str) -> str:
    """A VAT number in capitals, without blanks, dots and dashes."""
    return re.sub(r"[\s.\-]", "", vatin).upper()


UPDATE: Final[Mapping[str, Check]] = {
    **dict.fromkeys((*TEXTS, *READ_ONLY, *DEFAULTS), text),
    "addresses": trees,
    "external_id": external,
    "role": role,
    "available_shipping_addresses": texts,
    "currency_code": currency,
    **dict.fromkeys(("sales_agent_groups", "price_lists"), texts),
    "vatin_numbers": vatins,
    "discount_percentage": percentage,
    **dict.fromkeys(("tax_exempt", "payment_by_invoice"), flag),
    **dict.fromkeys(("payment_on_account", "metadata", "parent_customer"), tree),
}
ADDRESS: Final[Mapping[str, Check]] = dict.fromkeys(ADDRESS_TEXTS, text)
LISTS: Final = ("addresses", "available_shipping_addresses", "sales_agent_groups", "price_lists", "vatin_numbers")


def shown(held: Held) -> Tree:
    """The customer as every answer shows it: null, or an empty list, wherever nothing was written."""
    stamps = {"created_at": f"{held.added:%Y-%m-%dT%H:%M:%SZ}", "updated_at": f"{held.modified:%Y-%m-%dT%H:%M:%SZ}"}
    blank: dict[str, Any] = {name: [] if name in LISTS else None for name in UPDATE}
    return {**blank, **held.values, "id": held.id, **stamps}


def problem(
    status: int,
    title: str,
    detail: str,
    wrong: Mapping[str, str] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Problem details (RFC 7807), with what is wrong by property."""
    tree: Tree = {"title": title, "status": status, "detail": detail}
    if wrong:
        tree["errors"] = [{"code": _code(why), "message": why, "property": name} for name, why in wrong.items()]
    return answer(status, tree, headers={"Content-Type": "application/problem+json", **(headers or {})})


def _code(why: str) -> str:
    return why if why in {"duplicate", "concurrent_update", "required"} else "invalid"
