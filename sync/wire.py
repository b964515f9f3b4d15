"""Request -> Reply. The only file that speaks to aiohttp's client."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import aiohttp

from sync.errors import Broken, NotSent
from sync.failpoints import reach
from sync.model import Reply, Request

LARGEST_REPLY = 1 << 20
"""Bytes, unpacked; what is longer is cut off, and then nobody understands it."""
LONGEST_LIST = 64 << 20
"""Bytes, unpacked, of a reply that may be a list: some fifty thousand customers at once."""
CONNECT_SECONDS = 10.0
_connected: ContextVar[Callable[[], None]] = ContextVar("connected", default=lambda: None)


class Wire:
    """One session for everything: connections are kept, redirects are not followed, cookies are not kept."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(self, request: Request, *, seconds: float, written: Callable[[], None] = lambda: None) -> Reply:
        """Sends once. `seconds` bounds the whole exchange; `written` is called when the request has left.

        Raises NotSent (no connection: the vendor has seen nothing) or Broken (it may have seen everything).
        """
        content = request.content(reveal=True)
        connected = False

        def noted() -> None:
            nonlocal connected
            connected = True
            written()

        _connected.set(noted)
        headers = dict(request.headers)
        if content is not None:
            headers.setdefault("Content-Type", request.kind)
        try:
            async with self._session.request(
                request.method,
                request.url,
                data=content,
                headers=headers,
                allow_redirects=False,
                timeout=_timeout(seconds),
            ) as reply:
                reach("after_send")
                body = await _read(reply, LONGEST_LIST if request.lists else LARGEST_REPLY)
                return Reply(reply.status, _headers(reply), body, datetime.now(UTC))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _failure(error, seconds, connected=connected) from None
        except ValueError:
            raise NotSent("a header holds what no header may: is there a line break in a credential?") from None


@asynccontextmanager
async def open_wire() -> AsyncIterator[Wire]:
    """A wire that lives as long as the block."""
    session = aiohttp.ClientSession(
        connector=_Connector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"customer-sync/{version('customer-sync')}", "Accept": "application/json"},
    )
    session._retry_connection = False  # noqa: SLF001 - aiohttp would send a PUT again by itself, past pace and intent
    async with session:
        yield Wire(session)


class _Connector(aiohttp.TCPConnector):
    """Tells when a connection is there; what follows is written at once. Tracing would tell, too, at 30 us a request."""

    async def connect(self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout) -> Any:  # noqa: ASYNC109
        connection = await super().connect(req, traces, timeout)
        _connected.get()()
        return connection


@cache
def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, CONNECT_SECONDS))


async def _read(reply: aiohttp.ClientResponse, most: int) -> bytes:
    if reply.content_length is not None and reply.content_length <= most and "Content-Encoding" not in reply.headers:
        return await reply.read()
    pieces, size = [], 0
    async for piece in reply.content.iter_chunked(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            reply.close()
            break
    return b"".join(pieces)[:most]


def _headers(reply: aiohttp.ClientResponse) -> Mapping[str, str]:
    """As they came; `Link` may stand there more than once, and is then the list of all its values (RFC 9110)."""
    links = reply.headers.getall("Link", ())
    if not links[1:]:
        return reply.headers
    return {name.lower(): value for name, value in reply.headers.items()} | {"link": ", ".join(links)}


def _failure(error: Exception, seconds: float, *, connected: bool) -> NotSent | Broken:
    if not connected:
        return NotSent(f"no connection: {_said(error, seconds)}")
    if isinstance(error, TimeoutError):
        return Broken(f"no answer within {seconds:g} s")
    return Broken(f"the connection broke: {_said(error, seconds)}")


def _said(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"none within {min(seconds, CONNECT_SECONDS):g} s"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        return f"nobody listens at {error.host}:{error.port}"  # asyncio's own words are "Connect call failed ('10.0.0.1', 80)"
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        return "the answer is cut off, or garbled"  # aiohttp's own words name a 400 that nobody sent
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause) or type(cause).__name__
