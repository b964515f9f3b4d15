"""`make bench`: what customer-sync costs, as ratios of medians taken in one run, because machines differ and are noisy.

python tests/benchmarks/run.py [--small]      --small: a tenth of everything, to see that it works
"""

import argparse
import asyncio
import multiprocessing
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web

from sync import app, loop
from sync.log import Redactor, configure
from sync.model import (
    UNKNOWN,
    Baseline,
    Change,
    Field,
    Identity,
    Outcome,
    Pending,
    Record,
    Request,
    Settlement,
    Standing,
    Update,
)
from sync.pipeline.courier import Courier
from sync.pipeline.deliver import BATCH
from sync.pipeline.detect import Stream, detect
from sync.pipeline.diff import diff
from sync.pipeline.lane import Lane
from sync.pipeline.speaker import Speaker
from sync.settings import load
from sync.stores.file import keep_key, secret_key
from sync.stores.sqlite import open_store
from sync.wire import open_wire

ROUNDS = 3
FIELDS = (
    "Title",
    "Name",
    "Email",
    "EmailCC",
    "BusinessName",
    "SourceId",
    "Salesman",
    "Comments",
    "Phone1",
    "Phone2",
    "Mobile",
    "Fax",
)
COLUMNS = 30
CONCURRENCY = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    scale = 10 if parser.parse_args().small else 1
    configure(Redactor(), level="error", form="console")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for latency, goal in ((0.0, 0.75), (0.02, 0.9)):
            figure = deliveries(Path(folder) / f"deliver-{latency}", 10_000 // scale, latency)
            rows.append(
                (
                    f"10,000 changed, vendor answers after {latency * 1000:.0f} ms: throughput / bare aiohttp loop",
                    figure,
                    f">= {goal}",
                )
            )
        rows.append(
            ("1,000,000 unchanged: time of a run / bare SELECT", unchanged(Path(folder) / "scan", 1_000_000 // scale), "<= 1.6")
        )
        rows.append(("peak memory of a run: 1,000,000 / 100,000 customers, 1 % changed", memory(Path(folder), scale), "<= 1.2"))
        ours, bare = written(Path(folder) / "written")
        rows.append(("CPU of writing down an update, intent and outcome / of pushing it, as a run does", ours, "<= 0.25"))
        rows.append(("the same / of a push in the bare loop", bare, ""))
        rows.append(("field diff of one customer of 30 fields / one orjson.dumps of it", diffs(), ""))
    width = max(len(name) for name, _, _ in rows)
    for name, figure, goal in rows:
        print(f"{name:<{width}}  {figure:6.2f}  {goal}")


# ---- the world


def make_world(folder: Path, customers: int, url: str = "http://127.0.0.1:9/") -> Path:
    """A source of so many customers, and a config for one target."""
    (folder / "config" / "targets").mkdir(parents=True)
    names = ", ".join(f"f{number} TEXT" for number in range(COLUMNS - 1))
    with sqlite3.connect(folder / "source.db") as database:
        database.execute(f"CREATE TABLE customers (id INTEGER PRIMARY KEY, {names})")
        values = ([key, *(f"value {number} of {key}" for number in range(COLUMNS - 1))] for key in range(1, customers + 1))
        database.executemany(f"INSERT INTO customers VALUES ({', '.join('?' * COLUMNS)})", values)
    database.close()
    (folder / "config" / "sync.toml").write_text(
        f'[state]\nurl = "sqlite:///{folder}/state.db"\n'
        f'[sources.crm]\nkind = "sql"\nurl = "sqlite:///{folder}/source.db"\ntable = "customers"\nkey = "id"\n'
        f'[accounts.vendor]\nvendor = "sellercloud"\nbase_url = "{url}"\nusername = "u"\npassword = "p"\n'
        f"concurrency = {CONCURRENCY}\n"
    )
    fields = "\n".join(f'{name} = "f{number}"' for number, name in enumerate(FIELDS))
    (folder / "config" / "targets" / "vendor.toml").write_text(
        f'source = "crm"\naccount = "vendor"\nid = "id"\n[fields]\n{fields}\n'
    )
    return folder / "config"


async def run_once(config: Path) -> None:
    report = await app.run_once(load(config), (), app.Caller())
    if report.troubles:
        raise SystemExit("\n".join(report.troubles))


def serve(latency: float, ready: "multiprocessing.Queue[int]") -> None:
    """A vendor in a process of its own: takes every update."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        if latency:
            await asyncio.sleep(latency)
        token = {"access_token": "t", "expires_in": 3600.0} if request.path.endswith("token") else {}
        return web.json_response(token)

    async def forever() -> None:
        site = web.Application()
        site.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(site, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.put(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(forever())


# ---- the figures


def deliveries(folder: Path, customers: int, latency: float) -> float:
    """How fast a run delivers, against a loop that sends the same bodies and does nothing else."""
    ready: multiprocessing.Queue[int] = multiprocessing.Queue()
    vendor = multiprocessing.Process(target=serve, args=(latency, ready), daemon=True)
    vendor.start()
    url = f"http://127.0.0.1:{ready.get()}"
    config = make_world(folder, customers, url)
    bodies = [(key, {name: f"value {number} of {key}" for number, name in enumerate(FIELDS)}) for key in range(1, customers + 1)]

    def fresh() -> None:
        for file in folder.glob("state.db*"):
            file.unlink()

    ours = [timed(lambda: run_once(config), fresh) for _ in range(ROUNDS)]
    bare = [timed(lambda: bare_loop(url, bodies)) for _ in range(ROUNDS)]
    vendor.terminate()
    print(
        f"  {customers} deliveries: ours {statistics.median(ours):.2f} s, bare {statistics.median(bare):.2f} s", file=sys.stderr
    )
    return statistics.median(bare) / statistics.median(ours)


async def bare_loop(url: str, bodies: list[tuple[int, dict[str, str]]]) -> None:
    waiting = iter(bodies)

    async def worker(session: aiohttp.ClientSession) -> None:
        for key, body in waiting:
            headers = {"Content-Type": "application/json", "Authorization": "Bearer t"}
            async with session.put(f"{url}/Customers/{key}", data=orjson.dumps(body), headers=headers) as reply:
                await reply.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(worker(session))


def unchanged(folder: Path, customers: int) -> float:
    """A run that finds nothing, against fetching the same rows."""
    config = make_world(folder, customers)
    asyncio.run(see_everything(config))
    ours = [timed(lambda: run_once(config)) for _ in range(ROUNDS)]
    bare = [timed(lambda: bare_select(folder / "source.db")) for _ in range(ROUNDS)]
    told(f"{customers} unchanged", ours, bare)
    return statistics.median(ours) / statistics.median(bare)


async def see_everything(config: Path) -> None:
    """As if every customer had been delivered long ago: seen, and waiting for nobody."""
    settings = load(config)
    path = app.state_path(settings)
    key = secret_key(path)
    keep_key(path, key)
    store = open_store(path, exclusive=True)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        board = app.open_board(settings, Redactor(), stack)
        [feed] = app.make_feeds(board, tuple(settings.targets), key, stack)
        await detect(Stream(feed.name, feed.source, feed.definition, feed.names), store)
        await store.enrol("vendor", "crm", settings.targets["vendor"].fingerprint)
    with sqlite3.connect(path) as state:
        state.execute("DELETE FROM pending")
    state.close()


async def bare_select(path: Path) -> None:
    with sqlite3.connect(path) as database:
        cursor = database.execute("SELECT * FROM customers")
        while cursor.fetchmany(1000):
            pass
    database.close()


def memory(folder: Path, scale: int) -> float:
    """Peak memory of a process that plans, with 1 % of its customers changed."""
    peaks = []
    for customers in (1_000_000 // scale, 100_000 // scale):
        place = folder / f"memory-{customers}"
        config = make_world(place, customers)
        asyncio.run(see_everything(config))
        with sqlite3.connect(place / "source.db") as database:
            database.execute("UPDATE customers SET f1 = 'changed' WHERE id % 100 = 0")
        database.close()
        arguments = [
            sys.executable,
            "-m",
            "sync",
            "plan",
            "--config",
            str(config),
            "--format",
            "json",
            "--out",
            str(place / "plan.json"),
        ]
        child = os.posix_spawn(sys.executable, arguments, os.environ)
        _, status, usage = os.wait4(child, 0)
        if status:
            raise SystemExit(f"plan ended with {status}")
        peaks.append(usage.ru_maxrss)
    print(f"  peak memory: {peaks[0] / 1024:.0f} MB and {peaks[1] / 1024:.0f} MB", file=sys.stderr)
    return peaks[0] / peaks[1]


def written(folder: Path, updates: int = 5_000) -> tuple[float, float]:
    """What the state costs, in the batches in which updates are delivered, against sending the same: by a courier, and bare."""
    ready: multiprocessing.Queue[int] = multiprocessing.Queue()
    vendor = multiprocessing.Process(target=serve, args=(0.0, ready), daemon=True)
    vendor.start()
    url = f"http://127.0.0.1:{ready.get()}"
    config = make_world(folder, 1, url)
    bodies = [(key, {name: f"value {number} of {key}" for number, name in enumerate(FIELDS)}) for key in range(updates)]
    ours = [loop.run(write_down(folder / f"{number}.db", url, bodies)) for number in range(ROUNDS)]
    pushed = [loop.run(push(config, url, bodies)) for _ in range(ROUNDS)]
    bare = []
    for _ in range(ROUNDS):
        start = time.process_time()
        loop.run(bare_loop(url, bodies))
        bare.append(time.process_time() - start)
    vendor.terminate()
    told(f"CPU of {updates} updates, written down against sent", ours, bare)
    spent = statistics.median(ours)
    return spent / statistics.median(pushed), spent / statistics.median(bare)


async def push(config: Path, url: str, bodies: list[tuple[int, dict[str, str]]]) -> float:
    """Seconds of CPU for carrying the same updates, as a run does, but for the state."""
    account = load(config).accounts["vendor"]
    waiting = iter([told_as(Pending(str(key), 1), body, url) for key, body in bodies])
    async with open_wire() as wire:
        lane = Lane("vendor", account.policy, Standing(), asyncio.Event())
        courier = Courier(account.vendor, Speaker(account.vendor, lane, wire, Redactor()))

        async def worker() -> None:
            for update in waiting:
                await courier.carry(update)

        begin = time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(worker())
        return time.process_time() - begin


async def write_down(path: Path, url: str, bodies: list[tuple[int, dict[str, str]]]) -> float:
    """Seconds of CPU, less what it takes to make the updates."""
    store = open_store(path, exclusive=True)
    waiting = await store.wait("vendor", [str(key) for key, _ in bodies])
    updates = [told_as(pending, body, url) for pending, (_, body) in zip(waiting, bodies, strict=True)]
    ended = [settled(update) for update in updates]
    begin = time.process_time()
    for start in range(0, len(bodies), BATCH):
        await store.intend("vendor", updates[start : start + BATCH])
        await store.settle("vendor", url, ended[start : start + BATCH], run="bench")
    spent = time.process_time() - begin
    await store.close()
    return spent


def told_as(pending: Pending, body: dict[str, str], url: str) -> Update:
    changes = tuple(Change(name, UNKNOWN, value, (name,)) for name, value in sorted(body.items()))
    request = Request("PUT", f"{url}/Customers/{pending.customer}", body)
    return Update(pending.customer, Identity(pending.customer), pending.version, changes, body, (request,))


def settled(update: Update) -> Settlement:
    sent = {"changes": update.changes, "requests": update.requests, "status": 200}
    id = update.identity.value
    return Settlement(update.customer, id, update.version, Outcome.DELIVERED, taken=update.leaves, attempts=1, **sent)


def diffs() -> float:
    """The diff of one customer with one changed field, against writing it as JSON."""
    leaves = {f"Field{number}": f"value {number}" for number in range(COLUMNS)}
    baseline = Baseline("here", "1", leaves | {"Field7": "another"})
    record = Record("1", Identity("1"), leaves)
    nothing = Field()
    ours = [
        timed_many(lambda: diff(record, baseline, place="here", about=lambda _name: nothing, sources={})) for _ in range(ROUNDS)
    ]
    bare = [timed_many(lambda: orjson.dumps(leaves)) for _ in range(ROUNDS)]
    print(f"  field diff: {statistics.median(ours) * 1e6:.1f} us", file=sys.stderr)
    return statistics.median(ours) / statistics.median(bare)


def told(what: str, ours: list[float], bare: list[float]) -> None:
    print(f"  {what}: ours {statistics.median(ours):.2f} s, bare {statistics.median(bare):.2f} s", file=sys.stderr)


def timed(work: Callable[[], Awaitable[None]], before: Callable[[], None] = lambda: None) -> float:
    before()

    async def waited() -> float:
        start = time.perf_counter()
        await work()
        return time.perf_counter() - start

    return loop.run(waited())


def timed_many(work: Callable[[], object], times: int = 20_000) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


if __name__ == "__main__":
    main()
