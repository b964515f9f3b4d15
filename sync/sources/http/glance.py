"""The first page of a list -> what can be told of all of it without reading on. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.model import Customer, Listed
from sync.ports import Listing, Span
from sync.sources.http.stamps import ends

NAMES: Mapping[type, str] = {bool: "boolean", int: "number", str: "text", list: "list", dict: "object", type(None): "unknown"}


@dataclass(frozen=True, slots=True)
class Glance:
    """Types by the name of a field, how many there are where the list says so, some customers, and how far the cursor reaches."""

    fields: Mapping[str, str]
    total: int | None
    few: Sequence[Customer]
    span: Span


def glance(page: Listed, few: Sequence[Customer], listing: Listing, optional: Sequence[str]) -> Glance:
    """The fields are those that somebody shows, those known of the account, and the `optional` ones; none where nobody is."""
    listed = [values for _, values in page.items if values is not None]
    shown = listed if listing.whole else [customer.values for customer in few if not customer.trouble]
    known = {**listing.fields, **dict.fromkeys(optional, "unknown")}
    fields = {**known, **_types(shown)} if shown or listing.fields else {}
    first, last = ends(values.get(listing.cursor or "") for values in listed)
    return Glance(fields, page.total, few, Span(first, last, among=None if page.next is None else len(page.items)))


def _types(customers: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Every field that one of them shows; a null says nothing of the type."""
    found: dict[str, str] = {}
    for values in customers:
        for name, value in values.items():
            if found.get(name, "unknown") == "unknown":
                found[name] = NAMES.get(type(value), "number")
    return found
