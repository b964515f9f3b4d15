"""Requests and updates -> the same, with what happened told to whoever watches and bound to every line of the log."""

import time
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

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

    async def send(self, request: Request, *, seconds: float, written: Any) -> Reply:
        """As the wire does. Raises NotSent, Broken."""
        at, started, status = time.time(), time.monotonic(), "given up"
        with bound_contextvars(request=token_hex(4)):
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
                log.debug("request.sent", account=self._account, method=request.method, status=status, seconds=round(took, 3))


def bound(carry: Callable[[Update], Awaitable[Settlement]]) -> Callable[[Update], Awaitable[Settlement]]:
    """Carries with the customer's key bound to the log."""

    async def carry_bound(update: Update) -> Settlement:
        with bound_contextvars(customer=update.customer):
            return await carry(update)

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
