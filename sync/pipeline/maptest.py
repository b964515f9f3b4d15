"""A map test (a customer as given, and what it should become) -> where the map does something else. Pure.

A test holds all that the map makes of the customer: a field more is a difference, too, because it would be sent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from sync.model import ABSENT, Customer, Identity, Leaf, Mismatch, Record, Said, Secret
from sync.pipeline.diff import same
from sync.pipeline.project import Misfit, Projection, project

ID: Final = "(id)"
"""Stands in for the id field where a test gives none; no source has such a field."""


@dataclass(frozen=True, slots=True)
class MapTest:
    """One test of a target's map. What `given` does not hold is null; of the rest, one part says what should come of it.

    `expect` has the leaves by dotted name, `cleared` the fields to be emptied, `errors` a part of each field's message.
    """

    name: str
    given: Mapping[str, Any]
    expect: Mapping[str, Leaf]
    cleared: frozenset[str] = frozenset()
    errors: Mapping[str, str] | None = None
    skipped: bool = False


def tried(test: MapTest, projection: Projection) -> tuple[Mismatch, ...]:
    """Every mismatch, by field; none where the test passes."""
    values = dict(test.given)
    if projection.id_source not in values:
        values[ID] = "test"
        projection = replace(projection, id_source=ID, identify=lambda value: Identity(str(value)))
    found = project(Customer("", values), projection)
    if test.skipped or found is None:
        return _whether_skipped(test, found)
    if test.errors is not None:
        return tuple(_errors(test.errors, found))
    return tuple(sorted(_leaves(test, found, projection), key=lambda mismatch: mismatch.field))


def _whether_skipped(test: MapTest, found: Record | Misfit | None) -> tuple[Mismatch, ...]:
    match found:
        case None if test.skipped:
            return ()
        case None:
            wanted = "errors" if test.errors is not None else "a record"
            return (Mismatch("", Said(wanted), Said("skipped: where or without_id leaves this customer out")),)
        case Misfit(errors):
            return (Mismatch("", Said("skipped"), Said("; ".join(map(str, errors)))),)
    return (Mismatch("", Said("skipped"), Said("a record")),)


def _errors(expected: Mapping[str, str], found: Record | Misfit) -> Iterator[Mismatch]:
    got: dict[str, list[str]] = {}
    for error in found.errors if isinstance(found, Misfit) else ():
        got.setdefault(error.field, []).append(error.message)
    for name in sorted(expected.keys() | got.keys()):
        messages = got.get(name, [])
        if name not in expected or not any(expected[name] in message for message in messages):
            yield Mismatch(name, _error([expected[name]] if name in expected else []), _error(messages))


def _error(messages: list[str]) -> Said:
    return Said(f"the error: {'; '.join(messages)}" if messages else "no error")


def _leaves(test: MapTest, found: Record | Misfit, projection: Projection) -> Iterator[Mismatch]:
    expected = {name: _as_meant(value, name, projection) for name, value in test.expect.items()}
    expected |= {name: projection.about(name).clear for name in test.cleared}
    if isinstance(found, Misfit):
        yield from (Mismatch(error.field, expected.get(error.field, ABSENT), _error([error.message])) for error in found.errors)
        return
    for name in expected.keys() | found.leaves.keys():
        want, got = _texts(expected.get(name, ABSENT), found.leaves.get(name, ABSENT))
        if not same(want, got, unordered=projection.about(name).unordered):
            yield Mismatch(name, want, got)


def _as_meant(value: Leaf, name: str, projection: Projection) -> Leaf:
    """A password is compared, and shown, as passwords are."""
    return Secret(projection.fingerprint(value), value) if projection.about(name).secret and isinstance(value, str) else value


def _texts(want: Any, got: Any) -> tuple[Any, Any]:
    """A date in a test may stand for the text that the vendor takes."""
    return (want.isoformat() if isinstance(want, date) and isinstance(got, str) else want), got
