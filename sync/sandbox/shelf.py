"""Customers in, customers out: what one vendor holds, by id, with its unique values indexed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any


@dataclass(slots=True)
class Held:
    """One customer as a vendor holds it: values by the names of its update schema, never a default that nobody wrote."""

    id: str
    number: int
    values: dict[str, Any] = field(default_factory=dict)
    added: datetime = field(default_factory=lambda: datetime.now(UTC))
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))
    version: int = 0
    trashed: bool = False


class Shelf:
    """All customers of one vendor; `unique` values are compared as the vendor hands them in (it folds them, or not)."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._marks: dict[str, dict[str, str]] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Held]:
        return iter(self._held.values())

    def some(self, start: int, count: int) -> Iterator[Held]:
        """So many customers, from one on, in the order in which they came."""
        return islice(self._held.values(), start, start + count)

    def get(self, id: str) -> Held | None:
        """The customer with this id."""
        return self._held.get(id)

    def add(self, id: str) -> Held:
        """A new, empty customer; `number` counts them from 1."""
        self._number += 1
        return self._held.setdefault(id, Held(id, self._number))

    def free(self, start: int = 100_001) -> str:
        """A whole number that no customer has as its id."""
        number = start + self._number
        while str(number) in self._held:
            number += 1
        return str(number)

    def owner(self, name: str, value: str) -> str | None:
        """The id of the customer that has this value of a unique field."""
        return self._owners.get((name, value))

    def write(self, held: Held, values: dict[str, Any], unique: Mapping[str, str]) -> None:
        """Replaces the customer's values; `unique` are its indexed values now, empty ones count for nothing."""
        for name, value in self._marks.pop(held.id, {}).items():
            if self._owners.get((name, value)) == held.id:
                del self._owners[name, value]
        marks = {name: value for name, value in unique.items() if value}
        self._owners.update(dict.fromkeys(marks.items(), held.id))
        self._marks[held.id] = marks
        held.values, held.modified, held.version = values, datetime.now(UTC), held.version + 1

    def clear(self) -> None:
        """Forgets everybody."""
        self._held.clear()
        self._owners.clear()
        self._marks.clear()
        self._number = 0
