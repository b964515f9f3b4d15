"""A customer -> the record that one target should hold, or why it cannot. Pure, but for functions that a map calls."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from sync.errors import FieldError, lowered
from sync.model import Customer, Field, Identity, Leaf, Record, Secret

WhenNull = Literal["keep", "clear", "reject"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field is made: `read` takes the customer's values and returns the value, None for "no value".

    `read` raises ValueError, with a sentence that names the rule and quotes no value.
    """

    path: tuple[str, ...]
    sources: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], Any]
    when_null: WhenNull = "keep"

    @property
    def field(self) -> str:
        """The dotted name."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Projection:
    """A target's map, compiled: whom it takes, how the vendor knows them, and how each field is made."""

    rules: tuple[Rule, ...]
    schema: type[BaseModel]
    fields: Mapping[str, Field]
    id_source: str
    identify: Callable[[object], Identity]
    fingerprint: Callable[[str], str]
    without_id: Literal["reject", "skip"] = "reject"
    where: Mapping[str, tuple[Any, ...]] | None = None
    sources: Mapping[str, tuple[str, ...]] = field(init=False)
    """From which of the customer's fields each field is made."""
    secrets: frozenset[str] = field(init=False)
    """The fields that are customers' passwords."""
    clears: Mapping[str, Leaf] = field(init=False)
    """What empties, in the vendor's way, each field that the map empties."""

    def __post_init__(self) -> None:
        """Worked out once, not for every customer."""
        object.__setattr__(self, "sources", {rule.field: rule.sources for rule in self.rules})
        object.__setattr__(self, "secrets", frozenset(rule.field for rule in self.rules if self.about(rule.field).secret))
        emptied = [rule.field for rule in self.rules if rule.when_null == "clear"]
        object.__setattr__(self, "clears", {name: self.about(name).clear for name in emptied})

    def about(self, name: str) -> Field:
        """What the vendor knows of a field, also of one in a free object."""
        found = self.fields.get(name)
        return self.fields.get(name.split(".", 1)[0] + ".*", Field()) if found is None else found


@dataclass(frozen=True, slots=True)
class Misfit:
    """A customer that cannot be projected: every error, and the vendor id that it claims all the same (empty: none)."""

    errors: tuple[FieldError, ...]
    id: str


def project(customer: Customer, projection: Projection) -> Record | Misfit | None:
    """The record, or what does not fit; None for a customer that is not this target's."""
    if customer.trouble:
        return Misfit((FieldError("", customer.trouble),), "")
    where = projection.where
    if where and not all(customer.values.get(name) in allowed for name, allowed in where.items()):
        return None
    identity = _identity(customer, projection)
    if identity is None:
        return None
    tree, cleared, errors = _apply(customer, projection)
    leaves, misfits = _validate(tree, projection)
    if isinstance(identity, tuple):
        return Misfit((*identity, *errors, *misfits), "")
    if errors or misfits:
        return Misfit((*errors, *misfits), identity.value)
    return Record(customer.key, identity, leaves | cleared)


def _identity(customer: Customer, projection: Projection) -> Identity | tuple[FieldError, ...] | None:
    value = customer.values.get(projection.id_source)
    if value is None or value == "":
        missing = FieldError(projection.id_source, "the vendor's id of this customer is empty")
        return None if projection.without_id == "skip" else (missing,)
    try:
        return projection.identify(_writable(value))
    except ValueError as error:
        return (FieldError(projection.id_source, str(error)),)


def _apply(customer: Customer, projection: Projection) -> tuple[dict[str, Any], dict[str, Leaf], tuple[FieldError, ...]]:
    """The tree of values, the leaves that shall be emptied in the vendor's way, and what did not convert."""
    tree: dict[str, Any] = {}
    cleared: dict[str, Leaf] = {}
    errors: list[FieldError] = []
    for rule in projection.rules:
        try:
            value = _writable(rule.read(customer.values))
        except ValueError as error:
            errors.append(FieldError(rule.field, str(error)))
            continue
        if value is None or (value == [] and rule.sources and projection.about(rule.field).empty_is_null):
            if rule.when_null == "clear":
                cleared[rule.field] = projection.about(rule.field).clear
            elif rule.when_null == "reject":
                errors.append(FieldError(rule.field, f"{_from(rule)}is empty, and the map says when_null = reject"))
        else:
            _put(tree, rule.path, value)
    return tree, cleared, tuple(errors)


def _writable(value: Any) -> Any:
    """The value; raises ValueError for text with half a character (a lone surrogate), which can be neither sent nor stored."""
    if isinstance(value, str) and value.isascii():
        return value
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, str) and any("\ud800" <= character <= "\udfff" for character in item):
            raise ValueError("not valid text: it holds half a character")
    return value


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


def _validate(tree: dict[str, Any], projection: Projection) -> tuple[dict[str, Leaf], list[FieldError]]:
    """The tree through the vendor's schema -> leaves; an error never holds the value (`include_input=False`)."""
    try:
        model = projection.schema.model_validate(tree)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)
        return {}, [_misfit(tuple(map(str, problem["loc"])), problem["msg"], projection) for problem in told]
    leaves = dict(flatten(model.model_dump(exclude_unset=True, by_alias=True)))
    for name in projection.secrets & leaves.keys():
        if isinstance(value := leaves[name], str):
            leaves[name] = Secret(projection.fingerprint(value), value)
    return leaves, []


READERS = {
    "Input should be a valid boolean": ': via = ["bool"] reads text',
    "Input should be a valid integer": ': via = ["int"] reads text',
    "Input should be a number": ': via = ["decimal:2"] reads text',
}
"""The values of a CSV are all text: what makes of them what a vendor wants."""


def _misfit(place: tuple[str, ...], message: str, projection: Projection) -> FieldError:
    """Pydantic's place ends in list positions and names of union members; the longest mapped field in it is meant."""
    for rule in projection.rules:
        if place[: len(rule.path)] == rule.path:
            return FieldError(rule.field, f"{_from(rule)}{lowered(message)}{READERS.get(message, '') if rule.sources else ''}")
    return FieldError(".".join(place), message)


def _from(rule: Rule) -> str:
    return f"from {', '.join(rule.sources)}: " if rule.sources else ""


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Leaf]]:
    """The leaves of a tree by dotted name. An object without members is no leaf; a float becomes the decimal it shows."""
    for name, value in tree.items():
        if isinstance(value, dict):  # as pydantic dumps it; asking for a Mapping takes three times as long
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, Decimal(repr(value)) if isinstance(value, float) else value
