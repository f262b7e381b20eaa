"""Digits → a number of some numbering plan, or nothing. The only module that asks the numbering plans."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

from bridge.phone_digits import keep

#: Where people write a national number without the prefix that its plan asks for, as a matter of course.
PREFIX_LEFT_OFF = frozenset({"RU", "KZ", "BR", "MX", "TR", "IN", "US", "CA", "PR", "DO", "GE", "AM", "UZ", "KG", "AZ"})
#: Whose plan is tried next when a national number does not fit its own: people write to the neighbour's shop.
NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "RU": ("BY", "UA", "KZ"),
    "BY": ("RU", "UA"),
    "UA": ("RU",),
    "KZ": ("RU",),
    "DE": ("AT",),
    "AT": ("DE",),
    "PT": ("ES", "BR"),
    "ES": ("PT",),
    "BR": ("PT",),
    "GB": ("IE",),
    "IE": ("GB",),
}
#: Country codes that visitors of these regions write without a plus, with the lengths of the whole.
_UNDERSTOOD_WITHOUT_PLUS: dict[str, int] = {
    "380": 12, "375": 12, "998": 12, "996": 12, "992": 12, "993": 11, "994": 12, "995": 12, "374": 11, "373": 11, "7": 11,
}  # fmt: skip
SHORT_PLAN = 8
_PERSONAL = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.PERSONAL_NUMBER)
_NO_TYPE = PhoneNumberType.UNKNOWN
_FREE = (PhoneNumberType.TOLL_FREE, PhoneNumberType.SHARED_COST, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.UAN)


#: Rows of digits that are typed to fill a place.
_RUNS = ("01234567890", "12345678901", "12345678910", "98765432109")


class Announced(StrEnum):
    """How the digits themselves say that they are a phone."""

    #: + or an international prefix
    INTERNATIONAL = "international"
    #: the country's code without a plus
    CODE = "code"
    #: the national prefix: 8 916…, 0160…
    PREFIX = "prefix"
    NOTHING = "bare"


@dataclass(frozen=True, slots=True)
class Reading:
    """A valid number."""

    e164: str
    announced: Announced
    #: the region with which a national number was read, None for an international one
    region: str | None
    #: national significant digits
    national: str
    mobile: bool
    #: toll-free, shared cost and the like: never a person's own
    service: bool
    #: the plan asks for a prefix that was not written
    prefix_missing: bool = False


@lru_cache(maxsize=4096)
def read(digits: str, *, plus: bool, regions: tuple[str, ...]) -> Reading | None:
    """The number that these digits are in the first region that has it; None if they are none anywhere.

    Remembered, because the shop's and its operators' own numbers stand in every chat.
    """
    if not digits:
        return None
    if plus:
        return _international(digits, regions)
    for place, region in enumerate(regions):
        # Only the first region is asked without hesitation; another one's number has to look like a whole one.
        if place and _looks_local(digits, region):
            continue
        reading = _national(digits, region)
        if reading and (place == 0 or reading.announced is not Announced.NOTHING or not reading.prefix_missing):
            return reading
    return _without_plus(digits)


def _looks_local(digits: str, region: str) -> bool:
    """Whether the digits begin with nothing that makes a whole number of this region's, though its plan asks for that."""
    _, code, prefix = _plan(region)
    if not prefix or region in PREFIX_LEFT_OFF:
        return False
    return not digits.startswith((prefix, code, "0", "8", "1"))


def _international(digits: str, regions: tuple[str, ...]) -> Reading | None:
    first = regions[0] if regions else None
    if first in {"RU", "KZ"} and digits[0] == "8" and len(digits) == 11:  # noqa: PLR2004 - 8 + ten digits
        # "+8 916 …" is the national prefix behind a plus that the form or the habit put there.
        reading = _national(digits, "RU")
        if reading:
            return reading
    number, kind = _parse("+" + digits, None)
    if number is not None:
        return _reading(number, kind, Announced.INTERNATIONAL, None)
    if regions and len(digits) == 10:  # noqa: PLR2004 - "+916 123 45 67": the code was forgotten behind the plus
        return _national(digits, regions[0])
    return None


@lru_cache(maxsize=256)
def _plan(region: str) -> tuple[frozenset[int], str, str | None]:
    """Lengths of national numbers, country code, national prefix."""
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        return frozenset(), "", None
    lengths = frozenset(metadata.general_desc.possible_length if metadata.general_desc else ())
    return lengths, str(metadata.country_code), metadata.national_prefix


def known(region: str) -> bool:
    """Whether there is a numbering plan for this two-letter code."""
    return bool(_plan(region)[1])


def _national(digits: str, region: str) -> Reading | None:
    lengths, code, prefix = _plan(region)
    if not code:
        return None
    size = len(digits)
    if region == "UA" and size == 11 and digits.startswith("80"):  # noqa: PLR2004 - the trunk prefix of old, still in heads
        digits, size = digits[1:], 10
    idd = digits.startswith(("00", "810", "011"))
    fits = (
        size in lengths
        or (prefix and digits.startswith(prefix) and size - len(prefix) in lengths)
        or (digits.startswith(code) and size - len(code) in lengths)
        or (region == "BY" and digits.startswith("80") and size == 11)  # noqa: PLR2004 - 8 0 + nine digits
    )
    if not fits and not (idd and size >= 11):  # noqa: PLR2004 - 00 + the shortest whole number
        return None
    number, kind = _parse(digits, region)
    if number is None:
        return None
    national = phonenumbers.national_significant_number(number)
    if str(number.country_code) != code:
        return _reading(number, kind, Announced.INTERNATIONAL, None)
    if digits == national:
        announced = Announced.NOTHING
    elif digits == code + national:
        announced = Announced.CODE
    elif idd and digits.endswith(code + national):
        announced = Announced.INTERNATIONAL
    else:
        announced = Announced.PREFIX
    return _reading(number, kind, announced, region, national, prefix)


def _without_plus(digits: str) -> Reading | None:
    # 00 is dialled in most countries: a visitor from there writes it, wherever the shop is
    if digits.startswith("00") and 12 <= len(digits) <= 17 and digits[2] != "0":  # noqa: PLR2004 - whole numbers with their code
        number, kind = _parse("+" + digits[2:], None)
        return _reading(number, kind, Announced.PREFIX, None) if number is not None and kind in _PERSONAL else None
    for code, size in _UNDERSTOOD_WITHOUT_PLUS.items():
        if len(digits) == size and digits.startswith(code):
            number, kind = _parse("+" + digits, None)
            reading = _reading(number, kind, Announced.CODE, None) if number is not None else None
            return reading if reading is not None and reading.mobile else None
    return None


def _parse(text: str, region: str | None) -> tuple[phonenumbers.PhoneNumber | None, int]:
    """The valid number and its type, which is asked once: a number that has no type is what the library calls not valid."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None, _NO_TYPE
    kind = phonenumbers.number_type(number)
    return (number if kind != _NO_TYPE else None), kind


def _reading(
    number: phonenumbers.PhoneNumber,
    kind: int,
    announced: Announced,
    region: str | None,
    national: str = "",
    prefix: str | None = None,
) -> Reading:
    national = national or phonenumbers.national_significant_number(number)
    missing = announced is Announced.NOTHING and bool(prefix) and region not in PREFIX_LEFT_OFF
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    keep(e164, number)
    return Reading(
        e164=e164,
        announced=announced,
        region=region,
        national=national,
        mobile=kind in _PERSONAL,
        service=kind in _FREE,
        prefix_missing=missing,
    )


def filler(national: str) -> bool:
    """Whether the digits are what people and masks put where a number should be: 0000000000, 1234567890."""
    most = max(national.count(digit) for digit in set(national))
    return most >= len(national) - 1 or any(national in run for run in _RUNS)
