"""Digits: how they are grouped, which plans they are held against, what words and forms say that they are no phone."""

from __future__ import annotations

import pytest

from bridge.extract.reading import read_text
from bridge.extract.reading.digits import Link, chains, letters_as_digits
from bridge.extract.reading.finds import Budget
from bridge.extract.reading.links import phones_in_links
from bridge.extract.reading.normal import normal
from bridge.extract.reading.not_contacts import blanked, company_number, named_otherwise, phone_word_before
from bridge.extract.reading.phones import Expecting, phones_in
from bridge.extract.reading.plans import Announced, filler, known, read
from bridge.extract.reading.sensitive import luhn, spans
from bridge.extract.reading.spoken import _WORDS, all_spoken, spoken
from bridge.model import PointKind


def phones(text: str, *regions: str, expecting: Expecting | None = None) -> list[str]:
    finds = phones_in(normal(text), regions or ("RU",), Budget(), expecting=expecting)
    return [find.value for find in finds if find.value is not None]


# -- groups ------------------------------------------------------------------------------------------------------------


def test_groups_know_how_they_hang_together() -> None:
    [chain] = chains("8 (916) 123-45/67\n8, 9")
    assert [group.digits for group in chain] == ["8", "916", "123", "45", "67", "8", "9"]
    assert [group.link for group in chain[1:]] == [Link.LOOSE, Link.LOOSE, Link.TIGHT, Link.SLASH, Link.LINE, Link.COMMA]
    assert chain[1].bracket


def test_a_plus_begins_a_chain_of_its_own_and_letters_part_chains() -> None:
    assert [[group.digits for group in chain] for chain in chains("12 +7 916 x 34")] == [["12"], ["7", "916"], ["34"]]
    assert [chain[0].plus for chain in chains("12 + 7")] == [False, True]


def test_no_group_longer_than_any_number_is_handed_on() -> None:
    assert (
        list(chains("1234567890123456 12")) == [next(chains("12"))] or [len(chain) for chain in chains("1234567890123456")] == []
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("89О3", "8903"),
        ("8916О", "89160"),
        ("О67 123", "067 123"),
        ("89l6", "8916"),
        ("12-ОО-34", "12-00-34"),
        ("784-ll93", "784-1193"),
        ("дом 5 о чём", "дом 5 о чём"),
    ],
)
def test_letters_stand_for_digits_only_among_digits(written: str, meant: str) -> None:
    assert letters_as_digits(written) == meant


# -- plans -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digits", "plus", "regions", "e164", "announced"),
    [
        ("79161234567", True, (), "+79161234567", Announced.INTERNATIONAL),
        ("89161234567", False, ("RU",), "+79161234567", Announced.PREFIX),
        ("79161234567", False, ("RU",), "+79161234567", Announced.CODE),
        ("9161234567", False, ("RU",), "+79161234567", Announced.NOTHING),
        ("89161234567", True, ("RU",), "+79161234567", Announced.PREFIX),
        ("9161234567", True, ("RU",), "+79161234567", Announced.NOTHING),
        ("810375296112236", False, ("RU",), "+375296112236", Announced.INTERNATIONAL),
        ("00491725085876", False, ("DE",), "+491725085876", Announced.INTERNATIONAL),
        ("80296112234", False, ("RU", "BY"), "+375296112234", Announced.PREFIX),
        ("80503451292", False, ("UA",), "+380503451292", Announced.PREFIX),
        ("380671234567", False, ("RU",), "+380671234567", Announced.CODE),
        ("4158592216", False, ("US",), "+14158592216", Announced.NOTHING),
    ],
)
def test_digits_are_read_in_the_region_s_plan(
    digits: str, plus: bool, regions: tuple[str, ...], e164: str, announced: Announced
) -> None:
    reading = read(digits, plus=plus, regions=regions)
    assert reading is not None
    assert (reading.e164, reading.announced) == (e164, announced)


@pytest.mark.parametrize(
    ("digits", "regions"),
    [("", ("RU",)), ("1234567", ("RU",)), ("0161234567", ("RU",)), ("9161234567", ()), ("12345678901234567", ("RU",))],
)
def test_digits_of_no_plan_are_nothing(digits: str, regions: tuple[str, ...]) -> None:
    assert read(digits, plus=False, regions=regions) is None


def test_a_missing_prefix_and_a_service_number_are_told() -> None:
    bare = read("1725085876", plus=False, regions=("DE",))
    free = read("88005553535", plus=False, regions=("RU",))
    assert bare is not None
    assert bare.prefix_missing
    assert free is not None
    assert free.service
    assert known("RU")
    assert not known("XX")


@pytest.mark.parametrize(("national", "is_filler"), [("0000000000", True), ("9999999999", True), ("9111111111", True),
("1234567890", True),
                                                      ("9876543210", True), ("2345678910", True), ("9012345678", False),
                                                      ("9161234567", False)])  # fmt: skip
def test_fillers_are_known(national: str, is_filler: bool) -> None:
    assert filler(national) is is_filler


# -- in a text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "region", "numbers"),
    [
        ("индекс 101000 8 921 783-86-73", "RU", ["+79217838673"]),
        ("14:30 8 909 274-32-82", "RU", ["+79092743282"]),
        ("88122601169 8 (846) 575 14 12", "RU", ["+78122601169", "+78465751412"]),
        ("8,926,334,88,13", "RU", ["+79263348813"]),
        ("0170 / 9731997", "DE", ["+491709731997"]),
        ("+49 (0)170 9875327", "DE", ["+491709875327"]),
        ("(206)\n802-6428", "US", ["+12068026428"]),
        ("room 404, 212-568-1858, 2 nights", "US", ["+12125681858"]),
        ("8 9 1 6 1 2 3 4 5 6 7", "RU", ["+79161234567"]),
        ("8/916/123/45/67", "RU", ["+79161234567"]),
        ("phone 646/317/8842", "US", ["+16463178842"]),
        ("646/317/8842", "US", []),
        ("900/500/1200", "RU", []),
        ("8 [916] 123-45-67", "RU", ["+79161234567"]),
        ("[206] 802 6428", "US", ["+12068026428"]),
        ("646-317-8842/206-784-1193", "US", ["+16463178842", "+12067841193"]),
        ("8 916 123-45-67/68 8 903 551-88-42", "RU", ["+79161234567", "+79161234568", "+79035518842"]),
        ("8 495 231-45-60 / 61", "RU", ["+74952314560", "+74952314561"]),
        ("415-302-9917 / 206-784-1193", "US", ["+14153029917", "+12067841193"]),
        ("8 916 123-45-67/926 771-43-09", "RU", ["+79161234567", "+79267714309"]),
        ("067 123 90 45/050 991 44 77", "UA", ["+380671239045", "+380509914477"]),
        ("030 23125144/030 23125145", "DE", ["+493023125144", "+493023125145"]),
        ("030 23125144/45 0151 12345678", "DE", ["+493023125144", "+493023125145", "+4915112345678"]),
        ("9161234567 / 2", "RU", []),
        ("9161234567 / 12", "RU", []),
        ("8 916 123-45-67/12 этаж", "RU", ["+79161234567"]),
        ("8 916 123-45-67 / 14.06", "RU", ["+79161234567"]),
        ("8 495 231-45-60 / 2026 год", "RU", ["+74952314560"]),
        ("8 495 231-45-60, -21 градус", "RU", ["+74952314560"]),
        ("0044 7911 123456", "US", ["+447911123456"]),
        ("00447911123456", "US", []),
        ("phone 00447911123456", "US", ["+447911123456"]),
        ("0012345678905", "US", []),
        ("чек 00491725085876", "DE", []),
        ("8 (495) 231-45-60, 231-45-61", "RU", ["+74952314560", "+74952314561"]),
        ("8 495 231-45-60 или 771-33-80", "RU", ["+74952314560", "+74957713380"]),
        ("8 (495) 231-45-60, -61", "RU", ["+74952314560", "+74952314561"]),
        ("8 (916) 231-45-60, 231-45-61", "RU", ["+79162314560"]),
        ("8 (495) 231 45 60, 231-45-61", "RU", ["+74952314560"]),
        ("10-3456-7890", "RU", []),
        ("40 817 810 0 9991 0123456", "RU", []),
        ("2026-00451 12", "RU", []),
    ],
)
def test_numbers_are_cut_out_of_runs_of_digits(text: str, region: str, numbers: list[str]) -> None:
    assert phones(text, region) == numbers


def test_bare_digits_are_believed_where_a_phone_was_asked_for() -> None:
    assert phones("4957883412") == []
    assert phones("4957883412", expecting=Expecting(phone=True)) == ["+74957883412"]
    assert phones("тел 4957883412") == ["+74957883412"]
    assert phones("4957883412 мой номер") == ["+74957883412"]
    assert phones("4957883412 доб. 12") == ["+74957883412"]


def test_bare_digits_are_not_believed_where_something_else_was_asked_for() -> None:
    assert phones("9161234567", expecting=Expecting(other="order")) == []
    assert phones("+7 916 123 45 67", expecting=Expecting(other="order")) == ["+79161234567"]


@pytest.mark.parametrize(
    ("text", "extension"),
    [("доб. 12", "12"), ("доб 305", "305"), ("вн. 15", "15"), ("ext. 204", "204"), ("(доб. 104)", "104"), ("#12", "12"),
     ("внутренний номер 77", "77"), ("в тоновом режиме 104", "104"), ("extensão 12", "12")],
)
def test_extensions_are_kept_apart(text: str, extension: str) -> None:
    [find] = phones_in(normal(f"8 495 321-05-13 {text}"), ("RU",), Budget())
    assert (find.value, find.extension) == ("+74953210513", extension)
    assert find.end == len(f"8 495 321-05-13 {text}")


@pytest.mark.parametrize(
    ("link", "number"),
    [
        ("https://wa.me/79261112244?text=hi", "+79261112244"),
        ("https://api.whatsapp.com/send?phone=79261112244&text=x", "+79261112244"),
        ("viber://chat?number=%2B79261112244", "+79261112244"),
        ("t.me/+79261112244", "+79261112244"),
        ("tel:+7(926)111-22-44", "+79261112244"),
        ("wa.me/89261112244", "+79261112244"),
        ("79261112244@c.us", "+79261112244"),
    ],
)
def test_links_carry_numbers(link: str, number: str) -> None:
    assert [find.value for find in phones_in_links(normal(link).low, ("RU",), Budget())] == [number]


def test_links_to_a_chat_are_no_numbers() -> None:
    assert list(phones_in_links("t.me/c/1234567890/42", ("RU",), Budget())) == []


# -- what says that it is none -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "rule"),
    [("заказ №", "order"), ("номер заказа ", "order"), ("по договору № ", "contract"), ("инн: ", "tax number"), ("order id ",
    "order"),
     ("kundennummer ", "order"), ("orders ", "order"), ("referencia: ", "order"), ("vorgang ", "order"), ("партия ", "article"),
     ("заводской номер ", "article"), ("image@sha256:", "code"), ("commit ", "code"), ("area code ", None),
     ("заказы 9211234567 и ", "order"), ("заказ 7781203 и ", None), ("заказ 9211234567 и тел ", None),
     ("заказ на номер ", None), ("заказ, тел ", None), ("заказ 12 ", None), ("порядок ", None)],
)  # fmt: skip
def test_words_before_a_number_name_it_unless_a_preposition_or_another_number_stands_between(
    before: str, rule: str | None
) -> None:
    assert named_otherwise(f"{before}9161234567", len(before), len(before) + 10) == rule


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("token 9f8e-4153-0299-17aa", []),
        ("id 4f1a-6463-1788-42bc", []),
        ("user_id@6463178842", []),
        ("width = 6463178842", []),
        ("tel = 6463178842", ["+16463178842"]),
        ("@sam 6463178842", ["+16463178842"]),
        ("Room 4-646-317-8842", []),
        ("Sam-646-317-8842", ["+16463178842"]),
    ],
)
def test_digits_that_hang_on_a_code_or_a_parameter_are_none(text: str, numbers: list[str]) -> None:
    assert phones(text, "US") == numbers


@pytest.mark.parametrize(
    ("after", "rule"),
    [(" рублей", "money"), (" шт", "quantity"), (" - номер заказа", "order"), (" рассвет", None), (", инн 77", None)],
)
def test_words_after_a_number_name_it(after: str, rule: str | None) -> None:
    assert named_otherwise(f"9161234567{after}", 0, 10) == rule


def test_a_phone_word_counts_until_the_next_number() -> None:
    assert phone_word_before("тел 8", 4)
    assert not phone_word_before("тел 8 916, код 5", 15)


def test_shapes_are_blanked_position_by_position() -> None:
    text = "ip 10.0.0.1 и 8 916 123-45-67"
    clean, gone = blanked(text, text)
    assert len(clean) == len(text)
    assert clean.endswith(" и 8 916 123-45-67")
    assert [(text[start:end], rule) for start, end, rule in gone] == [("10.0.0.1", "ip")]


def test_check_digits() -> None:
    assert luhn("4276380012345679")
    assert not luhn("4276380012345675")
    assert company_number("7707083893")
    assert not company_number("7707083894")
    assert not company_number("500100732259")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("карта 4276 3800 1234 5679", ["4276 3800 1234 5679"]),
        ("2202201234567890", []),
        ("4111111111111111", ["4111111111111111"]),
        ("карта 4276 3800 1234 5675 с опиской", ["4276 3800 1234 5675"]),
        ("4276 3800 1234 5675", []),
        ("imei 356938035643809", []),
        ("паспорт 45 10 №654321", ["45 10 №654321"]),
        ("серия 4510 номер 123456", ["4510 номер 123456"]),
        ("passport no. 512345678", ["512345678"]),
        ("cvv 123", ["123"]),
        ("8 916 123-45-67", []),
    ],
)
def test_cards_and_papers_are_found(text: str, hidden: list[str]) -> None:
    assert [text[start:end] for start, end, _ in spans(text, text)] == hidden


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("плюс семь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь", "+7 916 123 45 67"),
        ("восемь девятьсот пять, ноль ноль один", "8 905 0 0 1"),
        ("нуль шістдесят сім триста сорок п'ять дванадцять", "0 67 345 12"),
        ("four one five eight double two one", "4 1 5 8 22 1"),
        ("eight hundred five five five", "805 5 5"),
    ],
)
def test_number_words_become_groups_of_digits(text: str, digits: str) -> None:
    assert all_spoken(text) == digits


def test_a_line_with_other_words_is_not_all_spoken() -> None:
    assert all_spoken("два дня") is None
    assert all_spoken("916") is None


def test_few_number_words_are_no_number() -> None:
    assert spoken(normal("приеду один в три часа, квартира пять")) == []


def test_every_row_of_number_words_counts_up() -> None:
    """A word in the wrong place would shift all that follow it."""
    for word, value in {"четырнадцать": 14, "девятнадцать": 19, "двадцать": 20, "девяносто": 90, "сто": 100,
    "девятьсот": 900, "дев'ятнадцять": 19,
                        "дев'ятсот": 900, "nineteen": 19, "ninety": 90, "neun": 9, "nueve": 9, "nove": 9, "тоғыз": 9,
                        "neuf": 9, "дев'ять": 9}.items():  # fmt: skip
        assert _WORDS[word][0] == str(value), word


def test_a_text_gives_each_place_one_find() -> None:
    finds = read_text(normal("79161234567@mail.ru, wa.me/79161234568, @lena"), ("RU",), Budget(), Expecting())
    assert [(find.kind, find.value) for find in finds if find.value] == [
        (PointKind.EMAIL, "79161234567@mail.ru"), (PointKind.PHONE, "+79161234568"), (PointKind.HANDLE, "@lena"),
    ]  # fmt: skip
