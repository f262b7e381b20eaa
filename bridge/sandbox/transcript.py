"""A note's text as something to look at: what stands above the chat, who said what and when, what stands below.

Text without a chat in it comes back as plain blocks; nothing is ever left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bridge.sandbox.points import MARKER

Kind = Literal["head", "visitor", "operator", "bot", "system", "day", "plain", "marks"]

#: characters before a name by which a plain text tells roles apart
SIGNS: dict[str, Kind] = {
    **dict.fromkeys("●▸►▶→👤", "visitor"),
    **dict.fromkeys("○◂◄◀←🎧", "operator"),
    **dict.fromkeys("◇🤖", "bot"),
    **dict.fromkeys("·•", "system"),
}
#: first words of a name, for texts without signs
NAMES: dict[str, Kind] = {
    **dict.fromkeys(("visitor", "client", "customer", "guest", "посетитель", "клиент", "гость"), "visitor"),
    **dict.fromkeys(("bot", "бот", "чат-бот"), "bot"),
    **dict.fromkeys(("system", "система"), "system"),
}
#: before every further line of a message, so that what a visitor typed cannot pass for somebody else's line
NEXT_LINE = "│"
_SAID = r"(?:(?P<name>[^\n:]{1,80}?):(?:\s+(?P<text>.*))?|(?P<bare>.+))$"
_LINE = re.compile(r"^\s*\[?(?P<time>\d{1,2}:\d{2})(?::\d{2})?\]?\s+(?P<sign>[^\w\s\"'(+]{1,3}(?=\s))?\s*" + _SAID)
_UNTIMED = re.compile(rf"^(?P<sign>[{''.join(SIGNS)}]\ufe0f?)\s+(?P<time>)" + _SAID)
#: a date by itself, or between dashes with its day of the week
_DAY = re.compile(
    r"^(?:\W*(?:\d{1,2}[./]\d{1,2}[./]\d{4}|\d{4}-\d{2}-\d{2}|\d{1,2} \w+ \d{4}|\w+ \d{1,2}, \d{4})\W*"
    r"|\s*[—–-]\s(?=.*\b\d{4}\b).{6,50}\s[—–-]\s*)$"
)
_VARIATION = "\ufe0f"


@dataclass(slots=True)
class Block:
    kind: Kind
    text: str
    time: str = ""
    name: str = ""
    #: the line before is of the same person
    goes_on: bool = False


def blocks(text: str, client_name: str | None = None) -> list[Block]:
    """Cut a note's text into blocks. `client_name` tells the visitor where no sign does."""
    found: list[Block] = []
    for line in text.replace("\r\n", "\n").strip("\n").split("\n"):
        spoken = _spoken(line, client_name)
        if spoken is not None:
            previous = found[-1] if found else None
            spoken.goes_on = previous is not None and (previous.kind, previous.name) == (spoken.kind, spoken.name)
            found.append(spoken)
        elif found and _is_talk(found[-1]) and line.strip() and not _closes(line):
            found[-1].text += "\n" + line.strip().removeprefix(NEXT_LINE).strip()
        else:
            found.append(Block(_kind_of(line), line))
    return list(_joined(_with_head(found)))


def headline(text: str) -> str:
    """The first line with something on it."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _spoken(line: str, client_name: str | None) -> Block | None:
    match = _LINE.match(line) or _UNTIMED.match(line)
    if match is None:
        return None
    sign = (match["sign"] or "").replace(_VARIATION, "")
    by_sign = next((SIGNS[character] for character in sign if character in SIGNS), None)
    if match["bare"] is not None:
        # A time and no name: only with a sign is it part of a chat ("12:30 lunch" in somebody's note is not).
        return Block(by_sign, match["bare"].strip(), match["time"]) if by_sign else None
    name = match["name"].strip()
    return Block(by_sign or _by_name(name, client_name), match["text"] or "", match["time"], name)


def _by_name(name: str, client_name: str | None) -> Kind:
    if client_name and name.casefold() == client_name.casefold():
        return "visitor"
    return NAMES.get(name.casefold().split()[0], "operator") if name else "operator"


def _is_talk(block: Block) -> bool:
    return block.kind in {"visitor", "operator", "bot", "system"}


def _closes(line: str) -> bool:
    return not line.startswith(NEXT_LINE) and bool(MARKER.search(line) or _DAY.match(line))


def _kind_of(line: str) -> Kind:
    if MARKER.search(line):
        return "marks"
    return "day" if _DAY.match(line) else "plain"


def _with_head(found: list[Block]) -> list[Block]:
    """Plain lines above a chat are its head."""
    first = next((place for place, block in enumerate(found) if _is_talk(block)), 0)
    for block in found[:first]:
        if block.kind == "plain":
            block.kind = "head"
    return found


def _joined(found: list[Block]) -> Iterator[Block]:
    """Neighbouring lines of one kind become one block; blank ones at its ends go."""
    open_block: Block | None = None
    for block in found:
        if _is_talk(block) or block.kind in {"day", "marks"}:
            if open_block and open_block.text.strip():
                yield _trimmed(open_block)
            open_block = None
            yield block
        elif open_block and open_block.kind == block.kind:
            open_block.text += "\n" + block.text
        else:
            if open_block and open_block.text.strip():
                yield _trimmed(open_block)
            open_block = block
    if open_block and open_block.text.strip():
        yield _trimmed(open_block)


def _trimmed(block: Block) -> Block:
    block.text = block.text.strip("\n")
    return block
