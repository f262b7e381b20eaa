from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bridge.kpi import Kpi
from bridge.mapping.in_scope import EVERYWHERE
from bridge.model import Chat, Client, File, Match, Operator, Page, Verdict, Visitor, Wishes
from bridge.write import card_points, plan, scope, utm
from bridge.write.scope import main_operator, scope_of_plan

Make = Callable[..., Any]

NAMES = {
    "chat", "visitor", "phones", "emails", "operator", "owner", "page", "utm", "kpi", "source", "target", "client", "record",
    "new", "note", "part", "marker", "match", "token", "item", "statement", "deal", "fetched", "file", "quiet", "wishes",
}  # fmt: skip


def scope_of(chat: Chat, points: Any = (), **more: Any) -> dict[str, Any]:
    around = {"source": {}, "target": {}} | more
    return scope(chat, points, Wishes(), Kpi(), **around)


def chat(**parts: Any) -> Chat:
    return Chat(source="shop", chat_id="c1", **parts)


def test_every_name_is_there_and_all_is_json(said: Make, point: Make) -> None:
    seen = scope_of(
        chat(messages=(said("visitor", "a", "11:00"),), operators=(Operator(name="Anna"),)), [point("+79161234567")]
    )
    assert seen.keys() == NAMES
    client = Client(id="1", record={"raw": [1], "broken": "\ud83d"})
    match = Match(verdict=Verdict.FOUND, client=client, others=(Client(id="2"),))
    whole = scope_of_plan(seen, match, owner="7", chat_marker="c2c-x", unstored=(), entity="lead")
    assert whole.keys() == NAMES | {"entity"}
    assert json.loads(json.dumps(whole)) == whole
    assert whole["record"] == {"raw": [1], "broken": ""}
    assert "record" not in whole["client"]
    assert whole["match"]["others"] == [{"id": "2", "entity": "client", "name": None}]
    assert (whole["owner"], whole["chat"]["marker"], whole["entity"]) == ("7", "c2c-x", "lead")
    assert "marker" not in seen["chat"]


def test_mappings_may_ask_for_what_is_there_and_for_nothing_else(said: Make, work: Make, found: Make, mapping: Make) -> None:
    """What `check` knows of the scope is what a plan puts into it."""
    assert EVERYWHERE.keys() == NAMES - {"fetched"} | {"entity"}
    file = File(url="https://shop.example/a.pdf", name="a.pdf", type="application/pdf")
    operations = plan(work(
        mapping=mapping(file={"post": "/files", "json": {"url": "{file.url}"}}), match=found(),
        page=Page(url="https://shop.example/?utm_source=a&utm_medium=b&utm_campaign=c&utm_content=d&utm_term=e"),
        messages=(said("visitor", "Здравствуйте!", "11:05", files=(file,)),), missed="task", deal="always",
        files={"how": "copy"}, duty="3",
    )).operations  # fmt: skip
    there: dict[str, set[str]] = {}
    for operation in operations:
        for name, value in operation.scope.items():
            if isinstance(value, dict):
                there.setdefault(name, set()).update(value)
    assert {"note", "deal", "task", "file"} <= {operation.kind.value for operation in operations}
    #: filled in as the request is made, by its answer or by the bytes of the file
    later = {"note": {"id"}, "file": {"id", "size", "base64", "bytes"}}
    known = {name: set(members) for name, members in EVERYWHERE.items() if members is not None and name != "statement"}
    assert {name: members - later.get(name, set()) for name, members in known.items()} == {
        name: there.get(name, set()) for name in known
    }


def test_what_must_not_be_stored_is_left_out_of_the_plans_target() -> None:
    seen = scope_of(chat(), target={"name": "t", "url": "https://crm/with-a-key", "pin": "1"})
    assert scope_of_plan(seen, None, owner=None, chat_marker="m", unstored={"url", "pin"}, entity="client")["target"] == {
        "name": "t"
    }


def test_messages_are_in_the_note_and_not_in_every_operation(said: Make) -> None:
    assert "messages" not in scope_of(chat(messages=(said("visitor", "a"),)))["chat"]


def test_only_own_and_unclear_points_may_stand_on_a_card_and_not_too_many(point: Make) -> None:
    points = [
        point("+79160000001"), point("+79160000001"), point("a@b.ru", claim="unclear"), point("@ivan"),
        point("+79160000002", claim="other"), *(point(f"+7916000001{number}") for number in range(5)),
    ]  # fmt: skip
    whole = scope_of(chat(), points)
    assert whole["phones"] == ["+79160000001", "+79160000010", "+79160000011"]
    assert whole["emails"] == ["a@b.ru"]
    assert len(card_points(points, 1)) == 2


def test_a_name_is_taken_apart_unless_the_provider_did() -> None:
    assert scope_of(chat(visitor=Visitor(name="Иван Петров")))["visitor"]["last_name"] == "Петров"
    given = scope_of(chat(visitor=Visitor(name="Mr X", first_name="Ivan", last_name="P")))["visitor"]
    assert (given["name"], given["first_name"], given["last_name"]) == ("Mr X", "Ivan", "P")
    assert scope_of(chat(visitor=Visitor(first_name="Ivan")))["visitor"]["name"] == "Ivan"


def test_the_campaign_is_read_from_the_page_unless_mapped() -> None:
    page = Page(url="https://s.example/?utm_source=y&utm_medium=&utm_campaign=a%20b&x=1#utm_term=z")
    assert utm(chat(page=page)) == {"source": "y", "campaign": "a b"}
    assert utm(chat(page=page, utm={"source": "mapped"})) == {"source": "mapped"}
    assert utm(chat(page=Page(url="http://[broken"))) == {}


def test_the_operator_is_who_wrote_last(said: Make) -> None:
    anna, boris = Operator(name="Anna", email="a@s.example"), Operator(name="Boris")
    lines = (said("operator", "a", author="Anna"), said("operator", "b", author="Boris"), said("operator", "c", author="Anna"))
    assert main_operator(chat(messages=lines, operators=(anna, boris))) == anna
    assert main_operator(chat(messages=lines)) == Operator(name="Anna")
    assert main_operator(chat(operators=(anna, boris))) == boris
    assert main_operator(chat()) is None


def test_beginning_and_end_come_from_the_messages_if_the_provider_is_silent(said: Make) -> None:
    told = scope_of(chat(messages=(said("visitor", "a", "11:00"), said("visitor", "b"), said("visitor", "c", "11:09"))))["chat"]
    assert (told["started_at"], told["ended_at"]) == ("2026-11-21T11:00:00+00:00", "2026-11-21T11:09:00+00:00")


def test_secrets_and_what_no_store_takes_stay_out() -> None:
    whole = scope_of(chat(visitor=Visitor(name="a\x00\ud83d")), target={"name": "t", "token": "hush"}, source={"secret": "hush"})
    assert (whole["target"], whole["source"], whole["token"]) == ({"name": "t"}, {}, None)
    assert whole["visitor"]["name"] == "a"
