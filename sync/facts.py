"""What happened, as frozen data for whoever watches: bars, metrics, traces. Names and figures, never values."""

from dataclasses import dataclass

from sync.model import Outcome


@dataclass(frozen=True, slots=True)
class SourceRead:
    """A source was read: how many rows, and how many of them differ from what was last seen."""

    source: str
    rows: int
    changed: int


@dataclass(frozen=True, slots=True)
class SourceNoted:
    """Something is odd about a source, in a sentence for a person; nothing was kept from being done."""

    source: str
    note: str


@dataclass(frozen=True, slots=True)
class UpdateSettled:
    """An update has ended, after so many attempts; `lag` is seconds since its change was filed, where that is known."""

    target: str
    outcome: Outcome
    attempts: int
    lag: float | None = None


@dataclass(frozen=True, slots=True)
class RequestSent:
    """One request to an account; `status` is the reply's, or "broken" or "not sent". Times are epoch seconds and seconds."""

    account: str
    method: str
    status: str
    started: float
    seconds: float


@dataclass(frozen=True, slots=True)
class StationPassed:
    """A source or target has passed a station of a run: detect, plan or deliver."""

    station: str
    name: str
    started: float
    seconds: float


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run has begun."""

    run: str
    started: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run has ended for all its targets; `well`: nothing kept it from being done."""

    run: str
    targets: tuple[str, ...]
    started: float
    seconds: float
    well: bool


Fact = SourceRead | SourceNoted | UpdateSettled | RequestSent | StationPassed | RunStarted | RunEnded
