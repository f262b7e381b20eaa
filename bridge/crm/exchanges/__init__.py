"""Runs a recorded exchange against a mapping: the requests must be the recorded ones, and the story must end as it says.

Used by `chat2crm check`, and by a test for every mapping that comes with the program.

`differences` says where what was asked is not what the story tells · `story_tokens` holds a story's access tokens.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr, ValidationError

from bridge.clock import Clock
from bridge.config.connections import TargetSettings
from bridge.crm.client import Crm
from bridge.crm.exchanges.differences import differences, shown, unlike
from bridge.crm.exchanges.story_tokens import tokens_in_story, with_secrets
from bridge.crm.fit import fit
from bridge.crm.uploads import told_of
from bridge.errors import BridgeError, Busy, ConfigError, Conflict, CrmError, EmptyExpression, NoAnswer, NotSent, TryLater
from bridge.files.fetching import Fetched
from bridge.mapping.samples import Answer as Told
from bridge.mapping.samples import Exchange, ExchangeStep
from bridge.mapping.schema.crm import CrmMapping
from bridge.model import Chat, Client, Operation, OperationKind, Step
from bridge.transport import Answer, PreparedRequest

#: stories happen at a fixed time, so that times in requests can be compared
NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
#: where a story gives no marker of its own
MARKER = "c2c-abcdefghijklmnop"
_TARGET = {"name": "crm", "url": "https://crm.example.com", "token": SecretStr("the-key-of-the-story")}

Json = Any


class Unexpected(Exception):
    """The mapping asked what the story does not tell."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a story went. No problems: as recorded."""

    exchange: Exchange
    problems: tuple[str, ...]
    #: what each operation gave, in the form of the story's `outcome`
    outcome: dict[str, Json]
    steps: tuple[Step, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.problems


async def run_exchange(exchange: Exchange, mapping: CrmMapping) -> Result:
    """Tell the story to the mapping."""
    story = _Story(exchange, mapping)
    await story.tell()
    problems = [*story.problems, *differences(exchange.outcome, story.outcome)]
    return Result(exchange, tuple(problems), story.outcome, tuple(story.steps))


class _StoryClock(Clock):
    """Begins at NOW and never waits."""

    def __init__(self) -> None:
        self._now = NOW

    def time(self) -> float:
        return self._now.timestamp()

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@dataclass
class _Replay:
    """The CRM of the story: takes the next expected request, gives its answer."""

    left: list[ExchangeStep]
    problems: list[str]
    #: the CRM's own address
    home: str
    number: int = 0

    async def send(self, request: PreparedRequest) -> Answer:
        self.number += 1
        if not self.left:
            raise Unexpected(f"request {self.number} is not in the story: {request.method} {shown(request.url, self.home)}")
        step = self.left.pop(0)
        self.problems += [f"request {self.number}: {text}" for text in unlike(step.expect, request, self.home)]
        if step.answer.drop is not None:
            raise NotSent if step.answer.drop == "before" else NoAnswer
        return _answer(step.answer)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class _Story:
    exchange: Exchange
    mapping: CrmMapping
    problems: list[str] = field(default_factory=list)
    outcome: dict[str, Json] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    #: whom the following operations are about, unless they say otherwise
    client: Client | None = None

    async def tell(self) -> None:
        told = with_secrets(self.exchange.target)
        try:
            settings = TargetSettings.model_validate({"crm": self.mapping.name, **_TARGET, **told})
        except ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            self.problems.append(f"target.{'.'.join(map(str, first['loc']))}: {first['msg']}")
            return
        try:
            mapping = fit(self.mapping, settings)
        except ConfigError as error:
            self.problems.append(error.message)
            return
        replay, clock = _Replay([], self.problems, _home(mapping, settings)), _StoryClock()
        tokens = await tokens_in_story(self.exchange.token, mapping, settings, replay, clock)
        crm = Crm(settings.name, mapping, settings, transport=replay, tokens=tokens, clock=clock)
        for do, given, steps in _operations(self.exchange.steps):
            if do not in _DOES:
                self.problems.append(f"`do: {do}` is not known; a story can {', '.join(_DOES)}")
                return
            replay.left = list(steps)
            problems, asked = len(self.problems), len(self.steps)
            try:
                result = await _DOES[do](self, crm, do, given)
            except CrmError as error:
                result = _told(error)
            except (Unexpected, BridgeError) as end:
                self.problems.append(f"{do}: {end}")
                self._explain(do, asked)
                return
            if replay.left:
                self.problems.append(f"{do}: {len(replay.left)} request(s) of the story were not asked")
            if len(self.problems) > problems:
                self._explain(do, asked)
            name = self._name(do)
            if isinstance(result, dict) and "error" in result and name not in self.exchange.outcome:
                self.problems.append(f"{name} ended with {json.dumps(result)}, of which `outcome:` says nothing")
            self.outcome[name] = result

    def _explain(self, do: str, asked: int) -> None:
        """What the mapping's expressions remarked, where something is not as the story tells."""
        self.problems += [f"{do}: {step.what}: {step.detail}" for step in self.steps[asked:]
                          if step.detail and not step.detail.endswith(" found")]  # fmt: skip

    def _name(self, do: str) -> str:
        """find, find 2, find 3 …"""
        count = sum(1 for name in self.outcome if name.split(" ")[0] == do)
        return f"{do} {count + 1}" if count else do

    def scope(self, given: Mapping[str, Json]) -> dict[str, Json]:
        chat = Chat.model_validate({"source": "shop", "chat_id": "1", **self.exchange.chat})
        dumped = chat.model_dump(mode="json")
        visitor = dumped.pop("visitor")
        client = given.get("client") or (self.client.model_dump(mode="json") if self.client else None)
        absent = dict.fromkeys(("operator", "owner", "note", "deal", "new", "record", "kpi"))
        return {
            **absent, "chat": dumped, "visitor": visitor, "phones": visitor["phones"], "emails": visitor["emails"],
            "page": dumped["page"], "utm": dumped["utm"], "source": {"name": chat.source}, **given, "client": client,
        }  # fmt: skip

    async def find(self, crm: Crm, _do: str, given: Mapping[str, Json]) -> Json:
        scope = self.scope(given)
        found = await crm.find(
            scope, phones=scope["phones"], emails=scope["emails"],
            external_id=scope["visitor"]["external_id"], steps=self.steps,
        )  # fmt: skip
        self.client = found[0] if len(found) == 1 else None
        return [_client(client) for client in found]

    async def read(self, crm: Crm, _do: str, given: Mapping[str, Json]) -> Json:
        who = Client.model_validate(given["client"]) if "client" in given else self.client
        self.client = await crm.read(who or "", self.scope(given), self.steps)
        return _client(self.client)

    async def perform(self, crm: Crm, do: str, given: Mapping[str, Json]) -> Json:
        again = given.get("again_headers")
        operation = self._operation(OperationKind(do), given)
        scope = self.scope(given)
        known = {"client": scope["client"], **_file(given)}
        done = await crm.perform(operation, known, self.steps, again_headers=again)
        if operation.kind is OperationKind.CREATE:
            self.client = Client(id=done, entity=self.mapping.create.entity)
        return done

    async def look(self, crm: Crm, _do: str, given: Mapping[str, Json]) -> Json:
        kind = OperationKind(given.get("for", "note"))
        sent_at = datetime.fromisoformat(given.get("sent_at", NOW.isoformat()))
        operation = self._operation(kind, given)
        seen = await crm.look(operation, {"client": self.scope(given)["client"]}, self.steps, sent_at=sent_at)
        return seen.id if seen.seen == "found" else str(seen.seen)

    async def open_deals(self, crm: Crm, _do: str, given: Mapping[str, Json]) -> Json:
        who = Client.model_validate(given["client"]) if "client" in given else self.client or Client(id="")
        found = await crm.open_deals(who, self.scope(given), self.steps)
        return [{key: value for key, value in deal.items() if key != "record"} for deal in found]

    async def owner(self, crm: Crm, _do: str, given: Mapping[str, Json]) -> Json:
        return await crm.find_owner(given["email"], self.steps)

    async def who(self, crm: Crm, _do: str, _given: Mapping[str, Json]) -> Json:
        return await crm.who(self.steps)

    def _operation(self, kind: OperationKind, given: Mapping[str, Json]) -> Operation:
        scope = self.scope({key: value for key, value in given.items() if key not in ("for", "sent_at", "again_headers")})
        return Operation(kind=kind, marker=given.get("marker", MARKER), scope={**scope, "client": None})


_DOES: Mapping[str, Callable[[_Story, Crm, str, Mapping[str, Json]], Awaitable[Json]]] = {
    "find": _Story.find,
    "read": _Story.read,
    "create": _Story.perform,
    "enrich": _Story.perform,
    "note": _Story.perform,
    "deal": _Story.perform,
    "task": _Story.perform,
    "file": _Story.perform,
    "look": _Story.look,
    "open_deals": _Story.open_deals,
    "owner": _Story.owner,
    "who": _Story.who,
}


def _home(mapping: CrmMapping, settings: TargetSettings) -> str:
    """Where the CRM is asked; where only its answer says that, where it was said to be."""
    try:
        return str(mapping.base_url.fill_strict({"target": settings.scope(), "token": {}}))
    except EmptyExpression:
        return str(settings.url)


def _operations(
    steps: Sequence[ExchangeStep],
) -> Iterator[tuple[str, Mapping[str, Json], Sequence[ExchangeStep]]]:
    """Each operation with its requests: a step without `do` is a further request of the one before."""
    begins = [number for number, step in enumerate(steps) if step.do is not None]
    if not begins or begins[0]:
        begins = [0, *begins]
    for begin, end in zip(begins, [*begins[1:], len(steps)], strict=True):
        yield steps[begin].do or "find", steps[begin].given, steps[begin:end]


def _file(given: Mapping[str, Json]) -> dict[str, Json]:
    """A file that a story has copied: its name, type and text, as if it had been fetched."""
    told = given.get("file")
    if not told:
        return {}
    fetched = Fetched(told["name"], told["type"], told["text"].encode())
    return {"file": told_of(fetched, told.get("url", ""))}


def _answer(told: Told) -> Answer:
    headers = {name.lower(): value for name, value in told.headers.items()}
    if told.json_ is not None:
        return Answer(told.status, {"content-type": "application/json", **headers}, json.dumps(told.json_).encode())
    return Answer(told.status, headers, (told.text or "").encode())


def _client(client: Client) -> Json:
    shown = client.model_dump(mode="json", exclude={"record"})
    return {key: value for key, value in shown.items() if value not in (None, [], "client")}


def _told(error: CrmError) -> Json:
    told: dict[str, Json] = {"error": error.code}
    if isinstance(error, TryLater):
        told["maybe_done"] = error.maybe_done
    if isinstance(error, Busy) and error.retry_after is not None:
        told["retry_after"] = error.retry_after
    if isinstance(error, Conflict):
        told["records"] = [record.get("id") for record in error.records]
    return told
