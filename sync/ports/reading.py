"""What the state remembers, to be read."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sync.model import Alert, Baseline, Episode, Failure, Holding, Pending, Roll, Run, Standing, Tally, Timing, Undone


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
        """The next customers that wait for a target and are not parked, by key, behind the key `after`.

        A dry run is also given those that a run would leave out, because they are put off to a later one.
        """

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
    async def in_flight(self) -> dict[str, int]:
        """How many updates were written down to be sent and have not been settled, by target."""

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
