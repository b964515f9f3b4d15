"""What a plan would cost its account, and when it would be over."""

import pytest

from sync.model import Allowance, Estimate, Standing
from sync.pipeline.forecast import Account, Load, estimates
from sync.pipeline.pace import UTILISATION, PacePolicy, Rate

NOW = 1_800_000_000.0
HOURLY = Rate(600, 3600.0, "600/h")
WINDOW = 3600.0 + 60.0
"""A quota is remembered in parts of a minute, so that a call counts up to a minute longer."""


def account(*quotas: Rate, rate: Rate | None = None, used: dict[str, list[tuple[float, int]]] | None = None) -> Account:
    return Account(PacePolicy(rate, quotas), Standing(used=used or {}))


def estimate(requests: int, where: Account, due: float | None = None) -> Estimate:
    [found] = estimates([Load("shop", requests, due)], {"shop": where}, NOW)
    return found


def test_an_account_without_a_limit_has_no_time_that_anybody_knows() -> None:
    assert estimate(100, account(), due=300.0) == Estimate("shop", None, (), 300.0)
    assert estimate(100, account(), due=300.0).in_time is None


def test_a_rate_takes_its_time() -> None:
    found = estimate(300, account(rate=Rate(3, 1.0, "3/s")))
    assert found.end == pytest.approx(100.0 / UTILISATION)


def test_targets_of_one_account_go_one_after_the_other_and_share_its_quota() -> None:
    where = {"shop": account(HOURLY, rate=Rate(1, 1.0, "1/s")), "office": account()}
    first, other, second = estimates([Load("shop", 100), Load("office", 50), Load("shop", 200)], where, NOW)
    assert (first.end, second.end) == (pytest.approx(100 / UTILISATION), pytest.approx(300 / UTILISATION))
    assert first.allowances == second.allowances == (Allowance("600/h", 300),)
    assert (other.end, other.allowances) == (None, ())


def test_what_was_used_before_is_not_left() -> None:
    used = {"600/h": [(NOW - 9999, 400), (NOW - 1800, 250), (NOW - 60, 50)]}
    assert estimate(100, account(HOURLY, used=used)).allowances == (Allowance("600/h", 200),)
    assert estimate(300, account(HOURLY, used=used)).allowances == (Allowance("600/h", 0),)
    assert estimate(301, account(HOURLY, used=used)).allowances == (Allowance("600/h", 0, waiting=1),)


@pytest.mark.parametrize(
    ("requests", "end"),
    [
        (300, 0.0),
        (301, WINDOW - 1800),
        (550, WINDOW - 1800),
        (551, WINDOW - 60),
        (600, WINDOW - 60),
        (601, WINDOW),
        (900, WINDOW),
        (901, 2 * WINDOW - 1800),
    ],
)
def test_what_does_not_fit_waits_until_calls_come_back(requests: int, end: float) -> None:
    used = {"600/h": [(NOW - 1800, 250), (NOW - 60, 50)]}
    assert estimate(requests, account(HOURLY, used=used)).end == pytest.approx(end)


def test_the_narrowest_of_several_limits_decides() -> None:
    both = account(HOURLY, Rate(1000, 86400.0, "1000/d"), rate=Rate(1, 1.0, "1/s"))
    assert estimate(500, both).end == pytest.approx(500 / UTILISATION)
    assert estimate(601, both).end == pytest.approx(WINDOW + 1 / UTILISATION)
    assert estimate(1001, both).end == pytest.approx(86400.0 + 1440.0 + 1 / UTILISATION)


def test_a_stopped_account_begins_when_it_may() -> None:
    stopped = Account(PacePolicy(Rate(1, 1.0, "1/s")), Standing(stopped_until=NOW + 600, reason="limit"))
    assert estimate(10, stopped).end == pytest.approx(600 + 10 / UTILISATION)
    assert estimate(0, stopped).end == 0.0


@pytest.mark.parametrize(("requests", "in_time"), [(0, True), (290, True), (310, False)])
def test_it_is_told_whether_it_ends_before_the_next_scheduled_run(requests: int, *, in_time: bool) -> None:
    assert estimate(requests, account(rate=Rate(1, 1.0, "1/s")), due=300.0).in_time is in_time
    assert estimate(requests, account(rate=Rate(1, 1.0, "1/s"))).in_time is None
