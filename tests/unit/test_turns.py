"""A target's place in the schedule, at clocks that are made up."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from sync.model import Timing
from sync.pipeline.feeds import Target
from sync.service.scheduler import Schedule
from sync.service.turns import LONGEST_REST, SHORTEST_REST, Turn

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOBODY = cast("Target", None)


def turn(last: datetime | None = None, *, every: timedelta = 5 * MINUTE, paused: datetime | None = None) -> Turn:
    return Turn(NOBODY, Schedule(every=every), Timing(last, None, paused), NOW)


def run(made: Turn, at: datetime, took: timedelta = timedelta(0), *, put_off: bool = False, shut: bool = False) -> None:
    made.begin(at, scheduled=True)
    made.end(at + took, put_off=put_off, shut=shut)


def test_whoever_never_ran_is_due_at_once() -> None:
    assert turn().is_due(NOW)


def test_a_process_that_comes_back_keeps_the_rhythm() -> None:
    assert turn(NOW - 2 * MINUTE).next(NOW) == NOW + 3 * MINUTE


def test_runs_missed_while_nothing_was_running_are_run_once() -> None:
    made = turn(NOW - timedelta(days=3))
    assert made.is_due(NOW)
    run(made, NOW)
    assert made.next(NOW) == NOW + 5 * MINUTE


def test_runs_missed_while_one_took_long_are_run_once() -> None:
    made = turn(NOW - 5 * MINUTE)
    run(made, NOW, 23 * MINUTE)
    later = NOW + 23 * MINUTE
    assert made.is_due(later)
    run(made, later)
    assert made.next(later) == later + 5 * MINUTE


def test_nobody_is_due_while_busy() -> None:
    made = turn()
    made.begin(NOW, scheduled=True)
    assert not made.is_due(NOW + timedelta(days=1))
    assert not made.may_resume(NOW + timedelta(days=1))


def test_a_clock_that_was_set_back_does_not_put_anybody_off_for_longer_than_usual() -> None:
    made = turn(NOW + timedelta(days=1))
    assert made.next(NOW) == NOW + 5 * MINUTE


def test_a_paused_target_runs_only_when_asked_to() -> None:
    made = turn(NOW - timedelta(days=1), paused=NOW - MINUTE)
    assert (made.next(NOW), made.is_due(NOW), made.may_resume(NOW)) == (None, False, False)
    made.asked = True
    assert made.is_due(NOW)
    run(made, NOW)
    assert (made.asked, made.is_due(NOW + timedelta(days=1))) == (False, False)


def test_a_run_that_could_not_be_done_is_due_as_before_but_later() -> None:
    made = turn(NOW - 5 * MINUTE)
    made.begin(NOW, scheduled=True)
    made.hold(NOW, NOW + MINUTE)
    assert (made.is_due(NOW), made.is_due(NOW + MINUTE), made.timing.last) == (False, True, NOW - 5 * MINUTE)


def test_with_customers_put_off_the_schedule_goes_on_and_they_rest() -> None:
    made = turn(every=timedelta(seconds=1))
    run(made, NOW, put_off=True)
    soon = NOW + timedelta(seconds=2)
    assert (made.is_due(soon), made.may_resume(soon), made.may_resume(NOW + SHORTEST_REST)) == (True, False, True)


def test_with_the_account_shut_everybody_rests() -> None:
    made = turn(every=timedelta(seconds=1))
    run(made, NOW, shut=True)
    assert not made.is_due(NOW + timedelta(seconds=4))
    assert made.is_due(NOW + SHORTEST_REST)


@pytest.mark.parametrize(("setbacks", "rest"), [(1, SHORTEST_REST), (2, 2 * SHORTEST_REST), (99, LONGEST_REST)])
def test_rests_grow_up_to_a_limit(setbacks: int, rest: timedelta) -> None:
    made = turn(every=timedelta(seconds=1))
    for _ in range(setbacks):
        run(made, NOW, shut=True)
    assert made.next(NOW) == NOW + rest


def test_success_is_remembered_and_a_setback_does_not_touch_it() -> None:
    made = turn()
    run(made, NOW)
    run(made, NOW + 5 * MINUTE, put_off=True)
    assert made.timing == Timing(NOW + 5 * MINUTE, NOW, None)
    run(made, NOW + 10 * MINUTE)
    assert made.timing.succeeded == NOW + 10 * MINUTE


def test_what_was_taken_up_between_the_schedules_does_not_move_them() -> None:
    made = turn(NOW - 2 * MINUTE)
    made.begin(NOW, scheduled=False)
    made.end(NOW, put_off=False, shut=False)
    assert made.next(NOW) == NOW + 3 * MINUTE
