"""Whatever strangers send: no crash, no 500, no hang, no growing memory. `make torture` runs it for CHAT2CRM_FUZZ_SECONDS (600).

What is thrown at each part keeps the shape of something real: samples and mappings with pieces exchanged, so that it comes far
enough in to do harm.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import gc
import itertools
import json
import os
import random
import re
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientError
from desk import PASSWORD, Desk, desk_of, dialogue
from desk import settings as desk_settings
from fakes import FakeClock
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from yarl import URL

from bridge import parse
from bridge.errors import BridgeError, NotAuthentic, NotUnderstood
from bridge.extract import contact_points
from bridge.kpi import kpi
from bridge.mapping.functions import FUNCTIONS
from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.load import available, load, load_provider
from bridge.mapping.samples import read_samples
from bridge.mapping.schema import Body, ProviderMapping
from bridge.model import Delivery, Role
from bridge.parse import SourceView, understand
from bridge.parse.wire import decode_body
from bridge.verify import SCHEMES, Incoming, verify

#: throws what belongs to a number; or makes it, and gives what throws it: only that is timed then
Fuzz = Callable[[int], Callable[[], None] | None]

#: seconds of processor time that one input may take
HANG = 1.0
#: requests after which what is not used any more is collected
COLLECTED = 500
#: bytes of a body that the listener takes
LARGEST = 2 * 2**20
#: a changed value grows no larger than this, or the fuzzing would be of the fuzzer
MOST_PLACES = 5000
#: of the deliveries, those that have one of their lists told over and over; of a delivery's events, those looked into
SWELLS, EVENTS = 0.01, 50
#: MiB by which a run may grow, caches filled
GROWTH = 150

ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**30, -(10**400), 1e308, float("nan"), "", " ", "\x00", "\ud800", "\u202e\u200b", "x" * 5000,
    "9" * 5000, "=cmd|' /C calc'!A1", "{{7*7}}", "{target.token}", "<script>alert(1)</script>", "c2c-aaaaaaaaaaaaaaaa", "null",
    "2026-13-45T99:99:99Z", "+7 916 123-45-67", "8 9 1 6 " * 300, "a@b.c " * 300, [], {}, [[]] * 50, {"a": {"a": {"a": {}}}},
    [None] * 300, [{"type": "visitor", "text": "x"}] * 200, {"\x00": 1, "": 2, "messages": 3},
]  # fmt: skip
texts = st.text(max_size=40) | st.sampled_from([one for one in ODD if isinstance(one, str)])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a value."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


def changed(value: Any, chance: random.Random) -> Any:
    """The value with some pieces exchanged, doubled, moved or gone."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice([1, 1, 2, 3, 6])):
        inside = [*itertools.islice(places(value), MOST_PLACES)]
        if len(inside) == MOST_PLACES:
            break
        path = chance.choice(inside)
        if not path:
            continue
        parent: Any = value
        for key in path[:-1]:
            parent = parent[key]
        how = chance.random()
        if how < 0.15:
            del parent[path[-1]]
        elif how < 0.3 and isinstance(parent, list) and len(inside) < MOST_PLACES // 10:
            parent += [parent[path[-1]]] * chance.choice([1, 5])
        elif how < 0.4 and len(inside) < MOST_PLACES // 10:
            parent[path[-1]] = copy.deepcopy(value)
        else:
            parent[path[-1]] = copy.deepcopy(chance.choice(ODD))
    return value


def swollen(value: Any, chance: random.Random) -> Any:
    """The value with one of its lists as long as fits into a body."""
    found = itertools.islice(places(value), MOST_PLACES)
    lists = [path for path in found if isinstance(inside := at(value, path), list) and inside]
    if not lists:
        return value
    path = chance.choice(lists)
    first = at(value, path)[0]
    long = [first] * max(1, LARGEST // (len(json.dumps(first)) + 2) - 1)
    if not path:
        return long
    value = json.loads(json.dumps(value))  # what stood in several places at once stands in each by itself now
    at(value, path[:-1])[path[-1]] = long
    return value


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def broken(data: bytes, chance: random.Random) -> bytes:
    """Bytes with some of them exchanged, gone, or told again."""
    made = bytearray(data)
    for _ in range(chance.choice([0, 0, 1, 3])):
        at = chance.randrange(len(made) + 1)
        made[at : at + chance.choice([0, 1, 20])] = chance.choice(
            [b"", b"\x00", b"\xff\xfe", b'"', b"}", b"[" * 2000, b"\\ud800", b"%00", b"&", b"1e999"]
        )
    return bytes(made)


# -- what is fuzzed ----------------------------------------------------------------------------------------------------


PIECES = [
    *(bytes([one]) for one in b'[]{},:"\\9-. \n\x00a=&;%+'),
    *(b"\\u0000", b"\\ud800", b"[],", b'{"a":', b'{"a":1},', b"1,", b"1e", b"null", b'"a":1,', b'"\xff",', b"a[", b"[]", b"[b]"),
    *(b"[0]", b"a=1&", b"a[]=1&", b"a[0][b]=1&", b"a[1]=&", b"%00", b"%5B", b"%5D", b"%ff", b"data=", b'a={"a":[1]}&'),
    *(b"eyJhIjoxfQ==", b"W1tb", b"\xd0\x9f", b"<a>"),
]


def decoders() -> Fuzz:
    """Each kind of body made of the pieces it is made of, a few of them over and over."""
    bodies = [Body(kind=kind) for kind in ("json", "form", "form_json", "nested_form")]
    bodies += [Body(kind="form_json", payload="data"), Body(kind="form_json", fields=("data", "a"))]

    def one(number: int) -> Callable[[], None]:
        chance = random.Random(number)
        times = [1, 1, 1, 2, 70, 2000, *([LARGEST] if chance.random() < SWELLS else [])]
        start = chance.choice([b"", b"{", b"[", b'{"a":[', b"a=", b"a", b"data=", b"data=["])
        raw = start + b"".join((chance.choice(PIECES) * chance.choice(times))[:LARGEST] for _ in range(chance.randrange(1, 12)))
        if chance.random() < 0.3:  # packed as some do, so that it comes to what is inside
            raw = b"data=" + base64.b64encode(raw[: LARGEST // 2])
        body, charset = chance.choice(bodies), chance.choice(["utf-8", "utf-8", "windows-1251", "latin-1"])

        def throw() -> None:
            with contextlib.suppress(NotUnderstood):
                json.dumps(decode_body(raw[:LARGEST], body, charset)).encode()

        return throw

    return one


def deliveries() -> Fuzz:
    """Decoding, reading, the first glance, and what is found in the chats that come out."""
    known = []
    for name in sorted(available("provider")):
        mapping = load_provider(name)
        known += [(mapping, sample) for sample in read_samples(load("provider", name).folder, mapping)]
    view = SourceView("shop", {}, "ru", "RU")

    def one(number: int) -> Callable[[], None]:
        chance = random.Random(number)
        mapping, sample = chance.choice(known)
        body = sample.body
        with contextlib.suppress(ValueError, RecursionError):
            payload = changed(json.loads(body), chance)
            body = json.dumps(swollen(payload, chance) if chance.random() < SWELLS else payload).encode()
        delivery = Delivery(
            source="shop", dedupe_key="k", received_at=datetime(2026, 11, 21, tzinfo=UTC), method=sample.method,
            query=chance.choice([sample.url.partition("?")[2], "a=%00&b", "%"]), headers=dict(sample.headers),
            body=broken(body, chance)[:LARGEST],
        )  # fmt: skip
        return lambda: throw(mapping, delivery)

    def throw(mapping: ProviderMapping, delivery: Delivery) -> None:
        try:
            payload = parse.decode(delivery, mapping)
        except NotUnderstood:
            payload = None
        parse.glance(payload, delivery, mapping, view, keys=["k" * 20])
        # one after another: between two of them the sorter lets others go first
        for event in understand(delivery, mapping, view).events[:EVENTS]:
            found = contact_points(event.chat, region="RU")
            kpi(event.chat, None, ZoneInfo("Europe/Moscow"), points=found.points)
            event.chat.model_dump_json()

    return one


def verifiers() -> Fuzz:
    """Nothing but `not authentic` comes out, whatever stands in headers, body and keys."""
    rules = [rule for name in sorted(available("provider")) for rule in load_provider(name).verify]

    def one(number: int) -> None:
        chance = random.Random(number)
        odd = [str(value) for value in ODD] + ["v1,", "v1,AAAA", "t=1,v1=ff", "sha256=", "whsec_", "whpk_AAAA", "é", "-----BEGIN"]
        pieces = [chance.choice(odd) for _ in range(6)]
        rule = chance.choice(rules)
        names = [
            name
            for name in (
                rule.name,
                rule.id,
                rule.timestamp and rule.timestamp.header,
                "webhook-id",
                "webhook-signature",
                "webhook-timestamp",
                "svix-signature",
            )
            if name
        ]
        incoming = Incoming(
            headers={name: chance.choice(pieces) for name in names if chance.random() < 0.9},
            body=chance.choice([b"", b"{}", b"\xff" * 100, pieces[0].encode("utf-8", "surrogatepass")]),
            query="&".join(f"{name}={piece}" for name, piece in zip(names, pieces, strict=False)),
            path_secret=chance.choice([None, *pieces]), url=chance.choice(pieces),
        )  # fmt: skip
        loose = SimpleNamespace(**{name: getattr(rule, name) for name in (
            "place", "name", "prefix", "part", "algorithm", "encoding", "signed", "id", "timestamp", "key",
        )}, scheme=chance.choice([rule.scheme, *SCHEMES]))  # fmt: skip
        if loose.scheme == "none":
            return
        try:
            verify([loose], incoming, [f"{piece}." for piece in pieces], now=datetime(2026, 11, 21, tzinfo=UTC),
                   payload=chance.choice(ODD))  # fmt: skip
        except NotAuthentic:
            return
        raise AssertionError("taken for authentic")

    return one


def expressions() -> Fuzz:
    """Every function with whatever arguments gives a value or a finding."""
    calls = []
    for name, function in sorted(FUNCTIONS.items()):
        for count in range(function.required, min(len(function.kinds), function.required + 2) + 1):
            places_of = [f"&{'abc'[n % 3]}" if function.kind(n) == "expression" else "abcdef"[n] for n in range(count)]
            try:
                calls.append(Expression(f"{name}({', '.join(places_of)})"))
            except ValueError:  # a place that wants something written out
                written = ", ".join(["a", *("'x'" for _ in range(count - 1))][:count])
                calls.append(Expression(f"{name}({written})"))

    @settings(max_examples=10, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(calls), st.fixed_dictionaries(dict.fromkeys("abcdef", values | st.sampled_from(ODD))))
    def throw(call: Expression, scope: dict[str, Any]) -> None:
        call(scope, Findings())

    def one(number: int) -> None:
        seed(number)(throw)()

    return one


def mappings() -> Fuzz:
    """A mapping that is wrong says so and nothing else."""
    folder = Path(os.environ.get("PYTEST_TMP", "/tmp"))
    known = [path for kind in ("provider", "crm") for path in available(kind).values()]  # type: ignore[arg-type]
    read = {path: path.read_text(encoding="utf-8").splitlines() for path in known}
    lines = [line for text in read.values() for line in text]
    odd = [
        "- {a: [",
        "\t- x",
        "a: &x {b: *x}",
        "!!python/object:os.system x",
        "get: '{" + "a." * 500 + "}'",
        "? [a]",
        "each: '[?'",
        'when: "a || (b"',
        "match: '(a+)+$'",
        "a: " + "[" * 200,
        "\x00",
        "\ud800",
        "extends: ../../../etc/passwd",
        "x: '{{{'",
    ]

    def one(number: int) -> None:
        chance = random.Random(number)
        path = chance.choice(known)
        text = list(read[path])
        for _ in range(chance.choice([1, 2, 5])):
            at = chance.randrange(len(text))
            text[at : at + chance.choice([0, 1, 1, 3])] = [chance.choice([chance.choice(lines), chance.choice(odd), "  " * 3])]
        file = folder / f"fuzzed-{os.getpid()}.yaml"
        file.write_text("\n".join(text), encoding="utf-8", errors="surrogatepass")
        try:
            load("provider" if path.parent.name == "providers" else "crm", file)
        except BridgeError as error:
            if not error.message:
                raise AssertionError("it says nothing") from error
        finally:
            file.unlink()

    return one


PARTS = [decoders, deliveries, verifiers, expressions, mappings]


def nothing() -> None:
    """It was thrown already."""


def peak() -> float:
    """MiB that the process has held at the most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def resident() -> float:
    """MiB that it holds now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20


def run(fuzz: Fuzz, seconds: float, first: int) -> int:
    """Throw until the time is over; gives how many. A failure names the number that repeats it."""
    for number in range(first, first + 20):  # caches fill
        (fuzz(number) or nothing)()
    gc.collect()
    peaks, stayed = 0.0, resident()
    until = time.monotonic() + seconds
    for number in itertools.count(first):
        began, before = time.thread_time(), peak()
        try:
            throw = fuzz(number)
            if throw is not None:  # what making it took is the fuzzer's own
                began, before = time.thread_time(), peak()
                throw()
        except Exception as error:
            raise AssertionError(f"number {number} breaks it") from error
        took = time.thread_time() - began
        assert took < HANG, f"number {number} took {took:.1f} s"
        peaks += peak() - before
        assert peaks < GROWTH, f"number {number} makes it {peaks:.0f} MiB"
        if time.monotonic() > until:
            break
    grown = resident() - stayed
    assert grown < GROWTH, f"grew by {grown:.0f} MiB"
    return number - first + 1


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_nothing_that_is_thrown_at_it_breaks_it(
    part: Callable[[], Fuzz], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_TMP", str(tmp_path))
    assert run(part(), 1.25, 0) > 0


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_nothing_that_is_thrown_at_it_for_long_breaks_it(
    part: Callable[[], Fuzz], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_TMP", str(tmp_path))
    # another place to begin at each day
    seconds = float(os.environ.get("CHAT2CRM_FUZZ_SECONDS", "600"))
    assert run(part(), seconds, int(time.time()) // 86400 * 10_000_000) > 0


# -- pages -------------------------------------------------------------------------------------------------------------

#: what stands in an address in the place of a name in braces
FILLED = {
    "id": ["1", "2", "7", "0", "99999999999999999999"],
    "kind": ["providers", "crms"],
    "name": ["sales", "shop", "jivo", "sandbox", "ops.css", "x", "..%2F..%2Fetc%2Fpasswd", "%00", "\u202e", "x" * 3000],
}


def paths_of(desk: Desk) -> list[str]:
    """Every address that the listener knows, so that a new page is fuzzed from its first day."""
    return sorted({resource.canonical for resource in desk.web.server.app.router.resources()})  # type: ignore[union-attr]


def filled(path: str, chance: random.Random) -> str:
    return re.sub(r"\{(\w+)\}", lambda place: chance.choice(FILLED[place[1]]), path)


NAMES = [
    "state",
    "source",
    "target",
    "reason",
    "before",
    "said",
    "n",
    "lang",
    "to",
    "q",
    "id",
    "client_id",
    "record_id",
    "again",
    "code",
    "cause",
    "since",
    "until",
    "day",
    "keep",
    "add",
    "token",
]


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


async def pages(folder: Path, clock: FakeClock, seconds: float, first: int) -> int:
    chance = random.Random(first)
    odd = [str(value).encode("utf-8", "replace").decode()[:2000] for value in ODD] + [
        "held",
        "1",
        "99999999999999999999",
        "-1",
        "../..",
    ]
    async with desk_of(folder, clock, desk_settings()) as desk:
        paths = paths_of(desk)
        await desk.sign_in(PASSWORD)
        for text in odd:
            if isinstance(text, str):
                await desk.job(dialogue(text, text, chat_id=f"c{len(text)}{text[:5]!r}", name=text or None))
        await desk.receive(b"\xff\x00[[[", key="raw")
        until = time.monotonic() + seconds
        for number in itertools.count():
            if number % COLLECTED == 0:
                gc.collect()  # between two requests: after minutes, the log that pytest keeps takes a second to look through
            path = filled(chance.choice(paths), chance)
            if path == "/sign-out":
                continue
            query = {chance.choice(NAMES): chance.choice(odd) for _ in range(chance.choice([0, 1, 3]))}
            method = chance.choice(["GET", "GET", "GET", "POST", "HEAD", "PUT"])
            headers = {"Authorization": f"Bearer {PASSWORD}"} if chance.random() < 0.5 else {}
            more: dict[str, Any] = {"json": chance.choice([query, [], "x", None])} if chance.random() < 0.5 else {"data": query}
            began = time.thread_time()
            try:
                answer = await desk.web.request(
                    method,
                    URL(path, encoded="%" in path).with_query(query),
                    headers=headers,
                    allow_redirects=False,
                    **(more if method == "POST" else {}),
                )
                status = answer.status
                await answer.read()
            except (ClientError, ValueError):  # what cannot be sent at all
                continue
            assert status < 500, f"{method} {path} {query}: {status}"
            assert time.thread_time() - began < HANG, f"{method} {path} {query}"
            if time.monotonic() > until:
                return number
    return 0


@pytest.mark.usefixtures("_no_collector")
async def test_no_page_breaks_whatever_it_is_asked(tmp_path: Path, clock: FakeClock) -> None:
    assert await pages(tmp_path, clock, 1.5, 0) > 0


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("_no_collector")
async def test_no_page_breaks_whatever_it_is_asked_for_long(tmp_path: Path, clock: FakeClock) -> None:
    seconds = float(os.environ.get("CHAT2CRM_FUZZ_SECONDS", "600"))
    assert await pages(tmp_path, clock, seconds, int(time.time()) // 86400) > 0


def test_what_is_thrown_reaches_what_it_is_thrown_at() -> None:
    """A chat still comes out of many of the changed samples, with everybody who can speak in it."""
    view, roles, chats = SourceView("shop", {}, "ru", "RU"), set[Role](), 0
    mapping = load_provider("generic")
    samples = read_samples(load("provider", "generic").folder, mapping)
    for number in range(200):
        chance = random.Random(number)
        sample = chance.choice(samples)
        try:
            body = json.dumps(changed(json.loads(sample.body), chance)).encode()
        except ValueError:
            continue
        got = understand(
            Delivery(source="s", dedupe_key="", received_at=datetime(2026, 11, 21, tzinfo=UTC), body=body), mapping, view
        )
        chats += len(got.events)
        roles |= {message.role for event in got.events for message in event.chat.messages}
    assert chats > 50
    assert {Role.VISITOR, Role.OPERATOR} <= roles
