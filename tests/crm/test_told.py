"""Targets that are only told of chats, the whole way: a chat comes in, the other side is a real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fakes import FakeClock
from mail_server import mail_server
from running import finished as at_real_time
from way import ENVIRON, on_the_way

from bridge.mapping.load import available
from bridge.mapping.samples import read_exchanges
from bridge.mapping.schema.provider import Verify
from bridge.model import JobState
from bridge.verify import Incoming, verify

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FOLDER = available("crm")["webhook"].with_suffix("")
SCHEMA: dict[str, Any] = json.loads((FOLDER / "body.schema.json").read_text(encoding="utf-8"))


def finished(number: int, clock: FakeClock, **more: Any) -> dict[str, Any]:
    event = at_real_time(number, **more)
    for place, message in enumerate(event["chat"]["messages"]):
        message["timestamp"] = int(clock.time()) - 60 + place
    return event


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[tuple[str, list[tuple[Mapping[str, str], bytes]]]]:
    """Answers with these statuses, then with 204; 0 takes the request and hangs up."""
    got: list[tuple[Mapping[str, str], bytes]] = []
    left = list(statuses)

    async def take(request: web.Request) -> web.Response:
        got.append((dict(request.headers), await request.read()))
        status = left.pop(0) if left else 204
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 204)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", got
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "C2C_WHSEC", KEY)


def problems(schema: Mapping[str, Any], value: Any, where: str = "body") -> list[str]:
    """What of a value is not as the published schema says; as much of the schema language as that one uses."""
    if "const" in schema and value != schema["const"]:
        return [f"{where} is {value!r}"]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": int | float}
    allowed = schema.get("type", [])
    fitting = tuple(kinds[name] for name in ([allowed] if isinstance(allowed, str) else allowed))
    if fitting and not isinstance(value, fitting):
        return [f"{where} is {type(value).__name__}, not {allowed}"]
    found: list[str] = []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
        if schema.get("additionalProperties") is False:
            found += [f"{where}.{name} is not in the schema" for name in value if name not in known]
        for name, member in value.items():
            found += problems(known.get(name, {}), member, f"{where}.{name}")
    if isinstance(value, list):
        for place, member in enumerate(value):
            found += problems(schema.get("items", {}), member, f"{where}[{place}]")
    return found


@pytest.mark.parametrize("exchange", read_exchanges(FOLDER), ids=lambda one: one.name)
def test_every_body_of_the_stories_is_as_the_published_schema_says(exchange: Any) -> None:
    for step in exchange.steps:
        assert problems(SCHEMA, step.expect.json_) == []


def test_the_check_of_the_schema_sees_what_is_wrong() -> None:
    body = next(one for one in read_exchanges(FOLDER) if one.name == "little_known").steps[0].expect.json_
    assert problems(SCHEMA, {**body, "more": 1}) == ["body.more is not in the schema"]
    assert problems(SCHEMA, {**body, "type": "chat"}) == ["body.type is 'chat'"]
    assert problems(SCHEMA, {"type": "chat.written"}) == ["body.data is missing"]
    assert problems(SCHEMA, {**body, "data": []}) == ["body.data is list, not object"]


async def test_a_chat_becomes_one_signed_request_and_no_client(tmp_path: Path, clock: FakeClock) -> None:
    async with receiver() as (url, got), on_the_way(
        tmp_path, clock, target={"crm": "webhook", "url": url, "token": "${C2C_WHSEC}"}
    ) as way:
        await way.post(finished(1, clock))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DONE, "told")
        [(headers, body)] = got
        lowered = {name.lower(): value for name, value in headers.items()}
        proof = verify((Verify(scheme="standard_webhooks"),), Incoming(lowered, body), [KEY], now=clock.now())
        assert not proof.stale
        told = json.loads(body)
        assert problems(SCHEMA, told) == []
        assert told["data"]["visitor"]["phones"] == ["+79160000001"]
        assert lowered["webhook-id"] == told["data"]["id"]
        assert told["data"]["id"] in told["data"]["note"]["text"]


async def test_the_same_chat_again_is_told_once_and_what_is_new_alone(tmp_path: Path, clock: FakeClock) -> None:
    async with receiver() as (url, got), on_the_way(
        tmp_path, clock, target={"crm": "webhook", "url": url, "token": "${C2C_WHSEC}"}
    ) as way:
        event = finished(1, clock)
        await way.post(event)
        await way.work()
        await way.post(event)
        await way.work()
        assert len(got) == 1
        more = {"type": "visitor", "message": "One thing more", "timestamp": int(clock.time())}
        event["chat"]["messages"].append(more)
        await way.post(event)
        await way.work()

        first, second = (json.loads(body)["data"] for _, body in got)
        assert first["id"] != second["id"]
        assert first["chat"]["marker"] == second["chat"]["marker"]
        assert "One thing more" in second["note"]["text"]


async def test_a_lost_answer_is_settled_by_the_same_id(tmp_path: Path, clock: FakeClock) -> None:
    async with receiver(0) as (url, got), on_the_way(
        tmp_path, clock, target={"crm": "webhook", "url": url, "token": "${C2C_WHSEC}"}
    ) as way:
        await way.post(finished(1, clock))
        await way.work()
        for _ in range(20):
            await clock.advance(120)
            await way.work()

        assert [state for state, _ in await way.states()] == [JobState.DONE]
        ids = [{name.lower(): value for name, value in headers.items()}["webhook-id"] for headers, _ in got]
        assert len(ids) == 2
        assert len(set(ids)) == 1
        assert got[0][1] == got[1][1]


MAIL = {"crm": "mail_relay", "token": None, "from": "Shop <chats@shop.example>", "to": "leads@crm.example"}


async def test_a_chat_becomes_a_mail(tmp_path: Path, clock: FakeClock) -> None:
    async with mail_server() as server, on_the_way(tmp_path, clock, target={**MAIL, "url": server.url}) as way:
        await way.post(finished(1, clock))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DONE, "told")
        mail = message_from_bytes(server.taken[0], policy=policy.default)
        assert mail["Message-ID"].startswith("<c2c-")
        assert mail["References"].startswith("<c2c-")
        assert "Phone: +79160000001" in mail.get_content().splitlines()


@pytest.mark.parametrize(("unknown_outcome", "state", "mails"), [("hold", JobState.HELD, 1), ("repeat", JobState.DONE, 2)])
async def test_a_mail_whose_receipt_was_lost_waits_for_a_person_or_goes_again_as_the_same(
    tmp_path: Path, clock: FakeClock, unknown_outcome: str, state: JobState, mails: int
) -> None:
    says: dict[str, str | None] = {".": None}
    target = {**MAIL, "unknown_outcome": unknown_outcome}
    async with mail_server(says=says) as server, on_the_way(tmp_path, clock, target={**target, "url": server.url}) as way:
        await way.post(finished(1, clock))
        await way.work()
        says.clear()
        for _ in range(20):
            await clock.advance(120)
            await way.work()

        assert [one for one, _ in await way.states()] == [state]
        ids = [message_from_bytes(taken)["Message-ID"] for taken in server.taken]
        assert len(ids) == mails
        assert len(set(ids)) == 1


async def test_a_mailbox_that_does_not_exist_stops_the_target_and_not_the_chat(tmp_path: Path, clock: FakeClock) -> None:
    refusing = mail_server(says={"RCPT": "550 5.1.1 no such mailbox"})
    async with refusing as server, on_the_way(tmp_path, clock, target={**MAIL, "url": server.url}) as way:
        await way.post(finished(1, clock))
        await way.work()

        [(state, _)] = await way.states()
        assert state in {JobState.WAITING, JobState.RETRYING, JobState.PENDING}
        assert list(await way.store.stops()) == ["sales"]
        assert server.taken == []
