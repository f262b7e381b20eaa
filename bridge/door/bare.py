"""An HTTP server whose own answers say nothing: neither which server it is, nor what it made of a request that is none.

What it cannot read it answers before any of our code is asked, with a piece of the request and a line for its log that has the
same piece and a trace. Both would be paid for by us and caused by anybody; so here is a status alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

log = structlog.get_logger()

#: in place of the server's and the language's name and version
NAME = "chat2crm"
OUR_FAULT = 500

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Handler(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = OUR_FAULT, exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - the server passes it
    ) -> web.StreamResponse:  # fmt: skip
        """Raises ConnectionError if an answer is on its way already."""
        if status >= OUR_FAULT:
            log.error("request.failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError
        answer = web.Response(status=status)
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.Response) and resp.status == web.HTTPExpectationFailed.status_code:
            # given before anybody is asked whether this request may be looked at
            resp = web.Response(status=resp.status)
            resp.force_close()
        if not resp.prepared:
            resp.headers["Server"] = NAME
        return await super().finish_response(request, resp, start_time)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class BareRunner(web.AppRunner):
    """For pages."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler, request_factory=made.request_factory,
            **made._kwargs,  # noqa: SLF001 - the server tells nobody what its handlers are made with
        )  # fmt: skip


def bare(handler: Handler, *, shutdown_timeout: float, **options: Any) -> web.BaseRunner:
    """For one handler of all requests, without an application around it."""
    return web.ServerRunner(_Server(handler, **options), shutdown_timeout=shutdown_timeout)
