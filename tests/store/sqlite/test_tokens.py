from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from bridge.store.sqlite.engine import connect
from bridge.store.sqlite.migrations import bring_up_to_date
from bridge.store.statements import tokens


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(connect(tmp_path / "x.db")) as connection:
        bring_up_to_date(Database(connection))
        yield connection


def test_a_row_that_was_only_claimed_holds_nothing_yet(db: sqlite3.Connection) -> None:
    assert tokens.token(db, "sales") is None
    assert tokens.claim(db, "sales", version=0, owner="a", until=10, now=0)

    row = tokens.token(db, "sales")
    assert row is not None
    assert (row.version, row.sealed, row.ended, row.expires_at) == (0, b"", "", None)
