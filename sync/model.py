"""The nouns: frozen data that travels from station to station."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlencode

import orjson

from sync.errors import FieldError

T = TypeVar("T")
Leaf = Any
"""A value of one field in a target's record: None, bool, int, Decimal, str, a list of these, or a Secret."""


LONGEST_STOP = 7 * 86400.0
"""Seconds; what is put off for longer than any vendor may ask for was put off by a clock that ran ahead."""


class Missing:
    """There is no value: either it was not there, or nobody knows. No Enum, which JSON would take for its text."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return self.value.upper()

    def __reduce__(self) -> str:
        """By name, so that there is only one of each."""
        return self.value.upper()


ABSENT = Missing("absent")
UNKNOWN = Missing("unknown")


PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS
"""Without it a Secret would be written field by field, its text included."""
NEVER = object()
"""The clear value of a field that its vendor cannot clear."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a vendor knows of one field of its schema beside the type.

    `clear` is what empties it, in the vendor's way (NEVER: it cannot be emptied). `unordered` lists are compared without
    order. A `secret` is a customer's password. With `empty_is_null` an empty list counts as no value, so that only a map
    can ask for it. A `free` object has names that the vendor does not fix.
    """

    clear: Any = NEVER
    unordered: bool = False
    secret: bool = False
    empty_is_null: bool = False
    free: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A customer's password: known by its keyed fingerprint, its text only while in memory (`text` is None when sealed)."""

    fingerprint: str
    text: str | None = field(default=None, repr=False, compare=False)

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        """Whatever writes a secret down writes the fingerprint alone."""
        return Secret, (self.fingerprint,)


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
class Request:
    """What is asked of a vendor; `body` is a tree of JSON (with Decimal and Secret leaves), serialised in `content` only."""

    method: Literal["GET", "POST", "PUT", "PATCH"]
    url: str
    body: Mapping[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    lists: bool = False
    """The reply may be as long as a list of customers is."""
    form: bool = False
    """The body goes as a form, and every member of it is text."""

    def content(self, *, reveal: bool = False) -> bytes | None:
        """The bytes of the body: with `reveal` as they are sent, else with every secret as `***` and otherwise the same."""
        if self.body is None:
            return None
        spoken = _revealed if reveal else _masked
        if self.form:
            return urlencode(
                {name: spoken(value) if isinstance(value, Secret) else value for name, value in self.body.items()}
            ).encode()
        return orjson.dumps(self.body, default=spoken, option=PLAIN)

    @property
    def kind(self) -> str:
        """The content type of the body."""
        return "application/x-www-form-urlencoded" if self.form else "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a vendor answered: status, headers (asked for in lower case), the body's bytes, and when (aware UTC)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """What a sign-in yields; `expires` is aware UTC, None if the vendor did not say."""

    access: str = field(repr=False)
    expires: datetime | None = None
    refresh: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A vendor's acknowledgement; `missing` are fields that it accepted in words but does not hold as sent."""

    missing: tuple[FieldError, ...] = ()


Conversation = Generator[Request, Reply, T]
"""Requests and replies, in turns, and what they come to."""
Exchange = Conversation[Receipt]
SignIn = Conversation[Token]


Releases = frozenset[tuple[str, str]]
"""What of a customer somebody has let through the gates by name, as (gate, field); its rejection has no field."""


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
class Update:
    """What one target shall be told about one customer: as changes, and as the vendor's requests.

    `version` is the pending row's when this was planned. Once it is acknowledged, the target holds `leaves`, and only the
    fields in `doubt` are still unknown there.
    """

    customer: str
    identity: Identity
    version: int
    changes: Diff
    leaves: Mapping[str, Leaf]
    requests: tuple[Request, ...]
    doubt: frozenset[str] = frozenset()
    stays: bool = False
    """Something remains to be told, so its customer goes on waiting."""
    released: Releases = frozenset()
    gone: bool = False
    """Its customer is gone from the source, and this is how the target is told so."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A customer that waits for one target; `version` grows whenever it is filed again.

    It is `gone` if it was not called when its source was last asked for everybody, and has not been filed since.
    """

    customer: str
    version: int
    released: Releases = frozenset()
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """What one gate keeps back of a customer: its name in the configuration, limit and figure in words, and the fields.

    `run` is the run, or saved plan, in which it was held first.
    """

    gate: str
    reason: str
    fields: tuple[str, ...]
    run: str = ""


@dataclass(frozen=True, slots=True)
class Holding:
    """So many customers that a gate holds, from the `first` run in which it did to the `last` one (or saved plans)."""

    gate: str
    first: str
    last: str
    customers: int


def said_of(holds: Sequence[Hold]) -> str:
    """Why something is held, gate by gate."""
    return "; ".join(f"{hold.gate}: {hold.reason}" for hold in holds)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A customer that cannot become an update for this target, with an error per field.

    A `parked` one is not planned again before its customer or the map changes. One that has tripped a gate is, and `holds` it.
    """

    waiting: Pending
    errors: tuple[FieldError, ...]
    parked: bool = True
    holds: tuple[Hold, ...] = ()

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.waiting.customer


@dataclass(frozen=True, slots=True)
class Held:
    """An update that gates keep back; `gate` is the first of them, `reason` has limit and figure of each, and no value."""

    update: Update
    gate: str
    reason: str
    holds: tuple[Hold, ...] = ()

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.update.customer


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A customer that its target already holds as it should."""

    waiting: Pending

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.waiting.customer


@dataclass(frozen=True, slots=True)
class Foreign:
    """A customer that is not this target's, or `gone` from its source; it `left` if the target knows it.

    One that is `listed` is not forgotten, but told as out of step until it returns or somebody lets go of it.
    """

    waiting: Pending
    gone: bool = False
    left: bool = False
    listed: bool = False

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.waiting.customer


class Outcome(Enum):
    """How an update ended."""

    DELIVERED = "delivered"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    HELD = "held"
    UNKNOWN = "unknown"
    GONE = "gone"
    """No update ends so: the customer is gone from the source, and its target is to tell people, not the vendor."""
    UNDONE = "undone"
    """No update ends so: somebody put the customer back to what it was, and it stays so until it changes at the source."""


@dataclass(frozen=True, slots=True)
class Told:
    """An update that a run was to deliver, and how it ended; `reason` and `errors` are the vendor's words."""

    update: Update
    outcome: Outcome
    reason: str = ""
    errors: tuple[FieldError, ...] = ()

    @property
    def customer(self) -> str:
        """The customer's key."""
        return self.update.customer


Entry = Update | Told | Rejection | Held | Unchanged | Foreign
"""What planning makes of one customer that waited; in the report of a run, what became of it."""


@dataclass(frozen=True, slots=True)
class Tripped:
    """A gate that a plan has tripped: its name and limit as configured, and the figure, in words `reason` (without values).

    `field` is the one that the gate is about, if it is about one, and `value` the new value that many would get.
    """

    gate: str
    limit: str
    figure: int
    reason: str
    field: str = ""
    value: Leaf | Missing = ABSENT
    examples: tuple[Update | Rejection, ...] = ()
    """A few customers, with what the gate is about alone, and without requests."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The vendor id that one pending customer has, as planned now (empty: none that can be used)."""

    customer: str
    id: str


@dataclass(frozen=True, slots=True)
class Released:
    """What was let through a gate: so many customers, `still` of them held by others; and the rows now taken as right."""

    customers: int
    still: int = 0
    rows: int | None = None


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


@dataclass(frozen=True, slots=True)
class Allowance:
    """A quota as written, the calls that are `left` of it in the end, and those that have to wait because they do not fit."""

    quota: str
    left: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a target's plan costs its account, which all its targets share, in the order in which they go out.

    `end` is in how many seconds its last request has left (None: the account is not paced, so nobody knows), `due` in how many
    the target's next scheduled run begins (None: it has no schedule).
    """

    account: str
    end: float | None
    allowances: tuple[Allowance, ...] = ()
    due: float | None = None

    @property
    def in_time(self) -> bool | None:
        """Whether it ends before the next scheduled run; None: that cannot be told, or there is none."""
        return None if self.end is None or self.due is None else self.end < self.due


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """One target's part of a plan, as reports see it: figures, and every entry as often as it is asked for.

    In the report of a run `outcomes` says how many ended how, and the updates are `Told`; in that of a plan it is None.
    `fields` counts the changes by field; `seconds` is how long the requests take at the account's pace; `left` counts the
    customers that were this target's, and are not any more.
    """

    target: str
    updates: int
    requests: int
    unchanged: int
    rejected: int
    held: int
    fields: Mapping[str, int]
    seconds: float
    entries: Callable[[], Iterator[Entry]]
    left: int = 0
    gates: tuple[Tripped, ...] = ()
    estimate: Estimate | None = None
    outcomes: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one update ended, to be written down at once with its baseline.

    `taken` is all that the target holds now, with `doubt` the fields in it that are not known; where it is None the baseline
    stays as it was, with the fields in `doubt` no longer trusted.
    """

    customer: str
    id: str
    version: int
    outcome: Outcome
    reason: str = ""
    errors: tuple[FieldError, ...] = ()
    taken: Mapping[str, Leaf] | None = None
    doubt: frozenset[str] = frozenset()
    attempts: int = 0
    due: datetime | None = None
    parked: bool = False
    """Not taken up again until the customer or the map changes, or somebody asks for it."""
    stays: bool = False
    """Delivered, but not all that there is to tell: the customer goes on waiting as before."""
    holds: tuple[Hold, ...] = ()
    changes: Diff = ()
    """What was sent, with the requests and the status of the last reply; nothing for what was settled without sending."""
    requests: tuple[Request, ...] = ()
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """One update in a target's history: what was told about a customer, and how it ended.

    `requests` are (method, URL, body as sent, with every secret as `***`); `status` is that of the last reply; `place` is where
    the vendor's customers live, empty if that was not noted.
    """

    run: str
    at: datetime
    target: str
    customer: str
    id: str
    outcome: Outcome
    reason: str
    attempts: int
    changes: Diff
    requests: tuple[tuple[str, str, str], ...]
    status: int | None
    errors: tuple[FieldError, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One pass as it was noted: when, and what it reported; `ended` is None while it is under way.

    `report` holds `targets` (outcomes by target) and `troubles`; `interrupted` if its process ended before it did; the `undoes`
    of an undo is the run that it put back.
    """

    run: str
    started: datetime
    ended: datetime | None
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Undone:
    """Fields of one customer that the run `run` put back, with the values that they keep until the customer is filed again."""

    customer: str
    run: str
    leaves: Mapping[str, Leaf]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered of an account: stopped until when, what is wrong with it, when it was last sent to, its used quota.

    `reason` without `stopped_until` is for people only: an open circuit, or credentials that were refused.
    `used` holds (bucket's start in epoch seconds, calls) by quota as written, such as "10800/h". Times are epoch seconds.
    """

    stopped_until: float = 0.0
    reason: str = ""
    last_sent: float = 0.0
    used: Mapping[str, Sequence[tuple[float, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timing:
    """What the service remembers of a target: when it last ran, when it last ran well, since when it is paused (None: not)."""

    last: datetime | None = None
    succeeded: datetime | None = None
    paused: datetime | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong with the service and was told to people: what it is about, since when, and a sentence."""

    about: str
    since: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Where one target stands: customers acknowledged, waiting, and out of step by outcome."""

    target: str
    known: int
    waiting: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Failure:
    """One customer that is out of step with one target, and why."""

    target: str
    customer: str
    outcome: Outcome
    reason: str
    errors: tuple[FieldError, ...]
    attempts: int
    since: datetime
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of those who are out of step: one target's, of one outcome, with a text in key or reason, one customer. Empty: any."""

    target: str = ""
    outcome: str = ""
    text: str = ""
    customer: str = ""


class Numbered(NamedTuple):
    """An episode with its place in a list of them."""

    number: int
    episode: Episode


def dumps(tree: object, *, indent: bool = False) -> bytes:
    """A tree of JSON with every secret as `***`, Decimals as exact numbers and `Missing` as the contract says."""
    return orjson.dumps(tree, default=_masked, option=PLAIN | orjson.OPT_INDENT_2 if indent else PLAIN)


def words(errors: Sequence[FieldError]) -> list[dict[str, str]]:
    """Errors in the shape of the public contract."""
    return [{"field": error.field, "message": error.message} for error in errors]


def _masked(value: object) -> object:
    return "***" if isinstance(value, Secret) else _plain(value)


def _revealed(value: object) -> object:
    if isinstance(value, Secret):
        if value.text is None:
            message = "a sealed secret cannot be sent"
            raise ValueError(message)
        return value.text
    return _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if value is UNKNOWN:
        return {"unknown": True}
    message = f"not a JSON value: {type(value).__name__}"
    raise TypeError(message)


@dataclass(frozen=True, slots=True)
class Step:
    """The way of one field: from which source values, by which rule, to what the target should hold, and what it holds."""

    field: str
    sources: Mapping[str, Any]
    rule: Any
    record: Leaf | Missing
    acknowledged: Leaf | Missing
    error: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a target holds what it holds of one customer: each field's way, what would be sent now, and what was sent before."""

    target: str
    customer: str
    id: str
    steps: tuple[Step, ...]
    failure: Failure | None
    planned: tuple[Request, ...]
    history: tuple[Episode, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Something to tell in place of a value."""

    text: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """In a map test, one field (empty: the customer as a whole) that is not as the test says."""

    field: str
    expected: Leaf | Missing | Said
    got: Leaf | Missing | Said
