"""Everything in one text that looks like a contact: links, addresses, handles, numbers, numbers in words.

The text: `normal` folds it, and knows the way back · `lookalikes` letters of one alphabet for those of another · `gates` which
letters must stand in a text before an expression can match · `patterns` expressions out of lines that can be read · `finds`
what readers hand over.

Addresses: `emails`, by their two sides (`email_parts`) and what is known of `domains` · `handles` names in messengers ·
`links` numbers in links.

Numbers: `digits` how groups hang together · `spoken` numbers in words · `phones` those that are phones · `plans` what the
numbering plans make of digits · `regions` whose plans · `not_contacts` and `sensitive` what has a phone's digits and is none.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bridge.extract.reading.digits import letters_as_digits
from bridge.extract.reading.emails import emails_in
from bridge.extract.reading.finds import Budget, Find
from bridge.extract.reading.handles import handles_in
from bridge.extract.reading.links import phones_in_links
from bridge.extract.reading.normal import Normal, lower
from bridge.extract.reading.phones import Expecting, phones_in
from bridge.extract.reading.spoken import spoken

_DIGIT = re.compile(r"\d")
#: Signs that stand for digits; with them fewer real digits make a number.
_LEAST_DIGITS = 7
#: Seven digits with no more than a separator between any two.
_RUN = re.compile(r"(?:\d[\W_]{0,8}){6}\d")
_LETTER_DIGIT = re.compile(r"[OoОоlIЗз]")
_FEW_DIGITS = 4


def read_text(normal: Normal, regions: tuple[str, ...], budget: Budget, expecting: Expecting) -> list[Find]:
    """Candidates of one text in order of position, taken and dropped."""
    budget.begin_text()
    finds = list(emails_in(normal))
    count = len(_DIGIT.findall(normal.text))
    if count >= _FEW_DIGITS or "@" in normal.low or "t.me" in normal.low:
        finds += [find for find in phones_in_links(normal.low, regions, budget) if not _within(find, finds)]
    finds += [find for find in handles_in(normal.text, normal.low) if not _within(find, finds)]
    if _may_hold_number(normal.text, count):
        taken = [(find.start, find.end, find.rule) for find in finds]
        finds += phones_in(normal, regions, budget, expecting=expecting, taken=taken)
    finds += [find for find in _spoken(normal, regions, budget, expecting) if not _within(find, finds)]
    return sorted(finds, key=lambda find: find.start) if len(finds) > 1 else finds


def may_hold_phone(normal: Normal) -> bool:
    """Whether it matters what was asked before this text: only digits, or words for them, are read differently by that."""
    count = len(_DIGIT.findall(normal.text))
    return _may_hold_number(normal.text, count) or (count > 0 and bool(spoken(normal)))


def _may_hold_number(text: str, count: int) -> bool:
    """Whether so many digits stand close together that the costly look is worth it."""
    if count >= _LEAST_DIGITS and _RUN.search(text):
        return True
    return count >= _FEW_DIGITS and bool(_LETTER_DIGIT.search(text)) and bool(_RUN.search(letters_as_digits(text)))


def _spoken(normal: Normal, regions: tuple[str, ...], budget: Budget, expecting: Expecting) -> list[Find]:
    """Numbers in words, read like digits in their place."""
    found: list[Find] = []
    for said in spoken(normal):
        before = normal.text[max(0, said.start - 60) : said.start]
        after = normal.text[said.end : said.end + 40]
        text = f"{before}{said.digits}{after}"
        low = lower(text)
        start = len(before)
        for find in phones_in(Normal(text, low), regions, budget, expecting=expecting):
            if find.value is not None and find.start >= start - 1 and find.start < start + len(said.digits):
                tail = max(0, find.end - start - len(said.digits))
                found.append(replace(find, start=said.start, end=said.end + tail, rule="phone-words"))
                break
    return found


def _within(find: Find, others: list[Find]) -> bool:
    return any(other.start < find.end and find.start < other.end and other.value is not None for other in others)
