"""The state in trouble, with real processes: no room, damaged, locked, backed up while in use, without its journal.

Each time it is told in one line, exit 1, and nothing is lost once that is mended.
"""

import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.proof import rules
from tests.proof.conftest import ROOT
from tests.proof.firm import Company, changed, configure, out_of_step, people
from tests.proof.sandboxes import Sandbox

PAGE = 4096


class Firm:
    """A company whose four vendors hold its customers, and then all of them change."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder, self.sandbox = folder, sandbox
        self.state = folder / "state.db"
        self.company = Company(folder / "company.db")
        self.company.make(people(24))
        self.config = configure(folder, sandbox.url)

    def change(self) -> None:
        self.company.become(changed(self.company.states[-1], "Bo"))

    def start(self, largest: int | None = None) -> subprocess.Popen[str]:
        """A run; no file of its may grow beyond so many bytes."""

        def limit() -> None:
            if largest is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

        command = [sys.executable, "-m", "sync", "run", "--config", str(self.config)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=ROOT, text=True, preexec_fn=limit, **pipes)  # noqa: PLW1509 - no threads run here

    def run(self, largest: int | None = None) -> tuple[int, str]:
        process = self.start(largest)
        _, said = process.communicate(timeout=60)
        return process.returncode, said

    def in_the_middle(self, answers: int = 90) -> subprocess.Popen[str]:
        """A run that has had so many answers, of vendors that take their time."""
        self.run()
        self.change()
        self.sandbox.switch(latency=0.02)
        process = self.start()
        until(lambda: len(self.sandbox.history()) > answers, process)
        return process

    def wrong(self) -> list[str]:
        """After one more run: who is out of step, and what was sent that should not have been."""
        code, said = self.run()
        wrong = [] if code in {0, 3} else [f"the run ended with {code}: {said}"]
        requests = rules.seen(self.sandbox.answered())
        wrong += out_of_step(self.sandbox.holding(), self.company.states)
        return wrong + rules.older_after_newer(requests, self.company.states) + rules.two_in_flight(requests)


@pytest.fixture
def firm(tmp_path: Path, sandbox: Sandbox) -> Firm:
    return Firm(tmp_path, sandbox)


def until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not happened() and process.poll() is None:
        time.sleep(0.01)


def test_a_disk_that_is_full_at_any_moment_is_told_and_nothing_is_lost(firm: Firm) -> None:
    firm.run()
    firm.change()
    room = firm.state.stat().st_size
    for largest in range(room // 8, 2 * room, room // 3):
        code, said = firm.run(largest)
        if code != 1:
            break
        assert said.count("\n") == 1
        assert "the disk" in said
    assert largest > room // 8
    assert firm.wrong() == []


def test_a_state_that_is_damaged_in_its_middle_is_told_and_an_older_copy_is_as_good(firm: Firm) -> None:
    firm.run()
    good = firm.state.read_bytes()
    firm.change()
    for page in range(3, len(good) // PAGE, len(good) // PAGE // 3):
        firm.state.write_bytes(good[: page * PAGE] + b"\x05" * PAGE + good[(page + 1) * PAGE :])
        code, said = firm.run()
        assert code in {0, 1, 3}  # nobody looks at some pages
        assert code != 1 or said == f"{firm.state}: the file is damaged: restore a backup, or move it away to start anew\n"
        for journal in firm.folder.glob("state.db-*"):
            journal.unlink()
    firm.state.write_bytes(good)
    assert firm.wrong() == []


@contextmanager
def backed_up(state: Path, copy: Path) -> Iterator[None]:
    """Again and again, page by page, as `sqlite3 state.db ".backup copy.db"` does."""
    over = Event()

    def work() -> None:
        while not over.wait(0.02):
            with closing(sqlite3.connect(state)) as source, closing(sqlite3.connect(copy.with_suffix(".new"))) as target:
                source.backup(target, pages=4)
            copy.with_suffix(".new").replace(copy)

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_backup_that_was_made_while_it_ran_takes_up_from_there(firm: Firm) -> None:
    copy, kept = firm.folder / "copy.db", firm.folder / "kept.db"
    process = firm.in_the_middle()
    with backed_up(firm.state, copy):
        until(lambda: copy.exists() and len(firm.sandbox.history()) > 120, process)
        shutil.copy(copy, kept)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (3, "")
    kept.replace(firm.state)
    assert firm.wrong() == []


@pytest.mark.long
def test_another_program_that_locks_the_state_for_a_while_is_waited_for(firm: Firm) -> None:
    process = firm.in_the_middle()
    with closing(sqlite3.connect(firm.state, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(1)
        other.execute("COMMIT")
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (3, "")
    assert firm.wrong() == []


@pytest.mark.long
def test_another_program_that_locks_the_state_for_long_is_told(firm: Firm) -> None:
    process = firm.in_the_middle()
    with closing(sqlite3.connect(firm.state, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        _, said = process.communicate(timeout=60)
        other.execute("COMMIT")
    assert (process.returncode, said) == (1, f"{firm.state}: it is locked by another program: end that, or wait\n")
    assert firm.wrong() == []


@pytest.mark.long
def test_a_state_without_its_journal_is_an_older_one_and_takes_up_from_there(firm: Firm) -> None:
    """What a power cut may leave."""
    process = firm.in_the_middle(110)
    process.kill()
    process.communicate()
    for journal in firm.folder.glob("state.db-*"):
        journal.unlink()
    assert firm.wrong() == []
