"""Where each target stands -> a card for each: in step, behind or unwell, and why."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from aiohttp import web

from sync.model import Tally
from sync.pipeline.lane import Lane
from sync.reports.wording import spent
from sync.service.dashboard.charts import BARS, Sparkline, sparkline
from sync.service.dashboard.desk import HOUSE, House
from sync.service.dashboard.paper import page
from sync.service.engine import Engine
from sync.service.lines import Line, clock
from sync.service.turns import Turn

Standing = Literal["in step", "behind", "unwell", "not run yet"]
FRESH: Final = 2.0
"""Seconds for which counts hold, however many look on."""
MOST_RUNS: Final = 4 * BARS
AWAY: Final = ("rejected", "held", "deferred", "unknown", "undone")


@dataclass(frozen=True, slots=True)
class Card:
    """One target. `lag` is how long the first of those who wait has waited, or what the last change took if nobody does."""

    name: str
    source: str
    account: str
    vendor: str
    standing: Standing
    reasons: tuple[str, ...]
    tally: Tally
    paused: datetime | None
    busy: bool
    lag: str
    next: datetime | None
    last: datetime | None
    pace: str
    line: Sparkline

    @property
    def away(self) -> dict[str, int]:
        """Who is out of step, by outcome."""
        return {name: self.tally.outcomes[name] for name in AWAY if self.tally.outcomes.get(name)}


class Counts:
    """Counts of customers by target, and since when the first of them waits; counted anew when they are no longer fresh."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._counted = -FRESH
        self.tallies: Mapping[str, Tally] = {}
        self.oldest: Mapping[str, datetime] = {}

    async def look(self) -> "Counts":
        """Raises StateError."""
        if time.monotonic() - self._counted >= FRESH:
            lists = self._house.lists
            self.tallies = {tally.target: tally for tally in await lists.tally()}
            self.oldest = await lists.oldest()
            self._counted = time.monotonic()
        return self


COUNTS: Final = web.AppKey("counts", Counts)


async def overview(request: web.Request) -> web.Response:
    """The first page."""
    house = request.app[HOUSE]
    found = await cards(house, request.app[COUNTS])
    runs = house.live(await house.lists.page("", 5))
    sources = [(line.feed.name, line.reason) for line in house.engine.lines.values()]
    return page(request, "overview.html", cards=found, runs=runs, sources=sources, troubles=await house.service.troubles())


async def cards(house: House, counts: Counts) -> list[Card]:
    """One for each target of the configuration. Raises StateError."""
    engine, now = house.engine, clock()
    told = await counts.look()
    runs = await house.lists.page("", MOST_RUNS)
    found = []
    for name, turn in engine.turns.items():
        tally = told.tallies.get(name, Tally(name, 0, 0, {}))
        lane = engine.ways[turn.target.account].lane
        reasons = tuple(_reasons(engine, turn, lane))
        waits = told.oldest.get(name)
        lag = house.service.recent.lag(name)
        found.append(
            Card(
                name,
                turn.target.source,
                turn.target.account,
                turn.target.vendor.name,
                _standing(turn, tally, unwell=bool(reasons)),
                reasons,
                tally,
                turn.timing.paused,
                turn.busy,
                _lag((now - waits).total_seconds() if waits and tally.waiting else None, lag),
                _start(engine.lines[turn.target.source], turn, now),
                turn.timing.last,
                _pace(lane, house.service.recent.sent(lane.account)),
                sparkline(name, runs),
            )
        )
    return found


def _start(line: Line, turn: Turn, now: datetime) -> datetime | None:
    """When its next run starts: not while its source is left alone, and not in the past."""
    start = turn.next(now)
    return None if start is None else max(start, line.free(now), now)


def _reasons(engine: Engine, turn: Turn, lane: Lane) -> list[str]:
    """What keeps it from being in step, but for its customers."""
    line, condition, closed = engine.lines[turn.target.source], lane.condition(), lane.closed
    found = [line.reason] if line.reason else []
    if condition.stopped and closed:
        until = f" until {closed.until.astimezone():%H:%M:%S}" if closed.until else ""
        found.append(f"account {lane.account} is stopped{until}: {closed.reason}")
    elif condition.unwell:
        found.append(f"account {lane.account}: {lane.standing().reason or 'the vendor is unwell'}")
    return found


def _standing(turn: Turn, tally: Tally, *, unwell: bool) -> Standing:
    if unwell:
        return "unwell"
    if tally.waiting or any(tally.outcomes.values()):
        return "behind"
    return "in step" if turn.timing.last or tally.known else "not run yet"


def _lag(waits: float | None, last: float | None) -> str:
    if waits is not None:
        return spent(waits)
    return "" if last is None else f"last change took {spent(last)}"


def _pace(lane: Lane, sent: int) -> str:
    """Requests of the last minute against what is allowed, and what is left of each quota."""
    policy, left = lane.policy.pace, lane.condition().quotas
    said = f"{sent:,}/min"
    if policy.rate:
        allowed = policy.rate.count * 60 / policy.rate.seconds
        share = 100 * sent / allowed
        said += f", {'below 1' if 0 < share < 1 else round(share)} % of {policy.rate.text}"
    elif not left:
        said += ", not paced"
    return "; ".join([said, *(f"{number:,} of {quota} left" for quota, number in left.items())])
