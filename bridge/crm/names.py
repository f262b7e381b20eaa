"""What people call a pipeline, a stage or a source → the id by which the CRM wants it, remembered for a while.

The configuration says «Sales»; most CRMs take only 1300. Whoever writes an id is not asked to have it looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.clock import Clock
from bridge.crm.call import Call
from bridge.crm.caller import Caller
from bridge.crm.decipher import as_id
from bridge.crm.search import listed
from bridge.errors import EmptyExpression, Rejected
from bridge.mapping.schema.known import NAMED, Named, NameList
from bridge.model import Step

#: names that a message lists, so that whoever mistyped one sees the right one
SHOWN = 20

Records = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sighting:
    """Whether the CRM has what was asked for by a name or an id."""

    key: Named
    wanted: str
    #: None: it has not
    id: str | None
    #: what it has: id → name
    there: Mapping[str, str]


class Names:
    def __init__(self, lists: Mapping[Named, NameList], caller: Caller, clock: Clock) -> None:
        #: in the order in which they are resolved: a stage may have to be one of its pipeline's
        self._lists = {key: lists[key] for key in NAMED if key in lists}
        self._caller = caller
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, Records]] = {}

    async def resolved(self, scope: Mapping[str, Any], steps: list[Step]) -> dict[str, Any]:
        """The scope with ids in place of names in `deal`.

        Raises:
            Rejected: the CRM has no such name; those that there are stand in the message.
            CrmError: the list could not be had.
        """
        deal = dict(scope.get("deal") or {})
        for key, rule in self._lists.items():
            wanted = str(deal.get(key) or "").strip()
            if wanted and not wanted.isdecimal():
                pipeline = as_id(deal.get("pipeline"))
                records = await self._records(key, rule, {**scope, "deal": deal}, steps)
                deal[key] = _id_of(key, wanted, rule, records, pipeline)
        return {**scope, "deal": deal} if deal else dict(scope)

    async def seen(self, wanted: Mapping[Named, str | None], steps: list[Step]) -> list[Sighting]:
        """Look each of them up, ids too, in the order in which `resolved` does. A stage of a pipeline that is not there is passed
        over, and so is whatever the mapping has no list for. Raises as `resolved`, but for what is not there.
        """
        deal: dict[str, Any] = {key: str(name or "").strip() or None for key, name in wanted.items()}
        found: list[Sighting] = []
        for key, rule in self._lists.items():
            name = deal.get(key)
            if not name or (key == "stage" and any(one.key == "pipeline" and one.id is None for one in found)):
                continue
            records = await self._records(key, rule, {"deal": deal}, steps)
            there = _there(rule, records, as_id(deal.get("pipeline")))
            deal[key] = _named(name, there)
            found.append(Sighting(key, name, deal[key], there))
        return found

    async def _records(self, key: str, rule: NameList, scope: Mapping[str, Any], steps: list[Step]) -> Records:
        held = (key, "" if key == "pipeline" else str(scope["deal"].get("pipeline") or ""))
        until, known = self._known.get(held, (0.0, []))
        if self._clock.monotonic() < until:
            return known
        try:
            found = await listed(self._caller, Call("names", rule, scope, f"list {key}s", strict=True), steps)
        except EmptyExpression as error:
            raise Rejected(
                f"The {key} cannot be looked up by its name: {error.message}. Give the {key} by its id, or the pipeline as well.",
                operation="deal",
            ) from error
        self._known[held] = (self._clock.monotonic() + rule.cache, found)
        return found


def _id_of(key: str, wanted: str, rule: NameList, records: Records, pipeline: str | None) -> str:
    there = _there(rule, records, pipeline)
    found = _named(wanted, there)
    if found is None:
        raise Rejected(
            f"The CRM has no {key} «{wanted}»; there are: {shown(there)}. Put it right in the route's options.", operation="deal"
        )
    return found


def shown(there: Mapping[str, str]) -> str:
    """The names, for whoever mistyped one."""
    return ", ".join(f"«{name}»" for name in list(dict.fromkeys(there.values()))[:SHOWN]) or "none"


def _there(rule: NameList, records: Records, pipeline: str | None) -> dict[str, str]:
    """Id → name, of the pipeline alone where there is one."""
    there: dict[str, str] = {}
    for record in records:
        found = as_id(rule.id(record))
        belongs = pipeline is None or rule.of is None or as_id(rule.of(record)) == pipeline
        if found is not None and belongs:
            there.setdefault(found, " ".join(str(rule.name(record) or "").split()))
    return there


def _named(wanted: str, there: Mapping[str, str]) -> str | None:
    """The id of what is called so, or has this id."""
    if wanted in there:
        return wanted
    called = " ".join(wanted.split()).casefold()
    return next((found for found, name in there.items() if name.casefold() == called), None)
