"""What the state in a SQLite file promises beside what every store does: about its file, and about dry runs."""

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sync.errors import FieldError, StateError
from sync.model import Change, Claim, Filing, Identity, Outcome, Pending, Secret, Settlement, Update
from sync.stores.file import is_locked, keep_key, secret_key
from sync.stores.ledger import Ledger
from sync.stores.migrations import MIGRATIONS
from sync.stores.sqlite import Sqlite, open_forgetful, open_store

HERE = "https://vendor.example"
DIGEST = b"0123456789abcdef"
NOBODY = 65534
SENTINEL = "hunter2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "state.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Sqlite]:
    opened = open_store(path, exclusive=True)
    yield opened
    await opened.close()


@pytest.fixture
def foreign_ground() -> Iterator[Path]:
    """A folder that an ordinary user may read and not write; the process is that user meanwhile, even if it is root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    if os.geteuid() != os.getuid():
        os.seteuid(os.getuid())
    folder.chmod(0o755)
    shutil.rmtree(folder)


def become_ordinary() -> None:
    if os.geteuid() == 0:
        os.seteuid(NOBODY)


async def written(path: Path) -> None:
    """A state with a customer in step, one that waits, one parked, and a cursor; closed."""
    store = open_store(path, exclusive=True)
    await store.enrol("rpm", "crm", "map 1")
    await store.file(Filing("crm", [("7", DIGEST), ("8", DIGEST), ("9", DIGEST)], ["rpm"], "2026-11-22"))
    versions = {row.customer: row.version for row in await store.pending("rpm", "", 9)}
    await store.settle(
        "rpm",
        HERE,
        [
            Settlement("7", "4711", versions["7"], Outcome.DELIVERED, taken={"Name": "Ann"}),
            Settlement("9", "4713", versions["9"], Outcome.REJECTED, "no", parked=True),
        ],
    )
    await store.close()


def listing(folder: Path) -> dict[str, bytes]:
    """Every file and what it holds."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def rights(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


# ---- the file


async def test_only_its_owner_may_read_what_it_writes(store: Sqlite, path: Path) -> None:
    keep_key(path, secret_key(path))
    await store.file(Filing("crm", [("7", DIGEST)], ["rpm"]))
    assert {file.name: rights(file) for file in path.parent.iterdir()} == {
        "state.db": 0o600,
        "state.db-wal": 0o600,
        "state.db-shm": 0o600,
        "state.db.key": 0o600,
        "state.db.lock": 0o600,
    }


async def test_a_closed_store_is_one_file_and_its_lock(path: Path) -> None:
    await written(path)
    assert sorted(file.name for file in path.parent.iterdir()) == ["state.db", "state.db.lock"]


async def test_what_was_written_is_there_when_it_is_opened_again(path: Path) -> None:
    await written(path)
    store = open_store(path, exclusive=True)
    assert await store.cursor("crm") == "2026-11-22"
    assert [row.customer for row in await store.pending("rpm", "", 9)] == ["8"]
    assert await store.known("rpm") == 1
    await store.close()


async def test_what_was_written_outlives_a_process_that_was_killed(tmp_path: Path) -> None:
    """The files as they are on disk after the call has returned, without a goodbye."""
    path, copy = tmp_path / "a" / "state.db", tmp_path / "b" / "state.db"
    store = open_store(path, exclusive=True)
    await store.file(Filing("crm", [("7", DIGEST)], ["rpm"], 42))
    shutil.copytree(path.parent, copy.parent, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
    await store.close()
    survivor = open_store(copy, exclusive=True)
    assert (await survivor.cursor("crm"), [row.customer for row in await survivor.pending("rpm", "", 9)]) == (42, ["7"])
    await survivor.close()


@pytest.mark.parametrize("broken", [("8", None), (None, DIGEST)])
async def test_a_filing_that_fails_leaves_nothing_behind(store: Sqlite, broken: tuple[str, bytes]) -> None:
    with pytest.raises(StateError, match="NOT NULL"):
        await store.file(Filing("crm", [("7", DIGEST), broken], ["rpm"], 42))
    assert (await store.cursor("crm"), await store.pending("rpm", "", 9)) == (None, [])
    assert await store.unseen("crm", [("7", DIGEST)]) == [("7", DIGEST)]


async def test_settlements_that_fail_leave_nothing_behind(store: Sqlite) -> None:
    [waiting] = await store.wait("rpm", ["7"])
    good = Settlement("7", "4711", waiting.version, Outcome.DELIVERED, taken={"Name": "Ann"})
    bad = Settlement("8", None, 1, Outcome.DELIVERED, taken={"Name": "Bea"})  # type: ignore[arg-type]
    with pytest.raises(StateError, match="NOT NULL"):
        await store.settle("rpm", HERE, [good, bad])
    assert await store.pending("rpm", "", 9) == [waiting]
    assert await store.baselines("rpm", ["7", "8"]) == {}


# ---- its schema


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
async def test_a_state_of_any_older_version_is_brought_up_to_date(path: Path, version: int) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as old:
        for script in MIGRATIONS[:version]:
            old.executescript(script)
        if version:
            old.execute("INSERT INTO seen VALUES ('crm', '7', x'00')")
            old.execute("INSERT INTO pending (target, customer, version) VALUES ('rpm', '7', 5)")
        if version > 1:
            old.execute("UPDATE versions SET last = 5")
        old.execute(f"PRAGMA user_version = {version}")
        old.commit()
    store = open_store(path, exclusive=True)
    assert await store.pending("rpm", "", 9) == ([Pending("7", 5)] if version else [])
    [waiting] = await store.wait("rpm", ["7"])
    assert waiting.version > (5 if version else 0)
    await store.close()
    with closing(sqlite3.connect(path)) as now:
        assert now.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


async def test_a_migration_is_done_once(path: Path) -> None:
    await written(path)
    before = listing(path.parent)[path.name]
    await open_store(path, exclusive=True).close()
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(":memory:")) as then:
        then.deserialize(before)
        assert list(now.iterdump()) == list(then.iterdump())


async def test_a_state_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    await written(path)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = listing(path.parent)
    for opener in (lambda: open_store(path, exclusive=True), lambda: open_forgetful(path)):
        with pytest.raises(StateError, match=r"written by a newer customer-sync \(schema 99.*update it"):
            opener()
    assert listing(path.parent) == before


async def test_a_dry_run_does_not_bring_an_older_state_up_to_date(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as old:
        old.executescript(MIGRATIONS[0])
        old.execute("PRAGMA user_version = 1")
    before = listing(path.parent)
    with pytest.raises(StateError, match=r"older customer-sync \(schema 1\): `customer-sync run`"):
        open_forgetful(path)
    assert listing(path.parent) == before


async def test_a_store_that_was_refused_can_be_opened_once_that_is_mended(path: Path) -> None:
    await written(path)
    for version in (99, len(MIGRATIONS)):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        if version == 99:
            with pytest.raises(StateError, match="newer"):
                open_store(path, exclusive=True)
    await open_store(path, exclusive=True).close()


# ---- what else may be in its place


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("customers,and,more\n" * 99)
    for opener in (lambda: open_store(path, exclusive=True), lambda: open_forgetful(path)):
        with pytest.raises(StateError, match="this is no state of customer-sync"):
            opener()
    assert path.read_text() == "customers,and,more\n" * 99


def test_a_database_of_somebody_else_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.executescript("CREATE TABLE Customer (CustomerId INTEGER PRIMARY KEY); INSERT INTO Customer VALUES (7);")
    before = path.read_bytes()
    with pytest.raises(StateError, match="somebody else's database"):
        open_store(path, exclusive=True)
    assert path.read_bytes() == before


async def test_a_damaged_file_is_told(path: Path) -> None:
    await written(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * len(listing(path.parent)[path.name][4096:]))
    with pytest.raises(StateError, match="damaged: restore a backup"):
        open_forgetful(path)


def test_a_folder_is_no_state(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"Is a directory|unable to open"):
        open_store(tmp_path, exclusive=False)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=r"exists|Not a directory"):
        open_store(tmp_path / "file" / "state.db", exclusive=True)


async def test_a_file_that_may_not_be_written_is_told(foreign_ground: Path) -> None:
    path = foreign_ground / "state.db"
    await written(path)
    path.chmod(0o444)
    become_ordinary()
    with pytest.raises(StateError, match="Permission denied"):
        open_store(path, exclusive=False)


async def test_a_dry_run_needs_no_right_to_write(foreign_ground: Path) -> None:
    path = foreign_ground / "state.db"
    await written(path)
    path.chmod(0o444)
    become_ordinary()
    ledger = open_forgetful(path)
    await ledger.file(Filing("crm", [("10", DIGEST)], ["rpm"]))
    assert [row.customer for row in await ledger.pending("rpm", "", 9)] == ["10", "8"]
    await ledger.close()


async def test_a_lock_of_another_program_is_told(path: Path) -> None:
    await written(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        store = open_store(path, exclusive=True, patience=0.05)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="locked by another program"):
            await store.wait("rpm", ["7"])
        other.execute("ROLLBACK")
        [waiting] = await store.wait("rpm", ["7"])
        assert waiting.customer == "7"
    await store.close()


async def test_a_probe_finds_out_whether_anything_can_be_written(path: Path) -> None:
    await written(path)
    store = open_store(path, exclusive=True, patience=0.05)
    await store.probe()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="locked by another program"):
            await store.probe()
    await store.close()


async def test_a_full_disk_is_told_and_writes_nothing(store: Sqlite, path: Path) -> None:
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateError, match="the disk is full"):
        await store.file(Filing("crm", [(f"{number:09}", DIGEST) for number in range(9999)], ["rpm"], 42))
    assert (await store.cursor("crm"), await store.pending("rpm", "", 9)) == (None, [])
    assert str(path) in store._path


async def test_an_intent_that_does_not_fit_on_the_disk_is_no_intent(store: Sqlite) -> None:
    [waiting] = await store.wait("rpm", ["7"])
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    changes = tuple(Change(f"Field {number}" * 9, None, "x") for number in range(999))
    with pytest.raises(StateError, match="nothing was sent that could not be written down"):
        await store.intend("rpm", [Update("7", Identity("1"), waiting.version, changes, {}, ())])
    assert await store.failures() == []


# ---- one process at a time


async def test_a_second_process_is_told_who_is_running(store: Sqlite, path: Path) -> None:
    assert store._lock is not None
    program = (
        "import sys; from pathlib import Path; from sync.errors import StateError; from sync.stores.sqlite import open_store\n"
        "try: open_store(Path(sys.argv[1]), exclusive=True)\n"
        "except StateError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True).stdout  # noqa: ASYNC221
    assert said == f"{path}: another customer-sync (process {os.getpid()}) is running on this state\n"


async def test_the_lock_ends_with_the_store(path: Path) -> None:
    await written(path)
    await open_store(path, exclusive=True).close()


async def test_whoever_needs_not_be_alone_can_work_beside_a_run(store: Sqlite, path: Path) -> None:
    [waiting] = await store.wait("rpm", ["7"])
    await store.settle("rpm", HERE, [Settlement("7", "1", waiting.version, Outcome.REJECTED, parked=True)])
    beside = open_store(path, exclusive=False)
    assert await beside.retry() == 1
    await beside.close()
    assert [row.customer for row in await store.pending("rpm", "", 9)] == ["7"]


async def test_a_transaction_that_reads_before_it_writes_waits_for_whoever_works_beside_it(store: Sqlite, path: Path) -> None:
    change = Change("Name", None, "Ann")
    with closing(sqlite3.connect(path, isolation_level=None)) as beside:
        beside.execute("BEGIN IMMEDIATE")
        beside.execute("UPDATE versions SET last = last + 1")
        intending = asyncio.create_task(store.intend("rpm", [Update("7", Identity("1"), 1, (change,), {}, ())]))
        await asyncio.sleep(0.05)
        beside.execute("COMMIT")
        await intending
    assert await store.in_flight() == {"rpm": 1}


async def test_a_state_is_locked_while_a_process_runs_on_it(path: Path) -> None:
    assert not is_locked(path)
    store = open_store(path, exclusive=True)
    assert is_locked(path)
    await store.close()
    assert not is_locked(path)
    beside = open_store(path, exclusive=False)
    assert not is_locked(path)
    await beside.close()


# ---- a dry run


async def test_a_dry_run_knows_whom_it_has_just_filed(path: Path) -> None:
    await written(path)
    ledger = open_forgetful(path)
    await ledger.file(Filing("crm", [("10", DIGEST)], ["rpm"]))
    await ledger.file(Filing("erp", [("11", DIGEST)], ["rpm"]))
    assert await ledger.seen("crm", ["7", "10", "11"]) == {"7", "10"}
    await ledger.close()


async def everything(ledger: Ledger) -> list[str]:
    """All that detecting and planning do; who waits in the end."""
    await ledger.enrol("rpm", "crm", "map 2")
    fresh = await ledger.unseen("crm", [("7", DIGEST), ("10", DIGEST)])
    await ledger.file(Filing("crm", fresh, ["rpm"], "2026-11-23"))
    await ledger.wait("rpm", ["11"])
    waiting = await ledger.pending("rpm", "", 9)
    await ledger.claim("rpm", [Claim(row.customer, "4711") for row in waiting if row.customer in {"10", "11"}])
    await ledger.baselines("rpm", ["7"])
    await ledger.failures()
    await ledger.tally()
    await ledger.standing("rpm")
    return [row.customer for row in waiting]


async def test_a_dry_run_plans_all_that_a_run_would_and_leaves_the_state_as_it_was(path: Path) -> None:
    await written(path)
    keep_key(path, secret_key(path))
    before = listing(path.parent)
    ledger = open_forgetful(path)
    assert await everything(ledger) == ["10", "11", "7", "8", "9"]
    assert await ledger.rivals("rpm") == {"10": ("11", "7"), "11": ("10", "7"), "7": ("10", "11")}
    assert listing(path.parent) == before
    await ledger.close()
    assert listing(path.parent) == before


async def test_a_dry_run_without_a_state_makes_none(path: Path) -> None:
    path.parent.mkdir()
    ledger = open_forgetful(path)
    assert secret_key(path) != secret_key(path)
    assert await everything(ledger) == ["10", "11", "7"]
    await ledger.close()
    assert listing(path.parent) == {}


async def test_a_dry_run_does_not_even_make_the_folder(path: Path) -> None:
    ledger = open_forgetful(path)
    await everything(ledger)
    await ledger.close()
    assert not path.parent.exists()


async def test_a_second_dry_run_sees_nothing_of_the_first(path: Path) -> None:
    await written(path)
    seen = []
    for _ in range(2):
        ledger = open_forgetful(path)
        seen.append((await ledger.cursor("crm"), await ledger.pending("rpm", "", 9), await everything(ledger)))
        await ledger.close()
    assert seen[0] == seen[1]


async def test_a_dry_run_beside_a_run_writes_nothing_of_the_states_content(store: Sqlite, path: Path) -> None:
    """The journal's index (-shm), which says who reads, is the one thing that readers share."""
    await store.file(Filing("crm", [("7", DIGEST), ("8", DIGEST)], ["rpm"], 1))
    before = {name: content for name, content in listing(path.parent).items() if not name.endswith("-shm")}
    ledger = open_forgetful(path)
    await everything(ledger)
    await ledger.close()
    after = {name: content for name, content in listing(path.parent).items() if not name.endswith("-shm")}
    assert after == before


async def test_a_dry_run_has_no_way_to_write_outcomes(path: Path) -> None:
    ledger = open_forgetful(path)
    writers = {"intend", "settle", "recover", "drop", "forget", "stand", "retry", "begin_run", "log_run", "put_back", "spend"}
    assert {name for name in writers if hasattr(ledger, name)} == set()
    await ledger.close()


async def test_even_sql_cannot_write_through_a_dry_run(path: Path) -> None:
    await written(path)
    ledger = open_forgetful(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly database"):
        ledger._connection.execute("DELETE FROM main.seen")
    await ledger.close()


async def test_a_run_closes_while_a_dry_run_reads_and_the_next_goes_on(path: Path) -> None:
    store = open_store(path, exclusive=True)
    await store.file(Filing("crm", [("7", DIGEST)], ["rpm"], 1))
    ledger = open_forgetful(path)
    await store.close()
    assert await ledger.cursor("crm") == 1
    await ledger.close()
    store = open_store(path, exclusive=True)
    assert await store.cursor("crm") == 1
    await store.close()


# ---- secrets


async def test_a_password_is_in_no_byte_of_any_file(path: Path) -> None:
    store = open_store(path, exclusive=True)
    secret = Secret("f1", SENTINEL)
    [waiting] = await store.wait("rpm", ["7"])
    update = Update("7", Identity("4711"), waiting.version, (Change("password", None, secret),), {"password": secret}, ())
    await store.intend("rpm", [update])
    errors = (FieldError("password", "too short"),)
    taken = {"password": secret, "list": [secret]}
    await store.settle(
        "rpm", HERE, [Settlement("7", "4711", waiting.version, Outcome.REJECTED, "no", errors, taken, parked=True)]
    )
    assert (await store.baselines("rpm", ["7"]))["7"].leaves == {"password": Secret("f1"), "list": [Secret("f1")]}
    while_open = listing(path.parent)
    await store.close()
    files = [*while_open.items(), *listing(path.parent).items()]
    assert [name for name, content in files if b"hunter2" in content] == []
    assert any(b"f1" in content for _, content in files)


def test_the_key_is_made_once_and_is_then_the_same(path: Path) -> None:
    key = secret_key(path)
    keep_key(path, key)
    keep_key(path, key)
    assert (len(key), secret_key(path)) == (32, key)


def test_a_key_that_another_process_has_made_meanwhile_is_not_written_over(path: Path) -> None:
    first, second = secret_key(path), secret_key(path)
    keep_key(path, first)
    with pytest.raises(StateError, match="run again"):
        keep_key(path, second)
    assert secret_key(path) == first


@pytest.mark.parametrize("content", ["", "\n", "ab", "no hex" * 9, "ab" * 31, "\ufeff"])
def test_half_a_key_is_no_key(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.with_name("state.db.key").write_text(content)
    with pytest.raises(StateError, match=r"state\.db\.key: not a key of 32 bytes"):
        secret_key(path)
