"""E-mail addresses and handles, in all the ways they are written."""

from __future__ import annotations

import pytest

from bridge.extract.reading.domains import likely_meant, one_slip, registered
from bridge.extract.reading.email_parts import read_domain, read_local
from bridge.extract.reading.emails import emails_in
from bridge.extract.reading.finds import Find
from bridge.extract.reading.handles import handles_in
from bridge.extract.reading.lookalikes import as_latin, as_latin_at_a_glance, as_typed_in_latin, mixed, slip_of_layout
from bridge.extract.reading.normal import normal


def taken(text: str) -> list[str]:
    return [find.value for find in emails_in(normal(text)) if find.value is not None]


def dropped(text: str) -> list[tuple[str, str]]:
    return [(text[find.start : find.end], find.rule) for find in emails_in(normal(text)) if find.value is None]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("lena@mail.ru.", "lena@mail.ru"),
        ("Lena.S@Mail.RU", "Lena.S@mail.ru"),
        ("<lena@mail.ru>", "lena@mail.ru"),
        ("_lena@mail.ru_", "lena@mail.ru"),
        ("email=lena@mail.ru&x=1", "lena@mail.ru"),
        ("lena@@mail.ru", "lena@mail.ru"),
        ("lena@uol..com.br", "lena@uol.com.br"),
        ("lena@mail.ru.Спасибо", "lena@mail.ru"),
        ("lena@mail.ruтел нет", "lena@mail.ru"),
        ("lena@mail.ru89161234567", "lena@mail.ru"),
        ("моямейлlena@mail.ru", "lena@mail.ru"),
        ("lena@gmail,com", "lena@gmail.com"),
        ("lena@gmail com", "lena@gmail.com"),
        ("lena@firma. example.de", "lena@firma.example.de"),
        ("lena @ firma . example . de", "lena@firma.example.de"),
        ("пишите lena@\nmail.ru", "lena@mail.ru"),
        ("l e n a @mail.ru", "lena@mail.ru"),
        ("lena .s@mail.ru", "lena.s@mail.ru"),
        ("вот ..lena@mail.ru", "lena@mail.ru"),
        ("lena(собака)mail.ru", "lena@mail.ru"),
        ("lena[at]mail[dot]ru", "lena@mail.ru"),
        ("lena AT mail DOT ru", "lena@mail.ru"),
        ("lena at gmail.com", "lena@gmail.com"),
        ("почта lena at firma.de", "lena@firma.de"),
        ("lena arroba firma punto es", "lena@firma.es"),
        ("lena*собачка*mail.ru", "lena@mail.ru"),
        ("lena_at_gmail.com", "lena@gmail.com"),
        ("lena -at- acme-widgets -dot- com", "lena@acme-widgets.com"),
        ("lena |at| gmail |dot| com", "lena@gmail.com"),
        ("mailto:lena%40mail.ru", "lena@mail.ru"),
        ("email=lena.s%40mail.ru&x=1", "lena.s@mail.ru"),
        ("lena dash s at mail dot ru", "lena-s@mail.ru"),
        ("lena собака яндекс точка ру", "lena@yandex.ru"),
        ("lеna@mаil.ru", "lena@mail.ru"),
        ("lena@мail.ru", "lena@mail.ru"),
        ("lena@ьфшд.кг", "lena@mail.ru"),
        ("шмфт@mail.ru", "ivan@mail.ru"),
        ('шмфт"ьфшдюкг', "ivan@mail.ru"),
        ("заказ@компания.рф", "заказ@компания.рф"),
        ("иван@яндекс.рф", "иван@яндекс.рф"),
        ("info@xn--e1afmkfd.xn--p1ai", "info@пример.рф"),
        ("info@xn--80ak6aa92e.com", "info@xn--80ak6aa92e.com"),
        ("lena+shop@mail.ru", "lena+shop@mail.ru"),
        ("user@museum.travel", "user@museum.travel"),
        ("lena@mail.ri", "lena@mail.ri"),
    ],
)
def test_an_address_is_read_however_it_is_written(text: str, address: str) -> None:
    assert taken(text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "ssh root@server1.example.com", "git@github.com:org/repo.git", "postgres://app:pw@db.example.com:5432/x",
        "actions/checkout@v4.1.2",
        "npm i lodash@4.17.21", "logo@2x.png", "user@host.local", "foo @ bar . baz", "look at amazon.com",
        "look_at_me.com", "arrive_early_at_ten.com", "https://medium.com/%40lena/post",
        "I work at ibm.com", "insta @kate.me",
        "мой пароль Qwerty@123.com", "пароль не подходит: Qwerty@8916.com", "ivan@home$ ls", "у нас собака и кошка, точка.",
        "meet me at the cafe dot on time",
        "1920x1080@60", "@media (min-width: 1px)", "ivan@gmail", "на деревню@дедушке", "собака.ру",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    assert taken(text) == []


def test_what_was_dropped_is_told_with_its_reason() -> None:
    assert dropped("ivan@gmail") == [("ivan@gmail", "incomplete")]
    assert dropped("оксана@mail.ru") == [("оксана@mail.ru", "local-part-in-cyrillic")]
    assert dropped("ssh a@b.example.com") == [("a@b.example.com", "code-or-password")]


def test_two_addresses_in_a_text_are_both_found() -> None:
    assert taken("a1@mail.ru/b2@mail.ru; c3@ya.ru") == ["a1@mail.ru", "b2@mail.ru", "c3@ya.ru"]


def test_only_so_many_are_looked_at() -> None:
    assert len(taken("a@b.ru " * 500)) == 60


def test_the_sides_of_an_at_are_read_alone() -> None:
    local = read_local("пишите lena@", 11, 0, spoken=False)
    domain = read_domain("mail.ru, спасибо", 0, free=False)
    assert local is not None
    assert domain is not None
    assert (local.value, local.start, local.personal()) == ("lena", 7, False)
    assert (domain.value, domain.end) == ("mail.ru", 7)
    assert read_domain("", 0, free=False) is None
    assert read_local("@", 0, 0, spoken=True) is None


@pytest.mark.parametrize(
    ("domain", "meant"),
    [("gmial.com", "gmail.com"), ("yandx.ru", "yandex.ru"), ("hotmial.com", "hotmail.com"), ("mail.ri", "mail.ru"),
    ("yahooo.com", "yahoo.com"),
     ("rambller.ru", "rambler.ru"), ("gmail.con", "gmail.com"), ("mail.com", None), ("email.com", None), ("ymail.com", None),
     ("gmail.com", None),
     ("firma.ru", None), ("yandex.kz", None)],
)  # fmt: skip
def test_slips_of_well_known_domains_are_told_from_real_ones(domain: str, meant: str | None) -> None:
    assert likely_meant(domain) == meant


@pytest.mark.parametrize(
    ("written", "is_one"),
    [("gmal", True), ("gmaail", True), ("gmajl", True), ("gamil", True), ("gmail", False), ("gmaiil2", False), ("mgial", False)],
)
def test_one_slip_is_one_letter_or_one_swap(written: str, is_one: bool) -> None:
    assert one_slip(written, "gmail") is is_one


def test_domains_are_cut_to_what_was_registered() -> None:
    assert registered("mail.shop.co.uk") == "shop.co.uk"
    assert registered("www.shop.ru") == "shop.ru"


def test_letters_of_the_other_alphabet() -> None:
    assert as_latin("mаil") == "mail"
    assert as_latin("почта") is None
    assert as_latin_at_a_glance("мail") == "mail"
    assert as_typed_in_latin("шмфт") == "ivan"
    assert slip_of_layout("шмфт")
    assert not slip_of_layout("оксана")
    assert not slip_of_layout("ivan")
    assert mixed("mаil")
    assert not mixed("mail")


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("telegram: @olga85, insta @kate.s", ["@olga85", "@kate.s"]),
        ("t.me/ivan_petrov_89", ["@ivan_petrov_89"]),
        ("https://vk.com/lena.decor?x=1", ["@lena.decor"]),
        ("тг lena_decor", ["@lena_decor"]),
        ("https://vk.com/id123456789", []),
        ("t.me/joinchat/AAAA", []),
        ("@Override public void run()", []),
        ("@media (min-width: 1px)", []),
        ("ivan@mail.ru", []),
        ("actions/checkout@v4", []),
        ("телеграм работает", []),
    ],
)
def test_handles_are_found(text: str, handles: list[str]) -> None:
    finds: list[Find] = list(handles_in(text, text.lower()))
    assert [find.value for find in finds] == handles
