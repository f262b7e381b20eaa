"""Who may hold a connection: tried over real sockets, from several addresses of this machine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from door.standing_open import LIMITS, WHOLE, Door, closed, opened

from bridge.door import doorway as doorway_module
from bridge.door import turns as turns_module
from bridge.door.doorway import Limits, sender


async def test_requests_are_answered_one_after_another_on_one_connection() -> None:
    async with opened() as door:
        reader, writer = await door.connect(WHOLE)
        assert b"200" in await reader.readline()
        await reader.readuntil(b"ok")
        writer.write(WHOLE[:20])
        writer.write(WHOLE[20:])
        assert b"200" in await asyncio.wait_for(reader.readline(), 10)


async def test_headers_in_pieces_are_put_together() -> None:
    async with opened() as door:
        reader, writer = await door.connect()
        for place in range(0, len(WHOLE), 7):
            writer.write(WHOLE[place : place + 7])
            await writer.drain()
            await asyncio.sleep(0)
        assert b"200" in await asyncio.wait_for(reader.readline(), 10)


async def test_whoever_has_not_sent_its_headers_in_time_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorway_module, "SWEEP", 0.02)
    async with opened(replace(LIMITS, patience=0.1)) as door:
        silent, _ = await door.connect()
        slow, _ = await door.connect(b"POST / HTTP/1.1\r\nHost: x\r\nX-A: ")
        kept, _ = await door.connect(WHOLE)
        assert await closed(silent)
        assert await closed(slow)
        assert (await kept.read()).startswith(b"HTTP/1.1 200")  # answered, then closed for saying nothing more


async def test_slow_ones_have_no_handler_of_requests() -> None:
    async with opened() as door:
        for _ in range(50):
            await door.connect(b"POST / HTTP/1.1\r\n")
        await door.standing(50)
        assert all(not visit.is_served for visit in door.doorway._waiting)


async def test_those_whose_time_is_over_go_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands that came together run out of time together; whoever is being served waits for no more than these few."""
    monkeypatch.setattr(doorway_module, "SWEEP", 0.01)
    monkeypatch.setattr(doorway_module, "SWEPT", 3)
    async with opened(replace(LIMITS, patience=0.0)) as door:
        gone: list[int] = []
        went = door.doorway._sweeping
        for _ in range(10):
            await door.connect(b"POST")
        while door.doorway.turned_away < 10:
            before = door.doorway.turned_away
            await asyncio.sleep(0.005)
            gone.append(door.doorway.turned_away - before)
        assert max(gone) <= 2 * 3
        assert not went.done()


async def test_endless_headers_are_refused() -> None:
    async with opened() as door:
        reader, _ = await door.connect(b"POST / HTTP/1.1\r\n" + b"X-A: " + b"y" * 40_000 + b"\r\n")
        assert b"400" in await asyncio.wait_for(reader.readline(), 10)
        many, _ = await door.connect(b"POST / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\n")
        assert b"400" in await asyncio.wait_for(many.readline(), 10)


async def test_when_places_run_short_the_one_that_has_waited_longest_goes_and_others_are_served() -> None:
    async with opened(replace(LIMITS, connections=16)) as door:
        oldest, _ = await door.connect(b"POST")
        for number in range(15):
            await door.connect(b"POST", source=f"127.0.0.{number + 2}")
        await door.standing(16)

        assert b"200" in await door.ask(source="127.0.0.99")

        assert await closed(oldest)


async def test_one_that_is_being_answered_never_makes_place() -> None:
    async with opened(replace(LIMITS, connections=16)) as door:
        busy = [await door.connect(WHOLE.replace(b"/ ", b"/slow ")) for _ in range(16)]
        async with asyncio.timeout(10):
            while door.doorway._waiting:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)
        late, _ = await door.connect(WHOLE)
        assert await closed(late)

        door.release.set()
        for reader, _ in busy:
            assert b"200" in await asyncio.wait_for(reader.readline(), 10)


async def test_one_address_takes_no_places_from_others() -> None:
    async with opened(replace(LIMITS, per_address=4)) as door:
        other, _ = await door.connect(b"POST", source="127.0.0.9")
        first, _ = await door.connect(b"POST", source="127.0.0.2")
        for _ in range(4):
            await door.connect(b"POST", source="127.0.0.2")

        assert await closed(first)
        await door.standing(5)
        assert not other.at_eof()


async def test_behind_a_trusted_proxy_stand_many() -> None:
    async with opened(replace(LIMITS, per_address=4, proxies=(ip_network("127.0.0.2/32"),))) as door:
        for _ in range(20):
            await door.connect(b"POST", source="127.0.0.2")
        await door.standing(20)


WRONG = WHOLE.replace(b"/ ", b"/wrong ")


async def seconds_for(door: Door, requests: int, sent: bytes, source: str) -> float:
    """Each comes over a connection of its own."""
    began = asyncio.get_running_loop().time()
    for _ in range(requests):
        reader, writer = await door.connect(sent, source=source)
        await asyncio.wait_for(reader.readuntil(b"ok"), 10)
        writer.close()
    return asyncio.get_running_loop().time() - began


async def test_whoever_is_refused_too_often_is_answered_more_slowly_and_nobody_else_is() -> None:
    async with opened(replace(LIMITS, rate=50.0, burst=5.0)) as door:
        assert await seconds_for(door, 26, WRONG, "127.0.0.2") > 0.3  # 20 beyond the burst, at 50 a second

        assert await seconds_for(door, 10, WHOLE, "127.0.0.3") < 0.3


async def test_refusals_from_everywhere_slow_down_whoever_is_refused_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address keeps to its own limit; all of them together would still take all there is."""
    monkeypatch.setattr(turns_module, "ALL", 1)
    async with opened(replace(LIMITS, rate=20.0, burst=20.0)) as door:
        await seconds_for(door, 1, WHOLE, "127.0.0.99")
        others = [f"127.0.0.{number}" for number in range(2, 8)]
        refused = asyncio.gather(*(seconds_for(door, 10, WRONG, source) for source in others))
        await asyncio.sleep(0)
        assert await seconds_for(door, 10, WHOLE, "127.0.0.99") < 0.5
        assert max(await refused) > 0.5  # sixty, of which some twenty are beyond the burst of all, at twenty a second


async def test_whoever_is_never_refused_never_waits() -> None:
    async with opened(replace(LIMITS, rate=1.0, burst=1.0)) as door:
        assert await seconds_for(door, 200, WHOLE, "127.0.0.2") < 10


async def test_an_honest_sender_at_an_attackers_address_waits_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "LONGEST_REST", 0.2)
    async with opened(replace(LIMITS, rate=2.0, burst=1.0)) as door:
        await seconds_for(door, 1, WHOLE, "127.0.0.2")
        crowd = asyncio.gather(*(seconds_for(door, 1, WRONG, "127.0.0.2") for _ in range(60)))
        await asyncio.sleep(0.1)
        assert await seconds_for(door, 1, WHOLE, "127.0.0.2") < 5  # not the half minute that is owed
        await crowd


@pytest.fixture
def for_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """All addresses together have no limit."""
    monkeypatch.setattr(turns_module, "ALL", 1e9)


@pytest.mark.usefixtures("for_each_alone")
async def test_whoever_stands_in_line_has_no_handler_of_requests_and_goes_like_any_that_waits() -> None:
    async with opened(replace(LIMITS, rate=0.001, burst=1.0, per_address=4)) as door:
        await seconds_for(door, 1, WRONG, "127.0.0.2")
        await door.standing(0)
        first, _ = await door.connect(WRONG, source="127.0.0.2")
        for _ in range(3):
            await door.connect(WRONG, source="127.0.0.2")
        await door.in_line(4)
        assert not door.doorway._by_transport

        await door.connect(WRONG, source="127.0.0.2")
        assert await closed(first)
        assert await seconds_for(door, 3, WHOLE, "127.0.0.3") < 5


@pytest.mark.usefixtures("for_each_alone")
async def test_whoever_has_gone_while_it_stood_in_line_costs_no_look() -> None:
    async with opened(replace(LIMITS, rate=0.001, burst=2.0)) as door:
        await seconds_for(door, 2, WRONG, "127.0.0.2")
        for _ in range(3):
            _, writer = await door.connect(WRONG, source="127.0.0.2")
            writer.close()
        honest = asyncio.create_task(seconds_for(door, 1, WHOLE, "127.0.0.2"))
        await door.in_line(4)
        door.doorway._turns.give_back("127.0.0.2")  # as if time had passed for one look
        assert await asyncio.wait_for(honest, 10) < 10
        await door.standing(0)


async def test_once_one_has_proved_itself_all_who_wait_at_its_address_go() -> None:
    async with opened(replace(LIMITS, rate=0.001, burst=1.0)) as door:
        reader, writer = await door.connect(WHOLE.replace(b"/ ", b"/slow "), source="127.0.0.2")
        waiting = [asyncio.create_task(seconds_for(door, 1, WHOLE, "127.0.0.2")) for _ in range(3)]
        await door.in_line(3)
        door.release.set()
        assert b"200" in await asyncio.wait_for(reader.readline(), 10)
        assert max(await asyncio.gather(*waiting)) < 10
        writer.close()


async def test_after_a_refusal_the_next_request_comes_over_another_connection() -> None:
    async with opened() as door:
        reader, writer = await door.connect(WRONG + WRONG)
        answers = await asyncio.wait_for(reader.read(), 10)
        assert answers.count(b"404") == 1
        assert b"Connection: close" in answers
        writer.close()


async def test_what_is_no_request_at_all_is_paid_for_like_one_without_proof() -> None:
    """The HTTP server answers it by itself, and asks nobody."""
    async with opened(replace(LIMITS, rate=0.001, burst=3.0)) as door:
        for _ in range(3):
            reader, writer = await door.connect(b"nonsense\r\n\r\n", source="127.0.0.2")
            assert b"400" in await asyncio.wait_for(reader.readline(), 10)
            writer.close()
        await door.connect(b"nonsense\r\n\r\n", source="127.0.0.2")
        await door.in_line(1)


@pytest.mark.usefixtures("for_each_alone")
async def test_asking_for_nothing_that_needs_a_proof_is_limited_too_and_a_source_without_one_is_not() -> None:
    async with opened(replace(LIMITS, rate=0.001, burst=3.0)) as door:
        await seconds_for(door, 9, WHOLE.replace(b"/ ", b"/open "), "127.0.0.3")
        await seconds_for(door, 3, WHOLE.replace(b"/ ", b"/free "), "127.0.0.2")
        await door.connect(WHOLE.replace(b"/ ", b"/free "), source="127.0.0.2")
        await door.in_line(1)


@pytest.mark.usefixtures("for_each_alone")
async def test_behind_a_trusted_proxy_senders_are_told_apart_and_their_connections_kept() -> None:
    async with opened(replace(LIMITS, rate=0.001, burst=2.0, proxies=(ip_network("127.0.0.2/32"),))) as door:
        reader, writer = await door.connect(source="127.0.0.2")
        for _ in range(2):
            writer.write(WRONG.replace(b"Host", b"X-Forwarded-For: 203.0.113.9\r\nHost"))
            assert b"404" in await asyncio.wait_for(reader.readuntil(b"ok"), 10)
        writer.write(WHOLE.replace(b"Host", b"X-Forwarded-For: 203.0.113.7\r\nHost"))
        assert b"200" in await asyncio.wait_for(reader.readuntil(b"ok"), 10)

        writer.write(WRONG.replace(b"Host", b"X-Forwarded-For: 203.0.113.9\r\nHost"))
        other, _ = await door.connect(WHOLE.replace(b"Host", b"X-Forwarded-For: 203.0.113.7\r\nHost"), source="127.0.0.2")
        assert b"200" in await asyncio.wait_for(other.readuntil(b"ok"), 10)
        assert list(door.doorway._turns._refused.by_address) == ["203.0.113.9"]


async def test_whoever_asks_from_near_by_whether_we_live_stands_in_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would put an end to us for a flood."""
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: /free\r\n\r\n"
    async with opened(replace(LIMITS, rate=0.001, burst=1.0)) as door:
        await seconds_for(door, 1, WRONG, "127.0.0.2")
        await door.connect(WRONG, source="127.0.0.2")
        await door.in_line(1)
        assert await seconds_for(door, 5, health, "127.0.0.2") < 5
        reader, writer = await door.connect(health)  # and over one connection
        for _ in range(5):
            await asyncio.wait_for(reader.readuntil(b"ok"), 10)
            writer.write(health)

        monkeypatch.setattr(doorway_module, "is_public", lambda _: True)
        await door.connect(health, source="127.0.0.2")
        await door.in_line(2)


async def test_a_trusted_proxy_that_asks_for_itself_stands_in_no_line() -> None:
    """The delivered one asks whether we live before each request."""
    async with opened(replace(LIMITS, rate=0.001, burst=1.0, proxies=(ip_network("127.0.0.2/32"),))) as door:
        assert await seconds_for(door, 20, WHOLE.replace(b"/ ", b"/free "), "127.0.0.2") < 5
        assert not door.doorway._turns._shares


async def test_so_does_one_with_an_address_of_version_6() -> None:
    proxies = (ip_network("127.0.0.2/32"), ip_network("fd00::/8"))
    head = WHOLE.replace(b"/ ", b"/free ").replace(b"\r\n", b"\r\nX-Forwarded-For: fd00::1\r\n", 1)
    async with opened(replace(LIMITS, rate=0.001, burst=1.0, proxies=proxies)) as door:
        assert await seconds_for(door, 20, head, "127.0.0.2") < 5
        assert not door.doorway._turns._shares


async def test_a_connection_that_breaks_off_leaves_nothing_behind() -> None:
    async with opened() as door:
        for sent in (b"", b"PO", WHOLE):
            _, writer = await door.connect(sent)
            writer.transport.abort()
        await door.standing(0)
        assert not door.doorway._waiting
        assert not door.doorway._of


def test_no_more_connections_are_taken_than_there_are_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def limit(_: Any) -> tuple[int, int]:
        return (1024, 4096)

    monkeypatch.setattr("resource.getrlimit", limit)
    assert Limits().most == 1024 - doorway_module.SPARE_FILES
    assert Limits(connections=20).most == 20


NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(("peer", "forwarded", "found"), [
    ("203.0.113.9", ["10.0.0.1"], "203.0.113.9"),  # no proxy of ours: what it says counts for nothing
    ("10.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),  # what stands before it anybody may have written
    ("10.0.0.1", ["1.2.3.4", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
    ("10.0.0.1", [], "10.0.0.1"),
    ("10.0.0.1", ["nonsense"], "nonsense"),
])  # fmt: skip
def test_the_sender_behind_proxies(peer: str, forwarded: list[str], found: str) -> None:
    assert sender(peer, forwarded, NETWORKS) == found
