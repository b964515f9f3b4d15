"""What goes on until it is stopped: `serve` and `sandbox`; and `alert`, which says whether people hear of it."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sync import loop
from sync.cli.codes import DONE, FAILED
from sync.cli.flags import HERE, AsJson, Config
from sync.cli.logged import REDACTOR, logged
from sync.cli.stopping import GRACE_SECONDS, until_stopped
from sync.errors import SyncError
from sync.model import dumps


@logged("info")
def serve(
    config: Config = HERE,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where /healthz, /readyz and /metrics are; else \\[service] listen.")
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
    raise typer.Exit(loop.run(until_stopped(lambda stopping: _serve(config, place, stopping), logs=True)))


@logged("error")
def alert(
    config: Config = HERE,
    test: Annotated[
        bool, typer.Option("--test", help="Send a message to everybody in \\[alerts], to see that it arrives.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Lists what is wrong as far as people were told by `serve`, or tries whether they can be told.

    Example: [bold]customer-sync alert --test[/bold]
    """
    from sync.app import addresses
    from sync.reports.listings import alerts_text, alerts_tree
    from sync.settings import load

    settings = load(config)
    if not test:
        found = loop.run(addresses.alerts(settings))
        print(dumps(alerts_tree(found)).decode() if as_json else alerts_text(found))
        return
    reasons = loop.run(addresses.try_addresses(settings, REDACTOR))
    if as_json:
        print(dumps({"format": 1, "tested": reasons}).decode())
    else:
        for name, reason in reasons.items():
            print(f"{name}: {reason or 'sent'}", file=sys.stderr if reason else sys.stdout)
    if any(reasons.values()):
        raise typer.Exit(FAILED)


@logged("error")
def sandbox(
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0: any free one.")] = 8900,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")] = "127.0.0.1",
) -> None:
    """The four vendors, simulated on one local port, to try a map against. A page at / shows what they hold.

    Example: [bold]customer-sync sandbox --port 8900[/bold]
    """
    loop.run(until_stopped(lambda stopping: _serve_sandbox(host, port, stopping)))


async def _serve(config: Path, listen: Any, stopping: asyncio.Event) -> int:
    from sync.app.background import Asked, serve

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
