"""A template and what it shows -> a page. Every text is escaped by the template engine, whatever it holds."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from sync.model import UNKNOWN, Change, Leaf, Missing, Request
from sync.reports.marking import Sides, clip, sides
from sync.reports.values import shown, visible
from sync.reports.wording import counted, spent
from sync.service.access.door import CSRF, SESSION
from sync.service.dashboard.desk import HOUSE

LONGEST_VALUE: Final = 300
DONE: Final = {
    "paused": "Paused: it runs only when asked to.",
    "resumed": "Resumed: it runs by its schedule again.",
    "started": "It runs as soon as it is free.",
    "retried": "To be tried again",
    "released": "Let through, and sent with the next run",
    "planned": "The plan was made. Nothing was sent.",
}
"""What may be said after something was done; how many customers it was about stands behind it."""
STATIC: Final = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": lambda text: visible(str(text)),
        "shown": shown,
        "counted": counted,
        "stamp": stamp,
        "ago": ago,
        "spent": spent,
    }
    environment.globals |= {"marked": marked, "link": link, "sent": sent, "CSRF": CSRF, "UNKNOWN": UNKNOWN}
    return environment


def page(request: web.Request, template: str, *, status: int = 200, **shows: Any) -> web.Response:
    """One page, with what stands on every one of them."""
    door = request.app[HOUSE].door
    frame = {
        "token": door.token(request) if SESSION in request else "",
        "here": request.path_qs,
        "path": request.path,
        "inside": not door.policy.guarded or (SESSION in request and request[SESSION].member),
        "guarded": door.policy.guarded,
        "done": _done(request),
        "now": datetime.now(UTC),
    }
    text = _environment().get_template(template).render(frame | shows)
    return web.Response(text=text, status=status, content_type="text/html")


async def static(request: web.Request) -> web.Response:
    """The style and the script, which are the same for everybody."""
    name = request.match_info["name"]
    if name not in STATIC:
        raise web.HTTPNotFound
    return web.Response(text=_static(name), content_type=STATIC[name])


@cache
def _static(name: str) -> str:
    own = files(__package__).joinpath("static", name).read_text("utf-8")
    return files("sync.reports").joinpath("templates", "plan.css").read_text("utf-8") + own if name.endswith(".css") else own


def _done(request: web.Request) -> str:
    told, number = DONE.get(request.query.get("done", ""), ""), request.query.get("n", "")
    return f"{told}: {counted(int(number), 'customer')}." if told and number.isascii() and number.isdecimal() else told


def link(path: str, /, **query: object) -> str:
    """A path of ours with what it asks for; what is empty is left out."""
    asked = urlencode({name.rstrip("_"): str(value) for name, value in query.items() if value not in ("", None)})
    return f"{path}?{asked}" if asked else path


def marked(before: Leaf | Missing, after: Leaf | Missing) -> Sides:
    """Both values as they are shown, with what differs between them."""
    return clip(sides(Change("", before, after)), LONGEST_VALUE)


def sent(requests: Sequence[Request]) -> list[tuple[str, str, str]]:
    """Method, URL, and body with every secret as `***`."""
    return [(request.method, request.url, (request.content() or b"").decode()) for request in requests]


def stamp(moment: datetime | None) -> str:
    """A moment in the machine's time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment else ""


def ago(moment: datetime, now: datetime) -> str:
    """`in 5 s`, `2 min 03 s ago`."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {spent(seconds)}" if seconds > 0 else f"{spent(-seconds)} ago"


def asked(request: web.Request, names: Mapping[str, str]) -> dict[str, str]:
    """What a query asks for, by name, with what it is where nothing is said."""
    return {name: request.query.get(name, default)[:200] for name, default in names.items()}
