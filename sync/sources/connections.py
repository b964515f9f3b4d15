"""Connections to a database server: opened when needed, used again when all went well, thrown away otherwise."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from sync.errors import SourceError
from sync.sources.dialect import Address

C = TypeVar("C")


class Connections(Generic[C]):
    """As many as are in use at the same time."""

    def __init__(self, connect: Callable[[], Awaitable[C]], end: Callable[[C], Awaitable[None]]) -> None:
        self._connect = connect
        self._end = end
        self._idle: list[C] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[C]:
        """A connection for one piece of work."""
        connection = self._idle.pop() if self._idle else await self._connect()
        try:
            yield connection
        except BaseException:
            await self._end(connection)
            raise
        self._idle.append(connection)

    async def close(self) -> None:
        """Ends those that are not in use."""
        while self._idle:
            await self._end(self._idle.pop())


def tls(address: Address) -> ssl.SSLContext | None:
    """What a connection is made secure with; None: not at all. Raises SourceError for a file that holds no certificates."""
    if address.tls == "off":
        return None
    try:
        context = ssl.create_default_context(cafile=address.tls_ca)
    except (OSError, ssl.SSLError) as error:
        raise SourceError(f"{address.name}: tls_ca: cannot read {address.tls_ca}: {error}") from None
    if address.tls != "verify":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def missing(address: Address, driver: str, extra: str) -> SourceError:
    """What to do where a database's driver is not installed."""
    return SourceError(f"{address.name}: {driver} is not installed: pip install 'customer-sync[{extra}]'")
