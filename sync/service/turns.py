"""One target of the service: when it is next, what it waits for, and what it remembers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sync.model import Timing, Tripped
from sync.pipeline.feeds import Target
from sync.service.scheduler import Schedule
from sync.service.stillness import Still

SHORTEST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=5)


def rest(setbacks: int) -> timedelta:
    """How long to leave alone what has failed so many times in a row."""
    doublings: int = 2 ** min(setbacks - 1, 10)
    return min(SHORTEST_REST * doublings, LONGEST_REST)


@dataclass(frozen=True, slots=True)
class Rest:
    """A time for which something is left alone; a clock that is set back to before it began ends it."""

    since: datetime
    until: datetime

    def end(self, now: datetime) -> datetime:
        """When it is over."""
        return self.until if self.since <= now else now


class Turn:
    """A target's place in the schedule. Only one run at a time has it (`busy`). The clock is the caller's.

    `tripped` are the gates that its last run has tripped; None: there was none `since` the service began. `still` is what that
    run has found, where a run that finds the same is of no use.
    """

    def __init__(self, target: Target, schedule: Schedule, timing: Timing, now: datetime) -> None:
        self.target = target
        self.schedule = schedule
        self.timing = timing
        self.asked = False
        self.busy = False
        self.setbacks = 0
        self.tripped: Sequence[Tripped] | None = None
        self.still: Still | None = None
        self.since = now
        self._rests = self._held = Rest(now, now)
        self._counts_as: datetime | None = None

    @property
    def name(self) -> str:
        """The target's name."""
        return self.target.name

    @property
    def paused(self) -> bool:
        """Whether it runs only when asked to."""
        return self.timing.paused is not None

    def next(self, now: datetime) -> datetime | None:
        """When its next run starts (it may be overdue); None: when somebody asks for it."""
        if self.asked:
            return now
        moment = None if self.paused else self._moment(now)
        return None if moment is None else max(self.schedule.start(moment), self._held.end(now))

    def is_due(self, now: datetime) -> bool:
        """Whether a run should start now."""
        start = None if self.busy else self.next(now)
        return start is not None and start <= now

    def may_resume(self, now: datetime) -> bool:
        """Whether those who were put off may be tried between the schedules."""
        return not self.busy and not self.paused and max(self._rests.end(now), self._held.end(now)) <= now

    def begin(self, now: datetime, *, scheduled: bool) -> None:
        """A run has it now."""
        moment = self._moment(now)
        if scheduled:
            self._counts_as = self.schedule.ran(moment, now) if moment is not None and moment <= now else now
        self.busy = True

    def hold(self, now: datetime, until: datetime) -> None:
        """The run could not be done: it is due as before, but not earlier than then."""
        self.busy = False
        self._counts_as = None
        self._held = Rest(now, until)

    def end(self, now: datetime, *, put_off: bool, shut: bool) -> None:
        """The run is over. With customers `put_off` they are left alone for a while; with the account `shut`, everybody is."""
        self.busy = self.asked = False
        self.setbacks = self.setbacks + 1 if put_off or shut else 0
        self._rests = Rest(now, now + rest(self.setbacks) if put_off or shut else now)
        self._held = self._rests if shut else Rest(now, now)
        succeeded = self.timing.succeeded if put_off or shut else now
        self.timing = Timing(self._counts_as or self.timing.last, succeeded, self.timing.paused)
        self._counts_as = None

    def _moment(self, now: datetime) -> datetime | None:
        last = self.timing.last
        if last is None:
            return self.schedule.first(min(self.since, now))
        if last > now:  # the clock was set back, and the rhythm goes on from here
            last = now
            self.timing = replace(self.timing, last=now)
        return self.schedule.following(last)
