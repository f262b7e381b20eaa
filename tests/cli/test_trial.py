from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from place import TOKEN, Place
from standing import Sandbox
from store_materials import finish_chat

from bridge.cli import access, rehearsal, rendering
from bridge.cli.addresses import source_named
from bridge.cli.beside import settings_of
from bridge.connections.targets import Target, mappings_of
from bridge.model import Chat, Client, Match, Message, Operation, OperationKind, Role, Verdict, Visitor
from bridge.sandbox.audit import audit
from bridge.sandbox.control import sow
from bridge.store import Store
from bridge.transport import PreparedRequest


def test_offline_it_prints_the_searches_and_says_where_it_stops(place: Place) -> None:
    done = place.run("try", "shop", "chat_finished.contacts_in_text")
    assert done.exit_code == 0, done.output
    for part in ("'chat_finished'", 'answered 200 {"result":"ok"}', "phone +79000000003", "own, rule", "phone_like=9000000003",
                 "Here it stops", "--live", "Write create", "/clients/NEW-CLIENT/notes", "The note's text"):  # fmt: skip
        assert part in done.stdout, part
    assert TOKEN not in done.output


def test_live_it_shows_each_hit_with_its_check_and_writes_nothing(place: Place, sandbox: Sandbox) -> None:
    sow(sandbox.parts.records, [
        {"name": "Right", "phones": ["8 (900) 000-00-03"]}, {"name": "Lookalike", "phones": ["+1 790 000 00003"]},
    ])  # fmt: skip
    before = audit(sandbox.parts.records)
    done = place.run("try", "shop", "chat_finished.contacts_in_text", "--live")
    assert done.exit_code == 0, done.output
    assert "✓ client 1 Right: on it stands phone +79000000003" in done.stdout
    assert "Decision\n  found:" in done.stdout
    assert "/clients/1/notes" in done.stdout
    assert audit(sandbox.parts.records) == before
    assert not {name for name in sandbox.parts.traffic.by_operation if name.endswith((".create", ".update"))}
    assert TOKEN not in done.output


def test_a_hit_without_the_contact_on_it_does_not_count(place: Place, sandbox: Sandbox) -> None:
    sow(sandbox.parts.records, [{"name": "Lookalike", "phones": ["+1 790 000 00003"]}])
    done = place.run("try", "shop", "chat_finished.contacts_in_text", "--live")
    assert "none of the contact points stands on it" in done.stdout
    assert "Decision\n  new:" in done.stdout


def test_an_enrichment_is_shown_as_it_would_go_out(place: Place, sandbox: Sandbox) -> None:
    sow(sandbox.parts.records, [{"name": "Anna Example", "phones": ["+48 600 000 001"]}])
    place.config["targets"]["sales"]["enrich"] = "always"
    done = place.run("try", "own", "chat_finished", "--live")
    assert done.exit_code == 0, done.output
    assert "Write enrich\n  PATCH" in done.stdout
    assert "+48600000002" in done.stdout.partition("Write enrich")[2]


def test_a_crm_that_is_away_fails(place: Place) -> None:
    done = place.run("try", "shop", "chat_finished", "--live")
    assert done.exit_code == 1
    assert "crm_unreachable" in done.stdout


@pytest.mark.parametrize(
    ("sample", "code", "said"),
    [
        ("broken_body", 1, "the body is not JSON"),
        ("call_event", 0, "skipped: phone calls are not chats"),
        ("unknown_event", 1, "not understood"),
        ("client_updated", 0, "contacts in it are kept for the visitor's chats"),
        ("chat_finished.blacklisted", 0, "the chat service marked it as spam"),
    ],
)
def test_what_leads_nowhere_says_why(place: Place, sample: str, code: int, said: str) -> None:
    done = place.run("try", "shop", sample)
    assert (done.exit_code, said in done.stdout) == (code, True), done.output


def test_a_chat_that_has_come_in_is_tried_by_its_job(place: Place) -> None:
    async def make(store: Store) -> None:
        await finish_chat(store, datetime.now(UTC), "7", "мой номер 8 916 123-45-67")

    place.on_store(make)
    done = place.run("try", "shop", "1")
    assert done.exit_code == 0, done.output
    assert "phone_like=9161234567" in done.stdout
    assert place.json("jobs", "--json")[0]["state"] == "pending"
    assert place.run("try", "own", "1").exit_code == 2
    assert place.run("try", "shop", "9").exit_code == 2


# -- nothing leaves ----------------------------------------------------------------------------------------------------

KINDS = [kind for kind in OperationKind if kind is not OperationKind.FILE]


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_is_caught_to_the_byte_and_never_sent(place: Place, sandbox: Sandbox, kind: OperationKind) -> None:
    sow(sandbox.parts.records, [{"name": "Anna", "phones": ["+48 600 000 001"]}])
    before = audit(sandbox.parts.records)
    place.write()
    scope: dict[str, Any] = {
        "visitor": {"name": "Анна"}, "phones": ["+48600000002"], "emails": [], "new": {"phones": ["+48600000002"]},
        "note": {"text": "Привет", "title": "t", "on": "client"}, "deal": {"title": "d"}, "chat": {"channel": "site"},
        "client": None if kind is OperationKind.CREATE else {"id": "1", "entity": "client"},
    }  # fmt: skip
    operation = Operation(kind=kind, marker="c2c-aaaaaaaaaaaaaaaa", scope=scope)

    async def run() -> PreparedRequest | str:
        settings = settings_with(place)
        mapping = mappings_of(settings)["sales"]
        from contextlib import AsyncExitStack

        async with AsyncExitStack() as stack:
            sends = access.Watched((await access.live_transports(settings, stack))["sales"])
            target = Target(settings=settings.targets["sales"], mapping=mapping, crm=None)  # type: ignore[arg-type]
            return await rendering.rendered(operation, target, reads=sends)

    request = asyncio.run(run())
    assert isinstance(request, PreparedRequest), request
    assert request.headers["X-Api-Key"] == TOKEN
    assert request.body is not None
    assert json.loads(request.body)
    assert audit(sandbox.parts.records) == before


def settings_with(place: Place) -> Any:
    import os
    from unittest import mock

    with mock.patch.dict(os.environ, place.environ):
        return settings_of(place.path)


def test_a_name_and_a_password_are_not_shown_in_another_spelling() -> None:
    headers = {"Authorization": "Basic dXNlcjpzZWNyZXQ=", "To": "a@b.example"}
    request = PreparedRequest("POST", "smtps://mail.example.com", headers, b"x")
    shown = rendering.as_text(request)
    assert "Authorization: Basic ***" in shown
    assert "dXNlcjpzZWNyZXQ" not in shown
    assert "To: a@b.example" in shown


def test_without_anybody_to_ask_an_enrichment_is_not_guessed(place: Place) -> None:
    place.write()
    settings = settings_with(place)
    target = Target(settings=settings.targets["sales"], mapping=mappings_of(settings)["sales"], crm=None)  # type: ignore[arg-type]
    operation = Operation(kind=OperationKind.ENRICH, scope={"client": {"id": "1", "entity": "client"}, "new": {"phones": ["+1"]}})
    assert asyncio.run(rendering.rendered(operation, target)) == "The CRM is not asked without --live."


def test_a_rehearsal_leaves_no_trace_on_disk(place: Place, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    place.write()
    settings = settings_with(place)
    chat = Chat(source="shop", chat_id="1", visitor=Visitor(phones=("+79161234567",)),
                messages=(Message(role=Role.VISITOR, text="Здравствуйте"),))  # fmt: skip

    async def run() -> list[rehearsal.Rehearsed]:
        async with rehearsal.rehearsal(settings, source_named(settings, "shop"), live=False) as stage:
            await stage.take(chat, "sales")
            return await stage.go()

    [result] = asyncio.run(run())
    assert result.plan is not None
    assert result.plan.match == Match(verdict=Verdict.NEW, reason=result.plan.match.reason)
    assert [operation.kind for operation in result.plan.operations][:2] == [OperationKind.CREATE, OperationKind.NOTE]
    assert list((tmp_path / "t").iterdir()) == []
    assert Client(id="1").entity == "client"
