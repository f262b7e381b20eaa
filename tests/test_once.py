"""Once, and only once: two jobs of one new person, a CRM that lags, and whatever can go wrong between two steps of theirs."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import compress

import pytest
import structlog
from interleaved import BEGINNING, Budget, Choose, Ledger, Opened, Record, Search, Stage, StillClock, World
from sqlite_utils import Database
from way import ENVIRON

from bridge import pipeline as pipeline_module
from bridge.config import Settings, load
from bridge.connections.sources import load_sources
from bridge.connections.targets import load_targets
from bridge.extract import Extraction, contact_points
from bridge.model import Chat, EventKind, Message, Plan, Role, Visitor
from bridge.pipeline import case as case_module
from bridge.store import Sorted
from bridge.store.records import ChatChange, NewJob
from bridge.store.sqlite.migrations import bring_up_to_date
from bridge.store.statements import intake
from bridge.write import Work, plan

PHONE = "+79160000001"


class Scene:
    """Two chats of one person that nobody knows yet, due at the same moment."""

    def __init__(self, folder: Path, *, markers: bool = True, **target: str) -> None:
        self.markers = markers
        config = {
            "store": "sqlite:///nowhere", "key": "${C2C_KEY}", "language": "en",
            "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "region": "RU", "target": "sales"}},
            "targets": {"sales": {
                "crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${C2C_TOKEN}", "mode": "write", "missed": "none",
                "timeout": "20s", **target,
            }},
        }  # fmt: skip
        (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
        self.settings: Settings = load(folder / "config.yaml", ENVIRON)
        self.sources = load_sources(self.settings)
        self.target = load_targets(self.settings, StillClock(BEGINNING))["sales"]

    def stage(self, choose: Choose) -> Stage:
        return Stage(self.settings, self.sources, self.target, PHONE, choose, markers=self.markers)

    def world(self, budget: Budget) -> World:
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
            return self._begun(db, budget)

    def _begun(self, db: sqlite3.Connection, budget: Budget) -> World:
        db.row_factory = sqlite3.Row
        bring_up_to_date(Database(db))
        store = Ledger(db, StillClock(BEGINNING))
        for number in (1, 2):
            chat = Chat(
                source="shop", chat_id=str(number), kind=EventKind.CHAT_FINISHED, visitor=Visitor(id=f"v{number}"),
                messages=(Message(role=Role.VISITOR, text=f"Chat {number}. My number is {PHONE}"),),
            )  # fmt: skip
            db.execute(
                "INSERT INTO deliveries (id, source, dedupe_key, received_at, method, query, headers) "
                "VALUES (?, 'shop', ?, 0, '', '', '')",
                (number, str(number)),
            )
            change = ChatChange(chat=chat, base_revision=0, jobs=(NewJob(target="sales", next_at=BEGINNING),))
            store.now(lambda db, number=number, change=change: intake.record_sorted(  # type: ignore[misc]
                db, [Sorted(delivery=number, state="sorted", changes=(change,))], BEGINNING))
        # the store is as old as the chats
        return World(BEGINNING, compress(db.serialize(), 1), (), (), budget)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Scene]]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    # every repetition of a way has to be the same way
    monkeypatch.setattr("random.random", lambda: 0.5)
    monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 2)
    # what the chats say does not change, and reading them is most of the work
    read: dict[str, Extraction] = {}

    def remembered(chat: Chat, **more: Any) -> Extraction:
        if chat.chat_id not in read:
            read[chat.chat_id] = contact_points(chat, **more)
        return read[chat.chat_id]

    plans: dict[tuple[object, ...], Plan] = {}

    def planned(work: Work) -> Plan:
        rests_on = (work.chat.chat_id, repr(work.match), work.delivered, repr(work.open_deals), work.generation)
        if rests_on not in plans:
            plans[rests_on] = plan(work)
        return plans[rests_on]

    monkeypatch.setattr(case_module, "contact_points", remembered)
    monkeypatch.setattr(pipeline_module, "plan", planned)
    # what the chats add to the figures is no part of it
    monkeypatch.setattr(case_module.Case, "tally", lambda case: None)
    return lambda **how: Scene(tmp_path, **how)


def states(db: sqlite3.Connection) -> Counter[str]:
    return Counter(row[0] for row in db.execute("SELECT state FROM jobs"))


def one_of_each(**made: int) -> Callable[[World], None]:
    """Both jobs done, nothing left open, exactly these records, and all of them on the one client."""

    def check(world: World) -> None:
        with Opened(world.db) as db:
            assert states(db) == {"done": 2}
            assert db.execute("SELECT id FROM operations WHERE state = 'sent'").fetchall() == []
        assert Counter(record.kind for record in world.records) == Counter(create=1, note=2, **made), world.records
        assert len({record.client for record in world.records if record.kind != "create"}) == 1

    return check


def never_twice(records: Sequence[Record]) -> None:
    made = Counter((record.kind, record.marker) for record in records)
    assert max(made.values(), default=0) <= 1, records
    assert sum(record.kind == "create" for record in records) <= 1, records


LONG = [pytest.mark.torture, pytest.mark.timeout(7200)]
Play = Callable[..., Scene]


@pytest.mark.parametrize(
    ("faults", "switches", "deal"),
    [
        (0, 3, "if_none_open"), (1, 1, "if_none_open"), pytest.param(0, 4, "if_none_open", marks=LONG),
        pytest.param(1, 1, "none", marks=LONG), pytest.param(1, 1, "new_client", marks=LONG),
        pytest.param(1, 2, "if_none_open", marks=LONG), pytest.param(2, 1, "new_client", marks=LONG),
        pytest.param(3, 0, "new_client", marks=LONG),
    ],
)  # fmt: skip
def test_whatever_goes_wrong_there_is_one_client_one_deal_and_a_note_of_each_chat(
    scene: Play, faults: int, switches: int, deal: str
) -> None:
    play = scene(deal=deal)
    search = Search(play.stage, one_of_each(**({} if deal == "none" else {"deal": 1})), never_twice)

    search.run(play.world(Budget(faults, switches)))

    assert search._ends
    assert search.stuck() == set()


@pytest.mark.parametrize(("faults", "switches"), [(1, 0), pytest.param(2, 1, marks=LONG)])
def test_a_crm_that_offers_no_way_to_look_gets_nothing_twice_either(scene: Play, faults: int, switches: int) -> None:
    """A person decides what was lost; until then the chats wait, whole."""
    play = scene(markers=False)

    def whole(world: World) -> None:
        with Opened(world.db) as db:
            assert set(states(db)) <= {"done", "held"}

    Search(play.stage, whole, never_twice).run(play.world(Budget(faults, switches)))
