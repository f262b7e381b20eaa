"""Bodies that are being read share one limit; tried over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bridge.bodies import Bodies
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

        async with client.post("/", data=b"x" * 5_000) as third:
            assert third.status == 200
        assert (await first).status == 503
        quick.go_on.set()
        assert (await second).status == 200
        assert bodies._used == 0
        assert not bodies._under_way
        slow.go_on.set()


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
