"""A plan as it was made -> the same plan with what its target's gates name held, and the gates that have tripped."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from sync.model import Diff, Request, Update
from sync.pipeline.gates import (
    GatePolicy,
    Limit,
    Rows,
    Verdict,
    examples,
    judge_gone,
    judge_rest,
    judge_slices,
    judge_source,
    sift,
)
from sync.pipeline.heavy import Heavy, heaviest
from sync.pipeline.plan import Plan
from sync.ports import Filer, Source

EXAMPLES = 3


class Fed(Protocol):
    """Where the customers come from."""

    @property
    def name(self) -> str:
        """Of the source."""

    @property
    def source(self) -> Source:
        """To be asked how many rows it has."""


class Gated(Protocol):
    """A target, as far as its gates go."""

    @property
    def name(self) -> str:
        """Of the target."""

    @property
    def gates(self) -> GatePolicy:
        """What is there."""

    @property
    def most_gone(self) -> Limit:
        """Of how many customers that are gone the vendor may be told at once."""

    def say(self, update: Update, changes: Diff) -> tuple[Request, ...]:
        """The vendor's requests for some of an update's changes."""


async def gated(plan: Plan, target: Gated, feed: Fed, store: Filer) -> None:
    """Judges the whole plan before anything of it is sent, and remembers the source's rows where no gate finds them too few.

    Raises SourceError.
    """
    if not target.gates.counts_rows:
        judge(plan, target)
        return
    now = plan.rows = await feed.source.count()
    judge(plan, target, Rows(now, await store.rows(target.name, feed.name)))
    refusing = [one.gate for one in plan.tripped if one.gate in ("max_source_drop", "min_source_rows")]
    if now is not None:
        await store.note_rows(target.name, feed.name, now, refusing[0] if refusing else "")


def judge(plan: Plan, target: Gated, rows: Rows | None = None) -> None:
    """The gate on all updates comes last, and counts what the others leave."""
    policy, known = target.gates, plan.figures.known
    verdicts = [*judge_source(policy, rows), *_slices(plan, policy)]
    if plan.census and not any(verdict.whole for verdict in verdicts):
        verdicts += judge_gone(target.most_gone, plan.census, known)
    _hold(plan, target, verdicts)
    if plan.census and (rest := [*judge_rest(policy, plan.census, known, tuple(verdicts))]):
        verdicts += rest
        _hold(plan, target, verdicts)
    plan.tripped = tuple(
        replace(verdict.tripped, examples=tuple(examples(verdict, plan.entries(), EXAMPLES))) for verdict in verdicts
    )


def _slices(plan: Plan, policy: GatePolicy) -> Iterator[Verdict]:
    if plan.census:
        yield from judge_slices(policy, plan.census, plan.figures.known, _heavy(plan, policy))


def _heavy(plan: Plan, policy: GatePolicy) -> list[Heavy]:
    most = policy.max_same_value.most(plan.figures.known) if policy.max_same_value else None
    return heaviest(plan.census.sketches, plan.entries, most) if plan.census and most is not None else []


def _hold(plan: Plan, target: Gated, verdicts: Sequence[Verdict]) -> None:
    if verdicts:
        judged = tuple(verdicts)
        plan.gate(lambda entry: sift(entry, judged, target.say))
