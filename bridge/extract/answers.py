"""What an operator or a bot wrote, and what the visitor answered to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bridge.extract import asked as questions
from bridge.extract.corrections import correction
from bridge.extract.ours import Ours
from bridge.extract.reading.finds import Budget, Find
from bridge.extract.seen import AFFIRMED, DENIED, Seen, Talk
from bridge.extract.transcript import Line
from bridge.model import PointKind, Role

_ANSWER_WITHIN = 3
#: «нет, последняя 8»: one digit may be about anything else.
_LEAST_PUT_RIGHT = 2


def read_back(lines: list[Line], place: int, theirs: set[str], said_by_staff: set[str], ours: Ours) -> Iterator[Seen]:
    """Contacts in an operator's line: the visitor's, if they are read back to them and they say yes; else never.

    Adds to `theirs` and `said_by_staff`.
    """
    line = lines[place]
    for find in line.taken():
        value = str(find.value)
        if value in theirs or find.kind is PointKind.HANDLE or ours.has(find.kind, value):
            continue
        if questions.reads_back(line.low, find.end) and _affirmed(lines, place):
            theirs.add(value)
            start, end = line.text.written(find.start, find.end)
            yield Seen(find=find, verdict=AFFIRMED, message=line.index, span=(start, end), as_written=line.written[start:end])
        else:
            said_by_staff.add(value)


def read_back_wrong(lines: list[Line], place: int, regions: tuple[str, ...], budget: Budget) -> Iterator[Seen]:
    """«Ваш номер 8 921 330-45-76?», «нет, 67 в конце»: what the visitor makes of the phone that was read back to them."""
    line = lines[place]
    for find in line.taken():
        if not _is_phone(find) or not questions.reads_back(line.low, find.end):
            continue
        answer = _answer(lines, place)
        if answer is None or answer.taken() or not questions.denies(answer.low):
            return
        fix = correction(answer.low, str(find.value), regions, budget, expected=True)
        if fix is None or fix.value in {None, find.value} or fix.end - fix.start < _LEAST_PUT_RIGHT:
            return
        right = replace(
            find, start=fix.start, end=fix.end, value=fix.value, rule="phone-corrected", flags=("corrected",), certain=True
        )
        span = answer.text.written(fix.start, fix.end)
        yield Seen(
            find=right, verdict=AFFIRMED, message=answer.index, span=span, as_written=answer.written[span[0] : span[1]]
        )


def whose_it_is(lines: list[Line], place: int, talk: Talk) -> Iterator[Seen]:
    """«Это ваш номер?»: what the visitor answers is said of the phone that they gave last."""
    line = lines[place]
    given = next((seen for seen in reversed(talk.latest()) if seen.is_phone() and seen.message is not None), None)
    if given is None or not questions.asks_whose(line.low):
        return
    answer = _answer(lines, place)
    if answer is None or any(find.value != given.find.value for find in line.taken()):
        return
    if questions.denies(answer.low):
        yield replace(given, verdict=DENIED)
    elif questions.affirms(answer.low):
        yield replace(given, verdict=AFFIRMED)


def _answer(lines: list[Line], place: int) -> Line | None:
    return next((line for line in lines[place + 1 : place + 1 + _ANSWER_WITHIN] if line.role is Role.VISITOR), None)


def _affirmed(lines: list[Line], place: int) -> bool:
    answer = _answer(lines, place)
    if answer is None or not questions.affirms(answer.low):
        return False
    phones = _phones(answer)
    # "да, 8 916 …" repeats it; "да, но лучше 8 917 …" is another one, and the yes was for that
    return not phones or bool(phones & _phones(lines[place]))


def _phones(line: Line) -> set[str | None]:
    return {find.value for find in line.taken() if _is_phone(find)}


def _is_phone(find: Find) -> bool:
    return find.kind is PointKind.PHONE
