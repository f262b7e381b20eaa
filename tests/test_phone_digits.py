from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import phone_digits
from bridge.extract.reading.plans import read
from bridge.phone_digits import keep, number_of, same_email, same_phone


@pytest.mark.parametrize(
    ("e164", "written"),
    [
        ("+79161234567", "8 (916) 123-45-67"),
        ("+79161234567", "916 123 45 67"),
        ("+79161234567", "+7 916 123-45-67 доб. 12"),
        ("+79161234567", "7(916)1234567;ext=5"),
        ("+79161234567", "810 7 916 123 45 67"),
        ("+4917012345678", "+49 (0)170 12345678"),
        ("+4917012345678", "0170 12345678"),
        ("+12125550123", "(212) 555-0123"),
        ("+12125550123", "1-212-555-0123 x5"),
        ("+5531970692039", "+55 31 7069-2039"),
        ("+553170692039", "31 97069 2039"),
        ("+523349561152", "+52 1 33 4956 1152"),
        ("+380687161754", "068 716 17 54"),
    ],
)
def test_one_number_in_many_spellings(e164: str, written: str) -> None:
    assert same_phone(e164, written)


@pytest.mark.parametrize(
    ("e164", "written"),
    [
        ("+79161234567", "+7 916 123-45-68"),
        ("+79161234567", "+380 916 123 45 67"),
        ("+79161234567", "1234567"),
        ("+79161234567", ""),
        ("+79161234567", "нет телефона"),
        ("+79161234567", "89161234567 1"),
    ],
)
def test_other_numbers(e164: str, written: str) -> None:
    assert not same_phone(e164, written)


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_raises(one: str, other: str) -> None:
    same_phone(one, other)
    same_email(one, other)


def test_case_and_blanks_do_not_tell_mailboxes_apart() -> None:
    assert same_email("Anna@Mail.ru ", "anna@mail.RU")
    assert not same_email("anna@mail.ru", "anna@mail.com")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, phonenumbers.PhoneNumber]:
    empty: dict[str, phonenumbers.PhoneNumber] = {}
    monkeypatch.setattr(phone_digits, "_kept", empty)
    return empty


def test_a_number_that_was_read_out_of_a_text_is_what_its_e164_says_in_every_region(
    kept: dict[str, phonenumbers.PhoneNumber],
) -> None:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            if example := phonenumbers.example_number_for_type(region, kind):
                national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
                read.__wrapped__("".join(filter(str.isdecimal, national)), plus=False, regions=(region,))
        for e164, number in kept.items():
            assert phonenumbers.parse(e164) == number
        assert kept, region
        kept.clear()


def test_what_is_no_number_is_none_and_not_kept(kept: dict[str, phonenumbers.PhoneNumber]) -> None:
    assert number_of("+") is None
    assert number_of("+0") is None
    assert kept == {}


def test_only_so_many_are_kept(kept: dict[str, phonenumbers.PhoneNumber], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_digits, "_MOST_KEPT", 3)
    number = number_of("+79161234567")
    assert number_of("+79161234567") is number
    assert number is not None
    for last in range(5):
        keep(f"+7916123450{last}", number)
        assert len(kept) <= 3
