from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.config.hours import Hours
from bridge.model import Page, Visitor, Wishes
from bridge.write.head import LONGEST_TITLE, Head
from bridge.write.markup import PLAIN
from bridge.write.words import Speech

Make = Callable[..., Any]


@pytest.fixture
def head(work: Make) -> Make:
    def build(**parts: Any) -> Head:
        return Head(work(language="en", **parts), Speech("en"))

    return build


def facts(head: Head) -> list[str]:
    return [PLAIN.render(fact) for fact in head.facts([], [])]


def test_the_first_line_says_who_how_to_reach_them_and_whether_somebody_answered(head: Make) -> None:
    assert PLAIN.render(head().headline) == "Иван Петров · +79161234567 · answered in 2 min"


def test_a_wish_not_to_be_called_stands_in_the_first_line_and_in_their_words_below(head: Make) -> None:
    made = head(wishes=Wishes(no_calls="do not\ncall me"))
    assert "asks not to be called" in PLAIN.render(made.headline)
    assert "Asked not to be called: “do not call me”" in facts(made)


def test_nobody_answered_is_said_first_too(head: Make, said: Make) -> None:
    assert PLAIN.render(head(messages=(said("visitor", "hello"),)).headline).endswith(" · nobody answered")


def test_somebody_without_name_and_phone_is_reached_by_messenger(head: Make, point: Make) -> None:
    made = head(visitor=Visitor(), points=(point("@ivan"),), channel="vk", messages=())
    assert PLAIN.render(made.headline) == "No name given · @ivan"
    assert made.title == "Chat on VK: @ivan"
    assert head(visitor=Visitor(), points=()).title == "Chat on shop: Visitor"


def test_what_is_not_sure_and_what_is_not_theirs_says_so(head: Make, point: Make) -> None:
    made = head(points=(point("+79161234567", claim="unclear"), point("a@b.ru", claim="other"), point("@x")))
    assert "+79161234567 (possibly)" in PLAIN.render(made.headline)
    assert "Also in the chat: a@b.ru (somebody else’s), @x (messenger)" in facts(made)


def test_points_beyond_the_limit_are_named_below(head: Make, point: Make) -> None:
    made = head(points=tuple(point(f"+7916000000{number}") for number in range(5)))
    assert "+79160000002 · answered" in PLAIN.render(made.headline)
    assert "Also in the chat: +79160000003, +79160000004" in facts(made)


def test_only_opening_hours_count_and_the_line_says_so(head: Make) -> None:
    assert "First response: 2 min of opening hours · Duration: 2 min" in facts(head(hours=Hours("24/7")))


def test_a_title_is_short_and_the_site_has_its_own_name(head: Make) -> None:
    made = head(visitor=Visitor(name="x" * 300), page=Page(url="https://www.Shop.example/a"))
    assert made.title.startswith("Chat on shop.example: xxx")
    assert len(made.title) <= LONGEST_TITLE
    assert head(page=Page(url="http://[broken")).title.startswith("Chat on shop: ")


def test_a_form_is_shown_without_what_is_not_for_people(head: Make) -> None:
    visitor = Visitor(name="I", fields={"Size": 5, "Agreed": False, "empty": " ", "raw": {"a": 1}, "none": None})
    assert "Form: Size: 5; Agreed: no" in facts(head(visitor=visitor))


def test_empty_facts_have_no_line(head: Make) -> None:
    assert facts(head(messages=(), operators=(), points=())) == ["Chat on shop"]
