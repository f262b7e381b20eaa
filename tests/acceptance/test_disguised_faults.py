"""What goes wrong between us and five vendors' CRMs, as each of them does it: nothing is lost, nothing comes twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from disguises.wardrobe import (
    COSTUMES,
    WITH_TOKENS,
    Costume,
    Dressed,
    dressed,
    every_crm,
    every_crm_with_deals,
    every_crm_with_tokens,
)
from fakes import FakeClock

from bridge.model import JobState
from bridge.sandbox.entities import CLIENT, NOTE

PHONE = "+79160000077"


async def all_done(here: Dressed) -> None:
    jobs = await here.arrive()
    assert [(job.state, job.detail) for job in jobs if job.state is not JobState.DONE] == []
    here.nothing_twice()


@every_crm
@pytest.mark.parametrize("lost", ["drop_after_commit", "broken_after_commit", "cut_answer"])
async def test_a_client_whose_answer_was_lost_is_found_and_not_made_again(
    crm: Costume, lost: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        here.set(**{lost: {"operation": "*.create", "times": 1}})
        for number in (1, 2, 3):
            await here.chat(number, phone=PHONE, text=f"Вопрос {number}. Мой номер {PHONE}")
        await all_done(here)

        assert here.happened(lost) == 1
        [client] = here.clients()
        assert [note["client_id"] for note in here.rows("notes")] == [client["id"]] * 3


@every_crm
async def test_a_client_that_was_never_made_is_made_once(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        here.set(drop_before_commit={"operation": "*.create", "times": 1})
        await here.chat(1, phone=PHONE)
        await all_done(here)

        assert here.happened("drop_before_commit") == 1
        assert (len(here.clients()), len(here.rows("notes"))) == (1, 1)


#: how a disguise is set: those that list notes in pages, and those whose bodies could come back as the card shows them
LISTED = {
    **{name: (crm, {}) for name, crm in COSTUMES.items()},
    **{f"{name} page by page": (COSTUMES[name], {"page": 1}) for name in ("amocrm", "bitrix24", "hubspot")},
    **{f"{name} escaped": (COSTUMES[name], {"escapes": True}) for name in ("amocrm", "bitrix24")},
}


@pytest.mark.parametrize(("crm", "options"), LISTED.values(), ids=LISTED)
async def test_a_note_whose_answer_was_lost_is_found_and_not_written_again(
    crm: Costume, options: dict[str, Any], tmp_path: Path, clock: FakeClock
) -> None:
    async with dressed(crm, tmp_path, clock, options=options) as here:
        [known] = here.knows({"first_name": "Мария", "last_name": "Смит", "name": "Мария", "phones": [crm.typed]})
        for operation in ("note.list", "note.search"):  # newer ones than ours stand before it in a list
            here.disguise.meanwhile[operation] = lambda: [
                here.disguise.make(NOTE, client_id=known, text=text) for text in ("Позвонил", "Перезвонил")
            ]
        here.set(drop_after_commit={"operation": "note.create", "times": 1})
        await here.chat(1, text=f'Мой номер {crm.written} & <i>"привет"</i>')
        await all_done(here)

        assert here.happened("drop_after_commit") == 1
        assert sum("c2c-" in note["text"] for note in here.rows("notes")) == 1


@every_crm
async def test_a_note_that_never_arrived_is_written_once_though_others_stand_there(
    crm: Costume, tmp_path: Path, clock: FakeClock
) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        here.knows({"first_name": "Мария", "last_name": "Смит", "name": "Мария", "phones": [crm.typed],
                    "notes": [{"text": "Звонила в мае"}]})  # fmt: skip
        here.set(drop_before_commit={"operation": "note.create", "times": 1})
        await here.chat(1, text=f"Мой номер {crm.written}")
        await all_done(here)

        assert here.happened("drop_before_commit") == 1
        assert sum("c2c-" in note["text"] for note in here.rows("notes")) == 1


@every_crm_with_deals
async def test_a_deal_whose_answer_was_lost_is_found_and_not_opened_again(
    crm: Costume, tmp_path: Path, clock: FakeClock
) -> None:
    async with dressed(crm, tmp_path, clock, deal="if_none_open") as here:
        here.set(drop_after_commit={"operation": "deal.create" if crm.mapping != "bitrix24" else "item.create", "times": 2})
        await here.chat(1, phone=PHONE)
        await all_done(here)

        assert (len(here.clients()), len(here.rows("notes")), len(here.rows("deals"))) == (1, 1, 1)


@every_crm
async def test_what_comes_too_fast_arrives_all_the_same(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        here.set(rate_limit={"requests": 12, "seconds": 1})
        for number in range(1, 7):
            await here.chat(number)
        await all_done(here)

        assert here.happened("rate_limit") > 0
        assert (len(here.clients()), len(here.rows("notes"))) == (6, 6)


@pytest.mark.parametrize("name", ["amocrm", "bitrix24"])
async def test_after_a_block_nothing_is_asked_until_a_person_says_so(name: str, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(COSTUMES[name], tmp_path, clock) as here:
        here.set(block=True)
        await here.chat(1)
        await here.chat(2)
        await here.way.work()
        asked = here.disguise.faults.happened["block"]
        await clock.advance(7200)
        await here.way.work()

        assert here.disguise.faults.happened["block"] == asked
        assert [stop.reason for stop in (await here.way.store.stops()).values()] == ["crm_blocked"]
        here.set()
        await here.way.store.go("sales")
        await all_done(here)
        assert len(here.rows("notes")) == 2


@every_crm
@pytest.mark.parametrize("what", ["merged", "deleted"])
async def test_a_card_that_is_gone_by_the_next_chat_is_looked_for_anew(
    crm: Costume, what: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        [stays] = here.knows({"first_name": "Мария", "last_name": "Старая", "name": "Мария", "emails": ["maria@example.com"]})
        await here.chat(1, phone=PHONE, text=f"Мой номер {PHONE}")
        await all_done(here)
        made = here.clients()[-1]["id"]
        here.records.merge(made, int(stays)) if what == "merged" else here.records.delete(made)
        await clock.advance(86_400)
        await here.chat(2, phone=PHONE, text=f"Снова я. Мой номер {PHONE}")
        await here.arrive()

        second = here.rows("notes")[-1]
        alive = [client["id"] for client in here.clients()]
        assert second["client_id"] in alive
        if what == "merged" and crm.phones > 1:
            assert str(second["client_id"]) == stays
        assert [job.state for job in await here.way.jobs()] == [JobState.DONE] * 2


@every_crm
@pytest.mark.parametrize("what", ["merged", "deleted"])
async def test_a_card_that_goes_while_the_chat_is_written_does_not_take_the_chat_along(
    crm: Costume, what: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        known = {"first_name": "Мария", "last_name": "Новая", "name": "Мария"}
        stays, goes = here.knows({**known, "last_name": "Старая"}, {**known, "phones": [crm.typed]})
        leave: Callable[[], object] = lambda: (  # noqa: E731 - what somebody does once
            here.records.merge(int(goes), int(stays)) if what == "merged" else here.records.delete(int(goes))
        )
        here.disguise.meanwhile["note.create"] = leave
        await here.chat(1, text=f"Мой номер {crm.written}")
        [job] = await here.arrive()

        assert job.state is JobState.DONE, job.detail
        [note] = here.rows("notes")
        assert note["client_id"] in {client["id"] for client in here.clients()}


async def test_who_was_made_a_moment_ago_by_somebody_else_takes_the_chat(tmp_path: Path, clock: FakeClock) -> None:
    """HubSpot refuses a second contact with this e-mail, and names the first in a sentence."""
    async with dressed(COSTUMES["hubspot"], tmp_path, clock) as here:
        here.disguise.meanwhile["client.create"] = lambda: here.disguise.make(CLIENT, name="Анна", emails=["anna@mail.ru"])
        await here.chat(1, text="Пишите на anna@mail.ru")
        await all_done(here)

        [client], [note] = here.clients(), here.rows("notes")
        assert note["client_id"] == client["id"]
        assert here.asked()["client.create"] == 1


@every_crm_with_tokens
async def test_access_that_runs_out_between_chats_is_renewed(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        for day in range(3):
            await here.chat(day + 1)
            await all_done(here)
            await clock.advance(86_400 + day)

        assert here.tokens.given == ["authorization_code", "refresh_token", "refresh_token"]
        assert here.tokens.refused == []
        assert len(here.rows("notes")) == 3


@every_crm_with_tokens
async def test_access_that_ends_midway_is_renewed_once_for_all(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    async with dressed(crm, tmp_path, clock) as here:
        await here.chat(1)
        await all_done(here)
        await clock.advance(600)
        here.disguise.meanwhile["note.create"] = here.tokens.take_back
        for number in range(2, 8):
            await here.chat(number)
        await all_done(here)

        assert here.tokens.given == ["authorization_code", "refresh_token"]
        assert here.tokens.refused == []
        assert (len(here.clients()), len(here.rows("notes"))) == (7, 7)


@every_crm_with_tokens
async def test_a_restart_goes_on_with_the_last_token(crm: Costume, tmp_path: Path, clock: FakeClock) -> None:
    """What is kept in the store is the newest pair: with the one before, a rotating CRM would lock us out."""
    async with dressed(crm, tmp_path, clock) as here:
        for day in range(3):
            await here.chat(day + 1)
            await all_done(here)
            await clock.advance(86_400)
            await here.way.change_target()

        assert here.tokens.refused == []
        assert len(here.rows("notes")) == 3


async def test_a_token_answer_that_is_lost_asks_for_a_person_and_loses_no_chat(tmp_path: Path, clock: FakeClock) -> None:
    """amoCRM's refresh token serves once: whoever misses its answer is locked out, and says so."""
    async with dressed(WITH_TOKENS["amocrm"], tmp_path, clock) as here:
        await clock.advance(86_400)
        here.set(cut_answer={"operation": "token.exchange", "times": 1})
        await here.chat(1)
        await here.way.work()
        for _ in range(4):
            await clock.advance(600)
            await here.way.work()
        assert [job.reason for job in await here.way.jobs()] == ["target_stopped"]

        here.tokens.given.clear()  # the person agrees once more, and brings a code
        await here.let_in()
        await clock.advance(600)
        await all_done(here)
        assert len(here.rows("notes")) == 1
