"""Numbers said in words: «плюс семь девятьсот шестнадцать …», "four one five, 551 8512"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.extract.reading.normal import Normal

_UNIT, _TEEN, _TEN, _HUNDRED, _SIGN, _TWICE = range(6)


#: kind, the first line's value, the step from line to line, and a line of words for each value
_LINES: tuple[tuple[int, int, int, tuple[str, ...]], ...] = (
    (_UNIT, 0, 1, (
        "ноль нуль ноля ноли", "один одна одно раз", "два две двойка", "три тройка", "четыре четире", "пять пят", "шесть шест",
        "семь сем", "восемь восем", "девять девят",
    )),
    (_TEEN, 10, 1, (
        "десять", "одиннадцать одинадцать", "двенадцать двенадцат", "тринадцать тринадцат", "четырнадцать четырнадцат",
        "пятнадцать пятнадцат", "шестнадцать шеснадцать", "семнадцать семнадцат", "восемнадцать", "девятнадцать",
    )),
    (_TEN, 20, 10, (
        "двадцать двадцат", "тридцать тридцат", "сорок", "пятьдесят пядесят пятдесят пятьдесять", "шестьдесят шесдесят шестдесят",
        "семьдесят семдесят", "восемьдесят восемдесят", "девяносто девяноста",
    )),
    (_HUNDRED, 100, 100, (
        "сто", "двести", "триста", "четыреста", "пятьсот пятсот", "шестьсот шестсот шесот", "семьсот семсот",
        "восемьсот восемсот", "девятьсот девятсот",
    )),
    (_UNIT, 0, 1, ("нуль", "одна", "дві", "", "чотири", "п'ять", "шість", "сім", "вісім", "дев'ять")),
    (_TEEN, 10, 1, (
        "", "одинадцять", "дванадцять", "тринадцять", "чотирнадцять", "п'ятнадцять", "шістнадцять", "сімнадцять",
        "вісімнадцять", "дев'ятнадцять",
    )),
    (_TEN, 20, 10, ("двадцять", "тридцять", "сорок", "п'ятдесят", "шістдесят", "сімдесят", "вісімдесят", "дев'яносто")),
    (_HUNDRED, 100, 100, ("сто", "двісті", "триста", "чотириста", "п'ятсот", "шістсот", "сімсот", "вісімсот", "дев'ятсот")),
    (_UNIT, 0, 1, ("zero oh nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")),
    (_TEEN, 10, 1, (
        "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    )),
    (_TEN, 20, 10, ("twenty", "thirty", "forty fourty", "fifty", "sixty", "seventy", "eighty", "ninety")),
    (_UNIT, 0, 1, ("null", "eins", "zwei zwo", "drei", "vier", "fünf fuenf", "sechs", "sieben", "acht", "neun")),
    (_UNIT, 0, 1, ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")),
    (_UNIT, 0, 1, ("", "um uma", "dois duas", "três", "quatro", "", "meia", "sete", "oito", "nove")),
    (_UNIT, 0, 1, ("нөл", "бір", "екі", "үш", "төрт", "бес", "алты", "жеті", "сегіз", "тоғыз")),
    (_UNIT, 0, 1, ("zéro", "un", "deux", "trois", "", "cinq", "", "sept", "huit", "neuf")),
)  # fmt: skip
#: words that are no value of their own
_OTHERS = {
    ("+", _SIGN): "плюс plus mais más",
    ("2", _TWICE): "дважды двойной двойная double",
    ("3", _TWICE): "трижды triple",
}


def _table() -> dict[str, tuple[str, int]]:
    words = {
        word: (str(first + place * step), kind)
        for kind, first, step, lines in _LINES for place, line in enumerate(lines) for word in line.split()
    }  # fmt: skip
    return words | {word: meant for meant, line in _OTHERS.items() for word in line.split()}


_WORDS = _table()
_KEYS = frozenset(_WORDS)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+")
_LETTERS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_DIGIT = re.compile(r"\d")
_PARTING = ',.()/;:+-!?"«»_…[]{}<>=*&'
#: What may stand between two words of one number.
_BETWEEN = re.compile(r"[ \n,.()/;:+-]{0,4}(?:(?:и|and|und|y|потом|затем|далее|дальше|then|тире|дефис|dash|code|код) )?")
_LEAST_WORDS = 2
_LEAST_DIGITS = 7
_HUNDRED_WORD = frozenset({"hundred"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A number as digits, and where its words stand in the text's normal form."""

    digits: str
    start: int
    end: int


def spoken(normal: Normal) -> list[Spoken]:
    """Runs of number words (digits may stand among them) that are long enough for a phone, written as digits."""
    low = normal.low
    if not _may_be_said(low):
        return []
    runs: list[Spoken] = []
    run: list[re.Match[str]] = []
    for match in _WORD.finditer(low):
        word = match.group()
        if not (word.isdigit() or word in _WORDS or (word in _HUNDRED_WORD and run)):
            continue
        if run and not _BETWEEN.fullmatch(low, run[-1].end(), match.start()):
            _close(run, low, runs)
            run = []
        run.append(match)
    _close(run, low, runs)
    return runs


def _may_be_said(low: str) -> bool:
    """Whether a number word stands in the text. Most have no digits, and their words are told apart without an expression."""
    if _DIGIT.search(low):
        return not _KEYS.isdisjoint(_LETTERS.findall(low))
    for sign in _PARTING:
        if sign in low:
            low = low.replace(sign, " ")
    return not _KEYS.isdisjoint(low.split())


def all_spoken(low: str) -> str | None:
    """The line as digits, if it holds nothing but number words and digits; None otherwise."""
    first = _WORD.search(low)
    if first is None or not (first.group().isdigit() or first.group() in _WORDS):
        return None
    words = _WORD.findall(low)
    if _KEYS.isdisjoint(words) or not all(word.isdigit() or word in _WORDS or word in _HUNDRED_WORD for word in words):
        return None
    return _digits(words)


def _close(run: list[re.Match[str]], low: str, runs: list[Spoken]) -> None:
    words = sum(not match.group().isdigit() for match in run)
    if not run or (words < _LEAST_WORDS and len(run) - words == 0) or words == 0:
        return
    digits = _digits([match.group() for match in run])
    start = run[0].start()
    if run[0].group().isdigit() and low[max(0, start - 1) : start] == "+":
        digits, start = "+" + digits.lstrip("+"), start - 1
    if sum(sign.isdigit() for sign in digits) >= _LEAST_DIGITS:
        runs.append(Spoken(digits, start, run[-1].end()))


def _digits(words: list[str]) -> str:
    """The words as groups of digits: «девятьсот шестнадцать» → 916, «сорок пять» → 45, "double five" → 55."""
    groups: list[str] = []
    last = _SIGN
    twice = 0
    for word in words:
        if word in _HUNDRED_WORD:
            if groups and last == _UNIT:
                groups[-1] += "00"
                last = _HUNDRED
            continue
        if word.isdigit():
            groups.append(word)
            last = _SIGN
            continue
        value, kind = _WORDS[word]
        if kind == _TWICE:
            twice = int(value)
            continue
        if twice and kind == _UNIT:
            groups.append(value * twice)
            kind = _SIGN
        elif groups and _adds(last, kind, value):
            groups[-1] = str(int(groups[-1]) + int(value))
        else:
            groups.append(value)
        twice = 0
        last = kind
    return " ".join(groups).replace("+ ", "+")


def _adds(last: int, kind: int, value: str) -> bool:
    """Whether the word completes the one before: сорок + пять, девятьсот + шестнадцать."""
    if kind == _UNIT:
        return last in {_TEN, _HUNDRED} and value != "0"
    return last == _HUNDRED and kind in {_TEN, _TEEN}
