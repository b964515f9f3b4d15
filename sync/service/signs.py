"""The engine as it is -> the signs of all that can be wrong with it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sync.pipeline.gates import GATES
from sync.pipeline.lane import Condition
from sync.service.alerting import Sign
from sync.service.engine import Engine
from sync.service.lines import Line
from sync.service.turns import Turn

SOONEST = timedelta(minutes=10)
"""A target that runs every few seconds is not behind after a minute."""


def signs(engine: Engine, intervals: int, now: datetime) -> Iterator[Sign]:
    """A target that has not ended well for so many `intervals` is behind. The same signs every time, well or not."""
    turns = tuple(engine.turns.values())
    for way in engine.ways.values():
        fed = [turn.name for turn in turns if turn.target.account == way.lane.account]
        yield from _account(way.lane.condition(), _named(fed), now)
    for line in engine.lines.values():
        yield _source(line)
    for turn in turns:
        yield _behind(turn, intervals, now)
        yield from _gates(turn)
    troubles = engine.troubles()
    yield Sign("service", bool(troubles), "the service does not move as it should", "; ".join(troubles))


def _account(condition: Condition, targets: str, now: datetime) -> Iterator[Sign]:
    """What was wrong before a restart is over once the account has answered."""
    name, answers = f"account {condition.account}", False if condition.answers else None
    yield Sign(
        f"accounts.{condition.account}.unwell",
        condition.unwell or (condition.stopped and not condition.refused and not condition.until) or answers,
        f"{name}: the vendor does not answer as it should",
        f"It is tried again by itself, and nothing is lost; until then {targets} wait. More: customer-sync status",
    )
    yield Sign(
        f"accounts.{condition.account}.refused",
        condition.refused or answers,
        f"{name}: its credentials are refused",
        f"Until they are mended, {targets} wait. To see whether they are: customer-sync check --online",
    )
    yield Sign(
        f"accounts.{condition.account}.quota",
        condition.until is not None and condition.until > now,
        f"{name}: its quota is gone, or the vendor asks to wait",
        f"Nothing goes out before {condition.until:%Y-%m-%d %H:%M} UTC; until then {targets} wait." if condition.until else "",
    )


def _source(line: Line) -> Sign:
    ill = bool(line.setbacks) or (False if line.was_read else None)
    targets = _named([target.name for target in line.feed.chosen])
    advice = f"{line.reason}. It is tried again by itself; until then {targets} wait."
    return Sign(f"sources.{line.feed.name}", ill, f"source {line.feed.name} cannot be read", advice)


def _behind(turn: Turn, intervals: int, now: datetime) -> Sign:
    """Counted from the start of the service at the earliest, since while nothing ran nothing could succeed."""
    succeeded = turn.timing.succeeded
    ill = None
    if succeeded and not _is_late(turn, succeeded, intervals, now):
        ill = False
    elif not turn.paused and _is_late(turn, max(succeeded or turn.since, turn.since), intervals, now):
        ill = True
    last = f"The last time was {succeeded:%Y-%m-%d %H:%M} UTC" if succeeded else "It has never done"
    text = f"target {turn.name} has not ended well for {intervals} intervals"
    return Sign(f"targets.{turn.name}.behind", ill, text, f"{last}. More: customer-sync failures --target {turn.name}")


def _is_late(turn: Turn, since: datetime, intervals: int, now: datetime) -> bool:
    moment: datetime | None = since
    for _ in range(intervals):
        moment = turn.schedule.following(moment) if moment else None
    return moment is not None and now >= max(moment, since + SOONEST)


def _gates(turn: Turn) -> Iterator[Sign]:
    for gate in GATES:
        reasons = [tripped.reason for tripped in turn.tripped or () if tripped.gate == gate]
        yield Sign(
            f"targets.{turn.name}.{gate}",
            None if turn.tripped is None else bool(reasons),
            f"target {turn.name}: the gate {gate} has tripped",
            f"{'; '.join(reasons)}. What it names is held, the rest goes. To see it: customer-sync plan --target {turn.name}"
            f" --only held; to let it go: customer-sync release {turn.name} --gate {gate}",
        )


def _named(targets: Sequence[str]) -> str:
    return f"{'target' if len(targets) == 1 else 'targets'} {', '.join(targets)}"
