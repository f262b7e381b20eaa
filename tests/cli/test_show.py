from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from place import Place
from store_materials import claim

from bridge.config import Revealed, Settings
from bridge.model import (
    Chat,
    Client,
    Delivery,
    JobState,
    Match,
    Message,
    Operation,
    OperationKind,
    Operator,
    Page,
    Plan,
    Role,
    Step,
    Verdict,
    Visitor,
)
from bridge.report.trace.telling import shape, shared, told
from bridge.store import Attempt, Outcome, Sorted, Store
from bridge.store.records import ChatChange, NewJob

#: everything in the chat that says who somebody is
PERSONAL = (
    "Мария", "Соколова", "Олег", "Ким", "9161234567", "916 123-45-67", "masha", "roga.ru", "Казань", "Тверская", "Anna", "номер",
)  # fmt: skip


@pytest.fixture
def job(place: Place) -> Place:
    """Job 1, held, with a plan, an attempt and the CRM's complaint."""
    now = datetime.now(UTC)
    chat = Chat(
        source="shop", chat_id="8916777",
        visitor=Visitor(id="v1", name="Мария Соколова", emails=("masha@roga.ru",), city="Казань"),
        operators=(Operator(name="Олег Ким", email="oleg@roga.ru"),), page=Page(url="https://roga.ru/?tel=79161234567"),
        messages=(
            Message(role=Role.VISITOR, text="Мой номер 8 916 123-45-67, Тверская 1"),
            Message(role=Role.OPERATOR, text="Спасибо, Мария!", author="Олег Ким"),
        ),
    )  # fmt: skip
    note = {"text": "Мария Соколова · +79161234567", "title": "Чат: Мария", "markup": "plain"}
    plan = Plan(
        match=Match(
            verdict=Verdict.FOUND, client=Client(id="7", name="Мария С.", phones=("+79161234567",)), reason="тот же телефон",
            others=(Client(id="9", name="Anna"),),
        ),
        operations=(
            Operation(kind=OperationKind.ENRICH, marker="c2c-aaaaaaaaaaaaaaaa", scope={"new": {"emails": ["masha@roga.ru"]}}),
            Operation(kind=OperationKind.NOTE, marker="c2c-bbbbbbbbbbbbbbbb", scope={"note": note}),
        ),
    )  # fmt: skip

    async def make(store: Store) -> None:
        accepted = await store.accept(Delivery(source="shop", dedupe_key="k", received_at=now, body=b"{}"))
        change = ChatChange(chat=chat, base_revision=0, jobs=(NewJob(target="sales", next_at=0.0),))
        await store.record_sorted([Sorted(delivery=accepted.id, state="sorted", event="chat_finished", changes=(change,),
                                          findings=("visitor.phone: Мария Соколова is no phone",))])  # fmt: skip
        [taken] = await claim(store)
        await store.record_plan(taken, plan)
        steps = (Step(at=now, what="find by phone", method="GET", path="/clients?phone=…", status=200, ms=12),
                 Step(at=now, what="matched.found", detail="Мария Соколова"))  # fmt: skip
        await store.finish(
            taken,
            Outcome(state=JobState.HELD, reason="crm_rejected", detail="Field name: Мария Соколова, masha@roga.ru refused"),
            Attempt(number=1, started_at=1.0, ended_at=2.5, outcome="held", detail="Соколова", steps=steps),
        )  # fmt: skip

    place.on_store(make)
    return place


def test_a_job_is_shown_with_all_that_is_known(job: Place) -> None:
    done = job.run("show", "1")
    assert done.exit_code == 0, done.output
    for part in ("held, the CRM refuses", "8 916 123-45-67", "+79161234567", "own", "client 7", "c2c-bbbbbbbbbbbbbbbb",
                 "GET /clients", "what to do", "masha@roga.ru refused"):  # fmt: skip
        assert part in done.stdout, part


def test_the_json_has_the_same(job: Place) -> None:
    shown = job.json("show", "1", "--json")
    assert shown["contacts"][0]["value"] == "+79161234567"
    assert [one["kind"] for one in shown["operations"]] == ["enrich", "note"]
    assert shown["attempts"][0]["ms"] == 1500


@pytest.mark.parametrize("form", [["--share"], ["--share", "--json"]])
def test_what_is_shared_names_nobody(job: Place, form: list[str]) -> None:
    text = job.run("show", "1", *form).stdout
    assert [word for word in PERSONAL if word.lower() in text.lower()] == []
    assert "8916777" not in text


def test_what_is_shared_still_helps(job: Place) -> None:
    shown = job.json("show", "1", "--share", "--json")
    assert (shown["id"], shown["state"], shown["reason"], shown["provider"]) == (1, "held", "crm_rejected", "Jivo")
    assert shown["chat"]["messages"][0]["text"] == "Xxx xxxxx 0 000 000-00-00, Xxxxxxxx 0"
    assert shown["contacts"][0]["rule"]
    assert shown["operations"][0]["new"] == ["emails"]
    assert shown["operations"][1]["marker"] == "c2c-bbbbbbbbbbbbbbbb"
    assert shown["attempts"][0]["steps"][0]["path"] == "/clients?phone=…"
    assert "Field name" in shown["detail"]


def test_a_person_reads_times_of_the_own_zone_and_whoever_is_shown_it_those_of_all(job: Place) -> None:
    assert "Attempt 1, 1970-01-01 03:00:01.000+03:00: held" in job.run("show", "1").stdout
    assert "Attempt 1, 1970-01-01 00:00:01.000+00:00: held" in job.run("show", "1", "--share").stdout
    assert json.loads(job.run("show", "1", "--json").stdout)["attempts"][0]["started_at"] == "1970-01-01T00:00:01.000+00:00"


def test_a_job_that_does_not_exist_is_refused(job: Place) -> None:
    done = job.run("show", "9")
    assert done.exit_code == 2
    assert "chat2crm jobs" in done.stderr


def test_a_broken_mapping_does_not_hide_the_job(job: Place) -> None:
    job.config["sources"]["shop"]["provider"] = "gone"
    job.write()
    done = job.run("show", "1")
    assert done.exit_code == 0
    assert "there is no provider mapping named 'gone'" in done.stderr
    assert "Job 1" in done.stdout


def test_the_shape_of_a_text_keeps_its_signs_and_nothing_else() -> None:
    assert shape("Ольга, +7 (916) 1-2: ё@я.рф 😀 ①") == "Xxxxx, +0 (000) 0-0: x@x.xx 😀 0"


def test_the_names_of_those_who_might_be_meant_are_not_shared() -> None:
    numbers = dict.fromkeys(("created_at", "updated_at", "next_at"), 1.0) | {"id": 1, "revision": 1, "generation": 0}
    words = {"source": "shop", "target": "sales", "chat_id": "1", "kind": "chat_finished", "state": "held", "error_code": ""}
    tried = {"number": 1, "outcome": "held", "error_code": "", "detail": "Пётр", "steps": [], "started_at": 1.0, "ended_at": 2.0}
    row = {
        **numbers, **words, "reason": "ambiguous", "detail": "Two fit. Пётр (id 4)", "chat": {"source": "shop", "chat_id": "1"},
        "plan": None, "rehearsed": None, "deliveries": [], "operations": [], "tried": [tried], "lane": [],
    }  # fmt: skip
    known = told(row, None, Settings.model_validate({"key": Revealed("k" * 40)}))
    assert "Пётр" in known["detail"]
    assert "Пётр" not in json.dumps(shared(known), ensure_ascii=False)
