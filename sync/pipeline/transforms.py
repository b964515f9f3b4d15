"""The words of `via`, such as "truncate:40" -> functions of one value. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache, partial
from typing import Any

import phonenumbers
from babel import Locale
from babel.core import get_global

Transform = Callable[[Any], Any]
"""Takes a value that is not null (but see `default`), returns one or None; raises ValueError, without quoting the value."""

YES = {"1", "true", "t", "yes", "y", "on"}
NO = {"0", "false", "f", "no", "n", "off"}
MOST_DIGITS = 28
"""Decimal's own precision; written out, 1e999999999 would take all memory."""
COUNTRY_LOCALES = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "ja", "zh", "ko")
COUNTRY_ALIASES = {
    "czech republic": "CZ", "england": "GB", "great britain": "GB", "holland": "NL", "ivory coast": "CI", "korea": "KR",
    "macedonia": "MK", "northern ireland": "GB", "republic of ireland": "IE", "scotland": "GB", "swaziland": "SZ",
    "the netherlands": "NL", "turkey": "TR", "uae": "AE", "uk": "GB", "united states of america": "US", "wales": "GB",
}  # fmt: skip


def text(value: Any) -> str:
    """A scalar as a person would write it; raises ValueError for bytes, lists and objects."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return format(Decimal(repr(value)).normalize(), "f")
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    raise ValueError(f"a {type(value).__name__} is not text")


def transform(rule: str, maps: Mapping[str, Mapping[str, Any]]) -> Transform:
    """The function that a rule names. Raises LookupError with the name it does not know, ValueError for a bad argument."""
    name, colon, argument = rule.partition(":")
    if name in PLAIN:
        if colon:
            raise ValueError(f"{name} takes no argument")
        return _each(PLAIN[name]) if name in PER_ITEM else PLAIN[name]
    factories = WITH_ARGUMENT | {"map": partial(_mapping, maps)}
    if name not in factories:
        raise LookupError(name)
    if not colon:
        raise ValueError(f"{name} needs an argument, such as {EXAMPLES[name]}")
    made = factories[name](argument)
    return _each(made) if name in PER_ITEM else made


def names() -> list[str]:
    """Every word that `via` knows."""
    return sorted([*PLAIN, *EXAMPLES])


def _each(function: Transform) -> Transform:
    """A list is transformed item by item."""
    return lambda value: [function(item) for item in value] if isinstance(value, list) else function(value)


def _title(value: Any) -> str:
    return re.sub(r"[^\W\d_]+(?:['\u2019][^\W\d_](?!\w))?", lambda word: word[0].capitalize(), text(value))


def _int(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("not a whole number")
    return int(number)


def _number(value: Any) -> Decimal:
    try:
        number = Decimal(text(value).strip())
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite():
        raise ValueError("not a number")
    if number.adjusted() >= MOST_DIGITS:
        raise ValueError("a number out of bounds")
    return number


def _bool(value: Any) -> bool:
    word = text(value).strip().lower()
    if word not in YES | NO:
        raise ValueError("neither yes nor no")
    return word in YES


def _decimal(argument: str) -> Transform:
    places = Decimal(1).scaleb(-_count(argument))

    def rounded(value: Any) -> Decimal:
        try:
            return _number(value).quantize(places, ROUND_HALF_UP)
        except InvalidOperation:
            raise ValueError("a number out of bounds") from None

    return rounded


def _truncate(argument: str) -> Transform:
    length = _count(argument)
    return lambda value: text(value)[:length]


def _count(argument: str) -> int:
    if not (argument.isascii() and argument.isdigit()):
        raise ValueError("the argument has to be a whole number")
    return int(argument)


def _default(argument: str) -> Transform:
    return lambda value: argument if value is None else value


def _null_if(argument: str) -> Transform:
    return lambda value: None if not isinstance(value, list | dict) and text(value) == argument else value


def _split(argument: str) -> Transform:
    separator = argument or ","
    return lambda value: [part.strip() for part in text(value).split(separator) if part.strip()]


def _join(argument: str) -> Transform:
    return lambda value: argument.join(map(text, value)) if isinstance(value, list) else text(value)


def _date(argument: str) -> Transform:
    if not argument:
        raise ValueError("the argument has to be a format, such as %Y-%m-%d")

    def formatted(value: Any) -> str:
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                raise ValueError("not a date") from None
        if not isinstance(value, date):
            raise ValueError("not a date")  # noqa: TRY004 - a value that does not fit, as all others
        return value.strftime(argument)

    return formatted


def _phone(argument: str) -> Transform:
    region = argument.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("the argument has to be a country's two letters, such as phone:AU")

    def e164(value: Any) -> str:
        """E.164 has no extensions; one that is there is kept behind the number, as it is dialled."""
        try:
            number = phonenumbers.parse(text(value), region)
        except phonenumbers.NumberParseException:
            raise ValueError("not a phone number") from None
        if not phonenumbers.is_possible_number(number):
            raise ValueError("not a possible phone number")
        extension = f" ext. {number.extension}" if number.extension else ""
        return f"{phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}{extension}"

    return e164


def _country(argument: str) -> Transform:
    forms: dict[str, Callable[[str], str]] = {"name": _country_name, "alpha2": str, "alpha3": lambda code: _alpha3()[code]}
    if argument not in forms:
        raise ValueError("the argument has to be name, alpha2 or alpha3")

    def country(value: Any) -> str:
        code = _countries().get(text(value).strip().casefold())
        if code is None:
            raise ValueError("not a country")
        return forms[argument](code)

    return country


def _country_name(code: str) -> str:
    return str(Locale("en").territories[code])


@cache
def _alpha3() -> dict[str, str]:
    """AU -> AUS, from CLDR's aliases (AUS stands for AU)."""
    aliases: Mapping[str, list[str]] = get_global("territory_aliases")
    return {codes[0]: name for name, codes in aliases.items() if len(name) == 3 and name.isalpha() and len(codes) == 1}  # noqa: PLR2004


@cache
def _countries() -> dict[str, str]:
    """Every spelling that is known of a country, in lower case -> its two letters."""
    known = {code.casefold(): code for code in _alpha3()} | {name.casefold(): code for code, name in _alpha3().items()}
    for language in reversed(COUNTRY_LOCALES):
        territories = Locale(language).territories
        known |= {str(name).casefold(): code for code, name in territories.items() if code in _alpha3()}
    return known | COUNTRY_ALIASES


def _mapping(maps: Mapping[str, Mapping[str, Any]], argument: str) -> Transform:
    if argument not in maps:
        raise ValueError(f"there is no table [maps.{argument}]")
    table = maps[argument]

    def mapped(value: Any) -> Any:
        try:
            return table[text(value)]
        except KeyError:
            if "*" in table:
                return table["*"]
            raise ValueError(f"no entry in [maps.{argument}]") from None

    return mapped


PLAIN: dict[str, Transform] = {
    "trim": lambda value: text(value).strip(),
    "collapse": lambda value: " ".join(text(value).split()),
    "lower": lambda value: text(value).lower(),
    "upper": lambda value: text(value).upper(),
    "title": _title,
    "digits": lambda value: "".join(character for character in text(value) if character.isdigit()),
    "int": _int,
    "bool": _bool,
}
WITH_ARGUMENT: dict[str, Callable[[str], Transform]] = {
    "truncate": _truncate,
    "default": _default,
    "null_if": _null_if,
    "split": _split,
    "join": _join,
    "decimal": _decimal,
    "date": _date,
    "phone": _phone,
    "country": _country,
}
EXAMPLES = {
    "truncate": "truncate:40", "default": "default:none", "null_if": "null_if:n/a", "split": "split:;", "join": "join:, ",
    "decimal": "decimal:2", "date": "date:%Y-%m-%d", "phone": "phone:AU", "country": "country:name", "map": "map:NAME",
}  # fmt: skip
PER_ITEM = {
    "trim",
    "collapse",
    "lower",
    "upper",
    "title",
    "digits",
    "int",
    "bool",
    "truncate",
    "decimal",
    "date",
    "phone",
    "country",
    "map",
}
