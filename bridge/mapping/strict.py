"""YAML without surprises: text stays text, keys are text, nothing is overwritten silently, and everything knows its line.

The configuration is read with it as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import yaml

from bridge.errors import ConfigError, MappingError

Path = tuple[str | int, ...]
DEEPEST = 64
LONGEST = 2_000_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is six times as fast where it was built
#: no exponents: 75e28846 is a piece of somebody's hash, and as a number it would be infinite; nor more digits than any number has
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?")
_WORDS = {"true": True, "false": False}
#: YAML's words for no value. The word itself has to be quoted
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def right(self, by: int) -> Mark:
        return Mark(self.file, self.line, self.column + by)


@dataclass(slots=True)
class Document:
    """A YAML file as plain values, and where each of them stands."""

    origin: str
    value: Any = None
    #: of every value
    marks: dict[Path, Mark] = field(default_factory=dict)
    #: of the keys
    key_marks: dict[Path, Mark] = field(default_factory=dict)
    #: values on one line, whose columns can be counted on: their first character's place
    text_marks: dict[Path, Mark] = field(default_factory=dict)
    #: values that are none: nothing at all, ~, or null where it is not JSON's
    blank: set[Path] = field(default_factory=set)

    def where(self, path: Path, *, key: bool = False) -> Mark:
        """The place of a value (or its key). Parts of the path that the file has not got are passed over."""
        here: Path = ()
        for part in path:
            if (*here, part) in self.marks:
                here = (*here, part)
        marks = self.key_marks if key and here in self.key_marks else self.marks
        return marks.get(here) or Mark(self.origin, 1, 1)

    def inside(self, path: Path, offset: int) -> Mark:
        """The place of a character in a text, as far as it can be told."""
        mark = self.text_marks.get(path)
        return mark.right(offset) if mark else self.where(path)


def read(text: str, origin: str, *, resolve_below: Collection[str] = ("json",),
         error: type[ConfigError] = MappingError) -> Document:
    """Read one YAML document.

    Args:
        text: the file's text.
        origin: the file's name, as error messages have it.
        resolve_below: keys below which true, false, null and JSON's numbers are more than text.
        error: what to raise; its message says file:line:column, what is wrong, and what to write instead.
    """
    if len(text) > LONGEST:
        raise error(f"{origin}: the file is larger than {LONGEST:,} characters; is it a mapping at all?")
    try:
        events = list(yaml.parse(text, Loader=_LOADER))
    except (yaml.YAMLError, ValueError) as problem:  # ValueError: characters that YAML forbids
        raise error(_syntax_problem(problem, origin, text)) from None
    return _Builder(events, origin, frozenset(resolve_below), error).document()


def _syntax_problem(problem: Exception, origin: str, text: str) -> str:
    mark = getattr(problem, "problem_mark", None)
    if mark is None:
        return f"{origin}: this is no YAML text: {str(problem).splitlines()[0]}; save the file as UTF-8"
    what = (getattr(problem, "problem", None) or "it cannot be read").replace("%YAML", "YAML")
    lines = text.splitlines()
    begun = getattr(problem, "context_mark", None)
    if begun is not None and (mark.line >= len(lines) or "flow" in (getattr(problem, "context", None) or "")):
        mark = begun  # a bracket or quote that is not closed is noticed far behind it
    line = lines[mark.line] if mark.line < len(lines) else ""
    return f"{Mark(origin, mark.line + 1, mark.column + 1)}: YAML: {what}; {_remedy(line, mark.column)}"


def _remedy(line: str, column: int) -> str:
    if "\t" in line[: column + 1]:
        return "indent with blanks, not with tabs"
    if any(sign in line for sign in "{}[]@`*&!%'\"(),|>"):
        return ("quote the value: '…'. An expression or template that begins with { [ @ ` * & ! % or a quote, or that has "
                "', ' or ': ' in it, must be quoted as a whole; a single quote within single quotes is written twice")
    return "look at the indentation and for a missing ': ' on this line and the one above"


class _Builder:
    """Events → values, with everything refused that YAML would do silently."""

    def __init__(self, events: list[Any], origin: str, resolve_below: frozenset[str], error: type[ConfigError]) -> None:
        self.events = events
        self.place = 0
        self.resolve_below = resolve_below
        self.error = error
        self.found = Document(origin)

    def document(self) -> Document:
        starts = [event for event in self.events if isinstance(event, yaml.DocumentStartEvent)]
        if len(starts) > 1:
            self.refuse(starts[1], "a second document (---) in one file; write one file for each")
        self.place = 2  # past the starts of stream and document
        if starts:
            self.found.value = self.value((), resolve=False)
        else:
            self.found.marks[()] = Mark(self.found.origin, 1, 1)
        return self.found

    def refuse(self, event: Any, what: str) -> Any:
        raise self.error(f"{self.mark(event)}: {what}")

    def mark(self, event: Any) -> Mark:
        return Mark(self.found.origin, event.start_mark.line + 1, event.start_mark.column + 1)

    def next(self) -> Any:
        event = self.events[self.place]
        self.place += 1
        return event

    def value(self, path: Path, *, resolve: bool) -> Any:
        event = self.next()
        if isinstance(event, yaml.AliasEvent):
            self.refuse(event, f"*{event.anchor}: repetition by name (& and *) is not part of this language; "
                               "if it is text, quote it: '*…'")
        if event.anchor:
            self.refuse(event, f"&{event.anchor}: names for values (& and *) are not part of this language; "
                               "if it is an expression, quote it: '&…'")
        if event.tag:
            self.refuse(event, f"{event.tag}: tags (!) are not part of this language; if it is an expression, quote it: '!…'")
        self.found.marks[path] = self.mark(event)
        if len(path) > DEEPEST:
            self.refuse(event, "this is nested too deeply")
        if isinstance(event, yaml.MappingStartEvent):
            return self.object(event, path, resolve=resolve)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.list(path, resolve=resolve)
        return self.scalar(event, path, resolve=resolve)

    def list(self, path: Path, *, resolve: bool) -> list[Any]:
        found: list[Any] = []
        while not isinstance(self.events[self.place], yaml.SequenceEndEvent):
            found.append(self.value((*path, len(found)), resolve=resolve))
        self.place += 1
        return found

    def object(self, start: Any, path: Path, *, resolve: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(self.events[self.place], yaml.MappingEndEvent):
            event = self.next()
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                self.refuse(start, "a key must be plain text; an expression or template that begins with { must be quoted: "
                                   "'{…}'")
            name = event.value
            if name in found:
                self.refuse(event, f"the key {name!r} stands here twice; the first is on line "
                                   f"{self.found.key_marks[(*path, name)].line}. Remove one of them")
            self.found.key_marks[(*path, name)] = self.mark(event)
            self.bare_braces(start, event, self.events[self.place])
            found[name] = self.value((*path, name), resolve=resolve or name in self.resolve_below)
        self.place += 1
        return found

    def bare_braces(self, start: Any, key: Any, value: Any) -> None:
        """`x: {client.name}` is an object with one key and no value to YAML; here it was meant as a template."""
        empty = isinstance(value, yaml.ScalarEvent) and value.value == "" and value.implicit[0] and not value.tag
        if start.flow_style and empty and value.start_mark.index == value.end_mark.index:
            self.refuse(start, f"{{{key.value}}} without quotes is an object to YAML: quote it: '{{{key.value}}}'")

    def scalar(self, event: Any, path: Path, *, resolve: bool) -> Any:
        text = event.value
        plain = event.style in (None, "")
        if event.start_mark.line == event.end_mark.line:
            self.found.text_marks[path] = self.mark(event).right(0 if plain else 1)
        if not plain:
            return text
        if text in _NOTHING:
            # inside json: a null is a value like others; in the place of json itself there is none
            inside_json = any(part in self.resolve_below for part in path[:-1])
            if not inside_json or text in ("", "~"):
                self.found.blank.add(path)
            return None
        if resolve and text in _WORDS:
            return _WORDS[text]
        if resolve and _NUMBER.fullmatch(text):
            return float(text) if "." in text else int(text)
        return text
