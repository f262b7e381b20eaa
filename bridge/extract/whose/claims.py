"""Whose a contact is, by the words beside it and by what was asked."""

from __future__ import annotations

import re

from bridge.extract.asked import Asked
from bridge.extract.reading.patterns import has_any
from bridge.extract.seen import ASKED, ASKED_OF_ANOTHER, Verdict
from bridge.extract.whose.after import AFTER
from bridge.extract.whose.before import BEFORE
from bridge.extract.whose.cues import Cue, for_ascii
from bridge.model import Claim, PointKind

#: by whether the text is of ASCII alone
_CUES_BEFORE, _CUES_AFTER = ({True: for_ascii(cues), False: cues} for cues in (BEFORE, AFTER))
_WINDOW = 110
_AFTER_WINDOW = 70
_BREAK = re.compile(r"[.!?\n;]\s|\n")
#: "тел.", "моб." end no sentence.
_ABBREVIATION = re.compile(r"(?:тел|моб|сот|раб|дом|доб|г|ул|д|кв|им|т|tel|mob|ext|no|mr|mrs|dr)\.\s?$")
_PHONE_WORD = re.compile(r"(?:тел|моб|сот|номер|phone|\btel|cell|mobile|number|whats|вотс|ватс|вайбер|почта|e-?mail|мейл|mail"
    r"|контакт)[\w.]{0,12}\W{0,4}$")
_NEXT = re.compile(r"[,;.!?\n]|\s(?:а|и|или|но|та|and|or|but)\s")
_FAR = 40
_LETTER = re.compile(r"[^\W\d_]")
_SAYS = re.compile(r"[^\W_]|\?")
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")
_WORDS_OF_QUOTE = 2


#: Local parts behind which nobody reads.
_MACHINES = re.compile(r"^(?:no-?reply|do-?not-?reply|noreply\w{0,12}|mailer-daemon|postmaster|bounces?|notifications?"
    r"|robot)\b", re.IGNORECASE)


def by_words(low: str, start: int, end: int, floor: int, ceiling: int) -> Verdict | None:
    """What the words between the contacts before (`floor`) and after (`ceiling`) say; None if nothing."""
    if _quoted(low, start, end):
        return Verdict(Claim.OTHER, 83, "quoted")
    after = _after(low, end, ceiling)
    if after is not None and after.rule == "asked-about" and not _LONG_WORD.search(low, 0, start):
        after = None  # "kate_s@bk.ru?" and nothing else: whoever asks whether it will do
    before = _before(low, start, floor)
    if before is None or (after is not None and after.strength > before.strength):
        return after
    return before


def _quoted(low: str, start: int, end: int) -> bool:
    """Whether the contact stands with other words inside quotation marks: somebody else wrote that."""
    for opening, closing in (("«", "»"), ("“", "”"), ('"', '"')):
        begin = low.rfind(opening, 0, start)
        stop = low.find(closing, end)
        if begin < 0 or stop < 0 or closing in low[begin + 1 : start] or "{" in low[:begin]:
            continue
        if opening == closing and low.count(opening, 0, start) % 2 == 0:
            continue
        around = f"{low[begin + 1 : start]} {low[end:stop]}"
        if len(_LONG_WORD.findall(around)) >= _WORDS_OF_QUOTE:
            return True
    return False


def _before(low: str, start: int, floor: int) -> Verdict | None:
    window = low[max(floor, start - _WINDOW) : start]
    if not _LETTER.search(window):
        return None
    best: tuple[int, int, Cue] | None = None
    size = len(window)
    for cue in _CUES_BEFORE[window.isascii()]:
        last = None
        if not has_any(window, cue.gate):
            continue
        for last in cue.pattern.finditer(window):  # noqa: B007 - the last one counts
            pass
        if last is None:
            continue
        distance = _distance(window, last.end(), size)
        if distance is not None and (best is None or (-distance, cue.strength) > (-best[0], best[1])):
            best = (distance, cue.strength, cue)
    if best is None:
        return None
    cue = best[2]
    return Verdict(cue.claim, cue.strength, cue.rule)


def _distance(window: str, end: int, size: int) -> int | None:
    """How far a cue is from the contact, in steps of meaning rather than letters; None: too far to speak of it."""
    between = window[end:size]
    if len(between) > _FAR and not _PHONE_WORD.search(between):
        return None
    steps = 0
    for match in _BREAK.finditer(between):
        if not _ABBREVIATION.search(between[: match.start() + 1] + " "):
            steps += 2
    if "," in between or " а " in between or " но " in between or " but " in between:
        steps += 1
    return steps


def _after(low: str, end: int, ceiling: int) -> Verdict | None:
    window = low[end : min(ceiling, end + _AFTER_WINDOW)]
    if ceiling < min(len(low), end + _AFTER_WINDOW):
        # What stands behind the first break is said of the next contact.
        window = _NEXT.split(window, maxsplit=1)[0]
    if not _SAYS.search(window):
        return None
    for cue in _CUES_AFTER[window.isascii()]:
        if has_any(window, cue.gate) and cue.pattern.search(window):
            return Verdict(cue.claim, cue.strength, cue.rule)
    return None


def by_question(asked: Asked, kind: PointKind) -> Verdict | None:
    """What it means that this was asked for."""
    wanted = asked.email if kind is PointKind.EMAIL else asked.phone
    if not wanted:
        return None
    return ASKED_OF_ANOTHER if asked.recipient else ASKED


def machine(address: str) -> bool:
    """Whether nobody reads at this address."""
    return bool(_MACHINES.match(address))
