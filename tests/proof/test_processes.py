"""Real processes and real signals: killed, asked to stop, and two at once."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.proof import rules
from tests.proof.conftest import ROOT, Tell
from tests.proof.firm import ACCOUNT, Company, State, changed, configure, in_flight, intended, out_of_step, people
from tests.proof.sandboxes import Sandbox

SLOW = ACCOUNT.replace('timeout = "2s"', 'timeout = "30s"\nconcurrency = 2')


def started(config: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sync", "run", "--config", str(config), *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, (out + err).decode()


def until(happened: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    """Waits for it, or until the process has ended."""
    for _ in range(6000):
        if happened() or (process is not None and process.poll() is not None):
            return
        time.sleep(0.01)
    raise TimeoutError


def updates(sandbox: Sandbox) -> list[rules.Seen]:
    return [request for request in rules.seen(sandbox.history()) if request.endpoint == "update"]


# ---- killed


@contextmanager
def somebody_who_writes(company: Company, dice: random.Random) -> Iterator[None]:
    """The source keeps changing: now and then a few customers, some of them back to what they were."""
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.wait(dice.uniform(0.005, 0.05)):
            number += 1
            company.become(mixed(company.states, f"W{number}", dice))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def mixed(states: list[State], word: str, dice: random.Random) -> State:
    now, before = states[-1], states[max(len(states) - 6, 0)]
    new, chosen = changed(now, word), set(dice.sample(sorted(now), 3))
    return {id: dice.choice((new[id], before[id])) if id in chosen else person for id, person in now.items()}


def killed_often(folder: Path, sandbox: Sandbox, kills: int, seed: int) -> tuple[list[str], int]:
    """Runs that are killed at random moments while somebody writes, then a quiet one: what is wrong, and how many died."""
    dice = random.Random(seed)
    company = Company(folder / "company.db")
    company.make(people(24))
    config = configure(folder, sandbox.url)
    sandbox.switch(latency=0.02)
    requests: list[rules.Seen] = []
    about: list[rules.Intended] = []
    died = count = 0
    with somebody_who_writes(company, dice):
        for _ in range(kills):
            process, most = started(config), count + dice.randrange(1, 90)
            until(lambda most=most: len(sandbox.history()) >= most, process)  # type: ignore[misc]
            process.kill()
            died += ended(process)[0] == -signal.SIGKILL
            answered = sandbox.answered()
            requests += rules.seen(answered[count:], in_flight(folder).__contains__)
            about += intended(folder, answered[-1]["received"]) if answered else []
            count = len(requests)
    code, said = ended(started(config))
    wrong = [] if code in {0, 3} else [f"the quiet run ended with {code}: {said}"]
    requests += rules.seen(sandbox.history(count))
    wrong += out_of_step(sandbox.holding(), company.states)
    wrong += rules.older_after_newer(requests, company.states) + rules.two_in_flight(requests)
    return wrong + rules.sent_without_need(requests, about) + rules.not_mapped(requests), died


def test_nothing_is_lost_when_it_is_killed_while_the_source_changes(tmp_path: Path, sandbox: Sandbox, tell: Tell) -> None:
    wrong, died = killed_often(tmp_path, sandbox, 5, seed=3)
    tell(f"kills: {died} processes killed at random moments while the source changed; {len(wrong)} wrong")
    assert wrong == []
    assert died >= 2


@pytest.mark.long
@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_when_it_is_killed_often(tmp_path: Path, sandbox: Sandbox, tell: Tell, seed: int) -> None:
    wrong, died = killed_often(tmp_path, sandbox, 20, seed=seed)
    tell(f"kills: {died} processes killed at random moments while the source changed, seed {seed}; {len(wrong)} wrong")
    assert wrong == []
    assert died >= 10


# ---- asked to stop


@pytest.fixture
def busy(tmp_path: Path, sandbox: Sandbox) -> Iterator[subprocess.Popen[bytes]]:
    """A run to Sellercloud with two updates in flight, which the vendor takes its time to answer."""
    Company(tmp_path / "company.db").make(people(4))
    config = configure(tmp_path, sandbox.url, extra=SLOW)
    sandbox.fault({"fault": "slow", "seconds": 1.5, "times": None})
    with started(config, "--target", "sellercloud") as process:
        until(lambda: len(updates(sandbox)) == 2, process)
        yield process
        process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_lets_what_is_in_flight_finish_and_starts_nothing_new(
    tmp_path: Path, sandbox: Sandbox, busy: subprocess.Popen[bytes], number: signal.Signals, code: int
) -> None:
    busy.send_signal(number)
    assert ended(busy)[0] == code
    first = updates(sandbox)
    assert [request.acknowledged for request in first] == [True, True]
    assert in_flight(tmp_path) == set()
    sandbox.mend()
    assert ended(started(tmp_path / "config", "--target", "sellercloud"))[0] == 0
    assert sorted(request.customer for request in updates(sandbox)) == ["1", "2", "3", "4"]


def test_a_second_signal_ends_at_once_and_loses_nothing(tmp_path: Path, sandbox: Sandbox, busy: subprocess.Popen[bytes]) -> None:
    busy.send_signal(signal.SIGTERM)
    assert busy.stderr
    busy.stderr.readline()
    busy.send_signal(signal.SIGTERM)
    assert ended(busy)[0] == 128 + signal.SIGTERM
    assert len(in_flight(tmp_path)) == 2 + 2
    sandbox.mend()
    sandbox.answered()
    assert ended(started(tmp_path / "config", "--target", "sellercloud"))[0] == 0
    assert {request.customer for request in updates(sandbox)} == {"1", "2", "3", "4"}


def test_a_second_process_on_the_same_state_says_so(tmp_path: Path, busy: subprocess.Popen[bytes]) -> None:
    code, said = ended(started(tmp_path / "config"))
    assert (code, f"another customer-sync (process {busy.pid}) is running on this state" in said) == (1, True)
    assert busy.poll() is None


@pytest.mark.long
def test_what_does_not_finish_within_the_grace_period_is_unknown_and_sent_again(tmp_path: Path, sandbox: Sandbox) -> None:
    company = Company(tmp_path / "company.db")
    company.make(people(4))
    config = configure(tmp_path, sandbox.url, extra=SLOW)
    sandbox.fault({"fault": "hang", "seconds": 12.0, "times": None})
    process = started(config, "--target", "sellercloud")
    until(lambda: len(updates(sandbox)) == 2, process)
    began = time.monotonic()
    process.terminate()
    assert ended(process)[0] == 0
    assert time.monotonic() - began < 10
    assert ("sellercloud", "1") in in_flight(tmp_path)
    sandbox.mend()
    sandbox.answered()
    assert ended(started(config))[0] == 0
    assert out_of_step(sandbox.holding(), company.states) == []
