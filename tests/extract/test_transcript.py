"""Lines of the shop's are remembered; nobody can tell by the result."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chat_corpus import chat_of, records

from bridge.extract import contact_points, transcript
from bridge.extract.reading.finds import Budget
from bridge.model import Chat, Message, Role

GREETING = "Здравствуйте! Если связь прервётся, наш номер 8 495 120-30-40"
OUR_PHONE = "+74951203040"


@pytest.fixture(autouse=True)
def _nothing_heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(transcript, "_heard", transcript._Heard())
    transcript._read_once.cache_clear()
    yield
    transcript._read_once.cache_clear()


def chat(*lines: tuple[Role, str]) -> Chat:
    return Chat(source="shop", chat_id="1", messages=tuple(Message(role=role, text=text) for role, text in lines))


def read_anew() -> int:
    return transcript._read_once.cache_info().misses


def test_a_greeting_without_a_number_is_read_once() -> None:
    for _ in range(3):
        contact_points(chat((Role.OPERATOR, "Здравствуйте! Работаем 24/7, чем помочь?")), region="RU")

    assert read_anew() == 1


@pytest.mark.parametrize("text", [GREETING, "Пишите на shop@example.org", "code 1234"])
def test_what_may_be_somebodys_number_or_address_is_kept_when_it_comes_again(text: str) -> None:
    kept = []
    for _ in range(3):
        contact_points(chat((Role.OPERATOR, text)), region="RU")
        kept.append(transcript._read_once.cache_info().currsize)

    assert kept == [0, 1, 1]


def test_what_the_visitor_says_is_never_kept() -> None:
    for _ in range(3):
        contact_points(chat((Role.VISITOR, "мой номер 8 916 123-45-67"), (Role.VISITOR, "добрый день")), region="RU")

    assert transcript._read_once.cache_info().currsize == 0


def test_a_remembered_line_says_the_same_as_a_new_one() -> None:
    talk = chat((Role.OPERATOR, GREETING), (Role.VISITOR, "8 495 120-30-40 занят, мой 8 916 123-45-67"))
    first, *others = [contact_points(talk, region="RU", explain=True) for _ in range(4)]

    assert others == [first] * 3
    assert [point.value for point in first.points if point.claim != "other"] == ["+79161234567"]
    assert OUR_PHONE in {point.value for point in first.points if point.claim == "other"}


def test_a_line_is_remembered_for_its_regions_alone() -> None:
    said = "Наш телефон 415-859-2216"
    for _ in range(3):
        contact_points(chat((Role.OPERATOR, said)), region="US")
    abroad = contact_points(chat((Role.OPERATOR, said), (Role.VISITOR, "спасибо")), region="RU", explain=True)

    transcript._read_once.cache_clear()
    assert contact_points(chat((Role.OPERATOR, said), (Role.VISITOR, "спасибо")), region="RU", explain=True) == abroad


def test_the_corpus_is_read_the_same_when_all_of_it_was_heard_before() -> None:
    chats = [(chat_of(record), record.get("region")) for record in records()][:400]
    first = [contact_points(one, region=region, explain=True) for one, region in chats]

    for _ in range(2):
        assert [contact_points(one, region=region, explain=True) for one, region in chats] == first
    assert transcript._read_once.cache_info().hits > 100


def test_a_chat_full_of_numbers_runs_out_of_its_budget_with_remembered_lines_too() -> None:
    table = (Role.OPERATOR, " ".join(f"8 916 {number} 45 67" for number in range(100, 118)))
    theirs = (Role.VISITOR, "мой 8 916 123-45-67")

    assert [len(contact_points(chat(*[table] * 60, theirs), region="RU").points) for _ in range(3)] == [0, 0, 0]
    assert len(contact_points(chat(*[table] * 3, theirs), region="RU").points) == 1


def test_so_much_is_heard_and_then_it_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript, "_MOST_HEARD", 2)
    heard = transcript._Heard()

    assert [heard.before(one) for one in ("a", "a", "b", "b", "c", "a", "c")] == [False, True, False, True, False, False, True]


@pytest.mark.parametrize(("left", "paid"), [(3, True), (2, False), (0, False)])
def test_a_budget_pays_only_for_what_would_be_read_the_same(left: int, paid: bool) -> None:
    rest = Budget()
    assert [rest.take(), rest.take()] == [True, True]
    budget = Budget(left=left, of_text=7)

    assert budget.pay(rest) is paid
    assert (budget.left, budget.of_text) == ((left - 2, rest.of_text) if paid else (left, 7))
