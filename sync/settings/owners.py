"""Every target -> the fields that two of them would write for the same customer of one account. Pure.

A field has one owner: two targets that both map it would overwrite each other without end, and neither would notice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sync.errors import Mistake


@dataclass(frozen=True, slots=True)
class Owned:
    """What a target writes, and for whom: `where` says which customers of its source it takes."""

    name: str
    file: str
    account: str
    where: Mapping[str, tuple[Any, ...]]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that `target` maps, and `other` too."""

    target: Owned
    other: Owned
    field: str


def one_owner(targets: Sequence[Owned]) -> list[Mistake]:
    """A mistake for each field with two owners."""
    return [_mistake(clash) for clash in clashes(targets)]


def clashes(targets: Sequence[Owned]) -> Iterator[Clash]:
    """Each field that two targets of one account map for customers that can be the same, at the later one of the two.

    Two sources can hold the same customer as well as one: only `where` keeps them apart.
    """
    for other, target in combinations(sorted(targets, key=lambda target: target.name), 2):
        if target.account == other.account and not apart(target.where, other.where):
            for field in target.fields:
                if any(overlap(field, theirs) for theirs in other.fields):
                    yield Clash(target, other, field)


def apart(one: Mapping[str, tuple[Any, ...]], other: Mapping[str, tuple[Any, ...]]) -> bool:
    """Whether no customer can be chosen by both: some field has to have a value here that it must not have there."""
    return any(name in other and not any(value in other[name] for value in values) for name, values in one.items())


def overlap(one: str, other: str) -> bool:
    """Whether two dotted names are the same field, or one lies within the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _mistake(clash: Clash) -> Mistake:
    message = (
        f"target {clash.other.name} maps it, too, for the same account {clash.target.account}: leave it to one of them, or "
        "filter their customers apart with where, such as where = { Country = [...] } in both"
    )
    return Mistake(clash.target.file, f"fields.{clash.field}", message)
