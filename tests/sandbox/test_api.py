from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from bridge.sandbox import READ_KEY

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

ANNA = {"name": "Анна Петрова", "phones": ["+7 (916) 123-45-67"], "emails": ["Anna@Example.com"], "external_id": "u1"}


async def ids(crm: Caller, path: str) -> list[str]:
    said = await crm.get(path)
    assert said.status == 200, said.body
    return [item["id"] for item in said.body["items"]]


async def test_a_created_client_reads_back_as_it_was_sent(crm: Caller) -> None:
    made = await crm.made("/clients", {**ANNA, "custom": {"city": "Казань"}})
    read = (await crm.get(f"/clients/{made['id']}")).body
    assert read["phones"] == ["+7 (916) 123-45-67"]
    assert read["custom"] == {"city": "Казань"}
    assert read["url"] == f"{crm.crm.url}/clients/{made['id']}"
    assert {name: made[name] for name in read} == read


@pytest.mark.parametrize(
    "query",
    [
        "phone=%2B79161234567",
        "phone=7%20916%20123-45-67",
        "phone_like=9161234567",
        "phone_like=34567",
        "email=anna@example.COM",
        "external_id=u1",
        "phone=1&phone=79161234567",
        "phone=79161234567&email=anna@example.com",
    ],
)
async def test_a_client_is_found_by(crm: Caller, query: str) -> None:
    made = await crm.made("/clients", ANNA)
    await crm.made("/clients", {"name": "Other", "phones": ["+79261112233"], "emails": ["other@example.com"]})
    assert await ids(crm, f"/clients?{query}") == [made["id"]]


@pytest.mark.parametrize(
    "query",
    [
        "phone=89161234567",
        "phone_like=8916123456",
        "email=nna@example.com",
        "phone=79161234567&email=other@example.com",
    ],
)
async def test_a_client_is_not_found_by(crm: Caller, query: str) -> None:
    await crm.made("/clients", ANNA)
    assert await ids(crm, f"/clients?{query}") == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("phone=", "is empty"),
        ("email=%20", "is empty"),
        ("fone=1", "known filters"),
        ("phone=abc", "no digits"),
        ("phone_like=4567", "at least 5 digits"),
        ("q=---%20!", ""),
        ("q=!!", "no word"),
        ("limit=0", "from 1 to 200"),
        ("limit=201", "from 1 to 200"),
        ("after=x", "after is a number"),
        ("owner_id=me", "owner_id is a number"),
    ],
)
async def test_a_search_that_would_find_everybody_is_refused(crm: Caller, query: str, says: str) -> None:
    await crm.made("/clients", ANNA)
    said = await crm.get(f"/clients?{query}")
    if says:
        assert (said.status, said.body["error"]) == (400, "bad_request")
        assert says in said.body["message"]
    else:
        assert said.body["items"] == []


async def test_with_lenient_filters_an_empty_search_finds_everybody(crm: Caller) -> None:
    await crm.made("/clients", ANNA)
    await crm.faults(lenient_filters=True)
    assert len(await ids(crm, "/clients?phone=&fone=7")) == 1


async def test_lists_are_paged_newest_first_to_their_end(crm: Caller) -> None:
    client = await crm.made("/clients", ANNA)
    made = [(await crm.made(f"/clients/{client['id']}/notes", {"text": f"note {n}"}))["id"] for n in range(5)]
    seen: list[str] = []
    path = f"/clients/{client['id']}/notes?limit=2"
    while path:
        page = (await crm.get(path)).body
        seen += [item["id"] for item in page["items"]]
        path = (page["next"] or "").removeprefix(f"{crm.crm.url}/api/v1")
        assert bool(path) == bool(page["next_after"])
    assert seen == made[::-1]


async def test_a_patch_adds_to_lists_and_a_put_replaces_them(crm: Caller) -> None:
    client = await crm.made("/clients", {**ANNA, "custom": {"a": 1}})
    path = f"/clients/{client['id']}"
    added = (await crm.ask("PATCH", path, json={"phones": ["79161234567", "+7 495 1"], "custom": {"b": 2}})).body
    assert added["phones"] == ["+7 (916) 123-45-67", "+7 495 1"]
    assert (added["custom"], added["name"]) == ({"a": 1, "b": 2}, "Анна Петрова")
    put = (await crm.ask("PUT", path, json={"phones": ["+7 495 1"], "custom": {"b": 2}})).body
    assert (put["phones"], put["emails"], put["custom"]) == (["+7 495 1"], ["Anna@Example.com"], {"b": 2})
    assert await ids(crm, "/clients?phone=74951") == [client["id"]]
    assert await ids(crm, "/clients?phone=79161234567") == []


async def test_the_switch_replace_lists_makes_a_patch_replace(crm: Caller) -> None:
    client = await crm.made("/clients", ANNA)
    await crm.faults(replace_lists=True)
    patched = (await crm.ask("PATCH", f"/clients/{client['id']}", json={"phones": ["+7 495 1"]})).body
    assert patched["phones"] == ["+7 495 1"]


async def test_a_deleted_note_is_found_by_nobody_and_the_client_stays(crm: Caller) -> None:
    client = await crm.made("/clients", ANNA)
    first, second = [await crm.made(f"/clients/{client['id']}/notes", {"text": f"hello {word}"}) for word in ("anna", "olga")]
    assert await ids(crm, "/notes?q=hello") == [second["id"], first["id"]]

    assert (await crm.ask("DELETE", f"/notes/{first['id']}")).status == 204
    assert (await crm.get(f"/notes/{first['id']}")).status == 404
    assert (await crm.ask("DELETE", f"/notes/{first['id']}")).status == 404
    assert await ids(crm, "/notes?q=hello") == [second["id"]]
    assert await ids(crm, f"/clients/{client['id']}/notes") == [second["id"]]


async def test_deleted_clients_are_gone_and_merged_ones_say_where_they_went(crm: Caller) -> None:
    first, second, third = [
        await crm.made("/clients", {"name": name, "phones": [phone]})
        for name, phone in (("A", "+79160000001"), ("B", "+79160000002"), ("C", "+79160000003"))
    ]
    note = await crm.made(f"/clients/{first['id']}/notes", {"text": "hello"})
    merged = await crm.post(f"/clients/{first['id']}/merge", {"into": second["id"]})
    assert merged.body["phones"] == ["+79160000002", "+79160000001"]
    gone = await crm.get(f"/clients/{first['id']}")
    assert (gone.status, gone.body["error"], gone.body["merged_into"]) == (410, "merged", second["id"])
    assert (await crm.post(f"/clients/{first['id']}/notes", {"text": "late"})).status == 410
    assert await ids(crm, f"/clients/{second['id']}/notes") == [note["id"]]
    assert await ids(crm, "/clients?phone=79160000001") == [second["id"]]
    assert (await crm.ask("DELETE", f"/clients/{third['id']}")).status == 204
    assert (await crm.get(f"/clients/{third['id']}")).status == 404
    assert await ids(crm, "/clients?phone=79160000003") == []


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 400, '{"into": "<id>"}'),
        ({"into": "1"}, 422, "no record 1"),
        ({"into": "99"}, 404, "no client 99"),
    ],
)
async def test_a_merge_into_nobody_is_refused(crm: Caller, body: dict[str, str], status: int, says: str) -> None:
    await crm.made("/clients", ANNA)
    said = await crm.post("/clients/1/merge", body)
    assert said.status == status
    assert says in said.body["message"]


@pytest.mark.parametrize("table", ["clients", "notes", "deals", "tasks"])
async def test_every_kind_of_marker_finds_what_was_written(crm: Caller, table: str) -> None:
    client = await crm.made("/clients", {"name": "A"})
    marker = "c2c-abcdefghijklmnop"
    body = {
        "clients": {"description": f"chat {marker}"},
        "notes": {"text": f"chat\n{marker}"},
        "deals": {"title": f"Chat {marker}"},
        "tasks": {"text": f"call {marker}"},
    }[table]
    path = "/clients" if table == "clients" else f"/clients/{client['id']}/{table}"
    made = await crm.made(path, {**body, "external_id": "x1", "code": "k1", "marker": "m1"})
    assert (await crm.get(f"/{table}/external/x1")).body["id"] == made["id"]
    for query in ("external_id=x1", "code=k1", "marker=m1", f"q={marker}", "q=" + quote(marker.upper())):
        assert await ids(crm, f"/{table}?{query}") == [made["id"]], query
    for query in ("external_id=x2", "marker=m", "q=c2c-abcdefghijklmnoq", "q=abcdefghijklmnop"):
        assert await ids(crm, f"/{table}?{query}") == [], query
    by_external_id = await crm.post(path, {**body, "external_id": "x1"})
    assert (by_external_id.status, by_external_id.body["existing_id"]) == (409, made["id"])
    by_code = await crm.post(path, {**body, "code": "k1"})
    assert by_code.body == {"error": "duplicate", "message": f"Duplicate found. Existing ID: {made['id']}"}
    assert (await crm.get(f"/{table}/external/x2")).status == 404


async def test_an_idempotency_key_gives_the_first_record_again(crm: Caller) -> None:
    client = await crm.made("/clients", ANNA)
    path, key = f"/clients/{client['id']}/notes", {"Idempotency-Key": "k"}
    first = await crm.post(path, {"text": "hello"}, headers=key)
    again = await crm.post(path, {"text": "hello"}, headers=key)
    assert (again.status, again.body, again.headers["Idempotent-Replay"]) == (201, first.body, "true")
    assert "Idempotent-Replay" not in first.headers
    other = await crm.post(path, {"text": "other"}, headers=key)
    assert (other.status, other.body["error"]) == (422, "idempotency_key_reused")
    assert (await crm.audit())["notes"] == 1


async def test_an_idempotency_key_is_forgotten_in_time(crm: Caller) -> None:
    client = await crm.made("/clients", ANNA)
    now = [crm.crm.parts.records.clock()]
    crm.crm.parts.records.clock = lambda: now[0]
    await crm.faults(keys_valid_for=60)
    path, key = f"/clients/{client['id']}/notes", {"Idempotency-Key": "k"}
    first = (await crm.post(path, {"text": "hello"}, headers=key)).body["id"]
    now[0] += 59
    assert (await crm.post(path, {"text": "hello"}, headers=key)).body["id"] == first
    now[0] += 1
    assert (await crm.post(path, {"text": "hello"}, headers=key)).body["id"] != first


async def test_what_is_new_can_be_read_at_once_and_searched_after_the_lag(crm: Caller) -> None:
    now = [1_800_000_000.0]
    crm.crm.parts.records.clock = lambda: now[0]
    await crm.faults(index_lag=5)
    client = await crm.made("/clients", ANNA)
    note = await crm.made(f"/clients/{client['id']}/notes", {"text": "hello", "marker": "m", "external_id": "n1"})
    now[0] += 4.9
    assert await ids(crm, "/clients?phone=79161234567") == []
    assert await ids(crm, "/notes?marker=m") == await ids(crm, "/notes?q=hello") == []
    assert (await crm.get(f"/clients/{client['id']}")).status == 200
    assert (await crm.get("/notes/external/n1")).body["id"] == note["id"]
    assert await ids(crm, f"/clients/{client['id']}/notes") == [note["id"]]
    assert (await crm.post("/clients", ANNA)).status == 409
    now[0] += 0.1
    assert await ids(crm, "/clients?phone=79161234567") == [client["id"]]
    assert await ids(crm, "/notes?marker=m") == await ids(crm, "/notes?q=hello") == [note["id"]]
    await crm.ask("PATCH", f"/clients/{client['id']}", json={"phones": ["+74950000000"]})
    assert await ids(crm, "/clients?phone=74950000000") == []
    assert await ids(crm, "/clients?phone=79161234567") == [client["id"]]


async def test_refuse_duplicates_names_the_cards_that_have_it(crm: Caller) -> None:
    await crm.faults(refuse_duplicates=True)
    made = await crm.made("/clients", ANNA)
    double = {"name": "A. P.", "phones": ["+79161234567"]}
    said = await crm.post("/clients", double)
    assert (said.status, said.body["error"]) == (409, "possible_duplicate")
    assert [record["id"] for record in said.body["records"]] == [made["id"]]
    assert (await crm.post("/clients", double, headers={"X-Allow-Duplicate": "true"})).status == 201
    assert (await crm.post("/clients", {"name": "Other"})).status == 201


@pytest.mark.parametrize(
    ("key", "method", "status", "error"),
    [
        (None, "GET", 401, "unauthorized"),
        ("wrong", "GET", 401, "unauthorized"),
        ("ключ", "GET", 401, "unauthorized"),
        (READ_KEY, "POST", 403, "forbidden"),
        (READ_KEY, "GET", 200, None),
    ],
)
async def test_a_key_may_do_what_it_may(crm: Caller, key: str | None, method: str, status: int, error: str | None) -> None:
    said = await crm.ask(method, "/clients", key=key, json={"name": "A"} if method == "POST" else None)
    assert (said.status, said.body.get("error")) == (status, error)
    assert (await crm.audit())["clients"] == 0


async def test_me_says_what_the_key_may(crm: Caller) -> None:
    assert (await crm.get("/me")).body == {"may": "write"}
    assert (await crm.get("/me", key=READ_KEY)).body == {"may": "read"}


@pytest.mark.parametrize(
    ("path", "body", "field", "says"),
    [
        ("/clients", {"nam": "A"}, "nam", "there is no such field; a client has"),
        ("/clients", {"phones": ["12"]}, "phones.0", "at least 3 digits"),
        ("/clients", {"phones": "+7916"}, "phones", "list"),
        ("/clients", {"emails": ["anna"]}, "emails.0", "name@example.com"),
        ("/clients", {"owner_id": "7"}, "owner_id", "there is no record 7"),
        ("/clients/1/notes", {"text": ""}, "text", "at least 1 character"),
        ("/clients/1/notes", {"text": "x" * 200_001}, "text", "at most 200000 characters"),
        ("/clients/1/notes", {"text": "x", "at": "2026-11-20T10:00:00"}, "at", "timezone"),
        ("/clients/1/notes", {"text": "x", "format": "rtf"}, "format", "'text' or 'html'"),
        ("/clients/1/notes", {"text": "x", "deal_id": 5}, "deal_id", "there is no record 5"),
        ("/clients/1/deals", {}, "title", "required"),
        ("/notes", {"text": "x"}, "client_id", "required"),
        ("/tasks", {"text": "x", "owner_id": "me"}, "owner_id", "an id is a number"),
        ("/clients/1/files", {"name": "a", "content": "*"}, "content", "base64"),
    ],
)
async def test_values_that_cannot_be_stored_are_refused_by_name(crm: Caller, path: str, body: Any, field: str, says: str) -> None:
    await crm.made("/clients", ANNA)
    said = await crm.post(path, body)
    assert (said.status, said.body["error"]) == (422, "invalid")
    assert says in said.body.get("fields", {field: said.body["message"]})[field]
    assert field in said.body["message"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"[1]", "must be a JSON object"),
        (b'{"name": "\xff"}', "UTF-8"),
        (b'{"custom": {"n": NaN}}', "NaN"),
        (rb'{"name": "\ud83d"}', "UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(crm: Caller, data: bytes, says: str) -> None:
    said = await crm.ask("POST", "/clients", data=data)
    assert (said.status, said.body["error"]) == (400, "bad_request")
    assert says in said.body["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/clients/x"),
        ("DELETE", "/notes/1"),
        ("GET", "/clients/99"),
        ("POST", "/clients/99/notes"),
        ("PATCH", "/deals/1"),
    ],
)
async def test_what_is_not_there_is_404(crm: Caller, method: str, path: str) -> None:
    said = await crm.ask(method, path, json={"text": "x"} if method != "GET" else None)
    assert (said.status, said.body["error"]) == (404, "not_found")


async def test_deals_and_tasks_are_listed_by_their_state(crm: Caller) -> None:
    client = await crm.made("/clients", ANNA)
    path = f"/clients/{client['id']}"
    deal = await crm.made(f"{path}/deals", {"title": "D", "pipeline": "Sales", "amount": 10.5})
    task = await crm.made("/tasks", {"text": "call", "due_at": "2026-11-20T10:00:00+03:00"})
    assert (deal["open"], task["client_id"], task["due_at"]) == (True, None, "2026-11-20T07:00:00.000Z")
    assert await ids(crm, f"{path}/deals?open=true") == [deal["id"]]
    await crm.ask("PATCH", f"/deals/{deal['id']}", json={"open": False})
    await crm.ask("PATCH", f"/tasks/{task['id']}", json={"done": True, "client_id": client["id"]})
    assert await ids(crm, f"{path}/deals?open=true") == []
    assert await ids(crm, f"{path}/tasks?done=1") == [task["id"]]
    assert (await crm.get("/deals?open=maybe")).status == 400


async def test_owners_are_found_by_address_and_by_part_of_the_name(crm: Caller) -> None:
    owner = await crm.made("/owners", {"name": "Marina K.", "email": "Marina@shop.example"})
    assert await ids(crm, "/owners?email=marina@SHOP.example") == [owner["id"]]
    assert await ids(crm, "/owners?q=marin") == [owner["id"]]
    assert await ids(crm, "/owners?q=oleg") == []
    client = await crm.made("/clients", {"name": "A", "owner_id": owner["id"]})
    assert await ids(crm, f"/clients?owner_id={owner['id']}") == [client["id"]]


async def test_a_file_comes_back_byte_for_byte(crm: Caller) -> None:
    client = await crm.made("/clients", ANNA)
    content = bytes(range(256))
    made = await crm.made(
        f"/clients/{client['id']}/files",
        {"name": "chat.txt", "type": "text/plain", "content": base64.b64encode(content).decode()},
    )
    assert (made["size"], "content" in made) == (256, False)
    assert (await crm.get(f"/files/{made['id']}/content")).body == content


async def test_custom_fields_can_be_searched_and_emptied(crm: Caller) -> None:
    client = await crm.made("/clients", {"name": "A", "custom": {"chat id": "17", "city": "Казань"}})
    assert await ids(crm, "/clients?custom.chat%20id=17") == [client["id"]]
    assert await ids(crm, "/clients?custom.chat%20id=18") == []
    said = await crm.ask("PATCH", f"/clients/{client['id']}", json={"custom": {"city": None}})
    assert said.body["custom"] == {"chat id": "17"}


async def test_text_search_sees_changed_text_and_no_longer_the_old_one(crm: Caller) -> None:
    client = await crm.made("/clients", {"name": "A", "description": "alpha"})
    other = await crm.made("/clients", {"name": "B"})
    assert await ids(crm, "/clients?q=alpha") == [client["id"]]
    await crm.ask("PATCH", f"/clients/{client['id']}", json={"description": "beta"})
    await crm.ask("PATCH", f"/clients/{other['id']}", json={"description": "alpha gamma"})
    assert await ids(crm, "/clients?q=alpha") == [other["id"]]
    assert await ids(crm, "/clients?q=beta") == [client["id"]]
    assert await ids(crm, "/clients?q=gamma%20alpha") == [other["id"]]
    assert await ids(crm, "/clients?q=gamma%20beta") == []
