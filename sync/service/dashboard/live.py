"""Something new -> a sign to every page that is open (server-sent events), which then loads itself again."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from aiohttp import web

from sync.service.dashboard.desk import HOUSE

SILENCE: Final = 15.0
"""Seconds after which something is sent in any case, so that a connection that is gone is noticed."""
PAUSE: Final = 1.0
LONGEST: Final = 600.0
"""Seconds; then the page asks again, if it still may."""
MOST: Final = 50
"""Pages that are kept up to date at the same time."""


class Listeners:
    """Who listens, until `closing`."""

    def __init__(self) -> None:
        self.closing = asyncio.Event()
        self.number = 0

    async def close(self, app: web.Application) -> None:
        """Lets everybody go, so that nobody keeps the service from ending."""
        self.closing.set()
        app[HOUSE].service.recent.touch()

    async def pause(self) -> None:
        """Lets some time pass, unless it is the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PAUSE):
                await self.closing.wait()


LISTENERS: Final = web.AppKey("listeners", Listeners)


async def events(request: web.Request) -> web.StreamResponse:
    """Says `moved` when something has happened, at most once in `PAUSE`."""
    listeners, recent = request.app[LISTENERS], request.app[HOUSE].service.recent
    if listeners.number >= MOST or listeners.closing.is_set():
        return web.Response(status=204)  # which tells a browser not to come again
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    await response.prepare(request)
    until, number = time.monotonic() + LONGEST, recent.number
    listeners.number += 1
    try:
        await response.write(b": hello\n\n")
        while time.monotonic() < until and not listeners.closing.is_set():
            before, number = number, await recent.wait(number, SILENCE)
            await response.write(b"event: moved\ndata: now\n\n" if number != before else b": still here\n\n")
            await listeners.pause()
    except ConnectionError:
        """The page was left."""
    finally:
        listeners.number -= 1
    return response
