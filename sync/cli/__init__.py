"""Flags -> calls, errors -> exit codes: 0 done, 1 could not run, 2 there are changes, 3 some customers are out of step."""

import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from sync.cli.codes import DONE, FAILED, INTERRUPTED
from sync.cli.delivery import apply, run
from sync.cli.help import Commands
from sync.cli.logged import REDACTOR
from sync.cli.plans import plan, undo
from sync.cli.service import alert, sandbox, serve
from sync.cli.setup import check, demo, init, schema
from sync.cli.standing import explain, failures, release, retry, status
from sync.cli.streams import give_up, prepare
from sync.errors import SyncError
from sync.log import configure

EVERY = (init, check, plan, undo, apply, run, serve, alert, status, failures, retry, release, explain, sandbox, demo, schema)
"""The commands, in the order in which somebody meets them."""


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


@app.callback()
def about(_version: Version = False) -> None:
    """Keeps the customers of your vendors equal to your own: see what would be sent, then send exactly that."""


for command in EVERY:
    app.command()(command)


def main() -> None:
    """The entry point: expected failures become one line each and an exit code, never a traceback."""
    prepare()
    configure(REDACTOR, level="error", form="auto")
    sys.path.insert(0, str(Path.cwd()))  # a map may call functions that stand beside the config
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except SyncError as error:
        print(error, file=sys.stderr)
        code = FAILED
    except typer.TyperException as error:
        print(error.format_message().replace("Value error, ", ""), file=sys.stderr)
        code = FAILED
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        give_up()
        code = FAILED
    except OSError as error:
        give_up()
        print(f"{error.filename or 'standard output'}: {error.strerror}", file=sys.stderr)
        code = FAILED
    raise SystemExit(code if isinstance(code, int) else DONE)
