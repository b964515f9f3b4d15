"""How much each target would send, and what its account allows and has used -> how long it takes, and what is left. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync.model import Allowance, Estimate, Standing
from sync.pipeline.pace import BUCKETS, PacePolicy, Rate


@dataclass(frozen=True, slots=True)
class Load:
    """The requests of one target's plan, and in how many seconds it is due again (None: it has no schedule)."""

    account: str
    requests: int
    due: float | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What an account allows, and what is remembered of it."""

    pace: PacePolicy
    standing: Standing


def estimates(loads: Sequence[Load], accounts: Mapping[str, Account], now: float) -> list[Estimate]:
    """One for each load, in the order in which they go out; those of one account wait for each other. `now` is epoch seconds."""
    totals: dict[str, int] = {}
    ends = []
    for load in loads:
        totals[load.account] = totals.get(load.account, 0) + load.requests
        ends.append(_end(accounts[load.account], totals[load.account], now) if load.requests else 0.0)
    allowances = {name: _allowances(accounts[name], total, now) for name, total in totals.items()}
    return [Estimate(load.account, end, allowances[load.account], load.due) for load, end in zip(loads, ends, strict=True)]


def _allowances(account: Account, requests: int, now: float) -> tuple[Allowance, ...]:
    """What is left of each quota once everything has been sent."""
    rates = account.pace.quotas
    left = [rate.count - sum(count for _, count in _used(rate, account.standing, now)) - requests for rate in rates]
    return tuple(Allowance(rate.text, max(rest, 0), max(-rest, 0)) for rate, rest in zip(rates, left, strict=True))


def _end(account: Account, requests: int, now: float) -> float | None:
    """Seconds until the last of so many requests has left; None where nothing but the vendor itself slows it down."""
    pace, standing = account.pace, account.standing
    if pace.rate is None and not pace.quotas:
        return None
    spacing = pace.rate.spacing if pace.rate else 0.0
    stopped = max(standing.stopped_until - now, 0.0)
    return stopped + max((_within(rate, standing, requests, spacing, now) for rate in pace.quotas), default=requests * spacing)


def _within(rate: Rate, standing: Standing, requests: int, spacing: float, now: float) -> float:
    """The same under one quota: calls that were made before come back one after the other, then those of this plan."""
    window = rate.seconds + _width(rate)
    rounds = max(math.ceil(requests / rate.count) - 1, 0)
    first = requests - rounds * rate.count
    free = rate.count - sum(count for _, count in _used(rate, standing, now))
    back = 0.0
    for start, count in _used(rate, standing, now):
        if first <= free:
            break
        free, back = free + count, start + window - now
    return max(requests * spacing, max(first * spacing, back) + rounds * window)


def _used(rate: Rate, standing: Standing, now: float) -> list[tuple[float, int]]:
    """Calls that still count, the oldest first."""
    known = ((min(start, now), int(count)) for start, count in standing.used.get(rate.text, ()))
    return sorted((start, count) for start, count in known if start + rate.seconds + _width(rate) > now)


def _width(rate: Rate) -> float:
    return max(rate.seconds / BUCKETS, 1.0)
