from __future__ import annotations

import pytest

from bridge.cli.samples.spellings import laid_over, other_spellings, parsed, pieces

REAL, FAKE = "+79161234567", "+79000000001"


def test_what_is_no_number_is_none() -> None:
    assert parsed("звоните", "RU") is None
    assert parsed("8 916 123-45-67", None) is None
    assert parsed("8 916 123-45-67", "RU") is not None


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("8 (916) 123-45-67", "8 (900) 000-00-01"),
        ("+7.916.123.45.67", "+7.900.000.00.01"),
        ("916 1234567", "900 0000001"),
        # fewer digits than the fake has: nothing of it can be laid over them
        ("девять один шесть", FAKE),
        ("123-45-67", FAKE),
    ],
)
def test_the_fakes_digits_take_the_places_of_the_written_ones(written: str, left: str) -> None:
    assert laid_over(written, FAKE) == left


def test_a_number_is_found_however_it_is_written_and_no_other() -> None:
    text = "8-916-1234567, 7 (916) 123 45 67, 79161234567 / 79161234568 / 179161234567890"
    assert other_spellings(text, REAL, FAKE) == "8-900-0000001, 7 (900) 000 00 01, 79000000001 / 79161234568 / 179161234567890"
    assert other_spellings(text, "no number", FAKE) == text


def test_pieces_of_a_number_become_the_same_pieces_of_the_fake() -> None:
    assert pieces("8916", REAL, FAKE) == "8900"
    assert pieces("123 и 4567", REAL, FAKE) == "000 и 0001"
    assert pieces("67, 999", REAL, FAKE) == "67, 999"
    assert pieces("916", REAL, "+49171") == "916"
