"""config.yaml as plain data with its references filled in, and everything that is wrong with it so far."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from bridge.config.references import References, hide_braces, show_braces
from bridge.errors import ConfigError
from bridge.mapping import strict

Loc = strict.Path

#: a reserved name, or a word that asks to be replaced
_PLACEHOLDER = re.compile(r"(?:^|[/@.])example\.(?:com|org|net|ru)\b|\bCHANGE[_ -]?ME\b", re.IGNORECASE)


class Missing(str):
    """In the place of a reference that led nowhere. That has been reported; nobody complains about the value again."""

    __slots__ = ()


@dataclass(slots=True)
class Draft:
    """What the file says, where it says it, and what has been found wrong."""

    written: strict.Document
    value: Any = None
    problems: list[tuple[int, int, str]] = field(default_factory=list)

    def has(self, loc: Loc) -> bool:
        return loc in self.written.marks

    def place(self, loc: Loc) -> str:
        """file:line:column of a key, or of the element of a list, or of what it should stand in."""
        return str(self.written.where(loc, key=True))

    def report(self, loc: Loc, message: str) -> None:
        mark = self.written.where(loc, key=True)
        name = ".".join(str(part) for part in loc)
        self.problems.append((mark.line, mark.column, f"{mark}: {name + ': ' if name else ''}{message}"))

    def raise_if_wrong(self) -> None:
        """Raise ConfigError with everything that was reported, in the file's order, each thing once."""
        if self.problems:
            raise ConfigError("\n".join(dict.fromkeys(text for *_, text in sorted(self.problems))))


def read(text: str, origin: str, references: References, *, resolve_below: Collection[str], example: bool) -> Draft:
    """Read `text`. `resolve_below`: keys under which numbers and true/false are more than text. `example`: placeholders
    may stay.

    Raises ConfigError if it is no YAML; what is wrong with single values is reported in the draft.
    """
    try:
        hidden = hide_braces(text)
    except ValueError as error:
        raise ConfigError(f"{origin}: {error}") from error
    written = strict.read(hidden, origin, resolve_below=resolve_below, error=ConfigError)
    draft = Draft(written)
    draft.value = _filled(draft, written.value, (), references, example=example)
    return draft


def _filled(draft: Draft, value: Any, loc: Loc, references: References, *, example: bool) -> Any:
    if isinstance(value, dict):
        return {show_braces(key): _filled(draft, item, (*loc, key), references, example=example) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(draft, item, (*loc, number), references, example=example) for number, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    try:
        text = references.fill(value)
    except ValueError as error:
        draft.report(loc, str(error))
        return Missing()
    if not example and _PLACEHOLDER.search(text):
        shown = repr(text) if text == value else "the value"
        draft.report(loc, f"{shown} is a placeholder of the example; put your own in its place, or let `chat2crm init` ask"
                          " and write the file")  # fmt: skip
    return text
