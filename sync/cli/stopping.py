"""Work that waits for signals -> its exit code, however it ended."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sync.cli.codes import DONE, INTERRUPTED

GRACE_SECONDS = 8.0
"""Less than the ten that Docker waits before it kills."""


async def until_stopped(work: Callable[[asyncio.Event], Awaitable[int]], *, logs: bool = False) -> int:
    """SIGTERM and SIGINT ask for an end, and bring it about after the grace period; the second one kills.

    Work that `logs` says by itself that it is stopping: where nobody looks on, no other line stands between those of its log.
    """
    stopping, signals = asyncio.Event(), list[int]()
    running = asyncio.get_running_loop()
    task = asyncio.ensure_future(work(stopping))

    def asked(number: int) -> None:
        if signals:
            os._exit(128 + number)
        signals.append(number)
        stopping.set()
        if not logs or sys.stderr.isatty():
            print("stopping: what is in flight is finished first; again to end at once", file=sys.stderr)
        running.call_later(GRACE_SECONDS, task.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, asked, number)
    code = DONE
    with suppress(asyncio.CancelledError):
        code = await task
    if not signals:
        return code
    return INTERRUPTED if signals[0] == signal.SIGINT else DONE
