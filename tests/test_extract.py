"""What the rest of the bridge may rely on of `contact_points`."""

from __future__ import annotations

import pytest

from bridge.extract import Extraction, Own, contact_points
from bridge.model import Chat, Claim, ContactPoint, Message, Operator, Page, PointKind, Role, Visitor

ROLES = {"V": Role.VISITOR, "O": Role.OPERATOR, "B": Role.BOT, "S": Role.SYSTEM, "I": Role.INTERNAL}


def chat(*lines: str, visitor: Visitor | None = None, operators: tuple[Operator, ...] = (), page: str | None = None) -> Chat:
    messages = tuple(Message(role=ROLES[line[0]], text=line[2:]) for line in lines)
    return Chat(
        source="s", chat_id="1", messages=messages, visitor=visitor or Visitor(), operators=operators, page=Page(url=page)
    )  # fmt: skip


def values(result: Extraction, *claims: Claim) -> list[str]:
    return [point.value for point in result.points if not claims or point.claim in claims]


def only(result: Extraction) -> ContactPoint:
    assert len(result.points) == 1, result.points
    return result.points[0]


# -- what a contact point holds ----------------------------------------------------------------------------------------


def test_a_point_tells_its_normal_form_its_words_its_place_and_its_rule() -> None:
    point = only(contact_points(chat("V привет", "V мой номер +7(916)123-45-67 доб. 12, жду"), region="RU"))
    assert point.kind is PointKind.PHONE
    assert point.value == "+79161234567"
    assert point.extension == "12"
    assert point.as_written == "+7(916)123-45-67 доб. 12"
    assert point.message == 1
    assert point.span == (10, 34)
    assert (point.claim, point.rule, point.field) == (Claim.OWN, "my", None)


def test_spans_count_in_the_message_as_it_was_written() -> None:
    text = "мой 8️⃣9️⃣1️⃣6️⃣ 123\u200b 45 67 да"
    point = only(contact_points(chat(f"V {text}"), region="RU"))
    assert point.span is not None
    assert text[slice(*point.span)] == "8️⃣9️⃣1️⃣6️⃣ 123\u200b 45 67"


def test_a_field_is_named_where_the_contact_stood_in_one() -> None:
    point = only(contact_points(chat(visitor=Visitor(phones=("8 916 123 45 67",))), region="RU"))
    assert (point.field, point.message, point.span, point.rule) == ("visitor.phone", None, None, "form")


def test_points_are_ordered_own_then_unclear_then_other() -> None:
    result = contact_points(chat("V звонили с 8 495 111 22 33", "V 8 916 111 22 34", "V мой 8 916 111 22 35"), region="RU")
    assert [point.claim for point in result.points] == [Claim.OWN, Claim.UNCLEAR, Claim.OTHER]
    assert values(result) == ["+79161112235", "+79161112234", "+74951112233"]


def test_one_value_is_one_point_with_the_strongest_claim_and_the_first_place() -> None:
    point = only(contact_points(chat("V 89161112236", "V мой номер 8 916 111-22-36"), region="RU"))
    assert (point.message, point.rule) == (0, "my")


def test_a_slip_in_a_domain_is_kept_and_flagged() -> None:
    point = only(contact_points(chat("V lena@gmial.com")))
    assert point.value == "lena@gmial.com"
    assert "typo:gmail.com" in point.flags


def test_a_correction_is_flagged_and_what_was_corrected_is_gone() -> None:
    point = only(contact_points(chat("V 8 916 555 42 76", "V ой, 67 в конце, не 76"), region="RU"))
    assert (point.value, point.flags, point.message) == ("+79165554267", ("corrected",), 0)


def test_a_correction_that_cannot_be_placed_is_flagged() -> None:
    point = only(contact_points(chat("V 8 916 555 42 76", "V ой, не 5 а 6"), region="RU"))
    assert (point.value, point.flags) == ("+79165554276", ("uncorrected",))


def test_handles_are_points_of_their_own_kind() -> None:
    point = only(contact_points(chat("V https://t.me/Lena_Decor")))
    assert (point.kind, point.value, point.flags) == (PointKind.HANDLE, "@Lena_Decor", ("network:telegram",))


# -- whose -------------------------------------------------------------------------------------------------------------


def test_the_config_s_own_phones_addresses_and_domains_are_nobody_s_contact() -> None:
    own = Own(phones=("8 (495) 111-22-33",), emails=("Shop@mail.ru",), domains=("shop.example",))
    said = chat("V пишу на shop@mail.ru, a@shop.example, b@m.shop.example, звоню на +7 495 111 22 33, мой ivan@mail.ru")
    result = contact_points(said, region="RU", own=own)
    assert values(result, Claim.OWN, Claim.UNCLEAR) == ["ivan@mail.ru"]
    assert {point.rule for point in result.points if point.claim is Claim.OTHER} == {"ours"}


def test_an_operator_s_own_contacts_are_not_the_visitor_s_even_in_the_form() -> None:
    operators = (Operator(email="anna@shop.example", phone="+7 916 000 11 22"),)
    visitor = Visitor(phones=("8 916 000 11 22",), emails=("info@shop.example",))
    said = chat("V привет", visitor=visitor, operators=operators, page="https://shop.example/catalog")
    assert values(contact_points(said, region="RU"), Claim.OWN, Claim.UNCLEAR) == []


def test_a_visitor_whose_mailbox_lies_where_an_operator_s_does_keeps_it() -> None:
    operators = (Operator(email="anna@small-town-provider.ru"),)
    visitor = Visitor(emails=("boris@small-town-provider.ru",))
    said = chat("V привет", visitor=visitor, operators=operators, page="https://shop.example/catalog")
    assert values(contact_points(said, region="RU"), Claim.OWN) == ["boris@small-town-provider.ru"]


def test_an_operator_with_a_public_mail_box_does_not_make_its_domain_ours() -> None:
    said = chat("V мой ivan@mail.ru", operators=(Operator(email="anna@mail.ru"),))
    assert values(contact_points(said), Claim.OWN) == ["ivan@mail.ru"]


def test_internal_and_system_lines_are_nobody_s_word() -> None:
    result = contact_points(chat("I клиент 89161112233", "S tel 89161112234", "V 8 916 111 22 33"), region="RU")
    assert only(result).message == 2
    assert only(result).claim is Claim.UNCLEAR


def test_what_an_operator_filled_in_comes_last_and_is_unclear() -> None:
    fields = {"filled_by_operator": {"phones": ["89161112237"], "emails": ["late@mail.ru"]}}
    result = contact_points(chat("V 8 916 111 22 38", visitor=Visitor(fields=fields)), region="RU")
    assert values(result) == ["+79161112238", "+79161112237", "late@mail.ru"]
    assert [point.rule for point in result.points][1:] == ["operator-field", "operator-field"]


def test_free_fields_of_a_form_are_read_and_other_people_s_are_not() -> None:
    fields = {"Телефон для связи": "916 111 22 39", "Телефон получателя": "89161112240", "комментарий": None, "n": 3}
    assert values(contact_points(chat(visitor=Visitor(fields=fields)), region="RU")) == ["+79161112239"]


def test_a_number_in_the_name_is_found() -> None:
    point = only(contact_points(chat(visitor=Visitor(name="Лена 89161112241")), region="RU"))
    assert (point.value, point.rule, point.field) == ("+79161112241", "profile", "visitor.name")


@pytest.mark.parametrize("phone", ["", "нет", "12345", "+7 (___) ___-__-__", "0000000000"])
def test_a_form_s_phone_that_is_none_is_dropped(phone: str) -> None:
    assert contact_points(chat(visitor=Visitor(phones=(phone,))), region="RU").points == ()


@pytest.mark.parametrize("phone", ["79161112242", "+79161112242", "8(916)111-22-42", "9161112242", " 7 916 111 22 42 "])
def test_a_form_s_phone_is_read_in_any_form(phone: str) -> None:
    assert values(contact_points(chat(visitor=Visitor(phones=(phone,))), region="RU")) == ["+79161112242"]


def test_an_international_number_in_a_form_needs_no_plus() -> None:
    assert values(contact_points(chat(visitor=Visitor(phones=("4915123456789",))), region="RU")) == ["+4915123456789"]


# -- region, wishes, masks, trace --------------------------------------------------------------------------------------


def test_the_configured_region_is_told_and_goes_before_the_chat_s_hints() -> None:
    said = chat("V 067 345 12 89", page="https://shop.example.de", visitor=Visitor(language="de-DE"))
    assert contact_points(said, region="UA").region == "UA"
    assert values(contact_points(said, region="UA")) == ["+380673451289"]
    assert contact_points(said).region == "DE"


def test_a_number_of_another_region_bears_the_region_as_a_flag() -> None:
    point = only(contact_points(chat("V мой 8 029 611 22 34"), region="RU"))
    assert (point.value, point.flags) == ("+375296112234", ("region:BY",))


def test_the_wish_not_to_be_called_comes_with_its_words() -> None:
    result = contact_points(chat("V Здравствуйте. Пожалуйста, не звоните мне, лучше напишите"), region="RU")
    assert result.wishes.no_calls == "Пожалуйста, не звоните мне, лучше напишите"


def test_cards_and_passports_are_masked_in_every_role() -> None:
    card, passport = "4276 3800 1234 5679", "4510 123456"
    said = chat(f"V карта {card}", f"O паспорт {passport}?", "V да", f"S card {card}")
    masked = contact_points(said, region="RU").masked
    assert {index: [said.messages[index].text[slice(*span)] for span in spans] for index, spans in masked.items()} == {
        0: [card], 1: [passport], 3: [card],
    }  # fmt: skip


def test_the_trace_is_there_only_if_asked_for() -> None:
    said = chat("V заказ 9161112243, тел 9161112244")
    assert contact_points(said, region="RU").trace == ()
    decisions = [
        (one.as_written, one.claim, one.rule, one.reading) for one in contact_points(said, region="RU", explain=True).trace
    ]
    assert decisions == [
        ("9161112243", None, "order", ""), ("9161112244", Claim.UNCLEAR, "no-word", "phone-bare"),
    ]  # fmt: skip


def test_an_empty_chat_gives_nothing() -> None:
    assert contact_points(chat()) == Extraction()
