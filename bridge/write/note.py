"""A note's text in parts, each within the CRM's limit, each ending with the markers by which it is found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bridge.errors import MappingError
from bridge.mapping.language.templates import Template
from bridge.mapping.schema import Note, NoteMax
from bridge.model import Json
from bridge.write.clean import clean, clean_name
from bridge.write.head import Head
from bridge.write.markers import MarkerKeys
from bridge.write.markup import MARKUPS, PLAIN, Line, line
from bridge.write.split import Block, Frame, Measure, keys_of, lines_of, split
from bridge.write.transcript import Numbered, transcript

#: in the label of a part, which stands in every one
LONGEST_LABEL = 40
#: a label may take up to this share of a part
_LABEL_SHARE = 4

MEASURES: Mapping[str, Measure] = {
    "characters": len,
    "bytes": lambda text: len(text.encode()),
    "utf16": lambda text: len(text.encode("utf-16-le")) // 2,
}


@dataclass(frozen=True, slots=True)
class NotePart:
    number: int
    of: int
    text: str
    marker: str
    keys: tuple[str, ...]


def compose(head: Head, messages: Sequence[Numbered], remarks: Sequence[str], scope: Mapping[str, Json]) -> list[Block]:
    """What the note says, in blocks: by the target's template if it has one, else the head and the transcript."""
    work = head.work
    body = transcript(work.chat, messages, work.masked, head.speech, work.settings.tz)
    above = [head.headline, *head.facts(messages, remarks)]
    if work.settings.template is None:
        return [*(Block((fact,)) for fact in above), *body]
    told = {
        "title": head.title,
        "headline": PLAIN.render(above[0]),
        "facts": [PLAIN.render(fact) for fact in above[1:]],
        "transcript": PLAIN.join([line for block in body for line in block.lines]).strip(),
    }
    texts = _filled(work.settings.template, {**scope, "note": told})
    return [*(Block((line(text),)) for text in texts), Block((), keys=tuple(numbered.key for numbered in messages))]


def in_parts(
    blocks: Sequence[Block], note: Note, keys: MarkerKeys, head: Head, *, kind: str, carried: Sequence[str],
    generation: int,
) -> list[NotePart]:
    """The parts as they are sent. `carried`: the keys of the whole note, on which the markers rest.

    Raises MappingError if the mapping's `max` leaves no room for text.
    """
    markup = MARKUPS[note.markup]
    limit, measure, counted = _limit(note.max)
    first = keys.operation(kind, carried, 1, generation)
    whole = [*lines_of(blocks), *_tail(keys.chat, first)]
    text = markup.join(whole)
    # nearly every note is this short, and its text is there
    if limit is None or measure(text if counted else PLAIN.join(whole)) <= limit:
        return [NotePart(1, 1, text, first, tuple(keys_of(blocks)))]
    frame = Frame(markup if counted else PLAIN, limit, measure, _label(head, limit, measure), _tail(keys.chat, first))
    parts = split(blocks, frame)
    made = []
    for number, part in enumerate(parts, start=1):
        marker = first if number == 1 else keys.operation(kind, carried, number, generation)
        text = markup.join([*part.lines, *_tail(keys.chat, marker)])
        made.append(NotePart(number, len(parts), text, marker, tuple(part.keys)))
    return made


def marked(text: str, keys: MarkerKeys, marker: str) -> str:
    """A short plain text (task, deal) with its markers."""
    return PLAIN.join([*map(line, text.split("\n")), *_tail(keys.chat, marker)])


def _tail(chat_marker: str, marker: str) -> tuple[Line, ...]:
    return (), line(f"{chat_marker} {marker}")


def _limit(most: NoteMax | None) -> tuple[int | None, Measure, bool]:
    if most is None:
        return None, len, True
    limits = {"characters": most.characters, "bytes": most.bytes_, "utf16": most.utf16}
    unit = next(unit for unit, limit in limits.items() if limit is not None)
    return limits[unit], MEASURES[unit], most.after_markup


def _label(head: Head, limit: int, measure: Measure) -> Callable[[int, int], Line]:
    who = clean_name(head.who, LONGEST_LABEL)

    def label(number: int, of: int) -> Line:
        if number > 1:
            named = head.speech.word("part_of", number=number, of=of, who=who)
            if measure(named) * _LABEL_SHARE <= limit:
                return line(named)
        return line(head.speech.word("part", number=number, of=of))

    return label


def _filled(template: Template, scope: Mapping[str, Json]) -> list[str]:
    filled = template.fill(scope)
    texts = filled if isinstance(filled, list) else [filled]
    text = clean("\n".join(str(item) for item in texts if item is not None))
    if not text:
        raise MappingError("note.template came out empty for this chat; give it a line that is always there, "
                           "like {note.transcript}, or leave it out for the usual layout")  # fmt: skip
    return text.split("\n")
