"""Memory stays flat in the number of customers that an API lists."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.journey.conftest import environment
from tests.journey.test_file_size import SPAWN

pytestmark = pytest.mark.long
API = """
from aiohttp import web

async def listed(request):
    size, start = int(request.match_info["size"]), int(request.query["offset"])
    numbers = range(start, min(start + 500, size))
    customers = [{"id": number, **{f"f{at}": f"Wört {at * number}" for at in range(30)}} for number in numbers]
    return web.json_response({"data": customers, "total": size})

app = web.Application()
app.router.add_get("/{size}", listed)
web.run_app(app, host="127.0.0.1", port=0, print=lambda said: print(said.split()[3], flush=True) if "http" in said else None)
"""
READ = """
import asyncio, resource, sys
from sync.app.apis import api, signing
from sync.log import Redactor
from sync.model import Standing
from sync.pipeline.asker import Asker
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.speaker import Speaker
from sync.settings import HttpTable
from sync.sources.http.source import Http, HttpPolicy
from sync.wire import open_wire

async def main(url):
    paging = {"kind": "offset", "parameter": "offset"}
    tree = {"kind": "http", "url": url, "key": "id", "items": "data", "total": "total", "paging": paging}
    table = HttpTable.model_validate(tree)
    async with open_wire() as wire:
        lane = Lane("sources.crm", LanePolicy(), Standing(), asyncio.Event())
        asker = Asker("sources.crm", Speaker(signing(table), lane, wire, Redactor()))
        source = Http(api(table), asker, HttpPolicy("sources.crm"), b"k" * 32)
        rows = [len(page.rows) async for page in source.changed(None)]
        called = [len(keys) async for keys in source.everybody()]
        found = [len(await source.fetch([str(key) for key in range(start, start + 500)])) for start in range(0, 20_000, 500)]
        await source.close()
    print(sum(rows), sum(called), sum(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
def url() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", API], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def peak(url: str, size: int) -> float:
    """In MB, of a process that reads the list, calls everybody and then fetches 20,000 by key."""
    command = [sys.executable, "-c", SPAWN, READ, f"{url}/{size}"]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=True)
    rows, called, found, memory = done.stdout.split()
    assert (int(rows), int(called), int(found)) == (size, size, 20_000)
    return float(memory)


def test_memory_is_flat_in_the_customers_of_an_api(url: str) -> None:
    small, large = peak(url, 20_000), peak(url, 200_000)
    print(f"peak memory: {small:.0f} MB at 20,000 customers, {large:.0f} MB at 200,000")  # noqa: T201 - the figure is the point
    assert large <= 1.2 * small
