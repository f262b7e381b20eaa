"""What goes wrong between us and a provider's API, sorted by what helps. Pure.

The requests are sent and their answers read by what speaks to CRMs, so the errors are of those classes; the words are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from bridge.errors import (
    AccessRefused,
    AuthExpired,
    Blocked,
    BridgeError,
    Busy,
    CrmBroken,
    CrmError,
    EmptyExpression,
    NoAnswer,
    NotFound,
    NotSent,
    TryLater,
)
from bridge.pacing.retry import RetryRules, wait_after

#: seconds to the second look for what was not ready at the first; twice as long each time …
FIRST_PATIENCE = 5.0
#: … up to this
LONGEST_PATIENCE = 600.0


class Remedy(StrEnum):
    #: the provider cannot do it now
    LATER = "later"
    #: what was asked for is not there yet
    NOT_YET = "not_yet"
    #: every other request of the source would be refused as well
    REST = "rest"
    #: it will not get better by itself
    PERSON = "person"


class NotReady(BridgeError):
    """The chat service has not got it ready yet."""

    code = "not_ready"


class AsksForEver(BridgeError):
    """After each answer the mapping's rules want something else; a rule's `when` must not change what is fetched for it."""

    code = "asks_for_ever"


@dataclass(frozen=True, slots=True)
class Failure:
    remedy: Remedy
    #: for the delivery's page; nobody's data in it
    why: str
    #: seconds the provider asked us to wait; such a wait uses up no attempt
    retry_after: float | None = None
    #: the provider itself is out of order, whatever it was asked for
    outage: bool = False

    @property
    def uses_attempt(self) -> bool:
        return self.remedy is not Remedy.REST and self.retry_after is None

    def wait(self, attempt: int, rules: RetryRules, chance: float) -> float:
        """Seconds to the next try after this one, number `attempt` (from 1)."""
        if self.retry_after is not None:
            return min(self.retry_after, rules.longest)
        if self.remedy is Remedy.NOT_YET:
            return min(LONGEST_PATIENCE, FIRST_PATIENCE * 2.0 ** min(attempt - 1, 60))
        return wait_after(attempt, rules, chance)


_ASKED_FOR_WRONGLY = "The chat service refuses the request; see whether the mapping still fits its API"
#: the first class that fits
_KINDS: tuple[tuple[type[BridgeError], Remedy, str], ...] = (
    (NotReady, Remedy.NOT_YET, "The chat service has not got it ready yet"),
    (NotFound, Remedy.NOT_YET, "The chat service has no such record (yet)"),
    (Blocked, Remedy.REST, "The chat service has blocked us"),
    (AccessRefused, Remedy.REST, "The chat service refuses our key: check the source's `token`, its rights, and `url`"),
    (AuthExpired, Remedy.REST, "The key for the chat service has run out: set a new `token`"),
    (Busy, Remedy.LATER, "The chat service's rate limit is reached"),
    (NotSent, Remedy.LATER, "The chat service could not be reached"),
    (NoAnswer, Remedy.LATER, "The chat service gave no whole answer"),
    (CrmBroken, Remedy.LATER, "The chat service had an error of its own, or gave an answer that is no JSON"),
    (TryLater, Remedy.LATER, "The chat service cannot do it now"),
    (CrmError, Remedy.PERSON, _ASKED_FOR_WRONGLY),
)


def sort_out(error: BridgeError | TimeoutError) -> Failure:
    """What helps against an error of a request."""
    if isinstance(error, TimeoutError):
        return Failure(Remedy.LATER, "The chat service took too long over it.", outage=True)
    if isinstance(error, CrmError) and error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        # Also with a page for people instead of JSON: one chat that is gone must not stop the others.
        return Failure(Remedy.NOT_YET, _sentence("The chat service has no such record (yet)", error))
    if isinstance(error, AccessRefused) and error.status is None:
        return Failure(Remedy.REST, "The source's `url` or `token` is missing in the config, or not complete.")
    for kind, remedy, words in _KINDS:
        if isinstance(error, kind):
            return Failure(
                remedy,
                _sentence(words, error),
                retry_after=error.retry_after if isinstance(error, TryLater) else None,
                outage=isinstance(error, NoAnswer | NotSent | CrmBroken),
            )
    # EmptyExpression and its like say themselves what is wrong with the mapping
    return Failure(Remedy.PERSON, error.message if isinstance(error, EmptyExpression | AsksForEver) else _ASKED_FOR_WRONGLY)


def _sentence(words: str, error: BridgeError) -> str:
    status = f" (HTTP {error.status})" if isinstance(error, CrmError) and error.status is not None else ""
    excerpt = f": {error.excerpt}" if isinstance(error, CrmError) and error.excerpt else "."
    return f"{words}{status}{excerpt}"
