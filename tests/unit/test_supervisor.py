"""A side task that ends ends the service, and says why."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync.errors import StateError
from sync.service.supervisor import Supervisor


async def ends() -> None:
    pass


async def fails() -> None:
    raise StateError("state.db: the disk is full")


async def has_a_bug() -> None:
    raise KeyError("ann@example.org")


async def lives_on() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("work", "reason"), [(ends, "it ended by itself"), (fails, "state.db: the disk is full"), (has_a_bug, "KeyError at ")]
)
async def test_a_task_that_ends_asks_for_the_end_and_is_named_in_one_line(work: Any, reason: str) -> None:
    stopping = asyncio.Event()
    supervisor = Supervisor(stopping)
    with capture_logs() as lines:
        await supervisor.watch("source crm", work(), until=stopping)
    assert stopping.is_set()
    assert supervisor.dead is not None
    assert supervisor.dead.startswith(f"source crm: {reason}")
    assert [line["event"] for line in lines] == ["service.failed"]
    assert "ann@example.org" not in repr(lines)


async def test_a_task_that_is_killed_asks_for_the_end() -> None:
    stopping = asyncio.Event()
    supervisor = Supervisor(stopping)
    task = asyncio.ensure_future(supervisor.watch("due work", lives_on(), until=stopping))
    await asyncio.sleep(0)
    task.cancel()
    await task
    assert (supervisor.dead, stopping.is_set()) == ("due work: it was cancelled", True)


@pytest.mark.parametrize("work", [ends, fails, lives_on])
async def test_a_task_that_ends_when_it_is_meant_to_is_no_failure(work: Any) -> None:
    until = asyncio.Event()
    supervisor = Supervisor(asyncio.Event())

    async def after(rest: Coroutine[Any, Any, None]) -> None:
        until.set()
        await rest

    task = asyncio.ensure_future(supervisor.watch("due work", after(work()), until=until))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert (supervisor.dead, supervisor.stopping.is_set()) == (None, False)
