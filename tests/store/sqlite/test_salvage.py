from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from fakes import FakeClock
from store_materials import LEASE, claim, delivery, end, finish_chat, plan_of
from tallied import counting

from bridge.errors import StoreError
from bridge.model import JobState, OperationKind, OperationState
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite.salvage import Saved, salvage

CHATS = 400
PAGE = 4096


async def fill(path: Path) -> None:
    """Chats with a delivery of 1 kB each; every second one is done, some are under way."""
    clock = FakeClock()
    store = SqliteStore(path, clock=clock)
    await store.open()
    for number in range(CHATS):
        await finish_chat(store, clock.now(), f"chat{number}", "x" * 1000)
    for job in await claim(store, CHATS // 2):
        [create, note] = await store.record_plan(job, plan_of(OperationKind.CREATE, OperationKind.NOTE, keys=(f"m{job.id}",)))
        await store.settle(await store.record_sent(create, epoch=job.epoch), OperationState.DONE, record_id="c")
        if job.id % 10:
            note = await store.record_sent(note, epoch=job.epoch)
            await store.settle(note, OperationState.DONE, record_id="n", message_keys=(f"m{job.id}",))
            await end(store, job, JobState.DONE)
    await store.accept(delivery("not sorted yet", at=clock.now()))
    await store.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "x.db"
    asyncio.run(fill(path))
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, whole: bytes) -> Path:
    """A store that nobody has open."""
    made = tmp_path / "x.db"
    made.write_bytes(whole)
    return made


def root_of(path: Path, name: str) -> int:
    db = sqlite3.connect(path)
    try:
        return int(db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0])
    finally:
        db.close()


def pages_of(path: Path, name: str) -> list[int]:
    """Numbers (from 0) of the leaves of a table or index, in order."""
    whole = path.read_bytes()
    leaves: list[int] = []

    def walk(number: int) -> None:
        page = whole[(number - 1) * PAGE : number * PAGE]
        if page[0] in {13, 10}:
            leaves.append(number - 1)
            return
        for cell in range(int.from_bytes(page[3:5], "big")):
            place = int.from_bytes(page[12 + 2 * cell : 14 + 2 * cell], "big")
            walk(int.from_bytes(page[place : place + 4], "big"))
        walk(int.from_bytes(page[8:12], "big"))

    walk(root_of(path, name))
    return leaves


def damage(path: Path, *pages: int) -> None:
    with path.open("r+b") as file:
        for page in pages:
            file.seek(page * PAGE)
            file.write(b"\x5a" * PAGE)


def counts(found: list[Saved]) -> dict[str, tuple[int, int]]:
    return {saved.table: (saved.rows, saved.gaps) for saved in found}


async def reopened(path: Path, clock: FakeClock) -> SqliteStore:
    store = SqliteStore(path, clock=clock)
    await store.open()
    return store


async def test_a_whole_store_is_saved_whole_and_counts_as_young(path: Path, tmp_path: Path, clock: FakeClock) -> None:
    before = SqliteStore(tmp_path / "x.db", clock=clock)
    await before.open()
    born = before.born_at
    await before.close()

    found = counts(salvage(tmp_path / "x.db", tmp_path / "new.db"))

    assert found["deliveries"] == (CHATS + 1, 0)
    assert found["jobs"] == found["chats"] == (CHATS, 0)
    assert found["operations"] == (CHATS, 0)
    assert not any(gaps for _, gaps in found.values())
    store = await reopened(tmp_path / "new.db", clock)
    assert store.born_at > born
    states = {(row["state"], row["n"]) for row in await store.reading().counts()}
    assert states == {("done", CHATS // 2 - CHATS // 20), ("pending", CHATS // 2 + CHATS // 20)}
    job = next(job for job in await store.claim(owner="w", lease=LEASE, room={"sales": 999}) if job.plan)
    assert [row.state for row in await store.operations(job.id)] == ["done", "planned"]
    await store.close()


@pytest.mark.parametrize("table", ["deliveries", "chats", "jobs", "operations"])
@pytest.mark.parametrize("place", [0, 1, -1], ids=["first", "second", "last"])
async def test_of_a_table_only_what_stood_on_the_damaged_page_is_lost(
    path: Path, tmp_path: Path, clock: FakeClock, table: str, place: int
) -> None:
    leaves = pages_of(path, table)
    assert len(leaves) > 2
    damage(path, leaves[place])
    with pytest.raises(StoreError, match=r"damaged.*salvage"):
        await SqliteStore(path, clock=clock).open()

    found = counts(salvage(path, tmp_path / "new.db"))

    all_of_it = CHATS + 1 if table == "deliveries" else CHATS
    rows, gaps = found[table]
    assert gaps == 1
    assert all_of_it * (1 - 3 / len(leaves)) < rows < all_of_it
    assert all(gaps == 0 for name, (_, gaps) in found.items() if name != table)


@pytest.mark.parametrize("table", ["chats", "jobs"])
async def test_a_chat_that_lost_its_place_is_read_again_from_its_delivery(
    path: Path, tmp_path: Path, clock: FakeClock, table: str
) -> None:
    damage(path, pages_of(path, table)[1])

    salvage(path, tmp_path / "new.db")

    store = await reopened(tmp_path / "new.db", clock)
    to_be_read = {one.dedupe_key.split("/")[0] for one in await store.received(CHATS + 1)} - {"not sorted yet"}
    assert to_be_read
    for number in range(CHATS):
        name = f"chat{number}"
        assert (name in to_be_read) == (await store.chat_of("shop", name) is None)
    assert len(await store.reading().job_ids()) == CHATS - len(to_be_read)
    await store.close()


async def test_a_job_without_its_journal_is_planned_again(path: Path, tmp_path: Path, clock: FakeClock) -> None:
    leaves = pages_of(path, "operations")
    damage(path, *leaves[1:])

    salvage(path, tmp_path / "new.db")

    store = await reopened(tmp_path / "new.db", clock)
    for job in await store.claim(owner="w", lease=LEASE, room={"sales": 999}):
        rows = await store.operations(job.id)
        assert len(rows) == (len(job.plan.operations) if job.plan else 0)
    await store.close()


@pytest.mark.parametrize("index", ["jobs_due", "sqlite_autoindex_deliveries_1", "delivered"])
async def test_a_damaged_index_costs_no_row(path: Path, tmp_path: Path, clock: FakeClock, index: str) -> None:
    damage(path, pages_of(path, index)[-1])

    found = counts(salvage(path, tmp_path / "new.db"))

    assert (found["jobs"], found["deliveries"]) == ((CHATS, 0), (CHATS + 1, 0))
    assert (found["delivered"][1] > 0) == (index == "delivered")


async def test_a_file_that_was_cut_short_gives_what_is_left(
    path: Path, tmp_path: Path, clock: FakeClock, whole: bytes
) -> None:
    path.write_bytes(whole[: len(whole) // 2 // PAGE * PAGE])  # noqa: ASYNC240 - nobody waits
    with pytest.raises(StoreError, match=r"damaged.*Put a backup in its place.*salvage"):
        await SqliteStore(path, clock=clock).open()

    found = counts(salvage(path, tmp_path / "new.db"))

    assert 0 < found["deliveries"][0] < CHATS
    store = await reopened(tmp_path / "new.db", clock)
    await store.close()


@pytest.mark.parametrize("content", [b"", b"\x5a" * 40_000, b"SQLite format 3\x00" + b"\x00" * 4096])
def test_where_nothing_can_be_read_no_file_is_left(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.db").write_bytes(content)

    with pytest.raises(StoreError, match="nothing in it can be read; put a backup in its place"):
        salvage(tmp_path / "x.db", tmp_path / "new.db")

    assert [one.name for one in tmp_path.iterdir()] == ["x.db"]


def test_nothing_is_written_over_and_what_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "new.db").write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        salvage(tmp_path / "x.db", tmp_path / "new.db")
    assert (tmp_path / "new.db").read_text() == "mine"
    with pytest.raises(StoreError, match="no such file"):
        salvage(tmp_path / "x.db", tmp_path / "other.db")


async def test_figures_are_saved_and_what_a_chat_has_added_is_not_taken_back(tmp_path: Path, clock: FakeClock) -> None:
    async with counting(tmp_path, clock) as counted:
        await counted.add("a", missed=1, missed_n=1)
    (tmp_path / "saved").mkdir()
    salvage(tmp_path / "chat2crm.db", tmp_path / "saved" / "chat2crm.db")
    async with counting(tmp_path / "saved", clock) as counted:
        assert (await counted.total(), await counted.total("missed", "page")) == (1, 1)
        await counted.add("a")
        await counted.add("b")
        assert (await counted.total(), await counted.total("missed", "page")) == (2, 1)
