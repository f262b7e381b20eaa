"""A mapping as it is understood: every value with its key, and the file and line where it stands, its own or one it builds on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.mapping.load import Loaded

#: characters of a value that are told
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    #: `create.json.firstName`, `find[0].get`
    key: str
    value: str
    #: the mapping's name in whose file it stands
    origin: str
    line: int
    #: it stands in a file that this mapping builds on
    inherited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    key: str
    #: None: the key is not there
    was: str | None
    becomes: str | None


def outline(loaded: Loaded) -> list[Entry]:
    """In the order of the merged mapping."""
    own = str(loaded.path)
    made = []
    for path, value in _leaves(loaded.document.value, ()):
        mark = loaded.document.where(path)
        made.append(Entry(
            key=_key(path), value=_said(value), origin=Path(mark.file).stem, line=mark.line, inherited=mark.file != own
        ))  # fmt: skip
    return made


def changes(old: Iterable[Entry], new: Iterable[Entry]) -> list[Change]:
    """Keys that say something else, in the order of the new one; those that are gone stand at the end."""
    was = {entry.key: entry.value for entry in old}
    becomes = {entry.key: entry.value for entry in new}
    found = [Change(key=key, was=was.get(key), becomes=value) for key, value in becomes.items() if was.get(key) != value]
    return found + [Change(key=key, was=value, becomes=None) for key, value in was.items() if key not in becomes]


def _leaves(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _leaves(below, (*path, key))
    elif isinstance(value, list) and value and any(isinstance(one, dict | list) for one in value):
        for place, below in enumerate(value):
            yield from _leaves(below, (*path, place))
    else:
        yield path, value


def _key(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _said(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
