"""The entries of one run for one target, kept on disk -> what is sent, held and rejected, in figures and one by one.

Entries are written to an unnamed temporary file, so that a plan of any size takes the same memory; a customer's password is
never among them, only its fingerprint.
"""

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields
from operator import attrgetter
from os import SEEK_END
from typing import Any

from sync.errors import FieldError, StateError
from sync.model import Change, Entry, Foreign, Held, Hold, Identity, Pending, Rejection, Request, Told, Tripped, Unchanged, Update
from sync.pipeline.census import Census
from sync.pipeline.figures import Figures

IN_MEMORY = 4 << 20


def _reducer(kind: type[Any]) -> Callable[[Any], tuple[type[Any], tuple[Any, ...]]]:
    """What a dataclass with slots does by itself when pickled takes ten times as long."""
    members = attrgetter(*(member.name for member in fields(kind)))
    single = len(fields(kind)) == 1
    return lambda thing: (kind, (members(thing),) if single else members(thing))


def _flat(update: Update) -> tuple[Callable[..., Update], tuple[Any, ...]]:
    """An update as plain tuples, which pickle writes and reads without asking each of its parts how."""
    changes = [tuple(change) for change in update.changes]
    requests = [(request.method, request.url, request.body, request.headers) for request in update.requests]
    identity = update.identity
    named = update.customer, identity.value, identity.match, update.version
    return _update, (*named, changes, update.leaves, requests, update.doubt, update.stays, update.released, update.gone)


def _update(*parts: Any) -> Update:
    customer, value, match, version, changes, leaves, requests, doubt, *rest = parts
    told = tuple(map(Change._make, changes)), leaves, tuple(Request(*request) for request in requests)
    return Update(customer, Identity(value, match), version, *told, doubt, *rest)


KINDS = (FieldError, Foreign, Held, Hold, Pending, Rejection, Told, Unchanged)
REDUCERS: dict[type, Any] = {kind: _reducer(kind) for kind in KINDS}
REDUCERS[Update] = _flat

Sieve = Callable[[Entry], Sequence[Entry]]
"""Parts an entry into what goes and what a gate keeps back."""


class Plan:
    """One target's plan: written page by page, then judged, then read as often as needed.

    `census` is what its gates count, None where it has none; `tripped` are those that have tripped, `rows` what the source
    had where a gate counts them.
    """

    def __init__(self, target: str, known: int, census: Census | None = None) -> None:
        self.target = target
        self.figures = Figures(known)
        self.census = census
        self.tripped: tuple[Tripped, ...] = ()
        self.rows: int | None = None
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, prefix="customer-sync-")  # noqa: SIM115 - closed by `close`
        self._rivals: Mapping[str, tuple[str, ...]] = {}
        self._yielding: AbstractSet[str] = frozenset()
        self._sieve: Sieve | None = None

    def write(self, entries: Sequence[Entry]) -> None:
        """Adds a page of entries. Raises StateError where there is no room for it."""
        self._file.seek(0, SEEK_END)
        pickler = pickle.Pickler(self._file, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = REDUCERS
        try:
            pickler.dump(entries)
            self._file.flush()
        except OSError as error:
            advice = "make room for the plan there, or name another folder in TMPDIR"
            raise StateError(f"{tempfile.gettempdir()}: {error.strerror}: {advice}") from None
        self._count(entries)

    def contest(self, rivals: Mapping[str, tuple[str, ...]], yielding: AbstractSet[str] = frozenset()) -> None:
        """Rejects customers that claim a vendor id that others claim, too; of the gone `yielding` theirs nothing is told."""
        self._rivals, self._yielding = rivals, yielding
        self._recount(bool(rivals or yielding))

    def gate(self, sieve: Sieve) -> None:
        """Holds what a gate names."""
        self._sieve = sieve
        self._recount(worthwhile=True)

    def pages(self) -> Iterator[list[Entry]]:
        """All entries, as judged."""
        place = 0
        while True:
            self._file.seek(place)
            try:
                entries = pickle.load(self._file)  # noqa: S301 - written by this process, into a file without a name
            except EOFError:
                return
            place = self._file.tell()
            yield [part for entry in entries for part in self._judged(entry)]

    def entries(self) -> Iterator[Entry]:
        """All entries, one by one."""
        for page in self.pages():
            yield from page

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _judged(self, entry: Entry) -> Sequence[Entry]:
        if entry.customer in self._yielding:
            entry = Foreign(_waiting(entry), gone=True, left=True)
        others = self._rivals.get(entry.customer) if self._rivals else None
        if others and not isinstance(entry, Foreign):
            names = ", ".join(others)
            error = FieldError("id", f"the same vendor id is claimed by customer {names}")
            errors = entry.errors if isinstance(entry, Rejection) else ()
            entry = Rejection(_waiting(entry), (*errors, error), parked=False)
        return self._sieve(entry) if self._sieve else [entry]

    def _count(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.figures.count(entry)
        if self.census:
            for entry in entries:
                self.census.count(entry)

    def _recount(self, worthwhile: bool) -> None:
        if worthwhile:
            self.figures = Figures(self.figures.known)
            self.census = self.census and self.census.again()
            for page in self.pages():
                self._count(page)


def _waiting(entry: Entry) -> Pending:
    if isinstance(entry, Held | Told):
        entry = entry.update
    if isinstance(entry, Update):
        return Pending(entry.customer, entry.version, entry.released, entry.gone)
    return entry.waiting
