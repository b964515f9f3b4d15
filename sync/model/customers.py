"""A customer: as its source has it, as a target should hold it, and as the target acknowledged it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sync.model.leaves import Leaf, Missing


@dataclass(frozen=True, slots=True)
class Customer:
    """One full snapshot from a source: its key as text, its fields by name, and the digest by which a change is seen.

    `trouble` says why nobody can tell what it is, such as two rows with its key: every target rejects it with these words.
    """

    key: str
    values: Mapping[str, Any]
    digest: bytes = field(default=b"", compare=False)
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """How a vendor knows a customer: its id there, or the value of the field `match` that names it without one."""

    value: str
    match: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A customer in a target's fields: leaves by dotted field name, and how the vendor knows it."""

    customer: str
    identity: Identity
    leaves: Mapping[str, Leaf]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a target last acknowledged of one customer at one place; `leaves` is None if it never did.

    The fields in `doubt` may have been overwritten by something in flight, so their value is not known.
    """

    place: str
    id: str
    leaves: Mapping[str, Leaf] | None
    doubt: frozenset[str] = frozenset()


class Change(NamedTuple):
    """One field that differs; `sources` are the customer's fields that it is made from.

    The most frequent noun by far: a tuple is made and copied in half the time of a dataclass.
    """

    field: str
    before: Leaf | Missing
    after: Leaf
    sources: tuple[str, ...] = ()


Diff = tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list of customers, as (key, values), in the list's order, and when it came by the account's own clock.

    A key of None is a customer that cannot be told from others, values of None one that is gone although it is listed.
    `next` is where to read on (None: nowhere). Where pages overlap, this one has to begin with somebody seen before, or a
    customer may have slipped through between two pages: then it is read on from `again`, before this page.
    """

    items: Sequence[tuple[str | None, Mapping[str, Any] | None]]
    at: datetime
    next: object = None
    again: object = None
    total: int | None = None
    """How many customers the whole list has, where the account tells."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The vendor id that one pending customer has, as planned now (empty: none that can be used)."""

    customer: str
    id: str


@dataclass(frozen=True, slots=True)
class Filing:
    """Rows of one source (key, digest) that differ from what was last seen, for these targets; `cursor` None: unmoved."""

    source: str
    rows: Sequence[tuple[str, bytes]]
    targets: Sequence[str]
    cursor: object = None


@dataclass(frozen=True, slots=True)
class Roll:
    """What is known of a source's customers: how many were `seen`, and when everybody was last called (None: never).

    `surplus` is how many more rows the source had then than customers were seen: rows without a key, or two with one key.
    """

    seen: int = 0
    at: datetime | None = None
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class RollCall:
    """The end of a roll call: whoever was seen and has not been called is gone, at the targets that are `watching` first of all.

    All `targets` of the source hear of who has returned. `rows` are those that the source counted (None: it cannot).
    """

    source: str
    targets: Sequence[str]
    watching: Sequence[str]
    rows: int | None = None
