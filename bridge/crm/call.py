"""One call to a target: what is to be asked, before any of it is rendered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.templates import TextTemplate
from bridge.mapping.schema.request import Request
from bridge.transport import PreparedRequest

#: called right before the bytes of a request leave; what it raises stops them
Guard = Callable[[], Awaitable[None]]


class Tokens(Protocol):
    """Access tokens that run out: where they are kept and how a new one is had."""

    async def current(self) -> Mapping[str, Any]:
        """What stands in scope as `token`."""
        ...

    async def refresh(self, stale: Mapping[str, Any]) -> Mapping[str, Any]:
        """A token newer than `stale`; many may ask at once, one new token comes of it."""
        ...

    async def settle(self, seconds: float) -> None:
        """Let a renewal that is under way come to its end, at most so long."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be asked."""

    #: as the mapping's rules and limits know it: find, read, create, note, look …
    operation: str
    request: Request
    scope: Mapping[str, Any]
    #: for the trace: "find by phone"
    what: str
    #: nothing may be left out (searches, reads, looks)
    strict: bool = False
    more: Mapping[str, str] = field(default_factory=dict)
    #: over the answer: true says "there is none", although it looks like an error
    nothing: Expression | None = None
    #: called right before the bytes leave; what it raises stops the request
    guard: Guard | None = None
    #: what the path is appended to, in place of the mapping's own
    base_url: TextTemplate | None = None
    #: a request that is made already: it goes to an address that an answer gave, which may itself be a secret
    prepared: PreparedRequest | None = None
    #: a list is taken up where it was left: with the value that its last page gave for the next one
    begin: Any = None
