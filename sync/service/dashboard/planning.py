"""What would be sent now -> a plan that is made when somebody asks, shown page by page, and kept until the next one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from typing import Final

from aiohttp import web
from markupsafe import Markup

from sync.errors import SyncError
from sync.model import Entry, Held, Rejection, TargetPlan, Update
from sync.reports import charts
from sync.reports.gates import gates_html
from sync.reports.html import Html, content_policy
from sync.reports.view import View
from sync.service.dashboard.actions import back
from sync.service.dashboard.charts import shares
from sync.service.dashboard.desk import HOUSE, Desk
from sync.service.dashboard.paper import asked, page

ROWS: Final = 25
MOST: Final = 20_000
"""Entries of a target that can be paged through, as many as the report lists."""
KINDS: Final = {"update": Update, "rejected": Rejection, "held": Held}


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan that can be looked at. `troubles` are what could not be read."""

    title: str
    made: datetime
    targets: tuple[TargetPlan, ...]
    troubles: tuple[str, ...]


class Planner:
    """Makes one plan at a time, and keeps the last."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._turn = asyncio.Lock()
        self.kept: Kept | None = None

    async def make(self, desk: Desk, names: Sequence[str]) -> None:
        """Plans anew. Raises SyncError, and then there is none."""
        async with self._turn:
            await self._forget()
            proposal = await self._stack.enter_async_context(desk.propose(names))
            view = View(masked=desk.mask)
            targets = tuple(view.of(target) for target in proposal.targets)
            self.kept = Kept(view.name(proposal.title), datetime.now(UTC), targets, proposal.troubles)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Kept | None]:
        """The plan; nobody else reads or replaces it meanwhile, since its entries are read from one file."""
        async with self._turn:
            yield self.kept

    async def close(self, _app: web.Application | None = None) -> None:
        """Lets go of the plan."""
        async with self._turn:
            await self._forget()

    async def _forget(self) -> None:
        self.kept = None
        await self._stack.aclose()


PLANNER: Final = web.AppKey("planner", Planner)


async def make(request: web.Request) -> web.Response:
    """Makes a plan for the target that is asked for, or for all."""
    house, form = request.app[HOUSE], await request.post()
    name = str(form.get("target", ""))
    if name and name not in house.engine.turns:
        raise web.HTTPNotFound(text="there is no such target\n")
    try:
        await request.app[PLANNER].make(house.at_work, [name] if name else list(house.engine.turns))
    except SyncError as error:
        return page(request, "plan.html", status=502, plan=None, trouble=str(error), targets=list(house.engine.turns))
    raise back("/plan", done="planned")


async def show(request: web.Request) -> web.Response:
    """`?target=` and `?kind=` choose a list, `?page=` which part of it."""
    house, wants = request.app[HOUSE], asked(request, {"target": "", "kind": "update", "page": "1"})
    names = list(house.engine.turns)
    async with request.app[PLANNER].reading() as plan:
        if plan is None:
            return page(request, "plan.html", plan=None, trouble="", targets=names)
        chosen = next((target for target in plan.targets if target.target == wants["target"]), None)
        number = int(wants["page"]) if wants["page"].isascii() and wants["page"].isdecimal() else 1
        number = min(max(number, 1), MOST // ROWS)
        entries = _entries(chosen, wants["kind"], (number - 1) * ROWS) if chosen else []
    return page(
        request,
        "plan.html",
        plan=plan,
        trouble="",
        targets=names,
        figures=Markup(charts.figures(plan.targets)),  # noqa: S704 - which escapes what it shows
        gates=Markup(gates_html(plan.targets)),  # noqa: S704 - as above
        fields={target.target: shares(target.fields) for target in plan.targets if target.fields},
        chosen=chosen,
        kind=wants["kind"] if wants["kind"] in KINDS else "update",
        entries=entries[:ROWS],
        number=number,
        more=len(entries) > ROWS and number < MOST // ROWS,
    )


def _entries(target: TargetPlan, kind: str, start: int) -> list[Entry]:
    wanted = KINDS.get(kind, Update)
    return list(islice((entry for entry in target.entries() if isinstance(entry, wanted)), start, start + ROWS + 1))


async def report(request: web.Request) -> web.Response:
    """The plan's report as one page, which needs nothing else, to be searched and kept."""
    async with request.app[PLANNER].reading() as plan:
        if plan is None:
            raise web.HTTPNotFound(text="there is no plan: make one\n")
        out = StringIO()
        await asyncio.to_thread(Html().write, plan.title, plan.targets, out)
    policy = f"{content_policy()}; frame-ancestors 'none'"
    return web.Response(text=out.getvalue(), content_type="text/html", headers={"Content-Security-Policy": policy})
