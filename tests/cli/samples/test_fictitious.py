from __future__ import annotations

from itertools import islice

import phonenumbers
import pytest

from bridge.cli.samples.fictitious import RESERVED, UNLIKELY, emails, phones


@pytest.mark.parametrize("region", [*RESERVED, *UNLIKELY, "GB", "FR", "PL", "BR", "IN", "JP"])
def test_numbers_are_valid_of_that_country_and_never_twice(region: str) -> None:
    made = list(islice(phones(region), 30))
    assert len(set(made)) == 30
    for text in made:
        number = phonenumbers.parse(text)
        assert phonenumbers.is_valid_number(number), text
        assert number.country_code == phonenumbers.country_code_for_region(region)


@pytest.mark.parametrize("region", sorted(RESERVED))
def test_a_country_with_a_range_for_fiction_gives_numbers_of_it(region: str) -> None:
    number = phonenumbers.parse(next(phones(region)))
    assert phonenumbers.national_significant_number(number).startswith(RESERVED[region])


def test_elsewhere_only_the_last_digits_differ() -> None:
    assert next(phones("PL", "512345678")).startswith("+4851234")


def test_an_unknown_country_gives_numbers_all_the_same() -> None:
    assert next(phones("XX")).startswith("+7")
    assert next(phones(None)).startswith("+7")


def test_addresses_are_under_names_kept_for_examples() -> None:
    assert list(islice(emails(), 3)) == ["visitor1@example.org", "visitor2@example.net", "visitor3@example.com"]
