"""One shape for every request a mapping makes: a method with its path, and what is sent along."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from bridge.mapping.language.expressions import Expression
from bridge.mapping.language.templates import PathTemplate, RawTemplate, Template
from bridge.mapping.schema.parts import OneOrMany, Part

_INTO = re.compile(r"url|(query|json|form)\..+")

METHODS = ("get", "post", "put", "patch", "delete")


class FileBytes:
    """A file in scope as `file.bytes`: what a part of `multipart`, or a whole `raw` body, is made of. No dataclass: that would be
    written into a JSON body like any object.
    """

    __slots__ = ("data", "name", "type")

    def __init__(self, name: str, type_: str, data: bytes) -> None:
        self.name, self.type, self.data = name, type_, data


class Pages(Part):
    """How further pages of a list are asked for."""

    #: over the answer: what says where the next page begins; empty ends it
    next: Expression | None = None
    #: or, where pages are only numbered: what is added for the next one (1; for offsets, the records a page) …
    by: int | None = Field(default=None, ge=1)
    #: … the number that the first page has …
    start: int = Field(default=0, ge=0)
    #: … and how many records a full page has: a shorter one is the last. Without it an empty one is
    size: int = Field(default=1, ge=1)
    #: where that value goes: `query.NAME`, `json.NAME`, `form.NAME`, or `url` if it is the next page's whole address
    into: str = Field(json_schema_extra={"pattern": f"^({_INTO.pattern})$"})
    #: pages asked for at most
    most: int = Field(default=20, ge=1, le=1000)

    @field_validator("into")
    @classmethod
    def _a_place(cls, value: str) -> str:
        if not _INTO.fullmatch(value):
            raise PydanticCustomError(
                "into",
                "{given} is no place in a request; write query.NAME, json.NAME or form.NAME, or url where `next` is an address",
                {"given": repr(value)},
            )
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Pages:
        if (self.next is None) == (self.by is None):
            raise PydanticCustomError(
                "pages", "say how the next page is found: `next:` (the answer names it) or `by:` (pages are numbered)"
            )
        return self

    def after(self, here: Any, value: Callable[[Expression], Any], records: Expression | None) -> Any:
        """What leads to the page after the one that `value` reads; None if nothing does. `here`: what led to this one."""
        if self.by is None:
            found = value(self.next) if self.next is not None else None
            return None if found in (None, "", False, [], {}) else found
        listed = value(records) if records is not None else None
        if not isinstance(listed, list) or len(listed) < self.size:
            return None
        return (self.start if here is None else int(here)) + self.by


class Request(Part):
    """Exactly one of get, post, put, patch, delete, and templates for what goes with it."""

    get: PathTemplate | None = None
    post: PathTemplate | None = None
    put: PathTemplate | None = None
    patch: PathTemplate | None = None
    delete: PathTemplate | None = None
    query: Template | None = None
    headers: Template | None = None
    json_: Template | None = Field(default=None, alias="json")
    form: Template | None = None
    #: name → value: fields, and a file where the value is `{file.bytes}`
    multipart: Template | None = None
    #: a text body, for query languages; expressions stand in <<…>> here, braces are braces. `<<file.bytes>>` alone: a file
    raw: RawTemplate | None = None
    #: name of a statement in the target's `sql:`; in scope as `statement.sql` and `statement.params`
    statement: str | None = None
    #: how a form's members that are objects or lists are written
    encode: Literal["json", "nested", "repeat"] = "json"
    #: dotted paths into `json` or `form` whose empty value is sent on purpose
    keep: Annotated[tuple[str, ...], OneOrMany] = ()
    #: over the answer: the list of records
    records: Expression | None = None
    #: over the answer: the new record's id
    id: Expression | None = None
    #: over the answer: true if it worked, where the status alone does not tell
    success: Expression | None = None

    @cached_property
    def method(self) -> str:
        """GET, POST …; empty if this part makes no request of its own."""
        return next((name.upper() for name in METHODS if getattr(self, name) is not None), "")

    @cached_property
    def path(self) -> PathTemplate | None:
        return next((path for name in METHODS if (path := getattr(self, name)) is not None), None)

    @model_validator(mode="after")
    def _one_method(self) -> Request:
        named = [name for name in METHODS if getattr(self, name) is not None]
        if len(named) > 1 or (not named and self._must_ask()):
            raise PydanticCustomError(
                "method", "a request has exactly one of get, post, put, patch, delete; here: {here}",
                {"here": ", ".join(named) or "none"},
            )
        path = "" if self.path is None else self.path.raw.strip()
        if path and path[0] not in "/?":  # joined to the address's last word, and a value there could lead to another host
            raise PydanticCustomError("path", "a path begins with /: write /{path}", {"path": path})
        given = {"json": self.json_, "form": self.form, "multipart": self.multipart, "raw": self.raw}
        bodies = [key for key, value in given.items() if value]
        if len(bodies) > 1:
            raise PydanticCustomError(
                "bodies", "a request has one body: json, form, multipart or raw; here: {here}", {"here": ", ".join(bodies)}
            )
        if self.multipart is not None and not isinstance(self.multipart.raw, Mapping):
            raise PydanticCustomError("multipart", "`multipart` is an object: the parts by their names", {"path": ("multipart",)})
        if not named and (bodies or self.query or self.headers):
            raise PydanticCustomError("method", "there is something to send, but no get, post, put, patch or delete")
        if self.keep:
            for key in ("json_", "form"):
                template = getattr(self, key)
                if template is not None:
                    object.__setattr__(self, key, template.keeping(self.keep))
        return self

    def _must_ask(self) -> bool:
        """False in parts where a request may be missing."""
        return True


class PagedRequest(Request):
    """A request whose list may come in pages."""

    pages: Pages | None = None


class MaybeRequest(PagedRequest):
    """A part that can do without a request of its own."""

    def _must_ask(self) -> bool:
        return False
