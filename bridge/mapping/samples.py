"""The proof beside a mapping: recorded requests of a provider with what each must become, and exchanges with a CRM.

This module reads and checks the two formats; running them is for those who know what parsing and speaking are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from bridge.errors import MappingError
from bridge.mapping.explain import sentences
from bridge.mapping.in_scope import EVERYWHERE
from bridge.mapping.schema.parts import Part
from bridge.mapping.schema.provider import ProviderMapping
from bridge.mapping.schema.request import METHODS
from bridge.mapping.strict import Document, Mark, read
from bridge.mapping.suggestions import nearest
from bridge.model import Chat, Client, OperationKind

Origin = Literal["captured", "vendor_docs", "inferred"]
Read = TypeVar("Read", bound=Part)

#: what a sample may show besides the events of its mapping
OTHER_SAMPLES = ("unknown_event", "broken_body", "bad_secret", "handshake")
ANY_EVENT = "any"
"""How files name the event of a mapping that has no `at`."""


# -- providers ---------------------------------------------------------------------------------------------------------


class Expected(Part):
    """What a sample must become: NAME.expected.json."""

    origin: Origin
    #: where it is from: a page with the date it was read, or what was recorded and when
    source: str
    #: does it prove that it comes from the provider, with these keys, at this time?
    authentic: bool = True
    keys: tuple[str, ...] = ()
    now: datetime | None = None
    #: of the source it is sent to: language, region, fields …
    settings: dict[str, Any] = Field(default_factory=dict)
    #: results of `fetch` by name, for rules that need them
    fetched: dict[str, Any] = Field(default_factory=dict)
    dedupe_key: str | None = None
    outcome: Literal["events", "skipped", "not_understood", "handshake", "refused"]
    #: of skipped and not_understood, in the mapping's or our words
    reason: str | None = None
    events: tuple[dict[str, Any], ...] = ()
    answer: dict[str, Any] | None = None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One recorded request."""

    #: the file's name without .http: EVENT or EVENT.VARIANT
    name: str
    #: EVENT: the vendor's word as file names have it, or one of OTHER_SAMPLES
    event: str
    method: str
    #: path and query as they were requested
    url: str
    #: names in lower case
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    path: Path = field(repr=False)
    #: None where the file is still missing
    expected: Expected | None = field(default=None, repr=False)

    @property
    def expected_path(self) -> Path:
        return self.path.with_name(f"{self.name}.expected.json")


_EVENT_SIGNS = re.compile(r"[^A-Za-z0-9_-]")
_REQUEST_LINE = re.compile(r"(?P<method>[A-Z]+) (?P<url>/\S*)(?: HTTP/1\.[01])?")


def file_word(event: str) -> str:
    """A vendor's word as file names have it: chat:end → chat_end."""
    return ANY_EVENT if event == "*" else _EVENT_SIGNS.sub("_", event)


def read_samples(folder: Path, mapping: ProviderMapping | None = None) -> list[Sample]:
    """The samples in a folder, by name. With a mapping, their names are held against its events. Raises MappingError."""
    samples = [read_sample(path) for path in sorted(folder.glob("*.http"))]
    known = {sample.name for sample in samples}
    for path in sorted(folder.glob("*.expected.json")):
        if path.name.removesuffix(".expected.json") not in known:
            raise MappingError(f"{path}: there is no {path.name.removesuffix('.expected.json')}.http beside it")
    if mapping is not None:
        words = (*map(file_word, mapping.events), *OTHER_SAMPLES)
        for sample in samples:
            if sample.event not in words:
                raise MappingError(
                    f"{sample.path}: a sample's name begins with an event of the mapping, but there is no "
                    f"{sample.event!r}{nearest(sample.event, words)}; there are: {', '.join(words)}"
                )
    return samples


def read_sample(path: Path) -> Sample:
    """One .http file (request line, headers, a blank line, the exact body) and what it must become. Raises MappingError."""
    head, found, body = _split(path.read_bytes())
    if not found:
        raise MappingError(f"{path}: there is no blank line between headers and body")
    lines = head.decode("utf-8", "replace").splitlines()
    request = _REQUEST_LINE.fullmatch(lines[0].strip()) if lines else None
    if request is None:
        raise MappingError(f"{path}:1:1: the first line must be a request line, like: POST /hooks/shop HTTP/1.1")
    headers = {}
    for number, line in enumerate(lines[1:], 2):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise MappingError(f"{Mark(str(path), number, 1)}: a header is NAME: VALUE; the body begins after a blank line")
        headers[name.strip().lower()] = value.strip()
    body = _without_last_line_break(body, headers.get("content-length"))
    name = path.name.removesuffix(".http")
    return Sample(name, name.partition(".")[0], request["method"], request["url"], headers, body, path,
                  _expected(path.with_name(f"{name}.expected.json")))


def _split(data: bytes) -> tuple[bytes, bool, bytes]:
    found = re.search(rb"\r?\n\r?\n", data)
    return (data[: found.start()], True, data[found.end() :]) if found else (data, False, b"")


def _without_last_line_break(body: bytes, length: str | None) -> bytes:
    """Editors end files with a line break that was not sent; Content-Length tells."""
    if length is not None and length.isdecimal() and body[int(length) :] in (b"\n", b"\r\n"):
        return body[: int(length)]
    return body


def _expected(path: Path) -> Expected | None:
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_bytes())
    except ValueError as problem:
        raise MappingError(f"{path}: this is no JSON: {problem}") from None
    return _checked(Expected, data, Document(str(path)))


# -- CRMs --------------------------------------------------------------------------------------------------------------


class Request(Part):
    """What the CRM must be asked, whole; `Content-Type` alone may be there untold."""

    method: str
    #: path and query as they go over the wire; whole where it is another host than the CRM's own
    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    form: dict[str, str] | None = None
    #: part → its text, or {filename, type, text} of a file
    multipart: dict[str, Any] | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _right(self) -> Request:
        if self.method.lower() not in METHODS:
            raise PydanticCustomError("method", "the method is one of {known}", {"known": ", ".join(METHODS).upper()})
        return self


class Answer(Part):
    """What the CRM says to it."""

    status: int = Field(default=200, ge=100, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    text: str | None = None
    #: the connection breaks before the CRM has done it, or after
    drop: Literal["before", "after"] | None = None


class ExchangeStep(Part):
    """One request and its answer; `do` says which operation the request belongs to, where it begins a new one."""

    do: str | None = None
    #: what that operation is given, beyond the story's chat and target
    given: dict[str, Any] = Field(default_factory=dict, alias="with")
    expect: Request
    answer: Answer

    @model_validator(mode="after")
    def _can_be_given(self) -> ExchangeStep:
        known = {*EVERYWHERE, *_OF_A_STORY}
        for name in self.given:
            if name not in known:
                raise _wrong_given(name, "an operation is given no {name}{hint}; it can be given {known}", nearest(name, known),
                                   sorted(known))  # fmt: skip
        kind = self.given.get("for")
        if kind is not None and kind not in set(OperationKind):
            raise _wrong_given("for", "what is looked for is one of {known}", "", [*OperationKind])
        if self.do == "owner" and not self.given.get("email"):
            raise _wrong_given("", "`do: owner` needs in `with` the `email`", "", [])
        client = self.given.get("client")
        if client is not None:
            _as_model(Client, client, ("with", "client"))
        return self


#: besides what stands in scope
_OF_A_STORY = ("for", "sent_at", "again_headers", "email")


def _wrong_given(name: str, text: str, hint: str, known: list[str]) -> PydanticCustomError:
    return PydanticCustomError(
        "with", text, {"name": repr(name), "hint": hint, "known": ", ".join(known), "path": ("with", *filter(None, [name]))}
    )


def _as_model(model: type[BaseModel], data: Any, path: tuple[str, ...]) -> None:
    try:
        model.model_validate(data)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        raise PydanticCustomError(
            "told", "{text}", {"text": first["msg"], "path": (*path, *map(str, first["loc"]))}
        ) from None


class Exchange(Part):
    """A story told to a CRM: STORY.exchange.yaml."""

    origin: Origin
    #: where it is from
    source: str = ""
    #: what happens, in a sentence
    story: str
    #: parts of model.Chat that matter
    chat: dict[str, Any] = Field(default_factory=dict)
    target: dict[str, Any] = Field(default_factory=dict)
    #: with which it begins, where `target` has `oauth`: access, refresh, expires_in, and what the mapping keeps
    token: dict[str, Any] = Field(default_factory=dict)
    steps: Annotated[tuple[ExchangeStep, ...], Field(min_length=1)]
    outcome: dict[str, Any]
    #: the file's name without .exchange.yaml
    name: str = Field(default="", exclude=True)
    path: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _is_a_chat(self) -> Exchange:
        _as_model(Chat, {"source": "shop", "chat_id": "1", **self.chat}, ("chat",))
        return self


RESOLVED = ("json", "multipart", "chat", "target", "with", "outcome")
"""Keys of an exchange below which true, null and numbers are more than text."""


def read_exchanges(folder: Path) -> list[Exchange]:
    """The exchanges in a folder, by name. Raises MappingError."""
    return [read_exchange(path) for path in sorted(folder.glob("*.exchange.yaml"))]


def read_exchange(path: Path) -> Exchange:
    """One story. Raises MappingError with file:line:column."""
    document = read(path.read_text(encoding="utf-8"), str(path), resolve_below=RESOLVED)
    exchange = _checked(Exchange, document.value, document)
    return exchange.model_copy(update={"name": path.name.removesuffix(".exchange.yaml"), "path": path})


def _checked(model: type[Read], data: Any, document: Document) -> Read:
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        raise MappingError("\n".join(sentences(problem, document))) from None
