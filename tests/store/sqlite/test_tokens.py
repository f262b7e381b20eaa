from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from bridge.store.sqlite.engine import connect
from bridge.store.sqlite.migrations import bring_up_to_date
from bridge.store.statements import tokens


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    connection = connect(tmp_path / "x.db")
    bring_up_to_date(Database(connection))
    return connection


def test_a_row_that_was_only_claimed_holds_nothing_yet(db: sqlite3.Connection) -> None:
    assert tokens.token(db, "sales") is None
    assert tokens.claim(db, "sales", version=0, owner="a", until=10, now=0)

    row = tokens.token(db, "sales")
    assert row is not None
    assert (row.version, row.sealed, row.ended, row.expires_at) == (0, b"", "", None)
    db.close()
