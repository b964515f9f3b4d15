"""`[[tests]]` of a target's file -> map tests, or what is wrong with their names. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from pydantic import Field, model_validator

from sync.errors import Mistake
from sync.pipeline.maptest import MapTest
from sync.pipeline.project import flatten
from sync.pipeline.rules import nearest
from sync.settings.base import Table
from sync.settings.owners import overlap


class TestTable(Table):
    """`[[tests]]`: a customer as the source gives it, and what the map should make of it."""

    __test__ = False

    name: str = ""
    given: dict[str, Any] = Field(description="the source's fields; one that is not named is null, the id may be left out")
    expect: dict[str, Any] = Field(default_factory=dict, description="the whole record, in the vendor's names and nesting")
    expect_cleared: tuple[str, ...] = Field(default=(), description="fields that are emptied (when_null = clear)")
    expect_errors: dict[str, Any] = Field(default_factory=dict, description="a part of the message, by field")
    expect_skipped: bool = False

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        record = bool(self.model_fields_set & {"expect", "expect_cleared"})
        if record + bool(self.expect_errors) + self.expect_skipped != 1:
            raise ValueError("one of expect (with expect_cleared), expect_errors and expect_skipped = true is needed")
        return self


def map_tests(tables: Sequence[TestTable]) -> tuple[MapTest, ...]:
    """The tests, each with a name; a number with a point is exact, as a database would give it."""
    return tuple(_map_test(table, number) for number, table in enumerate(tables))


def _map_test(table: TestTable, number: int) -> MapTest:
    return MapTest(
        f'tests[{number}] "{table.name}"' if table.name else f"tests[{number}]",
        _exact(table.given),
        dict(flatten(_exact(table.expect))),
        frozenset(table.expect_cleared),
        {name: str(text) for name, text in flatten(table.expect_errors)} if table.expect_errors else None,
        table.expect_skipped,
    )


def _exact(value: Any) -> Any:
    match value:
        case float():
            return Decimal(repr(value))
        case Mapping():
            return {name: _exact(item) for name, item in value.items()}
        case list():
            return [_exact(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Names:
    """What a map knows: the `sources` fields that it uses (None: a function may read any), the vendor's `fields`, and the id."""

    sources: Sequence[str] | None
    fields: Sequence[str]
    id: str


def misnamed(tests: Sequence[MapTest], names: Names, file: str) -> Iterator[Mistake]:
    """What the tests name and the map does not know."""
    for number, test in enumerate(tests):
        if names.sources is not None:
            for name in test.given.keys() - set(names.sources):
                message = f"the map uses no such field of the source{nearest(name, names.sources)}"
                yield Mistake(file, f"tests[{number}].given.{name}", message)
        for key, named in (("expect", test.expect), ("expect_cleared", test.cleared), ("expect_errors", test.errors or {})):
            known = (*names.fields, names.id) if key == "expect_errors" else names.fields
            for name in named:
                if not any(overlap(name, field) for field in known):
                    yield Mistake(file, f"tests[{number}].{key}.{name}", f"the map has no such field{nearest(name, known)}")
