from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from crm.speaking import Routed, crm_over, mapping_with, settings
from httpx import Request, Response

from bridge.cli.rendering import THE_FILE, rendered
from bridge.connections.targets import Target
from bridge.crm.uploads import told_of
from bridge.errors import AccessRefused, CrmBroken, Rejected
from bridge.files.fetching import Fetched
from bridge.model import Operation, OperationKind, Step

FILE = Fetched("план.txt", "text/plain", "два метра".encode())
MARKER = "c2c-ffffffffffffffff"
ONE = {"post": "/files", "json": {"name": "{file.name}", "type": "{file.type}", "size": "{file.size}", "bytes": "{file.base64}",
                                  "mark": "{marker}", "on": "{client.id}"}, "id": "id"}  # fmt: skip
TWO = {"upload": {"post": "/store", "multipart": {"file": "{file.bytes}"}, "id": "stored"},
       "post": "/files", "json": {"file": "{file.id}", "mark": "{marker}"}, "id": "id"}  # fmt: skip
CLIENT = {"client": {"id": "7", "entity": "client"}}


def operation(**scope: Any) -> Operation:
    told = {"file": {"url": "https://f.example/1"}, **CLIENT, **scope}
    return Operation(kind=OperationKind.FILE, marker=MARKER, scope=told)


def sent(other: Routed, number: int) -> Request:
    request: Request = other.routes.calls[number].request
    return request


async def test_a_file_goes_with_its_bytes_its_name_and_the_marker() -> None:
    other = Routed()
    other.routes.post("/files").respond(201, json={"id": 5})
    crm = crm_over(other, mapping_with(file=ONE))

    made = await crm.perform(operation(), {"file": told_of(FILE, "https://f.example/1")}, [])

    body = json.loads(sent(other, 0).content)
    assert (made, body.pop("bytes")) == ("5", "0LTQstCwINC80LXRgtGA0LA=")
    assert body == {"name": "план.txt", "type": "text/plain", "size": 17, "mark": MARKER, "on": "7"}
    assert b64decode("0LTQstCwINC80LXRgtGA0LA=") == FILE.data


async def test_where_it_is_kept_first_the_second_request_names_it() -> None:
    other = Routed()
    other.routes.post("/store").respond(200, json={"stored": "s-1"})
    other.routes.post("/files").respond(200, json={"id": 6})
    crm = crm_over(other, mapping_with(file=TWO))
    guarded: list[int] = []

    async def leaving() -> None:
        guarded.append(len(other.routes.calls))

    made = await crm.perform(
        operation(), {"file": told_of(FILE, "")}, [], guard=leaving
    )

    assert made == "6"
    assert FILE.data in sent(other, 0).content
    assert json.loads(sent(other, 1).content) == {"file": "s-1", "mark": MARKER}
    assert guarded == [0, 1]


async def test_a_kept_file_without_an_id_is_hung_up_nowhere() -> None:
    other = Routed()
    other.routes.post("/store").respond(200, json={})
    crm = crm_over(other, mapping_with(file=TWO))

    with pytest.raises(CrmBroken, match="upload of a file holds no id"):
        await crm.perform(operation(), {"file": told_of(FILE, "")}, [])
    assert len(other.routes.calls) == 1


@pytest.mark.parametrize("part", [ONE, TWO])
async def test_without_its_bytes_nothing_is_sent(part: dict[str, Any]) -> None:
    other = Routed()

    with pytest.raises(Rejected, match="not at hand"):
        await crm_over(other, mapping_with(file=part)).perform(operation(), {}, [])
    assert not other.routes.calls


async def test_a_refused_upload_is_the_file_s_failure() -> None:
    other = Routed()
    other.routes.post("/store").mock(return_value=Response(422, json={"error": "too large"}))

    with pytest.raises(Rejected):
        await crm_over(other, mapping_with(file=TWO)).perform(operation(), {"file": told_of(FILE, "")}, [])


def test_the_largest_file_is_what_the_mapping_says() -> None:
    assert crm_over(Routed(), mapping_with(file={**ONE, "most": "1000"})).largest_file() == 1000
    assert crm_over(Routed(), mapping_with(file=ONE)).largest_file() is None
    assert crm_over(Routed(), mapping_with()).largest_file() is None


def test_the_bytes_are_shown_in_no_repr() -> None:
    told = told_of(FILE, "")

    assert "метра" not in repr(FILE) + repr(told["bytes"])


async def test_a_trial_shows_the_request_of_a_copy_and_fetches_nothing() -> None:
    given = settings(token="the-key")
    here = Target(settings=given, mapping=mapping_with(file=ONE), crm=crm_over(Routed(), mapping_with(file=ONE)))

    shown = await rendered(operation(file={"url": "https://f.example/1", "name": "plan.pdf", "type": "application/pdf"}), here)

    assert not isinstance(shown, str), shown
    assert json.loads(shown.body or b"")["bytes"] == THE_FILE
    assert json.loads(shown.body or b"")["name"] == "plan.pdf"


PARTS = {"upload": {"base_url": "https://files.example.com", "post": "/sessions", "json": {"name": "{file.name}"}, "id": "uuid",
                    "parts": {"url": "first || next", "size": "most"}},
         "post": "/files", "json": {"file": "{file.id}", "mark": "{marker}"}, "id": "id"}  # fmt: skip
LONG = Fetched("plan.txt", "text/plain", bytes(range(256)) * 10)


def opened(**more: Any) -> dict[str, Any]:
    return {"first": "https://files.example.com/up/secret-1", "most": 1024, **more}


async def test_a_file_goes_in_parts_of_the_size_that_the_crm_names_each_where_the_answer_before_says() -> None:
    other = Routed()
    other.routes.post("https://files.example.com/sessions").respond(200, json=opened())
    other.routes.post("https://files.example.com/up/secret-1").respond(200, json={"next": "https://files.example.com/up/secret-2"})
    other.routes.post("https://files.example.com/up/secret-2").respond(200, json={"next": "/up/secret-3"})
    other.routes.post("https://files.example.com/up/secret-3").respond(200, json={"uuid": "u-1"})
    other.routes.post("/files").respond(200, json={"id": 6})
    steps: list[Step] = []
    guarded: list[int] = []

    async def leaving() -> None:
        guarded.append(len(other.routes.calls))

    made = await crm_over(other, mapping_with(file=PARTS)).perform(
        operation(), {"file": told_of(LONG, "")}, steps, guard=leaving
    )

    parts = [sent(other, number) for number in (1, 2, 3)]
    assert made == "6"
    assert b"".join(part.content for part in parts) == LONG.data
    assert [len(part.content) for part in parts] == [1024, 1024, 512]
    assert {(part.headers["content-type"], part.headers["x-key"]) for part in parts} == {("text/plain", "the-key")}
    assert json.loads(sent(other, 4).content)["file"] == "u-1"
    assert guarded == [0, 1, 2, 3, 4]
    # the addresses of an upload let anybody in who has them
    assert "secret" not in "".join(str(step.path) + step.detail for step in steps)


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (opened(first="https://elsewhere.example/up"), Rejected, "another host"),
        (opened(first=None), CrmBroken, "where the next part goes"),
        (opened(most=None), CrmBroken, "how long a part may be"),
        (opened(most=1), CrmBroken, "how long a part may be"),
    ],
)
async def test_an_upload_that_cannot_go_on_sends_no_bytes(said: dict[str, Any], error: type[Exception], words: str) -> None:
    other = Routed()
    other.routes.post("https://files.example.com/sessions").respond(200, json=said)

    with pytest.raises(error, match=words):
        await crm_over(other, mapping_with(file=PARTS)).perform(operation(), {"file": told_of(LONG, "")}, [])
    assert len(other.routes.calls) == 1


async def test_without_an_address_for_files_the_file_is_left_and_the_target_is_not_stopped_by_it() -> None:
    nowhere = {**PARTS, "upload": {**PARTS["upload"], "base_url": "{target.drive}"}}  # type: ignore[dict-item]  # a dict it is
    other = Routed()

    with pytest.raises(AccessRefused, match="not complete"):
        await crm_over(other, mapping_with(file=nowhere)).perform(operation(), {"file": told_of(LONG, "")}, [])
    assert not other.routes.calls
