"""One update -> its settlement: sent, read back where the reply is unclear, and repeated where it may be."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sync.errors import Broken, FieldError, NotSent, SignInAgain, StopAccount, SyncError, Unclear, VendorError, Wait
from sync.model import Outcome, Receipt, Secret, Settlement, Update
from sync.pipeline.lane import LaneClosed
from sync.pipeline.retry import End, Stop, decide, maybe_applied
from sync.pipeline.speaker import Call, Speaker
from sync.ports import Vendor


class Courier:
    """Carries the updates of one account."""

    def __init__(self, vendor: Vendor, speaker: Speaker) -> None:
        self._vendor = vendor
        self._speaker = speaker
        self._lane = speaker.lane
        self._redactor = speaker.redactor
        self._accepted = False
        self._not_accepted: set[str] = set()

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
            self._lane.left(update.customer)

    async def _attempt(self, trip: "_Trip") -> Settlement | None:
        """Sends once; None: it is to be sent again."""
        customer = trip.update.customer
        try:
            receipt = await self._speaker.converse(self._vendor.exchange(trip.update), trip)
        except (NotSent, Broken, VendorError) as trouble:
            self._lane.noted(customer, trouble, self._redactor.clean(str(trouble)))
            trip.met(trouble)
            meant = await self._looked(trip, trouble) if isinstance(trouble, Unclear) else trouble
            if meant is None:
                return self._acknowledged(trip, Receipt())
            step = decide(meant, trip.tried, self._lane.policy.retry, datetime.now(UTC), random.random)
            if isinstance(meant, SignInAgain) and isinstance(step, Stop) and self._is_alone(customer):
                step = End(Outcome.DEFERRED, f"not accepted for this customer: {meant.reason}")
            if isinstance(step, End):
                return self._ended(trip, step)
            await self._speaker.take(step, meant, trip)
            return None
        self._accepted = True
        self._not_accepted.clear()
        self._lane.noted(customer, None)
        return self._acknowledged(trip, receipt)

    async def _looked(self, trip: "_Trip", trouble: Unclear) -> SyncError | None:
        """Reads the customer back: None if the vendor holds the update as sent; else what is wrong, as before.

        Only what stops the whole account is taken from the reading; anything else says nothing of the update.
        """
        try:
            receipt = await self._speaker.converse(self._vendor.look(trip.update), trip)
        except (Wait, StopAccount) as stop:
            return stop
        except (NotSent, Broken, VendorError):
            return trouble
        return trouble if receipt.missing else None

    def _is_alone(self, customer: str) -> bool:
        """Whether this customer alone is answered with 401, while others have been taken: that does not stop the account."""
        self._not_accepted.add(customer)
        return self._accepted and len(self._not_accepted) == 1

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
            doubt=frozenset(change.field for change in trip.update.changes) if trip.doubt or trip.taken else frozenset(),
            parked=step.parked,
        )

    def _cleaned(self, trip: "_Trip", errors: Sequence[FieldError]) -> tuple[FieldError, ...]:
        return tuple(replace(error, message=self._redactor.clean(error.message, trip.secrets)) for error in errors)


class _Trip(Call):
    """One update under way: what was tried, and what is not known any more."""

    def __init__(self, update: Update) -> None:
        super().__init__(update.customer)
        self.update = update
        self.doubt = False
        self.unknown = False

    @property
    def secrets(self) -> list[str]:
        """The customer's passwords, which no message may hold."""
        return [change.after.text or "" for change in self.update.changes if isinstance(change.after, Secret)]

    def met(self, trouble: SyncError) -> None:
        """Notes a failed attempt, and what it leaves unknown."""
        self.doubt |= maybe_applied(trouble)
        self.unknown |= isinstance(trouble, Broken | Unclear)
        super().met(trouble)

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
