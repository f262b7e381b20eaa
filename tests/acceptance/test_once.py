"""The promises, held against the running process over HTTP."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from running import BOTH_IN_THE_LONG_RUN, NUMBER, SECRET, Crm, Service, eventually, finished


async def written(crm: Crm, notes: int) -> None:
    async def there() -> bool:
        return bool((await crm.audit())["notes"] >= notes)

    await eventually(there, f"{notes} note(s) in the CRM")


async def nothing_twice(crm: Crm) -> None:
    audit = await crm.audit()
    doubled = {name: audit[name] for name in ("doubled_clients", "doubled_notes", "doubled_deals", "doubled_tasks")}
    assert not any(doubled.values()), (doubled, audit["examples"])


@BOTH_IN_THE_LONG_RUN
async def test_a_finished_chat_becomes_a_note_on_the_right_card(service: Service, crm: Crm) -> None:
    [known] = await crm.seed({"name": "Мария", "phones": ["8 (916) 000-00-77"]})
    await service.start()

    assert await service.post(finished(77, phone="8 916 000 00 77")) == (200, '{"result":"ok"}')

    await written(crm, 1)
    [client] = await crm.clients()
    [note] = await crm.notes(known)
    assert client["id"] == known
    assert "8 916 000 00 77" in note["text"]
    assert "+74950001122" not in str(client["phones"])


@BOTH_IN_THE_LONG_RUN
async def test_the_same_delivery_a_hundred_times_at_once_is_one_note(service: Service, crm: Crm) -> None:
    await service.start()
    event = finished()

    answers = await asyncio.gather(*(service.post(event) for _ in range(100)))

    assert set(answers) == {(200, '{"result":"ok"}')}
    await written(crm, 1)
    assert await service.stop() == 0
    audit = await crm.audit()
    assert (audit["notes"], audit["clients"]) == (1, 1)


@BOTH_IN_THE_LONG_RUN
async def test_ten_chats_of_one_new_person_at_once_make_one_client(service: Service, crm: Crm) -> None:
    await crm.faults(index_lag=1.0)
    service.config["targets"]["sales"]["consistency_delay"] = "2s"
    await service.start()

    await asyncio.gather(*(service.post(finished(chat_id=100 + n, phone="+79160000042")) for n in range(10)))

    await written(crm, 10)
    assert (await crm.audit())["clients"] == 1
    await nothing_twice(crm)


@BOTH_IN_THE_LONG_RUN
async def test_two_chats_of_one_person_known_by_phone_and_by_mail_are_one_client(service: Service, crm: Crm) -> None:
    await service.start()
    await service.post(finished(1, text="мой телефон +7 916 111-22-33, почта Anna@mail.ru"))
    await written(crm, 1)
    await service.post(finished(2, text="Ответьте мне на anna@mail.ru, пожалуйста"))
    await written(crm, 2)

    assert len(await crm.clients()) == 1


@BOTH_IN_THE_LONG_RUN
async def test_a_visitor_who_gave_a_phone_once_needs_none_the_next_time(service: Service, crm: Crm) -> None:
    await service.start()
    await service.post(finished(5, chat_id=1))
    await written(crm, 1)
    await service.post(finished(5, chat_id=2, text="А когда доставка?"))
    await written(crm, 2)

    [client] = await crm.clients()
    assert len(await crm.notes(client["id"])) == 2


@BOTH_IN_THE_LONG_RUN
async def test_a_chat_without_a_contact_is_written_when_one_comes(service: Service, crm: Crm) -> None:
    await service.start()
    await service.post(finished(9, text="Здравствуйте, есть доставка?"))
    await eventually(lambda: _waits(service), "the chat waits for a contact")
    assert (await crm.audit())["clients"] == 0

    update = {
        "event_name": "client_updated", "widget_id": "3948", "client_id": "v9",
        "visitor": {"name": "Иван", "phone": "+79165550000", "number": "v9"},
    }  # fmt: skip
    assert await service.post(update) == (200, '{"result":"ok"}')

    await written(crm, 1)
    [client] = await crm.clients()
    assert client["phones"] == ["+79165550000"]


async def _waits(service: Service) -> bool:
    return any(line.get("reason") == "no_contact" for line in service.events("attempt.finished"))


@BOTH_IN_THE_LONG_RUN
async def test_a_chat_that_goes_on_after_its_end_adds_only_what_is_new(service: Service, crm: Crm) -> None:
    await service.start()
    await service.post(first := finished(11))
    await written(crm, 1)
    again = finished(11)
    again["chat"]["messages"] = [
        *first["chat"]["messages"], {**first["chat"]["messages"][-1], "message": "И ещё вопрос: есть ли гарантия?"},
    ]  # fmt: skip
    await service.post(again)
    await written(crm, 2)

    [client] = await crm.clients()
    newest, oldest = sorted((note["text"] for note in await crm.notes(client["id"])), key=lambda text: "гарантия" not in text)
    assert "есть ли гарантия?" in newest
    assert "есть доставка?" not in newest
    assert "есть доставка?" in oldest
    await nothing_twice(crm)


@pytest.mark.parametrize(
    "switches",
    [
        {"broken": {"times": 3}},
        {"busy": {"retry_after": 1, "times": 3}},
        {"drop_before_commit": {"times": 3}},
        {"drop_after_commit": {"times": 3}},
    ],
    ids=["500", "429", "no answer", "lost answer"],
)
@BOTH_IN_THE_LONG_RUN
async def test_a_crm_in_trouble_loses_and_doubles_nothing(service: Service, crm: Crm, switches: dict[str, object]) -> None:
    await crm.faults(**switches)
    await service.start()

    await asyncio.gather(*(service.post(finished()) for _ in range(5)))

    await written(crm, 5)
    assert (await crm.audit())["clients"] == 5
    await nothing_twice(crm)


@BOTH_IN_THE_LONG_RUN
async def test_a_crm_that_is_down_for_a_while_gets_all_of_it(service: Service, crm: Crm) -> None:
    await crm.faults(down=True)
    await service.start()
    await asyncio.gather(*(service.post(finished()) for _ in range(10)))
    await eventually(lambda: _failed(service, 5), "some attempts have failed")

    await crm.faults()

    await written(crm, 10)
    await nothing_twice(crm)


async def _failed(service: Service, times: int) -> bool:
    return sum(line["outcome"] == "retrying" for line in service.events("attempt.finished")) >= times


@BOTH_IN_THE_LONG_RUN
async def test_what_was_acknowledged_survives_a_stop_in_good_order(service: Service, crm: Crm) -> None:
    await crm.faults(latency=0.2)
    await service.start()
    await asyncio.gather(*(service.post(finished()) for _ in range(30)))

    assert await service.stop() == 0
    await service.start()

    await written(crm, 30)
    await nothing_twice(crm)


@BOTH_IN_THE_LONG_RUN
async def test_an_unknown_source_and_a_bad_secret_are_answered_alike(service: Service, crm: Crm) -> None:
    await service.start()

    unknown = await service.post(finished(), source="nobody")
    wrong = await service.post(finished(), secret="wrong-wrong-wrong-wrong")

    assert unknown == wrong == (404, "")


@BOTH_IN_THE_LONG_RUN
async def test_a_broken_body_is_answered_and_kept(service: Service, crm: Crm) -> None:
    await service.start()

    assert await service.post(b'{"event_name": "chat_fini') == (200, '{"result":"ok"}')

    async def shown() -> bool:
        return bool(service.events("delivery.not_understood"))

    await eventually(shown, "the delivery is shown as not understood")


@BOTH_IN_THE_LONG_RUN
async def test_a_body_over_the_limit_is_refused(service: Service, crm: Crm) -> None:
    service.config["receive"]["max_body"] = "10KiB"
    await service.start()

    assert (await service.post(b'{"x": "' + b"a" * 20000 + b'"}'))[0] == 413


@BOTH_IN_THE_LONG_RUN
async def test_the_secret_stands_in_no_log_line(service: Service, crm: Crm) -> None:
    await service.start()
    await service.post(finished(31))
    await service.post(finished(), secret="wrong-wrong-wrong-wrong")
    await written(crm, 1)
    await service.stop()

    said = str(service.lines)
    assert SECRET not in said
    assert "79160000031" not in said
    assert "agent@shop.example" not in said


POINTS = [
    *((number, moment, delay) for number in range(1, 6) for moment in ("before", "after") for delay in (0.0,)),
    *((number, "after", 0.003) for number in range(1, 6)),
    *((0, "ack", delay) for delay in (0.0, 0.001, 0.003, 0.006, 0.012)),
]


#: one for each kind of request, and one for what has sent none yet
FEW_POINTS = {(0, "ack", 0.003), (1, "before", 0.0), (3, "after", 0.0), (4, "before", 0.0), (5, "after", 0.003)}


@pytest.mark.parametrize(("engine", "number", "moment", "delay"), [
    *(("sqlite", *point) for point in POINTS),
    *(pytest.param("postgres", *point, marks=() if point in FEW_POINTS else pytest.mark.torture) for point in POINTS),
])
async def test_killed_at_any_point_an_acknowledged_chat_has_exactly_one_note(
    service: Service, crm: Crm, engine: str, number: int, moment: str, delay: float
) -> None:
    """Killed as the CRM gets request number N (before it has done it, after it, or a moment later), or that long after the
    acknowledgement."""
    await service.start()

    async def strike(request: web.Request, at: str) -> None:
        if request[NUMBER] == number and at == moment:
            if delay:
                asyncio.get_running_loop().call_later(delay, service.kill)
            else:
                service.kill()

    crm.hook = strike
    event = finished(50)
    status, _ = await service.post(event)
    assert status == 200
    if moment == "ack":
        await asyncio.sleep(delay)
        await service.killed()
    else:
        await service.died()
    crm.hook = None
    await service.start()

    await written(crm, 1)
    # whatever was under way has ended: the service stops in good order and leaves nothing half done
    assert await service.stop() == 0
    audit = await crm.audit()
    assert (audit["clients"], audit["notes"]) == (1, 1)
    await nothing_twice(crm)
