"""One source of the service: what it feeds, whether it is well, and whether something comes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from sync.facts import Fact
from sync.pipeline.feeds import Feed
from sync.ports import Watch
from sync.service.turns import Rest, rest


def clock() -> datetime:
    """The time; `time.time`, so that a test can have its own."""
    return datetime.fromtimestamp(time.time(), UTC)


class Line:
    """A source of the service: what it feeds, how to `check` it, whether it is well, and what wakes its task."""

    def __init__(self, feed: Feed, check: Callable[[], Awaitable[None]]) -> None:
        self.feed = feed
        self.check = check
        self.woken = asyncio.Event()
        self.setbacks = 0
        self.reason = ""
        self.rest: Rest | None = None
        self.moved: datetime | None = None
        self.was_read = False

    def rests(self, now: datetime) -> bool:
        """Whether it is left alone just now."""
        return self.free(now) > now

    def free(self, now: datetime) -> datetime:
        """From when on it may be read."""
        return self.rest.end(now) if self.rest else now

    def failed(self, now: datetime, reason: str) -> None:
        """It could not be read, and is left alone for a while."""
        self.reason = reason
        self.setbacks += 1
        self.rest = Rest(now, now + rest(self.setbacks))

    def recovered(self) -> None:
        """It could be read."""
        self.setbacks, self.reason, self.rest = 0, "", None
        self.was_read = True


class Reading(Watch):
    """Sees that rows come, and passes everything on."""

    def __init__(self, watch: Watch, line: Line) -> None:
        self._watch = watch
        self._line = line

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        self._line.moved = clock()
        self._watch.moved(name, what, done, total)

    def noted(self, fact: Fact) -> None:
        self._watch.noted(fact)
