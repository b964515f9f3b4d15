"""One update -> its settlement: signs in, keeps pace, sends, and repeats what may be repeated."""

import asyncio
import random
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from sync.errors import Broken, FieldError, NotSent, SignInAgain, StopAccount, SyncError, TryAgain, Unclear, VendorError, Wait
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


NEVER = datetime.max.replace(tzinfo=UTC)


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
        self._renew_at = NEVER
        self._accepted = False
        self._not_accepted: set[str] = set()
        self._signing_in = asyncio.Lock()

    async def carry(self, update: Update) -> Settlement:
        """Sends until the vendor has acknowledged or refused it, or until it has to be left for later."""
        trip = _Trip(update)
        try:
            while True:
                settled = await self._attempt(trip)
                if settled:
                    return settled
        except LaneClosed as closed:
            return replace(
                self._ended(trip, End(Outcome.DEFERRED, closed.reason)), due=closed.until, attempts=trip.tried.attempts
            )
        finally:
            await self._lane.left(update.customer)

    async def sign_in(self) -> None:
        """Only that, to see whether the credentials are accepted. Raises SyncError."""
        await self._new_token("")

    async def _attempt(self, trip: "_Trip") -> Settlement | None:
        """Sends once; None: it is to be sent again."""
        customer = trip.update.customer
        try:
            receipt = await self._converse(self._vendor.exchange(trip.update), trip)
        except (NotSent, Broken, VendorError) as trouble:
            await self._lane.noted(customer, trouble, self._redactor.clean(str(trouble)))
            trip.met(trouble)
            meant = await self._looked(trip, trouble) if isinstance(trouble, Unclear) else trouble
            if meant is None:
                return self._acknowledged(trip, Receipt())
            step = decide(meant, trip.tried, self._lane.policy.retry, datetime.now(UTC), random.random)
            if isinstance(meant, SignInAgain) and isinstance(step, Stop) and self._is_alone(customer):
                step = End(Outcome.DEFERRED, f"not accepted for this customer: {meant.reason}")
            if isinstance(step, End):
                return self._ended(trip, step)
            await self._take(step, meant, trip)
            return None
        self._accepted = True
        self._not_accepted.clear()
        await self._lane.noted(customer, None)
        return self._acknowledged(trip, receipt)

    async def _looked(self, trip: "_Trip", trouble: Unclear) -> SyncError | None:
        """Reads the customer back: None if the vendor holds the update as sent; else what is wrong, as before.

        Only what stops the whole account is taken from the reading; anything else says nothing of the update.
        """
        try:
            receipt = await self._converse(self._vendor.look(trip.update), trip)
        except (Wait, StopAccount) as stop:
            return stop
        except (NotSent, Broken, VendorError):
            return trouble
        return trouble if receipt.missing else None

    async def _take(self, step: Step, trouble: SyncError, trip: "_Trip") -> None:
        tried = trip.tried
        match step:
            case Again(delay):
                trip.tried = replace(tried, attempts=tried.attempts + 1)
                await self._lane.rest(delay)
            case Pause(until):
                trip.tried = replace(tried, waits=tried.waits + 1)
                self._lane.pause(self._redactor.clean(str(trouble)), until)
            case Renew() if self._token is not trip.token:
                """Somebody else has signed in meanwhile."""
            case Renew():
                trip.tried = replace(tried, sign_ins=tried.sign_ins + 1)
                self._token = None
            case Stop(reason, None):
                self._lane.close(self._redactor.clean(reason), None, refused=True)
            case Stop(reason, datetime() as until):
                trip.tried = replace(tried, waits=tried.waits + 1)
                self._lane.pause(self._redactor.clean(reason), until)

    async def _converse(self, exchange: Generator[Request, Reply, T], trip: "_Trip") -> T:
        """Plays a vendor's conversation, each request signed."""
        customer = trip.update.customer
        try:
            request = next(exchange)
            while True:
                trip.token = await self._current_token(customer)
                reply = await self._send(self._vendor.sign(request, trip.token), customer)
                trip.status = reply.status
                sent, request = request, exchange.send(reply)
                # the vendor's next request is asked for only when it has taken this one
                trip.doubt |= sent.method != "GET"
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
        if not self._vendor.signs_in or self._is_fresh():
            return self._token
        async with self._signing_in:
            if not self._is_fresh():
                self._token = await self._new_token(customer)
                self._redactor.learn([self._token.access, self._token.refresh or ""])
            return self._token

    def _is_alone(self, customer: str) -> bool:
        """Whether this customer alone is answered with 401, while others have been taken: that does not stop the account."""
        self._not_accepted.add(customer)
        return self._accepted and len(self._not_accepted) == 1

    def _is_fresh(self) -> bool:
        return self._token is not None and datetime.now(UTC) < self._renew_at

    async def _new_token(self, customer: str) -> Token:
        """Whatever goes wrong here, the update itself has not been sent."""
        exchange = self._vendor.sign_in(self._token)
        try:
            request = next(exchange)
            while True:
                self._redactor.learn(leaf.text or "" for leaf in (request.body or {}).values() if isinstance(leaf, Secret))
                request = exchange.send(await self._send(self._vendor.sign(request, None), customer))
        except StopIteration as done:
            token: Token = done.value
        except (NotSent, Broken) as error:
            raise NotSent(f"sign-in: {error}") from None
        except SignInAgain as error:
            raise StopAccount(f"credentials refused: {error.reason}") from None
        except (TryAgain, Unclear) as error:
            raise TryAgain(f"sign-in: {error.reason}", maybe_applied=False) from None
        self._renew_at = NEVER
        if token.expires:
            life = token.expires - datetime.now(UTC)
            self._renew_at = token.expires - min(EARLY, life / 10)
        return token

    def _acknowledged(self, trip: "_Trip", receipt: Receipt) -> Settlement:
        update = trip.update
        done = trip.settlement(Outcome.DELIVERED, taken=update.leaves, doubt=update.doubt)
        if not receipt.missing:
            return done
        doubt = update.doubt | {error.field for error in receipt.missing}
        reason = "the vendor accepted the update, but does not hold every field as sent"
        errors = self._cleaned(trip, receipt.missing)
        return replace(done, outcome=Outcome.REJECTED, reason=reason, errors=errors, doubt=doubt, parked=True)

    def _ended(self, trip: "_Trip", step: End) -> Settlement:
        outcome = Outcome.UNKNOWN if trip.unknown and step.outcome is Outcome.DEFERRED else step.outcome
        return trip.settlement(
            outcome,
            reason=self._redactor.clean(step.reason, trip.secrets),
            errors=self._cleaned(trip, step.errors),
            doubt=frozenset(change.field for change in trip.update.changes) if trip.doubt else frozenset(),
            parked=step.parked,
        )

    def _cleaned(self, trip: "_Trip", errors: Sequence[FieldError]) -> tuple[FieldError, ...]:
        return tuple(replace(error, message=self._redactor.clean(error.message, trip.secrets)) for error in errors)


class _Trip:
    """One update under way: what was tried, and what is not known any more."""

    def __init__(self, update: Update) -> None:
        self.update = update
        self.secrets = [change.after.text or "" for change in update.changes if isinstance(change.after, Secret)]
        self.tried = Tried()
        self.token: Token | None = None
        self.status: int | None = None
        self.doubt = False
        self.unknown = False
        self._failing_since: float | None = None

    def met(self, trouble: SyncError) -> None:
        """Notes a failed attempt."""
        self.doubt |= maybe_applied(trouble)
        self.unknown |= isinstance(trouble, Broken | Unclear)
        now = time.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        self.tried = replace(self.tried, seconds=now - self._failing_since)

    def settlement(self, outcome: Outcome, **more: Any) -> Settlement:
        """How it ended, after one attempt more."""
        update = self.update
        return Settlement(
            update.customer,
            update.identity.value,
            update.version,
            outcome,
            attempts=self.tried.attempts + 1,
            stays=update.stays,
            changes=update.changes,
            requests=update.requests,
            status=self.status,
            **more,
        )
