from __future__ import annotations

import asyncio
import base64
import gzip
import hmac
import io
import json
import resource
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote, unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestClient
from fakes import FakeClock
from running import finished
from yarl import URL

from bridge import log as lines
from bridge import parse
from bridge.config import load
from bridge.connections.sources import load_sources
from bridge.door.doorway import PROVED, Doorway, Limits
from bridge.errors import NoRoom, StoreError
from bridge.model import Delivery
from bridge.parse import Reply
from bridge.receive import COME_AGAIN, LEAVE, MAKES_WAY, PIECE_EVERY, REFUSALS_SAID, RUSH, RUSH_WITHIN, WATCHED, Receiver
from bridge.store import Store, open_store
from bridge.verify import Incoming

SECRET = "s3cret+with/odd=signs"
SIGNING = "whsec_" + base64.b64encode(b"a key for signing, thirty-two b.").decode()
ENVIRON = {"KEY": "k" * 40, "SECRET": SECRET, "SIGNING": SIGNING}
ASKED = """
mapping_language: 1
title: Asked
docs: none
body: json
verify:
  - scheme: equality
    in: query
    name: key
  - scheme: equality
    in: header
    name: X-Key
handshakes:
  - method: GET
    when: "get(query, 'challenge')"
    answer:
      text: '{query.challenge}'
at: type
events:
  end:
    as: chat_finished
fields:
  chat_id: id
answers:
  default:
    status: 202
    json:
      taken: thanks
"""


SIGNED_URL = """
mapping_language: 1
title: Signed address
docs: none
body: json
verify:
  scheme: hmac
  in: header
  name: X-Sign
  algorithm: sha256
  encoding: hex
  signed: '{url}'
at: type
events:
  end:
    as: chat_finished
fields:
  chat_id: id
"""


OPEN = SIGNED_URL.partition("verify:")[0] + "verify: {scheme: none}\nat: type" + SIGNED_URL.partition("at: type")[2]


@dataclass
class Watching:
    outcomes: list[tuple[str, str]] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)

    def received(self, source: str, outcome: str) -> None:
        self.outcomes.append((source, outcome))

    def skewed(self, source: str, seconds: float) -> None: ...

    def alert(self, cause: str, text: str) -> None:
        self.alerts.append(cause)


@dataclass
class Live:
    reply: Reply | None = None

    async def answer(self, source: Any, delivery: Delivery, payload: Any, glance: Any) -> Reply:
        return self.reply or glance.answer


@dataclass
class Door:
    """The public listener, and what came of it."""

    client: TestClient[Any, Any]
    store: Store
    receiver: Receiver
    watching: Watching
    clock: FakeClock

    async def post(self, event: Any = None, path: str = "/hooks/shop/" + quote(SECRET, safe=""), **more: Any) -> tuple[int, str]:
        data = event if isinstance(event, bytes) else json.dumps(event if event is not None else finished(1)).encode()
        async with self.client.post(path, data=data, **more) as answer:
            return answer.status, await answer.text()

    async def kept(self) -> list[Delivery]:
        return await self.store.received(100)

    async def raw(self, request: bytes) -> bytes:
        """What is answered to these bytes, as they are."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.client.server.port)
        writer.write(request)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer


Open = Callable[..., Any]


@pytest.fixture
def door(tmp_path: Path, clock: FakeClock) -> Open:
    @asynccontextmanager
    async def opened(**receive: Any) -> AsyncIterator[Door]:
        (tmp_path / "mappings" / "providers").mkdir(parents=True)
        (tmp_path / "mappings" / "providers" / "asked.yaml").write_text(ASKED, encoding="utf-8")
        (tmp_path / "mappings" / "providers" / "url.yaml").write_text(SIGNED_URL, encoding="utf-8")
        (tmp_path / "mappings" / "providers" / "open.yaml").write_text(OPEN, encoding="utf-8")
        config = {
            "store": f"sqlite:///{tmp_path}/chat2crm.db", "key": "${KEY}", "receive": receive,
            "sources": {
                "shop": {"provider": "jivo", "secret": "${SECRET}", "target": "sales"},
                "own": {"provider": "generic", "secret": "${SIGNING}", "target": "sales"},
                "asked": {"provider": "asked", "secret": "${SECRET}", "target": "sales"},
                "metered": {"provider": "asked", "secret": "${SECRET}", "target": "sales", "most_per_minute": 3},
                "url": {"provider": "url", "secret": "${SECRET}", "target": "sales"},
                "open": {"provider": "open", "target": "sales"},
            },
            "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9"}},
        }  # fmt: skip
        (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
        settings = load(tmp_path / "config.yaml", ENVIRON)
        store = open_store(settings.store, clock=clock)
        await store.open()
        watching = Watching()
        receiver = Receiver(settings.receive, load_sources(settings), store, clock, Live(), watching)
        server = RawTestServer(receiver.handler())
        await server.start_server(auto_decompress=False)
        async with TestClient(server) as client:
            yield Door(client, store, receiver, watching, clock)
        await store.close()

    return opened


@pytest.fixture
def said() -> io.StringIO:
    """All that the log says."""
    stream = io.StringIO()
    lines.set_up(form="json", level="debug", stream=stream)
    return stream


class TestTaken:
    @pytest.mark.parametrize(
        ("line", "status"),
        [
            (f"POST /hooks/shop/{quote(SECRET, safe='')}?a=b", 200),
            (f"POST /hooks/sh%6Fp/{quote(SECRET, safe='')}", 200),
            (f"POST http://elsewhere.example/hooks/shop/{quote(SECRET, safe='')}", 200),
            (f"POST /hooks/shop/{quote(SECRET, safe='')}/", 404),
            (f"POST /hooks/shop/{quote(SECRET, safe='')}/more", 404),
            (f"POST /hooks//shop/{quote(SECRET, safe='')}", 404),
            (f"POST /hooks/shop%2F{quote(SECRET, safe='')}", 404),
            (f"POST /x/hooks/shop/{quote(SECRET, safe='')}", 404),
            ("POST /hooks/shop/", 404),
            ("POST /hooks/", 404),
            ("POST /", 404),
            ("OPTIONS *", 404),
            (f"DELETE /hooks/shop/{quote(SECRET, safe='')}", 405),
            ("GET /healthz", 200),
            ("HEAD /healthz", 200),
            ("POST /healthz", 405),
            ("GET /healthz/", 404),
        ],
    )  # fmt: skip
    async def test_two_addresses_are_answered_and_no_other(self, door: Open, line: str, status: int) -> None:
        body = json.dumps(finished(1)).encode()
        async with door() as at:
            head = f"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", at.client.server.port)
            writer.write(head.encode() + body)
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()

            assert answer.startswith(f"HTTP/1.1 {status} ".encode())
            assert len(await at.kept()) == (status == 200 and "hooks" in line)

    async def test_the_answer_is_the_mappings_and_the_bytes_are_on_disk(self, door: Open) -> None:
        async with door() as at:
            body = json.dumps(finished(1), ensure_ascii=False, indent=3).encode()

            assert await at.post(body) == (200, '{"result":"ok"}')

            [kept] = await at.kept()
            assert (kept.source, kept.body, kept.method, kept.received_at) == ("shop", body, "POST", at.clock.now())
            assert at.receiver.news.is_set()
            assert at.watching.outcomes == [("shop", "accepted")]

    async def test_the_same_again_is_answered_alike_and_kept_once(self, door: Open) -> None:
        async with door() as at:
            event = finished(1)
            first = await at.post(event)
            at.receiver.news.clear()

            assert await at.post(event) == first

            assert len(await at.kept()) == 1
            assert not at.receiver.news.is_set()
            assert at.watching.outcomes[-1] == ("shop", "duplicate")

    @pytest.mark.parametrize("body", [b'{"event_name": "chat_fin', b"\xff\xfe\x00", b"", b"[" * 100_000, b'{"a": 1e999999}'])
    async def test_what_cannot_be_read_but_is_authentic_is_kept_and_answered(self, door: Open, body: bytes) -> None:
        async with door() as at:
            assert await at.post(body) == (200, '{"result":"ok"}')

            assert [one.body for one in await at.kept()] == [body]

    @pytest.mark.parametrize("body", [b"[" * 2**21, b"[" + b"[]," * 699_000 + b"[]]", b'{"a":' * 400_000, b"{}" + b" " * 2**20],
                             ids=["brackets", "lists", "tower", "blanks"])  # fmt: skip
    async def test_a_bomb_that_is_authentic_is_kept_and_answered_within_a_second(self, door: Open, body: bytes) -> None:
        async with door() as at:
            began = time.thread_time()
            path = "/hooks/shop/" + quote(SECRET, safe="")
            async with at.client.post(path, data=io.BytesIO(body[: 2**21])) as answer:
                assert (answer.status, await answer.text()) == (200, '{"result":"ok"}')
            assert time.thread_time() - began < 1.0

            assert [one.body for one in await at.kept()] == [body[: 2**21]]

    async def test_put_is_taken_like_post(self, door: Open) -> None:
        async with door() as at, at.client.put("/hooks/shop/" + quote(SECRET, safe=""), json=finished(1)) as answer:
            assert answer.status == 200
            assert len(await at.kept()) == 1

    async def test_status_and_body_of_the_answer_are_the_mappings(self, door: Open) -> None:
        async with door() as at:
            answer = await at.post({"type": "end", "id": 1}, "/hooks/asked", headers={"X-Key": SECRET})

            assert answer == (202, '{"taken":"thanks"}')

    async def test_a_handshake_is_answered_and_not_kept(self, door: Open) -> None:
        async with door() as at:
            where = "/hooks/asked?challenge=4711&key=" + quote(SECRET, safe="")
            async with at.client.get(where) as answer:
                assert (answer.status, await answer.text()) == (200, "4711")

            assert await at.kept() == []
            assert at.watching.outcomes == [("asked", "handshake")]

    async def test_a_handshake_needs_the_secret_like_anything_else(self, door: Open) -> None:
        async with door() as at, at.client.get("/hooks/asked?challenge=4711&key=wrong") as answer:
            assert (answer.status, await answer.text()) == (404, "")

    async def test_a_live_answer_is_given_once_the_delivery_is_kept(self, door: Open) -> None:
        async with door() as at:
            at.receiver.live = Live(Reply(body=b"card", content_type="text/plain"))
            event = {**finished(1), "event_name": "chat_accepted"}

            assert await at.post(event) == (200, "card")
            assert await at.post(event) == (200, "card")

            assert len(await at.kept()) == 1

    async def test_health_is_answered(self, door: Open) -> None:
        async with door() as at, at.client.get("/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")

    async def test_who_watches_is_told_of_the_leaving_and_what_comes_meanwhile_is_taken(self, door: Open) -> None:
        async with door() as at:
            await at.client.get("/healthz")
            leaving = asyncio.create_task(at.receiver.take_leave())
            await asyncio.sleep(0)
            async with at.client.get("/healthz") as answer:
                assert answer.status == 503
            assert (await at.post())[0] == 200
            assert not leaving.done()
            await at.clock.advance(LEAVE)
            await leaving

    async def test_where_nobody_watches_the_door_is_closed_at_once(self, door: Open) -> None:
        async with door() as at:
            await at.receiver.take_leave()
            assert at.receiver.clock.time() == at.clock.time()
            await at.client.get("/healthz")
            await at.clock.advance(WATCHED + 1)
            await at.receiver.take_leave()


def signed(body: bytes, at: float) -> dict[str, str]:
    stamp = str(int(at))
    key = base64.b64decode(SIGNING.removeprefix("whsec_"))
    signature = hmac.digest(key, b".".join((b"msg_1", stamp.encode(), body)), sha256)
    return {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": "v1," + base64.b64encode(signature).decode()}


class TestProof:
    BODY = json.dumps({"type": "chat.finished", "data": {"id": "1"}}).encode()

    async def test_a_good_signature_is_taken(self, door: Open) -> None:
        async with door() as at:
            assert (await at.post(self.BODY, "/hooks/own", headers=signed(self.BODY, at.clock.time())))[0] == 200
            assert at.watching.alerts == []

    async def test_a_signature_of_another_body_is_refused(self, door: Open) -> None:
        async with door() as at:
            assert await at.post(self.BODY + b" ", "/hooks/own", headers=signed(self.BODY, at.clock.time())) == (404, "")
            assert await at.kept() == []
            assert at.watching.outcomes == [("own", "not_authentic")]

    async def test_a_good_signature_of_another_time_is_kept_and_somebody_told(self, door: Open) -> None:
        """It may be our clock that is wrong."""
        async with door() as at:
            status, _ = await at.post(self.BODY, "/hooks/own", headers=signed(self.BODY, at.clock.time() - 7200))

            assert status == 200
            assert len(await at.kept()) == 1
            assert at.watching.alerts == ["clock:own"]

    @pytest.mark.parametrize(
        "path",
        [
            "/hooks/nobody", "/hooks/nobody/x", "/hooks/shop", "/hooks/shop/wrong", "/hooks/own", "/hooks/asked?key=wrong", "/x",
            "/",
        ],
    )
    async def test_whoever_cannot_prove_it_learns_nothing(self, door: Open, path: str) -> None:
        async with door() as at, at.client.post(path, json=finished(1)) as answer:
            assert (answer.status, await answer.read()) == (404, b"")
            assert await at.kept() == []

    async def test_the_doorway_is_told_who_has_proved_it(self, door: Open) -> None:
        """They go before whoever has not; a source that asks for no proof lets nobody go before others."""
        told: list[bool | None] = []

        class Doorway:
            @staticmethod
            async def in_turn(request: web.BaseRequest, handler: Any) -> Any:
                answer = await handler(request)
                told.append(request.get(PROVED))
                return answer

        async with door() as at:
            stranger: Any = Doorway()
            server = RawTestServer(at.receiver.handler(stranger))
            await server.start_server(auto_decompress=False)
            async with TestClient(server) as client:
                for path, headers in (
                    ("/hooks/own", signed(self.BODY, at.clock.time())), ("/hooks/own", {}), ("/hooks/open", {}), ("/healthz", {}),
                ):  # fmt: skip
                    async with client.request("GET" if path == "/healthz" else "POST", path, data=self.BODY, headers=headers):
                        pass
        assert told == [True, None, False, None]

    async def test_a_flood_of_refusals_does_not_fill_the_log(self, door: Open, said: io.StringIO) -> None:
        async with door() as at:
            for _ in range(50):
                await at.post(b"{}", "/hooks/own")
            assert said.getvalue().count("delivery.refused") == REFUSALS_SAID
            await at.clock.advance(1.0)
            await at.post(b"{}", "/hooks/own")
            assert json.loads(said.getvalue().splitlines()[-1])["unsaid"] == 50 - REFUSALS_SAID
            assert len(at.watching.outcomes) == 51  # each is counted

    async def test_what_is_not_proved_is_not_read(self, door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        """It costs a hash, whatever it holds; only a secret inside a body, and a handshake, have to be looked for."""
        read: list[str | None] = []
        decode = parse.decode

        def watched(asked: Incoming, *rest: Any) -> Any:
            read.append(asked.path_secret)
            return decode(asked, *rest)

        monkeypatch.setattr(parse, "decode", watched)
        async with door() as at:
            assert (await at.post(path="/hooks/own"))[0] == 404
            assert (await at.post(path="/hooks/shop/wrong-secret"))[0] == 404
            assert (await at.post(path="/hooks/asked"))[0] == 404
            assert read == []
            assert (await at.post())[0] == 200
            assert read == [SECRET]

    async def test_a_secret_with_odd_signs_is_known_in_path_query_and_header(self, door: Open) -> None:
        async with door() as at:
            event = {"type": "end", "id": 1}
            assert (await at.post())[0] == 200
            assert (await at.post(event, "/hooks/asked?key=" + quote(SECRET, safe="")))[0] == 202
            assert (await at.post(event, "/hooks/asked", headers={"x-key": SECRET}))[0] == 202

    async def test_the_secret_is_never_stored_nor_logged(self, door: Open, said: io.StringIO) -> None:
        async with door() as at:
            event = {"type": "end", "id": 1}
            headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}", "X-Key": SECRET}
            await at.post(event, f"/hooks/asked?key={quote(SECRET, safe='')}&x=1", headers=headers)
            await at.post(event, f"/hooks/asked?key={quote(SECRET.upper(), safe='')}")
            await at.post(headers=headers)
            await at.post(path="/hooks/shop/wrong-wrong", headers=headers)

            kept = await at.kept()
            stored = " ".join(f"{one.query} {one.headers}" for one in kept) + said.getvalue()
            assert len(kept) == 2
            assert kept[0].query.endswith("x=1")
            assert SECRET not in stored
            assert quote(SECRET, safe="") not in stored
            assert SECRET not in unquote(stored)  # however much of it was escaped on the way

    @pytest.mark.parametrize(
        ("receive", "signed_url"),
        [
            ({"public_url": "https://chats.test"}, "https://chats.test/hooks/url?a=%2B"),
            ({"trusted_proxies": ["127.0.0.0/8"]}, "https://proxy.example/hooks/url?a=%2B"),
            ({}, "http://{here}/hooks/url?a=%2B"),
        ],
        ids=["configured", "by the proxy", "as called"],
    )
    async def test_a_signature_over_the_address_is_held_against_the_public_one(
        self, door: Open, receive: dict[str, Any], signed_url: str
    ) -> None:
        async with door(**receive) as at:
            here = f"127.0.0.1:{at.client.server.port}"
            signature = hmac.digest(SECRET.encode(), signed_url.format(here=here).encode(), sha256).hex()
            headers = {"X-Sign": signature, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "proxy.example"}

            status, _ = await at.post({"type": "end", "id": 1}, URL("/hooks/url?a=%2B", encoded=True), headers=headers)

            assert status == 200


class TestRefused:
    @pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS"])
    async def test_other_methods(self, door: Open, method: str) -> None:
        async with door() as at, at.client.request(method, "/hooks/shop/" + quote(SECRET, safe="")) as answer:
            assert (answer.status, await answer.read()) == (405, b"")
            assert await at.kept() == []

    async def test_a_body_over_the_limit(self, door: Open) -> None:
        async with door(max_body="1KiB") as at:
            assert await at.post(b"x" * 1025) == (413, "")
            assert (await at.post(b"x" * 1024))[0] == 200

    async def test_a_body_over_the_limit_that_does_not_say_so(self, door: Open) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 100

        async with door(max_body="1KiB") as at:
            async with at.client.post("/hooks/shop/" + quote(SECRET, safe=""), data=parts()) as answer:
                assert answer.status == 413
            assert await at.kept() == []

    async def test_a_body_that_is_over_the_limit_once_unpacked(self, door: Open) -> None:
        async with door(max_body="10KiB") as at:
            packed = gzip.compress(b"x" * 10_000_000)
            assert len(packed) < 10_240

            assert (await at.post(packed, headers={"Content-Encoding": "gzip"}))[0] == 413

            assert await at.kept() == []

    async def test_a_packed_body_is_unpacked(self, door: Open) -> None:
        async with door() as at:
            body = json.dumps(finished(1)).encode()

            assert (await at.post(gzip.compress(body), headers={"Content-Encoding": "gzip"}))[0] == 200

            assert [one.body for one in await at.kept()] == [body]

    async def test_many_bombs_at_once_are_refused_each_and_fill_no_memory(self, door: Open) -> None:
        async with door() as at:
            packed = gzip.compress(b"\0" * 30 * 2**20)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            answers = await asyncio.gather(*(at.post(packed, headers={"Content-Encoding": "gzip"}) for _ in range(80)))
            assert {status for status, _ in answers} == {413}
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            assert grown < 60, f"{grown:.0f} MiB"
            assert await at.kept() == []

    async def test_a_body_that_is_not_what_its_encoding_says(self, door: Open, said: io.StringIO) -> None:
        async with door() as at:
            assert (await at.post(b"not packed", headers={"Content-Encoding": "gzip"}))[0] == 400

            assert at.watching.outcomes == [("shop", "refused")]
        assert "request.failed" not in said.getvalue()

    @pytest.mark.parametrize(("length", "invited"), [(2, True), (3_000_000, False)])
    async def test_nobody_is_asked_for_a_body_that_is_too_large(self, door: Open, length: int, invited: bool) -> None:
        async with door() as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.client.server.port)
            writer.write(b"POST /hooks/own HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length)
            line = await asyncio.wait_for(reader.readline(), 10)
            assert line.startswith(b"HTTP/1.1 100") == invited
            if invited:
                writer.write(b"{}")
                await reader.readline()
                assert b"404" in await asyncio.wait_for(reader.readline(), 10)
            writer.close()

    async def test_a_sender_that_takes_too_long(self, door: Open) -> None:
        async def for_ever() -> AsyncIterator[bytes]:
            yield b'{"event_name"'
            await asyncio.Event().wait()

        async with door(timeout="50ms") as at:
            async with at.client.post("/hooks/shop/" + quote(SECRET, safe=""), data=for_ever()) as answer:
                assert answer.status == 400
            assert at.watching.outcomes == [("shop", "refused")]

    async def test_a_sender_that_goes_away_in_the_middle_is_no_fault_of_ours(self, door: Open, said: io.StringIO) -> None:
        async with door() as at:
            path = quote(SECRET, safe="")
            await at.raw(f"POST /hooks/shop/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())

            assert await at.kept() == []
        assert "Traceback" not in said.getvalue()

    @pytest.mark.parametrize("error", [NoRoom("disk full"), StoreError("gone")])
    async def test_without_room_the_provider_is_asked_to_come_again(
        self, door: Open, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        async with door() as at:
            async def refuse(_: Delivery) -> None:
                raise error

            monkeypatch.setattr(at.store, "accept", refuse)
            async with at.client.post("/hooks/shop/" + quote(SECRET, safe=""), json=finished(1)) as answer:
                assert (answer.status, await answer.read()) == (503, b"")
                assert answer.headers["Retry-After"] == str(COME_AGAIN)
            assert at.watching.outcomes == [("shop", "no_room")]

    async def test_a_fault_of_ours_leaves_no_trace_outside_and_one_inside(
        self, door: Open, monkeypatch: pytest.MonkeyPatch, said: io.StringIO
    ) -> None:
        async with door() as at:
            async def break_(_: Delivery) -> None:
                raise ZeroDivisionError("a word of ours")

            monkeypatch.setattr(at.store, "accept", break_)

            assert await at.post() == (500, "")

        assert "request.failed" in said.getvalue()

    async def test_an_unknown_sources_name_is_neither_logged_nor_counted(self, door: Open, said: io.StringIO) -> None:
        async with door() as at:
            await at.post(path="/hooks/+79161234567")

            assert at.watching.outcomes == [("unknown", "unknown_source")]
        assert "9161234567" not in said.getvalue()


class TestHowMuchASourceMaySend:
    HERE = "/hooks/metered?key=" + quote(SECRET, safe="")

    def event(self, number: int) -> dict[str, Any]:
        return {"type": "end", "id": str(number)}

    async def test_beyond_its_allowance_it_is_asked_to_come_again_and_others_are_not(self, door: Open) -> None:
        async with door() as at:
            taken = [(await at.post(self.event(number), self.HERE))[0] for number in range(3)]
            async with at.client.post(self.HERE, json=self.event(3)) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
            assert (await at.post())[0] == 200

            assert taken == [202] * 3
            assert len(await at.kept()) == 4
            assert at.watching.outcomes[3] == ("metered", "too_many")
            assert at.watching.alerts == ["rate:metered"]

    async def test_with_time_it_may_send_again(self, door: Open) -> None:
        async with door() as at:
            for number in range(4):
                await at.post(self.event(number), self.HERE)
            await at.clock.advance(20)

            assert (await at.post(self.event(3), self.HERE))[0] == 202
            assert (await at.post(self.event(4), self.HERE))[0] == 503

    async def test_who_proves_nothing_uses_up_nothing(self, door: Open) -> None:
        async with door() as at:
            for number in range(10):
                assert (await at.post(self.event(number), "/hooks/metered?key=wrong"))[0] == 404

            assert (await at.post(self.event(1), self.HERE))[0] == 202


class TestRush:
    """Who answers a provider goes first; what is on disk can wait."""

    async def waits(self, at: Door, step: float = RUSH_WITHIN / 4) -> float:
        began = at.clock.monotonic()
        waiting = asyncio.ensure_future(at.receiver.calm())
        while not waiting.done():
            await at.clock.advance(step)
        return at.clock.monotonic() - began

    @asynccontextmanager
    async def rushing(self, at: Door) -> AsyncIterator[None]:
        async def rush() -> None:
            while True:
                at.receiver._arrivals.append(at.clock.monotonic())
                await at.clock.sleep(RUSH_WITHIN / 100)

        for _ in range(RUSH):
            at.receiver._arrivals.append(at.clock.monotonic())
        coming = asyncio.ensure_future(rush())
        try:
            yield
        finally:
            coming.cancel()

    async def test_without_one_nobody_waits(self, door: Open) -> None:
        async with door() as at:
            await at.post()

            await asyncio.wait_for(at.receiver.calm(), 1)

    async def test_while_one_is_on_others_make_way_until_it_is_over(self, door: Open) -> None:
        async with door() as at:
            for number in range(RUSH):
                await at.post(finished(number))

            assert RUSH_WITHIN < await self.waits(at) < MAKES_WAY

    async def test_connections_are_a_sign_of_one_before_anything_is_read(self, door: Open) -> None:
        guest = Mock(address="203.0.113.7")
        async with door() as at:
            doorway = Doorway(Limits())
            at.receiver.handler(doorway)
            for _ in range(RUSH):
                assert doorway.came(guest)

            assert RUSH_WITHIN < await self.waits(at) < MAKES_WAY
            doorway.close()

    async def test_but_not_for_ever_and_then_go_on_piece_by_piece(self, door: Open) -> None:
        async with door() as at, self.rushing(at):
            assert MAKES_WAY <= await self.waits(at) <= MAKES_WAY + 2 * RUSH_WITHIN
            for _ in range(20):
                assert PIECE_EVERY / 2 < await self.waits(at, PIECE_EVERY / 10) <= 2 * PIECE_EVERY

    async def test_so_do_several_together(self, door: Open) -> None:
        """However many ask: answers are not to be delayed twice as much because two have something to do."""
        done = [0, 0]

        async def work(number: int) -> None:
            while True:
                await at.receiver.calm()
                done[number] += 1

        async with door() as at, self.rushing(at):
            await self.waits(at)
            working = [asyncio.ensure_future(work(number)) for number in range(2)]
            began = at.clock.monotonic()
            while at.clock.monotonic() < began + 200 * PIECE_EVERY:
                await at.clock.advance(PIECE_EVERY / 10)
            for one in working:
                one.cancel()

        assert 100 <= sum(done) <= 201
        assert min(done) > 20  # and neither is forgotten

    async def test_the_next_one_is_made_way_for_anew(self, door: Open) -> None:
        async with door() as at:
            async with self.rushing(at):
                await self.waits(at)
            await at.clock.advance(2 * RUSH_WITHIN)
            await asyncio.wait_for(at.receiver.calm(), 1)

            async with self.rushing(at):
                assert await self.waits(at) >= MAKES_WAY
