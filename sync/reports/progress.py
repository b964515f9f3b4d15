"""How far long work is -> bars on standard error, where a person looks on."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from sync.facts import Fact, SourceNoted
from sync.ports import Watch


class Progress(Watch):
    """Bars while the block lasts, nothing where standard error is no terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bars = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def moved(self, name: str, what: str, done: int, total: int | None) -> None:
        if self._bars.disable:
            return
        if (name, what) not in self._tasks:
            self._tasks[name, what] = self._bars.add_task(f"{name}: {what}", total=total)
        self._bars.update(self._tasks[name, what], completed=done, total=total)

    def noted(self, fact: Fact) -> None:
        """Bars tell how far it is, not what happened; what is odd about a source is told, terminal or not."""
        if isinstance(fact, SourceNoted):
            self._bars.console.print(fact.note, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Takes the bars away, before something else is printed."""
        self._bars.stop()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
