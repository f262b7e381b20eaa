"""What a request asks for: filters and numbers out of the address. What is not one is left out, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from bridge.errors import Refused
from bridge.model import JobState

#: the greatest row number of any store
_GREATEST = 2**63 - 1
_DELIVERY_STATES = ("received", "fetching", "held", "sorted", "skipped", "not_understood")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    state: str | None = None
    source: str | None = None
    target: str | None = None
    reason: str | None = None
    before: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> JobFilter:
        return cls(
            state=_one_of(query.get("state"), [state.value for state in JobState]), source=query.get("source") or None,
            target=query.get("target") or None, reason=query.get("reason") or None, before=number(query.get("before")),
        )  # fmt: skip

    @property
    def states(self) -> tuple[str, ...]:
        return (self.state,) if self.state else ()

    @property
    def is_any(self) -> bool:
        return not (self.state or self.source or self.target or self.reason)

    def query(self, *, before: int | None = None) -> str:
        given = {"state": self.state, "source": self.source, "target": self.target, "reason": self.reason, "before": before}
        return urlencode({key: value for key, value in given.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    state: str | None = None
    source: str | None = None
    before: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> DeliveryFilter:
        return cls(
            state=_one_of(query.get("state"), _DELIVERY_STATES), source=query.get("source") or None,
            before=number(query.get("before")),
        )  # fmt: skip

    def query(self, *, before: int | None = None) -> str:
        given = {"state": self.state, "source": self.source, "before": before}
        return urlencode({key: value for key, value in given.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Jobs that stand still for one cause."""

    state: JobState
    target: str
    reason: str
    code: str

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Group:
        """Raises Refused: a group that is not named whole would be a larger one."""
        values = {key: given.get(key) for key in ("state", "target", "reason", "code")}
        if values["state"] not in {JobState.HELD, JobState.DEAD} or not values["target"]:
            raise Refused("Name the group: state (held or dead), target, reason and code.")
        texts = {key: value if isinstance(value, str) else "" for key, value in values.items()}
        return cls(state=JobState(texts["state"]), target=texts["target"], reason=texts["reason"], code=texts["code"])


def number(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 19:  # noqa: PLR2004 - digits of _GREATEST
        return None
    value = int(text)
    return value if 0 < value <= _GREATEST else None


def row_number(request: web.Request) -> int:
    """The number in the path. Raises 404."""
    found = number(request.match_info["id"])
    if found is None:
        raise web.HTTPNotFound
    return found


def _one_of(text: str | None, known: list[str] | tuple[str, ...]) -> str | None:
    return text if text in known else None
