"""Bodies that are being read share one limit; tried over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bridge.door.bodies import MOST_PIECES, Bodies, unpacked
from bridge.errors import NoRoom


@asynccontextmanager
async def reader(room: int, most: int = 1_000_000, within: float = 30.0) -> AsyncIterator[tuple[TestClient, Bodies]]:
    bodies = Bodies(room)

    async def read(request: web.Request) -> web.Response:
        try:
            return web.Response(text=str(len(await bodies.read(request, most=most, within=within))))
        except NoRoom:
            return web.Response(status=503)
        except TimeoutError:
            return web.Response(status=408)

    app = web.Application()
    app.router.add_post("/", read)
    async with TestClient(TestServer(app)) as client:
        yield client, bodies


class Slow:
    """A sender that stops in the middle."""

    def __init__(self, first: int) -> None:
        self.first, self.go_on = first, asyncio.Event()

    async def parts(self) -> AsyncIterator[bytes]:
        yield b"x" * self.first
        await self.go_on.wait()
        yield b"y"


async def until_used(bodies: Bodies, size: int) -> None:
    async with asyncio.timeout(10):
        while bodies._used < size:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.005)


async def test_a_body_is_read_whole_and_its_room_given_back() -> None:
    async with reader(10_000) as (client, bodies), client.post("/", data=b"x" * 9_000) as answer:
        assert (answer.status, await answer.text()) == (200, "9000")
        assert bodies._used == 0


async def test_when_room_runs_short_the_one_that_takes_longest_goes() -> None:
    async with reader(10_000) as (client, bodies):
        slow, quick = Slow(6_000), Slow(1_000)
        first = asyncio.ensure_future(client.post("/", data=slow.parts()))
        await until_used(bodies, 6_000)
        second = asyncio.ensure_future(client.post("/", data=quick.parts()))
        await until_used(bodies, 7_000)

        large = Slow(5_000)
        third = asyncio.ensure_future(client.post("/", data=large.parts()))
        assert (await first).status == 503
        for sender, answer in ((large, third), (quick, second)):
            sender.go_on.set()
            assert (await answer).status == 200
        assert bodies._used == 0
        assert not bodies._under_way
        slow.go_on.set()


async def test_one_that_is_whole_takes_no_room_from_the_unfinished() -> None:
    async with reader(10_000) as (client, bodies):
        slow = Slow(9_000)
        first = asyncio.ensure_future(client.post("/", data=slow.parts()))
        await until_used(bodies, 9_000)
        async with client.post("/", data=b"x" * 5_000) as second:
            assert second.status == 200
        async with client.post("/", data=b"") as third:
            assert (third.status, await third.text()) == (200, "0")
        slow.go_on.set()
        assert (await first).status == 200


async def test_one_that_is_larger_than_all_the_room_is_itself_the_one_that_goes() -> None:
    async with reader(1_000) as (client, bodies), client.post("/", data=b"x" * 500_000) as answer:
        assert answer.status == 503
        assert bodies._used == 0


async def test_a_sender_that_takes_too_long_gives_its_room_back() -> None:
    async with reader(10_000, within=0.05) as (client, bodies):
        slow = Slow(1_000)
        answer = await client.post("/", data=slow.parts())
        assert answer.status == 408
        assert bodies._used == 0
        slow.go_on.set()


BODY = b'{"id": 1}' * 50


def packed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def bare(body: bytes) -> bytes:
    """Deflated, without the wrapping that the standard asks for."""
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(body) + packing.flush()


RIGHT = {
    "plain": (BODY, ""), "said to be plain": (BODY, "identity"), "gzip": (packed(BODY), "gzip"),
    "x-gzip": (packed(BODY), " X-GZIP "), "deflate": (zlib.compress(BODY), "deflate"), "bare": (bare(BODY), "deflate"),
    "in two pieces": (packed(BODY[:9]) + packed(BODY[9:]), "gzip"),
}  # fmt: skip
WRONG = {
    "not packed": (BODY, "gzip"), "not deflated": (BODY, "deflate"), "cut off": (packed(BODY)[:-4], "gzip"),
    "something behind it": (packed(BODY) + b"more", "gzip"), "packed as nobody unpacks": (BODY, "br"),
    "packed twice": (packed(packed(BODY)), "gzip, gzip"), "many pieces": (packed(b"") * (MOST_PIECES + 1), "gzip"),
}  # fmt: skip
BOMBS = {"one byte too many": packed(BODY), "a bomb": packed(b"\0" * 10**8), "two pieces": packed(BODY) * 2}


@pytest.mark.parametrize("name", RIGHT)
def test_what_came_packed_is_unpacked(name: str) -> None:
    assert unpacked(*RIGHT[name], len(BODY)) == BODY


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_packed_as_its_header_says_is_an_error_and_not_a_body(name: str) -> None:
    with pytest.raises(web.RequestPayloadError):
        unpacked(*WRONG[name], 10_000)


@pytest.mark.parametrize("name", BOMBS)
def test_no_more_is_unpacked_than_may_be_there(name: str) -> None:
    tracemalloc.start()
    with pytest.raises(web.HTTPRequestEntityTooLarge):
        unpacked(BOMBS[name], "gzip", len(BODY) - 1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**20
