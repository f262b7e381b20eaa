"""Long notes in parts: cut between messages, inside one only where it must be, at a word; nothing is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bridge.errors import MappingError
from bridge.write.graphemes import word_boundary
from bridge.write.markup import Line, Markup, Span, Style, line

#: length of a text in the unit of the CRM's limit
Measure = Callable[[str], int]

_CONTINUED = line("│ ")


class Block(NamedTuple):
    """Lines that stay together if they can: a message, a line of the head."""

    lines: tuple[Line, ...]
    #: keys of its messages; a part carries them when the block's end stands in that part
    keys: tuple[str, ...] = ()
    #: the line with the day, repeated where a part begins in the middle of one
    day: Line | None = None
    #: says what stands before the rest of a line that had to be cut; asked only then
    resume: Callable[[], Line] = lambda: _CONTINUED

    @property
    def fresh(self) -> tuple[Line, ...]:
        """The lines as they begin a part."""
        return self.lines if self.day is None or self.day in self.lines else (self.day, *self.lines)


def lines_of(blocks: Sequence[Block]) -> list[Line]:
    return [line for block in blocks for line in block.lines]


def keys_of(blocks: Sequence[Block]) -> list[str]:
    return [key for block in blocks for key in block.keys]


@dataclass(frozen=True, slots=True)
class Part:
    lines: list[Line]
    keys: list[str]


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds the text: the limit and how it is counted, the label of a part, the last lines."""

    markup: Markup
    limit: int
    measure: Measure
    #: (number, of) → the line that says so
    label: Callable[[int, int], Line]
    #: what every part ends with, as long as it will be
    tail: tuple[Line, ...]

    def cost(self, line: Line) -> int:
        """A line with the break after it."""
        return self.measure(self.markup.render(line)) + self.measure(self.markup.line_break)

    def costs(self, lines: Sequence[Line]) -> int:
        return sum(map(self.cost, lines))


def split(blocks: Sequence[Block], frame: Frame) -> list[Part]:
    """The parts, without tails; labels are in them if there are several. Raises MappingError if the limit is too small."""
    costs = [frame.costs(block.lines) for block in blocks]
    # The last line has no break after it.
    limit = frame.limit + frame.measure(frame.markup.line_break) - frame.costs(frame.tail)
    if sum(costs) <= limit:
        return [Part(lines_of(blocks), keys_of(blocks))]
    digits = 1
    while True:
        widest = 10**digits - 1
        room = limit - max(frame.cost(frame.label(number, widest)) for number in (1, widest))
        parts = _Packer(frame, room).pack(blocks, costs)
        if len(parts) <= widest:
            break
        digits += 1
    for number, part in enumerate(parts, start=1):
        # The first part opens with who it was; the label comes second there, first everywhere else.
        part.lines.insert(1 if number == 1 else 0, frame.label(number, len(parts)))
    return parts


def _length(line: Line) -> int:
    return sum([len(span.text) for span in line])


@dataclass(slots=True)
class _Packer:
    frame: Frame
    room: int
    parts: list[Part] = field(default_factory=list)
    left: int = 0

    def pack(self, blocks: Sequence[Block], costs: Sequence[int]) -> list[Part]:
        self._open()
        for block, cost in zip(blocks, costs, strict=True):
            if cost > self.left:
                self._make_room(block, cost)
            else:
                self._put(block.lines, cost)
            self.parts[-1].keys.extend(block.keys)
        return self.parts

    def _make_room(self, block: Block, cost: int) -> None:
        fresh = block.fresh
        if fresh is not block.lines:
            cost += self.frame.cost(fresh[0])
        if cost <= self.room:
            self._open()
            self._put(fresh, cost)
            return
        # Longer than a whole part: it is begun here if here is some room worth it.
        lines = block.lines
        if self.left < self.room // 3:
            self._open()
            lines = fresh
        for each in lines:
            self._pour(each, block)

    def _pour(self, line: Line, block: Block) -> None:
        unsaid = _length(line)
        while not self._fits(line):
            piece, rest = self._cut(line)
            if piece:
                self._put((piece,), self.frame.cost(piece))
                line = (*self._resume(block), *rest)
            # what only says again whose line it is takes up a part and gets nowhere
            if piece and _length(rest) < unsaid:
                unsaid = _length(rest)
            elif piece or not self.parts[-1].lines:
                raise MappingError(
                    f"note.max is {self.frame.limit}, which the part's number and the markers alone fill; "
                    "raise it, or leave it out if the CRM has no limit"
                )
            self._open()
        self._put((line,), self.frame.cost(line))

    def _fits(self, line: Line) -> bool:
        # A character costs one at least, whatever is counted: a book need not be written out to see that it is too long.
        return _length(line) <= self.left and self.frame.cost(line) <= self.left

    def _resume(self, block: Block) -> Line:
        resumed = block.resume()
        return resumed if self.frame.cost(resumed) * 2 < self.room else _CONTINUED

    def _cut(self, line: Line) -> tuple[Line, Line]:
        """What of the line fits into the room that is left, and the rest; nothing fits: ((), line)."""
        for place, span in enumerate(line):
            if self._fits(line[: place + 1]):
                continue
            # Half an address is no link.
            style = Style.NORMAL if span.style is Style.LINK else span.style
            at = self._fitting(line[:place], span.text, style)
            if at == 0:
                break
            piece = (*line[:place], Span(span.text[:at].rstrip(), style))
            return piece, (Span(span.text[at:].lstrip(), style), *line[place + 1 :])
        return (), line

    def _fitting(self, before: Line, text: str, style: Style) -> int:
        low, high = 0, min(len(text), self.left)
        while low < high:
            middle = (low + high + 1) // 2
            if self.frame.cost((*before, Span(text[:middle], style))) <= self.left:
                low = middle
            else:
                high = middle - 1
        return word_boundary(text, low) if low else 0

    def _open(self) -> None:
        self.parts.append(Part([], []))
        self.left = self.room

    def _put(self, lines: Sequence[Line], cost: int) -> None:
        self.parts[-1].lines.extend(lines)
        self.left -= cost
