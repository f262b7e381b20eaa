import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from bridge.errors import AccessRefused, Busy, NoAnswer, NotSent, Rejected
from bridge.transport import PreparedRequest, Transport
from bridge.transport.departure import leaving_when

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handle: Handler) -> AsyncIterator[str]:
    """A server on a free port; on leaving, every connection has ended."""
    under_way: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(asyncio.current_task())  # type: ignore[arg-type]
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await handle(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*under_way)


@asynccontextmanager
async def served(answer: Callable[[bytes], bytes | None]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers each request with given bytes (None: never), and what it was sent."""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        given = answer(seen[-1])
        if given is None:
            await reader.read()  # until the caller gives up
        else:
            writer.write(given)

    async with listening(handle) as url:
        yield url, seen


@asynccontextmanager
async def transport(**given: float) -> AsyncIterator[Transport]:
    made = Transport(**given)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


async def test_an_answer_comes_back_whole_whatever_its_status() -> None:
    teapot = b"HTTP/1.1 418 x\r\nX-Why: tea\r\nContent-Length: 3\r\n\r\nno!"
    async with served(lambda _: teapot) as (url, _), transport() as t:
        answer = await t.send(PreparedRequest("POST", url + "/x", {"X-Key": "k"}, b"{}"))

    assert (answer.status, answer.headers["x-why"], answer.body) == (418, "tea", b"no!")
    assert answer.ms >= 0


async def test_a_header_in_another_charset_is_text_that_can_be_stored() -> None:
    odd = b"HTTP/1.1 400 x\r\nX-Error: " + "нет".encode("windows-1251") + b"\r\nContent-Length: 0\r\n\r\n"
    async with served(lambda _: odd) as (url, _), transport() as t:
        answer = await t.send(PreparedRequest("GET", url))
    assert answer.headers["x-error"].encode() == b"???"


async def test_the_request_goes_out_with_its_headers_and_nothing_of_the_library() -> None:
    async with served(lambda _: OK) as (url, seen), transport() as t:
        headers = {"X-Key": "k", "Content-Type": "x/y"}
        await t.send(PreparedRequest("POST", url + "/a%20b?phone=%2B7&x%5B%5D=1", headers, b"{}"))

    head = seen[0].decode()
    assert head.startswith("POST /a%20b?phone=%2B7&x%5B%5D=1 HTTP/1.1\r\n")
    assert "\r\nx-key: k\r\n" in head.lower()
    assert "content-type: x/y" in head.lower()
    assert "httpx" not in head.lower()
    assert "aiohttp" not in head.lower()


async def test_a_refused_connection_is_certainly_not_sent() -> None:
    async with served(lambda _: OK) as (url, _):
        pass
    async with transport() as t:
        with pytest.raises(NotSent) as caught:
            await t.send(PreparedRequest("POST", url, {}, b"{}"))

    assert caught.value.maybe_done is False


async def test_an_unknown_host_is_certainly_not_sent_and_says_what_to_check(no_way_out: list[str]) -> None:
    async with transport() as t:
        with pytest.raises(NotSent, match="check the target's `url`"):
            await t.send(PreparedRequest("POST", "http://crm.invalid/", {}, b"{}"))

    assert no_way_out  # it was looked up, and that was all
    no_way_out.clear()


async def test_plain_http_behind_https_is_certainly_not_sent_and_says_so() -> None:
    async with served(lambda _: OK) as (url, seen), transport(connect_timeout=0.3) as t:
        with pytest.raises(NotSent):
            await t.send(PreparedRequest("POST", url.replace("http:", "https:"), {}, b"{}"))

    assert seen == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="connection closed without a word"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", id="answer cut off"),
        pytest.param(b"this is not HTTP\r\n\r\n", id="not HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz", id="broken gzip"),
    ],
)
async def test_when_the_answer_is_lost_the_request_may_have_been_done(answer: bytes) -> None:
    async with served(lambda _: answer) as (url, seen), transport() as t:
        with pytest.raises(NoAnswer) as caught:
            await t.send(PreparedRequest("POST", url, {}, b"{}"))

    assert caught.value.maybe_done is True
    assert len(seen) == 1


async def test_an_answer_that_cannot_be_unpacked_is_named() -> None:
    broken = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz"
    async with served(lambda _: broken) as (url, _), transport() as t:
        with pytest.raises(NoAnswer, match="compressed"):
            await t.send(PreparedRequest("GET", url))


async def test_silence_ends_after_the_time_out_and_the_request_may_have_been_done() -> None:
    async with served(lambda _: None) as (url, seen), transport(timeout=0.15) as t:
        with pytest.raises(NoAnswer, match=r"within 0\.15 s"):
            await t.send(PreparedRequest("POST", url, {}, b"{}"))

    assert len(seen) == 1


async def test_an_answer_that_trickles_is_bounded_as_a_whole() -> None:
    # Each byte comes well within a read time-out; only a bound on the whole exchange ends it.
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.02)

    async with listening(trickle) as url, transport(timeout=0.2) as t:
        with pytest.raises(NoAnswer):
            await t.send(PreparedRequest("GET", url))


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_a_request_is_sent_once_even_on_a_kept_connection_that_turns_out_closed(method: str) -> None:
    # The libraries beneath would send a PUT again by themselves.
    arrived: list[bytes] = []

    async def second_time_dead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            arrived.append(await reader.readuntil(b"\r\n\r\n"))
            if len(arrived) > 1:
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async with listening(second_time_dead) as url, transport() as t:
        await t.send(PreparedRequest(method, url))
        with pytest.raises(NoAnswer):
            await t.send(PreparedRequest(method, url))

    assert len(arrived) == 2


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    body = b"x" * 5000
    async with served(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + body) as (url, _):
        async with transport(max_answer=4999) as t:
            with pytest.raises(NoAnswer, match="larger than 4999 bytes"):
                await t.send(PreparedRequest("GET", url))
        async with transport(max_answer=5000) as t:
            assert (await t.send(PreparedRequest("GET", url))).body == body


async def test_the_cap_counts_what_comes_out_of_the_compression() -> None:
    packed = gzip.compress(b"0" * 1_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with served(lambda _: head + packed) as (url, _), transport(max_answer=100_000) as t:
        with pytest.raises(NoAnswer, match="larger than"):
            await t.send(PreparedRequest("GET", url))


async def test_a_redirect_is_an_answer_and_never_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with served(lambda _: moved) as (url, seen), transport() as t:
        answer = await t.send(PreparedRequest("POST", url, {"Authorization": "secret"}, b"{}"))

    assert answer.status == 302
    assert len(seen) == 1


async def test_cookies_of_one_answer_are_not_sent_with_the_next_request() -> None:
    sets = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: session=1; Path=/\r\n\r\n")
    async with served(lambda _: sets) as (url, seen), transport() as t:
        await t.send(PreparedRequest("GET", url))
        await t.send(PreparedRequest("GET", url))

    assert b"cookie" not in seen[1].lower()


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(lambda _: OK) as (url, seen), transport() as t:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
        await t.send(PreparedRequest("GET", url))

    assert len(seen) == 1


@pytest.mark.parametrize("url", ["ftp://crm.example.com/", "crm.example.com/x", "http://[::1/x"])
async def test_an_address_that_is_none_is_refused_with_what_to_check(url: str) -> None:
    async with transport() as t:
        with pytest.raises(Rejected, match="`url`"):
            await t.send(PreparedRequest("GET", url))


@pytest.mark.parametrize("broken", ["a\r\nX-Evil: 1", "a\nb", "a\0"])
async def test_a_header_with_a_line_break_is_refused_and_nothing_is_sent(broken: str) -> None:
    async with served(lambda _: OK) as (url, seen), transport() as t:
        with pytest.raises(Rejected, match="header X-Name"):
            await t.send(PreparedRequest("GET", url, {"X-Name": broken}))
    assert seen == []


async def test_headers_that_come_twice_are_one_list_under_a_lower_case_name() -> None:
    answer = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\n{}"
    async with served(lambda _: answer) as (url, _), transport() as t:
        assert (await t.send(PreparedRequest("GET", url))).headers["x-a"] == "1, 2"


# -- private addresses only --------------------------------------------------------------------------------------------


async def test_a_connection_that_may_be_private_only_reaches_this_machine() -> None:
    async with served(lambda _: OK) as (url, seen), transport(only_private=True) as t:
        assert (await t.send(PreparedRequest("GET", url))).status == 200
        assert (await t.send(PreparedRequest("GET", url.replace("127.0.0.1", "localhost")))).status == 200
    assert len(seen) == 2


@pytest.mark.parametrize("host", ["8.8.8.8", "[2001:4860:4860::8888]"])
async def test_and_no_public_address(host: str) -> None:
    async with transport(only_private=True) as t:
        with pytest.raises(AccessRefused, match="a public one"):
            await t.send(PreparedRequest("GET", f"http://{host}:3061/"))


async def test_nor_a_name_that_has_come_to_stand_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Private while it was looked at, public when it is connected to."""
    looked_up = []

    async def getaddrinfo(host: str, port: int, **more: Any) -> list[Any]:
        looked_up.append(host)
        return [(2, 1, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    async with transport(only_private=True) as t:
        with pytest.raises(AccessRefused, match="allow_public: true"):
            await t.send(PreparedRequest("POST", "http://crm.lan:3061/api", {}, b"{}"))
    assert looked_up == ["crm.lan"]


# -- when it leaves ----------------------------------------------------------------------------------------------------


async def test_a_request_leaves_when_it_may_and_not_before() -> None:
    async with served(lambda _: OK) as (url, seen), transport() as sender:
        asked, may = asyncio.Event(), asyncio.Event()

        async def may_leave() -> None:
            asked.set()
            await may.wait()

        async def send() -> int:
            with leaving_when(may_leave):
                return (await sender.send(PreparedRequest("GET", f"{url}/x"))).status

        sending = asyncio.create_task(send())
        await asked.wait()
        assert seen == []
        may.set()
        assert await sending == 200
        assert len(seen) == 1
        # of the next one nobody asks
        asked.clear()
        assert (await sender.send(PreparedRequest("GET", f"{url}/x"))).status == 200
        assert not asked.is_set()


async def test_what_stops_it_is_told_as_it_is_and_nothing_was_sent() -> None:
    async def never() -> None:
        raise Busy("More calls wait than the limit lets through.")

    async with served(lambda _: OK) as (url, seen), transport() as sender:
        with pytest.raises(Busy), leaving_when(never):
            await sender.send(PreparedRequest("POST", f"{url}/x", body=b"{}"))
        assert (await sender.send(PreparedRequest("GET", f"{url}/x"))).status == 200
        assert [request.split()[0] for request in seen] == [b"GET"]


async def test_what_waited_too_long_to_leave_was_certainly_not_sent() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    async with served(lambda _: OK) as (url, seen), transport(timeout=0.2) as sender:
        with pytest.raises(NotSent), leaving_when(waits):
            await sender.send(PreparedRequest("POST", f"{url}/x", body=b"{}"))
        assert seen == []


async def test_what_has_left_and_got_no_answer_may_have_been_done() -> None:
    async def at_once() -> None: ...

    async with served(lambda _: None) as (url, seen), transport(timeout=0.2) as sender:
        with pytest.raises(NoAnswer), leaving_when(at_once):
            await sender.send(PreparedRequest("POST", f"{url}/x", body=b"{}"))
        assert len(seen) == 1
