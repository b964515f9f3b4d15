"""Forms of the dashboard -> what is done about a target or its customers, then back to the page."""

import re
from typing import Final

import structlog
from aiohttp import web
from yarl import URL

from sync.pipeline.gates import GATES
from sync.service.dashboard.desk import HOUSE
from sync.service.turns import Turn

log = structlog.get_logger()
OURS: Final = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")
MOST_AT_ONCE: Final = 1000


def back(place: str, **told: object) -> web.HTTPSeeOther:
    """Back to a page of ours, and to no other, which says what was done."""
    url = URL(place if OURS.fullmatch(place) else "/", encoded=True)
    return web.HTTPSeeOther(
        url.without_query_params("done", "n").update_query({name: str(value) for name, value in told.items()})
    )


async def pause(request: web.Request) -> web.Response:
    """The target runs only when asked to."""
    await request.app[HOUSE].engine.pause(_turn(request).name)
    raise await _done(request, done="paused")


async def resume(request: web.Request) -> web.Response:
    """The target runs by its schedule again."""
    await request.app[HOUSE].engine.resume(_turn(request).name)
    raise await _done(request, done="resumed")


async def run_now(request: web.Request) -> web.Response:
    """The target runs as soon as it is free."""
    turn = _turn(request)
    request.app[HOUSE].engine.run_now(turn.name)
    log.info("target.asked", target=turn.name)
    raise await _done(request, done="started")


async def retry(request: web.Request) -> web.Response:
    """Those who are named as target/customer in `who`, or with `target` all who are out of step there."""
    house, form = request.app[HOUSE], await request.post()
    chosen: dict[str, list[str]] = {}
    for who in form.getall("who", [])[:MOST_AT_ONCE]:
        target, _, customer = str(who).partition("/")
        chosen.setdefault(target, []).append(customer)
    if whole := str(form.get("target", "")):
        chosen = {whole: []}
    if not set(chosen) <= set(house.engine.turns):
        raise web.HTTPNotFound(text="there is no such target\n")
    number = sum([await house.service.store.retry([target], customers) for target, customers in chosen.items()])
    log.info("customers.retried", customers=number)
    raise await _done(request, done="retried", n=number)


async def release(request: web.Request) -> web.Response:
    """What a gate holds of a target now, is let through."""
    house, form = request.app[HOUSE], await request.post()
    target, gate = str(form.get("target", "")), str(form.get("gate", ""))
    if target not in house.engine.turns or gate not in GATES:
        raise web.HTTPNotFound(text="there is no such target or gate\n")
    released = await house.service.store.release(target, gate)
    log.info("gate.released", target=target, gate=gate, customers=released.customers)
    raise await _done(request, done="released", n=released.customers)


def _turn(request: web.Request) -> Turn:
    turn = request.app[HOUSE].engine.turns.get(request.match_info["target"])
    if turn is None:
        raise web.HTTPNotFound(text="there is no such target\n")
    return turn


async def _done(request: web.Request, **told: object) -> web.HTTPSeeOther:
    request.app[HOUSE].service.recent.touch()
    return back(str((await request.post()).get("back", "/")), **told)
