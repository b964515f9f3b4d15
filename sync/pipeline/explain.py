"""One customer of one target -> the way of each of its fields, from the source's row to what the vendor acknowledged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.errors import Refused, SourceError, SyncError
from sync.model import (
    ABSENT,
    UNKNOWN,
    Baseline,
    Customer,
    Explanation,
    Failure,
    Leaf,
    Missing,
    Record,
    Request,
    Secret,
    Step,
)
from sync.pipeline.diff import diff
from sync.pipeline.feeds import Target
from sync.pipeline.planning import keeping
from sync.pipeline.project import Misfit, Rule, project
from sync.pipeline.rules import nearest
from sync.ports import Reading, Source

EPISODES = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """Where to look: a target, its source, the state, and the map as written."""

    target: Target
    source: Source
    store: Reading
    fields: Mapping[str, Any]


async def explained(asked: Asked, customer: str, field: str | None, failure: Failure | None) -> Explanation:
    """All fields, or the one that is asked for; of a source that cannot be read, what is remembered.

    Raises StateError, SyncError for whom or what nobody knows, and SourceError where that cannot be told.
    """
    target = asked.target
    rules = [rule for rule in target.projection.rules if field in (None, rule.field)]
    if field and not rules:
        known = nearest(field, [rule.field for rule in target.projection.rules])
        raise SyncError(f"{target.name}: the map has no field {field}{known}")
    found, unread = await _fetched(asked.source, customer)
    baseline = (await asked.store.baselines(target.name, [customer])).get(customer)
    history = await asked.store.history(target.name, customer, EPISODES)
    if not (found or baseline or history or failure):
        if unread:
            raise unread
        raise SyncError(f"{target.name}: source {target.source} has no customer {customer}, and nothing is remembered of one")
    projected = project(found[0], target.projection) if found else None
    undone = (await asked.store.undone(target.name, [customer])).get(customer)
    if undone and isinstance(projected, Record):
        projected = keeping(projected, undone.leaves, target)
    record = projected if isinstance(projected, Record) else None
    here = baseline if baseline and _is_here(baseline, target, record) else None
    return Explanation(
        target.name,
        customer,
        record.identity.value if record else (here.id if here else ""),
        tuple(_step(asked, rule, found[0] if found else None, projected, here) for rule in rules),
        failure,
        _planned(target, record, baseline) if record else (),
        tuple(history),
        f"{unread}; what it should hold cannot be told" if unread else _note(bool(found), projected),
    )


async def _fetched(source: Source, customer: str) -> tuple[Sequence[Customer], SourceError | None]:
    try:
        return await source.fetch([customer]), None
    except SourceError as error:
        return (), error


def _is_here(baseline: Baseline, target: Target, record: Record | None) -> bool:
    return baseline.place == target.vendor.place and (not record or baseline.id == record.identity.value)


def _note(found: bool, projected: Record | Misfit | None) -> str:
    if not found:
        return "the source has no such customer"
    return "" if projected else "this customer is not this target's (where, or without_id)"


def _step(asked: Asked, rule: Rule, customer: Customer | None, projected: Record | Misfit | None, here: Baseline | None) -> Step:
    secret = asked.target.projection.about(rule.field).secret
    values = {name: _shown(customer.values.get(name), secret=secret) for name in rule.sources} if customer else {}
    errors = [error.message for error in projected.errors if error.field == rule.field] if isinstance(projected, Misfit) else []
    record = projected.leaves.get(rule.field, ABSENT) if isinstance(projected, Record) else UNKNOWN
    return Step(rule.field, values, _written(asked.fields, rule.path), record, _held(rule.field, here), "; ".join(errors))


def _shown(value: Any, *, secret: bool) -> Any:
    return Secret("", None) if secret and value is not None else value


def _written(fields: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The rule as it stands in the target's file."""
    written: Any = fields
    for name in path:
        written = written[name]
    return written


def _held(field: str, here: Baseline | None) -> Leaf | Missing:
    if here is None or here.leaves is None or field in here.doubt:
        return UNKNOWN
    return here.leaves.get(field, ABSENT)


def _planned(target: Target, record: Record, baseline: Baseline | None) -> tuple[Request, ...]:
    changes = diff(record, baseline, place=target.vendor.place, about=target.projection.about, sources=target.projection.sources)
    try:
        return target.vendor.requests(record.identity, changes, record.leaves) if changes else ()
    except Refused:
        return ()
