"""Whatever a config asks for, a run of it may die anywhere: what the next runs make of it is what would have been."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.proof.conftest import Tell
from tests.proof.shapes import SHAPES, Came, Lives, lived


def all_lived(every: int, *, unwell: bool = False) -> Sequence[Lives]:
    """Two at a time, in processes that nothing else runs in, so that they may fork."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        return [task.result() for task in [pool.submit(lived, shape.name, every, unwell=unwell) for shape in SHAPES]]


def told(lives: Sequence[Lives], tell: Tell, how: str) -> dict[str, dict[int, Came]]:
    died, last = (sum(getattr(life, name) for life in lives) for name in ("died", "last"))
    wrong = {life.shape: dict(life.wrong) for life in lives if life.wrong}
    tell(f"crash points: {died} of {last} in {len(lives)} other shapes{how}; {sum(map(len, wrong.values()))} wrong")
    return wrong


def test_a_run_may_die_anywhere_whatever_its_config_asks_for(tell: Tell) -> None:
    lives = all_lived(13)
    assert told(lives, tell, "") == {}
    assert min(life.died for life in lives) >= 4


@pytest.mark.long
@pytest.mark.parametrize(("every", "unwell"), [(1, False), (2, True)])
def test_a_run_may_die_at_each_place_whatever_its_config_asks_for(every: int, unwell: bool, tell: Tell) -> None:
    lives = all_lived(every, unwell=unwell)
    assert told(lives, tell, " while the vendors are unwell" if unwell else "") == {}
    assert sum(life.died for life in lives) >= 500 / every
