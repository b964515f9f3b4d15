"""A cursor's value -> where to read on from. Pure."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

SKEW = timedelta(days=1)
"""A time stamp further in the future than any time zone explains is a wrong clock; it must not move the cursor."""
AHEAD = "lies in the future (rows: {}): set the clock or the values right; until then they are read every time"
BACK = "has gone back (a copy was restored, a clock set back, or the newest rows deleted): every row is compared once more"
SECONDS = (10**8, 10**11)
MILLISECONDS = (10**11, 10**14)
MICROSECONDS = (10**14, 10**17)


def behind(cursor: object, overlap: timedelta) -> object:
    """The cursor less the overlap, comparable with the column's values; None if there is no cursor yet.

    A time in text is compared as text: written with a space in place of the T and without a zone it sorts before every other
    spelling of the same moment, so that nothing is missed.
    """
    if cursor is None:
        return None
    if isinstance(cursor, str):
        moment = _moment(cursor)
        return cursor if moment is None else _written(_before(moment.replace(tzinfo=None), overlap))
    if isinstance(cursor, int | float | Decimal):
        return cursor - int(overlap.total_seconds() * _unit(cursor))
    if isinstance(cursor, datetime):
        return _before(cursor, overlap)
    if isinstance(cursor, date):
        return _before(datetime.combine(cursor, time()), overlap).date()
    return cursor


def kept(value: object) -> object:
    """A cursor's value as the state can keep it: text, a number or nothing."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


class Course:
    """How far a read in the cursor's order has come: from where it began on, past wrong clocks, and perhaps not even that far.

    `read` makes of a raw value one that can be compared (None: no position).
    """

    def __init__(self, before: object, read: Callable[[Any], Any] | None) -> None:
        self.reached = self._before = before
        self.ahead = 0
        self._seen: object = None
        self._read = read
        self._now = datetime.now().astimezone()

    def go(self, values: Sequence[Any]) -> None:
        """One page more, in order: where its last value is a position, so are all the others, and it is the furthest."""
        last = self._position(values[-1])
        others = map(self._position, values[:-1])  # looked at only if it is none
        for value in [last] if last is not None else others:
            self.reached = later(self.reached, value, self._now)
            self._seen = later(self._seen, value, self._now)

    def _position(self, raw: Any) -> Any:
        value = self._read(raw) if self._read else raw
        if value is not None and in_future(value, self._now):
            self.ahead += 1
            return None
        return None if isinstance(value, bytes) else value

    @property
    def is_behind(self) -> bool:
        """Whether no row is left at the place where the read before this one ended, or behind it."""
        return self._before is not None and (self._seen is None or later(self._seen, self._before, self._now) != self._seen)


def later(cursor: object, value: object, now: datetime) -> object:
    """The greater of the two, unless the value lies in the future. A number counts as less than a text, as in SQLite."""
    if value is None or isinstance(value, bytes) or in_future(value, now):
        return cursor
    return value if cursor is None or (isinstance(value, str), value) > (isinstance(cursor, str), cursor) else cursor


def in_future(value: object, now: datetime) -> bool:
    """Whether it is a time further ahead than any time zone explains."""
    limit = now + SKEW
    if isinstance(value, str):
        moment = _moment(value)
        return moment is not None and moment.replace(tzinfo=None) > limit.replace(tzinfo=None)
    if isinstance(value, datetime):
        return value > (limit if value.tzinfo else limit.replace(tzinfo=None))
    if isinstance(value, date):
        return value > limit.date()
    if isinstance(value, int | float | Decimal):
        return _is_time(value) and value > limit.timestamp() * _unit(value)
    return False


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _before(moment: datetime, overlap: timedelta) -> datetime:
    """`0001-01-01` is what some programs write for "never", and nothing lies before it."""
    return moment - min(overlap, moment - datetime.min.replace(tzinfo=moment.tzinfo))


def _written(moment: datetime) -> str:
    """As short as it can be written: whatever writes more of the same moment sorts behind it."""
    text = moment.isoformat(" ")
    return text.rstrip("0") if moment.microsecond else text.removesuffix(":00").removesuffix(" 00:00")


def _is_time(number: float | Decimal) -> bool:
    return SECONDS[0] <= number < MICROSECONDS[1]


def _unit(number: float | Decimal) -> int:
    """How many of the number's units make a second, judged by its size: epochs in s, ms or us; else it is a counter."""
    if MILLISECONDS[0] <= number < MILLISECONDS[1]:
        return 1_000
    return 1_000_000 if MICROSECONDS[0] <= number < MICROSECONDS[1] else 1
