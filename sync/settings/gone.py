"""`missing_in_source` and `[deactivate]` of a target's file -> what is told of who is gone, or every mistake in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from sync.model import Field, Leaf
from sync.pipeline.gone import MOST, GonePolicy
from sync.pipeline.project import Rule, flatten
from sync.pipeline.rules import nearest
from sync.settings.tables import TargetTable

Mistakes = list[tuple[str, str]]
"""Key and what to do."""


def gone_policy(table: TargetTable, schema: type[BaseModel], fields: Mapping[str, Field]) -> tuple[GonePolicy, Mistakes]:
    """What is done about who is gone, with constants that the vendor's schema takes."""
    written = dict(flatten(table.deactivate))
    mistakes = [*_misplaced(table), *_unknown(written, fields)]
    leaves: Mapping[str, Leaf] = {}
    if not mistakes:
        leaves, mistakes = _validated(table.deactivate, written, schema)
    return GonePolicy(table.missing_in_source, leaves, table.gates.max_source_drop or MOST), mistakes


def one_way(policy: GonePolicy, rules: Sequence[Rule]) -> list[str]:
    """The fields that nothing sets back when a customer returns."""
    mapped = {rule.field for rule in rules}
    return [name for name in policy.leaves if name not in mapped]


def _misplaced(table: TargetTable) -> Iterator[tuple[str, str]]:
    if table.missing_in_source == "deactivate" and not table.deactivate:
        yield "deactivate", 'is missing: the fields that tell the vendor that a customer is gone, such as status = "disabled"'
    if table.missing_in_source != "deactivate" and table.deactivate:
        yield "deactivate", 'is for missing_in_source = "deactivate" only'


def _unknown(written: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    for name in written:
        if name not in fields and f"{name.partition('.')[0]}.*" not in fields:
            yield f"deactivate.{name}", f"the vendor has no such field{nearest(name, fields)}"
        elif name in fields and fields[name].secret:
            yield f"deactivate.{name}", "is a customer's password: it does not say that somebody is gone"


def _validated(
    tree: Mapping[str, Any], written: Mapping[str, Any], schema: type[BaseModel]
) -> tuple[Mapping[str, Leaf], Mistakes]:
    try:
        model = schema.model_validate(tree)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)
        return {}, [(f"deactivate.{_place(problem['loc'], written)}", _lower(problem["msg"])) for problem in told]
    return dict(flatten(model.model_dump(exclude_unset=True, by_alias=True))), []


def _place(loc: Sequence[object], written: Mapping[str, Any]) -> str:
    """Pydantic's place ends in list positions and names of union members; the longest field in it is meant."""
    names = [".".join(map(str, loc[:size])) for size in range(len(loc), 0, -1)]
    return next((name for name in names if name in written), names[0] if names else "")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
