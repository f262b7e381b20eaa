"""Numbers and addresses cut over consecutive messages of the visitor. A line of the operator may stand between."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.model import PointKind, Role

from .asked import Asked
from .digits import letters_as_digits
from .emails import emails_in
from .finds import Budget, Find
from .normal import Normal, lower
from .not_contacts import named_otherwise
from .phones import Expecting, phones_in
from .spoken import all_spoken

Part = tuple[int, Normal, Role, list[Find], Asked]

_PIECES = 7
_STAFF_LINES = 1
_FILLED_LINES = 1
_MOST_DIGITS = 15
_LEAST_DIGITS = 9
_HEAD = re.compile(r"(?:^|[^\w+(]|(?<=[^\W\d]))(\+?[ (]{0,2}\d[\d ().·–-]{0,24})[\s.…,-]{0,4}$")
_MIDDLE = re.compile(r"^[\s.…,-]{0,4}(?:(?:и|а|ой|дальше|далее|потом|затем|еще|продолжение|остальное|конец|then|and|next|rest|та|далі|потім|вот|:)\W{1,3}){0,3}([(+]?\d[\d ().·–-]{0,24})(?P<rest>.{0,80})$", re.DOTALL)
_FILLER = re.compile(r"^\W{0,3}(?:ой|упс|сорри|извините|простите|не дописал\w?|недописал\w?|сейчас|секунду|сек|щас|минутку|отправил\w? случайно|случайно|рано отправил\w?|sorry|oops|one sec|wait|sec|hold on|зараз|вибачте|[\s,.!)…-]){1,6}$")
_PREFIX = re.compile(r"^\+|^8|^7|^0|^1(?=\d{3})|^\(")
_EMAIL_OPEN = re.compile(r"[\w.+%-]{1,64}(?:@|@[\w-]{1,63}\.?|@[\w-]{1,63}(?:\.[\w-]{1,63}){0,2}\.)\s{0,2}$")
_EMAIL_NAME = re.compile(r"(?:^|\s)[a-z0-9][\w.+-]{1,63}\s{0,2}$")
_EMAIL_END = re.compile(r"^\s{0,2}(?:@ ?[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}|\.?[a-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,4})")


@dataclass(frozen=True, slots=True)
class Whole:
    """A contact put together; `span` is its part in the first message's normal form."""

    find: Find
    message: int
    span: tuple[int, int]
    as_written: str


def joined(lines: Sequence[Part], regions: tuple[str, ...], budget: Budget) -> Iterator[Whole]:
    """Contacts that no single message holds."""
    used: set[int] = set()
    for place, (index, text, role, finds, _) in enumerate(lines):
        if role is not Role.VISITOR or index in used:
            continue
        whole = _phone_from(lines, place, regions, budget, used) if _may_begin(text, finds) else None
        whole = whole or _email_from(lines, place)
        if whole is not None:
            yield whole


def _shown(text: Normal) -> str:
    """The line with what stands for digits as digits."""
    return all_spoken(text.low) or letters_as_digits(text.low)


def _may_begin(text: Normal, finds: list[Find]) -> bool:
    if len(text.text) > 200 or not (any(sign.isdigit() for sign in text.text) or all_spoken(text.low)):  # noqa: PLR2004 - pieces are short lines
        return False
    return not any(find.value is not None and find.kind is PointKind.PHONE for find in finds)


def _phone_from(
    lines: Sequence[Part], place: int, regions: tuple[str, ...], budget: Budget, used: set[int]
) -> Whole | None:
    index, text, _, _, asked = lines[place]
    shown = _shown(text)
    head = _HEAD.search(shown)
    if not head:
        return None
    pieces = [head.group(1)]
    indices = [index]
    alone = not text.low[: head.start(1)].strip(" \n:+(")
    staff = filled = 0
    for follower, following, role, finds, _ in lines[place + 1 : place + 1 + _PIECES]:
        if role is not Role.VISITOR:
            staff += 1
            if staff > _STAFF_LINES:
                break
            continue
        if _FILLER.match(following.low):
            filled += 1
            if filled > _FILLED_LINES:
                break
            continue
        piece = _MIDDLE.match(_shown(following))
        if not piece or any(find.value is not None and find.kind is PointKind.PHONE for find in finds):
            break
        if named_otherwise(following.low, piece.start(1), piece.end(1)):
            break
        pieces.append(piece.group(1))
        indices.append(follower)
        whole = _whole(pieces, text, head, regions, budget, asked, alone=alone)
        if whole is not None:
            used.update(indices[1:])
            written = "\n".join((text.text[head.start(1) :].strip(), *(part.strip() for part in pieces[1:])))
            return Whole(whole, index, head.span(1), written)
        if piece["rest"].strip() or sum(len(re.sub(r"\D", "", part)) for part in pieces) > _MOST_DIGITS:
            break
    return None


def _whole(
    pieces: list[str], text: Normal, head: re.Match[str], regions: tuple[str, ...], budget: Budget, asked: Asked, *, alone: bool
) -> Find | None:
    together = " ".join(piece.strip() for piece in pieces)
    digits = re.sub(r"\D", "", together)
    if not _LEAST_DIGITS <= len(digits) <= _MOST_DIGITS:
        return None
    if asked.other and not together.startswith("+"):
        return None
    before = text.low[: head.start(1)]
    if named_otherwise(before, len(before), len(before)):
        return None
    if not (_PREFIX.match(together) or alone or asked.phone):
        before = text.low[max(0, head.start(1) - 40) : head.start(1)]
        if not re.search(r"(?:тел|моб|сот|номер|phone|number|call|звон|cell|whats|ватс|вотс|\btel)", before):
            return None
    for find in phones_in(Normal(together, lower(together)), regions, budget, expecting=Expecting(phone=True)):
        if find.value is not None and len(re.sub(r"\D", "", together[find.start : find.end])) == len(digits):
            return Find(kind=PointKind.PHONE, start=head.start(1), end=head.end(1), value=find.value, rule="phone-joined")
    return None


def _email_from(lines: Sequence[Part], place: int) -> Whole | None:
    index, text, _, finds, _ = lines[place]
    if any(find.kind is PointKind.EMAIL and find.value for find in finds):
        return None
    followers = [line for line in lines[place + 1 : place + 3] if line[2] is Role.VISITOR][:1]
    if not followers or len(text.text) > 300:  # noqa: PLR2004 - pieces are short lines
        return None
    following = followers[0][1]
    begun = _EMAIL_OPEN.search(text.low) if "@" in text.low else None
    if begun is None:
        if not following.low.lstrip().startswith("@") or any(find.kind is PointKind.EMAIL and find.value for find in followers[0][3]):
            return None
        begun = _EMAIL_NAME.search(text.low)
    if begun is None or not _EMAIL_END.match(following.low):
        return None
    start = begun.start() + (len(begun.group()) - len(begun.group().lstrip()))
    together = text.text[start:].rstrip() + following.text.lstrip()
    for find in emails_in(Normal(together, lower(together))):
        if find.value is not None and find.start <= 1 and find.end > len(text.text[start:].rstrip()):
            whole = Find(kind=PointKind.EMAIL, start=start, end=len(text.text.rstrip()), value=find.value, rule="email-joined", flags=find.flags)
            return Whole(whole, index, (start, len(text.text.rstrip())), f"{text.text[start:].strip()}\n{together[len(text.text[start:].rstrip()) : find.end]}")
    return None
