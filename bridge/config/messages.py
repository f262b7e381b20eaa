"""The shape in which alerts are posted, where the one who takes them wants another than ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

#: what an alert says, and can be put into the shape as `{text}`
FIELDS = ("text", "cause", "state", "count", "url")
_PLACE = re.compile(r"\{([^{}]*)\}")


def unknown_places(shape: Any) -> Iterator[str]:
    """Names in braces that are none of FIELDS."""
    if isinstance(shape, str):
        yield from (name for name in _PLACE.findall(shape) if name not in FIELDS)
    elif isinstance(shape, Mapping | list | tuple):
        for one in shape.values() if isinstance(shape, Mapping) else shape:
            yield from unknown_places(one)


def filled(shape: Any, message: Mapping[str, Any]) -> Any:
    """The shape with the message's fields in their places. A text that is nothing but one place takes the field as it is."""
    if isinstance(shape, str):
        whole = _PLACE.fullmatch(shape)
        if whole and whole[1] in FIELDS:
            return message[whole[1]]
        return _PLACE.sub(lambda found: str(message[found[1]]) if found[1] in FIELDS else found[0], shape).strip()
    if isinstance(shape, Mapping):
        return {str(key): filled(value, message) for key, value in shape.items()}
    if isinstance(shape, list | tuple):
        return [filled(value, message) for value in shape]
    return shape
