"""No expression of the extractor may take a message's sender's side: twice the text takes about twice the steps."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator

import pytest
from regex_steps import Counter

import bridge.extract

SHORT, LONG = 60, 120
MOST_GROWTH = 2.5
#: What looks over a window of n signs grows faster until the text is much longer than n: then it is tried with more.
LONGER = 600
#: So few steps say nothing about growth.
TOO_FEW = 1_700

HOSTILE = [
    "1", "1 ", "1-", "1.", "+7", "8 916 ", "1 000 ", "4276 ", "a", "a.", "a@", "@", "a@a.", "a1", "A1B2", "а", "аa", ".",
    "-", "_",
    " ", "\n", "(", "«", '"а', "?a=", "a://", "a.ru/", " at ", " dot ", "собака ", " точка ", "не надо ", "не звоните ",
    "звоните мне на ",
    "мой номер ", "номер мужа ", "мужу ", "к маме ", "ваш сайт ", "звонили мне с ", "мне звонили ", "я писал ",
    "отправил на ", "my wife's ",
    "call me at ", "called me from ", "i've called to ", "the boss ", "получатель ", "с уважением ", "оформил на ", "оформл",
    "заказ номер ",
    "паспорт ", "GB12 ", "12:", "12x", "1/", "€1", "ой, не 1 ", "1 не 1 ", "tel:", "wa.me/", "@a.", "telegram мой ",
    "don't call ", "only text ",
    "пожалуйста ", "ваш номер ", "your number ", "дали номер ", "на сайте номер ", "старый номер ", "у мужа ", "\0",
]  # fmt: skip


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every compiled expression that a module of the extractor holds, in tables too."""
    for module in pkgutil.walk_packages(bridge.extract.__path__, "bridge.extract."):
        loaded = importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            for number, pattern in enumerate(_in(value, loaded.__name__)):
                yield f"{module.name}.{name}[{number}]", pattern


def _in(value: object, module: str) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _in(one, module)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _in(one, module)
    elif isinstance(getattr(value, "pattern", None), re.Pattern):
        yield value.pattern  # type: ignore[attr-defined]


ALL = list({pattern.pattern: (name, pattern) for name, pattern in patterns()}.values())


def steps(counter: Counter, text: str) -> int:
    before = counter.steps
    for _ in counter.finditer(text):
        pass
    return counter.steps - before


def of_length(piece: str, length: int) -> str:
    return (piece * (length // len(piece) + 1))[:length]


@pytest.fixture(autouse=True)
def _deep() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(limit)


def test_all_expressions_are_found() -> None:
    assert len(ALL) > 100


@pytest.mark.parametrize(("name", "pattern"), ALL, ids=[name for name, _ in ALL])
def test_twice_the_text_takes_about_twice_the_steps(name: str, pattern: re.Pattern[str]) -> None:
    bad = []
    counter = Counter(pattern)
    for piece in HOSTILE:
        more = steps(counter, of_length(piece, LONG))
        if more > TOO_FEW:
            less = steps(counter, of_length(piece, SHORT))
            if more > MOST_GROWTH * less:
                less, more = steps(counter, of_length(piece, LONGER)), steps(counter, of_length(piece, 2 * LONGER))
            if more > MOST_GROWTH * less:
                bad.append((piece, less, more))
    assert bad == []


def test_an_expression_that_is_not_linear_is_found() -> None:
    quadratic = Counter(re.compile(r"\w+@"))
    assert steps(quadratic, "a" * LONG) > 3.5 * steps(quadratic, "a" * SHORT)
    worse = Counter(re.compile(r"(?:\w+\s?)+$"))
    assert steps(worse, "a" * 14 + "!") > 1.9 * steps(worse, "a" * 13 + "!")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\d)", "ip 192.168.10.20 and 1.2.3"),
        (r"(?:ab|a)(?:b|c)*?d", "abbcd acd abd"),
        (r"[^\W\d_]{2,}\b", "один two 3 _four"),
        (r"^(?P<x>a|b){1,2}$", "ab"),
    ],
)
def test_the_counter_matches_what_re_matches(expression: str, text: str) -> None:
    pattern = re.compile(expression)
    assert list(Counter(pattern).finditer(text)) == [match.span() for match in pattern.finditer(text)]
