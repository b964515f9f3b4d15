"""A message -> everybody who is to be told, within a time, tried a few times, and without a secret in what is said of it."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog

from sync.log import SHORTEST_SECRET, Redactor
from sync.service.alerting import Message

log = structlog.get_logger()
TIMEOUT = 20.0
"""Seconds for one try."""
RESTS = (1.0, 5.0)
"""Seconds before another try."""
MISSING = "apprise is not installed: pip install 'customer-sync[alerts]'"
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Address:
    """Where messages go: its key in the configuration, and its URL as apprise reads it, which is a secret as a whole."""

    name: str
    url: str


class Post:
    """Sends messages by apprise, each in a process of its own."""

    def __init__(self, addresses: Sequence[Address], redactor: Redactor) -> None:
        self._addresses = addresses
        self._redactor = redactor
        redactor.learn(address.url for address in addresses)

    async def wrong(self) -> dict[str, str]:
        """What is wrong with the addresses, by name, as far as that can be told without a message."""
        if self._addresses and find_spec("apprise") is None:
            return {self._addresses[0].name: MISSING}
        found = {address.name: await self._try(address, {"url": address.url}) for address in self._addresses}
        return {name: reason for name, reason in found.items() if reason}

    async def send(self, message: Message) -> bool:
        """Tells everybody at the same time; says whether anybody was reached."""
        reasons = await self.each(message.title, message.body, ill=message.ill)
        for name, reason in reasons.items():
            if reason:
                log.error("alert.failed", about=message.alert.about, to=name, reason=reason)
        return not all(reasons.values())

    async def each(self, title: str, body: str, *, ill: bool) -> dict[str, str]:
        """Tells everybody; by name, why somebody was not reached, or nothing."""
        clean = self._redactor.clean
        words = {"title": clean(title), "body": clean(body), "ill": ill}
        async with asyncio.TaskGroup() as group:
            orders = {
                address.name: group.create_task(self._insist(address, {"url": address.url} | words))
                for address in self._addresses
            }
        return {name: order.result() for name, order in orders.items()}

    async def _insist(self, address: Address, order: dict[str, object]) -> str:
        for seconds in RESTS:
            if not (reason := await self._try(address, order)):
                return reason
            await asyncio.sleep(seconds)
        return await self._try(address, order)

    async def _try(self, address: Address, order: dict[str, object]) -> str:
        """Nothing, or in one line why not."""
        try:
            said = await asyncio.wait_for(_ask(json.dumps(order).encode()), TIMEOUT)
        except TimeoutError:
            return f"no answer within {TIMEOUT:g} s"
        except OSError as error:
            return f"it cannot be sent: {error.strerror}"
        return self._redactor.clean(" ".join(said.split()), also=_parts(address.url))[:LONGEST_REASON]


async def _ask(order: bytes) -> str:
    """The order is handed over on standard input, since a process' words can be seen by others."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-W", "ignore", "-m", "sync.service.apprising"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate(order)
        return said.decode() if process.returncode == 0 else "apprise has ended without an answer"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _parts(url: str) -> Iterator[str]:
    """What of an address may be a secret; where it is, what it says of itself may be, too."""
    split = urlsplit(url)
    parts = [split.netloc, *split.netloc.replace("@", ":").split(":"), *split.path.split("/")]
    for part in [*parts, *(value for _, value in parse_qsl(split.query))]:
        yield from (text for text in {part, unquote(part)} if len(text) >= SHORTEST_SECRET)
