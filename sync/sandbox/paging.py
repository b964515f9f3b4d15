"""A list and what a query asks of it -> the part that is shown. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

Item = TypeVar("Item")

AMERICAN: Final = ("%m/%d/%Y %H:%M", "%m/%d/%Y")


def page(items: Sequence[Item], offset: int, size: int) -> list[Item]:
    """So many items from an offset on."""
    return list(items[offset : offset + size])


def contains(item: Mapping[str, Any], query: Mapping[str, str], columns: Mapping[str, str]) -> bool:
    """Whether the item's columns contain what the query's names ask, without case."""
    return all(
        query[name].casefold() in str(item.get(column) or "").casefold() for name, column in columns.items() if query.get(name)
    )


def moments(text: str | None) -> datetime | None:
    """A date of a filter, ISO or mm/dd/yyyy [hh:mm], as aware UTC; raises ValueError."""
    if not text:
        return None
    for form in AMERICAN:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
