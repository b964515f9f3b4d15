"""Arrivals -> whether there was one too many, and for how long. A sliding window, as exact as the strictest vendor."""

import re
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final

SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
RATE: Final = re.compile(r"([1-9]\d*)/(\d*\.?\d*)([smhd])")


@lru_cache(maxsize=256)
def rate(text: str) -> tuple[int, float]:
    """10800/h or 5/10s as a count and a period in seconds."""
    if not (found := RATE.fullmatch(text)):
        raise ValueError("must look like 10800/h, 3/s or 5/10s")
    count, many, unit = found.groups()
    return int(count), float(many or 1) * SECONDS[unit]


class Limit:
    """The limit of one vendor; what it refuses does not count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._arrivals: deque[float] = deque()
        self._closed_until = 0.0

    def exceeded(self, limit: str | None) -> float | None:
        """Counts one arrival; the seconds until the limit ends if it was one too many, else None."""
        now = self._clock()
        if now < self._closed_until:
            return self._closed_until - now
        if limit is None:
            return None
        count, period = rate(limit)
        while self._arrivals and self._arrivals[0] <= now - period:
            self._arrivals.popleft()
        if len(self._arrivals) >= count:
            return self._arrivals[0] + period - now
        self._arrivals.append(now)
        return None

    def close(self, seconds: float) -> None:
        """Refuses everything for so long."""
        self._closed_until = self._clock() + seconds

    def clear(self) -> None:
        """Forgets all arrivals."""
        self._arrivals.clear()
        self._closed_until = 0.0
