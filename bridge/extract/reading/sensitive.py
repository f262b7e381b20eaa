"""Bank cards, their codes and passports: they are masked in the transcript, and their digits are no phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.extract.reading.gates import gated
from bridge.extract.reading.patterns import has_any

#: Thirteen to nineteen digits in groups; which of them are a card the check digit says.
_LONG_DIGITS = re.compile(r"(?<![\d+])\d(?:[ -]{0,3}\d){12,18}(?![ -]?\d)")
#: A pasted table: of so many digits with no more than a sign between any two, only the last can be a number of nineteen.
_TABLE = re.compile(r"(?<!\d)(?<!\d[ -])\d(?:[ -]?\d){39,}")
_TABLE_ENDS = 40
_CARD_SHAPE = re.compile(r"(?<![\d+])\d{4}([ -]{1,3})\d{4}\1\d{4}\1\d{4}(?!\d)")
_CARD_WORD = re.compile(r"(?:карт|картк|card|visa|виза|визы|mastercard|мастеркард|amex|maestro|карточк|tarjeta|cartão|karte"
    r"|\bмир\b|сбер|тинькоф|монобанк|приват)")
_OTHER_WORD = re.compile(r"(?:imei|имей|имэй|трек|track|накладн|iccid|ean|штрих|заказ|order|счет"
    r"|договор)\W{0,3}(?:\w{1,12}\W{1,3})?$")
_PASSPORT = gated(
    r"(?:паспорт\w{0,5}|passport|сери[яию]\w?)[^\d\n]{0,30}?(\d{2} ?\d{2}(?:,? ?(?:номер|[№n#-]|no\.?) ?:?| )?\s?\d{6})(?!\d)",
)
_PASSPORT_BACK = gated(r"(?<!\d)(\d{2} ?\d{2} ?№? ?\d{6})(?!\d)[\s,:-]{0,4}(?:это |мой |- )?(?:паспорт|серия|выдан)")
_PASSPORT_OTHER = gated(r"(?:passport|паспорт\w{0,5}|reisepass\w{0,4}|закордонн\w{0,4}"
    r"|загран\w{0,10})[^\d\n]{0,20}?\b([a-zа-яіє]{0,2} ?(?:№ ?)?\d{6,9})(?!\d)")
_PASSPORT_WORD = re.compile(r"(?:паспорт\w{0,5}|passport|сери[яию]\w?)[^\d\n]{0,30}$")
_CODE = gated(r"\b(?:cvv2?|cvc2?|cvv/cvc|код с оборота|цвв)[^\d\n]{0,12}(\d{3,4})(?!\d)")
_BY_WORDS = (("card-code", _CODE), ("passport", _PASSPORT), ("passport", _PASSPORT_BACK), ("passport", _PASSPORT_OTHER))
#: Without one of these words, or so many digits in a row, there is nothing to hide.
_SAID = ("паспорт", "passport", "сери", "reisepass", "закордонн", "загран", "cv", "код с оборота", "цвв")
_TEN_DIGITS = re.compile(r"\d(?:[ -]{0,3}\d){9}")
_DIGIT = re.compile(r"\d")
#: A code has three digits, and words before it; a passport that nobody names has ten at least, a card thirteen.
_LEAST, _LEAST_ALONE, _LEAST_CARD = 3, 10, 13
_CARD_STARTS = "23456"
_PLAIN_CARD = 16


def spans(text: str, low: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, "card" | "passport" | "card-code") of what must not be seen in a transcript."""
    digits = len(_DIGIT.findall(low))
    if digits < _LEAST:
        return
    said = has_any(low, _SAID)
    if not said and (digits < _LEAST_ALONE or not _TEN_DIGITS.search(low)):
        return
    if digits >= _LEAST_CARD:
        yield from _cards(text, low)
    for what, pattern in _BY_WORDS:
        for match in pattern.finditer(low):
            yield match.start(1), match.end(1), what


def _cards(text: str, low: str) -> Iterator[tuple[int, int, str]]:
    for match in _LONG_DIGITS.finditer(_TABLE.sub(_ends_of_table, text)):
        if _is_card(match.group(), low, match.start()):
            yield match.start(), match.end(), "card"
    for match in _CARD_SHAPE.finditer(text):
        if not _is_card(match.group(), low, match.start()) and _CARD_WORD.search(low, max(0, match.start() - 40), match.start()):
            yield match.start(), match.end(), "card"  # a slip in one digit does not make it public


def _ends_of_table(table: re.Match[str]) -> str:
    """As long as it was: in vain at each of its digits, a search would take a second for a body full of them."""
    return "x" * (len(table[0]) - _TABLE_ENDS) + table[0][-_TABLE_ENDS:]


def card_in_pieces(digits: str) -> bool:
    """Whether digits that were written in several messages are a card's: no word helps, so all of its form has to be right."""
    whole = len(digits) == _PLAIN_CARD or (len(digits) == 15 and digits[:2] in {"34", "37"})  # noqa: PLR2004 - American Express
    return whole and digits[0] in _CARD_STARTS and len(set(digits)) > 1 and luhn(digits)


def passport_announced(before: str, digits: str) -> bool:
    """Whether ten digits in two messages are a passport's series and number, by the words before them."""
    return len(digits) == _LEAST_ALONE and bool(_PASSPORT_WORD.search(before))


def _is_card(written: str, low: str, start: int) -> bool:
    digits = re.sub(r"[ -]+", "", written)
    if digits[0] not in _CARD_STARTS or len(set(digits)) == 1 or not luhn(digits):
        return False
    before = low[max(0, start - 40) : start]
    if _OTHER_WORD.search(before):
        return False
    if len(digits) == _PLAIN_CARD or (len(digits) == 15 and digits[:2] in {"34", "37"}):  # noqa: PLR2004 - American Express
        return True
    return bool(_CARD_WORD.search(before))


def luhn(digits: str) -> bool:
    """The check digit of bank cards."""
    total = 0
    for place, sign in enumerate(reversed(digits)):
        value = int(sign) * (1 + place % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of two digits
    return total % 10 == 0
