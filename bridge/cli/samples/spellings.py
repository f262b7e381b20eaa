"""A phone written in whatever way, and another's digits in the places of its own."""

from __future__ import annotations

import re

import phonenumbers

#: what people put between the digits of a phone, and a country code before them
_BETWEEN = r"[\s().·•\-\u2010-\u2015]{0,3}"
_CODE = rf"(?:\+?\d{{1,3}}{_BETWEEN})?"
#: runs of digits that may be a piece of a number that was cut over several messages
_SHORTEST_PIECE = 3
_PIECE = re.compile(r"\d{3,}")


def parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    """None for what is no number."""
    try:
        return phonenumbers.parse(text[:100], region)
    except phonenumbers.NumberParseException:
        return None


def laid_over(written: str, fake: str) -> str:
    """The fake's digits in the places of the written ones, from the end; a trunk prefix before them stays."""
    places = [place for place, sign in enumerate(written) if sign.isdecimal()]
    number = parsed(fake, None)
    national = phonenumbers.national_significant_number(number) if number is not None else fake.lstrip("+")
    if len(places) < len(national) or not national:
        return fake
    signs = list(written)
    for place, digit in zip(reversed(places), reversed(national), strict=False):
        signs[place] = digit
    return "".join(signs)


def other_spellings(text: str, real: str, fake: str) -> str:
    """The same number written in other ways: its national digits with anything a phone holds between them."""
    number = parsed(real, None)
    if number is None:
        return text
    national = phonenumbers.national_significant_number(number)
    pattern = rf"(?<!\d){_CODE}{_BETWEEN.join(national)}(?!\d)"
    return re.sub(pattern, lambda found: laid_over(found[0], fake), text)


def pieces(text: str, real: str, fake: str) -> str:
    """Runs of digits that are a part of the number, for a number cut over several messages."""
    whole, replacement = real.lstrip("+"), fake.lstrip("+")
    if len(whole) != len(replacement):
        return text

    def piece(found: re.Match[str]) -> str:
        # a trunk prefix before it is not a part of the number
        for prefix, digits in (("", found[0]), (found[0][0], found[0][1:])):
            at = whole.find(digits)
            if at >= 0 and len(digits) >= _SHORTEST_PIECE:
                return prefix + replacement[at : at + len(digits)]
        return found[0]

    return _PIECE.sub(piece, text)
