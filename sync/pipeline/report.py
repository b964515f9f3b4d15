"""How a run went: begun, noted, over."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex

from sync.facts import RunEnded, RunStarted
from sync.model import (
    Settlement,
    Tripped,
)
from sync.pipeline.apply import Dropped
from sync.pipeline.feeds import Way
from sync.ports import Store, Watch


@dataclass(slots=True)
class Report:
    """How a run went: outcomes by target, what could not be done at all, and when."""

    run: str
    started: datetime
    targets: dict[str, dict[str, int]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    gates: dict[str, tuple[Tripped, ...]] = field(default_factory=dict)
    dropped: list[tuple[str, Dropped]] = field(default_factory=list)
    undoes: str = ""
    """The run that this one puts back, if it is an undo."""
    ended: datetime | None = None

    @property
    def tree(self) -> dict[str, object]:
        """What is remembered of it."""
        gates = {target: [one.gate for one in tripped] for target, tripped in self.gates.items()}
        undoes = {"undoes": self.undoes} if self.undoes else {}
        return {"targets": self.targets, "gates": gates, "troubles": self.troubles, **undoes}

    def note(self, target: str, settlement: Settlement) -> None:
        """One outcome more."""
        counts = self.targets.setdefault(target, {})
        counts[settlement.outcome.value] = counts.get(settlement.outcome.value, 0) + 1


def new_run() -> str:
    """The name of a run or plan: when it began, and something that no other has."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}-{token_hex(3)}"


def begun(watch: Watch) -> Report:
    """The report of a run that begins now."""
    report = Report(new_run(), datetime.now(UTC))
    watch.noted(RunStarted(report.run, report.started.timestamp()))
    return report


def over(report: Report, watch: Watch) -> None:
    """The run has ended."""
    report.ended = datetime.now(UTC)
    seconds = (report.ended - report.started).total_seconds()
    watch.noted(RunEnded(report.run, tuple(report.targets), report.started.timestamp(), seconds, not report.troubles))


async def note_down(report: Report, store: Store) -> None:
    """Writes the report of a run that has ended. Raises StateError."""
    ended = report.ended or datetime.now(UTC)
    await store.log_run(report.run, report.started, ended, report.tree)


def refusal(way: Way) -> list[str]:
    """What a person has to do something about, if the account's credentials were not accepted."""
    closed = way.lane.closed
    return [f"accounts.{way.lane.account}: {closed.reason}"] if closed and closed.refused else []
