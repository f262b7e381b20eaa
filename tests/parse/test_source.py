"""What expressions see of a delivery beside its payload."""

from parse_materials import SOURCE, delivery

from bridge.mapping.language.expressions import Expression
from bridge.parse import top_scope


def test_headers_query_and_source_stand_beside_the_payloads_own_keys() -> None:
    scope = top_scope({"id": 5, "query": "mine"}, delivery(headers={"X-Team": "t"}, query="a=1&b=%D0%96&a=2"), SOURCE)
    for expression, value in (("id", 5), ("root.query", "mine"), ("query.a", "2"), ("query.b", "Ж"), ("source.region", "RU"),
                              ("source.fields.brand", "north"), ("get(headers, 'x-team')", "t"), ("fetched.chat", None)):
        assert Expression(expression)(scope) == value


def test_a_payload_that_is_a_list_is_reached_as_root() -> None:
    assert Expression("root[1]")(top_scope([1, 2], delivery(), SOURCE)) == 2


def test_a_query_with_too_many_parameters_is_taken_for_none() -> None:
    assert Expression("query.a")(top_scope({}, delivery(query="&".join("a=1" for _ in range(1001))), SOURCE)) is None
