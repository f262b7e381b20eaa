from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.model import Client, Visitor
from bridge.write.enrichment import Permission, Why, permission, stands_on

Make = Callable[..., Any]

CARD = Client(id="1", name="Иван Петров", phones=("8 (916) 123-45-67",), emails=("Ivan@Example.ru",), external_id="u1")
STRANGER = Visitor(name="Пётр")


def test_one_typed_number_confirms_nothing(point: Make) -> None:
    points = [point("+79161234567", message=0), point("new@example.ru", message=1)]
    assert permission("confirmed", CARD, STRANGER, points) == Permission(given=False, why=Why.UNCONFIRMED)


@pytest.mark.parametrize(("visitor", "extra", "why"), [
    (Visitor(name="Иван"), {}, Why.NAME),
    (STRANGER, {"field": "visitor.phone"}, Why.PROFILE),
    (Visitor(external_id="u1"), {}, Why.EXTERNAL_ID),
])  # fmt: skip
def test_name_profile_or_the_sites_own_id_confirm(point: Make, visitor: Visitor, extra: dict[str, str], why: Why) -> None:
    assert permission("confirmed", CARD, visitor, [point("+79161234567", **extra)]) == Permission(given=True, why=why)


def test_a_second_contact_point_on_the_card_confirms(point: Make) -> None:
    points = [point("+79161234567"), point("ivan@example.ru"), point("+79990000000")]
    assert permission("confirmed", CARD, STRANGER, points) == Permission(given=True, why=Why.SECOND_POINT)


def test_the_same_number_given_twice_is_not_a_second_point(point: Make) -> None:
    points = [point("+79161234567", message=0), point("+79161234567", message=3)]
    assert not permission("confirmed", CARD, STRANGER, points).given


def test_a_form_field_that_is_not_on_the_card_confirms_nothing(point: Make) -> None:
    points = [point("+79161234567"), point("new@example.ru", field="visitor.email")]
    assert not permission("confirmed", CARD, STRANGER, points).given


def test_two_missing_ids_are_not_the_same_id(point: Make) -> None:
    assert not permission("confirmed", Client(id="1"), Visitor(), [point("+79161234567")]).given


@pytest.mark.parametrize(("policy", "given"), [("always", True), ("never", False)])
def test_the_route_may_decide_alone(point: Make, policy: str, given: bool) -> None:
    assert permission(policy, CARD, Visitor(name="Иван"), [point("+79161234567")]).given is given


def test_numbers_are_compared_by_digits_and_addresses_in_any_case(point: Make) -> None:
    assert stands_on(CARD, point("+79161234567"))
    assert stands_on(CARD, point("IVAN@example.RU"))
    assert not stands_on(CARD, point("+79161234568"))
    assert not stands_on(CARD, point("@ivan"))
    assert not stands_on(Client(id="1", phones=("", "call me")), point("+79161234567"))
