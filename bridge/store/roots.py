"""What a write is about: what nobody else may change between what it reads and its commit.

Where several processes write, an engine locks that before the write looks at anything. Where one process does and its writes
follow one another, there is nothing to lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Roots(NamedTuple):
    #: numbers of chats, or of jobs of these chats
    chats: Iterable[int] = ()
    jobs: Iterable[int] = ()
    #: chats by (source, chat id); those that are not there yet cannot be locked: their unique name keeps them single
    named: Iterable[tuple[str, str]] = ()
    #: statements that give chats
    chats_of: Iterable[tuple[str, tuple[object, ...]]] = ()
    deliveries: Iterable[int] = ()
    #: (source, visitor id)
    visitors: Iterable[tuple[str, str]] = ()
    #: what must not be done by two at once, under any name
    guards: Iterable[str] = ()
    keys: Iterable[str] = ()


NOTHING = Roots()
