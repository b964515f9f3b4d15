"""What the proofs tried, told at the end of the test run."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.proof.sandboxes import Sandbox

ROOT = Path(__file__).parents[2]
TOLD = pytest.StashKey[list[str]]()
Tell = Callable[[str], None]


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Tell:
    """Takes a sentence for the summary."""
    return pytestconfig.stash.setdefault(TOLD, []).append


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.proof.sandboxes"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        sandbox = Sandbox(process.stdout.readline().strip())
        yield sandbox
        sandbox.close()
        process.stdin.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if told := config.stash.get(TOLD, []):
        terminalreporter.section("what the proofs tried")
        for line in told:
            terminalreporter.line(line)
