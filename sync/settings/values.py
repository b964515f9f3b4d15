"""Single values as people write them ("5m", "3/s", "30%") -> what they mean. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from sync.pipeline.gates import Limit
from sync.pipeline.pace import Rate

CRON_FIELDS = 5
MOST_PORT = 65535
UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}
MOST_PERCENT = 100
LONGEST = Decimal(10**10)
"""Seconds; three centuries."""


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    text = "" if isinstance(value, bool) else str(value).strip()
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]+)?)\s*(ms|s|m|h|d)?", text)
    seconds = Decimal(found[1]) * UNITS[found[2] or "s"] if found else LONGEST
    if seconds >= LONGEST:
        raise PydanticCustomError("duration", 'has to be a time such as "30s", "5m", "1h" or "2d"')
    return timedelta(seconds=float(seconds))


def _whole(value: object) -> object:
    """A number may come as text from the environment; true is none."""
    if isinstance(value, bool):
        raise PydanticCustomError("whole", "has to be a whole number")
    return value


def _rate(value: object) -> object:
    if isinstance(value, Rate):
        return value
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|m|h|d)", str(value).strip())
    if not found or not Decimal(found[1]):
        raise PydanticCustomError("rate", 'has to be a number per s, m, h or d, such as "3/s" or "10800/h"')
    count = Fraction(found[1])
    # a limit below one, or between two whole numbers, is the same limit over a longer time
    return Rate(count.numerator, float(UNITS[found[2]] * count.denominator), str(value))


def _limit(value: object) -> object:
    if isinstance(value, Limit):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(str(value), number=value)
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*%", str(value).strip())
    if not found or float(found[1]) > MOST_PERCENT:
        raise PydanticCustomError("limit", 'has to be a number or a share such as "30%"')
    return Limit(str(value), share=float(found[1]) / MOST_PERCENT)


def _database(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text and not (re.match(r"sqlite:///.|(?!sqlite:)[a-z][a-z0-9_]*(\+[a-z0-9_]+)?://.", text) and _has_port(text)):
        said = 'has to be a URL such as "sqlite:///var/customers.sqlite" or "postgresql://user@host/database"'
        raise PydanticCustomError("database", "{said}", {"said": said})
    if re.match(r"[^:]+://[^@/?#]+[/?#][^?]*@", text):
        said = "has an @ too late: in a user or password, write %2F for /, %3F for ?, %23 for # and %40 for @"
        raise PydanticCustomError("database", "{said}", {"said": said})
    return value


def several(value: object) -> object:
    """One, where there may be a list of them."""
    return value if isinstance(value, list | tuple) else [value]


def by_field(value: object) -> object:
    """`customer = { email = "2%" }`, as TOML reads `customer.email = "2%"`, -> `{"customer.email": "2%"}`."""
    return dict(_by_field(value, "")) if isinstance(value, Mapping) else value


def _by_field(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, limit in tree.items():
        if isinstance(limit, Mapping):
            yield from _by_field(limit, f"{prefix}{name}.")
        else:
            yield prefix + name, limit


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _schedule(value: str) -> str:
    try:
        if len(value.split()) == CRON_FIELDS and next(CronSim(value, datetime.now(UTC)), None):
            return value
    except CronSimError as error:
        raise PydanticCustomError("schedule", "is no cron line: {why}", {"why": str(error).lower()}) from None
    raise PydanticCustomError("schedule", 'has to be a cron line of five fields that comes, such as "*/5 * * * *"')


def _timezone(value: str) -> str:
    if value not in available_timezones():
        known = get_close_matches(value, available_timezones(), n=1, cutoff=0.5)
        hint = f"; did you mean {known[0]}?" if known else ', such as "Europe/Berlin"'
        raise PydanticCustomError("timezone", "is no time zone{hint}", {"hint": hint})
    return value


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens; port 0 is any free one."""

    host: str
    port: int


def _address(value: object) -> object:
    if isinstance(value, Address):
        return value
    try:
        return address(str(value))
    except ValueError as error:
        raise PydanticCustomError("address", "{why}", {"why": str(error)}) from None


def address(text: str) -> Address:
    """HOST:PORT as it is written, an IPv6 host in brackets. Raises ValueError."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):([0-9]{1,5})", text.strip())
    if not found or int(found[2]) > MOST_PORT:
        raise ValueError('has to be HOST:PORT, such as "127.0.0.1:8910"')
    return Address(found[1].strip("[]"), int(found[2]))


def _written(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "integer"], "examples": [example]})


Whole = Annotated[int, BeforeValidator(_whole)]
Duration = Annotated[timedelta, BeforeValidator(_duration), _written("5m")]
RateText = Annotated[Rate, BeforeValidator(_rate), WithJsonSchema({"type": "string", "examples": ["3/s", "10800/h"]})]
LimitText = Annotated[Limit, BeforeValidator(_limit), _written("30%")]

DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
AddressText = Annotated[Address, BeforeValidator(_address), WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8910"]})]
Schedule = Annotated[str, AfterValidator(_schedule)]
Timezone = Annotated[str, AfterValidator(_timezone)]
