"""Where a text may be cut without breaking what a reader sees as one character."""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
#: further back no boundary is looked for: such a stack of marks is an attack, not a letter
_REACH = 64

_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
_FLAG_LETTERS = ("\U0001f1e6", "\U0001f1ff")
#: medial vowels and final consonants of Korean syllables written in pieces
_JAMO = ("\u1160", "\u11ff")


def boundary(text: str, at: int) -> int:
    """The last place not after `at` where a cut breaks no character; `at` itself if there is none within reach."""
    if at <= 0 or at >= len(text):
        return max(0, min(at, len(text)))
    for place in range(at, max(0, at - _REACH), -1):
        if not _joined(text, place):
            return place
    return at


def word_boundary(text: str, at: int) -> int:
    """Like `boundary`, but after the last blank if one lies in the second half of text[:at]."""
    if at >= len(text):
        return len(text)
    if text[at : at + 1].isspace():
        return at
    blank = max(text.rfind(" ", at // 2, at), text.rfind("\t", at // 2, at))
    return blank + 1 if blank > 0 else boundary(text, at)


def _joined(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    return (
        _JOINER in (before, after)
        or unicodedata.category(after).startswith("M")
        or _SKIN_TONES[0] <= after <= _SKIN_TONES[1]
        or _JAMO[0] <= after <= _JAMO[1]
        or (_is_flag_letter(after) and _flag_letters_before(text, place) % 2 == 1)
    )


def _is_flag_letter(character: str) -> bool:
    return _FLAG_LETTERS[0] <= character <= _FLAG_LETTERS[1]


def _flag_letters_before(text: str, place: int) -> int:
    count = 0
    while count < place and _is_flag_letter(text[place - count - 1]):
        count += 1
    return count
