"""`missing_in_source` and `[deactivate]` of a target's file -> what is told of who is gone, or every mistake in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from sync.model import Field, Leaf
from sync.pipeline.gone import MOST, GonePolicy
from sync.pipeline.project import Rule, flatten
from sync.pipeline.rules import nearest
from sync.settings.constants import Mistakes, validated
from sync.settings.tables import TargetTable


def gone_policy(table: TargetTable, schema: type[BaseModel], fields: Mapping[str, Field]) -> tuple[GonePolicy, Mistakes]:
    """What is done about who is gone, with constants that the vendor's schema takes."""
    written = dict(flatten(table.deactivate))
    mistakes = [*_misplaced(table), *_unknown(written, fields)]
    leaves: Mapping[str, Leaf] = {}
    if not mistakes:
        leaves, mistakes = validated(table.deactivate, schema, "deactivate")
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
