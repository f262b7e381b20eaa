"""What all materials are: frozen, and nothing in them that is not known."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

Json = Any


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
