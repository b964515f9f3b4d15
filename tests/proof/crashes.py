"""One sync that dies at its k-th failpoint, restarted and finished -> whatever is wrong afterwards.

Each trial runs in processes forked from a worker that has everything imported: the worker holds a sandbox and a folder of its
own and puts both back before the next trial.
"""

import asyncio
import atexit
import os
import random
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync import app, failpoints
from sync.log import Redactor
from sync.log import configure as configure_log
from sync.settings import Settings, load
from tests.proof import rules
from tests.proof.firm import Company, changed, configure, in_flight, out_of_step, people
from tests.proof.sandboxes import start

FAR = 1_000_000_000
"""A failpoint that nobody reaches."""
FAULTS: Sequence[Mapping[str, Any]] = (
    {"fault": "drop_after", "probability": 0.15, "times": None},
    {"fault": "drop_before", "probability": 0.08, "times": None},
    {"fault": "status", "status": 503, "probability": 0.08, "times": None},
    {"fault": "garbage", "probability": 0.05, "times": None},
    {"fault": "expire_tokens", "probability": 0.05, "times": None},
    {"fault": "slow", "seconds": 0.5, "probability": 0.04, "times": None},
)
"""Played while the first process lives; `slow` is longer than the time-out, so that it is one."""
LATENCY = 0.03
"""Seconds that every answer takes then, so that the state is written while others are in flight."""
IMPATIENT = """
concurrency = 4
timeout = "200ms"
[accounts.{vendor}.retry]
attempts = 1
[accounts.{vendor}.breaker]
cooldown = "20ms"
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is done: `first`: nothing has been synced before. `after`: what becomes of the source between crash and restart.

    `again`: the restart dies, too, at that failpoint. `faults`: the vendors are unwell until the first crash.
    """

    at: int
    first: bool = False
    after: str = "stays"
    again: int = 0
    faults: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How a trial ended: whether the process died as asked (and died again), how many faults it met, and what was wrong."""

    trial: Trial
    died: bool
    died_again: bool
    faults: int
    wrong: list[str] = field(default_factory=list)


class Worker:
    """A sandbox, a folder, and processes that are made to die."""

    def __init__(self, customers: int) -> None:
        configure_log(Redactor(), level="error", form="console")
        self.sandbox, self._pid = start()
        self._home = Path(tempfile.mkdtemp(prefix="customer-sync-proof-"))
        atexit.register(self._leave)
        self._folder = self._home / "now"
        self._folder.mkdir()
        self._bases: dict[tuple[bool, bool], tuple[Path, Company]] = {}
        self._customers = customers
        config = self._home / "plain"
        config.mkdir()
        self._settings = {False: self._configured(""), True: self._configured(IMPATIENT)}
        for faults, first in ((False, True), (False, False), (True, False)):
            self._bases[faults, first] = self._prepared(faults=faults, first=first)

    def _leave(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        shutil.rmtree(self._home)

    def _configured(self, extra: str) -> Settings:
        shutil.rmtree(self._folder / "config", ignore_errors=True)
        more = {"extra": extra} if extra else {}
        return load(configure(self._folder, self.sandbox.url, **more))

    def _prepared(self, *, faults: bool, first: bool) -> tuple[Path, Company]:
        """The folder as it is before the sync that dies: at the very beginning, or with one good run behind it."""
        for file in self._folder.glob("*.db*"):
            file.unlink()
        company = Company(self._folder / "company.db")
        company.make(people(self._customers))
        self.sandbox.ask("POST", "/_sandbox/reset", {})
        if not first:
            assert self._run(faults=faults) == 0
        self.sandbox.save()
        kept = self._home / f"base-{faults}-{first}"
        shutil.copytree(self._folder, kept)
        return kept, company

    def count(self, *, first: bool) -> int:
        """How many failpoints one whole sync reaches."""
        company = self._restored(Trial(0, first=first))
        if not first:
            company.become(changed(company.states[-1], "Bo"))
        here, there = os.pipe()
        self._run(counted=there)
        os.close(there)
        with os.fdopen(here) as pipe:
            return int(pipe.read())

    def try_one(self, trial: Trial) -> Ending:
        """Dies, restarts, finishes, compares."""
        company = self._restored(trial)
        before = company.states[-1]
        if not trial.first:
            company.become(changed(before, "Bo"))
        if trial.faults:
            self.sandbox.fault(*FAULTS, seed=trial.at)
            self.sandbox.switch(latency=LATENCY)
        code = self._run(dying=trial.at, faults=trial.faults)
        self.sandbox.mend()
        self.sandbox.switch(latency=0.0)
        flying = in_flight(self._folder)
        sofar = len(self.sandbox.history())
        if trial.after == "back":
            company.become(before)
        elif trial.after == "on":
            company.become(changed(company.states[-1], "Cy"))
        again = self._run(dying=trial.again, faults=trial.faults) if trial.again else 0
        flying_again = in_flight(self._folder) if trial.again else set()
        until = len(self.sandbox.history())
        wrong = self._finished(trial, company)
        entries = self.sandbox.answered()
        requests = rules.seen(entries[:sofar], flying.__contains__) + rules.seen(entries[until:])
        requests += rules.seen(entries[sofar:until], flying_again.__contains__)
        if code not in (0, failpoints.EXIT_CODE) or again not in (0, failpoints.EXIT_CODE):
            wrong.append(f"ended with {code} and {again}")
        wrong += self._judged(requests, company)
        faults = sum(entry["fault"] is not None for entry in entries)
        return Ending(trial, code == failpoints.EXIT_CODE, again == failpoints.EXIT_CODE, faults, wrong)

    def _finished(self, trial: Trial, company: Company) -> list[str]:
        """One whole run later all is well; another one later nothing was sent."""
        code = self._run(faults=trial.faults)
        wrong = [] if code == 0 else [f"the restart ended with {code}"]
        wrong += out_of_step(self.sandbox.holding(), company.states)
        if trial.at % 6 == 0:
            count = len(self.sandbox.history())
            self._run(faults=trial.faults)
            wrong += [f"sent once more: {entry['path']} {entry['body']}" for entry in self.sandbox.history(count)]
        return wrong

    @staticmethod
    def _judged(requests: Sequence[rules.Seen], company: Company) -> list[str]:
        wrong = rules.older_after_newer(requests, company.states) + rules.two_in_flight(requests) + rules.not_mapped(requests)
        wrong += rules.sent_without_need(requests)
        return wrong

    def _restored(self, trial: Trial) -> Company:
        for file in self._folder.glob("*.db*"):
            file.unlink()
        kept, company = self._bases[trial.faults, trial.first]
        for file in kept.glob("*.db*"):
            shutil.copy(file, self._folder)
        self.sandbox.restore()
        if trial.first:
            self.sandbox.ask("POST", "/_sandbox/reset", {})
        return company.copy()

    def _run(self, *, dying: int = 0, faults: bool = False, counted: int | None = None) -> int:
        """One run in a process of its own; its exit code."""
        return forked(lambda: _sync(self._settings[faults], dying, counted))


def _sync(settings: Settings, dying: int, counted: int | None) -> int:
    failpoints.arm(f"*:{dying or FAR}")
    random.seed(dying)
    report = asyncio.run(app.run_once(settings, (), app.Caller()))
    if counted is not None:
        os.write(counted, str(FAR - failpoints._left[0]).encode())
    return 1 if report.troubles else 0


def forked(work: Callable[[], int]) -> int:
    """Runs it in a copy of this process; its exit code, as a shell would tell it."""
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 70
    try:
        code = work()
    except BaseException:  # noqa: BLE001 - told, and it ends here
        traceback.print_exc()
    finally:
        os._exit(code)


_worker: list[Worker] = []


def begin(customers: int) -> None:
    """What each process of the pool does first."""
    _worker.append(Worker(customers))


def count(first: bool) -> int:
    return _worker[0].count(first=first)


def attempt(trial: Trial) -> Ending:
    return _worker[0].try_one(trial)
