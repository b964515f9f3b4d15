"""What the dashboard may ask of the service: everything behind its pages, and nothing else."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from aiohttp import web

from sync.model import Explanation, Failure, Run, TargetPlan
from sync.ports import Lists
from sync.service.access.door import Door
from sync.service.engine import Engine
from sync.service.service import Service


class Proposed(Protocol):
    """A dry run's result."""

    @property
    def title(self) -> str:
        """Its name, with what is missing in it."""

    @property
    def targets(self) -> tuple[TargetPlan, ...]:
        """Each target's part."""

    @property
    def troubles(self) -> tuple[str, ...]:
        """What could not be read."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What depends on the configuration at work: how to explain one customer of a target, and how to plan without sending.

    With `mask`, pages show the form of customers' values alone.
    """

    explain: Callable[[str, str, Failure | None], Awaitable[Explanation]]
    propose: Callable[[Sequence[str]], AbstractAsyncContextManager[Proposed]]
    mask: bool = False


class House:
    """The service and its parts, as requests find them."""

    def __init__(self, service: Service, lists: Lists, door: Door) -> None:
        self.service = service
        self.lists = lists
        self.door = door
        self.desk: Desk | None = None

    @property
    def at_work(self) -> Desk:
        """The desk. Raises HTTPServiceUnavailable while the service is starting."""
        if self.desk is None:
            raise web.HTTPServiceUnavailable(text="the service is starting\n")
        return self.desk

    @property
    def engine(self) -> Engine:
        """The engine. Raises HTTPServiceUnavailable while the service is starting."""
        if self.service.engine is None:
            raise web.HTTPServiceUnavailable(text="the service is starting\n")
        return self.service.engine

    def live(self, runs: Sequence[Run]) -> list[Run]:
        """Those under way with their outcomes up to now, which are written down only at their end."""
        under_way = self.service.engine.under_way if self.service.engine else {}
        return [replace(run, report=under_way[run.run]) if run.ended is None and run.run in under_way else run for run in runs]


HOUSE: Final = web.AppKey("house", House)
