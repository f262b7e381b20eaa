"""The deals of a client that are not closed, however many requests that takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.crm.call import Call
from bridge.crm.caller import Caller
from bridge.crm.decipher import as_id
from bridge.crm.listed import records_in
from bridge.crm.search import ids_of, listed
from bridge.errors import NotFound
from bridge.mapping.schema.crm import OpenDeals
from bridge.model import Step

#: deals that are read one by one; a client with more of them is served by any of these
MOST_READ = 20


async def open_deals(
    request: OpenDeals, caller: Caller, scope: Mapping[str, Any], steps: list[Step]
) -> list[dict[str, Any]]:
    """Each as id, title, stage, changed_at and the raw record."""
    call = Call("open_deals", request, scope, "list open deals", strict=True)
    if request.then is None:
        records = await listed(caller, call, steps)
    else:
        records = []
        for one in (await ids_of(caller, call, steps))[:MOST_READ]:
            then = Call("open_deals", request.then, {**scope, "item": one}, "read a deal", strict=True)
            try:
                records += records_in(await caller.safely(then, steps), request.then.records)
            except NotFound:
                continue  # deleted between the two requests
    return [deal for record in records if (deal := _deal(request, record))]


def _deal(request: OpenDeals, record: dict[str, Any]) -> dict[str, Any] | None:
    found = as_id(request.deal.id(record))
    if found is None:
        return None
    parts = {name: getattr(request.deal, name) for name in ("title", "stage", "changed_at")}
    return {"id": found, **{name: part and part(record) for name, part in parts.items()}, "record": record}
