"""What it costs to plan a job and to write the bytes of all its requests, for each CRM that comes with the program.

    python bench/bench_plan.py [--rounds 7] [--jobs 200] [CRM …]

A job is the chat of load.py (12 messages, about 2 kB) of a new client: figures, scope and plan, then every search, the
client, its deal where the CRM has one, and the note. Nothing is sent, read from an answer or stored. Beside it, in the same
rounds, the floor: the same bytes put together by hand from values that are ready (json.dumps of each body, quote of each
address). Printed is the median of processor time a job, of it the planning. The target is 0.3 ms.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load import TALK
from pydantic import SecretStr

from bridge.config import RouteOptions
from bridge.config.connections import TargetSettings
from bridge.crm.exchanges.story_tokens import with_secrets
from bridge.crm.fit import fit
from bridge.crm.render import render
from bridge.errors import BridgeError, ConfigError, EmptyExpression
from bridge.extract import Extraction, contact_points
from bridge.mapping.load import available, load_crm
from bridge.mapping.samples import read_exchanges
from bridge.mapping.schema.crm import CrmMapping
from bridge.mapping.schema.request import Request
from bridge.mapping.schema.writing import Write
from bridge.model import Chat, EventKind, Match, Message, Operation, OperationKind, Operator, Page, Role, Verdict, Visitor
from bridge.transport import PreparedRequest
from bridge.write import MarkerKeys, NoteSettings, Work, plan

#: milliseconds of processor time a job
TARGET = 0.3
ENDED = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ROLES = {"visitor": Role.VISITOR, "agent": Role.OPERATOR}


def chat(number: int) -> Chat:
    phone = f"+7 (917) {number // 10000:03d}-{number // 100 % 100:02d}-{number % 100:02d}"
    ended = ENDED + timedelta(seconds=number)
    messages = tuple(
        Message(role=ROLES[role], text=text.format(phone=phone, email=f"buyer{number}@example.org"),
                at=ended - timedelta(seconds=25 * (len(TALK) - place)), author="Vera" if role == "agent" else None)
        for place, (role, text) in enumerate(TALK)
    )  # fmt: skip
    return Chat(
        source="shop", chat_id=str(number), kind=EventKind.CHAT_FINISHED, messages=messages, ended_at=ended,
        visitor=Visitor(id=f"v{number}", name=f"Anna Petrova {number}"),
        operators=(Operator(name="Vera", email="vera@lamps.example"),),
        page=Page(url="https://lamps.example/floor/brass?utm_source=search", title="Brass floor lamp"),
    )  # fmt: skip


def targets(crm: str) -> Iterator[TargetSettings]:
    """Ways to configure a target, until one has whatever the mapping asks for: a plain one, then those of its stories, that with
    the most statements first.
    """
    fields = {"marker": "510001", "deal_marker": "620001"}
    plain = {"crm": crm, "name": "sales", "url": "https://crm.example", "token": SecretStr("the-key"), "fields": fields}
    yield TargetSettings.model_validate(plain)
    told = [with_secrets(story.target) for story in read_exchanges(available("crm")[crm].with_suffix(""))]
    for one in sorted(told, key=lambda given: (len(given.get("sql") or ()), len(given)), reverse=True):
        yield TargetSettings.model_validate({**plain, **one})


def fitting(crm: str) -> tuple[CrmMapping, TargetSettings]:
    """The mapping with the first of these that it can work with. Raises ConfigError."""
    mapping, refused = load_crm(crm), ConfigError("there is no story with a target")
    for settings in targets(crm):
        try:
            return fit(mapping, settings), settings
        except ConfigError as error:
            refused = error
    raise refused


CHATS: Sequence[tuple[Chat, Extraction]] = [(one, contact_points(one, region="RU")) for one in map(chat, range(1, 401))]


class Bench:
    """One CRM's mapping with all that a job of it needs."""

    def __init__(self, crm: str) -> None:
        self.mapping, settings = fitting(crm)
        self.statements = settings.sql
        defaults = {name: option.default for name, option in self.mapping.options.items()}
        self.target: Mapping[str, Any] = {**defaults, **settings.scope()}
        self.token = {"access": "the-key", "endpoint": "https://crm.example/rest/", "api_domain": "https://crm.example"}
        #: each another person's: what is remembered of one number does not help the next
        self.chats = cycle(CHATS)
        self.options = RouteOptions(deal="new_client")

    def planned(self) -> tuple[Mapping[str, Any], Sequence[Operation]]:
        one, found = next(self.chats)
        work = Work.over(
            one, found.points, found.wishes, options=self.options, settings=NoteSettings(language="en"),
            source={"name": "shop", "provider": "jivo"}, target=self.target, match=Match(verdict=Verdict.NEW, reason="nobody"),
            mapping=self.mapping, keys=MarkerKeys(b"k" * 40, "sales", "shop", one.chat_id),
        )  # fmt: skip
        return work.scope, plan(work).operations

    def job(self) -> list[PreparedRequest]:
        scope, operations = self.planned()
        ours = {"target": self.target, "token": self.token}
        base = str(self.mapping.base_url.fill_strict(ours))
        requests = list(self.searches(scope, base, ours))
        requests += [self.write(operation, base, ours) for operation in operations if self.part(operation).path is not None]
        return requests

    def part(self, operation: Operation) -> Write:
        holder = self.mapping if operation.kind is OperationKind.CREATE else self.mapping.for_entity("client")
        part: Write = getattr(holder, str(operation.kind))
        return part

    def searches(self, scope: Mapping[str, Any], base: str, ours: Mapping[str, Any]) -> Iterator[PreparedRequest]:
        values = {"phone": scope["phones"], "email": scope["emails"], "all_phones": [scope["phones"]],
                  "visitor_id": [scope["visitor"]["id"]]}  # fmt: skip
        for step in self.mapping.find:
            for value in values.get(step.by, ()):
                local = {**scope, **ours, ("phones" if step.by == "all_phones" else step.by): value}
                items = step.each(local) if step.each is not None else value
                every = items if isinstance(items, list) and step.by != "all_phones" else [items]
                for item in every:
                    try:
                        yield self.rendered(step, {**local, "item": item}, base, strict=True)
                    except EmptyExpression:
                        continue

    def write(self, operation: Operation, base: str, ours: Mapping[str, Any]) -> PreparedRequest:
        known = {"client": {"id": "77", "entity": "client"}, "deal": operation.scope.get("deal") or {"id": "78"}}
        scope = {**operation.scope, **known, **ours, "marker": operation.marker, "part": {"number": 1, "of": 1}}
        return self.rendered(self.part(operation), scope, base)

    def rendered(self, request: Request, scope: Mapping[str, Any], base: str, *, strict: bool = False) -> PreparedRequest:
        if request.statement is not None:  # bound as the caller does before it renders
            scope = {**scope, "statement": self.statements[request.statement].fill(scope, None, strict=strict)}
        return render(request, scope, base_url=base, strict=strict, standing=self.mapping.headers)


def floor(requests: Sequence[PreparedRequest]) -> Callable[[], None]:
    """The same bytes from values that are ready."""
    ready = [
        (unquote(request.url), json.loads(request.body) if request.body and request.body[:1] in b"{[" else request.body)
        for request in requests
    ]

    def by_hand() -> None:
        for url, body in ready:
            quote(url, safe="/:?&=,")
            if isinstance(body, dict | list):
                json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    return by_hand


def milliseconds(work: Callable[[], object], jobs: int) -> float:
    began = time.process_time()
    for _ in range(jobs):
        work()
    return (time.process_time() - began) * 1000 / jobs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crms", nargs="*", metavar="CRM", help="all that come with the program, if none is named")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=200)
    given = parser.parse_args()
    benches: dict[str, Bench] = {}
    for name in given.crms or sorted(available("crm")):
        try:
            benches[name] = Bench(name)
            benches[name].job()
        except (BridgeError, KeyError, AttributeError) as error:
            print(f"{name:24} not measured: {str(error).splitlines()[0][:90]}")
            benches.pop(name, None)
    ours: dict[str, list[float]] = {name: [] for name in benches}
    planning: dict[str, list[float]] = {name: [] for name in benches}
    least: dict[str, list[float]] = {name: [] for name in benches}
    for _ in range(given.rounds):
        for name, bench in benches.items():
            ours[name].append(milliseconds(bench.job, given.jobs))
            planning[name].append(milliseconds(bench.planned, given.jobs))
            least[name].append(milliseconds(floor(bench.job()), given.jobs))
    print(f"{'CRM':24} {'requests':>8} {'ms a job':>9} {'planning':>9} {'floor':>7} {'times':>6}")
    slow = []
    for name, bench in benches.items():
        cost, by_hand = statistics.median(ours[name]), statistics.median(least[name])
        first = statistics.median(planning[name])
        print(f"{name:24} {len(bench.job()):8} {cost:9.3f} {first:9.3f} {by_hand:7.3f} {cost / by_hand:6.1f}")
        slow += [name] if cost > TARGET else []
    print(f"target: {TARGET} ms a job; " + (f"missed by {', '.join(slow)}" if slow else "met by all"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
