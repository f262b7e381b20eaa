"""RECEIVE — /hooks/{source}: limit, verify, dedupe key, store, answer.

The answer goes out when the delivery is on disk and never before; nothing else is done for it here, so it goes out at once. A
body that cannot be read but is authentic is kept and answered like any other: the provider would only repeat it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote, unquote_plus

import structlog
from aiohttp import HttpVersion11, web

from bridge import parse
from bridge.clock import Clock
from bridge.config import ReceiveSettings
from bridge.connections.sources import Source
from bridge.door.allowance import Allowance
from bridge.door.bare import Handler
from bridge.door.bodies import Bodies
from bridge.door.doorway import HEALTH, PROVED, Doorway, sender
from bridge.errors import NoRoom, NotAuthentic, NotUnderstood, Refused, StoreError, TooLarge, TooMany, UnknownSource
from bridge.log import Sparing
from bridge.model import Delivery
from bridge.networks import is_in
from bridge.parse import Glance, Reply
from bridge.store import Store
from bridge.verify import Incoming, verify

log = structlog.get_logger()

#: the source, and the secret if it is part of the address
_HOOK = re.compile(r"/hooks/([^/{}]+)(?:/([^/{}]+))?")
#: refusals a second that are told in the log; the others are counted there, and all of them in the metrics
REFUSALS_SAID = 10
#: seconds after which a provider may come again when we have no room
COME_AGAIN = 30
#: so many connections and deliveries within so many seconds are a rush
RUSH = 8
RUSH_WITHIN = 0.04
#: seconds for which work that nobody waits for makes way at the beginning of a rush
MAKES_WAY = 2.0
#: seconds from one piece of it to the next in a rush that lasts longer
PIECE_EVERY = 0.003
#: whoever asked whether we are up within so many seconds is a proxy that watches us; seconds it gets to see that we are leaving
WATCHED, LEAVE = 5.0, 1.0


class Live(Protocol):
    """Answers a provider that shows the operator what the CRM knows while the chat is on."""

    async def answer(self, source: Source, delivery: Delivery, payload: Any, glance: Glance) -> Reply: ...


class Observer(Protocol):
    """Counts what comes in."""

    def received(self, source: str, outcome: str) -> None: ...
    def alert(self, cause: str, text: str) -> None: ...
    def skewed(self, source: str, seconds: float) -> None:
        """The signed time of a delivery was so far behind this machine's clock (less than 0: ahead of it)."""
        ...


@dataclass(slots=True)
class Receiver:
    settings: ReceiveSettings
    #: replaced as a whole on reload
    sources: Mapping[str, Source]
    store: Store
    clock: Clock
    live: Live
    observer: Observer
    #: set when a delivery has come in, so that it is sorted at once
    news: asyncio.Event = field(default_factory=asyncio.Event)
    #: when the last connections and deliveries came, by the monotonic clock
    _arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=RUSH), init=False)
    _sparing: Sparing = field(default_factory=lambda: Sparing(REFUSALS_SAID), init=False)
    #: by source
    _allowances: dict[str, Allowance] = field(default_factory=dict, init=False)
    _bodies: Bodies = field(default_factory=Bodies, init=False)
    _leaving: bool = field(default=False, init=False)
    #: when somebody last asked whether we are up, by the monotonic clock
    _asked_at: float = field(default=float("-inf"), init=False)
    #: since when a rush is on, as far as anybody asked
    _rush_since: float | None = field(default=None, init=False)
    #: when the next piece of work that nobody waits for may be done in a rush that lasts
    _next_piece: float = field(default=float("-inf"), init=False)

    async def calm(self) -> None:
        """Asked for before each piece of work that nobody waits for, of a millisecond or two: what is on disk loses nothing by
        waiting, and who has to answer a provider goes first. Returns when no rush is on; in one that lasts, when it is the turn
        of one piece, so that answers are delayed evenly and no more than the work gets on.
        """
        await asyncio.sleep(0)
        while self._is_rush(now := self.clock.monotonic()):
            if self._rush_since is None:
                self._rush_since = now
            if now >= self._rush_since + MAKES_WAY:
                # whoever asks has a turn, so that nobody who asks more often takes all of them
                turn = max(now, self._next_piece)
                self._next_piece = turn + PIECE_EVERY
                await self.clock.sleep(turn - now)
                return
            await self.clock.sleep(RUSH_WITHIN)
        self._rush_since = None

    def _is_rush(self, now: float) -> bool:
        return len(self._arrivals) == RUSH and now - self._arrivals[0] <= RUSH_WITHIN

    def handler(self, doorway: Doorway | None = None) -> Handler:
        """What answers the requests that come by the public door. Two addresses need no router; without one an answer takes a
        twentieth less.
        """
        if doorway is None:
            return self.answer
        doorway.on_coming = self._somebody_comes
        return partial(doorway.in_turn, handler=self.answer)

    async def take_leave(self) -> None:
        """Say that we are going, to whoever watches, and take what comes meanwhile: a request that was sent on its way to a
        listener that closes would find a closed door, and the chat service may not come again.
        """
        self._leaving = True
        if self.clock.monotonic() - self._asked_at < WATCHED:
            await self.clock.sleep(LEAVE)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """No stack trace and no word of ours leaves by the public door."""
        try:
            path = request.rel_url.raw_path
            if hook := _HOOK.fullmatch(path):
                return await self._hook(request, *(part and unquote(part) for part in hook.groups()))
            return self._healthy(request.method) if path == HEALTH else web.Response(status=404)
        except NotAuthentic:
            return web.Response(status=NotAuthentic.status)
        except Exception:
            log.exception("request.failed")
            return web.Response(status=500)

    def _healthy(self, method: str) -> web.Response:
        if method not in {"GET", "HEAD"}:
            return web.Response(status=405)
        self._asked_at = self.clock.monotonic()
        return web.Response(status=503, text="stopping\n") if self._leaving else web.Response(text="ok\n")

    async def _hook(self, request: web.BaseRequest, name: str, secret: str | None) -> web.StreamResponse:
        source = self.sources.get(name)
        try:
            if request.method not in {"GET", "POST", "PUT", "HEAD"}:
                return web.Response(status=405)
            body = await self._body(request)
            if source is None or not self._may_come_from(request, source):
                raise UnknownSource
            reply = await self._take(request, source, secret, body)
        except Refused as refusal:
            # the name in the address is anybody's words: it is not logged, nor is it a metric's label
            known = source.name if source else "unknown"
            self.observer.received(known, refusal.code)
            unsaid = self._sparing.unsaid(self.clock.monotonic())
            if unsaid is not None:
                more = {"unsaid": unsaid} if unsaid else {}
                log.info("delivery.refused", source=known, code=refusal.code, why=refusal.message, **more)
            headers = {"Retry-After": str(COME_AGAIN)} if refusal.status == NoRoom.status else {}
            return web.Response(status=refusal.status, headers=headers)
        return web.Response(
            status=reply.status, body=reply.body,
            headers={**reply.headers, **({"Content-Type": reply.content_type} if reply.content_type else {})},
        )

    async def _body(self, request: web.BaseRequest) -> bytes:
        if request.content_length is not None and request.content_length > self.settings.max_body:
            raise TooLarge
        if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # the answer proper has not begun
        try:
            return await self._bodies.read(request, most=self.settings.max_body, within=self.settings.timeout)
        except web.HTTPRequestEntityTooLarge:
            raise TooLarge from None
        except TimeoutError:
            raise Refused("The sender took too long over its request.") from None
        except (web.RequestPayloadError, ConnectionError):
            raise Refused("The body broke off, or is not packed as its header says.") from None

    def _somebody_comes(self) -> None:
        self._arrivals.append(self.clock.monotonic())

    async def _take(self, request: web.BaseRequest, source: Source, secret: str | None, body: bytes) -> Reply:
        self._somebody_comes()
        received_at = self.clock.now()
        asked = Incoming(
            headers=dict(request.headers), body=body, query=request.rel_url.raw_query_string, method=request.method,
            path_secret=secret,
            url=self._public_url(request) if source.mapping.signs_address else "",
        )
        proved_by_bytes = not source.proof_needs_payload(request.method)
        if proved_by_bytes:  # before any of it is read: a flood without proof costs a hash each, whatever it holds
            self._prove(request, source, asked, None)
        payload = _decoded(asked, source)
        glance = parse.glance(payload, asked, source.mapping, source.view, keys=source.keys)
        if not (proved_by_bytes or glance.proved):
            self._prove(request, source, asked, payload)
        if glance.handshake:
            self.observer.received(source.name, "handshake")
            return glance.answer
        delivery = Delivery(
            source=source.name, dedupe_key=glance.dedupe_key or hashlib.sha256(body).hexdigest(), received_at=received_at,
            method=asked.method, query=_without_secret(asked.query, source.keys),
            headers=_headers_without_secret(parse.kept_headers(asked.headers, source.mapping), source.keys),
            body=parse.stored_body(body, payload, source.mapping),
        )
        self._count(source)
        try:
            accepted = await self.store.accept(delivery)
        except StoreError as error:
            raise NoRoom(error.message) from error
        self.observer.received(source.name, "duplicate" if accepted.duplicate else "accepted")
        if not accepted.duplicate:
            self.news.set()
        if glance.live:
            return await self.live.answer(source, delivery, payload, glance)
        return glance.answer

    def _count(self, source: Source) -> None:
        """Only what is authentic: nobody else can use up a source's allowance. Raises TooMany."""
        most, now = source.settings.most_per_minute, self.clock.monotonic()
        if most is None:
            return
        allowance = self._allowances.get(source.name)
        if allowance is None or allowance.burst != most:
            allowance = self._allowances[source.name] = Allowance(most / 60, most, now)
        if not allowance.take(now):
            self.observer.alert(
                f"rate:{source.name}",
                f"{source.name} sends more than its most_per_minute ({most}). What comes beyond is refused with 503, and is here "
                "only if it is sent again.",
            )
            raise TooMany

    def _prove(self, request: web.BaseRequest, source: Source, asked: Incoming, payload: Any) -> None:
        verdict = verify(source.mapping.verify, asked, source.keys, now=self.clock.now(), payload=payload)
        request[PROVED] = verdict.scheme != "none"
        if verdict.signed_at is not None:
            self.observer.skewed(source.name, self.clock.time() - verdict.signed_at)
        if verdict.stale:
            # kept: it may be our own clock that is wrong, and then everything would be thrown away
            self.observer.alert(
                f"clock:{source.name}",
                f"Deliveries of {source.name} are signed at a time that is far from ours. Set this machine's clock.",
            )

    def _may_come_from(self, request: web.BaseRequest, source: Source) -> bool:
        """Whether deliveries are taken from there; of what a trusted proxy says of the way, the last stranger counts."""
        networks = source.settings.networks or self.settings.networks
        if not networks:
            return True
        forwarded = request.headers.getall("X-Forwarded-For", [])
        return is_in(sender(request.remote, forwarded, self.settings.trusted_proxies), networks)

    def _public_url(self, request: web.BaseRequest) -> str:
        """The address as the provider called it."""
        if self.settings.public_url:
            return str(self.settings.public_url).rstrip("/") + request.raw_path
        host, scheme = request.host, request.scheme
        if is_in(request.remote, self.settings.trusted_proxies):
            host = request.headers.get("X-Forwarded-Host", host)
            scheme = request.headers.get("X-Forwarded-Proto", scheme)
        return f"{scheme}://{host}{request.raw_path}"


def _decoded(asked: Incoming, source: Source) -> Any:
    """The payload, or None: what it is not will be said when it is sorted."""
    try:
        return parse.decode(asked, source.mapping, source.view.limits)
    except NotUnderstood:
        return None


def _without_secret(query: str, keys: Sequence[str]) -> str:
    """The query as it came, but for parameters that hold a secret."""
    if not query:
        return ""
    return "&".join(part for part in query.split("&") if not any(key and key in unquote_plus(part) for key in keys))


def _headers_without_secret(headers: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """Also from where no rule looks for it: providers send a secret in more places than one."""
    all_of_them = "\n".join(headers.values())
    told = [key for key in keys if key and key in all_of_them]
    return {name: value for name, value in headers.items() if not any(key in value for key in told)} if told else dict(headers)
