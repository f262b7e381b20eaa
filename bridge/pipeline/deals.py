"""A client's open deals: those the CRM lists, and those of ours that it may not list yet.

Under `deal: if_none_open` a second deal is opened only if there is none. The CRM's list alone does not say so: another chat's
request for one may still be under way, its answer lost, or the list may lag behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.clock import Clock
from bridge.connections.targets import Target
from bridge.errors import NotFound, Rejected
from bridge.model import Client, JobState, OperationState
from bridge.pipeline.attempt import Attempting, Stop, waiting
from bridge.pipeline.journal import Journal, Scopes
from bridge.store import OperationRow, Store


@dataclass(frozen=True, slots=True)
class Deals:
    store: Store
    clock: Clock
    journal: Journal
    scopes: Scopes

    async def open_of(
        self, attempt: Attempting, target: Target, client: Client, scope: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The client's lock is held. Raises CrmError, or Stop while it cannot be known yet whether one is being opened."""
        since = self.clock.time() - target.crm.consistency_delay
        ours = await self.store.deals(target.name, client.key, since)
        for row in ours:
            if row.state is OperationState.SENT:
                await self._effect_of(attempt, target, row)
        # asked after that: what could not be found out by a look has come into the list by now, or never will
        listed = await target.crm.open_deals(client, scope, attempt.steps)
        ids = {str(deal.get("id")) for deal in listed}
        fresh = [row for row in await self.store.deals(target.name, client.key, since) if row.state is OperationState.DONE]
        return [*listed, *({"id": row.record_id} for row in fresh if row.record_id not in ids)]

    async def _effect_of(self, attempt: Attempting, target: Target, row: OperationRow) -> None:
        """Returns when the request can have no effect any more that the CRM's list does not show; until then it raises Stop.

        Where only a person can say what became of the request itself, that is left to the job it belongs to: the list is enough.
        """
        over_at = self.journal.settled_at(target, row)
        known, owner = await self.scopes.scope_of(row), await self.store.job(row.job)
        if known is not None and owner is not None and owner.state is not JobState.HELD:
            planned, scope = known
            attempt.say("settling.other", f"job {row.job} was opening a deal for the same client")
            try:
                await self.journal.settle(attempt, target, row, planned, scope)
            except Stop as stop:
                if stop.outcome.state is not JobState.HELD:
                    raise
            except (Rejected, NotFound) as refused:
                # the look was refused, which is for the job it belongs to to tell
                attempt.say("settling.refused", refused.message)
            else:
                return
        if self.clock.time() < over_at:
            raise waiting("settling", over_at, f"Job {row.job} is perhaps opening a deal for the same client.")
