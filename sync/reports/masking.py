"""A plan -> the same plan without its customers' values: what changed, and how, can still be seen. Pure.

A letter becomes `x` or `X`, a digit `#`; where two values differ, they become `▫` in the old one and `▪` in the new one.
Spaces and punctuation stay, and so do true, false, null, names of fields, the customer's key and the vendor's id.
"""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from sync.model import (
    Change,
    Entry,
    Episode,
    Explanation,
    Held,
    Identity,
    Leaf,
    Missing,
    Request,
    Secret,
    Step,
    TargetPlan,
    Told,
    Tripped,
    Update,
)
from sync.reports.marking import differing

WAS: Final = "▫"
IS: Final = "▪"
HIDDEN: Final = "(the vendor's words may hold values, and are not shown)"
NUMBER: Final = "number "
"""Stands before a masked number, which is text from then on."""


def mask(target: TargetPlan) -> TargetPlan:
    """The plan as it may be shown to anybody; no figure changes."""

    def entries() -> Iterator[Entry]:
        return map(_entry, target.entries())

    return replace(target, entries=entries, gates=tuple(map(_tripped, target.gates)))


def mask_explanation(explanation: Explanation) -> Explanation:
    """What is known of one customer, as it may be shown to anybody; requests, which are all values, are left out."""
    steps = tuple(map(_step, explanation.steps))
    history = tuple(map(mask_episode, explanation.history))
    return replace(explanation, id=shape(explanation.id), steps=steps, planned=(), history=history)


def mask_episode(episode: Episode) -> Episode:
    """What was told of a customer, without its values and requests."""
    return replace(episode, id=shape(episode.id), changes=tuple(map(_change, episode.changes)), requests=())


def _step(step: Step) -> Step:
    acknowledged, record = _pair(step.acknowledged, step.record)
    return replace(
        step, sources={name: _leaf(value) for name, value in step.sources.items()}, acknowledged=acknowledged, record=record
    )


def _tripped(tripped: Tripped) -> Tripped:
    examples = tuple(_update(example) if isinstance(example, Update) else example for example in tripped.examples)
    return replace(tripped, value=_leaf(tripped.value), examples=examples)


def _entry(entry: Entry) -> Entry:
    """Errors and reasons hold no values, but for the vendor's."""
    match entry:
        case Update():
            return _update(entry)
        case Held():
            return replace(entry, update=_update(entry.update))
        case Told():
            errors = tuple(replace(error, message=HIDDEN) for error in entry.errors)
            return replace(entry, update=_update(entry.update), reason=entry.reason and HIDDEN, errors=errors)
        case _:
            return entry


def _update(update: Update) -> Update:
    names = {name for change in update.changes for name in _endings(change.field)}
    return replace(
        update,
        identity=_identity(update.identity),
        changes=tuple(map(_change, update.changes)),
        leaves={},
        requests=tuple(_request(request, update.identity, names) for request in update.requests),
    )


def _identity(identity: Identity) -> Identity:
    """A customer that is known by the value of a field has no id that could stay."""
    return replace(identity, value=shape(identity.value)) if identity.match else identity


def _request(request: Request, identity: Identity, names: Collection[str]) -> Request:
    url = (
        request.url.replace(quote(identity.value, safe=""), quote(shape(identity.value), safe=""))
        if identity.match
        else request.url
    )
    return replace(request, url=url, body=request.body and _tree(request.body, identity, names))


def _tree(tree: Any, identity: Identity, names: Collection[str]) -> Any:
    """A body keeps its form, and the texts that say which customer and which field."""
    if isinstance(tree, Mapping):
        return {name: _tree(value, identity, names) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_tree(value, identity, names) for value in tree]
    is_id = identity.match is None and str(tree) == identity.value
    return tree if is_id or (isinstance(tree, str) and tree in names) else _leaf(tree)


def _endings(field: str) -> Iterator[str]:
    """`Fields.Region.Name` is said to a vendor as this, `Region.Name` or `Name`."""
    parts = field.split(".")
    return (".".join(parts[start:]) for start in range(len(parts)))


def _change(change: Change) -> Change:
    before, after = _pair(change.before, change.after)
    return change._replace(before=before, after=after)


def _pair(before: Leaf | Missing, after: Leaf) -> tuple[Leaf | Missing, Leaf]:
    if isinstance(before, list) and isinstance(after, list):
        return _items(before, after, WAS), _items(after, before, IS)
    if type(before) is type(after) and _is_masked(before):
        return _texts(_said(before), _said(after), NUMBER if not isinstance(before, str) else "")
    return _leaf(before), _leaf(after)


def _texts(before: str, after: str, kind: str) -> tuple[str, str]:
    old, new = differing(before, after)
    whole = len(old) == len(new) == 1 and not old[0].differs and before != after
    return (
        kind + "".join(shape(text, WAS if differs or whole else "") for text, differs in old),
        kind + "".join(shape(text, IS if differs or whole else "") for text, differs in new),
    )


def _items(items: list[Leaf], others: list[Leaf], mark: str) -> list[Leaf]:
    return [_leaf(item) if item in others else _leaf(item, mark) for item in items]


def _leaf(value: Leaf | Missing, mark: str = "") -> Leaf | Missing:
    if isinstance(value, list | tuple):
        return [_leaf(item, mark) for item in value]
    if isinstance(value, Mapping):
        return {name: _leaf(item, mark) for name, item in value.items()}
    if not _is_masked(value):
        return value
    return shape(value, mark) if isinstance(value, str) else NUMBER + shape(_said(value), mark)


def _is_masked(value: Leaf | Missing) -> bool:
    return not (value is None or isinstance(value, bool | Missing | Secret | list | tuple | Mapping))


def _said(value: Leaf) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def shape(text: str, mark: str = "") -> str:
    """The text with `mark` (or a sign for its kind) in place of every letter, digit and symbol."""
    return "".join(_sign(char, mark) for char in text)


def _sign(char: str, mark: str) -> str:
    kind = unicodedata.category(char)
    if kind[0] in "ZPC" or (char.isascii() and not char.isalnum()):
        return char
    if mark:
        return mark
    return "#" if kind[0] == "N" else "X" if kind == "Lu" else "x"
