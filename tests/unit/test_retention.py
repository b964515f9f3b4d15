"""What is kept for a time, and a file that stops growing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sync.model import ABSENT, Change, Outcome, Settlement
from sync.service.retention import STEP, prune
from sync.stores import reads
from sync.stores.memory import Memory
from sync.stores.sqlite import Sqlite, open_store

DAY = timedelta(days=1)


class Counting(Memory):
    """Knows how many rows are too old, and how many were taken at once."""

    def __init__(self, old: int) -> None:
        super().__init__()
        self.old = old
        self.steps: list[int] = []
        self.before = datetime.max.replace(tzinfo=UTC)

    async def prune(self, before: datetime, most: int) -> int:
        gone = min(self.old, most)
        self.old -= gone
        self.before = before
        self.steps.append(most)
        return gone


async def test_pruning_goes_in_small_steps_to_the_end() -> None:
    store = Counting(3 * STEP + 1)
    assert await prune(store, 90 * DAY) == 3 * STEP + 1
    assert (store.old, store.steps) == (0, [STEP] * 5)
    assert abs(datetime.now(UTC) - 90 * DAY - store.before) < timedelta(minutes=1)


async def test_after_a_single_run_pruning_takes_a_few_steps_at_most() -> None:
    store = Counting(10**6)
    assert await prune(store, 90 * DAY, steps=3) == 3 * STEP


async def test_the_file_stops_growing_once_as_much_goes_as_comes(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state.db", exclusive=True)
    changes = (Change("Name", ABSENT, "x" * 400),)
    made = [
        Settlement(str(number), "4711", 1, Outcome.DELIVERED, taken={"Name": "Ann"}, changes=changes) for number in range(300)
    ]
    sizes = []
    for day in range(12):
        begun = datetime.now(UTC)
        await store.settle("rpm", "https://vendor.example", made, run=f"run-{day:02}")
        await store.log_run(f"run-{day:02}", begun, begun, {"targets": {"rpm": {"delivered": 300}}})
        while await store.prune(begun, 50):
            """Whatever is older than this day goes."""
        sizes.append(await pages(store))
    await store.close()
    assert sizes[0] > 50
    assert max(sizes) <= 2.2 * sizes[0]  # a day that comes beside one that goes
    assert sizes[-1] == sizes[3]


async def pages(store: Sqlite) -> int:
    """How large the file is."""
    [[count]] = await store._call(reads.rows, "SELECT page_count FROM pragma_page_count", ())
    return int(count)
