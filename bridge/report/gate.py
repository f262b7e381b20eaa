"""The gate in front of the pages: language, who is asking, that a form came from here, and what no answer leaves without.

People sign in with the password and have a session; scripts send it with each request (`Authorization: Bearer …`). Without a
password the listener is on the loopback interface only, and the gate sees to it that it was called by such a name: otherwise any
web page could reach it through a name that points to 127.0.0.1.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from bridge.errors import BridgeError, NoRoom, Refused
from bridge.report.deps import Deps
from bridge.report.language import is_language, span
from bridge.report.sign_in import LONGEST, LockOut, Session, Sessions, form_token, is_form_token, is_password, session_secret
from bridge.report.view import LANGUAGE, SIGNED_IN, TOKEN, View
from bridge.report.words import WORDS

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "chat2crm_ops"
LANGUAGE_COOKIE = "chat2crm_lang"
YEAR = 365 * 86400

HEADERS = {
    # nothing that a visitor wrote runs, loads or frames anything
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
                               "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # with "no-referrer" browsers would send `Origin: null` along with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip

_SIGN_IN = "/sign-in"
_OPEN = frozenset({"/healthz", "/readyz"})
_READS = frozenset({"GET", "HEAD"})
#: status of an answer that is no page of ours → its words
_MESSAGES = {404: "gone", 405: "gone", 503: "busy", 500: "fault"}


class Gate:
    def __init__(self, deps: Deps, view: View) -> None:
        self._deps = deps
        self._view = view
        self._sessions = Sessions(deps.clock)
        self._lock_out = LockOut(deps.clock)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(_SIGN_IN, self.form)
        app.router.add_post(_SIGN_IN, self.sign_in)
        app.router.add_post("/sign-out", self.sign_out)
        app.on_response_prepare.append(_add_headers)

    @property
    def _password(self) -> str | None:
        password = self._deps.settings.ops.password
        return None if password is None else password.get_secret_value()

    @property
    def _secret(self) -> bytes:
        return session_secret(self._deps.settings.key.get_secret_value(), self._password or "")

    # -- the middleware ------------------------------------------------------------------------------------------------

    def middleware(self) -> Any:
        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._choose_language(request)
            try:
                response = await self._through(request, handler)
            except web.HTTPException as stop:
                response = self._answer_of(request, stop)
            except NoRoom:
                response = self._view.message(request, "busy", 503)
            except Refused as refusal:
                response = self._view.message(request, "refused", refusal.status, text=refusal.message)
            except (BridgeError, OSError) as error:
                log.error("page.failed", why=str(error))  # noqa: TRY400 - the store said why; a trace adds nothing
                response = self._view.message(request, "busy", 503)
            except Exception:
                log.exception("page.broke")
                response = self._view.message(request, "fault", 500)
            if request.query.get("lang") == request[LANGUAGE]:
                response.set_cookie(
                    LANGUAGE_COOKIE, request[LANGUAGE], max_age=YEAR, httponly=True, samesite="Strict", path="/"
                )
            return response

        return gate

    async def _through(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._password is None and not _is_own_name(request.host):
            raise web.HTTPMisdirectedRequest
        if request.path in _OPEN or request.path.startswith("/static/"):
            return await handler(request)
        if self._is_bearer(request):
            return await handler(request)
        if request.method not in _READS:
            _refuse_other_sites(request)
        if request.path == _SIGN_IN:
            # no token on this form: who knows the password needs no victim's browser to send it
            return await handler(request)
        session = known = self._known(request)
        if session is None and self._password is None:
            session = self._sessions.begin()
        if session is None:
            raise self._unknown(request)
        request[TOKEN] = form_token(session, self._secret)
        request[SIGNED_IN] = self._password is not None
        if request.method not in _READS:
            await self._require_own_form(request, session)
        response = await handler(request)
        if (known is None or self._sessions.due(known)) and COOKIE not in response.cookies:
            self._give(request, response, self._sessions.renewed(session))
        return response

    def _choose_language(self, request: web.Request) -> None:
        for asked in (request.query.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
            if is_language(asked):
                request[LANGUAGE] = asked
                return
        request[LANGUAGE] = self._deps.settings.language

    def _answer_of(self, request: web.Request, stop: web.HTTPException) -> web.Response:
        """A page for people, words for scripts; where to go, for a redirect."""
        if stop.status < 400:  # noqa: PLR2004 - HTTP's own number
            response = web.Response(status=stop.status, headers={"Location": stop.headers["Location"]})
        else:
            response = self._view.message(request, _MESSAGES.get(stop.status, "refused"), stop.status)
        for name in ("Retry-After", "WWW-Authenticate", "Allow"):
            if name in stop.headers:
                response.headers[name] = stop.headers[name]
        return response

    # -- who is asking -------------------------------------------------------------------------------------------------

    def _known(self, request: web.Request) -> Session | None:
        return self._sessions.read(request.cookies.get(COOKIE, ""), self._secret)

    def _is_bearer(self, request: web.Request) -> bool:
        """Raises 401 or 429 for a password that is given and wrong."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._password is None:
            return False
        address = self._address(request)
        wait = self._lock_out.wait(address)
        if wait:
            raise web.HTTPTooManyRequests(headers={"Retry-After": f"{wait:.0f}"})
        if not is_password(given.strip(), self._password):
            self._wrong(address)
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        self._lock_out.right(address)
        return True

    def _unknown(self, request: web.Request) -> web.HTTPException:
        if is_api(request) or request.path == "/metrics" or request.method not in _READS:
            return web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        return web.HTTPSeeOther(f"{_SIGN_IN}?to=" + quote(request.rel_url.raw_path_qs, safe=""))

    def _address(self, request: web.Request) -> str:
        """Of whoever asks; what a proxy says of it counts only if the proxy is trusted."""
        address = request.remote or ""
        if _is_in(address, self._deps.settings.receive.trusted_proxies):
            address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip() or address
        return address

    def _wrong(self, address: str) -> None:
        self._lock_out.wrong(address)
        log.warning("ops.refused", why="wrong password", address=address)

    async def _require_own_form(self, request: web.Request, session: Session) -> None:
        if is_api(request):
            # another site's form cannot send this type, and its script would have to ask first, which nobody answers
            if request.content_type != "application/json":
                raise web.HTTPUnsupportedMediaType
            return
        form = await request.post()
        if not is_form_token(str(form.get("token", "")), session, self._secret):
            raise web.HTTPForbidden

    # -- signing in and out --------------------------------------------------------------------------------------------

    async def form(self, request: web.Request) -> web.Response:
        if self._password is None or self._known(request) is not None:
            raise web.HTTPSeeOther("/")
        return self._form(request)

    async def sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        address, words = self._address(request), WORDS[request[LANGUAGE]]
        wait = self._lock_out.wait(address)
        if wait:
            refused = self._form(request, error=words["locked"].format(span=span(wait, request[LANGUAGE])), status=429)
            refused.headers["Retry-After"] = f"{wait:.0f}"
            return refused
        if self._password is None or not is_password(str(form.get("password", "")), self._password):
            self._wrong(address)
            return self._form(request, error=words["wrong_password"], status=403)
        self._lock_out.right(address)
        log.info("ops.signed_in", address=address)
        response = web.Response(status=303, headers={"Location": _inside(request.query.get("to"))})
        self._give(request, response, self._sessions.begin())
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        session = self._known(request)
        if session is not None:
            self._sessions.end(session)
        response = web.Response(status=303, headers={"Location": _SIGN_IN})
        response.del_cookie(COOKIE, path="/")
        return response

    def _form(self, request: web.Request, *, error: str = "", status: int = 200) -> web.Response:
        return self._view.page(request, "sign_in.html", status=status, error=error, to=_inside(request.query.get("to")))

    def _give(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        # a proxy may end TLS before us; whoever forges this header only harms their own cookie
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        response.set_cookie(
            COOKIE, self._sessions.cookie(session, self._secret), max_age=int(LONGEST), httponly=True, samesite="Strict",
            secure=secure, path="/",
        )  # fmt: skip


def is_api(request: web.Request) -> bool:
    return request.path.startswith("/api/")


def _refuse_other_sites(request: web.Request) -> None:
    origin = request.headers.get("Origin")
    # the scheme may be another one than ours behind a proxy
    foreign = origin is not None and origin.partition("://")[2] != request.host
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise web.HTTPForbidden


def _inside(to: str | None) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    # browsers read a backslash as a slash, and drop tabs and line ends
    plain = to is not None and to.startswith("/") and not to.startswith("//") and "\\" not in to and to.isprintable()
    return to if to is not None and plain else "/"


def _is_own_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_in(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        return any(ipaddress.ip_address(address) in network for network in networks)
    except ValueError:
        return False


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
