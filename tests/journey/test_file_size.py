"""Memory stays flat in the rows of a file, and customers are found in it by key."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.journey.conftest import environment

pytestmark = pytest.mark.long
READ = """
import asyncio, resource, sys
from sync.app.sources import open_file
from sync.settings import FileTable

async def main(path):
    source = open_file("crm", FileTable.model_validate({"kind": "file", "path": path, "key": "Id", "settle": "0s"}), b"k" * 32)
    rows = [len(page.rows) async for page in source.changed(None)]
    found = [len(await source.fetch([str(key) for key in range(start, start + 500)])) for start in range(0, 50_000, 500)]
    await source.close()
    print(sum(rows), sum(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

asyncio.run(main(sys.argv[1]))
"""
SPAWN = """
import os, sys
_, status = os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-c", *sys.argv[1:]], os.environ), 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small process in between: the peak that Linux reports of a child begins with what its parent has at the time."""


def peak(folder: Path, rows: int) -> float:
    """In MB, of a process that reads the file and then 50,000 customers by key."""
    path = folder / f"{rows}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("Id," + ",".join(f"F{number}" for number in range(1, 30)) + "\n")
        file.writelines(f"{key},{','.join(f'Wört {key * number}' for number in range(1, 30))}\n" for key in range(rows))
    done = subprocess.run([sys.executable, "-c", SPAWN, READ, str(path)], env=environment(), stdout=subprocess.PIPE, check=True)
    path.unlink()
    read, found, memory = done.stdout.split()
    assert (int(read), int(found)) == (rows, 50_000)
    return float(memory)


def test_memory_is_flat_in_the_rows_of_a_file(tmp_path: Path) -> None:
    small, large = peak(tmp_path, 100_000), peak(tmp_path, 1_000_000)
    print(f"peak memory: {small:.0f} MB at 100,000 rows, {large:.0f} MB at 1,000,000")  # noqa: T201 - the figure is the point
    assert large <= 1.2 * small
