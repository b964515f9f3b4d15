"""What the proofs tried, told at the end of the test run."""

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOLD = pytest.StashKey[list[str]]()
Tell = Callable[[str], None]


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Tell:
    """Takes a sentence for the summary."""
    return pytestconfig.stash.setdefault(TOLD, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if told := config.stash.get(TOLD, []):
        terminalreporter.section("what the proofs tried")
        for line in told:
            terminalreporter.line(line)
