"""A target's `[fields]` table -> rules, or every mistake in it by its key. Pure, but for imports that a map names."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from string import Formatter
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sync.errors import lowered
from sync.model import NEVER, Field
from sync.pipeline.project import Rule, WhenNull
from sync.pipeline.transforms import Transform, names, text, transform

Read = Callable[[Mapping[str, Any]], Any]
Mistakes = list[tuple[str, str]]
"""Key and what to do, such as ("fields.Emial", "the vendor has no such field; did you mean Email?")."""


class RuleTable(BaseModel):
    """The long form of a rule: one of `from`, `value`, `call`, and what to do with it."""

    model_config = ConfigDict(extra="forbid")

    from_: str | None = None
    value: Any = None
    call: str | None = None
    via: list[str] = []
    when_null: WhenNull = "keep"


KINDS = ("from", "value", "call")
KEYS = (*KINDS, "via", "when_null")


def compile_rules(
    table: Mapping[str, Any], fields: Mapping[str, Field], maps: Mapping[str, Mapping[str, Any]]
) -> tuple[tuple[Rule, ...], Mistakes]:
    """Every rule that can be made of the table, and every mistake."""
    rules: list[Rule] = []
    mistakes: Mistakes = []
    for path, written in _walk(table, fields, ()):
        key = ".".join(("fields", *path))
        try:
            rules.append(_rule(path, written, fields, maps))
        except (ValueError, LookupError) as error:
            mistakes.append((key, str(error)))
    return tuple(rules), mistakes


def _walk(
    table: Mapping[str, Any], fields: Mapping[str, Field], prefix: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A table under a name that the schema knows as an object is nesting, not a rule."""
    for name, written in table.items():
        path = (*prefix, name)
        start = ".".join(path) + "."
        nested = any(known.startswith(start) for known in fields)
        loose = _free(path, fields) and isinstance(written, dict) and not any(kind in written for kind in KINDS)
        if isinstance(written, dict) and (nested or loose):
            yield from _walk(written, fields, path)
        else:
            yield path, written


def _free(path: tuple[str, ...], fields: Mapping[str, Field]) -> bool:
    return len(path) > 1 and f"{path[0]}.*" in fields


def _rule(path: tuple[str, ...], written: Any, fields: Mapping[str, Field], maps: Mapping[str, Mapping[str, Any]]) -> Rule:
    field = ".".join(path)
    if field not in fields and not _free(path, fields):
        raise LookupError(f"the vendor has no such field{nearest(field, fields)}")
    about = fields.get(field) or fields[f"{path[0]}.*"]
    rule = _long(written)
    if rule.when_null == "clear" and about.clear is NEVER:
        raise ValueError('the vendor cannot clear this field: use when_null = "keep" or "reject", or via = ["default:..."]')
    sources, read = _reader(rule)
    steps = _steps(rule.via, maps)
    if rule.via:
        read = _chained(read, steps, sources)
    return Rule(path, sources, read, rule.when_null)


def _long(written: Any) -> RuleTable:
    if isinstance(written, str):
        return RuleTable(from_=written)
    if not isinstance(written, dict):
        raise ValueError('a field is a name, a template, or a table such as { from = "Email" } or { value = 5 }')  # noqa: TRY004
    for key in written:
        if key not in KEYS:
            raise LookupError(f"unknown key {key}{nearest(key, KEYS)}")
    if sum(kind in written for kind in KINDS) != 1:
        raise ValueError("one of from, value and call is needed")
    try:
        return RuleTable(**{"from_" if key == "from" else key: value for key, value in written.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])).strip('_')}: {lowered(first['msg'])}") from None


def _reader(rule: RuleTable) -> tuple[tuple[str, ...], Read]:
    if rule.call is not None:
        return (), _call(rule.call)
    if rule.from_ is None:
        constant = rule.value
        return (), lambda _values: constant
    if "{" in rule.from_ or "}" in rule.from_:
        return _template(rule.from_)
    name = rule.from_
    return (name,), lambda values: values.get(name)


def _template(template: str) -> tuple[tuple[str, ...], Read]:
    """A null counts as empty text and the result is trimmed; if all its fields are null, the result is null."""
    parts = list(Formatter().parse(template))
    if any(spec or conversion for _, _, spec, conversion in parts):
        raise ValueError("a template holds names in braces only, without formats")
    sources = tuple(dict.fromkeys(name for _, name, _, _ in parts if name is not None))
    if "" in sources:
        raise ValueError("a template needs a name between its braces")

    def read(values: Mapping[str, Any]) -> str | None:
        if sources and all(values.get(name) is None for name in sources):
            return None
        pieces = (literal + _piece(name, values) for literal, name, _, _ in parts)
        return "".join(pieces).strip()

    return sources, read


def _piece(name: str | None, values: Mapping[str, Any]) -> str:
    value = None if name is None else values.get(name)
    try:
        return "" if value is None else text(value)
    except ValueError as error:
        raise ValueError(f"from {name}: {error}") from None


def _call(place: str) -> Read:
    """`package.module:function` of the customer's values; what it raises is named by its type only."""
    function = load(place)
    if not callable(function):
        raise ValueError(f"{place} is not a function")  # noqa: TRY004 - a mistake in the configuration, as all others

    def read(values: Mapping[str, Any]) -> Any:
        try:
            return function(MappingProxyType(dict(values)))
        except Exception as error:  # noqa: BLE001 - a user's function may raise anything
            raise ValueError(f"call {place}: raised {type(error).__name__}") from None

    return read


def load(place: str) -> Any:
    """The object that `package.module:name` names. Raises LookupError."""
    module, _, name = place.partition(":")
    if not name or not module.strip("."):
        raise LookupError(f'"{place}" has to be written as package.module:name')
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        raise LookupError(f"{module} has no {name}") from None
    except ImportError as error:
        raise LookupError(f"cannot import {module}: {error}") from None
    except Exception as error:  # noqa: BLE001 - a user's module may raise anything
        raise LookupError(f"cannot import {module}: {type(error).__name__}: {error}") from None


def _steps(via: list[str], maps: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, Transform], ...]:
    steps = []
    for rule in via:
        try:
            steps.append((rule, transform(rule, maps)))
        except LookupError:
            raise LookupError(
                f"via: unknown transform {rule.partition(':')[0]}{nearest(rule.partition(':')[0], names())}"
            ) from None
        except ValueError as error:
            raise ValueError(f"via: {rule}: {error}") from None
    return tuple(steps)


def _chained(read: Read, steps: tuple[tuple[str, Transform], ...], sources: tuple[str, ...]) -> Read:
    origin = f"from {', '.join(sources)} " if sources else ""

    def chained(values: Mapping[str, Any]) -> Any:
        value = read(values)
        for rule, step in steps:
            if value is None and not rule.startswith("default:"):
                continue
            try:
                value = step(value)
            except ValueError as error:
                raise ValueError(f"{origin}via {rule}: {error}") from None
        return value

    return chained


def nearest(name: str, valid: Any) -> str:
    """`; did you mean X?` where there is an X like it."""
    by_case = {known.casefold(): known for known in valid}
    close = get_close_matches(name.casefold(), by_case, n=1, cutoff=0.6)
    return f"; did you mean {by_case[close[0]]}?" if close else ""
