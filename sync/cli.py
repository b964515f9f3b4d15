"""Flags -> calls, errors -> exit codes: 0 done, 1 could not run, 2 there are changes, 3 some customers are out of step."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from pydantic import BaseModel
from typer.core import TyperGroup, TyperOption

from sync import loop
from sync.errors import SyncError
from sync.log import configure
from sync.logged import REDACTOR, logged
from sync.model import Failure, Outcome, TargetPlan, dumps

T = TypeVar("T")
DONE, FAILED, CHANGES, OUT_OF_STEP, INTERRUPTED = 0, 1, 2, 3, 130
GRACE_SECONDS = 8.0
"""Less than the ten that Docker waits before it kills."""
NOT_IN_STEP = {Outcome.REJECTED, Outcome.HELD, Outcome.UNKNOWN, Outcome.GONE}


class Commands(TyperGroup):
    """The commands, whose flags say nothing of a type in the help: they take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [_untyped(param) for param in super().get_params(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        for param in command.get_params(ctx) if command else ():
            _untyped(param)
        return command


def _untyped(param: Any) -> Any:
    if isinstance(param, TyperOption) and param.is_flag and param.metavar is None:
        param.metavar = ""
    return param


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"customer-sync {metadata.version('customer-sync')}")
        raise typer.Exit


app = typer.Typer(
    name="customer-sync",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

Version = Annotated[bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which version this is.")]
Config = Annotated[Path, typer.Option("--config", metavar="DIR", help="The folder with sync.toml and targets/.")]
Targets = Annotated[list[str] | None, typer.Option("--target", metavar="NAME", help="Only this target; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a program: a documented, versioned shape.")]
Form = Annotated[str, typer.Option("--format", metavar="FORM[,FORM]", help="text, json, markdown, html, csv.")]
Told = Annotated[
    str | None, typer.Option("--format", metavar="FORM[,FORM]", help="Who was told what: text, json, markdown, html, csv.")
]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Write there; a folder if there are several forms.")]
Exact = Annotated[bool, typer.Option("--requests", help="Show the exact requests, too.")]
Customers = Annotated[list[str] | None, typer.Option(metavar="KEY", help="Only this customer; may be repeated.")]
Fields = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only changes of this field; may be repeated.")]
Save = Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the plan there, for `apply`.")]
Write = Callable[[str, Sequence[TargetPlan]], None]
HERE = Path("config")


class Shown(Enum):
    """How values are shown."""

    FULL = "full"
    MASKED = "masked"


class Only(Enum):
    """What of a plan is shown."""

    CHANGED = "changed"
    REJECTED = "rejected"
    HELD = "held"


Values = Annotated[Shown, typer.Option(help="masked hides personal values, but shows what changed in them.")]
Parts = Annotated[list[Only] | None, typer.Option(metavar="changed|rejected|held", help="Only these; may be repeated.")]


@dataclass(frozen=True, slots=True)
class Said:
    """What a delivery prints beside its troubles: its figures as JSON or as text, or nothing but its `report`."""

    as_json: bool
    report: bool


@app.callback()
def about(_version: Version = False) -> None:
    """Keeps the customers of your vendors equal to your own: see what would be sent, then send exactly that."""


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")] = HERE,
    notify: Annotated[
        bool,
        typer.Option("--notify", help="Print the SQL by which the PostgreSQL sources of the config in DIR say what changes."),
    ] = False,
) -> None:
    """Writes a commented config to start from.

    Example: [bold]customer-sync init config[/bold]
    """
    if notify:
        from sync.app import triggers
        from sync.settings import load

        print(triggers(load(directory)))
        return
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise SyncError(f"{directory} is there already: name a new folder, nothing was written")
    shutil.copytree(Path(__file__).parent / "example", directory, dirs_exist_ok=True)
    print(f"Wrote {directory}/sync.toml and {directory}/targets/. It runs against the sandbox as it is; next:")
    print(f"  customer-sync check --config {directory}")


@app.command()
@logged("error")
def check(
    config: Config = HERE,
    online: Annotated[
        bool, typer.Option("--online", help="Also read the sources and sign in to the accounts; writes nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Says whether the config is valid, and every mistake in it.

    Example: [bold]customer-sync check --online[/bold]
    """
    from sync import app as parts
    from sync.settings import load
    from sync.telling import check_addresses

    settings = load(config)
    loop.run(check_addresses(settings, REDACTOR))
    for warning in (*settings.warnings, *loop.run(parts.check_files(settings))):
        print(f"warning: {warning}", file=sys.stderr)
    tests = _tried(settings, config)
    print(f"{config}: {_count(len(settings.sources), 'source')}, {_count(len(settings.accounts), 'account')}, "
          f"{_count(len(settings.targets), 'target')}{tests}: valid", file=sys.stderr if as_json else sys.stdout)  # fmt: skip
    if online and not loop.run(_check_online(settings, as_json=as_json)):
        raise typer.Exit(FAILED)


@app.command()
@logged("error")
def plan(
    config: Config = HERE,
    target: Targets = None,
    form: Form = "text",
    out: Out = None,
    requests: Exact = False,
    show_values: Values = Shown.FULL,
    only: Parts = None,
    customer: Customers = None,
    field: Fields = None,
    save: Save = None,
    detailed_exitcode: Annotated[bool, typer.Option("--detailed-exitcode", help="Exit 2 if there are changes.")] = False,
) -> None:
    """Shows what a run would send, field by field and request by request. Writes nothing, sends nothing.

    Example: [bold]customer-sync plan --target rpm --requests[/bold]
    """
    from sync import app as parts
    from sync.settings import load

    write = _writer(form, out, _view(only, customer, field, show_values), requests=requests)
    settings = load(config)

    def report(proposal: Any) -> None:
        write(proposal.title, proposal.targets)
        if save:
            _save(settings, proposal, save)

    def propose(watch: Any) -> Any:
        return parts.propose(settings, target or [], watch)

    raise typer.Exit(loop.run(_plan(propose, report, detailed=detailed_exitcode)))


@app.command()
def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its name, as `run` and `status` tell it.")],
    config: Config = HERE,
    form: Form = "text",
    out: Out = None,
    requests: Exact = False,
    show_values: Values = Shown.FULL,
    only: Parts = None,
    customer: Customers = None,
    field: Fields = None,
    save: Save = None,
) -> None:
    """Plans to put back what a run changed, from the values recorded before. Sends nothing: `apply` does.

    Example: [bold]customer-sync undo 2026-11-22T10-00-00Z-4f1c2e --save undo.plan[/bold]
    """
    from sync import app as parts
    from sync.settings import load

    write = _writer(form, out, _view(only, customer, field, show_values), requests=requests)
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

    raise typer.Exit(loop.run(_plan(propose, report, detailed=False)))


@app.command()
@logged("error")
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written by plan --save or undo --save.")],
    config: Config = HERE,
    as_json: AsJson = False,
    form: Told = None,
    out: Out = None,
    requests: Exact = False,
    show_values: Values = Shown.FULL,
    only: Parts = None,
    customer: Customers = None,
    field: Fields = None,
) -> None:
    """Delivers a saved plan, exactly that. What has moved on since is dropped and told; a plan can be applied once.

    Example: [bold]customer-sync apply monday.plan[/bold]
    """
    from sync import app as parts
    from sync.settings import load

    write = _teller(form, out, _view(only, customer, field, show_values), requests=requests)
    settings, said = load(config), Said(as_json, form is not None and out is None)

    def work(watch: Any, stopping: asyncio.Event) -> Any:
        return parts.apply_saved(settings, file, watch, stopping, REDACTOR, write)

    raise typer.Exit(loop.run(_until_stopped(lambda stopping: _delivered(settings, (), stopping, work, said))))


@app.command()
@logged("error")
def run(
    config: Config = HERE,
    target: Targets = None,
    as_json: AsJson = False,
    form: Told = None,
    out: Out = None,
    requests: Exact = False,
    show_values: Values = Shown.FULL,
    only: Parts = None,
    customer: Customers = None,
    field: Fields = None,
) -> None:
    """One pass: detect, plan, gate, deliver, report.

    Example: [bold]customer-sync run --target sellercloud[/bold]
    """
    from sync import app as parts
    from sync.settings import load

    write = _teller(form, out, _view(only, customer, field, show_values), requests=requests)
    settings, said = load(config), Said(as_json, form is not None and out is None)

    def work(watch: Any, stopping: asyncio.Event) -> Any:
        return parts.run_once(settings, target or [], watch, stopping, REDACTOR, write)

    raise typer.Exit(loop.run(_until_stopped(lambda stopping: _delivered(settings, target or [], stopping, work, said))))


@app.command()
@logged("info")
def serve(
    config: Config = HERE,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where /healthz, /readyz and /metrics are; else [service] listen.")
    ] = None,
) -> None:
    """Syncs in the background, each target by its schedule. SIGHUP reads the config again, SIGTERM ends it.

    Example: [bold]customer-sync serve --listen 127.0.0.1:8910[/bold]
    """
    from sync.settings import address

    try:
        place = address(listen) if listen else None
    except ValueError as error:
        raise SyncError(f"--listen {error}") from None
    raise typer.Exit(loop.run(_until_stopped(lambda stopping: _serve(config, place, stopping))))


@app.command()
@logged("error")
def alert(
    config: Config = HERE,
    test: Annotated[
        bool, typer.Option("--test", help="Send a message to everybody in [alerts], to see that it arrives.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Lists what is wrong as far as people were told by `serve`, or tries whether they can be told.

    Example: [bold]customer-sync alert --test[/bold]
    """
    from sync import telling
    from sync.reports.listings import alerts_text, alerts_tree
    from sync.settings import load

    settings = load(config)
    if not test:
        found = loop.run(telling.alerts(settings))
        print(dumps(alerts_tree(found)).decode() if as_json else alerts_text(found))
        return
    reasons = loop.run(telling.try_addresses(settings, REDACTOR))
    if as_json:
        print(dumps({"format": 1, "tested": reasons}).decode())
    else:
        for name, reason in reasons.items():
            print(f"{name}: {reason or 'sent'}", file=sys.stderr if reason else sys.stdout)
    if any(reasons.values()):
        raise typer.Exit(FAILED)


@app.command()
def status(config: Config = HERE, as_json: AsJson = False) -> None:
    """Shows where each target stands.

    Example: [bold]customer-sync status --json[/bold]
    """
    from sync import app as parts
    from sync.reports.listings import status_text, status_tree
    from sync.settings import load

    state = loop.run(parts.standing(load(config)))
    told = state.tallies, state.accounts, state.written, state.runs
    print(dumps(status_tree(*told)).decode() if as_json else status_text(*told))


@app.command()
def failures(config: Config = HERE, target: Targets = None, as_json: AsJson = False) -> None:
    """Lists who is out of step with a target, why, and since when.

    Example: [bold]customer-sync failures --target rpm[/bold]
    """
    from sync import app as parts
    from sync.reports.listings import failures_text, failures_tree
    from sync.settings import load

    found = loop.run(parts.failures(load(config), target or []))
    print(dumps(failures_tree(found)).decode() if as_json else failures_text(found))


@app.command()
@logged("error")
def retry(
    customers: Annotated[list[str] | None, typer.Argument(metavar="CUSTOMER", help="Their keys; all if none is named.")] = None,
    config: Config = HERE,
    target: Targets = None,
    as_json: AsJson = False,
) -> None:
    """Lets customers that are rejected, held, deferred or unknown be tried again with the next run.

    Example: [bold]customer-sync retry --target rpm 7 9[/bold]
    """
    from sync import app as parts
    from sync.settings import load

    settings = load(config)
    waiting = {failure.customer for failure in loop.run(parts.failures(settings, target or []))}
    count = loop.run(parts.retry(settings, target or [], customers or []))
    print(
        dumps({"format": 1, "waiting": count}).decode()
        if as_json
        else f"{_count(count, 'customer')} will be tried again by the next run"
    )
    if strangers := [customer for customer in customers or () if customer not in waiting]:
        raise SyncError(
            f"not out of step, so not to be tried again: {', '.join(strangers)} (customer-sync failures lists who is)"
        )


@app.command()
@logged("error")
def release(
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    gate: Annotated[str, typer.Option(metavar="NAME", help="As it stands in [gates], such as max_cleared.")],
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="ID", help="Only what was held in this run or saved plan.")
    ] = None,
    config: Config = HERE,
    as_json: AsJson = False,
) -> None:
    """Lets what a gate holds now through this gate: the next run sends it. A later flood trips the gate again.

    Example: [bold]customer-sync release rpm --gate max_cleared[/bold]
    """
    from sync import app as parts
    from sync.reports.gates import released_text
    from sync.settings import load

    settings = load(config)
    found = loop.run(parts.release(settings, target, gate, plan))
    print(
        dumps({"format": 1, "released": found.customers, "still_held": found.still, "rows": found.rows}).decode()
        if as_json
        else released_text(target, gate, found)
    )


@app.command()
@logged("error")
def explain(
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's key in the source.")],
    field: Annotated[str | None, typer.Argument(metavar="FIELD", help="Only this field of the vendor.")] = None,
    config: Config = HERE,
    as_json: AsJson = False,
) -> None:
    """Says why the target holds this value: source, map, plan, request, reply.

    Example: [bold]customer-sync explain sellercloud 7 Email[/bold]
    """
    from sync import app as parts
    from sync.reports.explaining import explanation_text, explanation_tree
    from sync.settings import load

    found = loop.run(parts.explain(load(config), target, customer, field))
    print(dumps(explanation_tree(found)).decode() if as_json else explanation_text(found))


@app.command()
@logged("error")
def sandbox(
    port: Annotated[int, typer.Option(metavar="PORT", help="0: any free one.")] = 8900,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")] = "127.0.0.1",
) -> None:
    """The four vendors, simulated on one local port, to try a map against. A page at / shows what they hold.

    Example: [bold]customer-sync sandbox --port 8900[/bold]
    """
    loop.run(_until_stopped(lambda stopping: _serve_sandbox(host, port, stopping)))


@app.command()
@logged("error")
def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where its files are left.")] = Path("var/demo"),
) -> None:
    """The whole story against the sandbox, with nothing to set up.

    Example: [bold]customer-sync demo[/bold]
    """
    from sync.demo.story import tell

    loop.run(tell(directory))


@app.command()
def schema(
    what: Annotated[
        str, typer.Argument(metavar="sync|target|VENDOR", help="sync.toml, targets/*.toml, or a vendor's fields.")
    ] = "sync",
) -> None:
    """Prints the JSON Schema of a config file, for editors, or of a vendor's update.

    Example: [bold]customer-sync schema target > target.schema.json[/bold]
    """
    from sync.pipeline.rules import nearest
    from sync.settings import SyncTable, TargetTable
    from sync.vendors import bundled

    models: dict[str, type[BaseModel]] = {
        "sync": SyncTable,
        "target": TargetTable,
        **{name: vendor.Customer for name, vendor in bundled().items()},
    }
    if what not in models:
        raise SyncError(f"there is no schema of {what}{nearest(what, models)}; there are {', '.join(models)}")
    print(dumps(models[what].model_json_schema(), indent=True).decode())


def main() -> None:
    """The entry point: expected failures become one line each and an exit code, never a traceback."""
    configure(REDACTOR, level="error", form="auto")
    sys.path.insert(0, str(Path.cwd()))  # a map may call functions that stand beside the config
    try:
        code = app(standalone_mode=False)
    except SyncError as error:
        print(error, file=sys.stderr)
        code = FAILED
    except typer.TyperException as error:
        print(error.format_message().replace("Value error, ", ""), file=sys.stderr)
        code = FAILED
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    raise SystemExit(code if isinstance(code, int) else DONE)


async def _until_stopped(work: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    """SIGTERM and SIGINT ask for an end, and bring it about after the grace period; the second one kills."""
    stopping, signals = asyncio.Event(), list[int]()
    running = asyncio.get_running_loop()
    task = asyncio.ensure_future(work(stopping))

    def asked(number: int) -> None:
        if signals:
            os._exit(128 + number)
        signals.append(number)
        stopping.set()
        print("stopping: what is in flight is finished first; again to end at once", file=sys.stderr)
        running.call_later(GRACE_SECONDS, task.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, asked, number)
    code = DONE
    with suppress(asyncio.CancelledError):
        code = await task
    if not signals:
        return code
    return INTERRUPTED if signals[0] == signal.SIGINT else DONE


async def _delivered(settings: Any, names: Sequence[str], stopping: asyncio.Event, work: Callable[..., Any], said: Said) -> int:
    """Runs or applies, and tells how it went."""
    from sync import app as parts
    from sync.reports.gates import gates_text
    from sync.reports.listings import dropped_text, run_text, run_tree
    from sync.reports.progress import Progress

    with Progress() as watch:
        report = await work(watch, stopping)
    found = await parts.failures(settings, names)
    dropped = [(target, one.customer, one.fields, one.reason) for target, one in report.dropped]
    if said.report:
        print(dropped_text(dropped).lstrip("\n"), end="\n" if dropped else "", file=sys.stderr)
    elif said.as_json:
        print(dumps(run_tree(report.run, report.targets, report.troubles, dropped, report.gates)).decode())
    else:
        print(run_text(report.run, report.targets, found) + gates_text(report.gates) + dropped_text(dropped))
    for trouble in report.troubles:
        print(trouble, file=sys.stderr)
    return FAILED if report.troubles else _code(found)


def _tried(settings: Any, config: Path) -> str:
    """How many map tests there are, as a part of a sentence. Raises SyncError where one fails, after telling which."""
    from sync import app as parts
    from sync.reports.maptests import maptest_text

    count = sum(len(target.tests) for target in settings.targets.values())
    failed = parts.try_maps(settings)
    for one in failed:
        print(maptest_text(one.file, one.test, one.mismatches, sys.stderr), file=sys.stderr)
    if failed:
        raise SyncError(f"{config}: {len(failed)} of {_count(count, 'map test')} failed")
    return f", {_count(count, 'map test')}" if count else ""


def _code(found: list[Failure]) -> int:
    return OUT_OF_STEP if any(failure.outcome in NOT_IN_STEP for failure in found) else DONE


async def _plan(propose: Callable[[Any], Any], report: Callable[[Any], None], *, detailed: bool) -> int:
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


def _view(only: list[Only] | None, customers: list[str] | None, fields: list[str] | None, values: Shown) -> Any:
    from sync.reports.view import View

    kinds: tuple[Literal["changed", "rejected", "held"], ...] = tuple(kind.value for kind in only or ())
    return View(kinds, frozenset(customers or ()), tuple(fields or ()), masked=values is Shown.MASKED)


def _writer(form: str, out: Path | None, view: Any, *, requests: bool) -> Write:
    """What writes a plan in these forms; that there are such forms is known before any work is done."""
    from sync.reports.forms import chosen, write

    forms = chosen(form)
    return lambda plan, targets: write(view.name(plan), [view.of(target) for target in targets], forms, out, requests=requests)


def _teller(form: str | None, out: Path | None, view: Any, *, requests: bool) -> Write | None:
    """What writes the report of a run, where one is asked for beside its figures."""
    return _writer(form or "text", out, view, requests=requests) if form or out else None


def _save(settings: Any, proposal: Any, path: Path) -> None:
    from sync.app import save_plan

    count = save_plan(settings, proposal, path)
    print(f"{_count(count, 'update')} saved: customer-sync apply {path}", file=sys.stderr)


async def _check_online(settings: Any, *, as_json: bool) -> bool:
    """Tells each as soon as it was looked at; says whether all is well."""
    from sync import app as parts
    from sync.reports.surveys import survey_text, survey_tree

    well, checked = True, {}
    async for one in parts.check_online(settings, REDACTOR):
        well = well and not one.trouble
        checked[one.name] = {"well": not one.trouble, "trouble": one.trouble, **(survey_tree(one.found) if one.found else {})}
        if not as_json:
            print(f"{one.name}: {one.trouble or 'well'}", file=sys.stderr if one.trouble else sys.stdout)
            print(survey_text(one.found) + "\n" if one.found else "", end="")
    if as_json:
        print(dumps({"format": 1, "checked": checked}).decode())
    return well


async def _serve(config: Path, listen: Any, stopping: asyncio.Event) -> int:
    from sync.background import Asked, serve

    reload = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload.set)
    await serve(config, listen, Asked(stopping, reload, GRACE_SECONDS), REDACTOR)
    return DONE


async def _serve_sandbox(host: str, port: int, stopping: asyncio.Event) -> int:
    from sync.sandbox.server import serve

    try:
        async with serve(host, port) as running:
            print(f"The sandbox answers at {running.url} (what it holds: open that in a browser). Ctrl-C ends it.", flush=True)
            await stopping.wait()
    except OSError as error:
        raise SyncError(f"cannot listen on {host}:{port}: {error.strerror}: name another --port") from None
    return DONE


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
