"""How well and how fast contacts are found.

    python bench/bench_extract.py [--dev FILE …] [--fast]

Precision, recall and F1 on our own corpus of whole chats (tests/extract/corpus) and on every FILE of the same or the simpler form
({"id", "region", "text" | [texts], "phones",
"emails"}), beside the matcher of phonenumbers alone and plain expressions in the same run;
processor time a message on a realistic mix; and the longest times that hostile messages of 100 kB take.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import phonenumbers

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chat_corpus import KINDS, Record, Score, chat_of, extracted, found, records, wanted

from bridge.extract import contact_points
from bridge.model import Chat, Message, Role

Way = Callable[[Record], dict[str, set[str]]]
PHONE = re.compile(r"(?<!\d)(?:\+?7|8)?[\s(.-]*\d{3}[\s).-]*\d{3}[\s.-]*\d{2}[\s.-]*\d{2}(?!\d)|\+\d[\d\s().-]{8,16}\d")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")


def texts(record: Record) -> Iterator[str]:
    """What the visitor wrote and what stood in the form."""
    chat = chat_of(record)
    yield from (message.text for message in chat.messages if message.role is Role.VISITOR)
    yield from chat.visitor.phones
    yield from chat.visitor.emails


def by_us(record: Record) -> dict[str, set[str]]:
    return found(extracted(record))


def by_matcher(record: Record) -> dict[str, set[str]]:
    region = record.get("region")
    phones = {
        phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        for text in texts(record)
        for match in phonenumbers.PhoneNumberMatcher(text, region)
    }
    return {"phones": phones, "emails": by_expression(record)["emails"], "other": set()}


def by_expression(record: Record) -> dict[str, set[str]]:
    phones: set[str] = set()
    emails: set[str] = set()
    for text in texts(record):
        emails.update(_lower(match.group()) for match in EMAIL.finditer(text))
        for match in PHONE.finditer(text):
            try:
                number = phonenumbers.parse(match.group(), record.get("region"))
            except phonenumbers.NumberParseException:
                continue
            phones.add(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return {"phones": phones, "emails": emails, "other": set()}


def _lower(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local}@{domain.lower()}"


WAYS: dict[str, Way] = {"chat2crm": by_us, "phonenumbers' matcher": by_matcher, "plain expressions": by_expression}


def quality(title: str, chats: list[Record]) -> None:
    without = sum(not any(wanted(chat).values()) for chat in chats)
    labels = {kind: sum(len(wanted(chat)[kind]) for chat in chats) for kind in KINDS}
    print(f"\n{title}: {len(chats)} chats, {without} without any contact; labels: {labels}")
    print(f"{'':24}" + "".join(f"{kind + '  P / R / F1':>28}" for kind in KINDS))
    for name, way in WAYS.items():
        score = Score()
        for chat in chats:
            score.add(wanted(chat), way(chat))
        shown = [" / ".join(f"{figure:.3f}" for figure in score.of(kind)) if labels[kind] else "-" for kind in KINDS]
        print(f"{name:24}" + "".join(f"{figures:>28}" for figures in shown))


PLAIN = [
    "Здравствуйте", "Добрый день! Подскажите, есть ли в наличии?", "а доставка сколько стоит?", "Спасибо", "ок",
    "Сколько дней идёт доставка до Казани?",
    "Мне нужен размер 42-44", "Да, хорошо, жду", "Hello, do you ship to Germany?", "What is the price of the blue one?",
    "у вас есть магазин в центре?",
    "Мой заказ №4831336, где он?", "можно ли оплатить картой при получении, и будет ли чек?", "Ціна актуальна?",
    "https://shop.example/catalog/item?id=55521",
    "Отлично, тогда оформляйте пожалуйста на завтра после обеда, если можно пораньше",
    "привезли 12.11 в 19:40, оплачено 56 480 руб",
    "А гарантия какая на этот товар и кто делает ремонт если что-то сломается?",
    "Минутку, сейчас уточню у коллег и вернусь к вам с ответом",
]  # fmt: skip
CONTACTS = [
    "мой номер 8916{0}, перезвоните", "+7 (925) {1}-{2}-{3}", "lena{1}@mail.ru",
    "почта lena.{1}@gmail.com, тел 8 903 {1} {2} {3}", "8 916 {1} {2} {3}",
    "call me at (415) 859-{2}{3}", "плюс семь девятьсот шестнадцать {1} сорок пять 12", "lena{1} собака mail точка ru",
]  # fmt: skip


def mix(chats: int, lines: int) -> list[Chat]:
    """Chats in which one line of ten holds a contact."""
    chance = random.Random(7)
    made = []
    for number in range(chats):
        messages = []
        for place in range(lines):
            digits = f"{chance.randrange(10**7):07}"
            given = chance.random() < 0.1
            text = chance.choice(CONTACTS).format(digits, digits[:3], digits[3:5], digits[5:]) if given else chance.choice(PLAIN)
            messages.append(Message(role=Role.VISITOR if given or place % 2 == 0 else Role.OPERATOR, text=text))
        made.append(Chat(source="bench", chat_id=str(number), messages=tuple(messages)))
    return made


def speed(chats: int) -> None:
    made = mix(chats, 12)
    for chat in made[:50]:
        contact_points(chat, region="RU")
    ours, matcher = [], []
    for _ in range(3):
        begun = time.process_time()
        for chat in made:
            contact_points(chat, region="RU")
        ours.append((time.process_time() - begun) / (chats * 12) * 1e6)
        begun = time.process_time()
        for chat in made:
            for message in chat.messages:
                list(phonenumbers.PhoneNumberMatcher(message.text, "RU"))
        matcher.append((time.process_time() - begun) / (chats * 12) * 1e6)
    print(f"\nprocessor time, {chats} chats of 12 messages, one in ten with a contact (best of 3):")
    print(f"  {min(ours):.1f} µs a message; phonenumbers' matcher alone on all of them {min(matcher):.1f} µs")


HOSTILE = [
    "1", "1 ", "1-", "1.", "1/", "1x", "+7", "89161234567 ", "8 916 123 45 6 ", "1 000 ", "4276 3800 1234 5679 ", "a", "a@",
    "a@a.", "@", "@ivan ",
    "ivan@mail.ru ", " at ", "собака ", "восемь ", "звоните мне на номер ", "мой номер 8 916 123-45-67, ", "не звоните ",
    "и\u0306", "９", "\u200b1", "(", "«",
    "https://a.b/", "паспорт ", "GB12", "номер мужа ", "wa.me/", "tel:+",
]  # fmt: skip


def hostile() -> None:
    worst = []
    for piece in HOSTILE:
        text = piece * (100_000 // len(piece))
        chat = Chat(source="bench", chat_id="1", messages=(Message(role=Role.VISITOR, text=text),))
        begun = time.process_time()
        contact_points(chat, region="RU")
        worst.append(((time.process_time() - begun) * 1000, piece))
    shown = ", ".join(f"{taken:.0f} ms {piece!r}" for taken, piece in sorted(worst, reverse=True)[:4])
    print(f"\nhostile messages of 100 kB, the slowest of {len(worst)}: {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", type=Path, nargs="*", default=[], help="labelled JSONL to score beside our own corpus")
    parser.add_argument("--fast", action="store_true", help="fewer chats for the timing")
    arguments = parser.parse_args()
    quality("our own corpus (tests/extract/corpus)", list(records()))
    for path in arguments.dev:
        quality(str(path), list(records(path)))
    speed(200 if arguments.fast else 1000)
    hostile()


if __name__ == "__main__":
    main()
