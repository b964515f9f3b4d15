"""One update -> its settlement: signs in, keeps pace, sends, and repeats what may be repeated."""

import asyncio
import random
import time
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from sync.errors import Broken, NotSent, SignInAgain, StopAccount, SyncError, TryAgain, Unclear, VendorError
from sync.failpoints import reach
from sync.log import Redactor
from sync.model import Outcome, Receipt, Reply, Request, Secret, Settlement, Token, Update
from sync.pipeline.lane import Lane, LaneClosed
from sync.pipeline.pace import Slot
from sync.pipeline.retry import Again, End, Pause, Renew, Step, Stop, Tried, decide, maybe_applied
from sync.ports import Vendor

T = TypeVar("T")
EARLY = timedelta(seconds=60)
"""A token is renewed this long before it expires, or in the last tenth of its life if that is shorter."""


class Sender(Protocol):
    """What the courier needs of a wire."""

    async def send(self, request: Request, *, seconds: float, written: Any) -> Reply:
        """Sends once. Raises NotSent, Broken."""
        ...


class Courier:
    """Carries the updates of one account."""

    def __init__(self, vendor: Vendor, lane: Lane, wire: Sender, redactor: Redactor) -> None:
        self._vendor = vendor
        self._lane = lane
        self._wire = wire
        self._redactor = redactor
        self._token: Token | None = None
        self._renew_at = datetime.max.replace(tzinfo=UTC)
        self._signing_in = asyncio.Lock()

    async def carry(self, update: Update) -> Settlement:
        """Sends until the vendor has acknowledged or refused it, or until it has to be left for later."""
        tried, began = Tried(), time.monotonic()
        doubt, unknown = False, False
        try:
            while True:
                token = self._token
                try:
                    receipt = await self._converse(self._vendor.exchange(update), update.customer)
                except (NotSent, Broken, VendorError) as trouble:
                    doubt |= maybe_applied(trouble)
                    unknown |= isinstance(trouble, Broken | Unclear)
                    await self._lane.noted(update.customer, trouble)
                    tried = replace(tried, seconds=time.monotonic() - began)
                    step = decide(trouble, tried, self._lane.policy.retry, datetime.now(UTC), random.random)
                    if isinstance(step, End):
                        return self._ended(update, step, tried, doubt=doubt, unknown=unknown)
                    tried = await self._take(step, trouble, tried, token)
                else:
                    await self._lane.noted(update.customer, None)
                    return self._acknowledged(update, receipt, tried)
        except LaneClosed as closed:
            outcome = Outcome.UNKNOWN if unknown else Outcome.DEFERRED
            step = End(outcome, closed.reason)
            return replace(
                self._ended(update, step, tried, doubt=doubt, unknown=unknown), due=closed.until, attempts=tried.attempts
            )
        finally:
            await self._lane.left(update.customer)

    async def sign_in(self) -> None:
        """Only that, to see whether the credentials are accepted. Raises SyncError."""
        await self._current_token("")

    async def _take(self, step: Step, trouble: SyncError, tried: Tried, token: Token | None) -> Tried:
        match step:
            case Again(delay):
                await self._lane.rest(delay)
                return replace(tried, attempts=tried.attempts + 1)
            case Pause(until):
                self._lane.pause(self._clean(trouble), until)
                return replace(tried, waits=tried.waits + 1)
            case Renew():
                fresh = self._token is not token
                if not fresh:
                    self._token = None
                return tried if fresh else replace(tried, sign_ins=tried.sign_ins + 1)
            case Stop(reason, None):
                self._lane.close(self._redactor.clean(reason), None, refused=True)
            case Stop(reason, datetime() as until):
                self._lane.pause(self._redactor.clean(reason), until)
        return replace(tried, waits=tried.waits + 1)

    async def _converse(self, exchange: Generator[Request, Reply, T], customer: str) -> T:
        """Plays a vendor's conversation, each request signed."""
        try:
            request = next(exchange)
            while True:
                token = await self._current_token(customer)
                reply = await self._send(self._vendor.sign(request, token), customer)
                request = exchange.send(reply)
        except StopIteration as done:
            result: T = done.value
            return result

    async def _send(self, request: Request, customer: str) -> Reply:
        slot: Slot = await self._lane.enter(customer)
        try:
            reach("before_send")
            reply = await self._wire.send(request, seconds=self._lane.policy.timeout, written=slot.written)
            reach("after_reply")
            return reply
        finally:
            slot.written()

    async def _current_token(self, customer: str) -> Token | None:
        if not self._vendor.signs_in:
            return None
        async with self._signing_in:
            if self._token is None or datetime.now(UTC) >= self._renew_at:
                self._token = await self._new_token(customer)
                self._redactor.learn([self._token.access, self._token.refresh or ""])
            return self._token

    async def _new_token(self, customer: str) -> Token:
        """Whatever goes wrong here, the update itself has not been sent."""
        exchange = self._vendor.sign_in(self._token)
        try:
            request = next(exchange)
            while True:
                request = exchange.send(await self._send(self._vendor.sign(request, None), customer))
        except StopIteration as done:
            token: Token = done.value
        except (NotSent, Broken) as error:
            raise NotSent(f"sign-in: {error}") from None
        except SignInAgain as error:
            raise StopAccount(f"credentials refused: {error.reason}") from None
        except (TryAgain, Unclear) as error:
            raise TryAgain(f"sign-in: {error.reason}", maybe_applied=False) from None
        if token.expires:
            life = token.expires - datetime.now(UTC)
            self._renew_at = token.expires - min(EARLY, life / 10)
        return token

    def _acknowledged(self, update: Update, receipt: Receipt, tried: Tried) -> Settlement:
        done = Settlement(
            update.customer,
            update.identity.value,
            update.version,
            Outcome.DELIVERED,
            taken=update.leaves,
            doubt=update.doubt,
            attempts=tried.attempts + 1,
        )
        if not receipt.missing:
            return done
        doubt = update.doubt | {error.field for error in receipt.missing}
        reason = "the vendor accepted the update, but does not hold every field as sent"
        return replace(done, outcome=Outcome.REJECTED, reason=reason, errors=receipt.missing, doubt=doubt, parked=True)

    def _ended(self, update: Update, step: End, tried: Tried, *, doubt: bool, unknown: bool) -> Settlement:
        outcome = Outcome.UNKNOWN if unknown and step.outcome is Outcome.DEFERRED else step.outcome
        secrets = [change.after.text or "" for change in update.changes if isinstance(change.after, Secret)]
        clean = tuple(replace(error, message=self._redactor.clean(error.message, secrets)) for error in step.errors)
        return Settlement(
            update.customer,
            update.identity.value,
            update.version,
            outcome,
            reason=self._redactor.clean(step.reason, secrets),
            errors=clean,
            doubt=frozenset(change.field for change in update.changes) if doubt else frozenset(),
            attempts=tried.attempts + 1,
            parked=step.parked,
        )

    def _clean(self, trouble: SyncError) -> str:
        return self._redactor.clean(str(trouble))
