"""Settings -> the speakers of accounts, and of APIs that are sources: whoever asks or tells one of them has the same line.

Before a run has opened its lanes, and where nothing is told (a plan, a check), sources ask over lanes of their own, which go on
from where the account stood; what they use counts for the lanes that come after.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sync.app.apis import api, signing
from sync.errors import SourceError
from sync.log import Redactor
from sync.model import Conversation
from sync.pipeline.asker import Asker
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.speaker import Sender, Speaker
from sync.ports import Ask, Signing, Source, Store
from sync.settings import HttpTable, Settings, SourceTable
from sync.sources.http.source import Http, HttpPolicy
from sync.stores.sqlite import open_forgetful

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """Who can be spoken with: an account, or a source that is an API of its own."""

    name: str
    signing: Signing
    policy: LanePolicy
    secrets: tuple[str, ...]


class Switchboard:
    """Connects sources with accounts; `state` is the file of the state, which may not be there yet."""

    def __init__(self, settings: Settings, state: Path, redactor: Redactor) -> None:
        self.settings = settings
        self.lines = {line.name: line for line in _lines(settings)}
        self._state = state
        self.redactor = redactor
        self._speakers: Mapping[str, Speaker] = {}
        self._early: dict[str, Speaker] = {}
        self._opening = asyncio.Lock()
        self._wire: Sender | None = None
        self._stack = AsyncExitStack()

    async def speaker(self, line: str) -> Speaker:
        """Who speaks with it now."""
        async with self._opening:
            if line in self._speakers:
                return self._speakers[line]
            if line not in self._early:
                self._early[line] = await self._opened(self.lines[line])
            return self._early[line]

    def connect(self, speakers: Mapping[str, Speaker]) -> None:
        """From now on sources share these with whoever tells something."""
        self._speakers = speakers

    def open(self, name: str, table: HttpTable, key: bytes) -> Source:
        """The customers of an account, or of an API of its own, as a source; `key` is that of the digests."""
        line = table.account or f"sources.{name}"
        listing = api(table) if table.account is None else self.settings.accounts[table.account].vendor.listing
        if listing is None:
            raise SourceError(f"sources.{name}: its vendor does not know how to list customers")
        policy = HttpPolicy(f"sources.{name}", table.overlap, table.optional, self.lines[line].policy.concurrency)
        return Http(listing, _Asking(f"sources.{name}", line, self), policy, key)

    def definition(self, table: SourceTable) -> str:
        """The table's; an account's customers live at one place, so that another place is another source."""
        if not isinstance(table, HttpTable) or table.account is None:
            return table.definition
        parts = (table.definition, self.settings.accounts[table.account].vendor.place)
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()

    async def remember(self, store: Store) -> None:
        """Writes down where every line stands that was spoken over."""
        for name, speaker in {**self._early, **self._speakers}.items():
            await store.stand(name, speaker.lane.standing())

    async def close(self) -> None:
        """Lets go of connections."""
        await self._stack.aclose()

    async def _opened(self, line: Line) -> Speaker:
        from sync.wire import open_wire

        self.redactor.learn(line.secrets)
        ledger = open_forgetful(self._state)
        try:
            standing = await ledger.standing(line.name)
        finally:
            await ledger.close()
        if self._wire is None:
            wire: Sender = await self._stack.enter_async_context(open_wire())
            self._wire = wire
        return Speaker(line.signing, Lane(line.name, line.policy, standing, asyncio.Event()), self._wire, self.redactor)


class _Asking(Ask):
    """A source's questions, over the line as it is connected now."""

    def __init__(self, source: str, line: str, board: Switchboard) -> None:
        self._source = source
        self._line = line
        self._board = board

    async def __call__(self, conversation: Callable[[], Conversation[T]], about: str = "") -> T:
        """Raises Refused, SourceError."""
        return await Asker(self._source, await self._board.speaker(self._line))(conversation, about)


def _lines(settings: Settings) -> list[Line]:
    accounts = [Line(name, account.vendor, account.policy, account.secrets) for name, account in settings.accounts.items()]
    apis = [
        Line(f"sources.{name}", signing(table), table.policy, table.secrets)
        for name, table in settings.sources.items()
        if isinstance(table, HttpTable) and table.account is None
    ]
    return accounts + apis
