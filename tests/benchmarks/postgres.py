"""PostgreSQL as a source against a bare asyncpg scan: nothing changed, and one in a hundred behind an indexed cursor.

TEST_POSTGRES_URL names the server; a table `customer_sync_bench` is made there and dropped again. Each figure is the median of
pairs that ran one after the other: by the clock, and by the CPU of this process, which others on the machine disturb less.
"""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import asyncpg

from sync.pipeline.detect import Detected, Stream, detect
from sync.sources.dialect import Address
from sync.sources.postgres import PostgresDialect
from sync.sources.sql import Sql
from sync.sources.statements import Table
from sync.stores.sqlite import open_store

TEXTS, NUMBERS = 18, 10
MILLION = 1_000_000
ROUNDS = 5
BASE = "timestamptz '2026-01-01' + g * interval '1 second'"
PEAK = "peak"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, and of this process's CPU."""

    wall: float
    cpu: float


async def main(url: str, rows: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await fill(connection, rows)
        small, large = peak(rows // 10), peak(rows)
        print(f"memory: {small:.0f} MB at {rows // 10:,} rows, {large:.0f} MB at {rows:,} ({large / small:.2f}x, goal 1.2x)")
        with tempfile.TemporaryDirectory() as folder:
            await measure(url, connection, rows, Path(folder))
    finally:
        await connection.execute("DROP TABLE IF EXISTS customer_sync_bench")
        await connection.close()


async def fill(connection: asyncpg.Connection, rows: int) -> None:
    """Thirty columns."""
    columns = [*(f"t{at} text" for at in range(TEXTS)), *(f"n{at} numeric(10,2)" for at in range(NUMBERS))]
    values = [*(f"'value {at} of ' || g" for at in range(TEXTS)), *("g / 100.0" for _ in range(NUMBERS))]
    await connection.execute(f"""DROP TABLE IF EXISTS customer_sync_bench;
        CREATE TABLE customer_sync_bench (id int PRIMARY KEY, moved timestamptz NOT NULL, {", ".join(columns)});
        INSERT INTO customer_sync_bench SELECT g, {BASE}, {", ".join(values)} FROM generate_series(1, {rows}) g;
        CREATE INDEX ON customer_sync_bench (moved, id)""")
    await connection.execute("VACUUM ANALYZE customer_sync_bench")


def peak(rows: int) -> float:
    """In MB, of a process that reads so many twice; asked while this one is small, whose peak a child of it begins with."""
    done = subprocess.run([sys.executable, __file__, PEAK, str(rows)], stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


async def measure(url: str, connection: asyncpg.Connection, rows: int, folder: Path) -> None:
    async def full() -> Detected:
        return await read(url, folder)

    async def behind() -> Detected:
        return await read(url, folder, cursor="moved")

    await full()  # what is seen for the first time is not what is measured
    pairs = [(await cost(lambda: bare(connection)), await cost(full)) for _ in range(ROUNDS)]
    told("nothing changed", "a bare scan", pairs, 2.0)
    await behind()
    pairs = []
    for day in range(1, ROUNDS + 1):
        later = f"moved = timestamptz '2026-03-01' + id * interval '1 ms' + interval '{day} days'"
        await connection.execute(f"UPDATE customer_sync_bench SET {later}, t0 = 'new {day}' WHERE id % 100 = 0")
        found: list[int] = []
        some = await cost(lambda found=found: found_by(behind, found))  # type: ignore[misc]
        assert found == [rows // 100], found
        pairs.append((await cost(full), some))
    told(f"{rows // 100:,} changed behind the cursor", "the full read", pairs, 0.15)


async def found_by(look: Callable[[], Awaitable[Detected]], found: list[int]) -> None:
    found.append((await look()).changed)


async def cost(work: Callable[[], Awaitable[object]]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def told(what: str, against: str, pairs: Sequence[tuple[Cost, Cost]], goal: float) -> None:
    wall = median(ours.wall / theirs.wall for theirs, ours in pairs)
    cpu = median(ours.cpu / theirs.cpu for theirs, ours in pairs)
    base, own = median(theirs.wall for theirs, _ in pairs), median(ours.wall for _, ours in pairs)
    print(f"{what}: {own:.2f} s, {against} {base:.2f} s: {wall:.2f}x by the clock, {cpu:.2f}x by CPU (goal {goal:g}x)")


async def bare(connection: asyncpg.Connection) -> None:
    """What nobody can be quicker than."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        cursor = await connection.cursor("SELECT * FROM customer_sync_bench")
        while await cursor.fetch(1000):
            pass


async def read(url: str, folder: Path, *, cursor: str | None = None, where: str | None = None) -> Detected:
    """One look at the source, with a state on disk."""
    table = Table("sources.bench", "id", "customer_sync_bench", cursor=cursor, overlap=timedelta(0), where=where)
    source = Sql(table, PostgresDialect(Address("sources.bench", url)), b"k" * 32)
    store = open_store(folder / "state.db", exclusive=True)
    try:
        return await detect(Stream("bench", source, cursor or "", ["rpm"]), store)
    finally:
        await source.close()
        await store.close()


async def read_twice(url: str, rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            await read(url, Path(folder), where=f"id <= {rows}")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    server, size = os.environ["TEST_POSTGRES_URL"], int(sys.argv[-1]) if len(sys.argv) > 1 else MILLION
    asyncio.run(read_twice(server, size) if PEAK in sys.argv else main(server, size))
