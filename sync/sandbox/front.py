"""One HTTP request to a vendor -> the bytes of its answer, with the limit kept, the faults played and all of it noted."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from sync.sandbox.faults import Fault
from sync.sandbox.history import Entry
from sync.sandbox.nonsense import elsewhere, garbage
from sync.sandbox.talk import CUT, Answer, Asked, Call, Simulated
from sync.sandbox.world import World

MEGABYTE: Final = 1_000_000


async def respond(world: World, vendor: Simulated, request: web.Request) -> web.StreamResponse:
    """Answers one request, and notes it."""
    received = time.monotonic()
    path = request.rel_url.raw_path
    parts = tuple(unquote(part) for part in path.removeprefix(vendor.prefix).strip("/").split("/"))
    asked = Asked(request.method, parts, tuple(request.query.items()), request.headers, await request.read())
    call = vendor.call(asked)
    entry = world.history.open(vendor.name, asked, call, request.rel_url.raw_path_qs, received)
    said = CUT
    try:
        said = await _played(world, vendor, call, entry)
    finally:
        world.history.close(entry, said, gone=_gone(request))
    return await _sent(request, said)


async def _played(world: World, vendor: Simulated, call: Call, entry: Entry) -> Answer:
    fault = world.faults.pick(vendor.name, entry.method, call)
    entry.fault = fault.fault if fault else None
    if fault and fault.fault in WAITS_BEFORE:
        await _pause(world, fault.seconds)
    if world.stopping.is_set():
        return CUT
    early = INSTEAD[fault.fault](world, vendor, fault) if fault and fault.fault in INSTEAD else None
    said = early or _acted(world, vendor, call, entry, apply=not fault or fault.apply)
    if fault and fault.fault in AFTERWARDS:
        said = AFTERWARDS[fault.fault](vendor, said, fault)
    late = world.switches["latency"] + (fault.seconds if fault and fault.fault == "slow" else 0)
    await _pause(world, late)
    return CUT if world.stopping.is_set() else said


def _acted(world: World, vendor: Simulated, call: Call, entry: Entry, *, apply: bool) -> Answer:
    """The vendor's answer, which is where a write takes effect."""
    over = world.limits[vendor.name].exceeded(world.switches[f"{vendor.name}.limit"])
    if over is not None:
        return vendor.limited(over)
    if not apply:
        return Answer(200)
    said = call.act()
    if said.wrote is not None:
        world.history.apply(entry, dict(said.wrote))
    return said


async def _pause(world: World, seconds: float) -> None:
    if seconds > 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(world.stopping.wait(), seconds)


# ---- faults, by when they come


def _status(_: World, __: Simulated, fault: Fault) -> Answer:
    headers = {"Content-Type": "application/json; charset=utf-8", **fault.headers}
    return Answer(fault.status or 500, fault.body.encode(), headers, error=True)


def _expired(_: World, vendor: Simulated, fault: Fault) -> None:
    vendor.expire(refresh=fault.refresh)


def _limited(world: World, vendor: Simulated, fault: Fault) -> Answer:
    if fault.hold or fault.fault == "daily_limit":
        world.limits[vendor.name].close(fault.seconds)
    return vendor.limited(fault.seconds)


def _redirected(_: World, __: Simulated, fault: Fault) -> Answer:
    return Answer(fault.status or 302, headers={"Location": fault.location}, error=True)


WAITS_BEFORE: Final = {"hang"}
INSTEAD: Final[dict[str, Callable[[World, Simulated, Fault], Answer | None]]] = {
    "status": _status,
    "drop_before": lambda *_: CUT,
    "expire_tokens": _expired,
    "rate_limit": _limited,
    "daily_limit": _limited,
    "conflict": lambda _, vendor, __: vendor.conflict(),
    "redirect": _redirected,
}
AFTERWARDS: Final[dict[str, Callable[[Simulated, Answer, Fault], Answer]]] = {
    "drop_after": lambda _, said, __: replace(CUT, wrote=said.wrote),
    "error_after": lambda vendor, _, __: vendor.broken(),
    "garbage": lambda _, said, fault: garbage(said, fault),
    "wrong_id": lambda vendor, said, _: elsewhere(said, vendor.id_at),
}


# ---- the wire


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _sent(request: web.Request, said: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=said.status or 200, reason=said.reason, headers=said.headers)
    if said.cut is None and len(said.body) <= MEGABYTE:
        return web.Response(status=said.status, reason=said.reason, headers=said.headers, body=said.body)
    response.content_length = len(said.body)
    with suppress(ConnectionError):
        if said.status:
            await response.prepare(request)
            await _written(response, said.body[: said.cut])
        if said.cut is not None and request.transport is not None:
            request.transport.abort()
    return response


async def _written(response: web.StreamResponse, body: bytes) -> None:
    for start in range(0, len(body), MEGABYTE):
        await response.write(body[start : start + MEGABYTE])
