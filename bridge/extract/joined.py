"""Numbers and addresses cut over consecutive messages of the visitor. A line of the operator may stand between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bridge.extract.reading.digits import letters_as_digits
from bridge.extract.reading.emails import emails_in
from bridge.extract.reading.finds import Budget, Find
from bridge.extract.reading.normal import Normal, lower
from bridge.extract.reading.not_contacts import named_otherwise
from bridge.extract.reading.phones import Expecting, phones_in
from bridge.extract.reading.spoken import all_spoken
from bridge.extract.transcript import Line, question
from bridge.model import PointKind, Role

_LINES_ON = 7
_STAFF_LINES = 1
_FILLED_LINES = 1
_LONGEST_PIECE = 200
_MOST_DIGITS = 15
_LEAST_DIGITS = 9
_DIGIT = re.compile(r"\d")
_NOT_DIGITS = re.compile(r"\D")
_HEAD = re.compile(r"(?:^|[^\w{1,20}(]|(?<=[^\W\d]))(\+?[ (]{0,2}\d[\d ().·–-]{0,24})[\s.…,-]{0,4}$")
_MIDDLE = re.compile(
    r"^[\s.…,-]{0,4}(?:(?:и|а|ой|дальше|далее|потом|затем|еще|продолжение|остальное|конец|then|and|next|rest|та|далі|потім|вот"
    r"|:)\W{1,3}){0,3}"
    r"([(+]?\d[\d ().·–-]{0,24})(?P<rest>.{0,80})$",
    re.DOTALL,
)
_FILLER = re.compile(
    r"^\W{0,3}(?:ой|упс|сорри|извините|простите|не дописал\w?|недописал\w?|сейчас|секунду|сек|щас|минутку|отправил\w? случайно"
    r"|случайно"
    r"|рано отправил\w?|рано|блин|не туда|(?:не то |ребенок |кот )?нажал\w{0,3}|сорвал\w{2,3}|ушло"
    r"|отправил\w{2,3}"
    r"|sorry|oops|hit (?:enter|send)|pressed (?:enter|send)|too (?:early|soon)|my bad"
    r"|one sec|wait|sec|hold on|зараз|вибачте|[\s,.!)…-]){1,6}$"
)
_PREFIX = re.compile(r"^\+|^8|^7|^0|^1(?=\d{3})|^\(")
_PHONE_WORD = re.compile(r"(?:тел|моб|сот|номер|phone|number|call|звон|cell|whats|вотс|ватс|\btel)")
_WORD_WINDOW = 40
_EMAIL_OPEN = re.compile(
    r"(?<![\w.+%-])[\w.+%-]{1,64}(?:@|@[\w-]{1,63}\.?|@[\w-]{1,63}(?:\.[\w-]{1,63}){0,2}\.)\s{0,2}$"
)
_EMAIL_NAME = re.compile(r"(?:^|\s)[a-z0-9][\w.+-]{1,63}\s{0,2}$")
_EMAIL_END = re.compile(r"^\s{0,2}(?:@ ?[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}|\.?[a-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,4})")
_SHORT = 300


@dataclass(frozen=True, slots=True)
class Whole:
    """A contact put together. Its find's span is the part in the first of the lines, which stands at `place`."""

    find: Find
    place: int
    as_written: str


def joined(lines: list[Line], regions: tuple[str, ...], budget: Budget) -> Iterator[Whole]:
    """Contacts that no single line holds."""
    used: set[int] = set()
    at = any("@" in line.low for line in lines if line.role is Role.VISITOR)
    for place, line in enumerate(lines):
        if line.role is not Role.VISITOR or place in used:
            continue
        whole = _phone_from(lines, place, regions, budget, used) if _may_begin(line) else None
        whole = whole or (_email_from(lines, place) if at else None)
        if whole is not None:
            yield whole


def _shown(line: Line) -> str:
    """The line with what stands for digits as digits."""
    return all_spoken(line.low) or letters_as_digits(line.low)


def _has_phone(line: Line) -> bool:
    return any(find.value is not None and find.kind is PointKind.PHONE for find in line.finds)


def _has_email(line: Line) -> bool:
    return any(find.value is not None and find.kind is PointKind.EMAIL for find in line.finds)


def _may_begin(line: Line) -> bool:
    if len(line.low) > _LONGEST_PIECE or _has_phone(line):
        return False
    return _DIGIT.search(line.low) is not None or all_spoken(line.low) is not None


def _phone_from(lines: list[Line], place: int, regions: tuple[str, ...], budget: Budget, used: set[int]) -> Whole | None:
    line = lines[place]
    head = _HEAD.search(_shown(line))
    if not head or not _may_be_phone(lines, place, head):
        return None
    pieces = [head.group(1)]
    for at, piece in _pieces_after(lines, place):
        pieces.append(piece.group(1))
        find = _whole(pieces, regions, budget)
        if find is not None:
            used.update(range(place + 1, at + 1))
            end = min(head.end(1), len(line.low))
            start = min(head.start(1), end)
            written = "\n".join((line.text.text[start:].strip(), *(part.strip() for part in pieces[1:])))
            return Whole(Find(kind=find.kind, start=start, end=end, value=find.value, rule="phone-joined"), place, written)
        if piece["rest"].strip() or sum(len(_NOT_DIGITS.sub("", part)) for part in pieces) > _MOST_DIGITS:
            return None
    return None


def _may_be_phone(lines: list[Line], place: int, head: re.Match[str]) -> bool:
    """Whether the first piece begins like a phone, stands alone, or a phone is spoken of."""
    before = lines[place].low[: head.start(1)]
    asked = question(lines, place)
    if asked.other and not head.group(1).startswith("+"):
        return False
    if named_otherwise(before, len(before), len(before)):
        return False
    if _PREFIX.match(head.group(1)) or asked.phone or not before.strip(" \n:+("):
        return True
    return bool(_PHONE_WORD.search(before[-_WORD_WINDOW:]))


def _pieces_after(lines: list[Line], place: int) -> Iterator[tuple[int, re.Match[str]]]:
    """Lines of the visitor that go on with nothing but digits, until one does not."""
    staff = filled = 0
    for at in range(place + 1, min(place + 1 + _LINES_ON, len(lines))):
        line = lines[at]
        if line.role is not Role.VISITOR:
            staff += 1
            if staff > _STAFF_LINES:
                return
            continue
        if _FILLER.match(line.low):
            filled += 1
            if filled > _FILLED_LINES:
                return
            continue
        piece = _MIDDLE.match(_shown(line)) if len(line.low) <= _LONGEST_PIECE else None
        if piece is None or _has_phone(line) or named_otherwise(line.low, piece.start(1), piece.end(1)):
            return
        yield at, piece


def _whole(pieces: list[str], regions: tuple[str, ...], budget: Budget) -> Find | None:
    together = " ".join(piece.strip() for piece in pieces)
    digits = len(_NOT_DIGITS.sub("", together))
    if not _LEAST_DIGITS <= digits <= _MOST_DIGITS:
        return None
    for find in phones_in(Normal(together, lower(together)), regions, budget, expecting=Expecting(phone=True)):
        if find.value is not None and len(_NOT_DIGITS.sub("", together[find.start : find.end])) == digits:
            return find
    return None


def _email_from(lines: list[Line], place: int) -> Whole | None:
    """ivan.petrov@ | mail.ru, and galina.tk | @mail.ru."""
    line = lines[place]
    following = next((one for one in lines[place + 1 : place + 3] if one.role is Role.VISITOR), None)
    if following is None or len(line.low) > _SHORT or _has_email(line):
        return None
    if "@" in line.low:
        begun = _EMAIL_OPEN.search(line.low)
    elif following.low.lstrip().startswith("@") and not _has_email(following):
        begun = _EMAIL_NAME.search(line.low)
    else:
        return None
    if begun is None or not _EMAIL_END.match(following.low):
        return None
    start = begun.end() - len(begun.group().lstrip())
    first = line.text.text[start:].rstrip()
    together = first + following.text.text.lstrip()[:_SHORT]
    without_dot = f"{first} {together[len(first) :]}"  # gmail | com, which is read like "gmail com"
    for whole in (together, without_dot):
        for find in emails_in(Normal(whole, lower(whole))):
            if find.value is not None and find.start <= 1 and find.end > len(first):
                part = Find(
                    kind=PointKind.EMAIL, start=start, end=start + len(first), value=find.value, rule="email-joined",
                    flags=find.flags,
                )  # fmt: skip
                return Whole(part, place, f"{first}\n{whole[len(first) : find.end].lstrip()}")
    return None
