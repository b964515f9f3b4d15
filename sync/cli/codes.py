"""How a command ended -> its exit code."""

from collections.abc import Iterable
from typing import Final

from sync.model import Failure, Outcome

DONE, FAILED, CHANGES, OUT_OF_STEP, INTERRUPTED = 0, 1, 2, 3, 130
NOT_IN_STEP: Final = {Outcome.REJECTED, Outcome.HELD, Outcome.UNKNOWN, Outcome.GONE}


def standing(found: Iterable[Failure]) -> int:
    """As the targets stand: a customer that is only deferred goes again by itself."""
    return OUT_OF_STEP if any(failure.outcome in NOT_IN_STEP for failure in found) else DONE
