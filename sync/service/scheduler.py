"""A schedule and when a target last ran -> when it is due. Pure arithmetic: every clock is the caller's.

All moments are aware. `every` counts elapsed time; a cron line counts in its time zone, as Debian's cron does when clocks change:
what falls into the missing hour runs right after it, and what falls into the doubled hour runs once.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

MOST_JITTER = 10
"""A run is put off by less than this part of the time to the next one."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a target runs; neither `every` nor `cron`: only when somebody asks.

    Runs are put off by up to `jitter`, all those of one `seed` (the source) at one moment by the same, so that one look at the
    source serves them all.
    """

    every: timedelta | None = None
    cron: str | None = None
    timezone: str = "UTC"
    jitter: timedelta = timedelta(0)
    seed: str = ""

    def first(self, now: datetime) -> datetime | None:
        """When a target that never ran is due: now, or when its cron line says so."""
        return now if self.every is not None else self.following(now)

    def following(self, last: datetime) -> datetime | None:
        """The next moment behind `last`, without jitter; None: never."""
        if self.every is not None:
            return last + self.every
        if self.cron is None:
            return None
        moments = CronSim(self.cron, last.astimezone(UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)))
        # in the doubled hour the line's moment may lie before a `last` in its second half
        return next((moment for found in moments if (moment := found.astimezone(UTC)) > last), None)

    def start(self, due: datetime) -> datetime:
        """When a run that is due then starts, with jitter."""
        following = self.following(due)
        most = self.jitter if following is None else min(self.jitter, (following - due) / MOST_JITTER)
        return due + random.Random(f"{self.seed} {due.timestamp()}").random() * most  # noqa: S311 - no secret

    def ran(self, due: datetime, now: datetime) -> datetime:
        """What counts as the last run of one that starts now: its moment, or now if it has missed the next one, too."""
        following = self.following(due)
        return due if following is None or following > now else now
