"""When a target is due: pure arithmetic, so every clock is made up."""

import itertools
from datetime import UTC, datetime, timedelta

from sync.service.scheduler import MOST_JITTER, Schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def berlin(cron: str) -> Schedule:
    return Schedule(cron=cron, timezone="Europe/Berlin")


def moments(schedule: Schedule, start: str, count: int) -> list[datetime]:
    found, last = [], at(start)
    for _ in range(count):
        following = schedule.following(last)
        assert following is not None
        found.append(following)
        last = following
    return found


def test_every_counts_elapsed_time_also_when_clocks_change() -> None:
    daily = Schedule(every=timedelta(days=1), timezone="Europe/Berlin")
    assert daily.following(at("2026-03-28T12:00:00+01:00")) == at("2026-03-29T13:00:00+02:00")


def test_a_cron_line_counts_in_its_time_zone() -> None:
    found = moments(berlin("30 7 * * *"), "2026-03-28T00:00:00+00:00", 2)
    assert found == [at("2026-03-28T07:30:00+01:00"), at("2026-03-29T07:30:00+02:00")]


def test_what_falls_into_the_missing_hour_runs_right_after_it_and_once() -> None:
    found = moments(berlin("30 2 * * *"), "2026-03-28T12:00:00+01:00", 2)
    assert found == [at("2026-03-29T03:00:00+02:00"), at("2026-03-30T02:30:00+02:00")]


def test_what_falls_into_the_doubled_hour_runs_once() -> None:
    found = moments(berlin("30 2 * * *"), "2026-10-24T12:00:00+02:00", 2)
    assert found == [at("2026-10-25T02:30:00+02:00"), at("2026-10-26T02:30:00+01:00")]


def test_a_last_run_in_the_second_half_of_the_doubled_hour_is_not_repeated() -> None:
    assert berlin("30 2 * * *").following(at("2026-10-25T02:15:00+01:00")) == at("2026-10-26T02:30:00+01:00")


def test_a_line_of_every_so_many_minutes_runs_through_both_changes() -> None:
    spring = moments(berlin("*/30 * * * *"), "2026-03-29T01:30:00+01:00", 3)
    autumn = moments(berlin("*/30 * * * *"), "2026-10-25T02:30:00+02:00", 3)
    half = timedelta(minutes=30)
    assert [later - earlier for earlier, later in itertools.pairwise(spring)] == [half, half]
    assert [later - earlier for earlier, later in itertools.pairwise(autumn)] == [half, half]


def test_a_target_that_never_ran_is_due_at_once_or_when_its_line_says_so() -> None:
    now = at("2026-11-22T10:10:00+00:00")
    assert Schedule(every=timedelta(hours=1)).first(now) == now
    assert Schedule(cron="0 12 * * *").first(now) == at("2026-11-22T12:00:00+00:00")
    assert Schedule().first(now) is None


def test_runs_that_were_missed_count_as_one() -> None:
    schedule, due = Schedule(every=timedelta(minutes=5)), at("2026-11-22T10:00:00+00:00")
    slept = due + timedelta(hours=3, seconds=7)
    assert schedule.ran(due, slept) == slept


def test_a_run_that_is_a_little_late_keeps_the_grid() -> None:
    schedule, due = Schedule(every=timedelta(minutes=5)), at("2026-11-22T10:00:00+00:00")
    assert schedule.ran(due, due + timedelta(seconds=2)) == due


def test_jitter_puts_off_by_less_than_it_says_and_by_less_than_a_part_of_the_time_to_the_next_run() -> None:
    long = Schedule(every=timedelta(hours=1), jitter=timedelta(seconds=5), seed="crm")
    short = Schedule(every=timedelta(seconds=2), jitter=timedelta(seconds=5), seed="crm")
    start = at("2026-11-22T10:00:00+00:00")
    dues = [start + timedelta(seconds=number) for number in range(500)]
    late = [long.start(due) - due for due in dues]
    assert timedelta(0) <= min(late) < timedelta(milliseconds=100)
    assert timedelta(milliseconds=4900) < max(late) < timedelta(seconds=5)
    assert max(short.start(due) - due for due in dues) < timedelta(seconds=2) / MOST_JITTER


def test_targets_of_one_source_that_are_due_together_start_together() -> None:
    due = at("2026-11-22T10:00:00+00:00")
    jitter = timedelta(seconds=5)
    one = Schedule(every=timedelta(hours=1), jitter=jitter, seed="crm")
    other = Schedule(cron="0 * * * *", jitter=jitter, seed="crm")
    elsewhere = Schedule(cron="0 * * * *", jitter=jitter, seed="erp")
    assert one.start(due) == other.start(due) != elsewhere.start(due)
