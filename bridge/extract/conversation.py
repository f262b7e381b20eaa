"""The chat from its first line to its last: whose each contact in it is."""

from __future__ import annotations

import re
from dataclasses import replace

from bridge.extract.amends import put_right, recipients, same_abroad
from bridge.extract.answers import read_back, read_back_wrong, whose_it_is
from bridge.extract.joined import joined
from bridge.extract.ours import Ours
from bridge.extract.reading.finds import Budget, Find
from bridge.extract.seen import MACHINE, OURS, PERSON, SAID_BY_OPERATOR, SERVICE, SITE, UNCLEAR, Seen, Talk, Verdict
from bridge.extract.transcript import STAFF, Line, question
from bridge.extract.whose.claims import by_question, by_words, machine
from bridge.extract.whose.naming import bare, named, named_after, named_before, spoken_of
from bridge.model import Claim, PointKind, Role

#: Between contacts of one person: punctuation and labels.
_LIST = re.compile(
    r"(?:[\s,;:/|()–-]|тел(?:ефон)?\b\.?|моб\w{0,8}\.?|e-?mail|почта|раб\w{0,6}\.?|сот\w{0,6}\.?|доб\w{0,6}\.?|факс|tel\b\.?"
    r"|phone|mobile"
    r"|cell|office|mail|whatsapp|ватсап|вотсап|и\b|или\b|либо\b|and\b|or\b|та\b|або\b|\.(?=\s)){0,12}"
)
#: What is said once of all that follows in a list.
_SAID_OF_LISTS = frozenset(
    {"my", "person", "their", "your", "called-me", "competitor", "gift", "listed", "not-mine", "dialled", "given-by", "signature"}
)
_BESIDE = 25
_MINE_TIGHT = re.compile(r"\b(?:мой|моя|мій|mine)\b(?: is)?[\s:–-]{0,4}$")
#: «рабочий», «домашний»: another one of the same person.
_PLACE = re.compile(r"раб|дом|город|офис|служ|work|home|office|desk|тел|моб|сот")
#: Rules by which a toll-free number may be the visitor's after all.
_EVEN_SERVICE = frozenset({"my", "asked", "registered", "signature"})


def follow(lines: list[Line], from_fields: list[Seen], regions: tuple[str, ...], ours: Ours, budget: Budget) -> Talk:
    """Everything seen in fields and lines, with what each place says about whose it is."""
    talk = Talk(seen=list(from_fields))
    said_by_staff: set[str] = set()
    theirs = {str(seen.find.value) for seen in from_fields if seen.find.value}
    for place, line in enumerate(lines):
        if line.role in STAFF:
            talk.seen.extend(read_back(lines, place, theirs, said_by_staff, ours))
            if line.finds:
                talk.seen.extend(read_back_wrong(lines, place, regions, budget))
            talk.seen.extend(whose_it_is(lines, place, talk))
            continue
        for seen in _of_visitor(lines, place, said_by_staff, ours):
            talk.seen.append(seen)
            if seen.find.value and seen.verdict and seen.verdict.claim is not Claim.OTHER:
                theirs.add(seen.find.value)
        put_right(lines, place, talk, regions, budget)
    _join(lines, talk, regions, budget, said_by_staff, ours)
    recipients(lines, talk)
    same_abroad(talk)
    return talk


def _of_visitor(lines: list[Line], place: int, said_by_staff: set[str], ours: Ours) -> list[Seen]:
    line = lines[place]
    taken = line.taken()
    seen: list[Seen] = []
    last: Verdict | None = None
    here = 0
    for find in line.finds:
        if find.value is None:
            seen.append(_seen(line, find, None))
            continue
        floor = taken[here - 1].end if here else 0
        ceiling = taken[here + 1].start if here + 1 < len(taken) else len(line.low)
        here += 1
        verdict = _verdict(lines, place, find, (floor, ceiling), said_by_staff, ours)
        if last is not None and verdict.strength < last.strength and _LIST.fullmatch(line.low, floor, find.start):
            verdict = last  # «к Елене: 8 343 …, elena@…»
        last = verdict if verdict.rule in _SAID_OF_LISTS else None
        seen.append(_seen(line, find, verdict))
    return _beside_mine(seen, line.low)


def _beside_mine(seen: list[Seen], low: str) -> list[Seen]:
    """«8 916 …, а мой 8 917 …»: the first one is not, unless its words say so."""
    mine = [one for one in seen if one.verdict and one.verdict.rule == "my" and _MINE_TIGHT.search(low, 0, one.find.start)]
    if not mine:
        return seen
    kind = mine[0].find.kind
    return [
        replace(one, verdict=PERSON)
        if one.find.kind is kind
        and one.verdict is UNCLEAR
        and not _PLACE.search(low, max(0, one.find.start - _BESIDE), one.find.end + _BESIDE)
        else one
        for one in seen
    ]


def _verdict(
    lines: list[Line], place: int, find: Find, room: tuple[int, int], said_by_staff: set[str], ours: Ours
) -> Verdict:
    """Whose a contact in a visitor's line is; `room`: where its neighbours in the line end and begin."""
    line = lines[place]
    value = str(find.value)
    if ours.has(find.kind, value):
        return OURS
    if find.kind is PointKind.EMAIL and machine(value):
        return MACHINE
    words = _stronger(
        by_words(line.low, find.start, find.end, *room),
        named(line.text, find.start, room[0]),
        named_after(line.text, find.end, room[1]),
    )
    if words is None and room[0] == 0:
        words = _by_neighbours(lines, place, find)
    if value in said_by_staff and not (words and words.rule == "my"):
        return SAID_BY_OPERATOR
    asked = by_question(question(lines, place), find.kind)
    best = _stronger(words, asked)
    if ours.site(find.kind, value) and (best is None or best.claim is not Claim.OWN):
        return SITE
    if "service" in find.flags and (best is None or best.rule not in _EVEN_SERVICE):
        return SERVICE
    return best or UNCLEAR


def _stronger(*verdicts: Verdict | None) -> Verdict | None:
    return max((verdict for verdict in verdicts if verdict), key=lambda verdict: verdict.strength, default=None)


def _by_neighbours(lines: list[Line], place: int, find: Find) -> Verdict | None:
    """A line with nothing but the contact is spoken of in the visitor's line before or after it."""
    line = lines[place]
    before = lines[place - 1] if place else None
    if line.low[: find.start].strip(' \n:.-–(«"') or line.low[find.end :].strip(' \n.,!?)»"'):
        name = before is not None and before.role is Role.VISITOR and not before.taken() and bare(line.low, find.start)
        return PERSON if name and before is not None and spoken_of(before.low) else None
    if before is not None and before.role is Role.VISITOR and not before.taken():
        text = f"{before.low.rstrip()} "
        verdict = by_words(text, len(text), len(text), 0, len(text))
        verdict = verdict or named_before(before.text)
        if verdict is not None and verdict.rule != "invited":
            return verdict
    after = lines[place + 1] if place + 1 < len(lines) else None
    if after is not None and after.role is Role.VISITOR and not after.taken():
        text = f" {after.low.lstrip()}"
        return by_words(text, 0, 0, 0, len(text))
    return None


def _join(
    lines: list[Line], talk: Talk, regions: tuple[str, ...], budget: Budget, said_by_staff: set[str], ours: Ours
) -> None:
    for whole in joined(lines, regions, budget):
        line = lines[whole.place]
        value = str(whole.find.value)
        verdict: Verdict
        if ours.has(whole.find.kind, value):
            verdict = OURS
        elif value in said_by_staff:
            verdict = SAID_BY_OPERATOR
        else:
            words = by_words(line.low, whole.find.start, whole.find.end, 0, whole.find.end)
            verdict = _stronger(words, by_question(question(lines, whole.place), whole.find.kind)) or UNCLEAR
        span = line.text.written(whole.find.start, whole.find.end)
        talk.seen.append(Seen(find=whole.find, verdict=verdict, message=line.index, span=span, as_written=whole.as_written))


def _seen(line: Line, find: Find, verdict: Verdict | None) -> Seen:
    start, end = line.text.written(find.start, find.end)
    return Seen(find=find, verdict=verdict, message=line.index, span=(start, end), as_written=line.written[start:end].strip())
