"""What the state remembers, for people to look at."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from sync.model import Failure, Holding, Numbered, Run, Tally, Wanted


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
