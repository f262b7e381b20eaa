"""Functions over phone numbers: the forms in which CRMs keep them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

from bridge.mapping.functions.table import FunctionProblem, function
from bridge.phone_digits import number_of

#: longer texts are no phone number
LONGEST = 60
#: numbers, and forms of them, that are kept ready: a job's searches ask for one number in the same forms again and again
_KEPT, _KEPT_FORMS = 64, 256


def _short(text: str) -> str:
    """The text, if it can be a number at all: what is remembered is small, whatever a chat or a card holds."""
    return text if len(text) <= LONGEST else ""


@lru_cache(maxsize=_KEPT)
def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    number = number_of(text, region.upper() if region else None)
    return number if number is not None and phonenumbers.is_possible_number(number) else None


@function("text")
def digits(text: str) -> str | None:
    """Only the digits 0-9 (of any script); null if there are none."""
    if text.isascii():
        return "".join(filter(str.isdecimal, text)) or None
    return "".join(str(int(character)) for character in text if character.isdecimal()) or None


@function("text", "text?")
def e164(text: str, region: str | None = None) -> str | None:
    """+79161234567; null for what is no number. Without a region only numbers that begin with + are understood."""
    return _written(_short(text), region, "e164")


@function("text", "text?")
def national(text: str, region: str | None = None) -> str | None:
    """The number without its country code: 9161234567."""
    return _written(_short(text), region, "national")


@function("text", "number")
def last_digits(text: str, count: float) -> str | None:
    """The last so many digits; null if there are fewer, because a search for less would find strangers."""
    found = digits(text)
    wanted = int(count)
    return found[-wanted:] if found and 0 < wanted <= len(found) else None


def _trunk(number: PhoneNumber) -> str | None:
    """As it is dialled in its own country: 89161234567."""
    prefix = phonenumbers.ndd_prefix_for_region(phonenumbers.region_code_for_number(number) or "", True)
    return f"{prefix}{phonenumbers.national_significant_number(number)}" if prefix else None


def _e164(number: PhoneNumber) -> str:
    written: str = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return written


def _formatted(form: int) -> Callable[[PhoneNumber], str | None]:
    return lambda number: phonenumbers.format_number(number, form)


FORMS: Mapping[str, Callable[[PhoneNumber], str | None]] = {
    "e164": _e164,  # +79161234567
    "digits": lambda number: _e164(number)[1:],  # 79161234567
    "national": phonenumbers.national_significant_number,  # 9161234567
    "trunk": _trunk,  # 89161234567
    "double_zero": lambda number: "00" + _e164(number)[1:],
    "international": _formatted(PhoneNumberFormat.INTERNATIONAL),  # +7 916 123-45-67
    "local": _formatted(PhoneNumberFormat.NATIONAL),  # 8 (916) 123-45-67
    "last10": lambda number: last_digits(_e164(number), 10),
    "last9": lambda number: last_digits(_e164(number), 9),
    "last7": lambda number: last_digits(_e164(number), 7),
}


@lru_cache(maxsize=_KEPT_FORMS)
def _written(text: str, region: str | None, form: str) -> str | None:
    """The number in one of FORMS; None for what is no number, or has no such form."""
    number = _parsed(text, region)
    return FORMS[form](number) if number is not None else None


@function("text", "list", "text?")
def variants(text: str, forms: list[object], region: str | None = None) -> list[str]:
    """The number in the forms asked for, each spelling once, in that order; empty for what is no number."""
    return [*_variants(_short(text), tuple(forms), region)]


@lru_cache(maxsize=_KEPT)
def _variants(text: str, forms: tuple[object, ...], region: str | None) -> tuple[str, ...]:
    unknown = [str(form) for form in forms if form not in FORMS]
    if unknown:
        raise FunctionProblem(f"there is no form {unknown[0]!r}; there are: {', '.join(FORMS)}")
    written = [_written(text, region, str(form)) for form in forms]
    return tuple(form for form in dict.fromkeys(written) if form)
