"""What is sent to the API, as models: they check it, and describe it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Given(BaseModel):
    """What is sent: nothing that is not known."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Given):
    pass


class Replay(Given):
    again: bool = Field(False, description="write it once more, whatever is there")
    for_real: bool = Field(False, description="write it although its target only rehearses")


class Written(Given):
    record_id: str | int | None = ""


class Choose(Given):
    client_id: str | int = Field(description="the client's id in the CRM")


class Correct(Given):
    keep: list[str] = Field([], description="values of the contact points found that are the visitor's own; the others are not")
    add: list[str] = Field([], description="phones and e-mails to add, as a person writes them", max_length=10)


class GroupGiven(Given):
    state: Literal["held", "dead"]
    target: str = Field(min_length=1)
    reason: str
    code: str = ""
    cause: str = Field("", description="`key` of a cause; empty: all of that reason")


class WriteRehearsed(Given):
    upto: int = Field(description="`upto` of the rehearsal that was looked at", gt=0, lt=2**63)
