"""Time that passes without waiting for it, and a mend for a library."""

import asyncio
import selectors
import time
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any, TypeVar
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
from hypothesis import HealthCheck, settings

T = TypeVar("T")
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


class Response(aiohttp.ClientResponse):
    """aioresponses 0.7.9 builds a response without the `stream_writer` that aiohttp 3.14 asks for (its issue 289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **({"stream_writer": Mock(output_size=0)} | kwargs))


aioresponses.core.ClientResponse = Response


class Clock:
    """Both of `time`'s clocks; they stand still while anybody can do anything."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._epoch = time.time() - self.now

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self._epoch + self.now

    def jump(self, by: timedelta) -> None:
        """Somebody sets the clock on the wall."""
        self._epoch += by.total_seconds()


class Jump(selectors.DefaultSelector):
    """A loop's selector that does not wait: it moves the clock to where the next timer is due."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if timeout is None and not ready:
            raise RuntimeError("everybody waits, and nothing is going to happen")
        if not ready:
            self._clock.now += max(timeout or 0.0, 0.0)
        return ready


class VirtualTime:
    """Runs a coroutine in a loop of its own, in which an hour takes no time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @property
    def now(self) -> float:
        return self.clock.now

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Jump(self.clock))) as runner:
            return runner.run(work)


@pytest.fixture
def virtual(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualTime]:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    monkeypatch.setattr(time, "time", clock.time)
    yield VirtualTime(clock)
    monkeypatch.undo()
