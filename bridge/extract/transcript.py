"""A chat's lines as read: each with its normal form, what was found in it, and the question it answers."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from bridge.extract import asked as questions
from bridge.extract.asked import NOTHING, Asked
from bridge.extract.reading import may_hold_phone, read_text
from bridge.extract.reading.finds import Budget, Find
from bridge.extract.reading.normal import Normal, normal
from bridge.extract.reading.not_contacts import named_otherwise
from bridge.extract.reading.phones import Expecting
from bridge.model import Chat, Role

STAFF = frozenset({Role.OPERATOR, Role.BOT})
#: For how many of the visitor's lines a question stands.
_QUESTION_STANDS = 4
_SHORT = 60
#: A ready-made answer is not longer.
_CANNED = 400
#: Fewer are nobody's number.
_FEW_DIGITS = 4
_MOST_HEARD = 4096
_NOTHING_EXPECTED = Expecting()
_GOES_ON = re.compile(r"\W{0,3}(?:а|и|and|а ще|та)\s([^\W\d_]{3,15})\s?\?")
_DIGIT = re.compile(r"\d")


@dataclass(slots=True)
class Line:
    """A line of the visitor, an operator or a bot."""

    #: index into chat.messages
    index: int
    role: Role
    text: Normal
    #: as it was written
    written: str
    #: of `text`; it is asked for more often than anything else
    low: str
    finds: list[Find] = field(default_factory=list)
    #: what the operator's or bot's line asks; for the visitor's line what it was asked. None: nobody wanted to know yet
    asked: Asked | None = None

    def taken(self) -> list[Find]:
        return [find for find in self.finds if find.value is not None]


def read_lines(chat: Chat, regions: tuple[str, ...], budget: Budget) -> list[Line]:
    """The lines that count; internal notes and system lines are nobody's word."""
    lines: list[Line] = []
    for index, message in enumerate(chat.messages):
        if message.role is Role.VISITOR or message.role in STAFF:
            known = _known(message.text, regions) if message.role in STAFF and len(message.text) <= _CANNED else None
            text = known.text if known else normal(message.text)
            line = Line(index, message.role, text, message.text, text.low)
            lines.append(line)
            if known is not None and budget.pay(known.rest):
                line.finds = list(known.finds)
            else:
                line.finds = read_text(text, regions, budget, _expecting(lines, len(lines) - 1))
    return lines


@dataclass(frozen=True, slots=True)
class _Known:
    """A line of the shop's as it is read in every chat."""

    text: Normal
    finds: tuple[Find, ...]
    #: what reading it left of a new budget
    rest: Budget


def _known(written: str, regions: tuple[str, ...]) -> _Known | None:
    """A line of the shop's, if it is remembered: greetings and ready-made answers come with every chat. What may hold a number
    or an address, which may be a person's, is not kept before it comes a second time.
    """
    telling = "@" in written or len(_DIGIT.findall(written)) >= _FEW_DIGITS
    return _read_once(written, regions) if not telling or _heard.before((written, regions)) else None


@lru_cache(maxsize=512)
def _read_once(written: str, regions: tuple[str, ...]) -> _Known:
    text, budget = normal(written), Budget()
    finds = read_text(text, regions, budget, _NOTHING_EXPECTED)
    return _Known(text, tuple(finds), budget)


class _Heard:
    """What came before, some thousand things back. Nothing of them is kept but a number that tells nobody what they were."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()

    def before(self, thing: Hashable) -> bool:
        number = hash(thing)
        if number in self._numbers:
            return True
        if len(self._numbers) >= _MOST_HEARD:
            self._numbers.clear()
        self._numbers.add(number)
        return False


_heard = _Heard()


def question(lines: list[Line], place: int) -> Asked:
    """What the visitor's line at `place` answers: the last question of an operator or bot, while it stands."""
    line = lines[place]
    if line.asked is None:
        line.asked = _last_question(lines, place)
    return line.asked


def _last_question(lines: list[Line], place: int) -> Asked:
    answers = 0
    yours = False
    for line in reversed(lines[:place]):
        if line.role is Role.VISITOR:
            answers += 1
            if answers >= _QUESTION_STANDS:
                return NOTHING
            continue
        if line.asked is None:
            line.asked = _asked_often(line.low) if len(line.low) <= _CANNED else questions.asked(line.low)
        if line.asked is NOTHING and (more := _GOES_ON.fullmatch(line.low)):
            yours = yours or more[1].startswith(("ваш", "your"))
            continue  # «а заводской?» asks for another of the same
        if line.asked is not NOTHING or "?" in line.low:
            return replace(line.asked, recipient=False) if yours else line.asked
    return NOTHING


@lru_cache(maxsize=512)
def _asked_often(low: str) -> Asked:
    return questions.asked(low)


def _expecting(lines: list[Line], place: int) -> Expecting:
    line = lines[place]
    if line.role is not Role.VISITOR or not may_hold_phone(line.text):
        return _NOTHING_EXPECTED
    standing = question(lines, place)
    other = standing.other
    if other is None and not standing.phone and place and lines[place - 1].role is Role.VISITOR:
        other = _announced(lines[place - 1].low)
    return Expecting(phone=standing.phone, other=other)


def _announced(low: str) -> str | None:
    """«номер заказа», and the digits in the next line: what the line says that they are."""
    said = low.strip()
    if len(said) > _SHORT or _DIGIT.search(said):
        return None
    return named_otherwise(f"{said} ", len(said) + 1, len(said) + 1)
