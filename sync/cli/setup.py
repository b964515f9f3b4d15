"""Before the first run: `init` and `check` a config, its `schema`, and a `demo` without one."""

import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sync import loop
from sync.cli.codes import FAILED
from sync.cli.flags import HERE, AsJson, Config
from sync.cli.logged import REDACTOR, logged
from sync.errors import SyncError
from sync.model import dumps


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
    shutil.copytree(Path(__file__).parents[1] / "example", directory, dirs_exist_ok=True)
    print(f"Wrote {directory}/sync.toml and {directory}/targets/. It runs against the sandbox as it is; next:")
    print(f"  customer-sync check --config {directory}")


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
    from sync.app.addresses import check_addresses
    from sync.reports.wording import counted
    from sync.settings import load

    settings = load(config)
    loop.run(check_addresses(settings, REDACTOR))
    for warning in (*settings.warnings, *loop.run(parts.check_files(settings))):
        print(f"warning: {warning}", file=sys.stderr)
    tests = _tried(settings, config)
    nouns = {"source": settings.sources, "account": settings.accounts, "target": settings.targets}
    found = ", ".join(counted(len(these), noun) for noun, these in nouns.items())
    print(f"{config}: {found}{tests}: valid", file=sys.stderr if as_json else sys.stdout)
    if online and not loop.run(_check_online(settings, as_json=as_json)):
        raise typer.Exit(FAILED)


@logged("error")
def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where its files are left.")] = Path("var/demo"),
) -> None:
    """The whole story against the sandbox, with nothing to set up.

    Example: [bold]customer-sync demo[/bold]
    """
    from sync.demo.story import tell

    loop.run(tell(directory))


def schema(
    what: Annotated[
        str, typer.Argument(metavar="sync|target|VENDOR", help="sync.toml, targets/*.toml, or a vendor's fields.")
    ] = "sync",
) -> None:
    """Prints the JSON Schema of a config file, for editors, or of a vendor's update.

    Example: [bold]customer-sync schema target > target.schema.json[/bold]
    """
    from pydantic import BaseModel

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


def _tried(settings: Any, config: Path) -> str:
    """How many map tests there are, as a part of a sentence. Raises SyncError where one fails, after telling which."""
    from sync import app as parts
    from sync.reports.maptests import maptest_text
    from sync.reports.wording import counted

    count = sum(len(target.tests) for target in settings.targets.values())
    failed = parts.try_maps(settings)
    for one in failed:
        print(maptest_text(one.file, one.test, one.mismatches, sys.stderr), file=sys.stderr)
    if failed:
        raise SyncError(f"{config}: {len(failed)} of {counted(count, 'map test')} failed")
    return f", {counted(count, 'map test')}" if count else ""


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
