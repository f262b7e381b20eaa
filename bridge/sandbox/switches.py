"""The sandbox's switches: how it answers when a real CRM would not be at its best.

They are set by `PUT /_faults`, by the constructor or on the command line; docs/sandbox.md has them in an operator's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bridge.sandbox.refusals import BadRequest

#: kinds of operation that latency and rules can be limited to, beside single operations such as "note.create"
CLASSES = ("search", "read", "write")

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=3600)]


class Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Closed):
    """When a fault happens. All that is given must hold."""

    probability: Probability = 1
    #: so many requests, then never again
    times: Annotated[int, Field(ge=1)] | None = None
    #: only within so many seconds from the moment it was set
    for_seconds: Annotated[float, Field(gt=0)] | None = None
    method: str | None = None
    #: with * and ?, such as /api/v1/clients*
    path: str | None = None
    #: with * and ?, such as note.create or *.search; or one of search, read, write
    operation: str | None = None


class Latency(Rule):
    #: fixed, or from … to
    seconds: Seconds | tuple[Seconds, Seconds]

    @model_validator(mode="after")
    def _ordered(self) -> Latency:
        if isinstance(self.seconds, tuple) and self.seconds[0] > self.seconds[1]:
            raise ValueError("seconds: the first must not be larger than the second")
        return self


class Busy(Rule):
    #: seconds for the header Retry-After; none: no header
    retry_after: Annotated[int, Field(ge=0)] | None = 1


class Broken(Rule):
    status: Literal[500, 502, 503, 504] = 500


class Cut(Rule):
    #: bytes of the body that still arrive
    bytes: Annotated[int, Field(ge=0)] = 10


class RateLimit(Closed):
    """A real limit: more than `requests` within `seconds` are answered 429 until the window has moved on."""

    requests: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(gt=0)] = 1


def _rules(given: object) -> object:
    """Take the short forms: true (always), a probability, one rule; false, 0 and null mean never."""
    if given is None or given is False or given == 0:
        return ()
    if given is True or given == 1:
        return ({},)
    if isinstance(given, int | float):
        if given > 1:
            raise ValueError(f'{given} is no probability (0 to 1); for a number of times write {{"times": {int(given)}}}')
        return ({"probability": given},)
    return (given,) if isinstance(given, Mapping) else given


def _latencies(given: object) -> object:
    """Take the short forms: seconds, [from, to], or either by operation or class: {"search": 0.2}."""
    if not given:
        return ()
    if isinstance(given, int | float) and not isinstance(given, bool):
        return ({"seconds": given},)
    if isinstance(given, list | tuple) and all(isinstance(number, int | float) for number in given):
        return ({"seconds": given},)
    if isinstance(given, Mapping) and "seconds" not in given:
        return tuple({"operation": operation, "seconds": seconds} for operation, seconds in given.items())
    return (given,) if isinstance(given, Mapping) else given


_R = TypeVar("_R", bound=Rule)
Rules = Annotated[tuple[_R, ...], BeforeValidator(_rules)]
Latencies = Annotated[tuple[Latency, ...], BeforeValidator(_latencies)]


class Switches(Closed):
    #: for the probabilities: the same seed and the same requests give the same faults
    seed: int | None = None
    # -- how this CRM is made
    #: seconds until what was written can be searched; reading by id or external id sees it at once
    index_lag: Seconds = 0
    #: PATCH puts the phones, e-mails and custom fields given in place of those there; else it adds them
    replace_lists: bool = False
    #: filters that are empty or unknown are ignored, so that a search finds everybody; else they are refused
    lenient_filters: bool = False
    #: a client whose phone or e-mail is there already is refused (409) with the ones that have it
    refuse_duplicates: bool = False
    #: seconds an Idempotency-Key is remembered
    keys_valid_for: Annotated[float, Field(gt=0)] = 86_400
    rate_limit: RateLimit | None = None
    # -- what goes wrong, in the order in which it is tried
    #: every connection is dropped
    down: bool = False
    latency: Latencies = ()
    #: 403: the CRM has shut us out
    block: Rules[Rule] = ()
    #: 429
    busy: Rules[Busy] = ()
    #: 5xx, and nothing was done
    broken: Rules[Broken] = ()
    #: the connection breaks, and nothing was done
    drop: Rules[Rule] = ()
    #: the same, only for requests that write
    drop_before_commit: Rules[Rule] = ()
    #: it was done, but the connection breaks before the answer
    drop_after_commit: Rules[Rule] = ()
    #: it was done, but the answer is 5xx
    broken_after_commit: Rules[Broken] = ()
    #: the answer breaks off
    cut_answer: Rules[Cut] = ()


def read_switches(given: object) -> Switches:
    """Check switches that came as JSON. Raises BadRequest, in words that name the switch and the remedy."""
    try:
        return Switches.model_validate(given)
    except ValidationError as error:
        raise BadRequest("; ".join(_in_words(fault) for fault in error.errors())) from error


def _in_words(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = ", ".join(Switches.model_fields) if len(fault["loc"]) == 1 else "see docs/sandbox.md"
        return f"there is no switch {where!r}; known: {known}"
    return f"{where or 'switches'}: {fault['msg'].removeprefix('Value error, ')}"
