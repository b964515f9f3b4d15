"""What the state remembers: to be read, to be planned upon, to be written."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sync.model import (
    Alert,
    Baseline,
    Claim,
    Diff,
    Episode,
    Failure,
    Filing,
    Hold,
    Holding,
    Numbered,
    Pending,
    Released,
    Roll,
    RollCall,
    Run,
    Settlement,
    Standing,
    Tally,
    Timing,
    Undone,
    Update,
    Wanted,
)


class Reading(Protocol):
    """The half of a store that changes nothing."""

    @abstractmethod
    async def cursor(self, source: str) -> object:
        """The source's cursor as last filed; None at first."""

    @abstractmethod
    async def unseen(self, source: str, rows: Sequence[tuple[str, bytes]], whole: bytes = b"") -> list[tuple[str, bytes]]:
        """Those of the rows whose digest is not the one that was last filed; `whole` is the digest of a page of them."""

    @abstractmethod
    async def seen(self, source: str, customers: Sequence[str]) -> frozenset[str]:
        """Those of the customers that were seen in the source, and have not been missed at a roll call since."""

    @abstractmethod
    async def pending(self, target: str, after: str, size: int) -> list[Pending]:
        """The next customers that wait for a target and are not parked or put off, by key, behind the key `after`."""

    @abstractmethod
    async def baselines(self, target: str, customers: Sequence[str]) -> dict[str, Baseline]:
        """What the target last acknowledged of these customers; what is in flight counts as in doubt."""

    @abstractmethod
    async def rivals(self, target: str) -> dict[str, tuple[str, ...]]:
        """Every customer that claims the same vendor id as others, with the others."""

    @abstractmethod
    async def known(self, target: str) -> int:
        """How many customers the target has acknowledged."""

    @abstractmethod
    async def roll(self, source: str) -> Roll:
        """How many of the source's customers were seen, and when everybody was last called."""

    @abstractmethod
    async def rows(self, target: str, source: str) -> int | None:
        """How many rows the target's source had when they were last taken as right; None: nobody knows."""

    @abstractmethod
    async def holding(self, target: str) -> list[Holding]:
        """How many customers each gate holds, and since which run."""

    @abstractmethod
    async def standing(self, account: str) -> Standing:
        """What has to be remembered of an account between runs."""

    @abstractmethod
    async def failures(self, targets: Sequence[str] = ()) -> list[Failure]:
        """Who is out of step and why, by target and customer; all targets if none is named."""

    @abstractmethod
    async def history(self, target: str, customer: str, most: int) -> list[Episode]:
        """The last updates of one customer, newest first."""

    @abstractmethod
    async def runs(self, most: int) -> list[Run]:
        """The last runs, newest first, with those that are under way."""

    @abstractmethod
    async def told(self, run: str, target: str, after: str, size: int) -> list[str]:
        """The next customers of whom a run has told the target something, by key, behind the key `after`."""

    @abstractmethod
    async def episodes(self, run: str, target: str, customers: Sequence[str]) -> dict[str, Episode]:
        """What a run has told the target of these customers; where there is more than one, the last."""

    @abstractmethod
    async def undone(self, target: str, customers: Sequence[str]) -> dict[str, Undone]:
        """Those of the customers that were put back and have not been filed since."""

    @abstractmethod
    async def tally(self) -> list[Tally]:
        """How many customers wait, are parked and are in step, by target."""

    @abstractmethod
    async def filed(self, target: str) -> dict[int, datetime]:
        """When those who wait for the target were filed, by version."""

    @abstractmethod
    async def resumable(self) -> dict[str, datetime]:
        """By target, when the first customer may be planned again that was put off, is unknown, or was let go by somebody."""

    @abstractmethod
    async def timings(self) -> dict[str, Timing]:
        """What the service remembers of each target."""

    @abstractmethod
    async def alerts(self) -> list[Alert]:
        """What people have been told is wrong, and not yet that it is over, oldest first."""


class Filer(Reading, Protocol):
    """What detecting and planning write: who waits for which target. A dry run has one that forgets."""

    @abstractmethod
    async def file(self, filing: Filing) -> None:
        """Rows as seen, their customers as pending for each target, and the source's cursor: all at once.

        What was put back of these customers is so no more.

        A target of this source that is not among them misses something, and has to be enrolled anew when it comes back.
        """

    @abstractmethod
    async def enrol(self, target: str, source: str, fingerprint: str) -> bool:
        """Makes every customer of the source pending if the target is new or its fingerprint is another; says whether."""

    @abstractmethod
    async def begin_roll(self, source: str) -> None:
        """From now on everybody in the source is called; nobody has been yet."""

    @abstractmethod
    async def meet(self, source: str, customers: Sequence[str]) -> None:
        """These have been called: they are there."""

    @abstractmethod
    async def end_roll(self, call: RollCall) -> int:
        """Everybody who is there has been called. Returns how many are gone since the last time.

        Who was seen and not called is seen no more, and waits as gone for each target that is watching, or for which it has
        been waiting anyway. Who was called and not seen waits for every target, as who is filed does.
        """

    @abstractmethod
    async def wait(self, target: str, customers: Sequence[str]) -> list[Pending]:
        """Makes these customers wait for the target, whatever their state was; who is held stays listed until it is settled."""

    @abstractmethod
    async def note_rows(self, target: str, source: str, rows: int, gate: str = "") -> None:
        """How many rows the target's source has; where a gate finds them too few, the number taken as right stays as it was."""

    @abstractmethod
    async def claim(self, target: str, claims: Sequence[Claim]) -> None:
        """Notes the vendor id that each pending customer has as planned now."""


class Store(Filer, Protocol):
    """Cursor, pending, intents, baselines, outcomes. Each call is one transaction; when it returns, it is durable."""

    @abstractmethod
    async def intend(self, target: str, updates: Sequence[Update]) -> None:
        """Notes what is about to be sent. Until it is settled, its fields are in doubt, whatever happens.

        Of others that had the same vendor id before, nothing is known there any more: this overwrites it.
        """

    @abstractmethod
    async def settle(self, target: str, place: str, settlements: Sequence[Settlement], *, run: str = "") -> None:
        """Notes how updates ended. A customer leaves pending only if it has not been filed again since it was planned."""

    @abstractmethod
    async def in_flight(self) -> dict[str, int]:
        """How many updates were written down to be sent and have not been settled, by target."""

    @abstractmethod
    async def recover(self) -> None:
        """What was in flight when the last process ended is in doubt from now on; runs that were under way are interrupted."""

    @abstractmethod
    async def drop(self, target: str, waiting: Sequence[Pending]) -> None:
        """These customers are not this target's any more: nothing waits, and nothing is known of them."""

    @abstractmethod
    async def forget(self, source: str, customers: Sequence[str]) -> None:
        """These customers are gone from the source; should they return, they are new."""

    @abstractmethod
    async def stand(self, account: str, standing: Standing) -> None:
        """Remembers an account's standing."""

    @abstractmethod
    async def retry(self, targets: Sequence[str] = (), customers: Sequence[str] = ()) -> int:
        """Makes whoever is out of step wait to be planned again, narrowed by target and customer; returns how many.

        Who is listed as gone is let go of: nothing waits, and nothing is known of them.
        """

    @abstractmethod
    async def put_back(self, target: str, undone: Sequence[Undone]) -> None:
        """Notes what these customers shall keep, in place of what was noted of them before; one without leaves keeps nothing."""

    @abstractmethod
    async def release(self, target: str, gate: str, run: str | None = None) -> Released:
        """Lets what a gate holds now (and held in that run, if one is named) through this gate, until it is filed again.

        The rows that the gate found too few are taken as right from now on.
        """

    @abstractmethod
    async def spend(self, plan: str) -> bool:
        """Notes that a saved plan is being applied; says whether it was not before."""

    @abstractmethod
    async def begin_run(self, run: str, started: datetime, report: Mapping[str, object]) -> None:
        """Notes a run that is under way, with what can be told of it already."""

    @abstractmethod
    async def log_run(self, run: str, started: datetime, ended: datetime, report: Mapping[str, object]) -> None:
        """Notes a run that has ended."""

    @abstractmethod
    async def prune(self, before: datetime, most: int) -> int:
        """Forgets up to `most` each of the runs, the history and the filings from before then; how many. Zero: none is left."""

    @abstractmethod
    async def time(self, target: str, timing: Timing) -> None:
        """Remembers a target's timing."""

    @abstractmethod
    async def note_alerts(self, alerts: Sequence[Alert]) -> None:
        """Remembers what people have been told, in place of what was remembered before."""

    @abstractmethod
    async def probe(self) -> None:
        """Writes something that means nothing. Raises StateError where nothing can be written."""

    @abstractmethod
    async def close(self) -> None:
        """Writes what is left and lets go of the file."""


class Lists(Protocol):
    """What people look at, a page at a time, read beside whoever writes, so that nobody waits. Raises StateError."""

    @abstractmethod
    async def tally(self) -> list[Tally]:
        """How many customers wait, are parked and are in step, by target."""

    @abstractmethod
    async def oldest(self) -> dict[str, datetime]:
        """By target, since when the first of those waits who are not parked."""

    @abstractmethod
    async def out_of_step(self, wanted: Wanted, after: tuple[str, str], size: int) -> list[Failure]:
        """Who is out of step and why, by target and customer, behind that (target, customer); nobody who is just in flight."""

    @abstractmethod
    async def count(self, wanted: Wanted, most: int) -> int:
        """How many are out of step; `most` where there are more."""

    @abstractmethod
    async def holding(self, target: str) -> list[Holding]:
        """How many customers each gate holds, and since which run."""

    @abstractmethod
    async def page(self, before: str, size: int) -> list[Run]:
        """The runs before that one (empty: all), newest first."""

    @abstractmethod
    async def run(self, run: str) -> Run | None:
        """One run; None where it is not known, or not any more."""

    @abstractmethod
    async def fields(self, run: str) -> dict[str, dict[str, int]]:
        """How often a run has told a change of each field, by target."""

    @abstractmethod
    async def told_by(self, run: str, wanted: Wanted, after: tuple[str, str, int], size: int) -> list[Numbered]:
        """What a run has told, by target, customer and number, behind that one."""

    @abstractmethod
    async def close(self) -> None:
        """Lets go of the state."""


class SavedUpdate(Protocol):
    """One update of a saved plan: what changes, and (method, URL, body with secrets as `***`)."""

    @property
    def customer(self) -> str:
        """The customer's key."""

    @property
    def id(self) -> str:
        """The vendor's id."""

    @property
    def changes(self) -> Diff:
        """As planned."""

    @property
    def requests(self) -> tuple[tuple[str, str, str], ...]:
        """As planned."""

    @property
    def holds(self) -> tuple[Hold, ...]:
        """The gates that hold it, if it is held."""


class SavedPlan(Protocol):
    """A plan that was kept, to be applied later."""

    @property
    @abstractmethod
    def undoes(self) -> str:
        """The run that it puts back; empty for any other plan."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The plan's."""

    @abstractmethod
    def updates(self, target: str) -> Iterator[SavedUpdate]:
        """One target's updates, in the order of the plan."""

    @abstractmethod
    def held(self, target: str) -> Iterator[SavedUpdate]:
        """What gates held of one target when it was made."""
