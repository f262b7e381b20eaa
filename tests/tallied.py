"""A store in which chats are counted, told again, pruned and erased."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from fakes import FakeClock
from store_materials import delivery, plan_of

from bridge.model import Chat, JobState, Message, OperationKind, OperationState, Role, Verdict
from bridge.store import Outcome, Sorted, Store, Tally, open_store
from bridge.store.records import ChatChange, NewJob
from bridge.store.reports import Reports, Sums

DAY = date(2026, 11, 20)
COUNTED_ON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def tally_of(
    source: str = "shop", *, day: date = DAY, within: bool | None = True, response_s: int | None = None,
    rating: str | None = None, page: str = "shop.example", operators: Sequence[str] = ("",), void: bool = False, **counts: int,
) -> Tally:  # fmt: skip
    return Tally(
        source=source, day=day, open=within, response_s=response_s, rating=rating, void=void, counts={"chats": 1, **counts},
        values={"channel": ("site",), "page": (page,), "operator": tuple(operators), "utm": ("",)},
    )  # fmt: skip


@dataclass(slots=True)
class Counted:
    store: Store
    clock: FakeClock
    url: str = ""
    #: chat id → its row
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def reports(self) -> Reports:
        return self.store.reading().reports

    async def sums(self, by: str = "day", since: date = date(2026, 1, 1), until: date = date(2026, 12, 31)) -> list[Sums]:
        return await self.reports.sums(by, since, until)

    async def total(self, name: str = "chats", by: str = "day") -> int:
        return sum(one.counts[name] for one in await self.sums(by))

    async def add(self, chat_id: str = "c-1", **more: Any) -> int:
        ends = {key: more.pop(key) for key in ("state", "reason", "made", "target") if key in more}
        made = tally_of(**more)
        chat = Chat(source=made.source, chat_id=chat_id, messages=(Message(role=Role.VISITOR, text="…"),))
        return await self.count(chat, made, **ends)

    async def count(
        self, chat: Chat, tally: Tally, *, state: JobState = JobState.DONE, reason: str = "found",
        made: Sequence[OperationKind] = (), target: str = "sales",
    ) -> int:  # fmt: skip
        """The chat is told (again), and its job comes to such an end; gives the job."""
        known = await self.store.chat_of(chat.source, chat.chat_id)
        revision = known.revision if known else 0
        accepted = await self.store.accept(delivery(f"{chat.chat_id}/{revision}", at=self.clock.now(), source=chat.source))
        jobs = (NewJob(target=target, next_at=self.clock.time()),)
        await self.store.record_sorted([Sorted(delivery=accepted.id, state="sorted",
                                               changes=(ChatChange(chat=chat, base_revision=revision, jobs=jobs),))])  # fmt: skip
        (job,) = await self.store.claim(owner="w", lease=60.0, room={target: 10})
        self.rows[chat.chat_id] = job.chat_row
        if made:
            for number, row in enumerate(await self.store.record_plan(job, plan_of(*made, verdict=Verdict.NEW))):
                sent = await self.store.record_sent(row, epoch=job.epoch)
                await self.store.settle(sent, OperationState.DONE, record_id=f"{chat.chat_id}-{number}")
        later = self.clock.time() + 60 if state in {JobState.WAITING, JobState.RETRYING} else None
        await self.store.finish(job, Outcome(state=state, reason=reason, next_at=later), None, tally)
        return job.id


@asynccontextmanager
async def counting(where: Path | str, clock: FakeClock) -> AsyncIterator[Counted]:
    """In a folder, or in the store of that address."""
    url = where if isinstance(where, str) else f"sqlite:///{where}/chat2crm.db"
    store = open_store(url, clock=clock)
    await store.open()
    try:
        yield Counted(store, clock, url=url)
    finally:
        await store.close()
