"""Find a mapping, lay it over the one it extends, and read it; whatever is wrong says file:line:column and what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import ValidationError

from bridge.errors import MappingError
from bridge.mapping.explain import sentences
from bridge.mapping.in_scope import strangers
from bridge.mapping.schema import KINDS, CrmMapping, Kind, ProviderMapping
from bridge.mapping.schema.parts import LANGUAGE
from bridge.mapping.strict import Document, read
from bridge.mapping.suggestions import nearest

FOLDERS: Mapping[Kind, str] = {"provider": "providers", "crm": "crms"}
_MOST_EXTENDED = 8


@dataclass(frozen=True, slots=True)
class Loaded:
    """A mapping and the file it came from, for those who point into it."""

    kind: Kind
    mapping: ProviderMapping | CrmMapping
    document: Document
    path: Path

    @property
    def folder(self) -> Path:
        """Where its samples or exchanges lie: beside it, under its name."""
        return self.path.with_suffix("")


def load_provider(name_or_path: str | Path, *, search: Sequence[Path] = ()) -> ProviderMapping:
    """The mapping of a provider: a name (looked for in `search`, then among the shipped ones) or a path to a file.

    Raises MappingError.
    """
    return cast("ProviderMapping", load("provider", name_or_path, search=search).mapping)


def load_crm(name_or_path: str | Path, *, search: Sequence[Path] = ()) -> CrmMapping:
    """The mapping of a CRM, likewise. Raises MappingError."""
    return cast("CrmMapping", load("crm", name_or_path, search=search).mapping)


def load(kind: Kind, name_or_path: str | Path, *, search: Sequence[Path] = ()) -> Loaded:
    """Either kind, with its marks."""
    path = _find(kind, name_or_path, search)
    document = _merged(kind, path, search, ())
    return Loaded(kind, _validated(kind, document, path), document, path)


def shipped() -> Path:
    """The folder of the mappings that came with the program: in the wheel, or in a checkout."""
    inside = Path(str(files("bridge"))) / "shipped" / "mappings"
    return inside if inside.is_dir() else Path(str(files("bridge"))).parent / "mappings"


def available(kind: Kind, *, search: Sequence[Path] = ()) -> dict[str, Path]:
    """Name → file of every mapping that can be loaded by name; the user's own hide shipped ones."""
    found: dict[str, Path] = {}
    for folder in _folders(kind, search):
        for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            found.setdefault(path.stem, path)
    return found


def kind_of(path: Path) -> Kind:
    """Which kind of mapping a file holds, by its folder or its keys. Raises MappingError."""
    for kind, folder in FOLDERS.items():
        if path.parent.name == folder:
            return kind
    value = _read(path).value
    for key, kind in _TELLTALES.items():
        if isinstance(value, Mapping) and key in value:
            return kind
    raise MappingError(f"{path}: is this a provider or a CRM? Put it into a folder named providers or crms")


_TELLTALES: Mapping[str, Literal["provider", "crm"]] = {
    "events": "provider", "verify": "provider", "messages": "provider", "find": "crm", "base_url": "crm", "note": "crm",
}  # fmt: skip


# -- finding -----------------------------------------------------------------------------------------------------------


def _folders(kind: Kind, search: Sequence[Path]) -> list[Path]:
    own = [folder for base in search for folder in (base / FOLDERS[kind], base)]
    return [*own, shipped() / FOLDERS[kind]]


def _find(kind: Kind, name_or_path: str | Path, search: Sequence[Path], *, past: Path | None = None) -> Path:
    """The file; `past` hides one, so that a user's own mapping can extend the shipped one of its own name."""
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or "\\" in text or text.endswith((".yaml", ".yml")):
        path = Path(name_or_path)
        if not path.is_file():
            raise MappingError(f"{path}: there is no such file")
        return path
    for folder in _folders(kind, search):
        path = folder / f"{text}.yaml"
        if path.is_file() and (past is None or path.resolve() != past.resolve()):
            return path
    known = available(kind, search=search).keys() - ({past.stem} if past else set())
    if past is not None and text == past.stem:
        raise MappingError(f"{text!r} cannot extend itself; another of that name, which it could, is not there")
    raise MappingError(f"there is no {kind} mapping named {text!r}{nearest(text, known)}; there are: "
                       f"{', '.join(sorted(known)) or 'none'}. One of your own is given as a path, like "
                       f"./mappings/{FOLDERS[kind]}/{text}.yaml")  # fmt: skip


# -- reading -----------------------------------------------------------------------------------------------------------


def _read(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise MappingError(f"{path}: the file is not UTF-8; save it as UTF-8") from None
    except OSError as problem:
        raise MappingError(f"{path}: it cannot be read: {problem.strerror}") from None
    return read(text, str(path))


def _merged(kind: Kind, path: Path, search: Sequence[Path], below: tuple[Path, ...]) -> Document:
    document = _read(path)
    if not isinstance(document.value, dict):
        raise MappingError(f"{path}:1:1: a mapping is an object with keys; begin with mapping_language: {LANGUAGE}")
    _check_language(document)
    base = document.value.get("extends")
    if base is None:
        _refuse_blanks(document)
        return document
    if not isinstance(base, str) or len(below) >= _MOST_EXTENDED or path in below:
        raise MappingError(f"{document.where(('extends',))}: extends: the name of one other mapping is expected, and no circle")
    try:
        named = path.parent / base if "/" in base or "\\" in base else base  # a path is meant from where it is written
        base_path = _find(kind, named, (path.parent, *search), past=path)
    except MappingError as problem:
        raise MappingError(f"{document.where(('extends',))}: extends: {problem.message}") from None
    return _laid_over(_merged(kind, base_path, search, (*below, path)), document)


def _check_language(document: Document) -> None:
    version = document.value.get("mapping_language")
    if version is None:
        raise MappingError(f"{document.where(())}: `mapping_language` is missing; write mapping_language: {LANGUAGE} at the head")
    if version != str(LANGUAGE):
        raise MappingError(
            f"{document.where(('mapping_language',))}: mapping_language: this program speaks version {LANGUAGE}, "
            f"not {version!r}; write {LANGUAGE}, or update the program"
        )


def _refuse_blanks(document: Document) -> None:
    for path in sorted(document.blank, key=str):
        name = ".".join(str(part) for part in path)
        raise MappingError(f"{document.where(path)}: {name}: there is no value; write one, '' for an empty text, 'null' for the "
                           "word (null stands only within json:), or remove the key")


def _laid_over(base: Document, own: Document) -> Document:
    """The base with the own keys in place of its own; objects are merged, lists replaced, a key with ~ or null is taken out."""
    merged = Document(own.origin, None, dict(base.marks), dict(base.key_marks), dict(base.text_marks))
    merged.value = _overlay(_without_removals(base.value, own.value, merged), own.value, (), merged, own)
    merged.marks[()] = own.marks[()]
    return merged


def _without_removals(base: Any, own: Any, merged: Document) -> Any:
    """`remove` deletes what the request beside it made. Where that request is changed it is not inherited: the same number may be
    another record's there.
    """
    entities = own.get("entities")
    names = entities if isinstance(entities, dict) else {}
    for path in (("create",), ("note",), *(("entities", name, "note") for name in names)):
        changed = _at(own, path)
        if isinstance(changed, dict) and changed.get("remove", ...) is not None:  # None: ~, which takes it out as ever
            base = _without(base, (*path, "remove"))
            _forget(merged, (*path, "remove"))
    return base


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _without(value: Any, path: tuple[str, ...]) -> Any:
    """The same without the key at that path; what is given stays as it is."""
    first, *rest = path
    if not isinstance(value, dict) or first not in value:
        return value
    if not rest:
        return {key: member for key, member in value.items() if key != first}
    return {**value, first: _without(value[first], tuple(rest))}


def _overlay(base: Any, own: Any, path: tuple[str | int, ...], merged: Document, marks: Document) -> Any:
    if isinstance(base, dict) and isinstance(own, dict):
        result = dict(base)
        for key, value in own.items():
            below = (*path, key)
            if below in marks.blank:
                if key not in base:
                    raise MappingError(f"{marks.where(below)}: {key}: ~ takes a key out, but there is none to take out")
                result.pop(key)
                _forget(merged, below)
            else:
                result[key] = _overlay(base.get(key), value, below, merged, marks)
                merged.marks.setdefault(below, marks.where(below))
                merged.key_marks[below] = marks.where(below, key=True)
        return result
    _forget(merged, path)
    for table, other in ((merged.marks, marks.marks), (merged.key_marks, marks.key_marks),
                         (merged.text_marks, marks.text_marks)):
        table.update({place: mark for place, mark in other.items() if place[: len(path)] == path})
    for place in marks.blank:
        if place[: len(path)] == path:
            raise MappingError(f"{marks.where(place)}: {place[-1]}: there is no value; write one or remove the key")
    return own


def _forget(document: Document, path: tuple[str | int, ...]) -> None:
    for table in (document.marks, document.key_marks, document.text_marks):
        for place in [place for place in table if place[: len(path)] == path]:
            del table[place]


def _validated(kind: Kind, document: Document, path: Path) -> ProviderMapping | CrmMapping:
    try:
        mapping = KINDS[kind].model_validate(document.value)
    except ValidationError as problem:
        raise MappingError("\n".join(sentences(problem, document))) from None
    if isinstance(mapping, CrmMapping):
        wrong = [f"{document.where(place)}: {'.'.join(map(str, place))}: {text}" for place, text in strangers(mapping)]
        if wrong:
            raise MappingError("\n".join(wrong))
    canonical = json.dumps(document.value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    return mapping.model_copy(update={"name": path.stem, "origin": str(path), "digest": digest})
