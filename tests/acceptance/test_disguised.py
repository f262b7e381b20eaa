"""The whole way of a chat to five vendors' CRMs: servers of ours that behave as what is known of each says."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from disguises.wardrobe import (
    COSTUMES,
    Costume,
    Dressed,
    dressed,
    every_crm,
    every_crm_with_deals,
    every_crm_with_files,
)
from fakes import FakeClock
from file_place import PNG, file_place

from bridge.model import JobState

PHONE = "+79160000077"


async def done(here: Dressed, reason: str) -> None:
    """The last chat has been written, and how its client was come by."""
    job = (await here.arrive())[-1]
    assert (job.state, job.reason) == (JobState.DONE, reason), job.detail


def as_read(text: str, markup: str) -> str:
    """The note as the CRM's page shows it to a person."""
    if markup == "html":
        return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br\s*/?>|</p>", "\n", text)))
    return re.sub(r"\\(.)", r"\1", text).replace("  \n", "\n") if markup == "markdown" else text


@every_crm
async def test_a_new_person_becomes_one_client_with_a_note(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        await here.chat(1, text='Здравствуйте! Мой номер +7 916 000-00-42, почта anna@mail.ru <b>& "цены"')
        await done(here, "new")

        [client] = here.clients()
        [note] = here.rows("notes")
        assert (client["phones"], client["emails"]) == (["+79160000042"], ["anna@mail.ru"])
        assert note["client_id"] == client["id"]
        read = as_read(note["text"], here.way.targets["sales"].mapping.for_entity("client").note.markup)
        assert 'почта anna@mail.ru <b>& "цены"\n' in read
        assert "\nPage: “Товар”" in read
        here.nothing_twice()


@every_crm_with_deals
async def test_a_second_chat_goes_to_the_open_deal_and_opens_no_other(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock, deal="if_none_open", note_on="open_deal") as here:
        await here.chat(1, phone=PHONE)
        await done(here, "new")
        await clock.advance(3600)
        await here.chat(2, phone=PHONE, text="А когда доставка? Это снова я, +7 916 000-00-77")
        await done(here, "found")

        [client], [deal] = here.clients(), here.rows("deals")
        assert deal["client_id"] == client["id"]
        first, second = here.rows("notes")
        assert first["client_id"] == second["client_id"] == client["id"]
        assert first["deal_id"] == second["deal_id"] == deal["id"]
        here.nothing_twice()


@every_crm_with_deals
async def test_after_the_deal_was_closed_another_one_is_opened(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock, deal="if_none_open") as here:
        await here.chat(1, phone=PHONE)
        await done(here, "new")
        here.records.db.execute("UPDATE deals SET open = 0")
        await clock.advance(3600)
        await here.chat(2, phone=PHONE, text="Ещё вопрос! +7 916 000-00-77")
        await done(here, "found")

        assert [deal["open"] for deal in here.rows("deals")] == [0, 1]
        here.nothing_twice()


@every_crm
async def test_a_client_is_known_by_a_phone_in_another_format(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        [known] = here.knows({"first_name": "Мария", "name": "Мария", "phones": [crm.typed]})
        await here.chat(1, text=f"Есть доставка? Мой номер {crm.written}")
        await done(here, "found")

        [client], [note] = here.clients(), here.rows("notes")
        assert (str(client["id"]), client["phones"]) == (known, [crm.typed])
        assert str(note["client_id"]) == known
        here.nothing_twice()


async def test_a_card_without_a_normal_form_of_its_number_is_found(tmp_path: Path, clock: FakeClock) -> None:
    """Odoo brings a number into normal form only if it knew the company's country when the card was written."""
    async with dressed(COSTUMES["odoo"], tmp_path, clock, options={"country": None}) as here:
        [known] = here.knows({"name": "Мария", "phones": ["8 (916) 000-00-77"], "custom": {"sanitized": False}})
        await here.chat(1, text="Мой номер +7 916 000-00-77")
        await done(here, "found")

        assert [str(note["client_id"]) for note in here.rows("notes")] == [known]


@every_crm
async def test_a_client_is_known_by_an_e_mail_in_another_case(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        [known] = here.knows({"name": "Мария", "emails": ["maria@example.com"]})
        await here.chat(1, text="Пишите на Maria@Example.COM")
        await done(here, "found")

        assert [str(note["client_id"]) for note in here.rows("notes")] == [known]
        here.nothing_twice()


@every_crm
async def test_what_is_new_goes_on_the_card_and_nothing_is_lost_from_it(
    crm: Costume, tmp_path: Path, clock: FakeClock
) -> None:
    known = {"name": "Иван", "first_name": "Иван", "last_name": "Тестов", "phones": [PHONE], "emails": ["ivan@example.com"]}
    async with dressed(crm, tmp_path, clock, enrich="always") as here:
        here.knows(known)
        await here.chat(1, text="Я с ivan@example.com, теперь мой номер +7 903 111-22-33", name="Иван Тестов")
        await done(here, "found")

        [client], [note] = here.clients(), here.rows("notes")
        wanted = [PHONE, "+79031112233"][: crm.phones]
        assert (client["phones"], client["emails"]) == (wanted, ["ivan@example.com"])
        assert "+79031112233" in note["text"]
        here.nothing_twice()


@every_crm
async def test_a_blank_e_mail_is_filled(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock, enrich="always") as here:
        here.knows({"name": "Иван", "last_name": "Тестов", "phones": [PHONE]})
        await here.chat(1, text=f"Мой номер {PHONE}, почта ivan@example.com")
        await done(here, "found")

        [client] = here.clients()
        assert (client["phones"], client["emails"]) == ([PHONE], ["ivan@example.com"])
        here.nothing_twice()


@every_crm
async def test_ten_chats_of_one_new_person_at_once_make_one_client(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        for number in range(1, 11):
            await here.chat(number, phone="+79160000042", text=f"Вопрос {number}. Мой номер 8 (916) 000-00-42")
        jobs = await here.arrive()

        assert [job.state for job in jobs] == [JobState.DONE] * 10
        [client] = here.clients()
        assert [note["client_id"] for note in here.rows("notes")] == [client["id"]] * 10
        here.nothing_twice()


@every_crm_with_deals
async def test_a_missed_chat_becomes_a_task_where_there_are_any(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        await here.chat(1, phone=PHONE, missed=True)
        await done(here, "new")

        tasks = here.rows("tasks")
        assert [task["client_id"] for task in tasks] == [here.clients()[0]["id"]] * crm.tasks
        here.nothing_twice()


@every_crm_with_files
@pytest.mark.parametrize("fault", [None, "drop_before_commit", "drop_after_commit"])
async def test_a_file_is_copied_to_the_card_once(crm: Costume, fault: str | None, tmp_path: Path, clock: FakeClock) -> None:
    copy = {"how": "copy", "private": "127.0.0.1/32"}
    async with file_place(photo_png=PNG) as place, dressed(
        crm, tmp_path, clock, source={"provider": "generic"}, files=copy
    ) as here:
        [known] = here.knows({"name": "Мария", "last_name": "Мария", "phones": [crm.typed]})
        if fault:
            # from the note on: some write a file by what they write a note by
            operation = "file.create" if crm is COSTUMES["odoo"] else "note.create"
            here.disguise.meanwhile["note.create"] = lambda: here.set(**{fault: {"times": 1, "operation": operation}})
        await here.way.post({"type": "chat.finished", "data": {
            "id": "c1", "visitor": {"id": "v1", "phones": [crm.written]}, "ended_at": clock.now().isoformat(),
            "messages": [{"from": "visitor", "text": "Вот фото", "at": clock.now().isoformat(),
                          "files": [{"url": f"{place.url}/photo.png", "name": "фото.jpg"}]}],
        }})  # fmt: skip
        await done(here, "found")

        [file], [note] = here.rows("files"), here.rows("notes")
        assert (str(file["client_id"]), file["name"], bytes(file["content"])) == (known, "фото.jpg.png", PNG)
        assert f"{place.port}/photo" in note["text"].replace("\\", "")
        assert here.happened(fault or "drop") == bool(fault)
        here.nothing_twice()


@pytest.mark.parametrize(
    ("name", "kind"), [("amocrm", "companies"), ("bitrix24", "company"), ("bitrix24", "lead"), ("hubspot", "companies")]
)
async def test_who_is_known_otherwise_than_as_a_contact_gets_the_note(
    name: str, kind: str, tmp_path: Path, clock: FakeClock
) -> None:
    crm = COSTUMES[name]
    async with dressed(crm, tmp_path, clock, note_on="open_deal") as here:
        [known] = here.knows({"name": "Рога и копыта", "phones": [crm.typed], "custom": {"kind": kind}})
        await here.chat(1, text=f"Мой номер {crm.written}")
        await done(here, "found")

        assert [str(note["client_id"]) for note in here.rows("notes")] == [known]
        here.nothing_twice()


@pytest.mark.parametrize("name", ["amocrm", "bitrix24", "hubspot", "espocrm", "odoo"])
async def test_the_operator_becomes_the_owner_and_the_deal_stands_where_it_was_named(
    name: str, tmp_path: Path, clock: FakeClock
) -> None:
    stages: dict[str, dict[str, Any]] = {
        "amocrm": {"pipeline": "розница", "stage": "Первичный контакт"}, "bitrix24": {"pipeline": "Общая", "stage": "новая"},
        "hubspot": {"pipeline": "sales pipeline", "stage": "Appointment scheduled"},
        "espocrm": {"stage": "Qualification"}, "odoo": {"pipeline": "website", "stage": "Qualified"},
    }  # fmt: skip
    async with dressed(COSTUMES[name], tmp_path, clock, deal="new_client", **stages[name]) as here:
        here.records.db.execute(
            "INSERT INTO owners (id, name, email, created_at, changed_at) VALUES (7, 'Оператор', 'agent@shop.example', 0, 0)"
        )
        await here.chat(1, phone=PHONE)
        await done(here, "new")

        assert [client["owner_id"] for client in here.clients()] == [7]
        [deal] = here.rows("deals")
        assert (deal["pipeline"], deal["stage"]) in {
            ("1300", "48300001"), ("0", "NEW"), ("default", "appointmentscheduled"), (None, "Qualification"), ("2", "Qualified"),
        }  # fmt: skip
        assert deal["owner_id"] == 7


async def test_a_namesake_with_another_phone_is_another_client(tmp_path: Path, clock: FakeClock) -> None:
    """EspoCRM takes the same first and last name for a duplicate: its records are looked at, and it is told to go on."""
    async with dressed(COSTUMES["espocrm"], tmp_path, clock) as here:
        here.knows({"first_name": "Иван", "last_name": "Тестов", "phones": ["+79990000000"]})
        await here.chat(1, phone=PHONE, name="Иван Тестов")
        await done(here, "new")

        assert [client["phones"] for client in here.clients()] == [["+79990000000"], [PHONE]]
        here.nothing_twice()


@pytest.mark.parametrize(
    ("name", "wrong", "told"),
    [
        ("amocrm", {"note": {"json": [{"note_type": "common", "parms": {"text": "{note.text}"}}]}}, "parms"),
        ("bitrix24", {"create": {"json": {"fields": {"lastname": "x"}}}}, "there is no field lastname"),
        ("hubspot", {"create": {"json": {"custom": "x"}}}, "custom"),
        ("odoo", {"note": {"json": {"subtype_xmlid": "mail.mt_comment"}}}, "is mailed to followers"),
        ("espocrm", {"note": {"post": "/Notes"}}, "there is no POST /api/v1/Notes"),
    ],
)
async def test_a_request_that_a_disguise_does_not_know_fails_the_test_and_is_shown(
    name: str, wrong: dict[str, Any], told: str, tmp_path: Path, clock: FakeClock
) -> None:
    crm = COSTUMES[name]
    misspelt = {**(crm.moved or {"mapping_language": 1, "extends": crm.mapping}), **wrong}

    async def one_chat() -> None:
        async with dressed(replace(crm, moved=misspelt), tmp_path, clock) as here:
            await here.chat(1, phone=PHONE)
            await here.arrive()

    with pytest.raises(AssertionError, match="what it does not know") as failed:
        await one_chat()

    assert told in str(failed.value)
    assert "User-Agent: chat2crm" in str(failed.value)
