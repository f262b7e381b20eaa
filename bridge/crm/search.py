"""Searching for a client: each step of the mapping with each value, and nothing sent without its filter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from bridge.clock import Clock
from bridge.crm.call import Call
from bridge.crm.caller import Caller
from bridge.crm.clients import read_client, shows
from bridge.crm.listed import records_in, require_list
from bridge.crm.trace import skipped_step
from bridge.errors import EmptyExpression, NotFound
from bridge.mapping.schema.crm import CrmMapping, FindStep
from bridge.model import Client, Step

Read = Callable[[Client, Mapping[str, Any], list[Step]], Awaitable[Client]]

#: hits of one search that are read whole because the list does not show why they were found
MOST_READ = 5


class Search:
    def __init__(
        self, mapping: CrmMapping, caller: Caller, clock: Clock, target: Mapping[str, Any], read: Read
    ) -> None:
        self._mapping = mapping
        self._caller = caller
        self._clock = clock
        self._target = target
        self._read = read

    async def find(
        self,
        scope: Mapping[str, Any],
        *,
        phones: Sequence[str],
        emails: Sequence[str],
        external_id: str | None,
        steps: list[Step],
    ) -> list[Client]:
        """Every hit, each once, in the order of the steps."""
        visitor_id = (scope.get("visitor") or {}).get("id")
        values: Mapping[str, Sequence[Any]] = {
            "phone": phones,
            "email": emails,
            "external_id": [external_id] if external_id else [],
            "visitor_id": [visitor_id] if visitor_id else [],
            "all_phones": [list(phones)] if phones else [],
        }
        found: dict[tuple[str, str], Client] = {}
        for step in self._mapping.find:
            asked: set[str] = set()  # two phones may have the same last digits
            for value in values[step.by]:
                local = {**scope, "phones" if step.by == "all_phones" else step.by: value}
                for item in self._items(step, local, value, steps):
                    if repr(item) not in asked:
                        asked.add(repr(item))
                        for client in await self._hits(step, {**local, "item": item}, steps):
                            found.setdefault((client.entity, client.id), client)
        return list(found.values())

    def _items(self, step: FindStep, scope: Mapping[str, Any], value: Any, steps: list[Step]) -> Iterator[Any]:
        if step.each is None:
            yield value
            return
        given = step.each({**scope, "target": self._target})
        items = [one for one in (given if isinstance(given, list | tuple) else [given]) if one not in (None, "", [], {})]
        if not items:
            steps.append(skipped_step(self._clock.now(), f"find by {step.by}", "there is nothing to search with"))
        elif step.by == "all_phones":
            yield items
        else:
            yield from items

    async def _hits(self, step: FindStep, scope: Mapping[str, Any], steps: list[Step]) -> list[Client]:
        what = f"find by {step.by}"
        try:
            call = Call("find", step, scope, what, strict=True, nothing=step.not_found)
            if step.then is None:
                records = await listed(self._caller, call, steps)
            else:
                ids = await ids_of(self._caller, call, steps)
                then = Call("find", step.then, {**scope, "ids": ids}, f"read what was {what}", strict=True)
                records = await listed(self._caller, then, steps) if ids else []
        except EmptyExpression as error:
            steps.append(skipped_step(self._clock.now(), what, f"not asked: {error.message}"))
            return []
        fields = self._mapping.for_entity(step.entity).client or self._mapping.client
        read = (read_client(record, fields, step.entity, target=self._target) for record in records)
        return await self._whole(step, [client for client in read if client is not None], scope, steps)

    async def _whole(
        self, step: FindStep, clients: list[Client], scope: Mapping[str, Any], steps: list[Step]
    ) -> list[Client]:
        """Lists often show a client's first phone only, and may have found it by the second: such a hit is read whole,
        or the check of its own fields would throw away the right client.
        """
        if step.by not in ("phone", "all_phones", "email"):
            return clients
        phones = scope.get("phones", ()) if step.by == "all_phones" else [scope["phone"]] if step.by == "phone" else ()
        emails = [scope["email"]] if step.by == "email" else ()
        unclear = [client for client in clients if not shows(client, phones=phones, emails=emails)][:MOST_READ]
        gone = set()
        whole = {}
        for client in unclear:
            try:
                whole[client.id] = await self._read(client, scope, steps)
            except NotFound:
                gone.add(client.id)
        return [whole.get(client.id, client) for client in clients if client.id not in gone]


async def ids_of(caller: Caller, call: Call, steps: list[Step]) -> list[Any]:
    """What `records` gives where it is a list of ids, from all pages."""
    ids: list[Any] = []
    async for page in caller.pages(call, steps):
        require_list(page.said, call.request.records, call.operation)
        given = page.said.value(call.request.records) if call.request.records else None
        here = [one for one in (given if isinstance(given, list) else [given]) if one not in (None, "")]
        counted(call, here, steps)
        ids += here
    return ids


async def listed(caller: Caller, call: Call, steps: list[Step]) -> list[dict[str, Any]]:
    """The records of all pages of a list."""
    found: list[dict[str, Any]] = []
    async for page in caller.pages(call, steps):
        require_list(page.said, call.request.records, call.operation)
        here = records_in(page.said, call.request.records)
        counted(call, here, steps)
        found += here
    return found


def counted(call: Call, records: Sequence[Any], steps: list[Step]) -> None:
    """Say beside the call how many there were: a search that finds nobody is answered 200 like any other."""
    last = steps[-1] if steps else None
    if last is not None and last.what == call.what and last.error is None and not last.detail:
        steps[-1] = last.model_copy(update={"detail": f"{len(records)} found"})
