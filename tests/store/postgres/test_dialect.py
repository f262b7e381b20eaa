from __future__ import annotations

import pytest

from bridge.store.postgres.dialect import told


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SELECT * FROM jobs WHERE id = ?", "SELECT * FROM jobs WHERE id = %s"),
        ("SELECT 1 WHERE target = :target AND source > :target", "SELECT 1 WHERE target = %(target)s AND source > %(target)s"),
        ("SELECT '?:name %' || x::text WHERE a LIKE ?", "SELECT '?:name %%' || x::text WHERE a LIKE %s"),
        ("SELECT 'it''s :so?' WHERE a % 2 = ?", "SELECT 'it''s :so?' WHERE a %% 2 = %s"),
        ("visitor_name IS NOT '' AND id > ?", "visitor_name IS DISTINCT FROM '' AND id > %s"),
        ("SELECT * FROM main.jobs", "SELECT * FROM own.jobs"),
        ("SELECT CAST((? - at) / 3600 AS INTEGER) AS hour", "SELECT floor((%s - at) / 3600)::bigint AS hour"),
    ],
)
def test_a_statement_is_told_as_the_server_reads_it(ours: str, theirs: str) -> None:
    assert told(ours, "own") == theirs
