"""Vendors that fail in every way, and every rule holds: at all times for what was sent, in the end for what is held."""

from pathlib import Path

import pytest

from tests.proof.conftest import Tell
from tests.proof.storms import Storm, weathered


def told(storm: Storm) -> str:
    faults = ", ".join(f"{count} {name}" for name, count in storm.faults.most_common())
    return f"{len(storm.requests)} requests met {storm.faults.total()} faults ({faults}); {len(storm.wrong)} rules broken"


async def test_nothing_is_lost_in_a_storm(tmp_path: Path, tell: Tell) -> None:
    storm = await weathered(tmp_path, 60, 3, seed=7)
    tell(f"storm of 4 vendors x 60 customers: {told(storm)}")
    assert storm.wrong == []
    assert storm.faults.total() >= 60


@pytest.mark.long
@pytest.mark.parametrize("seed", [1])
async def test_nothing_is_lost_in_a_long_storm(tmp_path: Path, tell: Tell, seed: int) -> None:
    storm = await weathered(tmp_path, 500, 4, seed=seed, rate=100)
    tell(f"storm of 4 vendors x 500 customers, seed {seed}: {told(storm)}")
    assert storm.wrong == []
    assert storm.faults.total() >= 700
