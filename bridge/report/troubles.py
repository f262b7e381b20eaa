"""What needs a person: found in the store, said in words. The overview lists it, the alerts carry it out of the house.

No contact data in any of it: names of connections, our own reasons, counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import urlencode

from bridge.report.explanations import explain
from bridge.report.language import Language, counted
from bridge.report.words import WORDS
from bridge.store import Store

Kind = Literal["jobs", "stopped", "not_understood", "clock"]
KINDS: tuple[Kind, ...] = ("stopped", "jobs", "not_understood", "clock")

#: seconds for which deliveries that nobody could read are a matter of today
FRESH = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    kind: Kind
    #: of the chat connection or the CRM connection
    name: str
    state: str = ""
    reason: str = ""
    code: str = ""
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
            "not_understood": {"state": "not_understood", "source": self.name},
            "clock": {"source": self.name},
        }[self.kind]
        page = "/deliveries" if self.kind in {"not_understood", "clock"} else "/jobs"
        return f"{page}?{urlencode({key: value for key, value in query.items() if value})}"


class Described(NamedTuple):
    #: which connection
    subject: str
    what: str
    todo: str


async def troubles(store: Store, now: float) -> list[Trouble]:
    """All of it, the gravest first."""
    reading = store.reading()
    found = [
        Trouble(kind="stopped", name=stop.target, state="stopped", reason=stop.reason, since=stop.since, until=stop.until)
        for stop in (await store.stops()).values()
    ]
    found += [
        Trouble(kind="jobs", name=row["target"], state=row["state"], reason=row["reason"], code=row["error_code"],
                count=row["n"], since=row["since"])
        for row in await reading.held_or_dead()
    ]
    found += [
        Trouble(kind="not_understood", name=row["source"], count=row["n"], since=row["since"])
        for row in await reading.not_understood(now - FRESH)
    ]
    return [*found, *_from_alerts(await store.open_alerts())]


def _from_alerts(causes: Iterable[str]) -> list[Trouble]:
    """What cannot be seen in the store by itself, but was said by whoever noticed."""
    return [Trouble(kind="clock", name=cause.partition(":")[2]) for cause in causes if cause.startswith("clock:")]


def describe(trouble: Trouble, language: Language) -> Described:
    words = WORDS[language]
    of_source = trouble.kind in {"not_understood", "clock"}
    subject = f"{words['source' if of_source else 'target']} {trouble.name}"
    if trouble.kind == "jobs":
        why, todo = explain(trouble.state, trouble.reason, language)
        what = f"{_capital(words['t_jobs_' + trouble.state])}: {counted(trouble.count, 'chat', language)}. {_capital(why)}."
        return Described(subject, what, todo)
    if trouble.kind == "stopped":
        why, todo = explain("stopped", trouble.reason, language)
        return Described(subject, f"{_capital(words['t_stopped'])}: {why}.", todo)
    if trouble.kind == "not_understood":
        counts = counted(trouble.count, "delivery", language)
        return Described(subject, f"{_capital(words['t_not_understood'])}: {counts}.", words["t_not_understood_todo"])
    return Described(subject, f"{words['t_clock']}.", words["t_clock_todo"])


def sentence(trouble: Trouble, language: Language) -> str:
    """All of it as one line, for a message."""
    described = describe(trouble, language)
    return f"{described.subject}: {described.what[:1].lower()}{described.what[1:]} {described.todo}".strip()


def by_cause(found: Iterable[Trouble]) -> Mapping[str, Trouble]:
    return {trouble.cause: trouble for trouble in found}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
