"""The engine as it is -> people are told, once, what is wrong with it, and once that it is over."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from sync.errors import StateError
from sync.ports import Store
from sync.service.alerting import Bulletin, Message
from sync.service.engine import Engine
from sync.service.lines import clock
from sync.service.signs import signs
from sync.service.turns import rest

log = structlog.get_logger()
LOOK = 2.0
"""Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """What lasts for `after` is told; so many `intervals` without success are too many."""

    after: timedelta
    intervals: int


class Alerts:
    """Tells people by `post`, which says whether anybody was reached."""

    def __init__(self, engine: Engine, store: Store, policy: AlertPolicy, post: Callable[[Message], Awaitable[bool]]) -> None:
        self._engine = engine
        self._store = store
        self._policy = policy
        self._post = post
        self._setbacks = 0

    async def run(self, closing: asyncio.Event) -> None:
        """Until the engine is closed; a message under way then may still arrive, and be remembered. Raises StateError."""
        bulletin = Bulletin(await self._store.alerts(), self._policy.after)
        while not closing.is_set():
            now = clock()
            seen = list(signs(self._engine, self._policy.intervals, now))
            if bulletin.keep(sign.about for sign in seen):
                await self._remember(bulletin)
            await self._tell(bulletin.due(seen, now), bulletin)
            with suppress(TimeoutError):
                async with asyncio.timeout(rest(self._setbacks).total_seconds() if self._setbacks else LOOK):
                    await closing.wait()

    async def _tell(self, messages: Sequence[Message], bulletin: Bulletin) -> None:
        """What nobody could be told is due again later, if it still holds then."""
        for message in messages:
            if not await self._post(message):
                self._setbacks += 1
                return
            self._setbacks = 0
            bulletin.told(message)
            log.info("alert.sent", about=message.alert.about, ill=message.ill)
            await self._remember(bulletin)

    async def _remember(self, bulletin: Bulletin) -> None:
        """Somebody may be told twice after a restart; that is no reason to end the service."""
        try:
            await self._store.note_alerts(bulletin.alerts)
        except StateError as error:
            log.warning("alert.not_remembered", reason=str(error))
