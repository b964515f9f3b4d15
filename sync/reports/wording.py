"""Figures of a plan -> words for a person. Pure."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from sync.errors import FieldError
from sync.model import Foreign, Held, Hold, Outcome, Rejection, TargetPlan, Told, Update, said_of

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
GONE: Final = "gone from the source"

PLANNED: Final = ("updates", "unchanged", "rejected", "held")
ENDED: Final = ("delivered", "unchanged", "rejected", "deferred", "held", "unknown")
TOLD: Final = (Outcome.REJECTED, Outcome.UNKNOWN, Outcome.DEFERRED, Outcome.DELIVERED)
"""How what was to be delivered can have ended: what needs attention comes first."""

Kind = TypeVar("Kind", Update, Told, Rejection, Held)


class Row(NamedTuple):
    """One target's line in a summary, or the line of all: a figure for each of `heads`, and for the requests."""

    target: str
    figures: tuple[int, ...]
    requests: int
    time: str


def title(targets: Sequence[TargetPlan]) -> str:
    """Of what this is the report: `Plan` or `Run`."""
    return "Run" if _is_run(targets) else "Plan"


def heads(targets: Sequence[TargetPlan]) -> tuple[str, ...]:
    """What is counted: intentions, or outcomes."""
    return ENDED if _is_run(targets) else PLANNED


def says(target: TargetPlan) -> bool:
    """Whether there is anything to tell of this target beside its figures."""
    told = target.outcomes and any(target.outcomes.get(outcome.value) for outcome in TOLD)
    return bool(told or target.updates or target.rejected or target.held or target.left or target.gates)


def ended(target: TargetPlan, outcome: Outcome, limit: int | None = None) -> Iterator[Told]:
    """What was to be delivered and ended so, at most `limit`."""
    return islice((entry for entry in target.entries() if isinstance(entry, Told) and entry.outcome is outcome), limit)


def how_many(target: TargetPlan, outcome: Outcome) -> int:
    """How many ended so after they were, or should have been, sent; a rejection before that is counted apart."""
    before = target.rejected if outcome is Outcome.REJECTED else 0
    return (target.outcomes or {}).get(outcome.value, 0) - before if target.outcomes else 0


def summary(targets: Sequence[TargetPlan]) -> list[Row]:
    """A line per target, and their sum where there is more than one. Accounts are driven side by side, so times do not add up."""
    rows = [_row(target) for target in targets]
    return [*rows, _sum(rows)] if len(rows) > 1 else rows


def entries(target: TargetPlan, kind: type[Kind], limit: int | None = None) -> Iterator[Kind]:
    """The target's entries of one kind, at most `limit`."""
    return islice((entry for entry in target.entries() if isinstance(entry, kind)), limit)


def leavers(target: TargetPlan, limit: int | None = None) -> Iterator[tuple[str, str]]:
    """Who was this target's and is not any more (at most `limit`), and why. The vendor keeps what it holds of them."""
    gone = (entry for entry in target.entries() if isinstance(entry, Foreign) and entry.left) if target.left else iter(())
    return ((entry.customer, _why_left(entry)) for entry in islice(gone, limit))


def errors(rejection: Rejection) -> tuple[FieldError, ...]:
    """Why it was rejected: at least one line, so that nobody is left out."""
    return rejection.errors or (FieldError("", "no reason was given"),)


def holds(held: Held) -> tuple[Hold, ...]:
    """What keeps it back, gate by gate."""
    every = tuple(change.field for change in held.update.changes)
    return held.holds or (Hold(held.gate, held.reason.removeprefix(f"{held.gate}: "), every),)


def why_held(held: Held, field: str) -> str:
    """Why one of its changes is held."""
    return said_of([hold for hold in holds(held) if field in hold.fields])


def known_as(update: Update) -> str:
    """How the vendor knows the customer: `id 4711`, `Name Acme`; with a word on one that is gone."""
    identity = update.identity
    return f"{identity.match or 'id'} {identity.value}" + (f", {GONE}" if update.gone else "")


def busiest(target: TargetPlan) -> list[tuple[str, int]]:
    """The fields that change, the most frequent first."""
    return sorted(target.fields.items(), key=lambda item: (-item[1], item[0]))


def counted(number: int, noun: str) -> str:
    """`1 update`, `1,204 updates`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def estimate(target: TargetPlan) -> str:
    """What delivering the plan costs: calls, how long they take at the account's pace, and what that means for the account."""
    calls = counted(target.requests, "request")
    if not target.requests:
        return "no request"
    if target.outcomes is not None:
        return calls
    own = f"{calls}, about {spent(target.seconds)} at the account's pace" if target.seconds else f"{calls}, not paced"
    return "; ".join([own, *_shared(target)])


def _shared(target: TargetPlan) -> Iterator[str]:
    estimate = target.estimate
    if estimate is None:
        return
    if estimate.end and round(estimate.end) > round(target.seconds):
        yield f"done in {spent(estimate.end)}, as account {estimate.account} allows"
    for one in estimate.allowances:
        verb = "has" if one.waiting == 1 else "have"
        waiting = f", and {counted(one.waiting, 'call')} {verb} to wait for it" if one.waiting else ""
        yield f"{one.left:,} of {one.quota} left{waiting}"
    if estimate.in_time is not None:
        yield f"{'before' if estimate.in_time else 'not before'} the next scheduled run in {spent(estimate.due or 0)}"


def spent(seconds: float) -> str:
    """A length of time in its two largest units."""
    whole = max(1, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def _why_left(entry: Foreign) -> str:
    return GONE if entry.gone else "no longer chosen by where or without_id"


def _row(target: TargetPlan) -> Row:
    time = spent(target.seconds) if target.requests and target.seconds else ""
    if target.outcomes is not None:
        return Row(target.target, tuple(target.outcomes.get(name, 0) for name in ENDED), target.requests, time)
    return Row(target.target, (target.updates, target.unchanged, target.rejected, target.held), target.requests, time)


def _sum(rows: Sequence[Row]) -> Row:
    figures = tuple(sum(column) for column in zip(*(row.figures for row in rows), strict=True))
    return Row("all", figures, sum(row.requests for row in rows), "")


def _is_run(targets: Sequence[TargetPlan]) -> bool:
    return any(target.outcomes is not None for target in targets)
