"""The gate that every request to the CRM's API passes: it counts, and makes the faults happen around the real work.

The work itself is a plain function (no await in it), so a request is carried out whole or not at all.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bridge.sandbox.faults import Asked, Faults
from bridge.sandbox.switches import RateLimit, Switches

#: does the work; its commits are made when it returns
Work = Callable[[web.Request, bytes], web.Response]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: words a fault's answer the way this API words its errors: status, code, message, headers
Refuse = Callable[[int, str, str, Mapping[str, str]], web.Response]
CALM = Switches()


class Traffic:
    """How many requests came, and how dense. Lives in memory: a restarted sandbox begins at 0."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        self.by_operation: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        #: the most requests within any one second
        self.densest = 0
        self._last_second: deque[float] = deque()

    def came(self, operation: str) -> None:
        now = self._clock()
        self.by_operation[operation] += 1
        seconds = self._last_second
        seconds.append(now)
        while seconds[0] <= now - 1:
            seconds.popleft()
        self.densest = max(self.densest, len(seconds))


class Gate:
    def __init__(self, faults: Faults, traffic: Traffic, refuse: Refuse) -> None:
        self.faults = faults
        self.traffic = traffic
        self._refuse = refuse

    def guard(self, operation: str, kind: str, work: Work) -> Handler:
        """Wrap `work` as an aiohttp handler. `kind` is search, read or write."""

        async def handle(request: web.Request) -> web.StreamResponse:
            self.traffic.came(operation)
            body = await request.read() if request.can_read_body else b""
            if self.faults.switches == CALM:
                answer: web.StreamResponse = work(request, body)
            else:
                answer = await self._troubled(request, body, Asked(request.method, request.path, operation, kind), work)
            gone = request.transport is None or request.transport.is_closing()
            self.traffic.by_status["broken off" if gone else str(answer.status)] += 1
            return answer

        return handle

    async def _troubled(self, request: web.Request, body: bytes, asked: Asked, work: Work) -> web.StreamResponse:
        faults = self.faults
        if faults.switches.down:
            faults.happened["down"] += 1
            return _dropped(request)
        limit = faults.switches.rate_limit
        wait = None if limit is None else faults.over_limit(limit)
        if limit is not None and wait is not None:
            headers = {"Retry-After": str(max(1, -int(-wait // 1))), **self._limit_headers(limit)}
            return self._refuse(
                429,
                "too_many_requests",
                f"more than {limit.requests} requests in {limit.seconds:g} s; try again in {wait:.2f} s",
                headers,
            )
        late = faults.wait(asked)
        if late:
            # Who asked may be gone by the end of this; the work is done all the same, as in many a real CRM.
            await asyncio.sleep(late)
        answer = self._before(request, asked) or await self._after(request, asked, work(request, body))
        if limit is not None and not answer.prepared:
            answer.headers.update(self._limit_headers(limit))
        return answer

    def _before(self, request: web.Request, asked: Asked) -> web.Response | None:
        """Give what is answered in place of doing the work."""
        faults, switches = self.faults, self.faults.switches
        if faults.pick("block", switches.block, asked):
            return self._refuse(403, "blocked", "this CRM has blocked you; ask its administrator", {})
        busy = faults.pick("busy", switches.busy, asked)
        if busy:
            headers = {} if busy.retry_after is None else {"Retry-After": str(busy.retry_after)}
            return self._refuse(429, "too_many_requests", "too many requests; try again later", headers)
        broken = faults.pick("broken", switches.broken, asked)
        if broken:
            return self._refuse(broken.status, "server_error", "something broke; nothing was done", {})
        if faults.pick("drop", switches.drop, asked):
            return _dropped(request)
        if asked.writes and faults.pick("drop_before_commit", switches.drop_before_commit, asked):
            return _dropped(request)
        return None

    async def _after(self, request: web.Request, asked: Asked, answer: web.Response) -> web.StreamResponse:
        faults, switches = self.faults, self.faults.switches
        if asked.writes and answer.status < 300:  # noqa: PLR2004  # a refused write has committed nothing
            if faults.pick("drop_after_commit", switches.drop_after_commit, asked):
                return _dropped(request)
            broken = faults.pick("broken_after_commit", switches.broken_after_commit, asked)
            if broken:
                return self._refuse(broken.status, "server_error", "something broke", {})
        cut = faults.pick("cut_answer", switches.cut_answer, asked)
        return answer if cut is None else await _cut(request, answer, cut.bytes)

    def _limit_headers(self, limit: RateLimit) -> dict[str, str]:
        return {"X-RateLimit-Limit": str(limit.requests), "X-RateLimit-Remaining": str(self.faults.remaining(limit))}


def _dropped(request: web.Request) -> web.Response:
    """Break the connection. The response given back never leaves: it only tells aiohttp that we are done."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _cut(request: web.Request, answer: web.Response, size: int) -> web.StreamResponse:
    """Announce the whole body, send its first bytes, and hang up."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    partial = web.StreamResponse(status=answer.status, headers=answer.headers)
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: min(size, max(0, len(body) - 1))])
    if request.transport is not None:
        request.transport.close()
    return partial
