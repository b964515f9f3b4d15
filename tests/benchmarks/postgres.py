"""PostgreSQL as a source against a bare asyncpg scan: nothing changed, and one in a hundred behind an indexed cursor.

TEST_POSTGRES_URL names the server; a table `customer_sync_bench` is made there and dropped again.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import asyncpg

from sync.pipeline.detect import Detected, Stream, detect
from sync.sources.dialect import Address
from sync.sources.postgres import PostgresDialect
from sync.sources.sql import Sql
from sync.sources.statements import Table
from sync.stores.sqlite import open_store

TEXTS, NUMBERS = 18, 10
MILLION = 1_000_000
BASE = "timestamptz '2026-01-01' + g * interval '1 second'"


async def main(url: str, rows: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await fill(connection, rows)
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
        CREATE INDEX ON customer_sync_bench (moved, id); ANALYZE customer_sync_bench""")


async def measure(url: str, connection: asyncpg.Connection, rows: int, folder: Path) -> None:
    await read(url, None, folder)  # what is seen for the first time is not what is measured
    plain = await bare(connection)
    full, _ = await read(url, None, folder)
    await read(url, "moved", folder)
    later = "moved = timestamptz '2026-11-20' + id * interval '1 ms'"
    await connection.execute(f"UPDATE customer_sync_bench SET {later}, t0 = 'new' WHERE id % 100 = 0")
    some, found = await read(url, "moved", folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{rows} rows: bare scan {plain:.2f} s, nothing changed {full:.2f} s ({full / plain:.2f}x)")
    print(f"{found.changed} changed behind the cursor: {some:.2f} s ({some / full:.2f}x of the full scan); peak {peak} MB")


async def bare(connection: asyncpg.Connection) -> float:
    """What nobody can be quicker than."""
    begun = time.perf_counter()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        cursor = await connection.cursor("SELECT * FROM customer_sync_bench")
        while await cursor.fetch(1000):
            pass
    return time.perf_counter() - begun


async def read(url: str, cursor: str | None, folder: Path) -> tuple[float, Detected]:
    """One look at the source, with a state on disk."""
    table = Table("sources.bench", "id", "customer_sync_bench", cursor=cursor, overlap=timedelta(0))
    source = Sql(table, PostgresDialect(Address("sources.bench", url)), b"k" * 32)
    store = open_store(folder / "state.db", exclusive=True)
    begun = time.perf_counter()
    found = await detect(Stream("bench", source, cursor or "", ["rpm"]), store)
    seconds = time.perf_counter() - begun
    await source.close()
    await store.close()
    return seconds, found


if __name__ == "__main__":
    asyncio.run(main(os.environ["TEST_POSTGRES_URL"], int(sys.argv[1]) if len(sys.argv) > 1 else MILLION))
