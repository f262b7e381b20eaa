"""What later lines change about contacts that stood in earlier ones."""

from __future__ import annotations

import re
from dataclasses import replace

from bridge.extract.corrections import correction, drops_earlier
from bridge.extract.reading.finds import Budget, Find
from bridge.extract.seen import GIFT, Seen, Talk
from bridge.extract.transcript import Line
from bridge.model import Claim, PointKind, Role

#: Within how many lines of the chat a slip is put right.
_STILL_CORRECTED = 6
_NATIONAL = 10
#: «получатель Петрова», «директор Иванов»: the visitor, or somebody beside them.
_PERHAPS_ANOTHERS = frozenset({"recipient", "titled"})
_GIFT = re.compile(
    r"(?:подар[оке]|сюрприз|именин|день рождени|поздрав|подарун|\bgift\b|\bpresent\b|surprise|birthday)"
)


def put_right(lines: list[Line], place: int, talk: Talk, regions: tuple[str, ...], budget: Budget) -> None:
    """«ой, 67 в конце»: the last phone said before, corrected, or marked as doubtful where it cannot be told how."""
    line = lines[place]
    first = lines[max(0, place - _STILL_CORRECTED)].index
    recent = [seen for seen in talk.latest() if seen.is_phone() and seen.message is not None and seen.message >= first]
    if not recent:
        return
    given = recent[-1].find.value if recent[-1].message == line.index else None
    earlier = next((seen for seen in reversed(recent) if seen.find.value != given), None)
    if earlier is None:
        return
    before = str(earlier.find.value)
    if given is not None:
        if drops_earlier(line.low, before, given):
            talk.superseded.add(before)
        return
    fix = correction(line.low, before, regions, budget)
    if fix is None or fix.value == before:
        return
    if fix.value is None:
        talk.flags[before] = ("uncorrected",)
        return
    find = Find(
        kind=PointKind.PHONE, start=fix.start, end=fix.end, value=fix.value, rule="phone-corrected", flags=("corrected",),
        extension=earlier.find.extension,
    )  # fmt: skip
    talk.seen.append(replace(earlier, find=find))
    talk.superseded.add(before)


def same_abroad(talk: Talk) -> None:
    """«(415) 859-2232», and then «+1 415 859 2232»: the whole number tells how the short one was meant."""
    phones = {str(seen.find.value): seen.find.rule for seen in talk.seen if seen.is_phone()}
    whole = [value for value, rule in phones.items() if rule == "phone-international"]
    for value, rule in phones.items():
        if rule in {"phone-bare", "phone-prefix"} and any(
            one != value and one[-_NATIONAL:] == value[-_NATIONAL:] for one in whole
        ):
            talk.superseded.add(value)


def recipients(lines: list[Line], talk: Talk) -> None:
    """A recipient is mostly the visitor; but not of a gift, nor beside another phone of the visitor's."""
    if not any(_is_recipient(seen) for seen in talk.seen):
        return
    another = any(
        seen.is_phone() and not _is_recipient(seen) and seen.verdict is not None and seen.verdict.claim is not Claim.OTHER
        for seen in talk.seen
    )
    if another or any(line.role is Role.VISITOR and _GIFT.search(line.low) for line in lines):
        talk.seen = [replace(seen, verdict=GIFT) if _is_recipient(seen) else seen for seen in talk.seen]


def _is_recipient(seen: Seen) -> bool:
    return seen.verdict is not None and seen.verdict.rule in _PERHAPS_ANOTHERS
