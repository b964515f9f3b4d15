"""What happened -> what a page shows of the last minute, and a sign for whoever waits for something new."""

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import Final

from sync.facts import Fact, RequestSent, UpdateSettled
from sync.ports import Watch

MINUTE: Final = 60.0


class Recent(Watch):
    """Remembers the last minute of requests and the last lag, and passes everything on."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._sent: dict[str, deque[tuple[int, int]]] = {}
        self._lags: dict[str, float] = {}
        self._moved = asyncio.Event()
        self.number = 0

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        self._watch.moved(name, what, done, total)

    def noted(self, fact: Fact) -> None:
        match fact:
            case RequestSent(account=account):
                self._count(account)
            case UpdateSettled(target=target, lag=float(lag)):
                self._lags[target] = lag
        self.touch()
        self._watch.noted(fact)

    def touch(self) -> None:
        """Something is new."""
        self.number += 1
        self._moved.set()

    async def wait(self, number: int, seconds: float) -> int:
        """Returns once there is something newer than `number`, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.number == number:
                    self._moved.clear()
                    await self._moved.wait()
        return self.number

    def sent(self, account: str) -> int:
        """Requests to an account in the last minute."""
        self._forget(account)
        return sum(count for _, count in self._sent.get(account, ()))

    def lag(self, target: str) -> float | None:
        """Seconds from the last change that was told to its acknowledgement."""
        return self._lags.get(target)

    def _count(self, account: str) -> None:
        second, counts = int(time.monotonic()), self._sent.setdefault(account, deque())
        if counts and counts[-1][0] == second:
            counts[-1] = (second, counts[-1][1] + 1)
        else:
            counts.append((second, 1))
            self._forget(account)

    def _forget(self, account: str) -> None:
        counts = self._sent.get(account)
        while counts and counts[0][0] < time.monotonic() - MINUTE:
            counts.popleft()
