"""The dashboard's routes, and what a person sees where something went wrong."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from sync.errors import SyncError
from sync.service.dashboard import actions, customers, live, login, overview, planning, runs
from sync.service.dashboard.desk import HOUSE, House
from sync.service.dashboard.paper import page, static
from sync.service.supervisor import place

log = structlog.get_logger()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ROUTES = (
    web.get("/", overview.overview),
    web.get("/runs", runs.runs),
    web.get("/runs/{run}", runs.run),
    web.get("/runs/{run}/report", runs.report),
    web.get("/out-of-step", customers.out_of_step),
    web.get("/customer", customers.customer),
    web.get("/plan", planning.show),
    web.post("/plan", planning.make),
    web.get("/plan/report", planning.report),
    web.get("/events", live.events),
    web.post("/targets/{target}/pause", actions.pause),
    web.post("/targets/{target}/resume", actions.resume),
    web.post("/targets/{target}/run", actions.run_now),
    web.post("/retry", actions.retry),
    web.post("/release", actions.release),
    web.get("/login", login.show, name="login"),
    web.post("/login", login.enter, name="login"),
    web.post("/logout", login.leave),
    web.get("/static/{name}", static, name="static"),
)


def furnish(app: web.Application, house: House) -> None:
    """Adds the dashboard to the application."""
    app[HOUSE] = house
    app[overview.COUNTS] = overview.Counts(house)
    app[planning.PLANNER] = planner = planning.Planner()
    app[live.LISTENERS] = listeners = live.Listeners()
    app.on_shutdown.append(listeners.close)
    app.on_cleanup.append(planner.close)
    app.middlewares.append(friendly)
    app.add_routes(ROUTES)


@web.middleware
async def friendly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What went wrong, as a page for whoever wants pages. What nobody expected is told by its place, never by its words."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if isinstance(error, web.HTTPRedirection) or "text/html" not in request.headers.get("Accept", ""):
            raise
        return page(request, "error.html", status=error.status, reason=error.reason, text=(error.text or "").strip())
    except SyncError as error:
        return page(request, "error.html", status=503, reason="This cannot be shown now", text=str(error))
    except Exception as error:  # noqa: BLE001 - a bug: it must not show what it held
        resource = request.match_info.route.resource
        log.error("page.failed", path=resource.canonical if resource else "", reason=place(error))  # noqa: TRY400 - as above
        return page(request, "error.html", status=500, reason="Something is wrong with this page", text="The log says where.")
