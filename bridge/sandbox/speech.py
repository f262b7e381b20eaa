"""JSON in and out: bodies become checked values, rows and refusals become answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from aiohttp import web
from pydantic import ValidationError

from bridge.sandbox.entities import Entity
from bridge.sandbox.records import Row
from bridge.sandbox.refusals import BadRequest, Duplicate, Merged, Refusal, Unfit

Json = dict[str, Any]
_JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}


def answer(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = json.dumps(content, ensure_ascii=False).encode()
    return web.Response(body=body, status=status, headers={**_JSON_HEADERS, **(headers or {})})


def refused(refusal: Refusal, extra: Json | None = None) -> web.Response:
    """Word a refusal: stable `error`, `message` for a person, and what the caller can act on."""
    told: Json = {"error": refusal.code, "message": str(refusal)}
    if isinstance(refusal, Merged):
        told["merged_into"] = str(refusal.into)
    elif isinstance(refusal, Unfit) and refusal.fields:
        told["fields"] = refusal.fields
    elif isinstance(refusal, Duplicate) and refusal.field == "code":
        # On purpose only in the text: there are CRMs from whose answer the id has to be pulled out.
        told["message"] = f"Duplicate found. Existing ID: {refusal.holder}"
    elif isinstance(refusal, Duplicate):
        told["existing_id"] = str(refusal.holder)
    return answer(told | (extra or {}), status=refusal.status)


def refused_by_gate(status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
    return answer({"error": code, "message": message}, status=status, headers=headers)


def parsed(body: bytes) -> Any:
    """Read a JSON body. Raises BadRequest with the place of the fault."""
    try:
        # Encoding it again finds halves of surrogate pairs, which JSON can spell and no database can store.
        content = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        json.dumps(content, ensure_ascii=False).encode()
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise BadRequest(f"the body is not valid UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise BadRequest("the body is nested too deeply") from error
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    return content


def whole_object(body: bytes) -> Json:
    content = parsed(body)
    if not isinstance(content, dict):
        raise BadRequest('the body must be a JSON object, such as {"name": "Anna"}')
    return content


def filled_form(entity: Entity, given: Json) -> Row:
    """Check what a create was sent; left out fields get their defaults. Raises Unfit."""
    try:
        return entity.form.model_validate(given).model_dump()
    except ValidationError as error:
        raise _unfit(entity, error) from error


def changed_fields(entity: Entity, row: Row, given: Json) -> Row:
    """Check what an update was sent against the record as it is; only the fields given come back. Raises Unfit."""
    shown = entity.shown(row)
    whole = {name: shown[name] for name in entity.form.model_fields} | given
    checked = filled_form(entity, whole)
    return {name: checked[name] for name in given}


def _unfit(entity: Entity, error: ValidationError) -> Unfit:
    fields: dict[str, str] = {}
    for fault in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in fault["loc"]) or "body"
        known = ", ".join(entity.form.model_fields)
        fields[name] = (
            f"there is no such field; a {entity.name} has {known}"
            if fault["type"] == "extra_forbidden"
            else fault["msg"].removeprefix("Value error, ")
        )
    return Unfit("; ".join(f"{name}: {what}" for name, what in fields.items()), fields)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
