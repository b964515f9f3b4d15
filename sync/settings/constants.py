"""Constants that a target's file gives to fields -> leaves as the vendor's schema takes them, or every mistake. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from sync.errors import lowered
from sync.model import Leaf
from sync.pipeline.project import Rule, flatten

Mistakes = list[tuple[str, str]]
"""Key and what to do."""


def validated(tree: Mapping[str, Any], schema: type[BaseModel], table: str) -> tuple[Mapping[str, Leaf], Mistakes]:
    """The constants of one `table`, in the vendor's nesting."""
    try:
        model = schema.model_validate(tree)
    except ValidationError as error:
        written = dict(flatten(tree))
        told = error.errors(include_url=False, include_input=False, include_context=False)
        return {}, [(f"{table}.{_place(problem['loc'], written)}", lowered(problem["msg"])) for problem in told]
    return dict(flatten(model.model_dump(exclude_unset=True, by_alias=True))), []


def constants(rules: Sequence[Rule], written: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mistakes]:
    """What `{ value = ... }` makes in a map, in the vendor's nesting: it is the same for every customer."""
    tree: dict[str, Any] = {}
    mistakes: Mistakes = []
    for rule in rules:
        if "value" not in _at(written, rule.path):
            continue
        try:
            value = rule.read({})
        except ValueError as error:
            mistakes.append((f"fields.{rule.field}", str(error)))
            continue
        *tables, name = rule.path
        if value is not None:
            _table(tree, tables)[name] = value
    return tree, mistakes


def _at(written: Mapping[str, Any], path: Sequence[str]) -> Mapping[str, Any]:
    found: Any = written
    for step in path:
        found = found[step]
    return found if isinstance(found, Mapping) else {}


def _table(tree: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    for step in path:
        tree = tree.setdefault(step, {})
    return tree


def _place(loc: Sequence[object], written: Mapping[str, Any]) -> str:
    """Pydantic's place ends in list positions and names of union members; the longest field in it is meant."""
    names = [".".join(map(str, loc[:size])) for size in range(len(loc), 0, -1)]
    return next((name for name in names if name in written), names[0] if names else "")
