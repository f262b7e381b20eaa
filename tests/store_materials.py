"""What the store's tests put into it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fakes import FakeClock

from bridge.model import (
    Chat,
    Client,
    Delivery,
    JobState,
    Match,
    Message,
    Operation,
    OperationKind,
    Plan,
    Role,
    Verdict,
    Visitor,
)
from bridge.store import Attempt, Job, Outcome, Sorted, Store, VisitorContacts, open_store
from bridge.store.records import ChatChange, NewJob

LEASE = 60.0


@asynccontextmanager
async def opened(url: str, clock: FakeClock) -> AsyncIterator[Store]:
    """As the service has it."""
    made = open_store(url, clock=clock)
    await made.open()
    yield made
    await made.close()


def delivery(key: str, *, source: str = "shop", at: datetime, body: bytes = b'{"a": 1}') -> Delivery:
    return Delivery(source=source, dedupe_key=key, received_at=at, headers={"content-type": "application/json"}, body=body)


def chat(
    chat_id: str = "7", *texts: str, source: str = "shop", visitor_id: str | None = "v1", phones: tuple[str, ...] = ()
) -> Chat:
    return Chat(
        source=source, chat_id=chat_id, visitor=Visitor(id=visitor_id, name="Иван", phones=phones),
        messages=tuple(Message(role=Role.VISITOR, text=text) for text in texts or ("Здравствуйте",)),
    )  # fmt: skip


def plan_of(*kinds: OperationKind, verdict: Verdict = Verdict.NEW, keys: tuple[str, ...] = ("m1",)) -> Plan:
    client = Client(id="c1") if verdict is Verdict.FOUND else None
    return Plan(
        match=Match(verdict=verdict, client=client, reason="because"),
        operations=tuple(
            Operation(kind=kind, marker=f"c2c-{kind:a<16}"[:20], message_keys=keys if kind is OperationKind.NOTE else ())
            for kind in kinds
        ),
        mapping="digest", chat_marker="c2c-aaaaaaaaaaaaaaaa",
    )  # fmt: skip


def raw(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """What the last of them gives, past the store and straight in its database."""
    found: list[tuple[Any, ...]] = []
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(url, autocommit=True) as server:
            for statement in statements:
                cursor = server.execute(statement)  # type: ignore[call-overload]
                found = cursor.fetchall() if cursor.description else []
        return found
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db:
        for statement in statements:
            found = db.execute(statement).fetchall()
        db.commit()
    return found


async def finish_chat(
    store: Store, at: datetime, chat_id: str = "7", *texts: str, targets: tuple[str, ...] = ("sales",), next_in: float = 0.0,
    visitor_id: str | None = "v1", contacts: tuple[VisitorContacts, ...] = (), source: str = "shop",
) -> None:
    """A delivery comes in and turns out to be the (next) end of a chat."""
    known = await store.chat_of(source, chat_id)
    key = f"{chat_id}/{known.revision if known else 0}/{len(texts)}/{texts[-1] if texts else ''}"
    accepted = await store.accept(delivery(key, at=at, source=source))
    await store.record_sorted([
        Sorted(
            delivery=accepted.id, state="sorted", event="chat_finished", contacts=contacts,
            changes=(
                ChatChange(
                    chat=chat(chat_id, *texts, visitor_id=visitor_id, source=source),
                    base_revision=known.revision if known else 0,
                    jobs=tuple(NewJob(target=target, next_at=at.timestamp() + next_in) for target in targets),
                ),
            ),
        )
    ])  # fmt: skip


async def claim(store: Store, limit: int = 10, **more: Any) -> list[Job]:
    targets = ("sales", "archive")
    return await store.claim(owner="w1", lease=LEASE, room=dict.fromkeys(more.get("only", targets), limit))


async def end(
    store: Store, job: Job, state: JobState, reason: str = "", *, next_at: float | None = None, counts: bool = True
) -> None:
    await store.finish(
        job, Outcome(state=state, reason=reason, next_at=next_at, uses_attempt=counts),
        Attempt(number=job.attempts + 1, started_at=1.0, ended_at=2.0, outcome=state),
    )  # fmt: skip
