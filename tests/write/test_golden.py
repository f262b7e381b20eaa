"""Whole notes, as they stand on a card: every markup, both languages. Read what changed before accepting it:

    CHAT2CRM_ACCEPT=1 pytest tests/write/test_golden.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.model import Chat, Client, EventKind, File, OperationKind, Operator, Page, Plan, Visitor, Wishes
from bridge.write import MarkerKeys, Work, message_keys, plan

GOLDEN = Path(__file__).parent / "golden"
ACCEPT = bool(os.environ.get("CHAT2CRM_ACCEPT"))
MARKUPS = ("plain", "html", "bbcode", "markdown")

Make = Callable[..., Any]

TEXTS: dict[str, dict[str, Any]] = {
    "ru": {
        "name": "Иван Петров", "city": "Казань", "company": "ООО «Ромашка»", "anna": "Анна", "boris": "Борис",
        "page": "Каталог: двери", "form": {"Размер заказа": "10-50", "consent": True}, "bot": "Помощник",
        "hello": "Здравствуйте! Я ищу входную дверь.\nРазмер 2100×900, доставка в Казань.",
        "greeting": "Добрый день, Иван! Сейчас проверю наличие.",
        "joined": "Оператор Анна подключилась к чату", "auto": "Спасибо! Оператор ответит в течение пары минут.",
        "internal": "клиент сложный, не обещать скидку",
        "question": "А <b>скидка</b> есть? Смотрел [тут](https://evil.example) "
                    "и [url=https://evil.example]тут[/url] *очень* @anna",
        "card": "Карта 4276 1234 5678 9010, почта ivan@example.ru",
        "forged": "Понятно\n11:12 ○ Анна: скидка 90 %\nc2c-aaaaaaaaaaaaaaaa",
        "calls": "не звоните мне, только почта", "no_calls": "И, пожалуйста, не звоните мне, только почта 🙏🏽",
        "husband": "Если что, телефон мужа 8 917 765-43-21", "photo": "дверь.jpg",
        "next_day": "Иван, дверь есть на складе. Отправил расчёт на почту.", "thanks": "Спасибо!", "again": "А когда доставка?",
        "other": "Петров И.", "remark": "в архиве",
    },
    "en": {
        "name": "Ivan Petrov", "city": "Kazan", "company": "Daisy Ltd", "anna": "Anna", "boris": "Boris",
        "page": "Catalogue: doors", "form": {"Order size": "10-50", "consent": True}, "bot": "Assistant",
        "hello": "Hello! I am looking for a front door.\nSize 2100×900, delivered to Kazan.",
        "greeting": "Good afternoon, Ivan! Let me see what we have.",
        "joined": "Anna joined the chat", "auto": "Thank you! An operator will answer in a couple of minutes.",
        "internal": "difficult client, promise no discount",
        "question": "Any <b>discount</b>? I looked [here](https://evil.example) "
                    "and [url=https://evil.example]here[/url] *very* @anna",
        "card": "Card 4276 1234 5678 9010, mail ivan@example.ru",
        "forged": "I see\n11:12 ○ Anna: 90 % discount\nc2c-aaaaaaaaaaaaaaaa",
        "calls": "do not call me, mail only", "no_calls": "And please do not call me, mail only 🙏🏽",
        "husband": "My husband's number is 8 917 765-43-21, just in case", "photo": "door.jpg",
        "next_day": "Ivan, the door is in stock. I mailed you the offer.", "thanks": "Thank you!", "again": "When is delivery?",
        "other": "I. Petrov", "remark": "archived",
    },
}  # fmt: skip


@pytest.fixture
def door(said: Make, point: Make, work: Make, found: Make) -> Make:
    """The whole chat about a door, in one language."""

    def build(language: str, **parts: Any) -> Work:
        t = TEXTS[language]
        chat = Chat(
            source="shop", chat_id="c1", channel="site", url="https://chat.example/c/981?tab=1&x=2", rating="5",
            visitor=Visitor(name=t["name"], city=t["city"], country="RU", company=t["company"], fields=t["form"]),
            operators=(Operator(id="7", name=t["anna"], email="anna@shop.example"), Operator(id="8", name=t["boris"])),
            page=Page(url="https://www.shop.example/doors?utm_source=search&id=5", title=t["page"],
                      referrer="https://search.example/"),
            utm={"source": "search", "medium": "cpc", "campaign": "doors_autumn"},
            messages=(
                said("visitor", t["hello"], "11:05"),
                said("bot", t["auto"], "11:05", author=t["bot"]),
                said("system", t["joined"], "11:06"),
                said("operator", t["greeting"], "11:07", author=t["anna"]),
                said("internal", t["internal"], "11:07", author=t["anna"]),
                said("visitor", t["question"], "11:09"),
                said("visitor", t["card"], "11:10"),
                said("visitor", t["forged"], "11:11"),
                said("visitor", "", "11:13", files=(File(url="https://files.example/1_2.jpg", name=t["photo"]),)),
                said("visitor", t["husband"], "11:14"),
                said("visitor", t["no_calls"], "20:58"),
                said("operator", t["next_day"], "22 06:40", author=t["boris"]),
                said("visitor", t["thanks"], "22 06:41"),
            ),
        )
        card = t["card"].index("4276")
        return work(
            chat=chat, language=language, masked={6: ((card, card + 19),)}, wishes=Wishes(no_calls=t["calls"]),
            points=(
                point("+79161234567", extension="12", field="visitor.phone"),
                point("ivan@example.ru", claim="unclear", message=6, flags=("typo:example.org",)),
                point("+79177654321", claim="other", message=9), point("@ivan_p"),
            ),
            match=found(name=t["other"], remark=t["remark"], phones=("8 (916) 123-45-67",), others=(
                Client(id="15", name=t["name"]), Client(id="18"),
            )),
            card_url=lambda client: f"https://crm.example/{client.id}",
            what_is_new=lambda record, enrich, *, phones, emails, name, scope: ({"emails": list(emails)}, []),
            **parts,
        )  # fmt: skip

    return build


def notes(plan: Plan) -> str:
    """The notes of a plan under their titles."""
    made = [operation for operation in plan.operations if operation.kind is OperationKind.NOTE]
    return "".join(f"=== {note.scope['note']['title']} ===\n{note.scope['note']['text']}\n" for note in made)


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if ACCEPT:
        path.write_bytes(text.encode())
    assert path.exists(), f"{path} is missing; write it with CHAT2CRM_ACCEPT=1 and read it"
    assert text == path.read_bytes().decode()


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("markup", MARKUPS)
def test_a_whole_note_reads_well(door: Make, mapping: Make, language: str, markup: str) -> None:
    compare(f"whole.{language}.{markup}", notes(plan(door(language, mapping=mapping(note={"markup": markup})))))


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("markup", MARKUPS)
def test_a_long_note_is_numbered_and_cut_between_messages(door: Make, mapping: Make, language: str, markup: str) -> None:
    limited = mapping(note={"markup": markup, "max": {"characters": 900}})
    compare(f"parts.{language}.{markup}", notes(plan(door(language, mapping=limited))))


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_chat_that_goes_on_adds_what_is_new(door: Make, said: Make, language: str) -> None:
    first = door(language)
    more = said("visitor", TEXTS[language]["again"], "22 09:30")
    delivered = frozenset(message_keys(first.chat))
    compare(f"goes_on.{language}.plain",
            notes(plan(door(language, delivered=delivered, messages=(*first.chat.messages, more)))))  # fmt: skip


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_missed_chat_says_so_first_and_makes_a_task(door: Make, language: str) -> None:
    whole = door(language)
    unanswered = whole.chat.messages[0:1] + whole.chat.messages[10:11]
    made = plan(door(language, messages=unanswered, operators=(), rating=None))
    task = next(operation for operation in made.operations if operation.kind is OperationKind.TASK)
    text = f"=== {task.scope['note']['title']} ===\n{task.scope['note']['text']}\n"
    compare(f"missed.{language}.plain", notes(made) + text)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_message_left_offline_from_a_messenger(work: Make, said: Make, point: Make, language: str) -> None:
    offline = work(
        language=language, kind=EventKind.OFFLINE_MESSAGE, channel="telegram", operators=(), visitor=Visitor(),
        messages=(said("visitor", TEXTS[language]["hello"]),), points=(point("@ivan_p"),), tz=ZoneInfo("Asia/Kolkata"),
        keys=MarkerKeys(b"k" * 32, "sales", "bot", "c9"),
    )  # fmt: skip
    compare(f"offline.{language}.plain", notes(plan(offline)))
