"""One target of the service: when it is next, what it waits for, and what it remembers."""

from collections.abc import Sequence
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
        self._rests_until = now
        self._held_until = now
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
        return None if moment is None else max(self.schedule.start(moment), self._held_until)

    def is_due(self, now: datetime) -> bool:
        """Whether a run should start now."""
        start = None if self.busy else self.next(now)
        return start is not None and start <= now

    def may_resume(self, now: datetime) -> bool:
        """Whether those who were put off may be tried between the schedules."""
        return not self.busy and not self.paused and max(self._rests_until, self._held_until) <= now

    def begin(self, now: datetime, *, scheduled: bool) -> None:
        """A run has it now."""
        moment = self._moment(now)
        if scheduled:
            self._counts_as = self.schedule.ran(moment, now) if moment is not None and moment <= now else now
        self.busy = True

    def hold(self, until: datetime) -> None:
        """The run could not be done: it is due as before, but not earlier than then."""
        self.busy = False
        self._counts_as = None
        self._held_until = until

    def end(self, now: datetime, *, put_off: bool, shut: bool) -> None:
        """The run is over. With customers `put_off` they are left alone for a while; with the account `shut`, everybody is."""
        self.busy = self.asked = False
        self.setbacks = self.setbacks + 1 if put_off or shut else 0
        self._rests_until = now + rest(self.setbacks) if put_off or shut else now
        self._held_until = self._rests_until if shut else now
        succeeded = self.timing.succeeded if put_off or shut else now
        self.timing = Timing(self._counts_as or self.timing.last, succeeded, self.timing.paused)
        self._counts_as = None

    def _moment(self, now: datetime) -> datetime | None:
        last = self.timing.last
        if last is None:
            return self.schedule.first(self.since)
        return self.schedule.following(min(last, now))  # a clock that was set back must not put it off
