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


def one_way(policy: GonePolicy, rules: Sequence[Rule]) -> Mistakes:
    """What is told of who is gone, and not taken back for everybody who returns."""
    mapped = {rule.field: rule for rule in rules}
    return [
        (f"deactivate.{name}", f"would stay so when a customer returns: {_remedy(name, mapped.get(name))}")
        for name in policy.leaves
        if name not in mapped or _keeps(mapped[name])
    ]


def _remedy(name: str, rule: Rule | None) -> str:
    if rule is None:
        return f"add {name} to [fields], with what it is for customers who are there"
    nothing = " and no ".join(rule.sources)
    return f"fields.{name} keeps what the vendor has where the source has no {nothing}: add when_null, or default:X to via"


def _keeps(rule: Rule) -> bool:
    """Whether there are customers of whom the map says nothing; of a function nobody knows before it is called."""
    if rule.when_null != "keep" or not rule.sources:
        return False
    try:
        return rule.read(dict.fromkeys(rule.sources)) is None
    except ValueError:
        return False


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
