"""Work -> its result, in an event loop that suits a process which moves many small things."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
OLD_ENOUGH = 20_000
"""New objects after which the collector looks for circles; at Python's 700 it takes a fifth of the time of a delivery."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs it, on uvloop where that is installed."""
    gc.freeze()
    gc.set_threshold(OLD_ENOUGH, 20, 20)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
