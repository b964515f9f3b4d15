"""What is older than it is to be kept -> gone, in steps so small that nobody waits for one."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from sync.ports import Store

log = structlog.get_logger()
STEP = 500
"""Rows that go in one transaction; a few milliseconds."""
STEPS = 20
"""After a single run, which somebody may wait for."""
PAUSE = 0.05
EVERY = 3600.0
"""Seconds between two rounds of the service."""


async def prune(store: Store, keep: timedelta, steps: int = STEPS) -> int:
    """Forgets runs and history from before `keep`, in at most so many steps; how many rows went. Raises StateError."""
    before, gone = datetime.now(UTC) - keep, 0
    for _ in range(steps):
        step = await store.prune(before, STEP)
        gone += step
        if step == 0:
            break
        await asyncio.sleep(PAUSE)
    return gone


async def retain(store: Store, keep: timedelta) -> None:
    """Prunes for as long as the service lives. Raises StateError."""
    while True:
        while gone := await prune(store, keep):
            log.info("state.pruned", rows=gone)
        await asyncio.sleep(EVERY)
