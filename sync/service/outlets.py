"""One account of the service: the way out, what waits for it, and when there is no use in trying it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.pipeline.feeds import Way
from sync.service.lines import Line
from sync.service.ongoing import Ongoing
from sync.service.turns import Rest, Turn

REFUSED = timedelta(minutes=5)
LONGEST_REFUSED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Job:
    """One target's part of a run."""

    run: Ongoing
    line: Line
    turn: Turn


class Outlet:
    """An account of the service: the way out, who waits for it, and whether it sends just now."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.queue: asyncio.Queue[Job] = asyncio.Queue()
        self.sending = False
        self._refusals = 0
        self._barred: Rest | None = None

    def open(self, now: datetime, *, asked: bool) -> datetime | None:
        """Lets its lane try again what closed it; None, or until when there is no use in that, unless a person asks for it.

        Refused credentials are tried again seldom: a vendor may lock who knocks too often.
        """
        if self._barred and self._barred.end(now) > now and not asked:
            return self._barred.until
        self.way.lane.reopen()
        closed = self.way.lane.closed
        return closed.until if closed and not asked else None

    def ended(self, now: datetime, *, refused: bool) -> None:
        """A run on it is over."""
        self._refusals = self._refusals + 1 if refused else 0
        self._barred = Rest(now, now + min(REFUSED * self._refusals, LONGEST_REFUSED)) if refused else None
