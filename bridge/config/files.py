"""What is done with files that people sent along: their links stand in the note; copying them is a choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, WithJsonSchema, model_validator

from bridge.config.values import Networks, Size
from bridge.files.kinds import GROUPS, MIB, USUAL, Group, Limits
from bridge.mapping.schema.parts import OneOrMany
from bridge.model import Frozen

#: a file is held in memory while it is copied
LARGEST = 100 * MIB


class FileRule(Frozen):
    """`links`, `copy`, or `{how: copy, max: …, types: …, private: …}`."""

    how: Literal["links", "copy"] = "links"
    #: the largest file that is copied, in bytes
    max: Size = 10 * MIB
    #: kinds of file that are copied, known by their bytes
    types: Annotated[tuple[Group, ...], OneOrMany] = USUAL
    #: your own networks from which files may be fetched, besides the internet
    private: Networks = ()

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if self.how == "links" and self.model_fields_set - {"how"}:
            raise ValueError("max, types and private are about files that are copied: add `how: copy`")
        if self.max > LARGEST:
            raise ValueError(f"`max` is more than {LARGEST // MIB}MiB, and a file is held in memory while it is copied")
        if not self.types:
            raise ValueError(f"`types` is empty, so nothing would be copied; known are: {', '.join(GROUPS)}")
        return self

    @property
    def limits(self) -> Limits:
        return Limits(most=self.max, groups=self.types, private=self.private)


def _in_short(value: Any) -> Any:
    return {"how": value} if isinstance(value, str) else dict(value) if isinstance(value, Mapping) else value


Files = Annotated[
    FileRule, BeforeValidator(_in_short),
    WithJsonSchema({"anyOf": [{"enum": ["links", "copy"]}, {"type": "object", "properties": {
        "how": {"enum": ["links", "copy"]}, "max": {"type": "string", "examples": ["10MiB"]},
        "types": {"type": "array", "items": {"enum": list(GROUPS)}}, "private": {"type": "array", "items": {"type": "string"}},
    }, "additionalProperties": False}]}),
]  # fmt: skip
