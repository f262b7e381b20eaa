from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from bridge.config import FileRule
from bridge.crm.merge import what_is_new
from bridge.model import Client, EventKind, File, Match, Operation, Operator, Plan, Verdict, Visitor, Wishes
from bridge.write import message_keys, plan
from bridge.write.planning import MOST_FILES

Make = Callable[..., Any]


def kinds(made: Plan) -> list[str]:
    return [operation.kind.value for operation in made.operations]


def only(made: Plan, kind: str) -> Operation:
    found = [operation for operation in made.operations if operation.kind == kind]
    assert len(found) == 1, kinds(made)
    return found[0]


# -- the order ---------------------------------------------------------------------------------------------------------


def test_a_new_client_is_created_then_noted(work: Make) -> None:
    made = plan(work())
    assert kinds(made) == ["create", "note"]
    assert made.chat_marker == work().keys.chat
    assert made.operations[0].scope["visitor"]["first_name"] == "Иван"
    assert made.operations[0].scope["phones"] == ["+79161234567"]


def test_a_found_client_is_noted(work: Make, found: Make) -> None:
    made = plan(work(match=found()))
    assert kinds(made) == ["note"]
    assert only(made, "note").scope["client"]["id"] == "12"


def test_what_a_person_has_to_decide_is_not_planned(work: Make) -> None:
    assert plan(work(match=Match(verdict=Verdict.AMBIGUOUS))).operations == ()


def test_planning_the_same_again_gives_the_same_bytes(work: Make, found: Make) -> None:
    assert plan(work(match=found())).model_dump_json() == plan(work(match=found())).model_dump_json()


def test_a_plan_survives_the_store(work: Make, said: Make, found: Make) -> None:
    made = plan(work(match=found(), messages=(said("visitor", "\ud83d\x00 a", "11:00"),), visitor=Visitor(name="\ud83d\x00b")))
    assert Plan.model_validate_json(made.model_dump_json(exclude_defaults=True)) == made


def test_every_operation_has_its_own_marker_in_its_scope(work: Make, found: Make, mapping: Make, said: Make) -> None:
    made = plan(work(deal="always", missed="task", messages=(said("visitor", "x" * 900),),
                     mapping=mapping(note={"max": {"characters": 300}})))  # fmt: skip
    markers = [operation.marker for operation in made.operations]
    assert len(markers) == len(set(markers)) > 5
    assert all(operation.scope["marker"] == operation.marker for operation in made.operations)
    assert all(operation.scope["chat"]["marker"] == made.chat_marker for operation in made.operations)


def test_secrets_of_the_target_are_not_stored(work: Make) -> None:
    target = {"name": "sales", "token": "hush1", "url": "https://x/hush2", "signing": "hush3", "fields": {"utm": "UF_1"}}
    made = plan(work(target=target, source={"name": "shop", "token": "hush4"}))
    assert "hush" not in made.model_dump_json()
    assert made.operations[0].scope["target"] == {"name": "sales", "fields": {"utm": "UF_1"}}


# -- what is new on a card ---------------------------------------------------------------------------------------------


@pytest.fixture
def known(work: Make, found: Make, point: Make) -> Make:
    """A client of whom the chat tells a new e-mail."""

    def build(name: str = "Иван Петров", **parts: Any) -> Plan:
        client = found(name=name, phones=("89161234567",), record={"phones": ["89161234567"], "emails": []})
        points = (point("+79161234567"), point("new@example.ru"))
        return plan(work(**{"match": client, "points": points, "what_is_new": what_is_new} | parts))

    return build


def test_a_confirmed_person_gets_the_new_address_on_the_card(known: Make) -> None:
    made = known()
    assert kinds(made) == ["enrich", "note"]
    assert made.operations[0].scope["new"] == {"emails": ["new@example.ru"]}
    assert "Добавлено в карточку: new@example.ru (имя совпало)" in only(made, "note").scope["note"]["text"]


def test_an_unconfirmed_person_does_not_but_the_note_says_so(known: Make) -> None:
    made = known(name="Ольга")
    assert kinds(made) == ["note"]
    text = only(made, "note").scope["note"]["text"]
    assert "Не добавлено в карточку: new@example.ru (ничто больше не подтверждает, что это тот же человек)" in text


def test_a_route_that_never_enriches_is_obeyed(known: Make) -> None:
    made = known(enrich="never")
    assert kinds(made) == ["note"]
    assert "Не добавлено в карточку: new@example.ru (так настроено)" in only(made, "note").scope["note"]["text"]


def test_nothing_new_is_no_operation(work: Make, found: Make) -> None:
    client = found(phones=("89161234567",), record={"phones": ["89161234567"], "emails": []})
    assert kinds(plan(work(match=client, what_is_new=what_is_new))) == ["note"]


def test_what_finds_no_room_on_the_card_stands_in_the_note(known: Make) -> None:
    def full(record: Mapping[str, Any], enrich: Any, *, emails: Sequence[str], **rest: Any) -> tuple[dict[str, Any], list[str]]:
        return {}, list(emails)

    assert "Не поместилось в карточку: new@example.ru" in only(known(what_is_new=full), "note").scope["note"]["text"]


def test_an_unconfirmed_person_may_still_fill_a_blank_name(known: Make) -> None:
    asked: dict[str, Any] = {}

    def remember(record: Mapping[str, Any], enrich: Any, **given: Any) -> tuple[dict[str, Any], list[str]]:
        asked.update(given)
        return {"name": given["name"]}, []

    assert kinds(known(name="", what_is_new=remember)) == ["enrich", "note"]
    assert (asked["phones"], asked["emails"], asked["name"]) == ([], [], "Иван Петров")


def test_a_kind_of_record_with_its_own_parts_is_written_by_them(work: Make, found: Make, mapping: Make) -> None:
    lead = {"note": {"post": "/lead-notes", "markup": "html"}}
    made = plan(work(match=found(entity="lead"), mapping=mapping(entities={"lead": lead})))
    assert (only(made, "note").scope["note"]["markup"], only(made, "note").scope["entity"]) == ("html", "lead")


# -- a chat that goes on -----------------------------------------------------------------------------------------------


def test_only_what_is_not_delivered_is_carried(work: Make, found: Make, said: Make) -> None:
    first = work()
    more = (*first.chat.messages, said("visitor", "И ещё вопрос", "12:00"))
    delivered = frozenset(message_keys(first.chat))
    note = only(plan(work(match=found(), messages=more, delivered=delivered)), "note")
    assert note.message_keys == message_keys(first.chat.model_copy(update={"messages": more}))[2:]
    assert "Здравствуйте!" not in note.scope["note"]["text"]
    assert "Чат продолжился" in note.scope["note"]["text"]


def test_nothing_left_to_say_is_an_empty_plan(work: Make, found: Make) -> None:
    delivered = frozenset(message_keys(work().chat))
    assert plan(work(match=found(), delivered=delivered, deal="always")).operations == ()


def test_a_contact_that_comes_later_only_enriches(known: Make, work: Make) -> None:
    assert kinds(known(delivered=frozenset(message_keys(work().chat)))) == ["enrich"]


def test_a_form_without_messages_is_noted_once(work: Make, found: Make, point: Make) -> None:
    form = {"match": found(), "messages": (), "kind": EventKind.CONTACT_GIVEN}
    note = only(plan(work(**form)), "note")
    assert len(note.message_keys) == 1
    assert plan(work(**form, delivered=frozenset(note.message_keys))).operations == ()
    again = work(**form, delivered=frozenset(note.message_keys), points=(point("+79990000000"),))
    assert kinds(plan(again)) == ["note"]


def test_deals_and_tasks_are_made_once_a_chat(work: Make, found: Make, said: Make) -> None:
    lines = (said("visitor", "a", "11:00"), said("visitor", "b", "12:00"))
    first = plan(work(match=found(), messages=lines[:1], deal="always"))
    second = plan(work(match=found(), messages=lines, deal="always", delivered=frozenset(only(first, "note").message_keys)))
    assert (kinds(first), kinds(second)) == (["note", "deal", "task"], ["note"])


# -- deals -------------------------------------------------------------------------------------------------------------

OPEN = [{"id": "1", "changed_at": "2026-01-01"}, {"id": "2", "changed_at": "2026-02-01"}]


@pytest.mark.parametrize(("deal", "new", "deals", "made"), [
    ("none", True, None, False), ("always", False, OPEN, True), ("new_client", True, None, True),
    ("new_client", False, [], False),
    ("if_none_open", False, [], True), ("if_none_open", False, OPEN, False), ("if_none_open", False, None, False),
    ("if_none_open", True, None, True),
])  # fmt: skip
def test_a_deal_is_made_as_the_route_says(work: Make, found: Make, deal: str, new: bool, deals: Any, made: bool) -> None:
    match = Match(verdict=Verdict.NEW) if new else found()
    assert ("deal" in kinds(plan(work(match=match, deal=deal, open_deals=deals)))) is made


def test_a_deal_has_a_title_and_goes_where_the_route_says(work: Make) -> None:
    deal = only(plan(work(deal="always", pipeline="Site", stage="New", deal_source="Chat")), "deal")
    assert deal.scope["deal"] == {"title": "Чат на сайте shop: Иван Петров", "pipeline": "Site", "stage": "New", "source": "Chat"}
    assert deal.scope["note"]["text"].endswith(f"\n{work().keys.chat} {deal.marker}")


def test_a_crm_without_deals_gets_none(work: Make, mapping: Make) -> None:
    assert kinds(plan(work(deal="always", mapping=mapping(deal=None)))) == ["create", "note"]


@pytest.mark.parametrize(("note_on", "deals", "places"), [
    ("client", OPEN, [("client", None)]), ("open_deal", OPEN, [("deal", "2")]), ("open_deal", [], [("client", None)]),
    ("open_deal", None, [("client", None)]), ("both", OPEN, [("client", None), ("deal", "2")]), ("both", [], [("client", None)]),
])  # fmt: skip
def test_notes_hang_where_the_route_says(work: Make, found: Make, note_on: str, deals: Any, places: list[Any]) -> None:
    made = plan(work(match=found(), note_on=note_on, open_deals=deals))
    notes = [operation for operation in made.operations if operation.kind == "note"]
    assert [(n.scope["note"]["on"], (n.scope["deal"] or {}).get("id")) for n in notes] == places
    assert [(note.part, note.parts) for note in notes] == [(number, len(notes)) for number in range(1, len(notes) + 1)]
    assert len({note.marker for note in notes}) == len(notes)


def test_a_note_on_the_deal_that_is_to_be_made_comes_after_it(work: Make) -> None:
    made = plan(work(deal="always", note_on="open_deal"))
    assert kinds(made) == ["create", "deal", "note"]
    assert (made.operations[2].scope["note"]["on"], made.operations[2].scope["deal"]) == ("deal", None)


def test_a_crm_whose_notes_live_on_deals_gets_them_there(work: Make, mapping: Make, found: Make) -> None:
    made = plan(work(match=found(), open_deals=OPEN, mapping=mapping(note={"on": "deal"})))
    assert only(made, "note").scope["deal"]["id"] == "2"


# -- nobody answered ---------------------------------------------------------------------------------------------------


def test_a_missed_chat_makes_a_task_for_the_clients_owner(work: Make, found: Make, said: Make) -> None:
    task = only(plan(work(match=found(owner="u7"), owner="u1", messages=(said("visitor", "Есть кто?", "11:00"),))), "task")
    assert task.scope["owner"] == "u7"
    assert task.scope["note"]["title"] == "Ответить на чат: Иван Петров"
    assert "Последнее сообщение: «Есть кто?»" in task.scope["note"]["text"]
    assert task.scope["note"]["text"].endswith(task.marker)


def test_a_task_obeys_the_wish_not_to_be_called(work: Make, said: Make) -> None:
    task = only(plan(work(messages=(said("visitor", "a"),), wishes=Wishes(no_calls="не звоните"))), "task")
    assert task.scope["note"]["title"] == "Ответить письменно, просит не звонить: Иван Петров"


def test_a_task_shows_no_masked_number(work: Make, said: Make) -> None:
    task = only(plan(work(messages=(said("visitor", "card 4276 1234"),), masked={0: ((5, 14),)})), "task")
    assert "4276" not in json.dumps(task.scope)


@pytest.mark.parametrize("parts", [{"missed": "none"}, {"mapping_task": None}])
def test_no_task_where_none_is_wanted_or_known(work: Make, said: Make, mapping: Make, parts: dict[str, Any]) -> None:
    lines = (said("visitor", "a"),)
    made = work(messages=lines, mapping=mapping(task=None)) if "mapping_task" in parts else work(messages=lines, **parts)
    assert kinds(plan(made)) == ["create", "note"]


def test_a_missed_chat_of_nobody_goes_to_whoever_is_on_duty(work: Make, said: Make) -> None:
    nobody = {"match": None, "points": (), "messages": (said("visitor", "Есть кто?"),)}
    assert only(plan(work(**nobody, duty="boss")), "task").scope["owner"] == "boss"
    assert plan(work(**nobody)).operations == ()


def test_an_answered_chat_makes_no_task(work: Make) -> None:
    assert "task" not in kinds(plan(work(missed="task")))


def test_the_operator_and_the_owner_are_in_scope(work: Make) -> None:
    scope = plan(work(owner="u1", operators=(Operator(name="Анна", email="a@s.example"),))).operations[0].scope
    assert (scope["operator"]["email"], scope["owner"], scope["quiet"]) == ("a@s.example", "u1", False)


def test_other_cards_are_named_with_their_address(work: Make, found: Make) -> None:
    match = found(others=(Client(id="15", name="Иван П."),))
    text = only(plan(work(match=match, card_url=lambda client: f"https://crm.example/{client.id}")), "note").scope["note"]["text"]
    assert "Подходят и другие карточки: Иван П. (№ 15) https://crm.example/15" in text


# -- files -------------------------------------------------------------------------------------------------------------

PICTURE = File(url="https://files.example/1", name="lamp\n.jpg", type="image/jpeg")
PLAIN = File(url="https://files.example/2")
#: how a CRM takes a file
COPY = FileRule(how="copy")
TAKES = {"post": "/clients/{client.id}/files", "json": {"link": "{file.url}"}}


def test_files_stay_links_where_the_mapping_takes_none(work: Make, found: Make, said: Make) -> None:
    assert kinds(plan(work(match=found(), missed="none", messages=(said("visitor", "", "11:00", files=(PICTURE,)),)))) == ["note"]


def test_files_stay_links_unless_copying_is_wanted(work: Make, found: Make, mapping: Make, said: Make) -> None:
    messages = (said("visitor", "", "11:00", files=(PICTURE,)),)

    assert kinds(plan(work(match=found(), missed="none", messages=messages, mapping=mapping(file=TAKES)))) == ["note"]


def test_a_task_comes_before_files_because_those_are_fetched_from_elsewhere(
    work: Make, found: Make, mapping: Make, said: Make
) -> None:
    messages = (said("visitor", "two", "11:00", files=(PICTURE,)),)

    made = plan(work(match=found(), messages=messages, mapping=mapping(file=TAKES, task={"post": "/tasks"}), files=COPY))

    assert kinds(made) == ["note", "task", "file"]


def test_of_many_files_the_first_ones_are_copied(work: Make, found: Make, mapping: Make, said: Make) -> None:
    messages = tuple(said("visitor", str(number), "11:00", files=(PICTURE,)) for number in range(MOST_FILES + 5))

    made = plan(work(match=found(), missed="none", messages=messages, mapping=mapping(file=TAKES), files=COPY))

    assert kinds(made).count("file") == MOST_FILES


def test_a_task_that_needs_a_client_is_not_made_for_nobody(work: Make, mapping: Make, said: Make) -> None:
    alone = {"match": None, "messages": (said("visitor", "anybody?", "11:00"),), "duty": "7"}

    assert kinds(plan(work(**alone, mapping=mapping(task={"post": "/tasks"})))) == ["task"]
    assert kinds(plan(work(**alone, mapping=mapping(task={"post": "/tasks", "needs_client": True})))) == []


def test_each_file_is_copied_after_the_note_under_a_marker_of_its_own(work: Make, found: Make, mapping: Make, said: Make) -> None:
    messages = (said("visitor", "two", "11:00", files=(PICTURE, PLAIN)), said("visitor", "again", "11:01", files=(PICTURE,)))

    made = plan(work(match=found(), missed="none", messages=messages, mapping=mapping(file=TAKES), files=COPY))

    assert kinds(made) == ["note", "file", "file", "file"]
    assert made.operations[1].scope["file"] == {"url": "https://files.example/1", "name": "lamp .jpg", "type": "image/jpeg"}
    assert made.operations[2].scope["file"] == {"url": "https://files.example/2", "name": "", "type": ""}
    assert len({operation.marker for operation in made.operations}) == 4


def test_files_of_messages_that_stand_in_the_crm_are_not_copied_again(work: Make, found: Make, mapping: Make, said: Make) -> None:
    messages = (said("visitor", "old", "11:00", files=(PICTURE,)), said("visitor", "new", "11:05", files=(PLAIN,)))
    first = work(match=found(), messages=messages[:1], mapping=mapping(file=TAKES), files=COPY)

    made = plan(work(match=found(), messages=messages, mapping=mapping(file=TAKES), files=COPY,
                     delivered=frozenset(message_keys(first.chat))))  # fmt: skip

    assert only(made, "file").scope["file"]["url"] == PLAIN.url
