"""The exact requests of a plan, as they would go out, without the target's key."""

from __future__ import annotations

import json
from typing import Any

from bridge.crm.render import render
from bridge.errors import BridgeError
from bridge.mapping.schema import Write
from bridge.model import Operation, OperationKind
from bridge.targets import Target
from bridge.transport import PreparedRequest

#: stands where an id will stand that only an earlier request of the same plan can give
NEW_CLIENT, NEW_DEAL = "NEW-CLIENT", "NEW-DEAL"


def rendered(operation: Operation, target: Target) -> PreparedRequest | str:
    """The request that would carry it out, unsigned; a sentence if there can be none."""
    mapping = target.mapping
    known: dict[str, Any] = dict(operation.scope)
    client = known.get("client")
    creating = operation.kind is OperationKind.CREATE
    if client is None and not creating:
        known["client"] = client = {"id": NEW_CLIENT, "entity": mapping.create.entity}
    if known.get("deal") is None and (known.get("note") or {}).get("on") == "deal":
        known["deal"] = {"id": NEW_DEAL}
    entity = (client or {}).get("entity") or mapping.create.entity
    part = mapping.create if creating else getattr(mapping.for_entity(entity), operation.kind.value, None)
    if not isinstance(part, Write):
        return f"The mapping of {mapping.title} does not say how a {operation.kind} is written."
    defaults = {name: option.default for name, option in mapping.options.items()}
    known |= {"target": {**defaults, **target.settings.scope()}, "token": {}, "marker": operation.marker,
              "part": {"number": operation.part, "of": operation.parts}}  # fmt: skip
    marker = part.marker
    more = {marker.name: operation.marker} if marker.kind == "header" and marker.name else {}
    try:
        return render(part, known, base_url=str(mapping.base_url.fill_strict(known)), more=more)
    except BridgeError as error:
        return error.message


def as_text(request: PreparedRequest) -> str:
    """A request as people read it: the line, its headers but for the usual ones, its body laid out."""
    lines = [f"{request.method} {request.url}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "content-type"]
    if request.body:
        lines.append(_laid_out(request.body))
    return "\n".join(lines)


def _laid_out(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text
