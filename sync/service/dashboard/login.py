"""A form with a token, or a name and password -> a session; and out again."""

from typing import Final

from aiohttp import web

from sync.service.access.door import later
from sync.service.dashboard.actions import back
from sync.service.dashboard.desk import HOUSE
from sync.service.dashboard.paper import asked, page

WRONG: Final = "This is not known here."


async def show(request: web.Request) -> web.Response:
    """The form; whoever is in already goes on."""
    door, place = request.app[HOUSE].door, asked(request, {"next": "/"})["next"]
    if not door.policy.guarded:
        raise back("/")
    return _form(request, place, "", 200)


async def enter(request: web.Request) -> web.Response:
    """Lets in whoever is known, and makes everybody else wait longer each time."""
    door, form = request.app[HOUSE].door, await request.post()
    place = str(form.get("next", "/"))
    if (wait := door.wait(request)) > 0:
        response = _form(request, place, f"Too many attempts: wait {int(wait) + 1} s.", 429)
        response.headers.update(later(wait))
        return response
    token, username, password = (str(form.get(name, "")) for name in ("token", "username", "password"))
    known = door.policy.knows_token(token) | door.policy.knows_user(username, password)
    door.tried(request, known=known, way="form")
    if not known:
        return _form(request, place, WRONG, 401)
    response = web.Response(status=303, headers={"Location": str(back(place).location)})
    door.enter(request, response)
    return response


async def leave(request: web.Request) -> web.Response:
    """Ends the session."""
    response = web.Response(status=303, headers={"Location": "/login"})
    request.app[HOUSE].door.leave(request, response)
    return response


def _form(request: web.Request, place: str, trouble: str, status: int) -> web.Response:
    policy = request.app[HOUSE].door.policy
    ways = {"by_token": bool(policy.token), "by_user": bool(policy.password)}
    return page(request, "login.html", status=status, next=place, trouble=trouble, **ways)
