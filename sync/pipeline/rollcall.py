"""A source that calls everybody -> who is gone from it, filed for the targets that want to know.

Rows behind a cursor never show who is gone, and a page that is known is not looked at row by row. So all keys are asked for by
themselves: when the source counts other rows than were seen, and now and then in any case. A list that breaks off ends the
run's look at the source, and one that is empty is told: neither makes anybody gone.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sync.errors import SourceError
from sync.failpoints import reach
from sync.model import RollCall
from sync.ports import Filer, Source

EMPTY = "nobody is there any more, of {seen} customers; nobody is taken for gone: has it been emptied, or is it another one?"


@dataclass(frozen=True, slots=True)
class Roster:
    """A source with all its targets, those that are `watching` for who is gone, and how often everybody is called at least."""

    name: str
    source: Source
    targets: Sequence[str]
    watching: Sequence[str]
    every: timedelta


async def call(roster: Roster, store: Filer) -> int | None:
    """How many are gone since the last time; None: nobody had to be called. Raises SourceError."""
    if not roster.watching:
        return None
    last, rows = await store.roll(roster.name), await roster.source.count()
    age = datetime.now(UTC) - last.at if last.at else None
    early = age is not None and timedelta(0) <= age < roster.every  # a clock that was set back must not put it off
    if early and (rows is None or rows - last.seen == last.surplus):
        return None
    await store.begin_roll(roster.name)
    called = 0
    async with aclosing(roster.source.everybody()) as pages:  # type: ignore[type-var]
        async for keys in pages:
            await store.meet(roster.name, keys)
            called += len(keys)
    if last.seen and not called:
        raise SourceError(f"sources.{roster.name}: {EMPTY.format(seen=last.seen)}")
    reach("before_roll_ends")
    return await store.end_roll(RollCall(roster.name, roster.targets, roster.watching, rows))
