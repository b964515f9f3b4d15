"""Log-ins that failed -> how long to wait for the next one, per address and in all. The clock is the caller's."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

FREE: Final = 3
"""So many may fail before anybody has to wait; then the wait doubles."""
LONGEST: Final = 60.0
FORGOTTEN: Final = 900.0
"""Seconds after which an address starts anew."""
FREE_IN_ALL: Final = 20
SECONDS_EACH: Final = 3.0
"""In all, one may fail every so many seconds in the long run, whatever the number of addresses."""
MOST_ADDRESSES: Final = 1000


@dataclass(slots=True)
class _Record:
    failures: int
    last: float


class Attempts:
    """Who has failed, and how often."""

    def __init__(self) -> None:
        self._failed: dict[str, _Record] = {}
        self._trusted: dict[str, None] = {}
        self._level = 0.0
        self._last = 0.0

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try. One from which somebody has logged in before is not held up by others."""
        place = _place(address)
        own = self._own(place, now)
        return own if place in self._trusted else max(own, (self._in_all(now) - FREE_IN_ALL) * SECONDS_EACH)

    def failed(self, address: str, now: float) -> None:
        """Once more."""
        place = _place(address)
        record = self._failed.pop(place, None)
        known = record.failures if record and now - record.last < FORGOTTEN else 0
        _limited(self._failed)
        self._failed[place] = _Record(known + 1, now)
        self._level, self._last = self._in_all(now) + 1, now

    def succeeded(self, address: str) -> None:
        """Its failures are forgotten."""
        place = _place(address)
        self._failed.pop(place, None)
        self._trusted.pop(place, None)
        _limited(self._trusted)
        self._trusted[place] = None

    def _own(self, place: str, now: float) -> float:
        record = self._failed.get(place)
        if record is None or record.failures < FREE:
            return 0.0
        pause: float = min(2 ** min(record.failures - FREE, 10), LONGEST)
        return max(record.last + pause - now, 0.0)

    def _in_all(self, now: float) -> float:
        return max(self._level - (now - self._last) / SECONDS_EACH, 0.0)


def _place(address: str) -> str:
    """Whoever has one IPv6 address has many."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)


def _limited(places: dict[str, _Record] | dict[str, None]) -> None:
    while len(places) >= MOST_ADDRESSES:
        places.pop(next(iter(places)))
