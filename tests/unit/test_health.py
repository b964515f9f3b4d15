"""What /healthz and /readyz say while something is wrong, and that it is not said of a service that is well."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from sync.errors import StateError
from sync.stores.memory import Memory
from tests.house import Visit, visited

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Full(Memory):
    """A store on a full disk."""

    async def probe(self) -> None:
        raise StateError("state.db: the disk is full")


async def full(visit: Visit) -> None:
    visit.house.service.store = Full()


async def silent(visit: Visit) -> None:
    visit.house.engine.lines["crm"].moved = LONG_AGO


async def died(visit: Visit) -> None:
    async def work() -> None:
        raise StateError("state.db: no such table: intents")

    await visit.house.service.supervisor.watch("account east", work(), until=asyncio.Event())


async def stopping(visit: Visit) -> None:
    visit.house.service.supervisor.stopping.set()


async def starting(visit: Visit) -> None:
    visit.house.service.engine = None


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (full, "state.db: the disk is full"),
        (silent, "source crm is being read, and nothing has come since 00:00:00"),
        (died, "account east: state.db: no such table: intents"),
        (stopping, "it is stopping"),
        (starting, "it is starting"),
    ],
)
async def test_a_service_that_does_not_do_its_work_is_alive_and_not_ready_and_says_why(
    happens: Callable[[Visit], Awaitable[None]], says: str, tmp_path: Path
) -> None:
    async with visited(tmp_path) as visit:
        assert await asked(visit, "/readyz") == (200, {"format": 1, "ready": True, "reasons": []})
        await happens(visit)
        assert await asked(visit, "/readyz") == (503, {"format": 1, "ready": False, "reasons": [says]})
        assert await asked(visit, "/healthz") == (200, {"format": 1, "alive": True})


async def test_a_service_whose_schedules_do_not_move_is_not_ready_and_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visited(tmp_path) as visit:
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 180)  # and the engine of this house stands still
        status, tree = await asked(visit, "/readyz")
        since = visit.house.engine.turns["east"].since
    assert (status, tree["reasons"]) == (
        503,
        [
            f"due work was last looked for at {since:%H:%M:%S}",
            f"target east is due since {since:%H:%M:%S} and does not run",
            f"target west is due since {since:%H:%M:%S} and does not run",
        ],
    )


async def asked(visit: Visit, path: str) -> tuple[int, dict[str, object]]:
    async with visit.client.get(path) as answer:
        return answer.status, orjson.loads(await answer.read())
