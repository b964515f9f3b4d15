"""A seeded storm of faults, round after round, with the source changing between them -> what was seen, and what is wrong."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sync import app
from sync.sandbox.faults import fault
from sync.sandbox.server import Running, serve
from sync.settings import Settings, load
from tests.accounts import VENDORS
from tests.proof import rules
from tests.proof.firm import Company, changed, configure, out_of_step, people

HANG, TIMEOUT = 0.8, 0.5
RATE = 60
HELD_UP = 0.1
"""Seconds for which the sandbox may note an arrival late here, where it shares its loop with the client that it judges."""
FAULTS: Sequence[dict[str, Any]] = (
    {"fault": "status", "status": 503, "probability": 0.05, "times": None},
    {"fault": "drop_before", "probability": 0.03, "times": None},
    {"fault": "drop_after", "probability": 0.03, "times": None},
    {"fault": "error_after", "probability": 0.01, "times": None},
    {"fault": "hang", "seconds": HANG, "probability": 0.01, "times": None},
    {"fault": "slow", "seconds": HANG, "probability": 0.01, "times": None},
    *({"fault": "garbage", "kind": kind, "probability": 0.005, "times": None} for kind in ("html", "truncated", "cut", "list")),
    {"fault": "wrong_id", "probability": 0.005, "times": None},
    {"fault": "expire_tokens", "probability": 0.01, "times": None},
    {"fault": "expire_tokens", "probability": 0.005, "refresh": True, "times": None},
    {"fault": "status", "status": 503, "probability": 0.1, "times": None, "match": {"endpoint": "token"}},
    *({"fault": "rate_limit", "vendor": name, "seconds": 0.3, "hold": True, "probability": 0.05} for name in VENDORS[1:]),
)
"""RPM has no other rate limit than that of a day, which would take a day."""
ACCOUNT = f"""
concurrency = 8
timeout = "{TIMEOUT}s"
patience = "10s"
[accounts.{{vendor}}.retry]
attempts = 2
backoff = "10ms"
longest = "100ms"
[accounts.{{vendor}}.breaker]
cooldown = "100ms"
"""


@dataclass(slots=True)
class Storm:
    """What came of it."""

    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    requests: list[rules.Seen] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


async def weathered(folder: Path, customers: int, rounds: int, *, seed: int, rate: int = RATE) -> Storm:
    """Rounds under faults, then one quiet run, then one with nothing to do."""
    storm, dice = Storm(), random.Random(seed)
    random.seed(seed)
    async with serve(switches={f"{name}.token_lifetime": 3.0 for name in VENDORS if name != "rpm"}, seed=seed) as sandbox:
        pace = f'rate = "{rate}/s"\nquota = "1000000/h"\n'
        settings = load(configure(folder, sandbox.url, extra=ACCOUNT, pace=pace))
        company = Company(folder / "company.db")
        company.make(people(customers))
        for number in range(rounds):
            _break(sandbox)
            await _run(settings, storm)
            await _calm(sandbox)
            company.become(_next(company, f"W{number}", dice))
        storm.wrong += await _run(settings, storm)
        await _calm(sandbox)
        storm.wrong += [f"after the quiet run: {line}" for line in out_of_step(_holding(sandbox), company.states)]
        count = len(sandbox.state.history.entries)
        storm.wrong += await _run(settings, storm)
        entries = [asdict(entry) for entry in sandbox.state.history.entries]
        storm.wrong += [f"sent once more: {entry['path']} {entry['body']}" for entry in entries[count:]]
    storm.faults.update(entry["fault"] for entry in entries if entry["fault"])
    storm.requests = rules.seen(entries)
    storm.wrong += rules.older_after_newer(storm.requests, company.states) + rules.two_in_flight(storm.requests)
    storm.wrong += rules.not_mapped(storm.requests) + rules.sent_without_need(storm.requests)
    for vendor in VENDORS:
        times = rules.arrivals(storm.requests, vendor)
        storm.wrong += [f"{vendor}: {line}" for line in rules.too_fast(times, rate, 1.0 - HELD_UP)]
    return storm


def _break(sandbox: Running) -> None:
    for tree in FAULTS:
        sandbox.state.faults.add(fault(tree))


async def _calm(sandbox: Running) -> None:
    """No faults, and nothing under way: what a vendor applies long after everybody has given it up is beyond any client."""
    sandbox.state.faults.clear()
    for limit in sandbox.state.limits.values():
        limit.clear()
    while any(entry.finished is None for entry in sandbox.state.history.entries):  # noqa: ASYNC110 - the sandbox tells nobody
        await asyncio.sleep(0.05)


async def _run(settings: Settings, storm: Storm) -> list[str]:
    report = await app.run_once(settings, (), app.Caller())
    for counts in report.targets.values():
        storm.outcomes.update(counts)
    return report.troubles


def _next(company: Company, word: str, dice: random.Random) -> dict[int, Any]:
    """Some customers change, some go back to what they were before."""
    now, before = company.states[-1], company.states[max(len(company.states) - 2, 0)]
    new = changed(now, word)
    return {id: dice.choice((new[id], before[id], now[id])) for id in now}


def _holding(sandbox: Running) -> dict[str, dict[str, Any]]:
    return {name: sandbox.state.customers(name) for name in VENDORS}
