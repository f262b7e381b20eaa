"""Contact data that is nobody's: numbers kept free for fiction where a country has such, names and addresses made up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import phonenumbers

#: region → beginnings of national numbers that its regulator keeps for fiction; the rest is counted up. Ranges that number
#: checkers (ours among them) take for invalid would not do: what is made here has to be found like any other
RESERVED: Mapping[str, Sequence[str]] = {
    "AU": ("491570", "491571"),
    "CA": ("60455501",),
    "DE": ("171392000",),
    "SE": ("701740",),
    "US": ("20255501", "31255501"),
}
#: where nobody keeps any: numbers of an unlikely look in a mobile range
UNLIKELY: Mapping[str, Sequence[str]] = {
    "BY": ("2950000", "2900000"),
    "KZ": ("7000000",),
    "RU": ("9000000", "9000001"),
    "UA": ("5000000",),
}
#: second-level names that are kept for examples
MAIL_DOMAINS = ("example.com", "example.org", "example.net")
_LAST_DIGITS_VARIED = 4


def phones(region: str | None, like: str | None = None) -> Iterator[str]:
    """Valid numbers (E.164) of that country that are nobody's, as far as such can be had, always in the same order.

    `like`: a national number of the length that is wanted. Where a country keeps none free, its last digits are varied.
    """
    shown = region if region in phonenumbers.SUPPORTED_REGIONS else "RU"
    code = phonenumbers.country_code_for_region(shown)
    usual = _example(shown)
    length = len(like or usual)
    last = (like or usual)[: max(3, length - _LAST_DIGITS_VARIED)]
    for beginning in (*RESERVED.get(shown, ()), *UNLIKELY.get(shown, ()), last):
        free = length - len(beginning)
        for number in range(1, 10**free) if free > 0 else ():
            national = f"{beginning}{number:0{free}d}"
            text = f"+{code}{national}"
            if national != like and _is_valid(text):
                yield text


def emails(like: str | None = None) -> Iterator[str]:
    """Addresses under names kept for examples."""
    local = "visitor" if like is None or like.isascii() else "посетитель"
    number = 0
    while True:
        number += 1
        yield f"{local}{number}@{MAIL_DOMAINS[number % len(MAIL_DOMAINS)]}"


def _is_valid(text: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def _example(region: str) -> str:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    return phonenumbers.national_significant_number(example) if example is not None else "9000000000"
