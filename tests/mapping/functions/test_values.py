from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.functions.values import lookup
from bridge.mapping.language.expressions import Expression, Findings


def run(source: str, **scope: Any) -> Any:
    return Expression(source)(scope)


def test_get_reaches_names_that_cannot_be_written() -> None:
    payload = {"hub.challenge": "1", "$email": "a@b", "x-y": {"z": [10, 20]}, "operators": {"17": {"name": "Ann"}}}
    assert run("get(p, 'hub.challenge')", p=payload) == "1"
    assert run("get(p, '$email')", p=payload) == "a@b"
    assert run("get(p, 'x-y', 'z', `1`)", p=payload) == 20
    assert run("get(p, 'x-y', 'z', '-1')", p=payload) == 20
    assert run("get(p.operators, id).name", p=payload, id=17) == "Ann"
    assert run("get(p, 'x-y', 'z', 'q')", p=payload) is None
    assert run("get(p, 'nothing', 'more')", p=payload) is None


def test_lookup_takes_the_first_and_compares_as_text() -> None:
    users = [{"id": 1, "n": "a"}, {"id": "1", "n": "b"}, {"id": None}, "x", {"id": 2.0, "n": "c"}, {"id": True, "n": "d"}]
    assert run("lookup(u, 'id', '1').n", u=users) == "a"
    assert run("lookup(u, 'id', `2`).n", u=users) == "c"
    assert run("lookup(u, 'id', 'true')", u=users) is None
    assert run("lookup(u, 'id', 'none')", u=users) is None


def test_lookup_remembers_its_index_for_that_very_list_only() -> None:
    memo: dict[Any, Any] = {}
    for number in range(200):
        assert lookup(memo, [{"id": str(number)}], "id", str(number)) == {"id": str(number)}
    assert len(memo) <= 64
    users = [{"id": "1"}]
    lookup(memo, users, "id", "1")
    # another list at the same address must not be taken for it
    memo[(id(users), "id")] = ([{"id": "1"}], {"1": "stale"})
    assert lookup(memo, users, "id", "1") == {"id": "1"}


def test_choose_takes_nulls_for_false() -> None:
    assert run("choose(a, 'x', 'y')") == "y"
    assert run("choose(a, 'x')") is None
    assert run("choose(a, b, 'y')", a=0) is None
    assert run("choose(a, b, 'y')", a=0, b="b") == "b"
    assert run("choose(user_id > `0`, 'operator', to_string(user_id))", user_id=-2) == "-2"


def test_merge_takes_objects_or_a_list_of_them() -> None:
    assert run("merge(a, b)", a={"x": 1, "y": 1}, b={"y": 2}) == {"x": 1, "y": 2}
    assert run("merge(a)", a=[{"x": 1}, None, {"y": 2}]) == {"x": 1, "y": 2}
    assert run("merge(a, b)", b={"y": 2}) == {"y": 2}
    assert run("merge(a, b)") is None
    assert run("merge(a, b)", a={"x": 1}, b=5) is None


def test_entries_and_back() -> None:
    assert run("from_entries(entries(a))", a={"x": 1, "y": [2]}) == {"x": 1, "y": [2]}
    assert run(
        "from_entries(a)", a=[{"name": "x", "value": 1}, {"label": "y", "value": 2}, {"z": 3}, "junk", {"a": 1, "b": 2}]
    ) == {
        "x": 1,
        "y": 2,
        "z": 3,
    }
    assert run("from_entries(a, 'title', 'answer')", a=[{"title": 5, "answer": "x"}, {"key": "k", "value": "v"}]) == {"5": "x"}
    assert run("from_entries(a)", a=[{"key": "x", "value": 1}, {"key": "x", "value": 2}]) == {"x": 1}


def test_json_there_and_back() -> None:
    assert run("parse_json(json(a))", a={"x": [1, None, "ё"]}) == {"x": [1, None, "ё"]}
    assert run("parse_json(a).b", a={"b": 1}) == 1
    findings = Findings()
    assert Expression("parse_json(a)")({"a": "{"}, findings) is None
    assert findings == ["`parse_json(a)`: parse_json(): the text is no JSON"]
    assert run("parse_json(a)", a="[" * 100_000) is None


@given(st.lists(st.integers()))
def test_numbered_names_keep_the_order(values: list[int]) -> None:
    assert list(run("number_keys(a, 'n')", a=values).items()) == [(f"n{place}", value) for place, value in enumerate(values)]


def test_pairs_without_a_usable_name_are_passed_over() -> None:
    assert run("from_entries(a)", a=[{"key": [], "value": 1}, {"key": None, "value": 2}, {"key": "x", "value": 3}]) == {"x": 3}
