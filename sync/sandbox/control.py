"""/_sandbox/...: the sandbox's own address, in JSON -> its switches, faults, customers and history."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from sync.sandbox.faults import fault
from sync.sandbox.history import masked
from sync.sandbox.world import World

WORLD: Final = web.AppKey("world", World)
PAGE: Final = 10_000


async def get_switches(request: web.Request) -> web.Response:
    """Every switch: value, default, allowed values, meaning."""
    switches = request.app[WORLD].switches
    return _json({name: _switch(switches[name], switch) for name, switch in switches.table.items()})


async def put_switches(request: web.Request) -> web.Response:
    """Changes some switches: {"rpm.null": "clear"}."""
    tree = await _body(request)
    request.app[WORLD].switches.set(_object(tree))
    return _json(dict(request.app[WORLD].switches))


async def get_faults(request: web.Request) -> web.Response:
    """The faults that wait for their calls."""
    return _json([active.tree() for active in request.app[WORLD].faults.active])


async def post_faults(request: web.Request) -> web.Response:
    """Sets a fault, a list of them, or {"seed": 7, "faults": [...]}: all or none."""
    world, tree = request.app[WORLD], await _body(request)
    seed, items = None, tree
    if isinstance(tree, dict) and "faults" in tree:
        seed, items = tree.get("seed"), tree["faults"]
    faults = [fault(_object(item)) for item in (items if isinstance(items, list) else [items])]
    if isinstance(seed, int):
        world.faults.seed(seed)
    for item in faults:
        world.faults.add(item)
    return await get_faults(request)


async def delete_faults(request: web.Request) -> web.Response:
    """Takes all faults away, and opens what a rate limit holds closed."""
    world = request.app[WORLD]
    world.faults.clear()
    for limit in world.limits.values():
        limit.clear()
    return _json([])


async def get_customers(request: web.Request) -> web.Response:
    """What they hold, by id; `?vendor=` for one of them alone. Passwords are masked."""
    world, vendor = request.app[WORLD], request.query.get("vendor")
    if vendor is None:
        return _json({name: world.customers(name) for name in world.vendors})
    return _json(world.customers(_known(world, vendor)))


async def post_customers(request: web.Request) -> web.Response:
    """Puts customers on the shelf: {"vendor": "rpm", "customers": {"7": {"Name": "..."}}}."""
    world, tree = request.app[WORLD], await _body(request)
    vendor = _known(world, str(_object(tree).get("vendor")))
    for id, values in _object(tree.get("customers")).items():
        world.vendors[vendor].seed(id, values)
    return _json({"customers": len(world.vendors[vendor].shelf)})


async def get_history(request: web.Request) -> web.Response:
    """The requests after `?since=SEQUENCE` of `?vendor=`, at most `?limit=` of them, the oldest first."""
    world, query = request.app[WORLD], request.query
    since, limit, vendor = int(query.get("since", 0)), int(query.get("limit", PAGE)), query.get("vendor")
    found = (entry for entry in world.history.entries if entry.sequence > since and vendor in {None, entry.vendor})
    return _json([entry.tree() for entry, _ in zip(found, range(limit), strict=False)])


async def post_reset(request: web.Request) -> web.Response:
    """Everything as it was at the start, the switches too (unless {"switches": false})."""
    tree = await _body(request) if request.can_read_body else {}
    request.app[WORLD].reset(switches=not (isinstance(tree, dict) and tree.get("switches") is False))
    return _json({"reset": True})


async def elsewhere(_: web.Request) -> web.Response:
    """Where a redirect leads: whoever gets here has followed it."""
    return _json({})


ROUTES: Final = (
    web.get("/_sandbox/switches", get_switches),
    web.put("/_sandbox/switches", put_switches),
    web.get("/_sandbox/faults", get_faults),
    web.post("/_sandbox/faults", post_faults),
    web.delete("/_sandbox/faults", delete_faults),
    web.get("/_sandbox/customers", get_customers),
    web.post("/_sandbox/customers", post_customers),
    web.get("/_sandbox/history", get_history),
    web.post("/_sandbox/reset", post_reset),
    web.route("*", "/_sandbox/elsewhere", elsewhere),
)


@web.middleware
async def complain(request: web.Request, handler: Any) -> web.StreamResponse:
    """What is wrong with a request to /_sandbox, as 400 with one sentence."""
    try:
        response: web.StreamResponse = await handler(request)
    except ValueError as error:
        if request.path.startswith("/_sandbox"):
            return _json({"error": str(error)}, status=400)
        raise
    return response


def _object(tree: object) -> Mapping[str, Any]:
    if isinstance(tree, dict):
        return tree
    raise ValueError("expected a JSON object")


def _switch(value: object, switch: Any) -> Mapping[str, Any]:
    return {"value": value, "default": switch.default, "values": switch.values, "about": switch.about}


def _known(world: World, vendor: str) -> str:
    if vendor not in world.vendors:
        raise ValueError(f"vendor must be one of {', '.join(world.vendors)}")
    return vendor


async def _body(request: web.Request) -> Any:
    return orjson.loads(await request.read())


def _json(tree: object, *, status: int = 200) -> web.Response:
    text = masked(orjson.dumps(tree, option=orjson.OPT_INDENT_2).decode())
    return web.Response(text=text, status=status, content_type="application/json")
