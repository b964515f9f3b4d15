"""A plan that was kept, to be applied later."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Protocol

from sync.model import Diff, Hold


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
