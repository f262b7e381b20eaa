"""A chat's way, its retention and a person's wish read no whole table: what years have left behind costs nothing."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import FakeClock
from running import finished
from way import on_the_way

from bridge.model import JobState
from bridge.store import Forgetting, Keep
from bridge.store.sqlite import engine

#: tables that grow with the chats
GROWING = ("attempts", "chat_points", "chats", "counted", "deliveries", "delivered", "figures", "identities", "jobs",
           "operations", "tombstones", "visitors")  # fmt: skip
#: what reads a growing table from one end, no further than its limit
FROM_ONE_END = re.compile(r"^SELECT (1 FROM tombstones LIMIT 1|.* ORDER BY (j\.)?id( DESC)? LIMIT \d+)$", re.DOTALL)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What the store's connections are told, with its values."""
    heard: set[str] = set()
    real = engine.connect

    def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
        connection = real(path, read_only=read_only)
        connection.set_trace_callback(heard.add)
        return connection

    for module in [one for name, one in sys.modules.items() if name.startswith("bridge.store.sqlite")]:
        if getattr(module, "connect", None) is real:
            monkeypatch.setattr(module, "connect", connect)
    return heard


def whole_tables(path: Path, statements: set[str]) -> Iterator[tuple[str, str]]:
    """Each statement that reads all rows of a growing table, and what SQLite says of it."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        for sql in statements:
            if not re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)\b", sql) or FROM_ONE_END.match(sql):
                continue
            named = re.findall(r"\b(?:FROM|JOIN|UPDATE|INTO) (\w+) (?:AS )?([a-z]{1,2})\b", sql)
            aliases = {alias: table for table, alias in named}
            for _, _, _, step in db.execute(f"EXPLAIN QUERY PLAN {sql}"):
                found = re.fullmatch(r"SCAN (\w+)", step)  # without `USING INDEX`, which reads as far as it has to
                if found and aliases.get(found[1], found[1]) in GROWING:
                    yield sql, step


async def test_a_chats_whole_life_reads_no_whole_table(tmp_path: Path, clock: FakeClock, said: set[str]) -> None:
    async with on_the_way(tmp_path, clock, target={"deal": "if_none_open"}) as way:
        said.clear()
        way.faults(drop_before_commit={"times": 2}, drop_after_commit={"times": 1, "operation": "note.create"}, index_lag=30)
        events = [finished(number + 1) for number in range(6)]  # with times by this machine's clock
        for event in events:
            await way.post(event)
        for _ in range(30):
            await way.work(3)
            await way.store.next_due(way.targets)
            await clock.advance(10)
        await way.post(events[2])
        await way.work(3)
        jobs = await way.jobs()
        assert {job.state for job in jobs} == {JobState.DONE, JobState.SKIPPED}
        await way.store.replay([jobs[0].id])
        await way.work(3)
        await way.store.renew({jobs[0].id: 1}, 60)
        await way.store.index_older(100)
        erased = jobs[1]
        await way.store.forget(Forgetting(chats={erased.chat_row: "alias"}))
        await way.store.personal().operations_of([jobs[2].chat_row])
        late = clock.time() + 1
        while await way.store.prune(Keep(raw_since=late, chats_since=late, keys_since=late), 200):
            pass

        assert await way.store.reading().jobs() == [], "all of it was pruned"
        assert sum(sql.startswith("DELETE FROM operations") for sql in said) > 0
        assert dict(whole_tables(tmp_path / "chat2crm.db", said)) == {}
