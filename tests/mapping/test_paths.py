from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from bridge.mapping.paths import DataPath, conceal

DATA: dict[str, Any] = {
    "user": {"password": "x", "name": "Ann"},
    "users": [{"token": 1}, {"token": 2}, "x"],
    "a": {"s": 1, "t": None},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("user.password", ["x"]),
        ("users[].token", [1, 2]),
        ("users", [DATA["users"]]),
        ("*.password", ["x"]),
        ("a.*", [1, None]),
        ("user.nothing.more", []),
        ("user[].x", []),
        ("users.*.token", [1, 2]),
    ],
)
def test_a_path_leads_to_every_place_of_its_kind(path: str, found: list[Any]) -> None:
    assert DataPath(path).values(DATA) == found


def test_what_is_concealed_is_gone_and_nothing_else_is_touched() -> None:
    before = copy.deepcopy(DATA)
    after = conceal(DATA, [DataPath("user.password"), DataPath("users[].token"), DataPath("a.t"), DataPath("nothing.there")])
    assert after == {
        "user": {"password": "•••", "name": "Ann"},
        "users": [{"token": "•••"}, {"token": "•••"}, "x"],
        "a": {"s": 1, "t": None},
    }
    assert before == DATA
    assert after["a"] == DATA["a"]


def test_a_payload_that_is_a_list_is_entered_from_its_top() -> None:
    assert conceal([{"token": 1}], [DataPath("[].token")]) == [{"token": "•••"}]
    assert conceal("text", [DataPath("a.b")]) == "text"


class Model(BaseModel):
    value: DataPath


def test_pydantic_reads_and_writes_them_as_text() -> None:
    assert Model.model_validate({"value": "a.b"}).model_dump() == {"value": "a.b"}
    assert Model(value=DataPath("a.b")) == Model.model_validate({"value": "a.b"})
    assert len({DataPath("a"), DataPath("a")}) == 1
    assert repr(DataPath("a")) == "DataPath('a')"


@pytest.mark.parametrize("wrong", ["", "a..b", 5, ["a"]])
def test_what_is_no_path_says_how_one_looks(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="names with dots"):
        Model.model_validate({"value": wrong})
