"""Wherever an undo dies, the next run takes it up, and another undo of the same run brings the vendors to where they were."""

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from sync import app, failpoints
from sync.settings import Settings
from tests.proof.conftest import Tell
from tests.proof.crashes import FAR, Trial, Worker, forked
from tests.proof.firm import changed, out_of_step

NEW = "was never to be told"
"""Of a customer that the bad run was the first to tell of, nothing earlier is known."""


class Undoer(Worker):
    """A worker that takes back a run of changes, and dies at it."""

    def try_undo(self, at: int) -> tuple[bool, list[str]]:
        """Dies at the failpoint `at`, is taken up by a run, and undone again; whether it died, and what was wrong then."""
        company = self._restored(Trial(0))
        before = company.states[-1]
        company.become(changed(before, "Bo"))
        settings, plan = self._ready()
        codes = [self._run(), forked(lambda: _saved(settings, plan))]
        died = forked(lambda: _applied(settings, plan, at))
        codes += [self._run(), forked(lambda: _saved(settings, plan)), forked(lambda: _applied(settings, plan, 0))]
        wrong = [line for line in out_of_step(self.sandbox.holding(), [before]) if not line.endswith(NEW)]
        count = len(self.sandbox.history())
        codes.append(self._run())
        wrong += [f"sent once more: {entry['path']} {entry['body']}" for entry in self.sandbox.history(count)]
        if any(codes) or died not in (0, failpoints.EXIT_CODE):
            wrong.append(f"ended with {codes} and {died}")
        return died == failpoints.EXIT_CODE, wrong

    def _ready(self) -> tuple[Settings, Path]:
        plan = self._folder / "undo.plan"
        plan.with_suffix(".run").unlink(missing_ok=True)
        return self._settings[False], plan

    def count_undo(self) -> int:
        """How many failpoints the delivery of one undo reaches."""
        company = self._restored(Trial(0))
        company.become(changed(company.states[-1], "Bo"))
        settings, plan = self._ready()
        assert (self._run(), forked(lambda: _saved(settings, plan))) == (0, 0)
        here, there = os.pipe()
        forked(lambda: _applied(settings, plan, 0, there))
        os.close(there)
        with os.fdopen(here) as pipe:
            return int(pipe.read())


def _saved(settings: Settings, plan: Path) -> int:
    """Saves the undo of the run that was the last when this was first asked."""

    async def work() -> None:
        noted = plan.with_suffix(".run")
        if not noted.exists():
            noted.write_text((await app.standing(settings)).runs[0].run)
        async with app.propose_undo(settings, noted.read_text()) as proposal:
            app.save_plan(settings, proposal, plan)

    return _run(work(), 0)


def _applied(settings: Settings, plan: Path, dying: int, counted: int | None = None) -> int:
    code = _run(app.apply_saved(settings, plan, app.Caller()), dying)
    if counted is not None:
        os.write(counted, str(FAR - failpoints._left[0]).encode())
    return code


def _run(work: Coroutine[Any, Any, object], dying: int) -> int:
    failpoints.arm(f"*:{dying or FAR}")
    asyncio.run(work)
    return 0


_undoers: list[Undoer] = []


def begin() -> None:
    _undoers.append(Undoer(8))


def count() -> int:
    return _undoers[0].count_undo()


def attempt(at: int) -> tuple[bool, list[str]]:
    return _undoers[0].try_undo(at)


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), begin)


def tried(places: Callable[[int], range], tell: Tell) -> tuple[int, dict[int, list[str]]]:
    with pool() as workers:
        last = workers.submit(count).result()
        endings = dict(zip(places(last), workers.map(attempt, places(last)), strict=True))
    died = sum(died for died, _ in endings.values())
    tell(f"crash points: {died} in the delivery of an undo, of {last}")
    return died, {at: wrong for at, (_, wrong) in endings.items() if wrong}


def test_an_undo_may_die_anywhere(tell: Tell) -> None:
    died, wrong = tried(lambda last: range(1, last + 1, 5), tell)
    assert wrong == {}
    assert died >= 20
