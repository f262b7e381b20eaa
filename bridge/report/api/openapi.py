"""The API's description as OpenAPI 3.1, out of its routes and their models. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bridge.report.api.shapes import Failure

Scope = Literal["read", "operate"]
_IN_PATH = re.compile(r"\{(\w+)\}")
_REFS = "#/components/schemas/{model}"
_INTEGER = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}


@dataclass(frozen=True, slots=True)
class Query:
    """What can stand in an address."""

    name: str
    about: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Described:
    """One route."""

    method: Literal["get", "post"]
    path: str
    about: str
    answer: type[BaseModel]
    body: type[BaseModel] | None = None
    query: tuple[Query, ...] = ()
    #: answered where what is asked for cannot be done (any more); None: it always can
    conflict: type[BaseModel] | None = None

    @property
    def scope(self) -> Scope:
        return "read" if self.method == "get" else "operate"


#: at every route
OF_SITE = Query("site", "one customer of an agency alone; a key of that customer's needs no `site`", {"type": "string"})


def document(routes: Iterable[Described], version: str) -> dict[str, Any]:
    listed = list(routes)
    models = {model for route in listed for model in (route.answer, route.body, route.conflict) if model} | {Failure}
    ordered = sorted(models, key=lambda model: model.__name__)
    refs, schemas = models_json_schema(
        [(model, "serialization" if model.model_config.get("extra") == "ignore" else "validation") for model in ordered],
        ref_template=_REFS,
    )
    named: dict[type[Any], Any] = {model: ref for (model, _), ref in refs.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in listed:
        paths.setdefault(route.path, {})[route.method] = _operation(route, named)
    return {
        "openapi": "3.1.0",
        "info": {"title": "chat2crm", "version": version,
                 "description": "What the ops page shows and does. Send `Authorization: Bearer …` with the ops password, or "
                                "with a token of `ops.tokens`: scope `read` may GET, scope `operate` may do everything. "
                                "A token in a customer's file sees and does nothing of any other customer's."},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {"schemas": schemas["$defs"], "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }  # fmt: skip


def _operation(route: Described, refs: Mapping[type[Any], Any]) -> dict[str, Any]:
    def said(about: str, model: type[BaseModel]) -> dict[str, Any]:
        return {"description": about, "content": {"application/json": {"schema": refs[model]}}}

    answers = {"200": said(route.about, route.answer)}
    for status, about in (("400", "what was sent cannot be used"), ("401", "nobody is signed in"),
                          ("403", "the token's scope does not reach so far"), ("404", "there is no such thing"),
                          ("413", "more was sent than anything here takes"), ("415", "not application/json"),
                          ("429", "too many wrong passwords"), ("503", "the store does not answer")):  # fmt: skip
        answers[status] = said(about, Failure)
    if route.conflict is not None:
        answers["409"] = said("it has moved on, or there is no such", route.conflict)
    made: dict[str, Any] = {
        "summary": route.about, "operationId": _name(route), "tags": [route.path.split("/")[2]], "responses": answers,
        "x-scope": route.scope,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": _INTEGER if name == "id" else {"type": "string"}}
              for name in _IN_PATH.findall(route.path)),
            *({"name": one.name, "in": "query", "description": one.about, "schema": dict(one.schema)}
              for one in (*route.query, OF_SITE)),
        ],
    }  # fmt: skip
    if route.body is not None:
        needed = any(field.is_required() for field in route.body.model_fields.values())
        made["requestBody"] = {"required": needed, "content": {"application/json": {"schema": refs[route.body]}}}
    return made


def _name(route: Described) -> str:
    return "_".join([route.method, *re.findall(r"\w+", route.path.removeprefix("/api/"))]).replace(".", "_")
