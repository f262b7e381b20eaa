"""What a vendor's own descriptions of its methods say against a request: unknown names, missing ones, values of another kind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

METHODS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in (Path(__file__).parent / "bitrix24_methods").glob("*.json")
}
#: used, but not among the descriptions: their requests are checked by nobody
UNDESCRIBED = {"crm.category.list", "crm.status.list", "profile", "tasks.task.add"}
#: (method, parameter): described otherwise than the vendor's own examples show it
SHOWN_OTHERWISE = {("user.get", "FILTER"), ("crm.activity.add", "fields")}
#: fields likewise: `fm` is an object where values are added, communications are a list of one
FIELDS_SHOWN_OTHERWISE = {"fm", "COMMUNICATIONS"}
#: what a list method may name in `select`, `filter` and `order`: the fields of another description
NAMED_BY = {
    "crm.item.list": ("crm.item.list", "crm.item.get", "crm.item.update"),
    "crm.timeline.comment.list": ("crm.timeline.comment.list",),
    "crm.activity.list": ("crm.activity.list", "crm.activity.fields"),
    "user.get": ("user.get",),
}
KINDS: Mapping[str, tuple[type, ...]] = {
    "integer": (int,), "string": (str,), "object": (dict,), "array": (list,), "boolean": (bool, str), "double": (int, float),
}  # fmt: skip


def problems(method: str, body: Mapping[str, Any]) -> Iterator[str]:
    described = METHODS[method]
    given = {name: value for name, value in body.items() if name != "auth"}  # the access token of an application
    params = {param["name"]: param for param in described["params"]}
    yield from (f"{method} has no parameter {name}" for name in given if name not in params)
    yield from (f"{method} needs {name}" for name, param in params.items() if param["required"] and name not in given)
    for name, value in given.items():
        wanted = KINDS.get(params.get(name, {}).get("base", ""), (object,))
        if (method, name) not in SHOWN_OTHERWISE and not isinstance(value, wanted):
            yield f"{method}: {name} is {value!r}, and {params[name]['base']} is wanted"
    if "fields" in given:
        yield from _fields(method, described, given["fields"])
    known = _names(method)
    for name in (*given.get("select", ()), *given.get("filter", {}), *given.get("FILTER", {}), *given.get("order", {})):
        if known and name.lstrip("@!=%<>") not in known and name not in ("*", "UF_*") and not name.startswith("UF_"):
            yield f"{method}: there is no field {name}"


def _fields(method: str, described: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[str]:
    known = {field["name"]: field for field in described["defs"]["fieldsFields"]["fields"]}
    shown = _names("crm.item.list") if method.startswith("crm.item.") else set()
    for name, value in fields.items():
        if name not in known:
            if name not in shown and not name.startswith("UF_"):
                yield f"{method}: there is no field {name}"
        elif name not in FIELDS_SHOWN_OTHERWISE and not isinstance(value, KINDS.get(known[name]["base"], (object,))):
            yield f"{method}: {name} is {value!r}, and {known[name]['base']} is wanted"
    yield from (f"{method} needs the field {name}" for name, field in known.items() if field["required"] and name not in fields)


def _names(method: str) -> set[str]:
    names: set[str] = set()
    for other in NAMED_BY.get(method, ()):
        names |= set(METHODS[other].get("entityFields", ()))
        result = METHODS[other].get("resultExample", {}).get("result", {})
        if isinstance(result, dict):
            names |= set(result.get("item", result))
    return names
