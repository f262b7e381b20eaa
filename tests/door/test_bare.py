"""What the HTTP server answers by itself, tried over a real socket."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import permutations

import pytest
from aiohttp import web

from bridge import log as lines
from bridge.door.bare import NAME, BareRunner, bare

HEAD = b"POST /here HTTP/1.1\r\nHost: x\r\n"


async def here(request: web.BaseRequest) -> web.Response:
    if request.query_string:
        raise ValueError(request.query_string)
    return web.Response(text=str(len(await request.read())))


def door() -> web.BaseRunner:
    """As the public door is."""
    return bare(here, shutdown_timeout=0.1, access_log=None)


def pages() -> web.BaseRunner:
    app = web.Application()
    app.router.add_post("/here", here)
    return BareRunner(app, access_log=None, shutdown_timeout=0.1)


BOTH = pytest.mark.parametrize("kind", [door, pages])


@asynccontextmanager
async def opened(kind: Callable[[], web.BaseRunner]) -> AsyncIterator[int]:
    runner = kind()
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def answer(port: int, sent: bytes, *, until: bytes | None = None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.readuntil(until) if until else reader.read(), 10)
    finally:
        writer.close()


@BOTH
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"secret-nonsense\r\n\r\n", b"400"),
        (b"POST /here/secret\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"POST /secret" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"POST /here HTTP/1.1\r\n\r\n", b"400"),
        (b"POST /here HTTP/1.1\r\nHost: x\r\nHost: secret\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /secret HTTP/1.1\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", b"400"),
        (HEAD + b"Content-Length: +5\r\n\r\nabcde", b"400"),
        (HEAD + b"Content-Length : 5\r\n\r\nabcde", b"400"),
        (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", b"400"),
        (HEAD + b"X-A: a\r\n secret\r\nContent-Length: 0\r\n\r\n", b"400"),
        (HEAD + b"X-A: a\rsecret\r\nContent-Length: 0\r\n\r\n", b"400"),
        (HEAD + b"X-A: a\x00secret\r\nContent-Length: 0\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n", b"400"),
        (HEAD + b"".join(b"X-%d: secret\r\n" % number for number in range(200)) + b"\r\n", b"400"),
        (b"POST /here?secret HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"500"),
    ],
)  # fmt: skip
async def test_what_is_no_request_gets_a_status_and_nothing_else_and_the_connection_ends(
    kind: Callable[[], web.BaseRunner], sent: bytes, status: bytes
) -> None:
    await refused(kind, sent, status)


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 2\r\nExpect: secret\r\n\r\n{}" + HEAD,
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nExpect: secret\r\n\r\n",
    ],
)
async def test_what_a_page_is_expected_to_do_and_cannot_is_refused_like_that(sent: bytes) -> None:
    await refused(pages, sent, b"417")


async def refused(kind: Callable[[], web.BaseRunner], sent: bytes, status: bytes) -> None:
    async with opened(kind) as port:
        whole = await answer(port, sent)
    head, _, body = whole.partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert body == b""
    assert b"secret" not in whole
    assert b"aiohttp" not in whole
    assert b"Python" not in whole


@BOTH
async def test_one_request_is_never_taken_for_two(kind: Callable[[], web.BaseRunner]) -> None:
    """What a proxy in front reads as a body must not be a request to us, and the other way round: whoever can have it both
    ways smuggles requests past the proxy.
    """
    hidden = b"POST /here HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    async with opened(kind) as port:
        for lengths in permutations((b"Content-Length: 5", b"Transfer-Encoding: chunked")):
            whole = await answer(port, HEAD + b"\r\n".join(lengths) + b"\r\n\r\n0\r\n\r\n" + hidden)
            assert whole.count(b"HTTP/1.") == 1


@BOTH
async def test_no_answer_says_which_server_it_is(kind: Callable[[], web.BaseRunner]) -> None:
    async with opened(kind) as port:
        whole = await answer(port, HEAD + b"Content-Length: 2\r\n\r\nhi", until=b"\r\n\r\n")
    assert b"200 OK" in whole
    assert f"Server: {NAME}\r\n".encode() in whole


@BOTH
async def test_what_anybody_sends_leaves_no_line_in_the_log_and_a_fault_of_ours_does(
    kind: Callable[[], web.BaseRunner], capfd: pytest.CaptureFixture[str]
) -> None:
    said = io.StringIO()
    lines.set_up(form="json", level="debug", stream=said)
    async with opened(kind) as port:
        await answer(port, b"secret-nonsense\r\n\r\n")
        assert "nonsense" not in said.getvalue() + capfd.readouterr().err
        await answer(port, b"POST /here?fault HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert said.getvalue().count("request.failed") == 1
