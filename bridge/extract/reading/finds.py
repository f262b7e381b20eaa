"""What the readers of one text hand over: something that looks like a contact, taken or dropped, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.model import PointKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A candidate in one text. Positions count in the text's normal form."""

    kind: PointKind
    start: int
    end: int
    #: normal form; None: it is no contact, and `rule` says why
    value: str | None
    #: how it was read, or why it was dropped
    rule: str
    extension: str | None = None
    flags: tuple[str, ...] = ()
    #: False: nothing but its digits says that it is a phone
    certain: bool = True


@dataclass(slots=True)
class Budget:
    """How many digit strings may still be checked against a numbering plan (about 35 µs each), of a chat and of one text.

    People who leave a contact need two or three; a pasted table of numbers must not hold up other chats.
    """

    left: int = 1_000
    of_text: int = 80
    _most_of_text: int = 80

    def begin_text(self) -> None:
        """From here on it is another text."""
        self.of_text = self._most_of_text

    def is_spent(self) -> bool:
        """Whether there is no use in looking for digits in this text any more."""
        return self.left <= 0 or self.of_text <= 0

    def pay(self, rest: Budget) -> bool:
        """Whether a text that was read before, and left this rest of a new budget, would be read the same with what is left of
        this one. If so, what it takes is taken.
        """
        spent = Budget().left - rest.left
        if spent >= self.left:
            return False
        self.left -= spent
        self.of_text = rest.of_text
        return True

    def take(self) -> bool:
        """Whether one more may be checked."""
        if self.is_spent():
            return False
        self.left -= 1
        self.of_text -= 1
        return True
