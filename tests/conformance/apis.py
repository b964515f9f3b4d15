"""A database behind a JSON API on a local port, which lists it in one of the ways in which APIs do."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from sync.app.apis import api, signing
from sync.log import Redactor
from sync.model import Standing
from sync.pipeline.asker import Asker
from sync.pipeline.lane import Lane, LanePolicy
from sync.pipeline.speaker import Sender, Speaker
from sync.ports import Source
from sync.settings import HttpTable
from sync.sources.http.source import Http, HttpPolicy
from tests.conformance.grounds import KEY, NOW, Lite

CAP = 500
"""Customers to a page, however many are asked for."""
WAYS: dict[str, dict[str, Any]] = {
    "whole": {},
    "page": {"items": "data.customers", "total": "meta.total", "paging": {"kind": "page", "parameter": "page"}},
    "offset": {
        "items": "data.customers",
        "paging": {"kind": "offset", "parameter": "offset", "size": CAP, "size_parameter": "n"},
    },
    "cursor": {"items": "edges[*].node", "paging": {"kind": "cursor", "parameter": "after", "next": "page.next"}},
    "link": {"paging": {"kind": "link"}},
    "next": {"items": "results", "paging": {"kind": "next", "next": "next"}},
}
"""The paging, and how a source is told of it."""


@dataclass
class Listed(Lite):
    """The table Customer as an API lists it; `asked` are the requests so far."""

    way: str = "whole"
    url: str = ""
    wire: Sender | None = None
    asked: list[str] = field(default_factory=list)

    crowd = (2, 8)

    def source(self, cursor: str | None = "Moved", **changed: Any) -> Source:
        """An overlap is a table's own word; `since` goes with a cursor."""
        overlap = f"{changed['overlap'].total_seconds():g}s" if "overlap" in changed else "0s"
        narrowing = {"cursor": cursor, "since": "since", "overlap": overlap} if cursor else {}
        table = HttpTable.model_validate(
            {"kind": "http", "url": f"{self.url}/{self.way}", "key": "Id", **WAYS[self.way], **narrowing}
        )
        lane = Lane("sources.crm", LanePolicy(), Standing(), asyncio.Event())
        assert self.wire is not None
        asker = Asker("sources.crm", Speaker(signing(table), lane, self.wire, Redactor()))
        source = Http(api(table), asker, HttpPolicy("sources.crm", table.overlap, table.optional), KEY)
        self.opened.append(source)
        return source

    def app(self) -> web.Application:
        """What answers."""
        app = web.Application()
        app.router.add_get("/{way}", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.Response:
        """By a clock that stands still, so that no second passes between two pages."""
        self.asked.append(request.path_qs)
        tree, headers = getattr(self, request.match_info["way"])(request.query)
        return web.json_response(tree, headers={"Date": format_datetime(NOW, usegmt=True), **headers})

    def rows(self, query: Any, *, condition: str = "TRUE", limit: int = -1, offset: int = 0) -> list[dict[str, Any]]:
        """Some of the table, in its order."""
        listed = self.listed(query, "rowid AS place, *")
        return self.select(f"{listed} AND {condition} ORDER BY place LIMIT {limit} OFFSET {offset}", query)

    def listed(self, query: Any, what: str) -> str:
        """Who has no time is always listed: nobody knows when they changed."""
        return f"SELECT {what} FROM Customer WHERE {'(Moved >= :since OR Moved IS NULL)' if 'since' in query else 'TRUE'}"

    def select(self, statement: str, query: Any) -> list[dict[str, Any]]:
        """Nothing, where there is no table yet."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                return []
            return [dict(row) for row in connection.execute(statement, dict(query))]

    def numbered(self, query: Any) -> tuple[list[dict[str, Any]], int | None]:
        """One page, and the number of the next one."""
        number = int(query.get("page", 1))
        found = self.rows(query, limit=CAP + 1, offset=(number - 1) * CAP)
        return shown(found[:CAP]), number + 1 if len(found) > CAP else None

    def whole(self, query: Any) -> tuple[Any, dict[str, str]]:
        return shown(self.rows(query)), {}

    def page(self, query: Any) -> tuple[Any, dict[str, str]]:
        customers, _ = self.numbered(query)
        counted = self.select(self.listed(query, "count(*) AS total"), query)
        return {"data": {"customers": customers}, "meta": counted[0] if counted else {"total": 0}}, {}

    def offset(self, query: Any) -> tuple[Any, dict[str, str]]:
        return {"data": {"customers": shown(self.rows(query, limit=CAP, offset=int(query["offset"])))}}, {}

    def cursor(self, query: Any) -> tuple[Any, dict[str, str]]:
        behind = "rowid > CAST(:after AS INTEGER)" if "after" in query else "TRUE"
        found = self.rows(query, condition=behind, limit=CAP + 1)
        more = found[CAP - 1]["place"] if len(found) > CAP else None
        return {"edges": [{"node": customer} for customer in shown(found[:CAP])], "page": {"next": more}}, {}

    def link(self, query: Any) -> tuple[Any, dict[str, str]]:
        customers, following = self.numbered(query)
        since = f"&since={query['since']}" if "since" in query else ""
        return customers, {"Link": f'</link?page={following}{since}>; rel="next"'} if following else {}

    def next(self, query: Any) -> tuple[Any, dict[str, str]]:
        customers, following = self.numbered(query)
        since = f"&since={query['since']}" if "since" in query else ""
        return {"results": customers, "next": f"{self.url}/next?page={following}{since}" if following else None}, {}


def shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without their place in the table."""
    return [{name: value for name, value in row.items() if name != "place"} for row in rows]
