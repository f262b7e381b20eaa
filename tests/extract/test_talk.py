"""Whose a contact is: words beside it, questions, answers, later lines."""

from __future__ import annotations

import pytest

from bridge.extract import amends, answers, conversation, fields, joined, ours, transcript
from bridge.extract.asked import NOTHING, Asked, affirms, asked, asks_whose, denies, reads_back
from bridge.extract.card import best_first, traced
from bridge.extract.corrections import correction, drops_earlier
from bridge.extract.reading.finds import Budget
from bridge.extract.reading.normal import LONGEST, TAIL, lower, normal
from bridge.extract.reading.patterns import any_of, listed, words
from bridge.extract.reading.regions import regions_of
from bridge.extract.result import Own
from bridge.extract.seen import ASKED, ASKED_OF_ANOTHER, Talk
from bridge.extract.whose.claims import by_question, by_words, machine
from bridge.extract.wishes import wishes_in
from bridge.model import Chat, Claim, Message, Page, PointKind, Role, Visitor


def chat(*texts: str, visitor: Visitor | None = None, page: str | None = None) -> Chat:
    """Lines of an operator begin with «> »."""
    messages = tuple(
        Message(role=Role.OPERATOR if text.startswith("> ") else Role.VISITOR, text=text.removeprefix("> ")) for text in texts
    )
    return Chat(source="s", chat_id="1", messages=messages, visitor=visitor or Visitor(), page=Page(url=page))


def lines(*texts: str) -> list[transcript.Line]:
    return transcript.read_lines(chat(*texts), ("RU",), Budget())


def said(text: str) -> tuple[str, str] | None:
    """Claim and rule of the number N in the text."""
    low = lower(text)
    start = low.index("n#")
    verdict = by_words(low, start, start + 2, 0, len(low))
    return (verdict.claim.value, verdict.rule) if verdict else None


# -- words beside a contact --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("мой номер N#", ("own", "my")),
        ("номер мужа N#", ("other", "person")),
        ("я жена Сергея, N#", None),
        ("нужен водитель, N#", None),
        ("водитель Рамиль, N#", ("other", "person")),
        ("муж в отъезде, звоните мне N#", ("own", "invited")),
        ("мне звонили с N#", ("other", "called-me")),
        ("я звонил вам с N#", ("own", "called-from")),
        ("вы звонили мне на N#", ("own", "called-at")),
        ("звоню на N#", ("other", "dialled")),
        ("ваш менеджер просил мой номер: N#", ("own", "my")),
        ("ваш менеджер Игорь N# обещал", ("other", "your")),
        ("N# это ваш?", ("other", "your")),
        ("N# не отвечает", ("other", "dialled")),
        ("N# (жена)", ("other", "person")),
        ("my wife's cell is N#", ("other", "person")),
        ("my cell is N#", ("own", "my")),
        ("need a plumber, N#", None),
        ("N#, ask for Sam", None),
        ("N# and ask for Sam", ("other", "their")),
        ("email is N#", None),
        ("the voicemail says N#", ("other", "listed")),
        ("оплатила по номеру телефона N#", ("other", "sent-to")),
        ("оплатила заказ, перезвоните по номеру N#", ("own", "invited")),
        ("got a call from N#", ("other", "called-me")),
        ("«звоните, ваш курьер N# ждёт»", ("other", "quoted")),
        ("просто N# и всё", None),
        ("", None),
    ],
)
def test_the_words_beside_a_contact_say_whose_it_is(text: str, claim: tuple[str, str] | None) -> None:
    assert said(text or "N#") == claim


def test_what_stands_behind_a_break_is_said_of_the_next_contact() -> None:
    low = "n# , mine is m#"
    assert by_words(low, 0, 2, 0, low.index("m#")) is None


def test_a_question_makes_the_answer_the_visitor_s_or_another_s() -> None:
    assert by_question(Asked(phone=True), PointKind.PHONE) is ASKED
    assert by_question(Asked(phone=True), PointKind.EMAIL) is None
    assert by_question(Asked(email=True, recipient=True), PointKind.EMAIL) is ASKED_OF_ANOTHER


def test_machines_are_known_by_their_names() -> None:
    assert machine("no-reply@shop.ru")
    assert machine("NoReply@shop.ru")
    assert not machine("noralee@shop.ru")


# -- operators' lines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Оставьте ваш номер телефона", Asked(phone=True)),
        ("Куда прислать счёт?", Asked(email=True)),
        ("Номер заказа?", Asked(other="order")),
        ("Номер заказа или телефон?", Asked(phone=True)),
        ("Номер бонусной карты?", Asked(other="card")),
        ("Телефон водителя?", Asked(phone=True, recipient=True)),
        ("What's the best number to reach you?", Asked(phone=True)),
        ("Can I have your order number?", Asked(other="order")),
        ("Добрый день", NOTHING),
    ],
)
def test_a_line_is_known_by_what_it_asks(line: str, wanted: Asked) -> None:
    assert asked(lower(line)) == wanted


@pytest.mark.parametrize(
    ("line", "theirs"),
    [
        ("ваш номер 8 916 123 45 67?", True),
        ("8 916 123 45 67?", True),
        ("перезвоним вам на 8 916 123 45 67", True),
        ("курьер позвонит вам на 8 916 123 45 67, верно?", True),
        ("звоните нам по 8 495 123 45 67", False),
        ("наш телефон 8 495 123 45 67?", False),
        ("we have your email as a@b.ru, correct?", True),
        ("is 8 916 123 45 67 still good?", True),
    ],
)
def test_reading_back_is_told_from_giving_one_s_own(line: str, theirs: bool) -> None:
    end = line.rindex("7") + 1 if "7" in line else line.index(",")
    assert reads_back(line, end) is theirs


def test_yes_and_no() -> None:
    assert affirms("да, верно")
    assert affirms("yep")
    assert not affirms("да нет, не мой")
    assert not affirms("данные верны")
    assert denies("нет, это старый")
    assert not denies("нетто")
    assert asks_whose("это ваш номер?")
    assert not asks_whose("наш номер 8 800?")


def test_an_answer_with_another_number_does_not_affirm_the_first() -> None:
    read = lines("> Ваш номер 8 921 330-45-67?", "да, но лучше 8 921 330-45-68")
    company = ours.Ours(chat(), Own(), ("RU",))
    said_by_staff: set[str] = set()
    assert list(answers.read_back(read, 0, set(), said_by_staff, company)) == []
    assert said_by_staff == {"+79213304567"}


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        ("нет, 67 в конце", ["+79213304567"]),
        ("нет, не 76, а 67", ["+79213304567"]),
        ("нет, последняя 8", []),
        ("нет, у нас 2 квартиры", []),
        ("да, 67 в конце", []),
        ("нет, мой 8 921 330-45-67", []),
    ],
)
def test_what_was_read_back_wrong_is_put_right_by_the_answer(answer: str, values: list[str]) -> None:
    read = lines("> Ваш номер 8 921 330-45-76?", answer)
    assert [seen.find.value for seen in answers.read_back_wrong(read, 0, ("RU",), Budget())] == values


def test_a_question_stands_for_some_lines_of_the_visitor_only() -> None:
    read = lines("> Ваш телефон?", "сейчас", "минуту", "ищу", "вот", "8 916 123 45 67")
    assert transcript.question(read, 1) == Asked(phone=True)
    assert transcript.question(read, 5) is NOTHING


def test_what_a_line_announces_is_said_of_the_digits_in_the_next() -> None:
    assert not any(find.value for line in lines("номер заказа", "9161234562") for find in line.finds)
    assert any(find.value for line in lines("номер телефона", "9161234562") for find in line.finds)


# -- later lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ой, 67 в конце, не 76", "+79165554267"),
        ("не 76, а 67", "+79165554267"),
        ("ой, последние 67", "+79165554267"),
        ("sorry, ends with 67 not 76", "+79165554267"),
        ("67 вместо 76", "+79165554267"),
        ("*67", "+79165554267"),
        ("* 4267", "+79165554267"),
    ],
)
def test_a_slip_is_put_right_where_the_whole_can_be_told(line: str, value: str) -> None:
    fix = correction(line, "+79165554276", ("RU",), Budget())
    assert fix is not None
    assert fix.value == value


@pytest.mark.parametrize("line", ["ой, не 5 а 6", "*42", "*55", "*6", "ой, в начале 917"])
def test_a_slip_that_cannot_be_placed_is_told_as_such(line: str) -> None:
    fix = correction(line, "+79165554276", ("RU",), Budget())
    assert fix is not None
    assert fix.value is None


@pytest.mark.parametrize("line", ["мне 67 лет", "ой", "буду в 10, не в 9, и ещё вопрос", "не 99, а 98"])
def test_other_lines_correct_nothing(line: str) -> None:
    assert correction(line, "+79165554276", ("RU",), Budget()) is None


def test_a_second_number_replaces_the_first_only_if_that_is_said_and_they_are_alike() -> None:
    assert drops_earlier("ошибся, правильный", "+79165554276", "+79165554267")
    assert drops_earlier("tippfehler:", "+79165554276", "+79165554267")
    assert drops_earlier("perdón,", "+79165554276", "+79165554267")
    assert not drops_earlier("ещё один", "+79165554276", "+79165554267")
    assert not drops_earlier("ошибся", "+79165554276", "+74951112233")


def test_amending_needs_something_to_amend() -> None:
    talk = Talk()
    amends.put_right(lines("ой, 67 в конце"), 0, talk, ("RU",), Budget())
    amends.same_abroad(talk)
    amends.recipients([], talk)
    assert (talk.seen, talk.superseded) == ([], set())


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (("8916", "592", "48", "12"), "+79165924812"),
        (("8846413", "ой не дописал", "9966"), "+78464139966"),
        (("8921", "блин рано нажал", "8807164"), "+79218807164"),
        (("646 317", "sorry hit enter", "8842"), "+16463178842"),
        (("номер 8962330", "> слушаю", "11 08"), "+79623301108"),
        (("восемь", "девятьсот двадцать один", "сто двадцать двенадцать пятнадцать"), "+79211201215"),
        (("ivan.petrov@", "mail.ru"), "ivan.petrov@mail.ru"),
        (("почта info@example", ".com"), "info@example.com"),
        (("galina.tk", "@mail.ru"), "galina.tk@mail.ru"),
        (("roman.k@gmail", "com"), "roman.k@gmail.com"),
    ],
)
def test_what_was_cut_is_put_together(texts: tuple[str, ...], value: str) -> None:
    assert [whole.find.value for whole in joined.joined(lines(*texts), ("RU", "US"), Budget())] == [value]


@pytest.mark.parametrize(
    "texts",
    [
        ("квартира 89", "код домофона 1612345"),
        ("8 900", "1250000 рублей"),
        ("> Номер договора?", "8916", "1234567"),
        ("8916", "> раз", "> два", "1234567"),
        ("8916 123 45 67", "8916"),
        ("рост 170", "вес 65"),
        ("roman.k@gmail", "ок"),
    ],
)
def test_what_does_not_belong_together_is_left_apart(texts: tuple[str, ...]) -> None:
    assert list(joined.joined(lines(*texts), ("RU",), Budget())) == []


# -- wishes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "не звоните, пишите", "Прошу не звонить", "звонить не надо", "без звонков пожалуйста", "только переписка",
        "не перезванивайте мне",
        "не телефонуйте, будь ласка", "не треба дзвонити", "please don't call", "do not call me", "no calls please",
        "text only", "email only: a@b.co",
        "I'd rather not be called", "звонки не принимаю", "можно не звонить, а написать?",
    ],
)  # fmt: skip
def test_a_wish_not_to_be_called_is_heard(text: str) -> None:
    assert wishes_in(lines(text)).no_calls is not None


@pytest.mark.parametrize(
    "text",
    [
        "почему вы не звоните?", "до сих пор не звонят", "не звоните до 10", "не звоните на этот номер",
        "звоните в любое время", "why don't you call me",
        "nobody called", "don't call before 9am", "если не звоните, то напишите", "телефон не работает",
        "вы так и не позвонили", "I didn't get a call",
        "recall", "звоните", "не звоните мужу",
    ],
)  # fmt: skip
def test_complaints_limits_and_other_words_are_no_wish(text: str) -> None:
    assert wishes_in(lines(text)).no_calls is None


def test_the_last_word_counts_and_an_operator_s_does_not() -> None:
    assert wishes_in(lines("не звоните мне", "ладно, звоните")).no_calls is None
    assert wishes_in(lines("> не звоните нам по выходным")).no_calls is None


# -- around ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("configured", "said_in", "first"),
    [
        ("ru", chat("hello"), "RU"),
        ("XX", chat("hello", visitor=Visitor(country="DE")), "DE"),
        (None, chat("hi", visitor=Visitor(language="pt-BR")), "BR"),
        (None, chat("hi", visitor=Visitor(language="uk")), "UA"),
        (None, chat("hi", visitor=Visitor(language="en-US"), page="https://shop.co.uk/x"), "GB"),
        (None, chat("привіт, є в наявності?"), "UA"),
        (None, chat("сәлем"), "KZ"),
        (None, chat("привет", page="https://shop.example.by"), "BY"),
        (None, chat("привет", page="https://shop.io"), "RU"),
        (None, chat("hello", page="::bad::[url"), None),
    ],
)
def test_the_region_is_taken_from_the_first_hint_that_names_one(configured: str | None, said_in: Chat, first: str | None) -> None:
    regions, _ = regions_of(said_in, configured)
    assert (regions[0] if regions else None) == first


def test_fields_tell_what_they_hold_and_what_they_do_not() -> None:
    given = chat(visitor=Visitor(phones=("8 916 123 45 67", "нет"), emails=("a@b.ru", "нет")))
    seen = list(fields.from_fields(given, ("RU",), ours.Ours(given, Own(), ("RU",)), Budget()))
    assert [(one.find.value, one.field, one.verdict is None) for one in seen] == [
        ("+79161234567", "visitor.phone", False), (None, "visitor.phone", True), ("a@b.ru", "visitor.email", False), (None,
        "visitor.email", True),
    ]  # fmt: skip


def test_the_site_s_own_addresses_are_known_and_a_public_provider_s_are_not() -> None:
    company = ours.Ours(chat(page="https://www.moydom.ru/x"), Own(), ())
    assert company.site(PointKind.EMAIL, "info@moydom.ru")
    assert not company.site(PointKind.EMAIL, "info@mail.ru")
    assert not company.site(PointKind.PHONE, "+79161234567")
    assert not ours.Ours(chat(page="https://mail.ru"), Own(), ()).site(PointKind.EMAIL, "info@mail.ru")
    assert not ours.Ours(chat(page="http://[bad"), Own(), ()).site(PointKind.EMAIL, "info@moydom.ru")


def test_following_a_chat_sums_up_to_points_and_a_trace() -> None:
    said_in = chat("8 916 123 45 67", "заказ 9161234568")
    read = transcript.read_lines(said_in, ("RU",), Budget())
    talk = conversation.follow(read, [], ("RU",), ours.Ours(said_in, Own(), ("RU",)), Budget())
    assert [(point.value, point.claim) for point in best_first(talk)] == [("+79161234567", Claim.UNCLEAR)]
    assert [candidate.rule for candidate in traced(talk)] == ["no-word", "order"]


def test_forms_are_folded_and_lead_back_to_what_was_written() -> None:
    written = "Й１２\u200b3 — ё"
    text = normal(written)
    assert text.text == "Й123 - ё"
    assert text.low == "й123 - е"
    assert [written[slice(*text.written(place, place + 1))] for place in (0, 1, 2, 3)] == ["Й", "１", "２\u200b", "3"]


def test_a_long_text_keeps_its_ends() -> None:
    written = "a" * 10 + "x" * LONGEST * 2 + "b" * 10
    text = normal(written)
    assert len(text.text) == LONGEST
    assert text.text.startswith("a" * 10)
    assert text.text.endswith("b" * 10)
    assert text.written(LONGEST - 10, LONGEST) == (len(written) - 10, len(written))
    assert TAIL < LONGEST


def test_expressions_are_put_together() -> None:
    assert any_of("a", "b c") == "(?:a|b c)"
    assert words("a b", "c") == "(?:a|b|c)"
    assert listed("a b", "c") == {"a", "b", "c"}
