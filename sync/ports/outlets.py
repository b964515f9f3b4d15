"""Who is told: forms of a report, and whoever watches."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, TextIO

from sync.facts import Fact
from sync.model import (
    TargetPlan,
)


class Report(Protocol):
    """One form of a plan, for a person, a pull request or a program. Shows every secret as `***`."""

    @abstractmethod
    def write(self, plan: str, targets: Sequence[TargetPlan], out: TextIO) -> None:
        """Writes the whole plan, named `plan`, entry by entry, so that its size does not matter."""


class Watch(Protocol):
    """Somebody who watches a long piece of work."""

    @abstractmethod
    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        """`name` (a source or target) has `done` of `total` (None: nobody knows); `what` is "read", "planned" or "sent"."""

    @abstractmethod
    def noted(self, fact: Fact) -> None:
        """Something has happened. Which run and target it belongs to is bound in structlog's context."""
