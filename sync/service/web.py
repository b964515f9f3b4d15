"""HTTP -> the service's health, metrics and dashboard."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from sync.errors import StateError, SyncError
from sync.service.dashboard.desk import HOUSE, House
from sync.service.dashboard.routes import furnish

LARGEST_FORM: Final = 256 << 10
"""Bytes."""


def build(house: House) -> web.Application:
    """The application; the door comes before everything."""
    app = web.Application(client_max_size=LARGEST_FORM)
    furnish(app, house)
    house.door.fit(app)
    app.add_routes(
        [
            web.get("/healthz", alive, name="healthz"),  # HEAD comes along
            web.get("/readyz", ready, name="readyz"),
            web.get("/metrics", metrics, name="metrics"),
        ]
    )
    return app


async def alive(_request: web.Request) -> web.Response:
    """The process answers."""
    return web.json_response({"format": 1, "alive": True})


async def ready(request: web.Request) -> web.Response:
    """Whether it does its work: 503 with the reasons, where it does not."""
    reasons = await request.app[HOUSE].service.troubles()
    body = orjson.dumps({"format": 1, "ready": not reasons, "reasons": reasons})
    return web.Response(body=body, status=503 if reasons else 200, content_type="application/json")


async def metrics(request: web.Request) -> web.Response:
    """For Prometheus."""
    try:
        return web.Response(body=await request.app[HOUSE].service.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})
    except StateError as error:
        return web.Response(text=f"{error}\n", status=503)


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serves the application in this event loop; yields its URL. Raises SyncError."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, reuse_address=True).start()
        except OSError as error:
            raise SyncError(f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}: name another --listen") from None
        yield f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
