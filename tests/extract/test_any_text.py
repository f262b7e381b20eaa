"""Whatever a chat holds, extraction answers, and its answer holds together."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.extract import Own, contact_points
from bridge.extract.reading import phones
from bridge.extract.reading.finds import Budget
from bridge.extract.reading.normal import LONGEST
from bridge.model import Chat, Message, Operator, Page, PointKind, Role, Visitor

PIECES = [
    "8 916 123-45-67", "+7", "8916", "1234567", "ivan@mail.ru", "@", "ivan", "собака", "точка ру", "at", "dot com", "(at)",
    "мой номер", "номер мужа",
    "звонили с", "заказ №", "да", "нет", "67 в конце, не 76", "восемь девятьсот", "+1 (415) 859-2216", "доб. 12", "/61",
    "не звоните", "wa.me/79161234567",
    "4276 3800 1234 5679", "паспорт 4510 123456", "\u200b", "8️⃣", "й", "ﬃ", "İ", "\0", "\ud83d", "９", "«", "»", '"', "\n",
    " ", ",", "@ivan", "?",
]  # fmt: skip
texts = st.one_of(
    st.text(max_size=120),
    st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join),
    st.lists(st.sampled_from(PIECES)).map("".join),
)
messages = st.builds(Message, role=st.sampled_from(Role), text=texts)
regions = st.one_of(
    st.none(), st.sampled_from(["RU", "US", "DE", "UA", "KZ", "ru", "XX", "", "зз", "001", "AQ"]), st.text(max_size=3)
)
visitors = st.builds(
    Visitor, name=st.none() | texts, phones=st.lists(texts, max_size=2).map(tuple), emails=st.lists(texts, max_size=2).map(tuple),
    country=st.none() | st.text(max_size=3), language=st.none() | st.text(max_size=6),
    fields=st.dictionaries(st.text(max_size=8), st.none() | texts | st.integers() | st.lists(texts, max_size=2), max_size=3),
)  # fmt: skip
chats = st.builds(
    Chat, source=st.just("any"), chat_id=st.just("1"), messages=st.lists(messages, max_size=6).map(tuple), visitor=visitors,
    operators=st.lists(st.builds(Operator, email=st.none() | texts, phone=st.none() | texts), max_size=1).map(tuple),
    page=st.builds(Page, url=st.none() | texts),
)  # fmt: skip


@settings(max_examples=300)
@given(
    chat=chats,
    region=regions,
    own=st.builds(Own, phones=st.lists(texts, max_size=1).map(tuple), domains=st.lists(texts, max_size=1).map(tuple)),
)
def test_no_chat_raises_and_every_span_lies_in_its_message(chat: Chat, region: str | None, own: Own) -> None:
    result = contact_points(chat, region=region, own=own, explain=True)
    for point in result.points:
        if point.message is not None and point.span is not None:
            start, end = point.span
            assert 0 <= start < end <= len(chat.messages[point.message].text)
        assert (point.message is None) == (point.field is not None)
        assert 0 < point.confidence <= 1
        if point.kind is PointKind.PHONE:
            assert point.value.startswith("+")
            assert point.value[1:].isdigit()
        if point.kind is PointKind.EMAIL:
            assert point.value.count("@") == 1
            assert point.value.rpartition("@")[2] == point.value.rpartition("@")[2].lower()
    for index, spans in result.masked.items():
        assert all(0 <= start < end <= len(chat.messages[index].text) for start, end in spans)
    claims = [point.claim for point in result.points]
    assert claims == sorted(claims, key=["own", "unclear", "other"].index)


@given(text=texts)
def test_what_is_shown_as_written_stands_in_the_message(text: str) -> None:
    for point in contact_points(Chat(source="any", chat_id="1", messages=(Message(role=Role.VISITOR, text=text),))).points:
        if point.rule not in {"", "phone-joined"} and "\n" not in point.as_written:
            assert point.as_written in text


def visitor_says(text: str) -> Chat:
    return Chat(source="any", chat_id="1", messages=(Message(role=Role.VISITOR, text=text),))


@pytest.mark.parametrize("piece", ["89161234567 ", "8 916 123 45 6 ", "1 ", "1-", "восемь ", "a@a.", "＋７９１６", "@ivan "])
def test_a_hostile_message_is_given_up_on_in_time(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A numbering plan is asked a bounded number of times, however long the message is."""
    asked: list[bool] = []
    take = Budget.take

    def counted(budget: Budget) -> bool:
        asked.append(True)
        return take(budget)

    monkeypatch.setattr(Budget, "take", counted)
    contact_points(visitor_says(piece * (100_000 // len(piece))), region="RU")
    granted = Budget().of_text
    assert len(asked) < 60 * granted
    budget = Budget()
    assert sum(budget.take() for _ in range(10_000)) == granted


def test_a_chat_of_tables_is_given_up_on_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a numbering plan would no longer be asked about is not put together either."""
    put_together: list[int] = []
    longest = phones._longest

    def counted(*given: Any) -> Any:
        put_together.append(1)
        return longest(*given)

    monkeypatch.setattr(phones, "_longest", counted)
    table = Message(role=Role.VISITOR, text="8 9 1 6 " * 100)
    few, many = (contact_points(Chat(source="any", chat_id="1", messages=(table,) * number), region="RU") for number in (40, 400))
    assert few.points == many.points
    assert 0 < len(put_together) <= 2 * 1.5 * Budget().left


def test_a_long_message_is_read_at_both_ends() -> None:
    log = "x" * LONGEST
    first = contact_points(visitor_says(f"мой номер 8 916 123-45-67 {log}"), region="RU")
    last = contact_points(visitor_says(f"{log} мой номер 8 916 123-45-67"), region="RU")
    assert [point.value for point in first.points] == [point.value for point in last.points] == ["+79161234567"]
    text = f"{log} мой номер 8 916 123-45-67"
    span = last.points[0].span
    assert span is not None
    assert text[slice(*span)] == "8 916 123-45-67"


def test_importing_it_takes_little_memory() -> None:
    """What a process pays for it beside the models that it has anyway."""
    code = textwrap.dedent("""
        import resource, bridge.model, email.message, re
        def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = peak()
        import bridge.extract
        print((peak() - before) // 1024)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 15


def test_every_digit_of_every_alphabet_that_is_folded_is_that_digit() -> None:
    for sign in "①⑨⓪⁸₇９٣۴२𝟗❼➑":
        read = contact_points(visitor_says(f"+7 916 123 45 6{sign}")).points
        assert [point.value for point in read] == [f"+7916123456{unicodedata.digit(sign)}"]
