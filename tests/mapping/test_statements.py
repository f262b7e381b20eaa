from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import EmptyExpression
from bridge.mapping.statements import PARAMETERS, Statement

SCOPE: dict[str, Any] = {
    "phones": ["+79161234567", "+74951112233"], "emails": ["Ann@Shop.RU"], "visitor": {"name": "O'Brien; DROP"},
    "chat": {"started_at": "2026-11-21T19:26:14Z"}, "target": {"timezone": "Europe/Moscow"}, "kpi": {"missed": True},
    "note": {"text": "Hello :phone ?"}, "client": None,
}  # fmt: skip


def test_names_become_question_marks_and_values_in_their_order_repeated_ones_repeated() -> None:
    statement = Statement("SELECT id FROM c WHERE a = :last10 OR b = :email OR d LIKE '%' || :last10 || '%'")

    assert statement.fill(SCOPE) == {
        "sql": "SELECT id FROM c WHERE a = ? OR b = ? OR d LIKE '%' || ? || '%'",
        "params": ["9161234567", "ann@shop.ru", "9161234567"],
    }


def test_what_a_visitor_wrote_goes_among_the_values_and_never_into_the_text() -> None:
    filled = Statement("INSERT INTO n (who, what) VALUES (:name, :text)").fill(SCOPE)

    assert filled == {"sql": "INSERT INTO n (who, what) VALUES (?, ?)", "params": ["O'Brien; DROP", "Hello :phone ?"]}


def test_times_are_the_targets_and_flags_are_numbers() -> None:
    filled = Statement("INSERT INTO n VALUES (:started_at, :missed, :abandoned)").fill(SCOPE)

    assert filled["params"] == ["2026-11-21 22:26:14", 1, None]


def test_an_empty_value_stops_a_search_and_is_null_elsewhere() -> None:
    statement = Statement("SELECT id FROM c WHERE id = :id")

    assert statement.fill(SCOPE)["params"] == [None]
    with pytest.raises(EmptyExpression, match=":id is empty here"):
        statement.fill(SCOPE, strict=True)


@pytest.mark.parametrize(
    ("sql", "becomes"),
    [
        ("SELECT '12:30', \"a:b\", x::text FROM t WHERE p = :phone", "SELECT '12:30', \"a:b\", x::text FROM t WHERE p = ?"),
        ("SELECT 1 -- :nobody? it's a remark\nFROM t WHERE p = :phone", "SELECT 1  \nFROM t WHERE p = ?"),
        ("SELECT /* what :x ? ; */ 1 FROM t WHERE p=:phone;", "SELECT   1 FROM t WHERE p=?"),
        ("select 'it''s :-)' from t where p = :PHONE", "select 'it''s :-)' from t where p = ?"),
        ("SELECT a-b/c FROM t WHERE p = :phone ; \n", "SELECT a-b/c FROM t WHERE p = ?"),
    ],
)
def test_only_names_outside_of_texts_and_remarks_are_values(sql: str, becomes: str) -> None:
    statement = Statement(sql)

    assert statement.sql == becomes
    assert statement.names == ("phone",)


@pytest.mark.parametrize(
    ("sql", "remedy"),
    [
        ("SELECT id FROM c WHERE p = :telefone", r"no value named :telefone.*there are: :phone"),
        ("SELECT id FROM c WHERE p LIKE '%:last10%'", r"stands between quotes.*'%' \|\| :last10 \|\| '%'"),
        ('SELECT ":email" FROM c WHERE p = :phone', "stands between quotes"),
        ("SELECT id FROM c WHERE p = '{phone}'", "paste a value into the SQL; write its name"),
        ("SELECT id FROM c WHERE p = '%s'", "paste a value into the SQL"),
        ("SELECT id FROM c WHERE p = %(phone)s", "paste a value into the SQL"),
        ("SELECT id FROM c WHERE p = ?", "a bare \\? does not say which value"),
        ("SELECT id FROM c WHERE p = :phone; DELETE FROM c", "a second statement behind the ;"),
        ("SELECT id FROM c WHERE p = :phone;;", "a second statement behind the ;"),
        ("SELECT id FROM c WHERE p = 'open", "' is opened and not closed"),
        ("SELECT id /* open FROM c", "opened and not closed"),
        ("SELECT id FROM c WHERE p = '{{phone}}'", "paste a value into the SQL"),
        ("SELECT id FROM c WHERE p = $1", r"'\$1' would paste a value"),
        ("SELECT id FROM c WHERE p = '$phone'", r"'\$phone' would paste a value"),
        ("SELECT id FROM c WHERE p LIKE '%last10%'", r"%last10% stands between quotes.*'%' \|\| :last10"),
        ("SELECT id FROM c WHERE p = '+7 916 123-45-67'", "a phone or an e-mail stands in it between quotes"),
        ("SELECT id FROM c WHERE p = '8 (916) 123-45-67'", "a phone or an e-mail stands in it"),
        ("SELECT id FROM c WHERE p LIKE '%1234567'", "a phone or an e-mail stands in it"),
        ("SELECT id FROM c WHERE e = 'ann@shop.example'", "a phone or an e-mail stands in it"),
        ("UPDATE c SET p = :new_phone", "an UPDATE without WHERE changes every row.*WHERE id = :id"),
        ("UPDATE c SET p = 'where' /* where */", "an UPDATE without WHERE"),
        ("DELETE FROM c WHERE id = :id", "a statement begins with one of .*SELECT"),
        ("", "a statement begins with one of"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_remedy(sql: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        Statement(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM c WHERE made > '2026-01-01 00:00:00' AND p = :phone",
        "SELECT RDB$CHARACTER_SET_NAME, '7701234567', '%street%', '100%' FROM RDB$DATABASE WHERE 1 = :id",
        "INSERT INTO c (kind, n) VALUES ('chat', '2026-11-21')",
        "UPDATE OR INSERT INTO c (id, p) VALUES (:id, :phone) MATCHING (id)",
    ],
)
def test_constants_that_are_nobodys_are_let_through(sql: str) -> None:
    assert Statement(sql)


@pytest.mark.parametrize(
    ("sql", "verb", "changes"),
    [
        ("/* who */SELECT/**/id FROM c WHERE p = :phone", "select", False),
        ("(SELECT id FROM c WHERE p = :phone)", "select", False),
        ("with x as (select 1 from c) select * from x where p = :phone and n = 'delete'", "with", False),
        ("WITH x AS (DELETE FROM c RETURNING id) SELECT id FROM x", "with", True),
        ("INSERT INTO n (t) SELECT :text FROM c", "insert", True),
        ("EXECUTE PROCEDURE add_client(:name)", "execute", True),
    ],
)
def test_what_a_statement_does_is_told_by_its_words_outside_of_quotes(sql: str, verb: str, changes: bool) -> None:
    statement = Statement(sql)

    assert (statement.verb, statement.changes) == (verb, changes)


def test_what_is_new_for_named_columns_is_had_by_their_names_and_a_list_by_its_places() -> None:
    statement = Statement("UPDATE c SET a = :new_phone, b = :new_phone2, d = :new_email WHERE id = :id")
    client = {"client": {"id": "7"}}

    columns = statement.fill({**client, "new": {"phones": {"phone2": "+7"}, "emails": {"email": "a@b.ru"}}})
    listed = statement.fill({**client, "new": {"phones": ["+7", "+8"]}})

    assert columns["params"] == [None, "+7", "a@b.ru", "7"]
    assert listed["params"] == ["+7", "+8", None, "7"]


def test_every_value_can_be_had_from_an_empty_chat() -> None:
    everything = Statement(f"SELECT {', '.join(f':{name}' for name in PARAMETERS)} FROM t")

    assert everything.fill({}) == {"sql": everything.sql, "params": [None] * len(PARAMETERS)}


def test_equal_texts_are_equal_statements() -> None:
    one, same = Statement("SELECT :id "), Statement("SELECT :id")
    assert one == same
    assert len({one, same}) == 1
    assert repr(one) == "Statement('SELECT :id')"
