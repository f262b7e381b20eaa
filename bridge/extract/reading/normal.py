"""A message's text as the rules read it, and the way back to what was written.

People write digits in circles and keycaps, dashes of seven kinds, spaces that do not break and characters that are not
there at all. All of that is folded before any rule looks, so that no rule has to know it. Letters keep their alphabet:
which of them stands for another is a question of place (`lookalikes`), not of form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: Longer messages are read at both ends only: what stands in the middle of a pasted log is nobody's contact, and one chat
#: must not hold up the others.
LONGEST = 16_384
TAIL = 4_096

#: Zero-width characters, direction marks, variation selectors, the keycap's frame, the soft hyphen.
_DROPPED = "".join(
    chr(code)
    for first, last in ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2069), (0xFE00, 0xFE0F), (0x20E3, 0x20E3),
                        (0xFEFF, 0xFEFF), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C))
    for code in range(first, last + 1)
)  # fmt: skip
_MARKS = r"\u0300-\u036f"


def _folds() -> Iterator[tuple[int, str]]:
    # Digits: every block that has a sign for 0 or 1 with a decimal value, one sign a digit.
    for first, last in ((0xB2, 0xB9), (0x660, 0x6F9), (0x966, 0xDEF), (0xE50, 0x1099), (0x17E0, 0x1C59),
                        (0x2070, 0x2089), (0x2460, 0x2793), (0x24EA, 0x24FF), (0xA620, 0xABF9),
                        (0xFF10, 0xFF19), (0x1D7CE, 0x1D7FF), (0x1F100, 0x1F10A), (0x1FBF0, 0x1FBF9)):  # fmt: skip
        for code in range(first, last + 1):
            value = unicodedata.digit(chr(code), None)
            if value is not None:
                yield code, str(value)
    for code in range(0xFF01, 0xFF5F):  # full-width ASCII
        yield code, chr(code - 0xFEE0)
    for code in range(0x1D400, 0x1D6A4):  # letters of mathematics, used as "fonts"
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1:
            yield code, plain
    yield from ((ord(sign), "-") for sign in "‐‑‒–—―−﹘﹣⸺➖")
    for code in (0x9, 0xB, 0xC, 0xD, 0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000):  # blanks of every width
        yield code, " "
    yield from ((ord(sign), "\n") for sign in "\u2028\u2029\x85")
    yield from ((ord(sign), "·") for sign in "•∙⋅・‧●")
    yield from ((ord(sign), "'") for sign in "’‘ʼ`´′")
    yield from ((ord(sign), "+") for sign in "⁺➕﹢")
    yield ord("İ"), "I"  # the one letter that grows when lowered
    yield from ((ord(sign), "\0") for sign in _DROPPED)


_FOLD = dict(_folds())
#: Characters of everyday messages that need no folding.
_ODD = re.compile(r"[^\n -_a-~А-яЁёІіЇїЄєҐґ№«»…äöüßÄÖÜéèáíóúñçãõâêôàÀ-ÅÈ-ÏÒ-ÖÙ-Ý]")
_GONE = re.compile(rf"\0+|[^\0{_MARKS}][{_MARKS}]{{1,8}}")


@dataclass(frozen=True, slots=True)
class Normal:
    """`text` is what rules read; `low` is the same in lower case with ё as е, position by position."""

    text: str
    low: str
    #: for each position of `text` the position in what was written; None where they are the same
    offsets: tuple[int, ...] | None = None
    #: length of what was written
    length: int = 0

    def written(self, start: int, end: int) -> tuple[int, int]:
        """The span in the message as it was written, marks that belong to the last character included."""
        if self.offsets is None:
            return start, end
        last = self.offsets[end] if end < len(self.offsets) else self.length
        return self.offsets[start], last


def lower(text: str) -> str:
    """Lower case with ё as е, position by position."""
    return text.lower().replace("ё", "е")


def normal(written: str) -> Normal:
    """Fold the text's forms; a text longer than `LONGEST` keeps its beginning and end."""
    offsets: list[int] | None = None
    length = len(written)
    text = written
    if length > LONGEST:
        head = LONGEST - TAIL
        text = f"{written[:head]}\n{written[length - TAIL + 1 :]}"
        offsets = [*range(head + 1), *range(length - TAIL + 1, length)]
    if _ODD.search(text):
        text = text.translate(_FOLD)
        if _GONE.search(text):
            text, offsets = _without_marks(text, offsets)
    low = lower(text)
    return Normal(text, low, tuple(offsets) if offsets is not None else None, length)


def _without_marks(text: str, offsets: list[int] | None) -> tuple[str, list[int]]:
    """Take out what is not seen and put letters and their accents together."""
    pieces: list[str] = []
    kept: list[int] = []
    position = 0

    def keep(piece: str, places: range) -> None:
        pieces.append(piece)
        kept.extend(offsets[place] for place in places) if offsets is not None else kept.extend(places)

    for match in _GONE.finditer(text):
        start, end = match.span()
        keep(text[position:start], range(position, start))
        if text[start] != "\0":
            whole = unicodedata.normalize("NFC", match.group())
            keep(whole[0], range(start, start + 1))
        position = end
    keep(text[position:], range(position, len(text)))
    return "".join(pieces), kept
