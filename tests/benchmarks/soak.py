"""`make soak`: the service for minutes, with customers that keep changing and vendors that keep failing; nothing may grow.

python -m tests.benchmarks.soak [--minutes 5]
"""

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.proof.firm import Company, changed, configure, out_of_step, people
from tests.proof.sandboxes import Sandbox, start

CUSTOMERS = 200
WARM = 0.3
"""The share of the time after which everything that is kept for good should be there."""
GROWTH = {"memory": 1.1, "files": 1.1, "tasks": 1.1}
"""How much more than in the middle of the time there may be at its end."""
SETTLED = 60.0
"""Seconds for everybody to be in step once the sources rest and the vendors are well."""
EXTRA = """
timeout = "2s"
[accounts.{vendor}.retry]
attempts = 2
backoff = "50ms"
longest = "500ms"
[accounts.{vendor}.breaker]
cooldown = "500ms"
"""
FAULTS = (
    {"fault": "status", "status": 503, "probability": 0.03, "times": None},
    {"fault": "drop_after", "probability": 0.01, "times": None},
    {"fault": "expire_tokens", "probability": 0.005, "times": None},
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the process: bytes of memory, open files, tasks of the event loop."""

    memory: float
    files: float
    tasks: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    seconds = parser.parse_args().minutes * 60
    sandbox, _ = start()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        company = Company(place / "company.db")
        company.make(people(CUSTOMERS))
        config = configure(place, sandbox.url, extra=EXTRA)
        for target in (config / "targets").glob("*.toml"):
            target.write_text('every = "1s"\n' + target.read_text())
        command = [sys.executable, "-m", "sync", "serve", "--config", str(config), "--listen", "127.0.0.1:0"]
        with subprocess.Popen([*command, "--log-format", "json"], stderr=subprocess.PIPE, text=True) as service:
            url = address(service)
            samples = soaked(url, sandbox, company, seconds)
            wrong = left_over(sandbox, company)
            service.send_signal(signal.SIGTERM)
            code = service.wait(30)
    sent = len(sandbox.history())
    print(f"{sent} requests in {seconds / 60:g} minutes; ended with {code}; {len(wrong)} out of step at the end")
    verdict(samples[int(len(samples) * WARM) :], wrong, code)


def address(service: subprocess.Popen[str]) -> str:
    """Where it listens; what else it says is read on the side, so that it never waits for a reader."""
    assert service.stderr is not None
    for line in service.stderr:
        if line.startswith("{") and (said := json.loads(line)).get("event") == "service.started":
            subprocess.Popen(["cat"], stdin=service.stderr, stdout=subprocess.DEVNULL)
            return str(said["url"])
    raise SystemExit("the service has not started")


def soaked(url: str, sandbox: Sandbox, company: Company, seconds: float) -> list[Sample]:
    """A tenth of the customers changes every second."""
    dice, samples, end = random.Random(1), [], time.monotonic() + seconds
    sandbox.fault(*FAULTS)
    number = 0
    while time.monotonic() < end:
        number += 1
        now = company.states[-1]
        new = changed(now, f"W{number}")
        chosen = set(dice.sample(sorted(now), CUSTOMERS // 10))
        company.become({id: new[id] if id in chosen else now[id] for id in now})
        samples.append(looked(url))
        time.sleep(1.0)
    sandbox.mend()
    return samples


def looked(url: str) -> Sample:
    with urlopen(f"{url}/metrics") as answer:
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    figures = [
        families[name].samples[0].value for name in ("process_resident_memory_bytes", "process_open_fds", "customer_sync_tasks")
    ]
    return Sample(*figures)


def left_over(sandbox: Sandbox, company: Company) -> list[str]:
    """Who is out of step once there has been time to catch up."""
    deadline = time.monotonic() + SETTLED
    while (wrong := out_of_step(sandbox.holding(), company.states)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return wrong


def verdict(samples: list[Sample], wrong: list[str], code: int) -> None:
    third = max(len(samples) // 3, 1)
    grown = False
    for name, *figures in zip(GROWTH, *map(astuple, samples), strict=True):
        middle, end = statistics.median(figures[:third]), statistics.median(figures[-third:])
        grown |= end > middle * GROWTH[name]
        print(f"{name:8} {middle:14,.0f} then {end:14,.0f}   {end / middle:.2f}   <= {GROWTH[name]}")
    for line in wrong[:10]:
        print(line)
    if grown or wrong or code:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
