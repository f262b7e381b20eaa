"""What people call a pipeline, a stage or a source → the id by which the CRM wants it, remembered for a while.

The configuration says «Sales»; most CRMs take only 1300. Whoever writes an id is not asked to have it looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.clock import Clock
from bridge.crm.call import Call, Caller
from bridge.crm.decipher import as_id
from bridge.crm.search import listed
from bridge.errors import EmptyExpression, Rejected
from bridge.mapping.crm import NAMED, Named, NameList
from bridge.model import Step

#: names that a message lists, so that whoever mistyped one sees the right one
SHOWN = 20

Records = list[dict[str, Any]]


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

    async def _records(self, key: str, rule: NameList, scope: Mapping[str, Any], steps: list[Step]) -> Records:
        held = (key, str(scope["deal"].get("pipeline") or ""))
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
    there: dict[str, str] = {}
    for record in records:
        found = as_id(rule.id(record))
        belongs = pipeline is None or rule.of is None or as_id(rule.of(record)) == pipeline
        if found is not None and belongs:
            if found == wanted:
                return found
            there.setdefault(" ".join(str(rule.name(record) or "").split()).casefold(), found)
    same = there.get(" ".join(wanted.split()).casefold())
    if same is None:
        names = ", ".join(f"«{name}»" for name in list(there)[:SHOWN]) or "none"
        raise Rejected(
            f"The CRM has no {key} «{wanted}»; there are: {names}. Put it right in the route's options.", operation="deal"
        )
    return same
