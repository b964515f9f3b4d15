"""What the state remembers, to be planned upon and to be written."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sync.model import Alert, Claim, Filing, Pending, Released, RollCall, Settlement, Standing, Timing, Undone, Update
from sync.ports.reading import Reading


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
