"""Has a file that somebody sent along copied onto the card: fetched from where it lies, handed to the CRM, once.

The note has the file's link and stands in the CRM before this begins. So whatever goes wrong with a file (it is gone, too
large, of a kind that is not copied, or the CRM refuses it) leaves the link and a word on the job, and stops nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bridge.config import FileRule
from bridge.connections.targets import Target
from bridge.crm.uploads import told_of
from bridge.errors import AuthoriseAgain, Blocked, FileLeft, WillNotWork
from bridge.files.fetching import Fetcher
from bridge.model import Operation, OperationState
from bridge.pipeline.attempt import Attempting
from bridge.pipeline.journal import Journal
from bridge.store import OperationRow

#: attempts of a job after which a file that the CRM could not take is left
ATTEMPTS = 5


@dataclass(slots=True)
class Copying:
    journal: Journal
    fetcher: Fetcher = field(default_factory=Fetcher)
    #: target → its turn: one file of each is in memory at a time, and one CRM's slowness is not another's
    _turns: dict[str, asyncio.Semaphore] = field(default_factory=dict, init=False)

    async def copy(
        self, attempt: Attempting, target: Target, row: OperationRow, planned: Operation, rule: FileRule, which: str, *,
        perhaps_since: datetime | None = None,
    ) -> str | None:
        """Have it copied, now or since an earlier attempt. Gives why it is left out, in a sentence; None: it is on the card.
        `which` is what people are told of it instead of its name, which may be somebody's.

        Raises Stop and CrmError as `Journal.carry_out` does, but for what can be settled by leaving the file out.
        """
        try:
            row = await self.journal.done_before(attempt, target, row, planned, planned.scope, perhaps_since=perhaps_since)
            if row.state is not OperationState.DONE:
                await self._sent(attempt, target, row, planned, rule)
        except (Blocked, AuthoriseAgain):
            raise
        except FileLeft as error:
            left = error
        except WillNotWork as error:
            # Also a right that is missing for files alone: it must not stop the notes of everybody else.
            left = FileLeft(f"The CRM did not take it: {error.message}")
        else:
            return None
        attempt.say("file.left", f"{which}: {left.code}: {left.message}")
        return f"{which}: {left.message}"

    async def _sent(
        self, attempt: Attempting, target: Target, row: OperationRow, planned: Operation, rule: FileRule
    ) -> OperationRow:
        if rule.how != "copy":
            raise FileLeft("Copying was turned off since it was planned (`files: links`).")
        if row.state is OperationState.VOID and attempt.job.attempts >= ATTEMPTS:
            raise FileLeft(f"The CRM could not take it in {ATTEMPTS} attempts.")
        told: Mapping[str, Any] = planned.scope.get("file") or {}
        entity = (planned.scope.get("client") or {}).get("entity") or "client"
        most = min(rule.max, target.crm.largest_file(entity) or rule.max)
        async with self._turns.setdefault(target.name, asyncio.Semaphore(1)):
            file = await self.fetcher.fetch(
                str(told.get("url") or ""), replace(rule.limits, most=most),
                name=str(told.get("name") or ""), declared=str(told.get("type") or ""),
            )
            scope = {**planned.scope, "file": told_of(file, str(told.get("url")))}
            return await self.journal.send(attempt, target, row, planned, scope)
