from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import pytest

from bridge.sandbox.gate import Traffic

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

BROKEN_OFF = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


@pytest.fixture
async def path(crm: Caller) -> str:
    client = await crm.made("/clients", {"name": "Anna", "phones": ["+79161234567"]})
    return f"/clients/{client['id']}"


async def test_a_connection_dropped_before_the_commit_leaves_nothing(crm: Caller, path: str) -> None:
    await crm.faults(drop_before_commit={"times": 1})
    with pytest.raises(BROKEN_OFF):
        await crm.post(f"{path}/notes", {"text": "lost"})
    assert (await crm.audit())["notes"] == 0
    await crm.made(f"{path}/notes", {"text": "kept"})


async def test_a_connection_dropped_after_the_commit_leaves_the_record(crm: Caller, path: str) -> None:
    await crm.faults(drop_after_commit={"times": 1, "operation": "note.create"})
    assert (await crm.get(path)).status == 200
    with pytest.raises(BROKEN_OFF):
        await crm.post(f"{path}/notes", {"text": "there", "marker": "m"})
    assert (await crm.get("/notes?marker=m")).body["items"][0]["text"] == "there"
    audit = await crm.audit()
    assert (audit["faults"], audit["answers"]["broken off"]) == ({"drop_after_commit": 1}, 1)


async def test_faults_of_writing_spare_reads_and_refused_writes(crm: Caller, path: str) -> None:
    await crm.faults(drop_before_commit=True)
    assert (await crm.get(path)).status == 200
    await crm.faults(drop_after_commit=True, broken_after_commit=True)
    assert (await crm.get(path)).status == 200
    assert (await crm.post(f"{path}/notes", {})).status == 422


async def test_an_error_after_the_commit_leaves_the_record(crm: Caller, path: str) -> None:
    await crm.faults(broken_after_commit={"times": 1, "status": 502})
    assert (await crm.post(f"{path}/notes", {"text": "there"})).status == 502
    assert (await crm.audit())["notes"] == 1


async def test_a_dropped_request_does_nothing(crm: Caller, path: str) -> None:
    await crm.faults(drop={"times": 2})
    for ask in (crm.get(path), crm.post(f"{path}/notes", {"text": "lost"})):
        with pytest.raises(BROKEN_OFF):
            await ask
    assert (await crm.audit())["notes"] == 0


@pytest.mark.parametrize("size", [0, 7, 100_000])
async def test_a_cut_answer_announces_more_than_it_sends(crm: Caller, path: str, size: int) -> None:
    await crm.faults(cut_answer={"times": 1, "bytes": size})
    url = urlsplit(crm.crm.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    body = b'{"text": "there"}'
    writer.write(
        f"POST /api/v1{path}/notes HTTP/1.1\r\nHost: x\r\nX-Api-Key: sandbox-key\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 201")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert len(rest) == min(size, length - 1)
    assert (await crm.audit())["notes"] == 1


async def test_a_cut_answer_is_an_error_for_the_caller(crm: Caller, path: str) -> None:
    await crm.faults(cut_answer=True)
    with pytest.raises(aiohttp.ClientPayloadError):
        await crm.get(path)


async def test_while_down_every_connection_breaks_and_the_switches_work(crm: Caller, path: str) -> None:
    await crm.faults(down=True)
    for ask in (crm.get(path), crm.get("/me"), crm.get("/nothing")):
        with pytest.raises(BROKEN_OFF):
            await ask
    await crm.faults()
    assert (await crm.get(path)).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ({"block": True}, 403, "blocked"),
        ({"busy": True}, 429, "too_many_requests"),
        ({"broken": True}, 500, "server_error"),
        ({"broken": {"status": 503}}, 503, "server_error"),
    ],
)
async def test_an_answer_in_place_of_the_work(crm: Caller, path: str, fault: dict[str, object], status: int, error: str) -> None:
    await crm.faults(**fault)
    said = await crm.post(f"{path}/notes", {"text": "not written"})
    assert (said.status, said.body["error"]) == (status, error)
    assert (await crm.audit())["notes"] == 0


@pytest.mark.parametrize(("rule", "header"), [({}, "1"), ({"retry_after": 7}, "7"), ({"retry_after": None}, None)])
async def test_busy_says_when_to_come_again(crm: Caller, path: str, rule: dict[str, object], header: str | None) -> None:
    await crm.faults(busy=rule)
    assert (await crm.get(path)).headers.get("Retry-After") == header


async def test_the_rate_limit_lets_so_many_through_and_says_how_many_are_left(crm: Caller, path: str) -> None:
    await crm.faults(rate_limit={"requests": 2, "seconds": 60})
    said = [await crm.get(path) for _ in range(3)]
    assert [one.status for one in said] == [200, 200, 429]
    assert [one.headers["X-RateLimit-Remaining"] for one in said] == ["1", "0", "0"]
    assert 58 <= int(said[2].headers["Retry-After"]) <= 60
    assert (await crm.audit())["faults"] == {"rate_limit": 1}


async def test_a_slow_write_is_carried_out_though_nobody_waits_for_it(crm: Caller, path: str) -> None:
    await crm.faults(latency={"write": 0.3})
    with pytest.raises(asyncio.TimeoutError):
        await crm.post(f"{path}/notes", {"text": "late"}, within=0.1)
    assert (await crm.audit())["notes"] == 0

    async with asyncio.timeout(10):
        while not (await crm.audit())["notes"]:
            pass  # each round is a request of its own, and lets the sandbox work


async def test_latency_holds_for_its_kind_of_request_only(crm: Caller, path: str) -> None:
    await crm.faults(latency={"note.create": 30})
    assert (await crm.get(path, within=5)).status == 200
    with pytest.raises(asyncio.TimeoutError):
        await crm.post(f"{path}/notes", {"text": "late"}, within=0.1)


async def test_the_control_addresses_are_no_part_of_the_traffic(crm: Caller, path: str) -> None:
    await crm.faults()
    await crm.page("/")
    assert (await crm.audit())["requests"] == {"client.create": 1}
    assert path


def test_the_densest_second_is_found_wherever_it_begins() -> None:
    times = iter([0.0, 0.6, 0.9, 1.1, 1.4, 3.0, 3.1])
    traffic = Traffic(clock=lambda: next(times))
    for _ in range(7):
        traffic.came("x")
    assert (traffic.densest, traffic.by_operation["x"]) == (4, 7)


async def test_an_unreadable_request_does_not_hurt_the_next(crm: Caller, path: str) -> None:
    url = urlsplit(crm.crm.url)
    with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
        connection.sendall(b"POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n" + json.dumps({}).encode())
    assert (await crm.get(path)).status == 200
