"""Requests and updates -> the same, with what happened told to whoever watches and bound to every line of the log."""

import time
from collections.abc import Awaitable, Callable
from itertools import count
from secrets import token_hex
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, unbind_contextvars

from sync.errors import Broken, NotSent
from sync.facts import Fact, RequestSent
from sync.model import Reply, Request, Settlement, Update
from sync.pipeline.speaker import Sender
from sync.ports import Watch

log = structlog.get_logger()


class ObservedWire(Sender):
    """A wire to one account; each request has a name of its own in the log."""

    def __init__(self, wire: Sender, account: str, watch: Watch) -> None:
        self._wire = wire
        self._account = account
        self._watch = watch
        self._log = log.bind(account=account)
        self._names = token_hex(3)
        self._numbers = count(1)

    async def send(self, request: Request, *, seconds: float, written: Any) -> Reply:
        """As the wire does. Raises NotSent, Broken."""
        at, started, status = time.time(), time.monotonic(), "given up"
        bind_contextvars(request=f"{self._names}-{next(self._numbers)}")
        try:
            reply = await self._wire.send(request, seconds=seconds, written=written)
        except NotSent:
            status = "not sent"
            raise
        except Broken:
            status = "broken"
            raise
        else:
            status = str(reply.status)
            return reply
        finally:
            took = time.monotonic() - started
            self._watch.noted(RequestSent(self._account, request.method, status, at, took))
            self._log.debug("request.sent", method=request.method, status=status, seconds=round(took, 3))
            unbind_contextvars("request")


def bound(carry: Callable[[Update], Awaitable[Settlement]]) -> Callable[[Update], Awaitable[Settlement]]:
    """Carries with the customer's key bound to the log."""

    async def carry_bound(update: Update) -> Settlement:
        bind_contextvars(customer=update.customer)
        try:
            return await carry(update)
        finally:
            unbind_contextvars("customer")

    return carry_bound


class Several(Watch):
    """Tells each of them."""

    def __init__(self, *watches: Watch) -> None:
        self._watches = watches

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        for watch in self._watches:
            watch.moved(name, what, done, total)

    def noted(self, fact: Fact) -> None:
        for watch in self._watches:
            watch.noted(fact)
