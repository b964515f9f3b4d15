"""A plan of which nothing could be sent -> whether planning the same customers once more could come to anything else.

What a gate makes of those who wait depends on them, on the rows of their source, and on how many customers the target knows,
which stays as it is while nothing is sent. Everything else (map, gates, account) comes with a new configuration.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.pipeline.feeds import Feed, Target
from sync.pipeline.plan import Plan
from sync.pipeline.planning import PAGE
from sync.ports import Store

AGAIN = timedelta(hours=1)
"""After so long they are looked at in any case: a row may have gone without a word."""


@dataclass(frozen=True, slots=True)
class Still:
    """Who waited when nothing could be sent, of how many rows of the source, and until when that is worth something."""

    who: int
    rows: int | None
    until: datetime


async def waiting(target: Target, store: Store) -> int:
    """A digest of who waits for a target, in which version, and of what was let through."""
    digest, after = 0, ""
    while page := await store.pending(target.name, after, PAGE):
        digest, after = hash((digest, *page)), page[-1].customer
    return digest


def still(plan: Plan, who: int, now: datetime) -> Still | None:
    """What to remember of a plan that has been delivered; None where another one may come to something."""
    return Still(who, plan.rows, now + AGAIN) if plan.figures.stuck else None


async def holds(still: Still | None, who: int, feed: Feed, now: datetime) -> bool:
    """Whether nothing has changed since. Raises SourceError."""
    if still is None or still.who != who or now >= still.until:
        return False
    return still.rows is None or still.rows == await feed.source.count()
