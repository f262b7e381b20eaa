from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.errors import MappingError
from bridge.mapping.language.templates import Template
from bridge.model import Chat, Message, Operation, OperationKind, Role, Visitor, Wishes
from bridge.write import FIND, Work, message_keys, plan
from bridge.write.clean import clean
from bridge.write.markup import MARKUPS, PLAIN
from bridge.write.note import MEASURES

Make = Callable[..., Any]


def notes(work: Work) -> list[Operation]:
    return [operation for operation in plan(work).operations if operation.kind is OperationKind.NOTE]


def texts(work: Work) -> list[str]:
    return [note.scope["note"]["text"] for note in notes(work)]


ANY_TEXT = st.text(
    st.characters(exclude_categories=()) | st.sampled_from("\n\r \"'<>&*[]_`\\~|@:c2-a🙏🏽🇷🇺\u202e\u200b\x00"), max_size=120,
)
MESSAGES = st.lists(
    st.builds(
        Message, role=st.sampled_from(Role), text=ANY_TEXT | st.just("c2c-aaaaaaaaaaaaaaaa"), author=st.none() | ANY_TEXT,
        at=st.none() | st.datetimes(timezones=st.none() | st.just(UTC)), id=st.none() | st.text(max_size=2),
    ),
    max_size=12,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    messages=MESSAGES, name=st.none() | ANY_TEXT, url=st.none() | ANY_TEXT, limit=st.none() | st.integers(200, 900),
    unit=st.sampled_from(sorted(MEASURES)), markup=st.sampled_from(sorted(MARKUPS)), after=st.booleans(),
    language=st.sampled_from(["ru", "en"]), already=st.sets(st.integers(0, 11)),
)
def test_whatever_people_write_the_note_carries_it_within_its_limit_and_with_its_markers(  # noqa: PLR0917 - all drawn by name
    work: Make, mapping: Make, messages: list[Message], name: str | None, url: str | None, limit: int | None, unit: str,
    markup: str, after: bool, language: str, already: set[int],
) -> None:
    chat = Chat(source="s", chat_id="c", visitor=Visitor(name=name), messages=tuple(messages), url=url, channel="site")
    keys = message_keys(chat)
    delivered = frozenset(key for place, key in enumerate(keys) if place in already)
    most = {"max": {unit: max(limit, 400) if unit == "bytes" else limit, "after_markup": after}} if limit else {}
    made = plan(work(
        chat=chat, delivered=delivered, language=language, mapping=mapping(note={"markup": markup, **most}),
        wishes=Wishes(no_calls=name or None),
    ))  # fmt: skip
    parts = [operation for operation in made.operations if operation.kind is OperationKind.NOTE]
    for part in parts:
        text = part.scope["note"]["text"]
        text.encode()
        if limit and after:
            assert MEASURES[unit](text) <= most["max"][unit]
        assert FIND.findall(text) == [made.chat_marker, part.marker]
        assert text.endswith(f"{MARKUPS[markup].line_break}{made.chat_marker} {part.marker}")
    carried = [key for part in parts for key in part.message_keys]
    visible = [
        (message, key) for message, key in zip(messages, keys, strict=True)
        if message.role is not Role.INTERNAL and key not in delivered
    ]  # fmt: skip
    news = any(message.role is not Role.SYSTEM for message, _ in visible)
    if visible and (news or not delivered):
        assert carried == [key for _, key in visible]
    if parts and markup == "plain":
        seen = iter("".join(part.scope["note"]["text"] for part in parts))
        for message, key in visible:
            if key in carried:
                assert all(letter in seen for letter in "".join(clean(message.text).split())), "in the order it was written"


def test_markup_counts_only_if_the_mapping_says_so(work: Make, mapping: Make, said: Make) -> None:
    messages = tuple(said("visitor", "<" * 40) for _ in range(10))
    raw = mapping(note={"markup": "html", "max": {"characters": 1000, "after_markup": False}})
    counted = mapping(note={"markup": "html", "max": {"characters": 1000, "after_markup": True}})
    one, several = texts(work(messages=messages, mapping=raw)), texts(work(messages=messages, mapping=counted))
    assert len(one) == 1
    assert len(one[0]) > 1000
    assert len(several) > 1


def test_the_unit_of_the_limit_matters(work: Make, mapping: Make, said: Make) -> None:
    messages = tuple(said("visitor", "🙂я" * 20) for _ in range(8))
    limited = [mapping(note={"max": {unit: 600}}) for unit in ("characters", "utf16", "bytes")]
    counts = [len(texts(work(messages=messages, mapping=each))) for each in limited]
    assert counts[0] < counts[1] < counts[2]


def test_markers_rest_on_what_is_carried_and_not_on_how_it_is_said(work: Make, said: Make, mapping: Make) -> None:
    russian, english = notes(work())[0], notes(work(language="en", mapping=mapping(note={"markup": "html"})))[0]
    assert russian.marker == english.marker
    assert notes(work(generation=2))[0].marker != russian.marker
    assert notes(work(messages=(said("visitor", "else"),)))[0].marker != russian.marker


def test_a_template_of_the_target_stands_in_for_the_layout(work: Make, mapping: Make, said: Make) -> None:
    template = Template("Chat with {visitor.name}\nCity: {visitor.city}\n{note.headline}\n\n{note.transcript}")
    hostile = said("visitor", "<b> c2c-aaaaaaaaaaaaaaaa")
    made = notes(work(template=template, messages=(hostile,), mapping=mapping(note={"markup": "html"})))
    lines = made[0].scope["note"]["text"].split("<br>")
    assert lines[:2] == ["Chat with Иван Петров", "Иван Петров · +79161234567 · никто не ответил"]
    assert "● Иван Петров: &lt;b&gt; c2c aaaaaaaaaaaaaaaa" in lines
    assert lines[-1].endswith(made[0].marker)
    assert len(made[0].message_keys) == 1


def test_a_long_note_by_a_template_is_cut_too_and_its_last_part_carries_all(work: Make, mapping: Make, said: Make) -> None:
    messages = tuple(said("visitor", f"word{number} " * 20) for number in range(10))
    limited = mapping(note={"max": {"characters": 500}})
    made = notes(work(template=Template("{note.transcript}"), messages=messages, mapping=limited))
    assert len(made) > 3
    assert [len(note.message_keys) for note in made] == [0] * (len(made) - 1) + [10]


def test_a_template_that_says_nothing_is_a_mistake_that_is_named(work: Make) -> None:
    with pytest.raises(MappingError, match=r"note\.template came out empty .* \{note\.transcript\}"):
        plan(work(template=Template("{visitor.city}")))


def test_the_first_line_stands_alone_in_the_scope_for_crms_with_a_subject(work: Make) -> None:
    note = notes(work())[0].scope["note"]
    assert note["headline"] == note["text"].split(PLAIN.line_break)[0]
