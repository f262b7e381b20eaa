"""The gate in front of the pages: language, who is asking and what of all this they may see, that a form came from here, and
what no answer leaves without.

People sign in with the password and have a session; scripts send it with each request (`Authorization: Bearer …`). Without a
password the listener is on the loopback interface only, and the gate sees to it that it was called by such a name: otherwise any
web page could reach it through a name that points to 127.0.0.1.

`askers` says who is asking · `access` what they may see · `sign_in` holds sessions, form tokens, and the lock after wrong
passwords.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from aiohttp import web

from bridge.errors import BridgeError, NoRoom, Refused
from bridge.report.auditing import WHO
from bridge.report.deps import Deps, seat
from bridge.report.gate.askers import COOKIE, READS, SIGN_IN, Askers, is_api
from bridge.report.gate.sign_in import Session, form_token, is_form_token
from bridge.report.view import LANGUAGE, SIGNED_IN, TOKEN, View
from bridge.report.words import WORDS
from bridge.report.words.language import is_language, span

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LANGUAGE_COOKIE = "chat2crm_lang"
YEAR = 365 * 86400

HEADERS = {
    # only our own files run: nothing that a visitor wrote runs, loads or frames anything
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
                               "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # should a proxy let anybody in after all, what people wrote is not found by searching for it
    "X-Robots-Tag": "noindex, nofollow",
    # with "no-referrer" browsers would send `Origin: null` along with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip

_OPEN = frozenset({"/healthz", "/readyz"})
#: status of an answer that is no page of ours → its words
_MESSAGES = {404: "gone", 405: "gone", 503: "busy", 500: "fault"}


class Gate:
    def __init__(self, deps: Deps, view: View) -> None:
        self._deps = deps
        self._view = view
        self._askers = Askers(deps)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(SIGN_IN, self.form)
        app.router.add_post(SIGN_IN, self.sign_in)
        app.router.add_post("/sign-out", self.sign_out)
        app.on_response_prepare.append(_add_headers)

    @property
    def _guarded(self) -> bool:
        return self._deps.settings.ops.guarded

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
        user = self._askers.user(request)
        bearer = await self._askers.bearer(request)
        if bearer is not None:
            who = f"token:{bearer.token.name}" if bearer.token else f"ops:{self._askers.address(request)}"
            self._seat(request, bearer.site, who)
            return await handler(request)
        if request.method not in READS:
            _refuse_other_sites(request)
        if request.path == SIGN_IN:
            # no token on this form: who knows the password needs no victim's browser to send it
            return await handler(request)
        session = known = self._askers.known(request)
        if user:
            # what the proxy says now counts, not whose session it was
            site = self._askers.access.site_of_user(user)
            session = known = known if known is not None and known.site == site else None
            session = session or self._askers.sessions.begin(site)
        elif session is None and not self._guarded:
            session = self._askers.sessions.begin()
        secret = None if session is None else self._askers.access.secret(session.site)
        if session is None or secret is None:
            raise self._askers.unknown(request)
        self._seat(request, session.site, f"ops:{user or self._askers.address(request)}")
        request[TOKEN] = form_token(session, secret)
        request[SIGNED_IN] = self._guarded
        if request.method not in READS:
            await self._require_own_form(request, session, secret)
        response = await handler(request)
        # a page that looks after itself keeps nobody signed in
        asked_by_a_person = "X-Poll" not in request.headers
        if (known is None or (asked_by_a_person and self._askers.sessions.due(known))) and COOKIE not in response.cookies:
            self._askers.give(request, response, self._askers.sessions.renewed(session))
        return response

    def _seat(self, request: web.Request, site: str | None, who: str) -> None:
        """At the desk of the customer they belong to; who belongs to none may look at one customer's alone (`?site=`). Raises 404
        for a customer who is not there, or not theirs.
        """
        chosen = request.query.get("site") or None
        known = self._deps.settings.sites
        if chosen is not None and (chosen not in known or site not in {None, chosen}):
            raise web.HTTPNotFound
        kind, _, name = who.partition(":")
        request[WHO] = who if site is None else f"{kind}:{site}/{name}"
        whose = site or chosen
        seat(request, self._deps if whose is None else self._deps.of_site(whose, bound=site is not None))

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

    async def _require_own_form(self, request: web.Request, session: Session, secret: bytes) -> None:
        if is_api(request):
            # another site's form cannot send this type, and its script would have to ask first, which nobody answers
            if request.content_type != "application/json":
                raise web.HTTPUnsupportedMediaType
            return
        form = await request.post()
        if not is_form_token(str(form.get("token", "")), session, secret):
            raise web.HTTPForbidden

    # -- signing in and out --------------------------------------------------------------------------------------------

    async def form(self, request: web.Request) -> web.Response:
        if not self._guarded or self._askers.known(request) is not None or self._askers.user(request):
            raise web.HTTPSeeOther("/")
        return self._form(request)

    async def sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        address = self._askers.address(request)
        async with self._askers.lock_out.turn(address):
            return await self._signed_in(request, form, address)

    async def _signed_in(self, request: web.Request, form: Mapping[str, Any], address: str) -> web.Response:
        words = WORDS[request[LANGUAGE]]
        wait = self._askers.lock_out.wait(address)
        if wait:
            refused = self._form(request, error=words["locked"].format(span=span(wait, request[LANGUAGE])), status=429)
            refused.headers["Retry-After"] = f"{wait:.0f}"
            return refused
        site = str(form.get("site", "")).strip() or None
        secret = self._askers.access.secret(site)
        if not await self._askers.access.password(site).is_it(str(form.get("password", ""))) or secret is None:
            self._askers.wrong(address)
            return self._form(request, error=words["wrong_password"], status=403)
        self._askers.lock_out.right(address)
        log.info("ops.signed_in", address=address)
        response = web.Response(status=303, headers={"Location": _inside(request.query.get("to"))})
        self._askers.give(request, response, self._askers.sessions.begin(site))
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        session = self._askers.known(request)
        if session is not None:
            self._askers.sessions.end(session)
        response = web.Response(status=303, headers={"Location": SIGN_IN})
        response.del_cookie(COOKIE, path="/")
        return response

    def _form(self, request: web.Request, *, error: str = "", status: int = 200) -> web.Response:
        to = _inside(request.query.get("to"))
        # the address that an agency gives its customer names the customer
        named = parse_qs(urlsplit(to).query).get("site", [""])[0]
        return self._view.page(request, "sign_in.html", status=status, error=error, back=to, named=named,
                               by_site=self._askers.access.any_site)  # fmt: skip


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
