"""Every request -> let in, sent to log in, or refused; every response with the headers that keep others out."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import hdrs, web

from sync.service.access.attempts import Attempts
from sync.service.access.policy import LOOPBACK, AccessPolicy, named
from sync.service.access.sessions import LASTS, Session, Sessions

log = structlog.get_logger()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SESSION: Final = web.RequestKey("session", Session)
FRESH: Final = web.RequestKey("fresh", bool)
CSRF: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"
PUBLIC: Final = frozenset({"login", "static"})
"""Names of routes that anybody may use; `healthz`, `readyz` and `metrics` are for the configuration to open."""
PROBES: Final = frozenset({"healthz", "readyz"})
"""Called by address, whatever the service's names are; a page of somebody else's learns nothing there."""
READS: Final = frozenset({"GET", "HEAD"})
FORM: Final = "application/x-www-form-urlencoded"
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser would not say from which origin a form comes
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Door:
    """The way in. `take` puts another policy in place while the service runs; who is logged in stays so unless it changes."""

    def __init__(self, policy: AccessPolicy, secret: bytes) -> None:
        self._secret = secret
        self._attempts = Attempts()
        self.policy = policy
        self.sessions = Sessions(policy.key(secret))

    def take(self, policy: AccessPolicy) -> None:
        """Puts another policy in place."""
        if policy.key(self._secret) != self.policy.key(self._secret):
            self.sessions = Sessions(policy.key(self._secret))
        self.policy = policy

    @property
    def cookie(self) -> str:
        """The cookie's name; the prefix makes browsers insist on TLS and on this host."""
        return "__Host-customer_sync" if self.policy.tls else "customer_sync"

    def fit(self, app: web.Application) -> None:
        """Every request of the application comes by here."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            await self._check(request)
            response = await handler(request)
            if request[FRESH] and response.content_type == "text/html" and not response.cookies:
                self._keep(response, request[SESSION])  # a page's forms need a session, whoever reads it
            return response

        app.middlewares.append(check)
        app.on_response_prepare.append(self._finish)

    # ---- logging in and out

    def wait(self, request: web.Request) -> float:
        """Seconds until this address may try to log in."""
        return self._attempts.wait(request.remote or "", time.monotonic())

    def tried(self, request: web.Request, *, known: bool, way: str) -> None:
        """Somebody tried to say who they are."""
        address = request.remote or ""
        if known:
            self._attempts.succeeded(address)
        else:
            self._attempts.failed(address, time.monotonic())
            log.warning("login.refused", address=address, way=way)

    def enter(self, request: web.Request, response: web.Response) -> None:
        """The browser is logged in with a session of another name, so that nobody can have given it one."""
        log.info("login.accepted", address=request.remote or "")
        self._keep(response, self.sessions.begin(member=True))

    def leave(self, request: web.Request, response: web.Response) -> None:
        """The browser is logged out."""
        self.sessions.end(request[SESSION])
        response.del_cookie(self.cookie, path="/", secure=self.policy.tls, httponly=True, samesite="Strict")

    def token(self, request: web.Request) -> str:
        """What the forms of a page carry."""
        return self.sessions.token(request[SESSION])

    # ---- every request

    async def _check(self, request: web.Request) -> None:
        """Raises an HTTPException for whoever may not in."""
        probed = request.match_info.route.name in PROBES & self.policy.open
        if not (probed or self.policy.admits(request.host)):
            raise web.HTTPMisdirectedRequest(text="this is not the name of this service: see hosts in [service]\n")
        known = self.sessions.read(request.cookies.get(self.cookie, ""))
        request[SESSION] = known or self.sessions.begin(member=False)
        request[FRESH] = known is None
        by_header = self._by_header(request)
        if not (by_header or self._may(request)):
            raise _log_in(request)
        if request.method not in READS and by_header != "bearer":  # a page of somebody else's cannot send a header
            await self._check_form(request)

    def _by_header(self, request: web.Request) -> str | None:
        """How it says who it is. Raises HTTPUnauthorized where that is wrong, HTTPTooManyRequests where it was so too often."""
        told = request.headers.get(hdrs.AUTHORIZATION)
        if not self.policy.guarded or told is None:
            return None
        if (wait := self.wait(request)) > 0:
            raise web.HTTPTooManyRequests(headers=later(wait), text="too many attempts: wait\n")
        known = self.policy.knows(told)
        self.tried(request, known=known is not None, way="header")
        if known is None:
            raise web.HTTPUnauthorized(headers={hdrs.WWW_AUTHENTICATE: "Bearer"}, text="these credentials are not known\n")
        return known

    def _may(self, request: web.Request) -> bool:
        name = request.match_info.route.name
        return not self.policy.guarded or name in PUBLIC | self.policy.open or request[SESSION].member

    async def _check_form(self, request: web.Request) -> None:
        """Raises HTTPForbidden for a form that is not one of ours."""
        if request.content_type != FORM:
            raise web.HTTPUnsupportedMediaType(text="a form is expected\n")
        if self._is_foreign(request):
            raise web.HTTPForbidden(text="this comes from another site\n")
        told = request.headers.get(CSRF_HEADER) or (await request.post()).get(CSRF, "")
        if not self.sessions.is_token(request[SESSION], str(told)):
            raise web.HTTPForbidden(text="this form is out of date: load the page again\n")

    def _is_foreign(self, request: web.Request) -> bool:
        """Browsers say from where a form comes. A proxy in front may call the service by another name than they do."""
        origin = re.sub("^https?://", "", request.headers.get(hdrs.ORIGIN, request.host))
        ours = origin == request.host or named(origin) in self.policy.hosts - LOOPBACK
        return not ours or request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}

    async def _finish(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Also of what went wrong, and of streams."""
        response.headers.update({name: value for name, value in HEADERS.items() if name not in response.headers})
        response.headers[hdrs.SERVER] = "customer-sync"  # without the versions of what it is made of
        if self.policy.tls:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"

    def _keep(self, response: web.StreamResponse, session: Session) -> None:
        cookie = self.sessions.cookie(session)
        response.set_cookie(
            self.cookie, cookie, max_age=LASTS, path="/", secure=self.policy.tls, httponly=True, samesite="Strict"
        )


def later(seconds: float) -> dict[str, str]:
    """When to come again."""
    return {hdrs.RETRY_AFTER: str(int(seconds) + 1)}


def _log_in(request: web.Request) -> web.HTTPException:
    """A person is shown where, a program is told."""
    if request.method in READS and "text/html" in request.headers.get(hdrs.ACCEPT, ""):
        return web.HTTPSeeOther(f"/login?next={quote(request.path_qs, safe='')}")
    return web.HTTPUnauthorized(headers={hdrs.WWW_AUTHENTICATE: "Bearer"}, text="log in, or send credentials\n")
