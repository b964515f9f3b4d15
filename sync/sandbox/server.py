"""Switches, a seed and a port -> the sandbox, served until the block is left."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiohttp import web

from sync.sandbox import page
from sync.sandbox.control import ROUTES, WORLD, complain
from sync.sandbox.front import respond
from sync.sandbox.history import KEEP
from sync.sandbox.world import World

LARGEST_REQUEST: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that answers: where, and what it holds."""

    url: str
    state: World

    def base_url(self, vendor: str) -> str:
        """What an account of this vendor has as its base_url to reach the sandbox."""
        return self.url + self.state.vendors[vendor].prefix


def build(switches: Mapping[str, Any] | None = None, seed: int = 0, *, keep: int = KEEP) -> web.Application:
    """The application, with its state under `control.WORLD`; ValueError for a switch that is none."""
    world = World(switches, seed=seed, keep=keep)
    app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[complain])
    app[WORLD] = world
    for vendor in world.vendors.values():
        app.router.add_route("*", vendor.prefix + "/{path:.*}", partial(respond, world, vendor))
    app.add_routes([*ROUTES, web.get("/", page.show)])
    app.on_shutdown.append(_stop)
    return app


@asynccontextmanager
async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    switches: Mapping[str, Any] | None = None,
    seed: int = 0,
    keep: int = KEEP,
) -> AsyncIterator[Running]:
    """Serves the sandbox in this event loop; port 0 is any free one."""
    app = build(switches, seed, keep=keep)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, reuse_address=True)
        await site.start()
        bound = runner.addresses[0][1]
        yield Running(f"http://{f'[{host}]' if ':' in host else host}:{bound}", app[WORLD])
    finally:
        await runner.cleanup()


async def _stop(app: web.Application) -> None:
    app[WORLD].stopping.set()
