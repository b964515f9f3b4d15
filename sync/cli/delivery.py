"""What is sent: `run` and `apply`, and how they tell how it went."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from sync import loop
from sync.cli.codes import FAILED, standing
from sync.cli.flags import HERE, AsJson, Config, Targets
from sync.cli.logged import REDACTOR, logged
from sync.cli.showing import Showing, Told, Write, shows
from sync.cli.stopping import until_stopped
from sync.model import dumps


@dataclass(frozen=True, slots=True)
class Telling:
    """What a delivery prints beside its troubles: its figures as JSON or as text, or, where that was asked for, its report."""

    as_json: bool
    form: str | None
    showing: Showing

    @property
    def report(self) -> bool:
        """It stands alone on standard output, so that a program can read it."""
        return self.form is not None and self.showing.out is None

    def writer(self) -> Write | None:
        """What writes the report, where there is one."""
        return self.showing.writer(self.form or "text") if self.form or self.showing.out else None


@logged("error")
@shows
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written by plan --save or undo --save.")],
    config: Config = HERE,
    as_json: AsJson = False,
    form: Told = None,
    *,
    showing: Showing,
) -> None:
    """Delivers a saved plan, exactly that. What has moved on since is dropped and told; a plan can be applied once.

    Example: [bold]customer-sync apply monday.plan[/bold]
    """
    from sync import app as parts
    from sync.settings import load

    telling = Telling(as_json, form, showing)
    write, settings = telling.writer(), load(config)

    def work(watch: Any, stopping: asyncio.Event) -> Any:
        return parts.apply_saved(settings, file, parts.Caller(watch, stopping, REDACTOR), write)

    raise typer.Exit(loop.run(until_stopped(lambda stopping: _delivered(settings, (), stopping, work, telling))))


@logged("error")
@shows
def run(
    config: Config = HERE,
    target: Targets = None,
    as_json: AsJson = False,
    form: Told = None,
    *,
    showing: Showing,
) -> None:
    """One pass: detect, plan, gate, deliver, report.

    Example: [bold]customer-sync run --target sellercloud[/bold]
    """
    from sync import app as parts
    from sync.settings import load

    telling = Telling(as_json, form, showing)
    write, settings = telling.writer(), load(config)
    parts.check_fields(settings, showing.field or ())

    def work(watch: Any, stopping: asyncio.Event) -> Any:
        return parts.run_once(settings, target or [], parts.Caller(watch, stopping, REDACTOR), write)

    raise typer.Exit(loop.run(until_stopped(lambda stopping: _delivered(settings, target or [], stopping, work, telling))))


async def _delivered(
    settings: Any, names: Sequence[str], stopping: asyncio.Event, work: Callable[..., Any], telling: Telling
) -> int:
    """Runs or applies, and tells how it went."""
    from sync import app as parts
    from sync.reports.gates import gates_text
    from sync.reports.listings import dropped_text, run_text, run_tree
    from sync.reports.progress import Progress

    with Progress() as watch:
        report = await work(watch, stopping)
    found = await parts.failures(settings, names)
    dropped = [(target, one.customer, one.fields, one.reason) for target, one in report.dropped]
    if telling.report:
        print(dropped_text(dropped).lstrip("\n"), end="\n" if dropped else "", file=sys.stderr)
    elif telling.as_json:
        print(dumps(run_tree(report.run, report.targets, report.troubles, dropped, report.gates)).decode())
    else:
        print(run_text(report.run, report.targets, found) + gates_text(report.gates) + dropped_text(dropped))
    for trouble in report.troubles:
        print(trouble, file=sys.stderr)
    return FAILED if report.troubles else standing(found)
