"""A person's word stands above every rule's."""

from __future__ import annotations

import pytest

from bridge.extract import Extraction, as_corrected, contact_points, point_typed
from bridge.extract.by_hand import BY_HAND
from bridge.model import Chat, Claim, Correction, Message, PointKind, Role

OTHERS = "Это телефон мужа: +7 916 111-22-33"
OWN = "Мой телефон +7 916 123-45-67"


def found(*texts: str) -> Extraction:
    messages = tuple(Message(role=Role.VISITOR, text=text) for text in texts)
    return contact_points(Chat(source="s", chat_id="c", messages=messages), region="RU")


@pytest.mark.parametrize(
    ("typed", "kind", "value"),
    [("8 916 123-45-67", PointKind.PHONE, "+79161234567"), ("+1 202 555 0143", PointKind.PHONE, "+12025550143"),
     ("Anna@Example.com", PointKind.EMAIL, "Anna@example.com")],
)  # fmt: skip
def test_what_a_person_types_is_read_as_a_field_is(typed: str, kind: PointKind, value: str) -> None:
    point = point_typed(typed, "RU")
    assert point is not None
    assert (point.kind, point.value, point.claim, point.rule) == (kind, value, Claim.OWN, BY_HAND)


@pytest.mark.parametrize("typed", ["", "12", "Анна", "anna@", "@anna", "no phone at all", "9" * 300])
def test_what_is_neither_phone_nor_email_is_nothing(typed: str) -> None:
    assert point_typed(typed, "RU") is None


def test_without_a_correction_nothing_changes() -> None:
    before = found(OWN, OTHERS)
    assert as_corrected(before, None) is before


def test_what_was_removed_is_somebody_elses_and_goes_last() -> None:
    points = as_corrected(found(OWN, OTHERS), Correction(removed=((PointKind.PHONE, "+79161234567"),))).points
    assert {point.claim for point in points} == {Claim.OTHER}
    assert next(point for point in points if point.value == "+79161234567").rule == BY_HAND


def test_what_was_added_stands_first_and_keeps_its_place_in_the_chat() -> None:
    husband = point_typed("+7 916 111-22-33", "RU")
    assert husband is not None
    first, *rest = as_corrected(found(OWN, OTHERS), Correction(added=(husband,))).points
    assert (first.value, first.claim, first.message, first.rule) == ("+79161112233", Claim.OWN, 1, BY_HAND)
    assert [point.value for point in rest] == ["+79161234567"]


def test_what_a_later_version_of_the_chat_brings_still_counts() -> None:
    corrected = Correction(removed=((PointKind.PHONE, "+79161234567"),))
    points = as_corrected(found(OWN, "почта anna@example.com"), corrected).points
    assert [point.value for point in points if point.claim is not Claim.OTHER] == ["anna@example.com"]
