"""A conversation -> what it comes to: each request signed, let go at the account's pace, and sent once.

Everybody who speaks with an account, to tell it something or to ask, shares its speaker: one token, one lane.
"""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from sync.errors import Broken, NotSent, SignInAgain, StopAccount, SyncError, TryAgain, Unclear
from sync.failpoints import reach
from sync.log import Redactor
from sync.model import Conversation, Reply, Request, Secret, Token
from sync.pipeline.lane import Lane
from sync.pipeline.pace import Slot
from sync.pipeline.retry import Again, Pause, Renew, Step, Stop, Tried
from sync.ports import Signing

T = TypeVar("T")
EARLY = timedelta(seconds=60)
"""A token is renewed this long before it expires, or in the last tenth of its life if that is shorter."""
NEVER = datetime.max.replace(tzinfo=UTC)


class Sender(Protocol):
    """What the speaker needs of a wire."""

    async def send(self, request: Request, *, seconds: float, written: Any) -> Reply:
        """Sends once. Raises NotSent, Broken."""
        ...


class Call:
    """One conversation under way: about whom, what was tried, by which token, and what the account has taken of it.

    An `intended` one has been written down, with one request.
    """

    def __init__(self, about: str, *, intended: bool = True) -> None:
        self.about = about
        self.intended = intended
        self.tried = Tried()
        self.token: Token | None = None
        self.status: int | None = None
        self.taken = False
        self._failing_since: float | None = None

    def met(self, trouble: SyncError) -> None:  # noqa: ARG002 - who tells something has more to note
        """Notes a failed attempt."""
        now = time.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        self.tried = replace(self.tried, seconds=now - self._failing_since)


class Speaker:
    """Speaks with one account."""

    def __init__(self, signing: Signing, lane: Lane, wire: Sender, redactor: Redactor) -> None:
        self.lane = lane
        self.redactor = redactor
        self._signing = signing
        self._wire = wire
        self._token: Token | None = None
        self._renew_at = NEVER
        self._signing_in = asyncio.Lock()

    async def converse(self, conversation: Conversation[T], call: Call) -> T:
        """Plays it once, each request signed. Raises what the network, the lane or the reading of a reply says."""
        try:
            request = next(conversation)
            while True:
                call.token = await self._current_token(call)
                reply = await self._send(self._signing.sign(request, call.token), call)
                call.status = reply.status
                sent, request = request, conversation.send(reply)
                # the next request is asked for only when the account has taken this one
                call.taken |= sent.method != "GET"
        except StopIteration as done:
            result: T = done.value
            return result

    async def sign_in(self) -> None:
        """Only that, to see whether the credentials are accepted. Raises SyncError."""
        await self._new_token(Call(""))

    async def take(self, step: Step, trouble: SyncError, call: Call) -> None:
        """Does what has to be done before the same is tried again. Raises LaneClosed."""
        tried = call.tried
        match step:
            case Again(delay):
                call.tried = replace(tried, attempts=tried.attempts + 1)
                await self.lane.rest(delay)
            case Pause(until):
                call.tried = replace(tried, waits=tried.waits + 1)
                self.lane.pause(self.redactor.clean(str(trouble)), until)
            case Renew() if self._token is not call.token:
                """Somebody else has signed in meanwhile."""
            case Renew():
                call.tried = replace(tried, sign_ins=tried.sign_ins + 1)
                self._token = None
            case Stop(reason, None):
                self.lane.close(self.redactor.clean(reason), None, refused=True)
            case Stop(reason, datetime() as until):
                call.tried = replace(tried, waits=tried.waits + 1)
                self.lane.pause(self.redactor.clean(reason), until)

    async def _send(self, request: Request, call: Call) -> Reply:
        slot: Slot = await self.lane.enter(call.about, intended=call.intended)
        try:
            reach("before_send")
            reply = await self._wire.send(request, seconds=self.lane.policy.timeout, written=slot.written)
            reach("after_reply")
            return reply
        finally:
            slot.answered()

    async def _current_token(self, call: Call) -> Token | None:
        if not self._signing.signs_in or self._is_fresh():
            return self._token
        async with self._signing_in:
            if not self._is_fresh():
                self._token = await self._new_token(call)
                self.redactor.learn_tokens([self._token.access, self._token.refresh or ""])
            return self._token

    def _is_fresh(self) -> bool:
        return self._token is not None and datetime.now(UTC) < self._renew_at

    async def _new_token(self, call: Call) -> Token:
        """Whatever goes wrong here, what was to be said has not been sent."""
        conversation = self._signing.sign_in(self._token)
        try:
            request = next(conversation)
            while True:
                self.redactor.learn(leaf.text or "" for leaf in (request.body or {}).values() if isinstance(leaf, Secret))
                request = conversation.send(await self._send(self._signing.sign(request, None), call))
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
