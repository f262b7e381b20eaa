"""Who is asking: a session's cookie, a script's key or the password sent along, a name that a proxy gives."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import structlog
from aiohttp import web

from bridge.config.ops import OpsToken
from bridge.door.doorway import sender
from bridge.networks import is_in
from bridge.report.deps import Deps
from bridge.report.gate.access import Access, Known
from bridge.report.gate.sign_in import LONGEST, LockOut, Session, Sessions

log = structlog.get_logger()

COOKIE = "chat2crm_ops"
SIGN_IN = "/sign-in"
READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who sends a key along: a script, whose key it is, or somebody who knows the password of the whole service."""

    site: str | None = None
    token: OpsToken | None = None


class Askers:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self.sessions = Sessions(deps.clock)
        self.lock_out = LockOut(deps.clock)
        self.access = Access(lambda: deps.settings)

    def known(self, request: web.Request) -> Session | None:
        """The session whose cookie comes along, if it is not over."""
        return self.sessions.read(request.cookies.get(COOKIE, ""), self.access.secret)

    def user(self, request: web.Request) -> str:
        """Whom the proxy names; nobody, if it is not the proxy who says so."""
        ops = self._deps.settings.ops
        if ops.user_header is None or not is_in(request.remote, ops.trusted_proxies):
            return ""
        named = request.headers.getall(ops.user_header, [])
        # a second line is one that the asker sent and the proxy let through, and which of them is whose nobody knows
        return named[0].strip()[:100] if len(named) == 1 else ""

    async def bearer(self, request: web.Request) -> Bearer | None:
        """Who sends a key or the password along. Raises 401 or 429 for one that is wrong."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        known = self.access.by_token(given.strip())
        if known is not None:
            _let_in(request, known)
            return Bearer(known.site, known.token)
        password = self.access.password(None)
        if not password and not self.access.any_token:
            return None
        address = self.address(request)
        async with self.lock_out.turn(address):
            wait = self.lock_out.wait(address)
            if wait:
                raise web.HTTPTooManyRequests(headers={"Retry-After": f"{wait:.0f}"})
            if not password or not await password.is_it(given.strip()):
                self.wrong(address)
                raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
            self.lock_out.right(address)
        return Bearer()

    def unknown(self, request: web.Request) -> web.HTTPException:
        """What whoever is nobody is told: people where to sign in, scripts that they have to send a key."""
        if is_api(request) or request.path == "/metrics" or request.method not in READS:
            return web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        if "HX-Request" in request.headers:
            # a piece of a page was asked for: the whole page goes to the sign-in
            return web.HTTPUnauthorized(headers={"HX-Redirect": SIGN_IN})
        return web.HTTPSeeOther(f"{SIGN_IN}?to=" + quote(request.rel_url.raw_path_qs, safe=""))

    def address(self, request: web.Request) -> str:
        """Of whoever asks; what a proxy says of it counts only if the proxy is trusted."""
        settings = self._deps.settings
        proxies = (*settings.receive.trusted_proxies, *settings.ops.trusted_proxies)
        return sender(request.remote, request.headers.getall("X-Forwarded-For", []), proxies)

    def wrong(self, address: str) -> None:
        self.lock_out.wrong(address)
        log.warning("ops.refused", why="wrong password", address=address)

    def give(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        """The session's cookie, as it stands now."""
        cookie = self.sessions.cookie(session, self.access.secret(session.site) or b"")
        # a proxy may end TLS before us; whoever forges this header only harms their own cookie
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        response.set_cookie(
            COOKIE, cookie, max_age=int(LONGEST), httponly=True, samesite="Strict", secure=secure, path="/",
        )  # fmt: skip


def _let_in(request: web.Request, known: Known) -> None:
    """Raises 403 where the key's scope does not reach."""
    for_scripts = is_api(request) or request.path == "/metrics"
    if not for_scripts or (request.method not in READS and known.token.scope != "operate"):
        raise web.HTTPForbidden
    if request.method not in READS and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType


def is_api(request: web.Request) -> bool:
    return request.path.startswith("/api/")
