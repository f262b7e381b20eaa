"""Numbers in E.164: what the library makes of them, and when another way of writing one, as a card has it, is the same."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

_EXTENSION = re.compile(r"(?i)(?:доб|доп|ext|вн|x|#|;|,).*$", re.DOTALL)
#: what may stand before the national number: nothing, a trunk prefix
_TRUNK = ("", "0", "8", "1")
_ENOUGH_DIGITS = 7
#: numbers that are kept ready: each is asked for by its chat's plan, its searches and the check of what they find
_MOST_KEPT = 512
_kept: dict[str, phonenumbers.PhoneNumber] = {}


def keep(e164: str, number: phonenumbers.PhoneNumber) -> None:
    """Whoever has read a number out of a text spares the others to read it anew out of its E.164."""
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[e164] = number


def number_of(written: str, region: str | None = None) -> phonenumbers.PhoneNumber | None:
    """A number as the library reads it; None for what is none. A plus before it makes the region's plan no matter."""
    number = _kept.get(written)
    if number is None:
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            return None
        if written.startswith("+"):
            keep(written, number)
    return number


@lru_cache(maxsize=4096)
def _spellings(e164: str) -> frozenset[str]:
    """All digit strings that mean this number."""
    digits = e164.lstrip("+")
    number = number_of(e164)
    if number is None:
        return frozenset({digits})
    code = str(number.country_code)
    national = phonenumbers.national_significant_number(number)
    nationals = {national}
    if code == "55" and len(national) in {10, 11}:
        # Brazil put a 9 before mobile numbers in 2012-2016; cards still hold both forms
        nationals.add(national[:2] + national[3:] if len(national) == 11 else national[:2] + "9" + national[2:])  # noqa: PLR2004 - with the area code
    forms = set()
    for one in nationals:
        forms |= {prefix + one for prefix in _TRUNK}
        forms |= {prefix + code + one for prefix in ("", "00", "810", "011")}
        forms.add(code + "0" + one)  # +49 (0) 170 …
        if code == "52":
            forms |= {code + "1" + one, "00" + code + "1" + one}  # Mexico's mobile 1, dropped in 2019
    return frozenset(forms)


def same_phone(e164: str, written: str) -> bool:
    """True if `written`, as a card holds it, is the number `e164`; an extension on either side does not count."""
    digits = re.sub(r"\D", "", _EXTENSION.sub("", written))
    return len(digits) >= _ENOUGH_DIGITS and digits in _spellings(e164)


def same_email(one: str, other: str) -> bool:
    """Nobody runs two mailboxes that differ in case alone, though the standard would allow it."""
    return one.strip().casefold() == other.strip().casefold()
