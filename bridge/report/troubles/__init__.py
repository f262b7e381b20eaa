"""What needs a person: found in the store, said in words. The overview lists it, the alerts carry it out of the house.

No contact data in any of it: names of connections, our own reasons, counts.

`causes` groups what stands still · `silence` knows sources that have been quiet for too long, `resting` CRMs · `needs` is all of
it as the pages list it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlencode

from bridge.log import mask
from bridge.report.troubles.silence import silent_since
from bridge.report.words import WORDS
from bridge.report.words.explanations import explain
from bridge.report.words.language import Language, counted
from bridge.store import TargetStop
from bridge.store.reading import Reading

Kind = Literal["jobs", "stopped", "breaker", "late", "unfetched", "not_understood", "silent", "refused", "fetching", "reconcile",
               "clock", "token", "disk", "queue"]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "stopped", "breaker", "jobs", "late", "unfetched", "not_understood", "silent", "refused", "fetching", "reconcile", "clock",
    "token", "disk", "queue",
)  # fmt: skip
#: those that are noticed in passing; what is in the store shows the others
NOTICED: tuple[Kind, ...] = ("breaker", "disk", "queue", "token", "refused", "fetching", "reconcile", "clock")

#: those of CRM connections; the others are of chat connections
OF_TARGETS = frozenset({"jobs", "stopped", "breaker", "late", "token"})
#: those of this service itself
OF_US = frozenset({"disk", "queue"})

#: seconds for which deliveries that nobody could read are a matter of today
FRESH = 86400.0
#: seconds after which a chat that could be written, and is not, is late
LATE = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    kind: Kind
    #: of the chat connection or the CRM connection
    name: str
    state: str = ""
    reason: str = ""
    code: str = ""
    #: of a stopped connection: what the CRM answered, in our words
    detail: str = ""
    #: jobs or deliveries
    count: int = 0
    #: seconds since 1970
    since: float | None = None
    #: a stopped connection is tried again then; None: it is not
    until: float | None = None

    @property
    def cause(self) -> str:
        """The same for as long as it is the same trouble."""
        parts = (self.kind, self.state, self.name, self.reason, self.code) if self.kind == "jobs" else (self.kind, self.name)
        return ":".join(parts)

    @property
    def path(self) -> str:
        """Of the page that lists it."""
        query = {
            "jobs": {"state": self.state, "target": self.name, "reason": self.reason},
            "stopped": {"state": "waiting", "target": self.name},
            "breaker": {"target": self.name}, "late": {"target": self.name},
            "not_understood": {"state": "not_understood", "source": self.name},
            "unfetched": {"state": "held", "source": self.name},
            "fetching": {"state": "fetching", "source": self.name},
            "disk": {}, "queue": {"state": "received"},
        }.get(self.kind, {"source": self.name})
        page = "/jobs" if self.kind in OF_TARGETS else "/deliveries"
        return f"{page}?{urlencode({key: value for key, value in query.items() if value})}"


class Described(NamedTuple):
    #: which connection
    subject: str
    what: str
    todo: str


class Asked(Protocol):
    """Of a store."""

    def reading(self) -> Reading: ...
    async def stops(self) -> dict[str, TargetStop]: ...
    async def open_alerts(self) -> dict[str, str]: ...


async def troubles(store: Asked, now: float, *, sources: Iterable[str] = (), silence: int = 0) -> list[Trouble]:
    """All of it, the gravest first. Of the sources named those are listed, too, that have been silent for `silence` times their
    usual gap (0: none).
    """
    reading, told = store.reading(), await store.open_alerts()
    found = [
        Trouble(kind="stopped", name=stop.target, state="stopped", reason=stop.reason, detail=mask(stop.detail), since=stop.since,
                until=stop.until)
        for stop in (await store.stops()).values()
    ]
    found += [
        Trouble(kind="jobs", name=row["target"], state=row["state"], reason=row["reason"], code=row["error_code"],
                count=row["n"], since=row["since"])
        for row in await reading.held_or_dead()
    ]
    known = {trouble.name for trouble in found if trouble.kind == "stopped"}
    # that chats wait while the CRM gives no answer is no news; unless it was told before
    known |= {trouble.name for trouble in _from_alerts(told) if trouble.kind == "breaker" and f"late:{trouble.name}" not in told}
    found += [
        Trouble(kind="late", name=row["target"], count=row["n"], since=row["since"])
        for row in await reading.late(now - LATE) if row["target"] not in known
    ]
    found += [
        Trouble(kind="not_understood", name=row["source"], count=row["n"], since=row["since"])
        for row in await reading.not_understood(now - FRESH)
    ]
    found += [
        Trouble(kind="unfetched", name=row["source"], count=row["n"], since=row["since"])
        for row in await reading.held_deliveries()
    ]
    found += [
        Trouble(kind="silent", name=name, since=since)
        for name in sources if (since := await silent_since(reading, name, now, silence)) is not None
    ]
    return [*found, *_from_alerts(told)]


def _from_alerts(causes: Iterable[str]) -> list[Trouble]:
    """What cannot be seen in the store by itself, but was said by whoever noticed."""
    return [trouble for cause in causes if (trouble := noticed(cause)) is not None]


def noticed(cause: str) -> Trouble | None:
    """The trouble of which that is the cause, if it is one that is noticed in passing."""
    found, _, name = cause.partition(":")
    return next((Trouble(kind=kind, name=name) for kind in NOTICED if found == kind), None)


def describe(trouble: Trouble, language: Language) -> Described:
    words = WORDS[language]
    of_target = trouble.kind in OF_TARGETS
    subject = words["brand"] if trouble.kind in OF_US else f"{words['target' if of_target else 'source']} {trouble.name}"
    if trouble.kind == "jobs":
        why, todo = explain(trouble.state, trouble.reason, language)
        what = f"{_capital(words['t_jobs_' + trouble.state])}: {counted(trouble.count, 'chat', language)}. {_capital(why)}."
        return Described(subject, what, todo)
    if trouble.kind == "stopped":
        why, todo = explain("stopped", trouble.reason, language)
        return Described(subject, " ".join(filter(None, (f"{_capital(words['t_stopped'])}: {why}.", trouble.detail))), todo)
    what, todo = _WORDS[trouble.kind]
    counts = f": {counted(trouble.count, 'chat' if of_target else 'delivery', language)}" if trouble.count else ""
    return Described(subject, f"{_capital(words[what])}{counts}.", words[todo])


#: what is said of a connection, and what helps
_WORDS: Mapping[str, tuple[str, str]] = {
    "breaker": ("t_breaker", "t_breaker_todo"),
    "late": ("t_late", "t_late_todo"),
    "silent": ("t_silent", "t_silent_todo"),
    "not_understood": ("t_not_understood", "t_not_understood_todo"),
    "unfetched": ("t_unfetched", "t_unfetched_todo"),
    "fetching": ("t_fetching", "t_fetching_todo"),
    "reconcile": ("t_reconcile", "t_reconcile_todo"),
    "refused": ("t_refused", "t_refused_todo"),
    "clock": ("t_clock", "t_clock_todo"),
    "token": ("t_token", "t_token_todo"),
    "disk": ("t_disk", "t_disk_todo"),
    "queue": ("t_queue", "t_queue_todo"),
}


def sentence(trouble: Trouble, language: Language) -> str:
    """All of it as one line, for a message."""
    described = describe(trouble, language)
    return f"{described.subject}: {described.what[:1].lower()}{described.what[1:]} {described.todo}".strip()


def by_cause(found: Iterable[Trouble]) -> Mapping[str, Trouble]:
    return {trouble.cause: trouble for trouble in found}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
