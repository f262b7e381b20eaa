"""What the readers of one text hand over: something that looks like a contact, taken or dropped, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    """How many digit strings of a chat may still be checked against a numbering plan (about 35 µs each)."""

    left: int = 600
    #: set when something was not looked at
    spent: bool = field(default=False)

    def take(self) -> bool:
        """Whether one more may be checked."""
        if self.left > 0:
            self.left -= 1
            return True
        self.spent = True
        return False
