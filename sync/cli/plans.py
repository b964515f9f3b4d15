"""What would be sent: `plan` and `undo`, which write nothing but the plan's own file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from sync import loop
from sync.cli.codes import CHANGES, DONE, FAILED, OUT_OF_STEP
from sync.cli.flags import HERE, Config, Save, Targets
from sync.cli.logged import logged
from sync.cli.showing import Form, Showing, shows


@logged("error")
@shows
def plan(
    config: Config = HERE,
    target: Targets = None,
    form: Form = "text",
    *,
    showing: Showing,
    save: Save = None,
    detailed_exitcode: Annotated[bool, typer.Option("--detailed-exitcode", help="Exit 2 if there are changes.")] = False,
) -> None:
    """Shows what a run would send, field by field and request by request. Writes nothing, sends nothing.

    Example: [bold]customer-sync plan --target rpm --requests[/bold]
    """
    from sync import app as parts
    from sync.settings import load

    write = showing.writer(form)
    settings = load(config)
    parts.check_fields(settings, showing.field or ())

    def report(proposal: Any) -> None:
        write(proposal.title, proposal.targets)
        if save:
            _save(settings, proposal, save)

    def propose(watch: Any) -> Any:
        return parts.propose(settings, target or [], watch)

    raise typer.Exit(loop.run(_proposed(propose, report, detailed=detailed_exitcode)))


@shows
def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its name, as `run` and `status` tell it.")],
    config: Config = HERE,
    form: Form = "text",
    *,
    showing: Showing,
    save: Save = None,
) -> None:
    """Plans to put back what a run changed, from the values recorded before. Sends nothing: `apply` does.

    Example: [bold]customer-sync undo 2026-11-22T10-00-00Z-4f1c2e --save undo.plan[/bold]
    """
    from sync import app as parts
    from sync.settings import load

    write = showing.writer(form)
    settings = load(config)

    def report(proposal: Any) -> None:
        write(proposal.title, proposal.targets)
        if save:
            _save(settings, proposal, save)
        elif any(target.updates for target in proposal.targets):
            then = f"customer-sync undo {run} --save FILE, and customer-sync apply FILE"
            print(f"Nothing has been sent. To put it back: {then}", file=sys.stderr)

    def propose(_watch: Any) -> Any:
        return parts.propose_undo(settings, run)

    raise typer.Exit(loop.run(_proposed(propose, report, detailed=False)))


async def _proposed(propose: Callable[[Any], Any], report: Callable[[Any], None], *, detailed: bool) -> int:
    from sync.reports.progress import Progress

    with Progress() as watch:
        async with propose(watch) as proposal:
            watch.close()
            for trouble in proposal.troubles:
                print(trouble, file=sys.stderr)
            if proposal.targets or not proposal.troubles:
                report(proposal)
            if proposal.troubles:
                return FAILED
            changes = any(target.updates for target in proposal.targets)
            rejected = any(target.rejected or target.held for target in proposal.targets)
    if detailed and changes:
        return CHANGES
    return OUT_OF_STEP if rejected else DONE


def _save(settings: Any, proposal: Any, path: Path) -> None:
    from sync.app import save_plan
    from sync.reports.wording import counted

    count = save_plan(settings, proposal, path)
    print(f"{counted(count, 'update')} saved: customer-sync apply {path}", file=sys.stderr)
