"""A question to an account -> its answer: a source's conversation, repeated where it may be. Tells the account nothing."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from sync.errors import Broken, NotSent, Refused, SourceError, SyncError, VendorError
from sync.model import Conversation, Outcome
from sync.pipeline.lane import LaneClosed, Stopping
from sync.pipeline.retry import End, decide
from sync.pipeline.speaker import Call, Speaker
from sync.ports import Ask

T = TypeVar("T")


class Asker(Ask):
    """Asks one account for one source; `source` is how messages call it, such as `sources.shop`."""

    def __init__(self, source: str, speaker: Speaker) -> None:
        self._source = source
        self._speaker = speaker

    async def __call__(self, conversation: Callable[[], Conversation[T]], about: str = "") -> T:
        """Nobody has written down that this is asked, so every request is counted before it leaves."""
        call = Call(f"{self._source} {about}", intended=False)
        try:
            while True:
                try:
                    answer = await self._speaker.converse(conversation(), call)
                except (NotSent, Broken, VendorError) as trouble:
                    await self._met(trouble, call)
                else:
                    self._speaker.lane.noted(call.about, None)
                    return answer
        except Stopping:
            raise SourceError(f"{self._source}: stopped before it was read to its end; the next run reads it anew") from None
        except LaneClosed as closed:
            raise SourceError(f"{self._source}: {closed.reason}") from None
        finally:
            self._speaker.lane.left(call.about)

    async def _met(self, trouble: SyncError, call: Call) -> None:
        """Waits until it may be asked again. Raises Refused, SourceError, LaneClosed."""
        lane, clean = self._speaker.lane, self._speaker.redactor.clean
        lane.noted(call.about, trouble, clean(str(trouble)))
        call.met(trouble)
        step = decide(trouble, call.tried, lane.policy.retry, datetime.now(UTC), random.random)
        if not isinstance(step, End):
            await self._speaker.take(step, trouble, call)
        elif step.outcome is Outcome.REJECTED:
            raise Refused(clean(step.reason))
        else:
            raise SourceError(f"{self._source}: {clean(step.reason)}")
