from typing import Any

from crm.speaking import Hurried, Scripted, crm_over, mapping_with, said

from bridge.model import Client, Step
from bridge.transport import Answer

PHONE, OTHER = "+79161234567", "+74951234567"


async def find(find_steps: list[dict[str, Any]], *script: Answer | Exception, phones: tuple[str, ...] = (PHONE,),
               emails: tuple[str, ...] = (), external_id: str | None = None, visitor: str | None = None,
               **mapping: Any) -> tuple[list[Client], list[str], list[Step]]:  # fmt: skip
    other, steps = Scripted(*script), []  # type: ignore[var-annotated]
    crm = crm_over(other, mapping_with(find=find_steps, **mapping), clock=Hurried())
    found = await crm.find({"visitor": {"id": visitor}}, phones=phones, emails=emails, external_id=external_id, steps=steps)
    assert other.script == []
    return found, [request.url.removeprefix("https://crm.example.com/api") for request in other.asked], steps


def step(by: str, **more: Any) -> dict[str, Any]:
    return {"with": by, "get": "/people", "query": {"q": "{item || " + by + "}"}, "records": "items", **more}


def hits(*ids: int, **fields: Any) -> Answer:
    return said({"items": [{"id": record, "phones": [PHONE, OTHER], "emails": ["a@b.c"], **fields} for record in ids]})


async def test_every_kind_of_step_asks_with_its_own_value() -> None:
    steps = [step(by) for by in ("external_id", "phone", "email", "visitor_id")]

    found, asked, _ = await find(steps, hits(4), hits(1, 2), hits(2, 3), hits(), phones=(PHONE,), emails=("a@b.c",),
                                 external_id="x-1", visitor="v-1")  # fmt: skip

    assert asked == ["/people?q=x-1", "/people?q=%2B79161234567", "/people?q=a@b.c", "/people?q=v-1"]
    assert [client.id for client in found] == ["4", "1", "2", "3"]


async def test_without_a_value_a_step_is_not_asked_at_all() -> None:
    found, asked, _ = await find([step(by) for by in ("external_id", "phone", "email", "visitor_id", "all_phones")], phones=())

    assert (found, asked) == ([], [])


async def test_each_variant_is_asked_once() -> None:
    each = step("phone", each="variants(phone, ['e164', 'trunk', 'last10'])")

    _, asked, _ = await find([each], hits(), hits(), hits(), phones=(PHONE, PHONE))

    assert asked == ["/people?q=%2B79161234567", "/people?q=89161234567", "/people?q=9161234567"]


async def test_two_phones_with_the_same_end_are_asked_for_once() -> None:
    _, asked, _ = await find([step("phone", each="last_digits(phone, `7`)")], hits(), phones=("+79161234567", "+74951234567"))

    assert asked == ["/people?q=1234567"]


async def test_a_step_whose_variants_are_empty_is_skipped_and_says_so() -> None:
    found, asked, steps = await find([step("phone", each="last_digits(phone, `10`)")], phones=("112",))

    assert (found, asked) == ([], [])
    assert (steps[0].what, steps[0].detail, steps[0].method) == ("find by phone", "there is nothing to search with", None)


async def test_a_filter_that_comes_out_empty_stops_the_request_and_says_so() -> None:
    found, asked, steps = await find([step("phone", query={"q": "{phone}", "field": "{target.fields.phone_field}"})])

    assert (found, asked) == ([], [])
    assert steps[0].detail.startswith("not asked:")
    assert "target.fields.phone_field" in steps[0].detail


async def test_all_phones_are_asked_at_once() -> None:
    many = {"with": "all_phones", "post": "/dup", "json": {"values": "{item}"}, "records": "items",
            "each": "phones[].digits(@)"}  # fmt: skip

    found, asked, _ = await find([many], hits(1), phones=(PHONE, OTHER))

    assert asked == ["/dup"]
    assert [client.id for client in found] == ["1"]


async def test_ids_come_first_and_their_records_by_a_second_request() -> None:
    then = {"get": "/people", "query": {"ids": "{join(',', ids[].to_string(@))}"}, "records": "items"}

    found, asked, _ = await find([step("phone", records="found", then=then)], said({"found": [5, 6]}), hits(5, 6))

    assert asked[1] == "/people?ids=5,6"
    assert [client.id for client in found] == ["5", "6"]


async def test_without_ids_there_is_no_second_request() -> None:
    then = {"get": "/people", "query": {"ids": "{ids}"}, "records": "items"}

    found, asked, _ = await find([step("phone", records="found", then=then)], said({"found": []}))

    assert (found, len(asked)) == ([], 1)


async def test_an_error_that_says_there_is_none_is_an_empty_list() -> None:
    none = step("phone", not_found="status == `404` && code == 'no_person'")

    found, asked, _ = await find([none], said({"code": "no_person"}, 404))

    assert (found, len(asked)) == ([], 1)


async def test_hits_are_of_the_kind_that_the_step_names() -> None:
    lead = {"client": {"id": "lead_id", "phones": "[mobile]"}}

    found, _, _ = await find([step("phone", entity="lead")], said({"items": [{"lead_id": 3, "mobile": PHONE}]}),
                             entities={"lead": lead})  # fmt: skip

    assert [(client.entity, client.id) for client in found] == [("lead", "3")]


async def test_a_hit_that_does_not_show_what_it_was_found_by_is_read_whole() -> None:
    listed = said({"items": [{"id": 1, "phones": ["+79990000000"]}, {"id": 2, "phones": [PHONE]}]})
    whole = said({"id": 1, "phones": ["+79990000000", "8 (916) 123-45-67"]})

    found, asked, _ = await find([step("phone")], listed, whole)

    assert asked == ["/people?q=%2B79161234567", "/people/1"]
    assert [client.phones for client in found] == [("+79990000000", "8 (916) 123-45-67"), (PHONE,)]


async def test_a_hit_that_is_gone_when_it_is_read_is_none() -> None:
    found, asked, _ = await find([step("phone")], said({"items": [{"id": 1}]}), said({}, 404))

    assert (found, len(asked)) == ([], 2)


async def test_of_many_unclear_hits_only_some_are_read() -> None:
    listed = said({"items": [{"id": number} for number in range(9)]})

    found, asked, _ = await find([step("phone")], listed, *(said({"id": n, "phones": [PHONE]}) for n in range(5)))

    assert len(asked) == 6
    assert len(found) == 9
