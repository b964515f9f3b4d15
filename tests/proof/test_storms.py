"""Vendors that fail in every way, and every rule holds: at all times for what was sent, in the end for what is held."""

import os
from pathlib import Path

import pytest

from tests.proof.conftest import Tell
from tests.proof.storms import Storm, weathered

SEEDS = int(os.environ.get("STORM_SEEDS", "3"))
"""How many long storms there are; `STORM_SEEDS=30 make test-long` for more."""


def told(storm: Storm) -> str:
    faults = ", ".join(f"{count} {name}" for name, count in storm.faults.most_common())
    return f"{len(storm.requests)} requests met {storm.faults.total()} faults ({faults}); {len(storm.wrong)} rules broken"


@pytest.mark.parametrize("seed", [7, 8, 9])
async def test_nothing_is_lost_in_a_storm(tmp_path: Path, tell: Tell, seed: int) -> None:
    storm = await weathered(tmp_path, 24, 3, seed=seed)
    tell(f"storm of 4 vendors x 24 customers, seed {seed}: {told(storm)}")
    assert storm.wrong == []
    assert storm.faults.total() >= 25


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 1 + SEEDS))
async def test_nothing_is_lost_in_a_long_storm(tmp_path: Path, tell: Tell, seed: int) -> None:
    storm = await weathered(tmp_path, 500, 4, seed=seed, rate=100)
    tell(f"storm of 4 vendors x 500 customers, seed {seed}: {told(storm)}")
    assert storm.wrong == []
    assert storm.faults.total() >= 600
