"""What went wrong, and what was tried -> what to do now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import Broken, FieldError, NotSent, Refused, SignInAgain, StopAccount, SyncError, TryAgain, Unclear, Wait
from sync.model import Outcome
from sync.pipeline.retry import (
    LONGEST_WAIT,
    MOST_WAITS,
    Again,
    End,
    Pause,
    Renew,
    RetryPolicy,
    Step,
    Stop,
    Tried,
    decide,
    maybe_applied,
    unwell,
)

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
POLICY = RetryPolicy(attempts=5, total=120.0, backoff=0.5, longest=30.0)
ERRORS = (FieldError("Rating", "is not one"),)
TRANSIENT = [NotSent("x"), Broken("x"), TryAgain("x"), TryAgain("x", maybe_applied=False)]


def step(trouble: SyncError, jitter: float = 1.0, **tried: Any) -> Step:
    return decide(trouble, Tried(**tried), POLICY, NOW, lambda: jitter)


def later(**after: float) -> datetime:
    return NOW + timedelta(**after)


DEFERRED, REJECTED, UNKNOWN = Outcome.DEFERRED, Outcome.REJECTED, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("trouble", "tried", "expected"),
    [
        # refused: parked, whatever was tried
        (Refused("no", ERRORS), {}, End(REJECTED, "no", ERRORS, parked=True)),
        (Refused("no"), {"attempts": 4, "waits": 3, "sign_ins": 1}, End(REJECTED, "no", (), parked=True)),
        # the account is stopped, until somebody does something or until then
        (StopAccount("quota"), {}, Stop("quota", None)),
        (StopAccount("quota", later(hours=3)), {}, Stop("quota", later(hours=3))),
        (StopAccount("quota", later(hours=-3)), {}, Stop("quota", NOW)),
        (StopAccount("quota", later(days=400)), {}, Stop("quota", NOW + LONGEST_WAIT)),
        (StopAccount("credentials"), {"waits": MOST_WAITS}, Stop("credentials", None)),
        # the vendor says how long
        (Wait("429", later(seconds=7)), {}, Pause(later(seconds=7))),
        (Wait("429", later(seconds=7)), {"attempts": 4, "seconds": 1e6}, Pause(later(seconds=7))),
        (Wait("429", later(days=365)), {}, Pause(NOW + LONGEST_WAIT)),
        (Wait("429", later(days=-365)), {}, Pause(NOW)),
        (Wait("429", later(days=-365)), {"waits": 1}, Pause(later(seconds=1))),
        (Wait("429", later(seconds=7)), {"waits": 1}, Pause(later(seconds=7))),
        # or not
        (Wait("429", None), {}, Pause(later(seconds=0.5))),
        (Wait("429", None), {"waits": 3}, Pause(later(seconds=4))),
        (Wait("429", None), {"waits": MOST_WAITS - 1}, Pause(later(seconds=30))),
        (Wait("429", None), {"waits": MOST_WAITS}, End(DEFERRED, "429")),
        (Wait("429", later(seconds=1)), {"waits": MOST_WAITS}, End(DEFERRED, "429")),
        # a token that is not accepted: once
        (SignInAgain("401"), {}, Renew()),
        (SignInAgain("401"), {"attempts": 4, "seconds": 1e6}, Renew()),
        (SignInAgain("401"), {"sign_ins": 1}, Stop("credentials refused: 401", None)),
        # what passes: again, with twice the backoff each time
        *((trouble, {"attempts": tried}, Again(0.5 * 2**tried)) for trouble in TRANSIENT for tried in range(4)),
        *((trouble, {"waits": 9, "sign_ins": 1, "seconds": 119.9}, Again(0.5)) for trouble in TRANSIENT),
        # attempts are counted with the one that has just failed
        (NotSent("x"), {"attempts": 4}, End(DEFERRED, "x")),
        (TryAgain("x"), {"attempts": 4}, End(DEFERRED, "x")),
        (TryAgain("x", maybe_applied=False), {"attempts": 4}, End(DEFERRED, "x")),
        (Broken("x"), {"attempts": 4}, End(UNKNOWN, "x")),
        (Unclear("x"), {"attempts": 4}, End(UNKNOWN, "x")),
        # and so are seconds
        (NotSent("x"), {"seconds": 120.0}, End(DEFERRED, "x")),
        (TryAgain("x"), {"seconds": 120.0}, End(DEFERRED, "x")),
        (Broken("x"), {"seconds": 120.0}, End(UNKNOWN, "x")),
        # a code that means little is tried less often
        (TryAgain("x", limit=3), {"attempts": 1}, Again(1.0)),
        (TryAgain("x", limit=3), {"attempts": 2}, End(DEFERRED, "x")),
        (TryAgain("x", limit=3, then_refuse=True), {"attempts": 1}, Again(1.0)),
        (TryAgain("x", limit=3, then_refuse=True), {"attempts": 2}, End(REJECTED, "x", parked=True)),
        (TryAgain("x", limit=99), {"attempts": 4}, End(DEFERRED, "x")),
        (TryAgain("x", limit=1), {}, End(DEFERRED, "x")),
        (TryAgain("x", then_refuse=True), {"attempts": 4}, End(REJECTED, "x", parked=True)),
        # a reply that nobody understands: twice in all
        (Unclear("x"), {}, Again(0.5)),
        (Unclear("x"), {"attempts": 1}, End(UNKNOWN, "x")),
        (Unclear("x"), {"seconds": 120.0}, End(UNKNOWN, "x")),
    ],
)
def test_what_is_done_about_it(trouble: SyncError, tried: dict[str, Any], expected: Step) -> None:
    assert step(trouble, **tried) == expected


@pytest.mark.parametrize(
    ("trouble", "applied", "sick"),
    [
        (NotSent("x"), False, True),
        (Broken("x"), True, True),
        (TryAgain("x"), True, True),
        (TryAgain("x", maybe_applied=False), False, True),
        (Unclear("x"), True, False),
        (Wait("x", None), False, False),
        (Wait("x", None, maybe_applied=True), True, False),
        (Refused("x"), False, False),
        (SignInAgain("x"), False, False),
        (StopAccount("x"), False, False),
    ],
)
def test_what_may_have_been_applied_and_what_speaks_of_the_vendors_health(
    trouble: SyncError, *, applied: bool, sick: bool
) -> None:
    assert (maybe_applied(trouble), unwell(trouble)) == (applied, sick)


def test_a_single_attempt_is_a_policy_too() -> None:
    assert decide(Broken("x"), Tried(), RetryPolicy(attempts=1), NOW, lambda: 0.5) == End(UNKNOWN, "x")


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_full_jitter_is_anything_up_to_the_backoff_and_never_above_the_longest(attempts: int, jitter: float) -> None:
    policy = RetryPolicy(attempts=10**9, backoff=0.5, longest=30.0)
    found = decide(TryAgain("x"), Tried(attempts), policy, NOW, lambda: jitter)
    assert isinstance(found, Again)
    assert 0.0 <= found.delay <= min(0.5 * 2 ** min(attempts, 30), 30.0)
    assert found.delay == jitter * min(0.5 * 2 ** min(attempts, 30), 30.0)


@given(st.integers(0, MOST_WAITS - 1), st.floats(0, 1))
def test_a_wait_without_a_time_lasts_half_to_all_of_the_backoff(waits: int, jitter: float) -> None:
    found = step(Wait("429", None), jitter, waits=waits)
    assert isinstance(found, Pause)
    whole = min(0.5 * 2**waits, 30.0)
    assert timedelta(seconds=whole / 2 - 1e-5) <= found.until - NOW <= timedelta(seconds=whole + 1e-5)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, MOST_WAITS - 1))
def test_no_time_that_a_vendor_names_is_in_the_past_or_further_off_than_a_day(until: datetime, waits: int) -> None:
    found = step(Wait("429", until), waits=waits)
    assert isinstance(found, Pause)
    assert NOW <= found.until <= NOW + LONGEST_WAIT


def test_a_vendor_that_stops_the_account_for_no_time_at_all_is_not_asked_for_ever() -> None:
    assert step(StopAccount("quota", later(hours=-3)), waits=MOST_WAITS) == End(DEFERRED, "quota")
