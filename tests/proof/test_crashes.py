"""Wherever the process dies, the next run brings every target to what it should hold."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.proof import crashes
from tests.proof.conftest import Tell
from tests.proof.crashes import Ending, Trial

AFTER = ("stays", "back", "stays", "on")


def pool_of(customers: int) -> ProcessPoolExecutor:
    """Two workers that nothing else runs in, so that they may fork."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(2, spawn, crashes.begin, (customers,))


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with pool_of(12) as pool:
        yield pool


def tried(pool: ProcessPoolExecutor, trials: Sequence[Trial]) -> list[Ending]:
    return list(pool.map(crashes.attempt, trials))


def wrong(endings: Sequence[Ending]) -> dict[Trial, list[str]]:
    return {ending.trial: ending.wrong for ending in endings if ending.wrong}


def died(endings: Sequence[Ending]) -> int:
    return sum(ending.died + ending.died_again for ending in endings)


def test_a_sync_of_changes_may_die_anywhere(pool: ProcessPoolExecutor, tell: Tell) -> None:
    last = pool.submit(crashes.count, False).result()
    trials = [Trial(at, after=AFTER[at % 4], again=at // 3 + 1 if at % 10 == 0 else 0) for at in range(1, last + 1)]
    endings = tried(pool, trials)
    tell(f"crash points: {died(endings)} in a sync of changes, every one of {last}; {len(wrong(endings))} wrong")
    assert wrong(endings) == {}
    assert died(endings) >= 200


def test_a_first_sync_may_die_anywhere(pool: ProcessPoolExecutor, tell: Tell) -> None:
    last = pool.submit(crashes.count, True).result()
    endings = tried(pool, [Trial(at, first=True, after=AFTER[at % 4]) for at in range(2, last + 1, 6)])
    tell(f"crash points: {died(endings)} in a first sync, every sixth of {last}; {len(wrong(endings))} wrong")
    assert wrong(endings) == {}
    assert died(endings) >= 30


def test_a_sync_may_die_while_the_vendors_are_unwell(pool: ProcessPoolExecutor, tell: Tell) -> None:
    last = pool.submit(crashes.count, False).result()
    endings = tried(pool, [Trial(at, faults=True, after=AFTER[at % 4]) for at in range(70, last + 1, 6)])
    faults = sum(ending.faults for ending in endings)
    tell(f"crash points: {died(endings)} with {faults} faults in flight; {len(wrong(endings))} wrong")
    assert wrong(endings) == {}
    assert died(endings) >= 15


@pytest.mark.long
@pytest.mark.parametrize("first", [False, True])
def test_a_sync_of_more_customers_may_die_anywhere_and_its_restart_too(first: bool, tell: Tell) -> None:
    with pool_of(24) as pool:
        last = pool.submit(crashes.count, first).result()
        trials = [
            Trial(at, first=first, after=AFTER[at % 4], again=at * 7 % last + 1) for at in range(1, last + 1, 3 if first else 2)
        ]
        endings = tried(pool, trials)
    tell(f"crash points: {died(endings)} of a sync and of its restart (first: {first}); {len(wrong(endings))} wrong")
    assert wrong(endings) == {}
    assert died(endings) >= 200


@pytest.mark.long
def test_a_sync_may_die_anywhere_while_the_vendors_are_unwell(tell: Tell) -> None:
    with pool_of(12) as pool:
        last = pool.submit(crashes.count, False).result()
        endings = tried(pool, [Trial(at, faults=True, after=AFTER[at % 4]) for at in range(1, last + 1, 2)])
    faults = sum(ending.faults for ending in endings)
    tell(f"crash points: {died(endings)} with {faults} faults in flight (long); {len(wrong(endings))} wrong")
    assert wrong(endings) == {}
    assert died(endings) >= 100
