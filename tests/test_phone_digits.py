from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.phone_digits import same_email, same_phone


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
