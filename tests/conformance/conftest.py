"""Every promise of a source is tried on the ground of every kind that can keep it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sync.stores.memory import Memory
from tests.conformance.grounds import Ground, Lite
from tests.conformance.kinds import KINDS, opened
from tests.databases import mysql, postgres, postgres_server

__all__ = ["mysql", "postgres", "postgres_server"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`needs` names what a kind must be able to do, `lacks` what it must not be able to."""
    if "ground" not in metafunc.fixturenames:
        return
    needed = {word for mark in metafunc.definition.iter_markers("needs") for word in mark.args}
    lacked = {word for mark in metafunc.definition.iter_markers("lacks") for word in mark.args}
    fitting = {name: kind for name, kind in KINDS.items() if not needed & kind.lacks.keys() and lacked <= kind.lacks.keys()}
    chosen = [pytest.param(name, marks=kind.marks) for name, kind in fitting.items()]
    metafunc.parametrize("ground", chosen, indirect=True)


@pytest.fixture
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    async with opened(request.param, tmp_path, request.getfixturevalue) as made:
        yield made


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[Lite]:
    async with opened("sqlite", tmp_path, str) as made:
        assert isinstance(made, Lite)
        yield made


@pytest.fixture
def store() -> Memory:
    return Memory()
