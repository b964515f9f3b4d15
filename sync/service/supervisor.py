"""Side tasks -> a service that ends as a whole, and says why, when one of them does."""

import asyncio
import traceback
from collections.abc import Coroutine
from typing import Any

import structlog

from sync.errors import SyncError

log = structlog.get_logger()


class Supervisor:
    """Watches over tasks that have to live as long as the service; the first that dies is `dead`, and asks for the end."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self.stopping = stopping
        self.dead: str | None = None

    async def watch(self, name: str, work: Coroutine[Any, Any, None], *, until: asyncio.Event) -> None:
        """Runs it. However it ends before it is meant to, the whole service is asked to stop then."""
        try:
            await work
            reason = "it ended by itself"
        except asyncio.CancelledError:
            if until.is_set():
                raise
            reason = "it was cancelled"
        except SyncError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a bug: its words may hold a customer's values, its place does not
            reason = place(error)
        if not until.is_set() and self.dead is None:  # one cause is enough: the others fall with it
            self.dead = f"{name}: {reason}"
            log.error("service.failed", task=name, reason=reason)
            self.stopping.set()


def place(error: Exception) -> str:
    """Where a bug was seen: its words may hold what nobody may see."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {frame.filename}:{frame.lineno}"
