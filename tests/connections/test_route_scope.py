from __future__ import annotations

import json

from bridge.connections.route_scope import route_scope
from bridge.mapping.language.expressions import Expression
from bridge.model import Chat, EventKind, Message, Operator, Page, Role, Visitor

CHAT = Chat(
    source="shop", chat_id="1", kind=EventKind.OFFLINE_MESSAGE, channel="telegram",
    visitor=Visitor(id="v1", name="Анна", country="RU"), operators=(Operator(name="Пётр", email="p@shop.example"),),
    messages=(Message(role=Role.VISITOR, text="Есть доставка?"),),
    page=Page(url="https://shop.example/wholesale/1"), utm={"source": "google"}, rating="positive", tags=("vip",),
    department="Sales", topic="Delivery",
)  # fmt: skip


def holds(condition: str) -> bool:
    return bool(Expression(condition)(route_scope(CHAT)))


def test_every_word_of_a_condition_is_there() -> None:
    for condition in (
        "contains(page.url, '/wholesale')", "utm.source == 'google'", "channel == 'telegram'", "kind == 'offline_message'",
        "source == 'shop'", "visitor.country == 'RU'", "operators[0].email == 'p@shop.example'", "department == 'Sales'",
        "topic == 'Delivery'", "contains(tags, 'vip')", "rating == 'positive'", "contains(chat.messages[0].text, 'доставка')",
    ):  # fmt: skip
        assert holds(condition), condition
        assert not holds(f"!({condition})"), condition


def test_what_a_chat_does_not_have_is_null() -> None:
    bare = route_scope(Chat(source="shop", chat_id="1"))

    assert (bare["department"], bare["page"]["url"], bare["tags"], bare["utm"]) == (None, None, [], {})


def test_it_is_plain_data() -> None:
    assert json.loads(json.dumps(route_scope(CHAT))) == route_scope(CHAT)
