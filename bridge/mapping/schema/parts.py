"""What the parts of both kinds of mapping are made of: durations, words in two languages, the quality scale."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from bridge.mapping.language.truth import is_number
from bridge.mapping.suggestions import nearest

LANGUAGE = 1
"""The version of the mapping language that this program speaks."""


class Part(BaseModel):
    """A piece of a mapping: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        known = [field.alias or name for name, field in cls.model_fields.items() if not field.exclude]
        for key in value:
            if key not in known:
                raise PydanticCustomError(
                    "unknown_key", "there is no key {name} here{hint}; the keys are: {known}",
                    {"name": repr(key), "hint": nearest(str(key), known), "known": ", ".join(known), "key": key},
                )
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(schema)
        handler.resolve_ref_schema(found).pop("title", None)  # class names tell an editor's user nothing
        return found


_UNITS = {
    "ms": 0.001,
    "s": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
}  # fmt: skip
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.ASCII)


def seconds(value: Any) -> float:
    """`1.5s`, `250ms`, `24h`, `90 days` → seconds. A number is taken as seconds already (defaults, other code)."""
    if is_number(value):
        return float(value)
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2] not in _UNITS:
        raise PydanticCustomError(
            "duration", "{value} is not a length of time; write a number and a unit, like 1.5s, 10 min, 24h, 7 days",
            {"value": repr(value)},
        )
    return float(found[1]) * _UNITS[found[2]]


Duration = Annotated[float, BeforeValidator(seconds), WithJsonSchema({"type": "string", "examples": ["1.5s", "24h"]})]


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else [value]


class _OneOrMany:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        several = handler(schema)
        return {"anyOf": [several, several.get("items", {})]}


OneOrMany = _OneOrMany()
"""A key that takes one thing or a list of them; the model always holds a tuple."""


@dataclass(frozen=True, slots=True, eq=False)
class Short:
    """A key that may also be written in short: `read` makes the long form of it, `schema` tells editors of it."""

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), dict(self.schema)]}


def _same_in_both(value: Any) -> Any:
    return {"en": value, "ru": value} if isinstance(value, str) else value


class Words(Part):
    """A text for people, in each language of the pages."""

    en: str
    ru: str


BothLanguages = Annotated[Words, Short(_same_in_both, {"type": "string"})]
"""`{en: …, ru: …}`, or one text for both."""


def _scale_entry(value: Any) -> Any:
    if isinstance(value, Mapping) and set(value) == {"exempt"}:
        return {"state": "exempt", "why": value["exempt"]}
    if isinstance(value, str):
        state, _, why = value.partition(":")
        return {"state": state.strip(), "why": why.strip()}
    return value


class Grade(Part):
    """How far a quality rule is met."""

    state: Literal["done", "todo", "exempt"]
    #: why the rule does not apply, or a remark
    why: str = ""


Graded = Annotated[Grade, Short(_scale_entry, {"type": ["string", "object"]})]
"""`done`, `todo`, or `exempt: why` (text or a member)."""

PROVIDER_RULES: Mapping[str, str] = {
    "captured": "samples were recorded from the live service, not taken from its pages",
    "authentic": "a forged request is refused, and a sample shows it",
    "rotation": "two secrets are accepted at once while one replaces the other",
    "dedupe": "the same delivery sent again, and a chat finished twice, are told apart",
    "retries": "how often the provider repeats a delivery that failed is known and written down",
    "roles": "visitor, operator, bot, system and internal lines are told apart",
    "masked": "secrets and credentials in the body are named under `conceal` or `secrets`",
    "reconcile": "what was sent while nobody listened can be had again",
    "page": "docs/providers has a page for it",
}
CRM_RULES: Mapping[str, str] = {
    "captured": "exchanges were recorded from a running CRM, not taken from its pages",
    "formats": "a client is found by a phone that was typed in another format, an e-mail in another case",
    "once": "a note and a client whose answer was lost can be found again by their marker",
    "limits": "the CRM's limits are kept",
    "errors": "refusals, blocks and outages are told apart",
    "quiet": "what a write triggers is known and avoided where the CRM allows it",
    "page": "docs/crms has a page for it",
}


def known_rules(rules: Mapping[str, str]) -> BeforeValidator:
    def check(value: Any) -> Any:
        if isinstance(value, Mapping):
            for name in value:
                if name not in rules:
                    raise PydanticCustomError(
                        "scale", "there is no quality rule {name}; the rules are: {known}",
                        {"name": repr(name), "known": ", ".join(rules), "key": name},
                    )
        return value

    return BeforeValidator(check)


ProviderScale = Annotated[dict[str, Graded], known_rules(PROVIDER_RULES)]
CrmScale = Annotated[dict[str, Graded], known_rules(CRM_RULES)]


class Mapped(Part):
    """What every mapping carries, whichever side it describes."""

    mapping_language: int
    #: NAME of the mapping whose keys this one changes (resolved by the loader)
    extends: str | None = None
    title: str
    #: address of the vendor's page and the date it was read
    docs: str = ""
    #: set by the loader: the file's name without .yaml, where it was found, hash of the merged mapping
    name: SkipJsonSchema[str] = Field(default="", exclude=True)
    origin: SkipJsonSchema[str] = Field(default="", exclude=True)
    digest: SkipJsonSchema[str] = Field(default="", exclude=True)
