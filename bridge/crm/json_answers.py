"""The JSON of an answer, as data that every store can keep and read again."""

from __future__ import annotations

import json
import re
from typing import Any

#: levels of objects and lists within one another: far more than any record has, far fewer than what is stored can be read with
DEEPEST = 100
#: what a server writes that cuts a text in the middle of an emoji, or that keeps zeros: no store takes either
_ESCAPED = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_INSTEAD = "\ufffd"


def read_json(body: bytes) -> Any:
    """Raises ValueError for what is no JSON, or is nested too deeply."""
    try:
        data = json.loads(body)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if body.count(b"{") + body.count(b"[") > DEEPEST and _is_deep(data):
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    return _storable(data) if b"\\u" in body and _ESCAPED.search(body) else data


def _is_deep(data: Any) -> bool:
    level = [data]
    for _ in range(DEEPEST):
        level = [inner for one in level if isinstance(one, dict | list)
                 for inner in (one.values() if isinstance(one, dict) else one)]  # fmt: skip
        if not level:
            return False
    return True


def _storable(data: Any) -> Any:
    if isinstance(data, str):
        return _UNSTORABLE.sub(_INSTEAD, data)
    if isinstance(data, list):
        return [_storable(one) for one in data]
    if isinstance(data, dict):
        return {_storable(key): _storable(one) for key, one in data.items()}
    return data
