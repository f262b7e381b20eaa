from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.store.postgres import connecting
from bridge.store.postgres.database import NUL, Database


@pytest.fixture
def db(postgres_url: str) -> Iterator[Database]:
    connection = connecting.connect(connecting.parameters(postgres_url))
    yield Database(connection, "public")
    connection.close()


def test_what_is_put_off_comes_before_what_is_asked_next(db: Database) -> None:
    db.executemany("INSERT INTO facts (name, value) VALUES (?, ?)", [("a", "1"), ("b", "2")])
    db.executemany("UPDATE facts SET value = ? WHERE name = ?", [("3", "a")])
    db.later("BEGIN")
    rows = db.execute("SELECT name, value FROM facts WHERE name IN (?, ?) ORDER BY name", ("a", "b")).fetchall()
    assert rows == [{"name": "a", "value": "3"}, {"name": "b", "value": "2"}]
    db.later("COMMIT")
    db.flush()


def test_rows_for_one_table_go_in_by_one_statement(db: Database) -> None:
    db.executemany("INSERT INTO chat_points (value, chat) VALUES (?, ?) ON CONFLICT DO NOTHING", [("a", 1), ("b", 1)])
    db.executemany("INSERT INTO chat_points (value, chat) VALUES (?, ?) ON CONFLICT DO NOTHING", [("a", 1), ("c)", 2)])
    assert len(db._waiting) == 1
    assert len(db.execute("SELECT * FROM chat_points").fetchall()) == 3


def test_what_is_thrown_away_is_not_sent(db: Database) -> None:
    db.executemany("INSERT INTO facts (name, value) VALUES (?, ?)", [("a", "1")])
    db.discard()
    assert db.execute("SELECT 1 FROM facts WHERE name = 'a'").fetchone() is None


def test_a_text_with_the_character_that_no_text_may_have_is_kept_all_the_same(db: Database) -> None:
    db.execute("INSERT INTO facts (name, value) VALUES (?, ?)", ("a\0b", "%s ? :x"))
    db.executemany("INSERT INTO facts (name, value) VALUES (?, ?)", [("c", "d\0")])
    rows = db.execute("SELECT name, value FROM facts WHERE name IN (?, 'c') ORDER BY name", ("a\0b",)).fetchall()
    assert rows == [{"name": f"a{NUL}b", "value": "%s ? :x"}, {"name": "c", "value": f"d{NUL}"}]


def test_sums_are_numbers_as_the_rest_of_the_program_knows_them(db: Database) -> None:
    row = db.execute("SELECT sum(x) AS whole, avg(x) AS part FROM (VALUES (1::bigint), (2)) AS v (x)").fetchone()
    assert row == {"whole": 3, "part": 1.5}
    assert type(row["whole"]) is int
