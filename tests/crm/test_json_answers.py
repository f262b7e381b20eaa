from __future__ import annotations

import json

import pytest

from bridge.crm.json_answers import DEEPEST, read_json


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"a": [1, "x", null]}', {"a": [1, "x", None]}),
        (rb'{"a": "\ud83d\ude00 \u0434"}', {"a": "\U0001f600 \u0434"}),
        # a text that was cut in the middle of an emoji, and a zero: no store takes them
        (rb'{"name": "Anna \ud83d"}', {"name": "Anna \ufffd"}),
        (rb'{"k\uDE00": ["a\u0000b"]}', {"k\ufffd": ["a\ufffdb"]}),
        (rb'"\\ud83d"', "\\ud83d"),
    ],
)
def test_what_is_read_can_be_stored(body: bytes, data: object) -> None:
    found = read_json(body)
    assert found == data
    json.dumps(found, ensure_ascii=False).encode()


def test_what_is_nested_beyond_what_is_stored_and_read_again_is_refused() -> None:
    assert read_json(nested(DEEPEST))
    assert read_json(b"[" + b",".join([b"{}"] * 1000) + b"]")
    for levels in (DEEPEST + 1, 230, 100_000):
        with pytest.raises(ValueError, match="nested"):
            read_json(nested(levels))
