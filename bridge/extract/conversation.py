"""The chat from its first line to its last: which contacts it holds, and whose each of them is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bridge.model import Chat, Claim, Message, PointKind, Role

from . import asked as questions
from .asked import NOTHING, Asked
from .claims import UNCLEAR, Verdict, by_question, by_words, machine
from .corrections import Correction, correction, drops_earlier
from .domains import PROVIDERS, registered
from .finds import Budget, Find
from .joined import joined
from .normal import Normal, normal
from .not_contacts import named_otherwise
from .ours import Ours
from .phones import Expecting
from .reading import read_text

_STAFF = frozenset({Role.OPERATOR, Role.BOT})
#: For how many of the visitor's lines a question stands.
_QUESTION_STANDS = 4
_ANSWER_WITHIN = 3
_SHORT = 60
_NATIONAL = 10
#: Within how many lines of the chat a slip is put right.
_STILL_CORRECTED = 6
_FIELD = Verdict(Claim.OWN, 100, "form")
_SAID_BY_STAFF = Verdict(Claim.OTHER, 86, "said-by-operator")
_OURS = Verdict(Claim.OTHER, 99, "ours")
_AFFIRMED = Verdict(Claim.OWN, 95, "affirmed")
#: Between contacts of one person: punctuation and labels.
_LIST = re.compile(r"(?:[\s,;:/|()–-]|тел(?:ефон)?\b\.?|моб\w*\.?|e-?mail|почта|раб\w*\.?|сот\w*\.?|доб\w*\.?|факс|tel\b\.?|phone|mobile|cell|office|mail|whatsapp|ватсап|вотсап|и\b|или\b|либо\b|and\b|or\b|та\b|або\b|\.(?=\s)){0,12}")
_SAID_OF_LISTS = frozenset({"my", "person", "their", "your", "called-me", "competitor", "gift", "listed", "not-mine", "dialled"})
_GIFT = re.compile(r"(?:подар[оке]|сюрприз|именин|день рождени|поздрав|\bgift\b|\bpresent\b|surprise|birthday|подарун)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One time a contact stood somewhere, and what that says about whose it is."""

    find: Find
    verdict: Verdict | None
    #: index into chat.messages
    message: int | None = None
    field: str | None = None
    span: tuple[int, int] | None = None
    as_written: str = ""


@dataclass(slots=True)
class _Line:
    """A message as read."""

    index: int
    role: Role
    normal: Normal
    finds: list[Find]
    asked: Asked
    #: its own text, for what is shown
    written: str


@dataclass(slots=True)
class Conversation:
    """All that was seen, in order; `superseded` are values that the visitor took back."""

    seen: list[Seen] = field(default_factory=list)
    superseded: set[str] = field(default_factory=set)
    flags: dict[str, tuple[str, ...]] = field(default_factory=dict)


def follow(chat: Chat, regions: tuple[str, ...], ours: Ours, budget: Budget, from_fields: list[Seen]) -> Conversation:
    """Read every line of the visitor, the operators and bots; internal and system lines are nobody's word."""
    talk = Conversation(seen=list(from_fields))
    lines = list(_lines(chat, regions, budget))
    said_by_staff: set[str] = set()
    theirs = {seen.find.value for seen in from_fields if seen.find.value}
    for place, line in enumerate(lines):
        if line.role in _STAFF:
            talk.seen.extend(_read_back(lines, place, theirs, said_by_staff, ours))
            talk.seen.extend(_whose_it_is(lines, place, talk))
            continue
        for seen in _of_visitor(lines, place, said_by_staff, ours, talk):
            talk.seen.append(seen)
            if seen.find.value and seen.verdict and seen.verdict.claim is not Claim.OTHER:
                theirs.add(seen.find.value)
        _correct(lines, place, talk, regions, budget)
    _join(lines, talk, regions, budget, said_by_staff, ours)
    _recipients(lines, talk)
    _same_abroad(talk)
    return talk


def _same_abroad(talk: Conversation) -> None:
    """«(415) 859-2232», and then «+1 415 859 2232»: the whole number tells how the short one was meant."""
    values = {str(seen.find.value): seen.find for seen in talk.seen if seen.find.kind is PointKind.PHONE and seen.find.value}
    whole = [value for value, find in values.items() if find.rule == "phone-international"]
    for value, find in values.items():
        if find.rule in {"phone-bare", "phone-prefix"} and any(
            one != value and one[-_NATIONAL:] == value[-_NATIONAL:] for one in whole
        ):
            talk.superseded.add(value)


def _recipients(lines: list[_Line], talk: Conversation) -> None:
    """A recipient is mostly the visitor; but not of a gift, nor beside a number of the visitor's own."""
    if not any(seen.verdict is not None and seen.verdict.rule == "recipient" for seen in talk.seen):
        return
    own = any(
        seen.verdict is not None and seen.verdict.claim is not Claim.OTHER and seen.verdict.rule != "recipient"
        and seen.find.kind is PointKind.PHONE
        for seen in talk.seen
    )
    gift = any(line.role is Role.VISITOR and _GIFT.search(line.normal.low) for line in lines)
    if own or gift:
        talk.seen = [
            replace(seen, verdict=Verdict(Claim.OTHER, 72, "gift"))
            if seen.verdict is not None and seen.verdict.rule == "recipient"
            else seen
            for seen in talk.seen
        ]


def _lines(chat: Chat, regions: tuple[str, ...], budget: Budget) -> Iterator[_Line]:
    standing, age = NOTHING, 0
    announced: str | None = None  # «номер заказа», and the digits in the next line
    for index, message in enumerate(chat.messages):
        if message.role is Role.VISITOR:
            text = normal(message.text)
            live = standing if age < _QUESTION_STANDS else NOTHING
            age += 1
            expecting = Expecting(live.phone, live.other or announced)
            finds = read_text(text, regions, budget, expecting)
            yield _Line(index, message.role, text, finds, live, message.text)
            announced = _announced(text.low)
        elif message.role in _STAFF:
            text = normal(message.text)
            announced = None
            finds = read_text(text, regions, budget, Expecting())
            now = questions.asked(text.low)
            if now is not NOTHING or text.low.strip():
                if now.phone or now.email or now.other:
                    standing, age = now, 0
                elif "?" in text.low:
                    standing = NOTHING
            yield _Line(index, message.role, text, finds, now, message.text)


def _announced(low: str) -> str | None:
    """What a visitor's line says the digits of the next one are."""
    words = low.strip()
    if len(words) > _SHORT or any(sign.isdigit() for sign in words):
        return None
    return named_otherwise(f"{words} ", len(words) + 1, len(words) + 1)


def _of_visitor(lines: list[_Line], place: int, said_by_staff: set[str], ours: Ours, talk: Conversation) -> Iterator[Seen]:
    line = lines[place]
    taken = [find for find in line.finds if find.value is not None]
    last: Verdict | None = None
    for find in line.finds:
        if find.value is None:
            yield _seen(line, find, None)
            continue
        here = taken.index(find)
        floor = taken[here - 1].end if here else 0
        ceiling = taken[here + 1].start if here + 1 < len(taken) else len(line.normal.text)
        verdict = _verdict(lines, place, find, floor, ceiling, said_by_staff, ours)
        if last is not None and verdict.strength < last.strength and _LIST.fullmatch(line.normal.low, floor, find.start):
            # «к Елене: 8 343 …, elena@…»: said once of all that follows
            verdict = last
        last = verdict if verdict.rule in _SAID_OF_LISTS else None
        yield _seen(line, find, verdict)


def _verdict(
    lines: list[_Line], place: int, find: Find, floor: int, ceiling: int, said_by_staff: set[str], ours: Ours
) -> Verdict:
    line = lines[place]
    value = str(find.value)
    if ours.has(find.kind, value):
        return _OURS
    words = by_words(line.normal.low, find.start, find.end, floor, ceiling)
    if words is None and floor == 0:
        words = _by_neighbours(lines, place, find)
    if find.kind is PointKind.EMAIL and machine(value):
        return Verdict(Claim.OTHER, 84, "machine")
    question = by_question(line.asked, find.kind)
    if value in said_by_staff and not (words and words.rule == "my"):
        return _SAID_BY_STAFF
    if ours.site(find.kind, value) and not (question or (words and words.claim is Claim.OWN)):
        return Verdict(Claim.OTHER, 75, "site")
    best = max((verdict for verdict in (words, question) if verdict), key=lambda verdict: verdict.strength, default=None)
    if "service" in find.flags and (best is None or best.rule not in {"my", "asked", "registered"}):
        return Verdict(Claim.OTHER, 60, "service-number")
    return best or UNCLEAR


def _by_neighbours(lines: list[_Line], place: int, find: Find) -> Verdict | None:
    """A line with nothing but the contact is spoken of in the visitor's line before or after it."""
    line = lines[place]
    if line.normal.low[: find.start].strip(" \n:.-–(«\"") or line.normal.low[find.end :].strip(" \n.,!?)»\""):
        return None
    if place and lines[place - 1].role is Role.VISITOR and not any(other.value for other in lines[place - 1].finds):
        text = f"{lines[place - 1].normal.low.rstrip()} "
        verdict = by_words(text, len(text), len(text), 0, len(text))
        if verdict is not None and verdict.rule != "invited":
            return verdict
    if place + 1 < len(lines) and lines[place + 1].role is Role.VISITOR and not any(other.value for other in lines[place + 1].finds):
        text = f" {lines[place + 1].normal.low.lstrip()}"
        return by_words(text, 0, 0, 0, len(text))
    return None


def _read_back(lines: list[_Line], place: int, theirs: set[str], said_by_staff: set[str], ours: Ours) -> Iterator[Seen]:
    """What an operator or bot wrote: the visitor's, if it is read back to them and they say yes; else never."""
    line = lines[place]
    for find in line.finds:
        value = find.value
        if value is None or value in theirs or find.kind is PointKind.HANDLE:
            continue
        if ours.has(find.kind, value):
            continue
        if not questions.reads_back(line.normal.low, find.end) or not _affirmed(lines, place):
            said_by_staff.add(value)
            continue
        yield _seen(line, find, _AFFIRMED)
        theirs.add(value)


def _whose_it_is(lines: list[_Line], place: int, talk: Conversation) -> Iterator[Seen]:
    """«Это ваш номер?»: what the visitor answers is said of the phone that they gave last."""
    line = lines[place]
    if not questions.asks_whose(line.normal.low):
        return
    answer = next((one for one in lines[place + 1 : place + 1 + _ANSWER_WITHIN] if one.role is Role.VISITOR), None)
    given = next(
        (seen for seen in reversed(talk.seen) if seen.message is not None and seen.verdict and seen.find.value and seen.find.kind is PointKind.PHONE),
        None,
    )
    if answer is None or given is None or any(find.value for find in line.finds if find.value != given.find.value):
        return
    low = answer.normal.low
    if questions.denies(low):
        yield replace(given, verdict=Verdict(Claim.OTHER, 93, "denied"))
    elif questions.affirms(low):
        yield replace(given, verdict=_AFFIRMED)


def _affirmed(lines: list[_Line], place: int) -> bool:
    for line in lines[place + 1 : place + 1 + _ANSWER_WITHIN]:
        if line.role is not Role.VISITOR:
            continue
        return questions.affirms(line.normal.low) and not any(
            find.value and find.kind is PointKind.PHONE for find in line.finds
        ) or _says_it(lines[place], line)
    return False


def _says_it(asked: _Line, answer: _Line) -> bool:
    """The visitor repeats the very contact: "да, 8 916 …"."""
    values = {find.value for find in asked.finds if find.value}
    return questions.affirms(answer.normal.low) and any(find.value in values for find in answer.finds)


def _correct(lines: list[_Line], place: int, talk: Conversation, regions: tuple[str, ...], budget: Budget) -> None:
    """«ой, 67 в конце»: the last phone said before, corrected."""
    line = lines[place]
    phones = [seen for seen in talk.seen if seen.find.kind is PointKind.PHONE and seen.find.value and seen.verdict]
    recent = [seen for seen in phones if seen.message is not None and place - _place_of(lines, seen.message) <= _STILL_CORRECTED]
    given = recent[-1].find.value if recent and recent[-1].message == line.index else None
    earlier = next((seen for seen in reversed(recent) if seen.find.value != given), None)
    if earlier is None:
        return
    before = str(earlier.find.value)
    if given is not None:
        if drops_earlier(line.normal.low, before, given):
            talk.superseded.add(before)
        return
    fix = correction(line.normal.low, before, regions, budget)
    if fix is None:
        return
    if isinstance(fix, Correction) and fix.value is None:
        talk.flags[before] = ("uncorrected",)
        return
    verdict = earlier.verdict
    find = Find(kind=PointKind.PHONE, start=fix.start, end=fix.end, value=fix.value, rule="phone-corrected", flags=("corrected",))
    talk.seen.append(Seen(find=find, verdict=verdict, message=earlier.message, span=earlier.span, as_written=earlier.as_written))
    talk.superseded.add(before)


def _place_of(lines: list[_Line], index: int) -> int:
    return next((place for place, line in enumerate(lines) if line.index == index), -1)


def _join(
    lines: list[_Line], talk: Conversation, regions: tuple[str, ...], budget: Budget, said_by_staff: set[str], ours: Ours
) -> None:
    parts = [(line.index, line.normal, line.role, line.finds, line.asked) for line in lines]
    for whole in joined(parts, regions, budget):
        line = next(line for line in lines if line.index == whole.message)
        value = str(whole.find.value)
        if ours.has(whole.find.kind, value):
            verdict: Verdict = _OURS
        elif value in said_by_staff:
            verdict = _SAID_BY_STAFF
        else:
            words = by_words(line.normal.low, whole.span[0], whole.span[1], 0, whole.span[1])
            question = by_question(line.asked, whole.find.kind)
            verdict = max((one for one in (words, question) if one), key=lambda one: one.strength, default=UNCLEAR)
        start, end = line.normal.written(*whole.span)
        talk.seen.append(
            Seen(find=whole.find, verdict=verdict, message=whole.message, span=(start, end), as_written=whole.as_written)
        )


def _seen(line: _Line, find: Find, verdict: Verdict | None) -> Seen:
    start, end = line.normal.written(find.start, find.end)
    return Seen(
        find=find, verdict=verdict, message=line.index, span=(start, end), as_written=line.written[start:end].strip()
    )
