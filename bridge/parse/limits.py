"""How much of a delivery is read: a body made to hold up everybody costs about as much as the largest honest one.

What is beyond a limit is not thrown away: an authentic delivery is kept whole and shown as not understood, with the setting's
name, and can be read again under a higher one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import NotUnderstood


@dataclass(frozen=True, slots=True)
class Limits:
    """`receive.max_depth`, `max_values`, `max_messages`, `max_parts`."""

    #: levels of objects and lists within one another
    depth: int = 64
    #: members of all objects and lists of a body together
    values: int = 100_000
    #: of one chat, also of one that was told in many deliveries
    messages: int = 5_000
    #: of one delivery, each with a chat of its own
    parts: int = 1_000

    def check_depth(self, payload: Any) -> None:
        """Raises NotUnderstood. By levels, not by recursion: what is being guarded against is made to exhaust the stack."""
        level = [payload]
        for _ in range(self.depth):
            level = [
                child
                for container in level
                for child in (container.values() if type(container) is dict else container)
                if type(child) is dict or type(child) is list
            ]
            if not level:
                return
        raise self.too_deep()

    def too_deep(self) -> NotUnderstood:
        return NotUnderstood(f"the body is nested more than {self.depth} levels deep (`receive.max_depth`)")

    def check_messages(self, count: int, what: str) -> None:
        """Raises NotUnderstood. `what`: of what there are so many, in the plural."""
        _check(count, self.messages, what, "receive.max_messages")

    def check_parts(self, count: int) -> None:
        """Raises NotUnderstood."""
        _check(count, self.parts, "parts in the delivery", "receive.max_parts")


def _check(count: int, most: int, what: str, setting: str) -> None:
    if count > most:
        raise NotUnderstood(
            f"there are {count} {what}; more than {most} are not read. Are they real? Then raise `{setting}` and have the"
            " delivery read again"
        )


#: where nobody has set others
LIMITS = Limits()

#: a JSON string, also one without an end: so nothing in it is looked at twice
_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


@dataclass(slots=True)
class Room:
    """What of a body may still be read, over all the pieces of JSON in it.

    Args:
        size: bytes of the body, if known: each member takes one at least, so that those of a small body need no counting.
    """

    limits: Limits
    size: int | None = None
    _left: float = field(init=False)

    def __post_init__(self) -> None:
        small = self.size is not None and self.size <= self.limits.values
        self._left = math.inf if small else self.limits.values

    def take(self, text: str) -> None:
        """Make room for this JSON, before any of it is built. Raises NotUnderstood."""
        if self._left == math.inf:
            return
        count = _separators(text)
        if count > self._left:  # commas in what people wrote are no members
            count = _separators(_STRINGS.sub("", text))
        self.take_values(count)

    def take_values(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise NotUnderstood(
                f"the body has more than {self.limits.values} members of objects and lists. Is it real? Then raise"
                " `receive.max_values` and have the delivery read again"
            )


def _separators(text: str) -> int:
    """No fewer than the members that the text's objects and lists have together."""
    return text.count(",") + text.count("[") + text.count("{")
