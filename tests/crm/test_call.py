import json
from collections.abc import Mapping
from typing import Any

import pytest
from crm.authority import oauth_mapping
from crm.speaking import Hurried, Scripted, crm_over, mapping_with, said

from bridge.errors import (
    AccessRefused,
    Busy,
    CrmBroken,
    NoAnswer,
    NotSent,
    Rejected,
    StaleLease,
)
from bridge.model import Client, Operation, OperationKind, Step
from bridge.transport import Answer

NOTE = Operation(kind=OperationKind.NOTE, marker="c2c-abcdefghijklmnop", scope={"note": {"text": "hi"}})
ON = {"client": {"id": "7"}}
READ = Client(id="7")


def talk(*script: Answer | Exception, **more: Any) -> tuple[Scripted, Any, list[Step]]:
    other = Scripted(*script)
    mapping = more.pop("mapping", None) or mapping_with()
    return other, crm_over(other, mapping, clock=Hurried(), **more), []


async def test_what_changes_nothing_is_tried_three_times_at_most() -> None:
    other, crm, steps = talk(CrmBroken(), NoAnswer(), said({"id": 7}))
    assert (await crm.read("7", {}, steps)).id == "7"
    assert [step.error is None for step in steps] == [False, False, True]

    other, crm, steps = talk(NoAnswer(), NoAnswer(), NoAnswer())
    with pytest.raises(NoAnswer):
        await crm.read("7", {}, steps)
    assert len(other.asked) == 3


@pytest.mark.parametrize("failure", [NoAnswer(), NotSent(), said({}, 500), said({}, 503), said({}, 429), said({}, 408)])
async def test_what_writes_is_sent_once_whatever_happens(failure: Answer | Exception) -> None:
    other, crm, steps = talk(failure)

    with pytest.raises((NoAnswer, NotSent, CrmBroken, Busy)):
        await crm.perform(NOTE, ON, steps)
    assert len(other.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_what_will_not_work_is_not_tried_again(status: int) -> None:
    other, crm, steps = talk(said({}, status))

    with pytest.raises(Exception, match=str(status)):
        await crm.read("7", {}, steps)
    assert len(other.asked) == 1


async def test_a_short_wait_is_waited_for_and_a_long_one_is_not() -> None:
    other, crm, steps = talk(said({}, 429, retry_after="1"), said({"id": 7}))
    assert (await crm.read("7", {}, steps)).id == "7"

    other, crm, steps = talk(said({}, 429, retry_after="30"))
    with pytest.raises(Busy) as caught:
        await crm.read("7", {}, steps)
    assert caught.value.retry_after == 30.0
    # the pause holds for every job of the target
    with pytest.raises(Busy, match="pause"):
        await crm.read("8", {}, steps)
    assert len(other.asked) == 1


async def test_429_without_a_time_is_a_pause_all_the_same() -> None:
    other, crm, steps = talk(said({}, 429), said({"id": 7}))

    with pytest.raises(Busy):
        await crm.perform(NOTE, ON, steps)
    with pytest.raises(Busy, match="pause"):
        await crm.perform(NOTE, ON, steps)
    assert len(other.asked) == 1


async def test_a_crm_may_ask_for_a_pause_in_an_answer_that_succeeded() -> None:
    limits = {"pause": {"until": "limit.reset_at", "when": "limit.used > `90`"}}
    other, crm, steps = talk(
        said({"id": 7, "limit": {"used": 10, "reset_at": 60}}), said({"id": 7, "limit": {"used": 95, "reset_at": 60}}),
        mapping=mapping_with(limits=limits),
    )  # fmt: skip

    await crm.read("7", {}, steps)
    await crm.read("7", {}, steps)
    with pytest.raises(Busy) as caught:
        await crm.read("7", {}, steps)
    assert caught.value.retry_after == pytest.approx(60, abs=1)
    assert len(other.asked) == 2


async def test_what_the_guard_raises_stops_the_request() -> None:
    other, crm, steps = talk(said({"id": 1}))

    async def stale() -> None:
        raise StaleLease

    with pytest.raises(StaleLease):
        await crm.perform(NOTE, ON, steps, guard=stale)
    assert other.asked == []


async def test_a_log_in_page_is_neither_an_empty_list_nor_a_success() -> None:
    page = Answer(200, {"content-type": "text/html"}, b"<html><h1>Log in</h1></html>")
    _, crm, steps = talk(page, page, page)
    with pytest.raises(CrmBroken, match="not JSON"):
        await crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=steps)

    _other, crm, steps = talk(page)
    with pytest.raises(CrmBroken, match="the target's `url`") as caught:
        await crm.perform(NOTE, ON, steps)
    assert caught.value.maybe_done is True


async def test_an_empty_answer_to_a_search_is_an_empty_list() -> None:
    _other, crm, steps = talk(Answer(204))

    assert await crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=steps) == []


async def test_every_try_is_a_step_without_key_or_contact_data_and_is_observed() -> None:
    seen: list[Step] = []
    _other, crm, steps = talk(said({"items": []}), crm={"observe": seen.append})

    await crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=steps)

    assert [step.model_copy(update={"detail": "0 found"}) for step in seen] == steps, "how many is for readers"
    told = steps[0].model_dump_json()
    assert (steps[0].what, steps[0].method, steps[0].path, steps[0].status) == ("find by phone", "GET", "/people?phone=…", 200)
    assert "the-key" not in told
    assert "9161234567" not in told


async def test_the_key_is_in_the_request_and_nowhere_in_the_scope_of_the_plan() -> None:
    other, crm, steps = talk(said({"id": 1}))

    await crm.perform(NOTE, ON, steps)

    assert other.asked[0].headers["X-Key"] == "the-key"
    assert other.asked[0].url == "https://crm.example.com/api/people/7/notes"


async def test_a_target_without_address_or_key_says_what_to_set() -> None:
    for missing in ({"url": None}, {"token": None}):
        _other, crm, steps = talk(**missing)
        with pytest.raises(AccessRefused, match="set it in the target's configuration"):
            await crm.read("7", {}, steps)


class Tokens:
    def __init__(self) -> None:
        self.token: Mapping[str, Any] = {"access": "old"}
        self.stale: list[Mapping[str, Any]] = []

    async def current(self) -> Mapping[str, Any]:
        return self.token

    async def refresh(self, stale: Mapping[str, Any]) -> Mapping[str, Any]:
        self.stale.append(stale)
        self.token = {"access": "new"}
        return self.token

    async def settle(self, seconds: float) -> None:
        """Nothing is under way."""


OAUTH = {
    "auth": {"kind": "bearer", "value": "{token.access}"},
    "errors": [{"status": "401", "then": "refresh_auth"}],
}


async def test_a_token_that_has_run_out_is_renewed_and_the_request_sent_once_more() -> None:
    tokens = Tokens()
    other, crm, steps = talk(said({}, 401), said({"id": 1}), mapping=mapping_with(**OAUTH), crm={"tokens": tokens})

    assert await crm.perform(NOTE, ON, steps) == "1"
    assert [request.headers["Authorization"] for request in other.asked] == ["Bearer old", "Bearer new"]
    assert tokens.stale == [{"access": "old"}]


async def test_a_token_refused_twice_is_not_renewed_for_ever() -> None:
    other, crm, steps = talk(said({}, 401), said({}, 401), mapping=mapping_with(**OAUTH), crm={"tokens": Tokens()})

    with pytest.raises(Exception, match="401") as caught:
        await crm.perform(NOTE, ON, steps)
    # that of the target, which rests: an error that is tried again would have it renewed again and again
    assert getattr(caught.value, "code", "") == "crm_access_refused"
    assert len(other.asked) == 2


async def test_where_nothing_can_be_renewed_a_person_has_to_act() -> None:
    _other, crm, steps = talk(said({}, 401), mapping=mapping_with(errors=OAUTH["errors"]))

    with pytest.raises(AccessRefused, match="set a new `token`"):
        await crm.perform(NOTE, ON, steps)


PAGED = {"with": "phone", "get": "/people", "query": {"phone": "{phone}"}, "records": "items",
         "pages": {"next": "next", "into": "query.after", "most": 3}}  # fmt: skip


async def test_pages_are_turned_until_there_is_no_next_or_enough() -> None:
    person = {"phones": ["+79161234567"]}
    pages = [said({"items": [{"id": n, **person}], "next": n}) for n in (1, 2, 3)]
    other, crm, steps = talk(*pages, mapping=mapping_with(find=[PAGED]))

    found = await crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=steps)

    assert [client.id for client in found] == ["1", "2", "3"]
    assert [request.url.partition("?")[2] for request in other.asked] == [
        "phone=%2B79161234567", "phone=%2B79161234567&after=1", "phone=%2B79161234567&after=2",
    ]  # fmt: skip


async def test_a_next_page_elsewhere_ends_the_search_with_an_error_and_not_with_half_a_list() -> None:
    elsewhere = {**PAGED, "pages": {"next": "next", "into": "url"}}
    _other, crm, steps = talk(said({"items": [], "next": "https://evil.example/p"}), mapping=mapping_with(find=[elsewhere]))

    with pytest.raises(Rejected, match="another host"):
        await crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=steps)


async def test_a_401_of_a_crm_whose_tokens_run_out_needs_no_rule() -> None:
    tokens = Tokens()
    other, crm, steps = talk(said({}, 401), said({"id": 1}), mapping=oauth_mapping(), crm={"tokens": tokens})

    assert await crm.perform(NOTE, ON, steps) == "1"
    assert [request.headers["Authorization"] for request in other.asked] == ["Bearer old", "Bearer new"]


async def test_the_address_may_come_out_of_the_token() -> None:
    tokens = Tokens()
    tokens.token = {"access": "a", "instance": "https://eu.crm.example"}
    mapping = oauth_mapping(base_url="{token.instance}/v2")
    other, crm, steps = talk(said({"id": 1}), mapping=mapping, crm={"tokens": tokens})

    await crm.perform(NOTE, ON, steps)
    assert other.asked[0].url.startswith("https://eu.crm.example/v2/")


async def test_as_whom_we_are_let_in_is_asked_where_the_mapping_can_tell() -> None:
    _other, crm, steps = talk(said({"name": "Ann"}), mapping=oauth_mapping(), crm={"tokens": Tokens()})
    assert await crm.who(steps) == "Ann"
    _other, crm, steps = talk(mapping=mapping_with())
    assert await crm.who(steps) is None


SQL = mapping_with(
    find=[
        {"with": "phone", "post": "/query", "statement": "find_by_phone", "records": "@",
         "json": {"sql": "{statement.sql}", "params": "{statement.params}"}},
        {"with": "email", "post": "/query", "statement": "find_by_email", "records": "@",
         "json": {"sql": "{statement.sql}", "params": "{statement.params}"}},
    ],
    note={"post": "/query", "statement": "add_note", "id": "[0].id",
          "json": {"sql": "{statement.sql}", "params": "{statement.params}"}},
)  # fmt: skip


async def test_statements_go_out_with_question_marks_and_their_values_apart() -> None:
    statements = {"find_by_phone": "SELECT id FROM c WHERE p LIKE '%' || :last10",
                  "add_note": "INSERT INTO n (c, t, m) VALUES (:id, :text, :chat_url) RETURNING id"}  # fmt: skip
    other, crm, steps = talk(said([]), said([{"id": 5}]), mapping=SQL, sql=statements)

    found = await crm.find({}, phones=["+79161234567"], emails=["a@b.example"], external_id=None, steps=steps)
    noted = await crm.perform(NOTE.model_copy(update={"scope": {"note": {"text": "it's :phone?"}}}), ON, steps)

    assert (found, noted) == ([], "5")
    assert [json.loads(request.body or b"") for request in other.asked] == [
        {"sql": "SELECT id FROM c WHERE p LIKE '%' || ?", "params": ["9161234567"]},
        {"sql": "INSERT INTO n (c, t, m) VALUES (?, ?, ?) RETURNING id", "params": ["7", "it's :phone?", None]},
    ]
    assert "no statement `find_by_email`" in steps[1].detail


async def test_headers_of_the_mapping_go_with_every_request_and_a_request_has_its_own_way() -> None:
    mapping = mapping_with(
        headers={"X-Version": "2", "content-type": "application/x", "X-Site": "{target.site}"},
        read={"get": "/people/{client.id}", "headers": {"x-version": "3"}},
    )  # fmt: skip
    other, crm, steps = talk(said({"id": 1}), said({"id": "7"}), mapping=mapping)

    await crm.perform(NOTE, ON, steps)
    await crm.read("7", {}, steps)

    wrote, read = (dict(request.headers) for request in other.asked)
    assert (wrote["X-Version"], wrote["content-type"], "X-Site" in wrote) == ("2", "application/json", False)
    assert (read["X-Version"], read["content-type"]) == ("3", "application/x")


async def test_answers_of_remote_calls_say_errors_with_status_200_and_are_understood() -> None:
    """One address for everything, an envelope around every answer, faults inside of it."""
    call = {"post": "/rpc", "json": {"method": "search", "params": {"phone": "{phone}"}}, "records": "result"}
    mapping = mapping_with(
        find=[{"with": "phone", **call}],
        success="!error",
        errors=[{"in": "error.data.name", "match": "AccessDenied", "then": "access_refused"},
                {"in": "error.data.name", "match": "SessionExpired", "then": "refresh_auth"},
                {"when": "error.code == `-32000`", "then": "retry"}],
    )  # fmt: skip
    fault = said({"error": {"code": 200, "message": "refused", "data": {"name": "exceptions.AccessDenied"}}})
    odd = said({"error": {"code": 1, "message": "odd", "data": {"name": "Odd"}}})
    _other, crm, steps = talk(said({"result": [{"id": 1, "phones": ["+79161234567"]}]}), fault, odd, mapping=mapping)

    async def find() -> list[Any]:
        return await crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=steps)

    with_result = await find()
    assert len(with_result) == 1
    with pytest.raises(AccessRefused, match="refused"):
        await find()
    with pytest.raises(Rejected, match="did not do it"):
        await find()


async def test_a_batch_of_calls_fails_if_one_of_them_did() -> None:
    mapping = mapping_with(note={
        "post": "/batch", "json": {"cmd": {"note": "notes.add?text={note.text}"}}, "id": "result.result.note",
        "success": "!(result.result_error)",
    })  # fmt: skip
    bad = said({"result": {"result": {}, "result_error": {"note": {"error": "FIELD", "error_description": "no such field"}}}})
    _other, crm, steps = talk(bad, said({"result": {"result": {"note": 9}, "result_error": []}}), mapping=mapping)

    with pytest.raises(Rejected):
        await crm.perform(NOTE, ON, steps)
    assert await crm.perform(NOTE, ON, steps) == "9"
