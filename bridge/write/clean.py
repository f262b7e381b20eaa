"""Makes text that strangers wrote harmless before it goes into a note, in any markup.

Taken out: NUL and other controls, halves of surrogate pairs, characters that turn the direction of the text or that nobody
can see (with them a visitor could forge what a colleague reads, or hide a marker from our own search), non-characters
that XML forbids. Kept: the joiners that emoji and some scripts need.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from pydantic_core import to_json

from bridge.model import Json
from bridge.write.markers import strip_lookalikes

_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufdd0-\ufdef\ufffe\uffff"
    "\ud800-\udfff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff" + "".join(chr(plane * 0x10000 + end) for plane in range(1, 17) for end in (0xFFFE, 0xFFFF))
    + "]",
)
_JOINERS = ("\u200c", "\u200d")
_EMPTY_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_BLANKS = re.compile(r"\s+")
#: what the transcript's lines begin with; a name must not contain it
_SIGNS = re.compile("[●○◇│]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

MASK = "•"


def clean(text: str) -> str:
    """Text of several lines: harmless, broken by line feeds only, at most one empty line in a row, no blanks around it."""
    if text.isprintable():
        # most texts: no line break of any kind stands in them, and what nobody can see only outside ASCII
        return strip_lookalikes((text if text.isascii() else _INVISIBLE.sub(_keep_joiner, text)).strip())
    text = _BREAKS.sub("\n", text)
    text = _INVISIBLE.sub(_keep_joiner, text)
    return strip_lookalikes(_EMPTY_LINES.sub("\n\n", text).strip())


def clean_line(text: str) -> str:
    """The same on one line."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return (strip_lookalikes(text) if "2" in text else text).strip()
    text = clean(text)
    return (text if text.isprintable() and "  " not in text else _BLANKS.sub(" ", text)).strip()


def clean_name(text: str, longest: int) -> str:
    """A name for the head of a line: no signs that tell the roles apart; one too long ends with an ellipsis."""
    name = clean_line(text)
    if not name.isascii():
        name = _BLANKS.sub(" ", _SIGNS.sub(" ", name)).strip()
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"


def mask(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Letters and digits of the spans become dots; what stands around them stays."""
    for start, end in spans:
        hidden = "".join(MASK if character.isalnum() else character for character in text[start:end])
        text = text[:start] + hidden + text[end:]
    return text


def storable(value: Json) -> Json:
    """JSON without what no database or request body takes: NULs and halves of surrogate pairs."""
    # Nearly always there is nothing to take out, and writing it down finds that out twenty times faster than looking at
    # each value: a NUL is written as \u0000, and half of a pair cannot be encoded.
    try:
        written = to_json(value)
    except ValueError:
        return _cleaned(value)
    return _cleaned(value) if b"\\u0000" in written or not isinstance(value, dict | list | str) else value


def _cleaned(value: Json) -> Json:
    if isinstance(value, str):
        return value if value.isprintable() else _UNSTORABLE.sub("", value)
    # asking an abstract class costs ten times as much as asking a type
    if type(value) is dict or isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def _keep_joiner(hit: re.Match[str]) -> str:
    text, place = hit.string, hit.start()
    if text[place] not in _JOINERS or not 0 < place < len(text) - 1:
        return ""
    return text[place] if _needs_joiner(text[place - 1]) and _needs_joiner(text[place + 1]) else ""


def _needs_joiner(neighbour: str) -> bool:
    # Emoji sequences, and the scripts from Arabic to the Indic ones, where a joiner changes the letters beside it.
    return unicodedata.category(neighbour) in ("So", "Sk") or neighbour == "\ufe0f" or "\u0620" <= neighbour <= "\u0dff"
