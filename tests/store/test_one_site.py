"""A store seen by one customer of an agency: no question finds another's rows, whoever writes it."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import FakeClock
from store_materials import finish_chat

from bridge.store import AuditEntry, Store, TargetStop, open_store
from bridge.store.one_site import HIDDEN, OPEN, TABLES, rows_of
from bridge.store.site_store import SiteStore


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    made = open_store(f"sqlite:///{tmp_path}/chat2crm.db", clock=clock)
    await made.open()
    for number, source in enumerate(("shop", "bakery.shop", "bakery2.shop", "bakery.phone")):
        await finish_chat(made, datetime.now(UTC), str(number), "доставка", source=source)
    yield made
    await made.close()


def tables(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        names = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {name for name in names if not name.startswith(("sqlite_", "_", "chats_text_"))}


async def test_of_every_table_it_is_said_whose_its_rows_are(store: Store, tmp_path: Path) -> None:
    """A table that somebody adds is seen by nobody until that is said, because this test asks for it."""
    assert tables(tmp_path / "chat2crm.db") == {*TABLES, *HIDDEN, *OPEN}


async def test_every_question_finds_the_customers_rows_alone(store: Store, tmp_path: Path) -> None:
    def plainly(sql: str) -> list[tuple[object, ...]]:
        with contextlib.closing(sqlite3.connect(tmp_path / "chat2crm.db")) as db:
            return db.execute(sql).fetchall()

    async def asked(sql: str, values: object) -> list[dict[str, object]]:
        with contextlib.closing(sqlite3.connect(tmp_path / "chat2crm.db")) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, values)]  # type: ignore[call-overload]

    mine = rows_of("bakery", asked)  # type: ignore[arg-type]
    assert [row["source"] for row in await mine("SELECT source FROM jobs ORDER BY id", [])] == ["bakery.shop", "bakery.phone"]
    assert await mine("SELECT count(*) AS n FROM chats c JOIN jobs j ON j.chat = c.id", []) == [{"n": 2}]
    assert await mine("WITH some AS (SELECT id FROM deliveries) SELECT count(*) AS n FROM some", []) == [{"n": 2}]
    counted = "up(n) AS (SELECT min(id) FROM jobs UNION ALL SELECT n + 1 FROM up WHERE n < ?) SELECT count(*) AS n FROM up"
    assert await mine(f"WITH RECURSIVE {counted}", [4]) == [{"n": 3}]
    for table in HIDDEN:
        assert await mine(f"SELECT * FROM {table}", []) == []
    assert plainly("SELECT count(*) FROM jobs") == [(4,)]


@pytest.mark.parametrize("name", ["", "a'b", "bakery.shop", "a b", "ба", "x" * 65])
async def test_what_cannot_be_a_customers_name_is_not_asked_for(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="no customer's name"):
        store.reading(name)


async def test_the_customers_rows_are_found_by_an_index(store: Store, tmp_path: Path) -> None:
    plans: list[str] = []

    async def explained(sql: str, values: object) -> list[dict[str, object]]:
        with contextlib.closing(sqlite3.connect(tmp_path / "chat2crm.db")) as db:
            plans.extend(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values))  # type: ignore[call-overload]
        return []

    mine = rows_of("bakery", explained)  # type: ignore[arg-type]
    for question in ("SELECT id FROM jobs WHERE id < 9 AND id >= 0 ORDER BY id DESC LIMIT 5", "SELECT min(id) FROM jobs",
                     "SELECT id FROM deliveries ORDER BY id DESC LIMIT 5"):  # fmt: skip
        plans.clear()
        await mine(question, [])
        assert re.search(r"SEARCH main\.?\w*|SEARCH (jobs|deliveries) USING.*_site", " ".join(plans)), plans
        assert "_site" in " ".join(plans)
        assert "TEMP B-TREE" not in " ".join(plans)


async def test_what_is_done_is_done_to_the_customers_own(store: Store, clock: FakeClock) -> None:
    theirs = SiteStore("bakery", store)
    numbers = [row["id"] for row in await store.reading().jobs()]
    mine = {row["id"] for row in await store.reading("bakery").jobs()}
    [other] = [row["id"] for row in await store.reading("bakery2").jobs()]
    assert set(await theirs.skip(numbers, "by_hand")) == mine
    assert set(await theirs.replay(numbers)) == mine
    assert await theirs.skip([], "by_hand") == []
    for refused in (theirs.written(other, "1"), theirs.choose(other, "1")):
        assert await refused is False
    for target in ("bakery.sales", "bakery2.sales", "sales"):
        await store.stop_target(TargetStop(target=target, reason="brake", detail="", since=clock.time()))
    assert set(await theirs.stops()) == {"bakery.sales"}
    assert [await theirs.go(target) for target in ("bakery2.sales", "sales", "bakery.sales")] == [False, False, True]
    assert set(await store.stops()) == {"bakery2.sales", "sales"}
    for cause in ("clock:bakery.shop", "jobs:dead:bakery.sales:x:", "clock:bakery2.shop", "disk:", "clock:shop"):
        await store.raise_alert(cause, "text")
    assert set(await theirs.open_alerts()) == {"clock:bakery.shop", "jobs:dead:bakery.sales:x:"}
    assert await theirs.sort_again(source="bakery2.shop") == 0
    assert await theirs.token("bakery2.sales") is None
    row = (await store.reading("bakery2").job(other) or {})["chat_row"]
    with pytest.raises(LookupError, match="not bakery's"):
        await theirs.chat(row)
    await theirs.record_audit(AuditEntry(at=clock.time(), who="ops:bakery/anna", what="skipped", about="job 1", detail=""))
    assert [one["who"] for one in await store.personal().audit()] == ["ops:bakery/anna"]
