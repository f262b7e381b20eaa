"""The gate in front of the pages: language, who is asking, that a form came from here, and what no answer leaves without.

People sign in with the password and have a session; scripts send it with each request (`Authorization: Bearer …`). Without a
password the listener is on the loopback interface only, and the gate sees to it that it was called by such a name: otherwise any
web page could reach it through a name that points to 127.0.0.1.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from bridge.config.settings import OpsToken
from bridge.doorway import sender
from bridge.errors import BridgeError, NoRoom, Refused
from bridge.networks import is_in
from bridge.report.auditing import WHO
from bridge.report.deps import Deps
from bridge.report.language import is_language, span
from bridge.report.sign_in import (
    LONGEST,
    LockOut,
    Password,
    Session,
    Sessions,
    form_token,
    is_form_token,
    is_password,
    session_secret,
)
from bridge.report.view import LANGUAGE, SIGNED_IN, TOKEN, View
from bridge.report.words import WORDS

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "chat2crm_ops"
LANGUAGE_COOKIE = "chat2crm_lang"
YEAR = 365 * 86400

HEADERS = {
    # only our own files run: nothing that a visitor wrote runs, loads or frames anything
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
                               "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
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
        self._known_password = Password(None, None)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(_SIGN_IN, self.form)
        app.router.add_post(_SIGN_IN, self.sign_in)
        app.router.add_post("/sign-out", self.sign_out)
        app.on_response_prepare.append(_add_headers)

    @property
    def _guarded(self) -> bool:
        return self._deps.settings.ops.guarded

    @property
    def _secret(self) -> bytes:
        return session_secret(self._deps.settings.key.get_secret_value(), self._password.written)

    @property
    def _password(self) -> Password:
        ops = self._deps.settings.ops
        plain, hashed = (None if one is None else one.get_secret_value() for one in (ops.password, ops.password_hash))
        if (plain, hashed) != (self._known_password.plain, self._known_password.hashed):
            self._known_password = Password(plain, hashed)
        return self._known_password

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
        if not self._guarded and not _is_own_name(request.host):
            raise web.HTTPMisdirectedRequest
        if request.path in _OPEN or request.path.startswith("/static/"):
            return await handler(request)
        request[WHO] = f"ops:{self._user(request) or self._address(request)}"
        if await self._is_bearer(request):
            return await handler(request)
        if request.method not in _READS:
            _refuse_other_sites(request)
        if request.path == _SIGN_IN:
            # no token on this form: who knows the password needs no victim's browser to send it
            return await handler(request)
        session = known = self._known(request)
        if session is None and (not self._guarded or self._user(request)):
            session = self._sessions.begin()
        if session is None:
            raise self._unknown(request)
        request[TOKEN] = form_token(session, self._secret)
        request[SIGNED_IN] = self._guarded
        if request.method not in _READS:
            await self._require_own_form(request, session)
        response = await handler(request)
        # a page that looks after itself keeps nobody signed in
        asked_by_a_person = "X-Poll" not in request.headers
        if (known is None or (asked_by_a_person and self._sessions.due(known))) and COOKIE not in response.cookies:
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
        for name in ("Retry-After", "WWW-Authenticate", "Allow", "HX-Redirect"):
            if name in stop.headers:
                response.headers[name] = stop.headers[name]
        return response

    # -- who is asking -------------------------------------------------------------------------------------------------

    def _known(self, request: web.Request) -> Session | None:
        return self._sessions.read(request.cookies.get(COOKIE, ""), self._secret)

    def _user(self, request: web.Request) -> str:
        """Whom the proxy names; nobody, if it is not the proxy who says so."""
        ops = self._deps.settings.ops
        if ops.user_header is None or not is_in(request.remote, ops.trusted_proxies):
            return ""
        return request.headers.get(ops.user_header, "").strip()[:100]

    async def _is_bearer(self, request: web.Request) -> bool:
        """Raises 401 or 429 for a password that is given and wrong."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        token = self._token(given.strip())
        if token is not None:
            return _let_in(request, token)
        if not self._password and not self._deps.settings.ops.tokens:
            return False
        address = self._address(request)
        wait = self._lock_out.wait(address)
        if wait:
            raise web.HTTPTooManyRequests(headers={"Retry-After": f"{wait:.0f}"})
        if not self._password or not await self._password.is_it(given.strip()):
            self._wrong(address)
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        self._lock_out.right(address)
        return True

    def _token(self, given: str) -> OpsToken | None:
        # all of them are compared, so that the time tells nothing
        found = [one for one in self._deps.settings.ops.tokens if is_password(given, one.token.get_secret_value())]
        return found[0] if found else None

    def _unknown(self, request: web.Request) -> web.HTTPException:
        if is_api(request) or request.path == "/metrics" or request.method not in _READS:
            return web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        if "HX-Request" in request.headers:
            # a piece of a page was asked for: the whole page goes to the sign-in
            return web.HTTPUnauthorized(headers={"HX-Redirect": _SIGN_IN})
        return web.HTTPSeeOther(f"{_SIGN_IN}?to=" + quote(request.rel_url.raw_path_qs, safe=""))

    def _address(self, request: web.Request) -> str:
        """Of whoever asks; what a proxy says of it counts only if the proxy is trusted."""
        settings = self._deps.settings
        proxies = (*settings.receive.trusted_proxies, *settings.ops.trusted_proxies)
        return sender(request.remote, request.headers.getall("X-Forwarded-For", []), proxies)

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
        if not self._guarded or self._known(request) is not None or self._user(request):
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
        if not await self._password.is_it(str(form.get("password", ""))):
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


def _let_in(request: web.Request, token: OpsToken) -> bool:
    """Raises 403 where the token's scope does not reach."""
    for_scripts = is_api(request) or request.path == "/metrics"
    if not for_scripts or (request.method not in _READS and token.scope != "operate"):
        raise web.HTTPForbidden
    if request.method not in _READS and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    request[WHO] = f"token:{token.name}"
    return True


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


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
