"""When a customer was changed, as an API writes it -> which is later, and the same time moved back. Pure.

A time keeps its spelling, zone and unit, so that it can be asked for as it was told.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sync.sources.watermark import behind, later

EPOCHS = {"epoch": 1, "epoch_ms": 1000}


def latest(cursor: object, value: object, now: datetime) -> object:
    """The later of the two; a value from the future, or one that cannot be compared with the cursor, does not count."""
    if isinstance(value, bool | list | dict) or later(None, value, now) is None:
        return cursor
    ours, theirs = _place(cursor), _place(value)
    return value if ours is None or (type(ours) is type(theirs) and theirs > ours) else cursor


def before(value: object, since: object) -> bool:
    """Whether the value lies before; what cannot be compared does not."""
    ours, theirs = _place(value), _place(since)
    return ours is not None and type(ours) is type(theirs) and bool(ours < theirs)


def ends(values: Iterable[object]) -> tuple[object, object]:
    """The first and the last of them; both None where none can be compared."""
    first = last = None
    for value in values:
        if _place(value) is not None:
            first = value if first is None or before(value, first) else first
            last = value if last is None or before(last, value) else last
    return first, last


def earlier(value: object, by: timedelta) -> object:
    """The same time moved back, as it is written; what is no time stays."""
    if not isinstance(value, str):
        return behind(value, by)
    moment = _moment(value)
    if moment is None:
        return value
    moved = moment - min(by, moment.replace(tzinfo=None) - datetime.min)  # noqa: DTZ901 - 0001-01-01 is how some write "never"
    text = moved.isoformat("T" if "T" in value else " ")
    return text.replace("+00:00", "Z") if value.rstrip().endswith(("Z", "z")) else text


def spelled(since: object, form: str | None) -> str:
    """A time as a list is asked for it: as it is, as seconds or milliseconds since 1970, or in a format of strftime."""
    moment = _moment(since) if isinstance(since, str) else None
    if form is None or moment is None:
        return format(since, "f") if isinstance(since, Decimal) else str(since)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return str(int(aware.timestamp() * EPOCHS[form])) if form in EPOCHS else aware.strftime(form)


def written(moment: datetime) -> str:
    """A moment in UTC, as most APIs write it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _place(value: object) -> Any:
    """What of the value can be compared: a time as such, without a zone as UTC."""
    if isinstance(value, str):
        moment = _moment(value)
        return value if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return Decimal(str(value)) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None
