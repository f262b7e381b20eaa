from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import MappingError
from bridge.mapping.load import available, load
from bridge.mapping.samples import file_word, read_exchange, read_exchanges, read_sample, read_samples
from bridge.mapping.schema.provider import ProviderMapping

EXPECTED: dict[str, Any] = {
    "origin": "captured",
    "source": "a test account, 2026-11-21",
    "keys": ["k"],
    "now": "2026-11-21T20:00:00Z",
    "dedupe_key": "1",
    "outcome": "events",
    "events": [{"kind": "chat_finished"}],
}


def put(
    folder: Path,
    name: str,
    body: bytes = b'{"a": 1}',
    *,
    head: bytes = b"POST /hooks/shop/s?x=1 HTTP/1.1\nX-Event: End\n",
    expected: Any = EXPECTED,
) -> Path:
    path = folder / f"{name}.http"
    path.write_bytes(head + b"\n" + body)
    if expected is not None:
        (folder / f"{name}.expected.json").write_text(json.dumps(expected), encoding="utf-8")
    return path


def test_a_sample_is_the_request_to_the_byte(tmp_path: Path) -> None:
    sample = read_sample(put(tmp_path, "chat_end.with_phone", '{"имя": "Ё\r\n"}\n\n'.encode()))
    assert (sample.name, sample.event, sample.method, sample.url) == (
        "chat_end.with_phone",
        "chat_end",
        "POST",
        "/hooks/shop/s?x=1",
    )
    assert sample.headers == {"x-event": "End"}
    assert sample.body == '{"имя": "Ё\r\n"}\n\n'.encode()
    assert sample.expected is not None
    assert sample.expected.now is not None
    assert sample.expected.now.isoformat() == "2026-11-21T20:00:00+00:00"
    assert sample.expected_path == tmp_path / "chat_end.with_phone.expected.json"


@pytest.mark.parametrize("line_break", [b"\n", b"\r\n"])
def test_a_line_break_that_an_editor_left_is_not_part_of_the_body(tmp_path: Path, line_break: bytes) -> None:
    head = line_break.join([b"POST /hooks/shop HTTP/1.1", b"Content-Length: 2", b""])
    assert read_sample(put(tmp_path, "a", line_break.join([b"", b"{}", b""])[len(line_break) :], head=head)).body == b"{}"
    assert read_sample(put(tmp_path, "a", b"{}\n\n", head=head)).body == b"{}\n\n"


def test_a_body_may_be_empty_and_hold_blank_lines(tmp_path: Path) -> None:
    assert read_sample(put(tmp_path, "a", b"")).body == b""
    assert read_sample(put(tmp_path, "a", b"x\n\ny")).body == b"x\n\ny"


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"nonsense\n", ":1:1: the first line must be a request line"),
        (b"POST /x HTTP/1.1\nno header\n", ":2:1: a header is NAME: VALUE"),
        (b"post /x\n", "request line"),
        (b"POST x\n", "request line"),
    ],
)
def test_what_is_no_request_says_where(tmp_path: Path, head: bytes, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        read_sample(put(tmp_path, "a", head=head))


def test_a_request_without_a_blank_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.http"
    path.write_bytes(b"POST /x HTTP/1.1\nA: b")
    with pytest.raises(MappingError, match="no blank line"):
        read_sample(path)


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ({**EXPECTED, "origin": "guessed"}, "captured"),
        ({**EXPECTED, "outcome": "event"}, "skipped"),
        ({**EXPECTED, "dedup": 1}, "dedup"),
        ({"origin": "captured", "outcome": "events"}, "`source` is missing"),
        ([], "expected.json"),
    ],
)
def test_an_expected_file_that_does_not_fit_is_refused(tmp_path: Path, expected: Any, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        read_sample(put(tmp_path, "a", expected=expected))


def test_an_expected_file_may_be_missing_but_must_be_json(tmp_path: Path) -> None:
    path = put(tmp_path, "a", expected=None)
    assert read_sample(path).expected is None
    (tmp_path / "a.expected.json").write_text("{", encoding="utf-8")
    with pytest.raises(MappingError, match="no JSON"):
        read_sample(path)


MAPPING = ProviderMapping.model_validate(
    {
        "mapping_language": 1,
        "title": "T",
        "verify": {"scheme": "none"},
        "at": "event",
        "events": {"chat:end": {"as": "chat_finished"}, "conversation.closed": {"skip": "x"}},
    }
)


def test_names_of_samples_begin_with_an_event(tmp_path: Path) -> None:
    for name in (
        "chat_end",
        "chat_end.twice",
        "conversation_closed.a",
        "unknown_event",
        "broken_body",
        "bad_secret",
        "handshake.get",
    ):
        put(tmp_path, name)
    assert len(read_samples(tmp_path, MAPPING)) == 7
    put(tmp_path, "chat_ned")
    with pytest.raises(MappingError, match=r"no 'chat_ned' \(did you mean chat_end\?\)"):
        read_samples(tmp_path, MAPPING)


def test_an_expected_file_without_its_request_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.expected.json").write_text("{}", encoding="utf-8")
    with pytest.raises(MappingError, match=r"no a\.http beside it"):
        read_samples(tmp_path)


def test_events_as_file_names_have_them() -> None:
    assert [file_word(word) for word in ("chat:end", "a.b/c", "*", "chat_finished", "x-y")] == [
        "chat_end",
        "a_b_c",
        "any",
        "chat_finished",
        "x-y",
    ]


STORY = """\
origin: captured
story: A known client is found by her phone.
chat:
  custom: {n: 17}
  visitor: {phones: ['+79161234567']}
target: {url: 'https://crm.example.com'}
steps:
  - do: find
    with: {item: 5}
    expect:
      method: GET
      url: /api/v1/Contact?phone=%2B79161234567
      headers: {X-Api-Key: secret}
    answer:
      json: {list: [{id: 5, ok: true}]}
  - expect: {method: POST, url: /api/v1/Note, form: {a: 5}}
    answer: {status: 503, drop: after}
outcome: {client: 5}
"""


def test_a_story_is_read_with_jsons_values_where_json_is(tmp_path: Path) -> None:
    path = tmp_path / "known.exchange.yaml"
    path.write_text(STORY, encoding="utf-8")
    [exchange] = read_exchanges(tmp_path)
    assert (exchange.name, exchange.path, exchange.chat["custom"], exchange.outcome) == (
        "known", path, {"n": 17}, {"client": 5},
    )  # fmt: skip
    first, second = exchange.steps
    assert (first.do, first.given, first.answer.json_) == ("find", {"item": 5}, {"list": [{"id": 5, "ok": True}]})
    assert (second.do, second.expect.form, second.answer.status, second.answer.drop) == (None, {"a": "5"}, 503, "after")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("method: GET", "method: FETCH"), "11:7: steps.0.expect: the method is one of GET"),
        (("status: 503", "status: 5x"), "17:22: steps.1.answer.status: "),
        (("drop: after", "drop: during"), "before"),
        (("outcome: {client: 5}\n", ""), "`outcome` is missing"),
        (("do: find", "dp: find"), "did you mean do"),
        (("story:", "stroy:"), "stroy"),
    ],
)
def test_a_story_that_does_not_fit_says_where(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    path = tmp_path / "known.exchange.yaml"
    path.write_text(STORY.replace(*change), encoding="utf-8")
    with pytest.raises(MappingError, match=says):
        read_exchange(path)


def test_the_samples_and_stories_of_shipped_mappings_can_be_read() -> None:
    for name in available("provider"):
        loaded = load("provider", name)
        assert isinstance(loaded.mapping, ProviderMapping)
        read_samples(loaded.folder, loaded.mapping)
    for name in available("crm"):
        read_exchanges(load("crm", name).folder)


A_STORY = """\
origin: inferred
story: s
chat: {chat}
steps:
  - do: {do}
    with: {given}
    expect: {{method: GET, url: /}}
    answer: {{status: 200}}
outcome: {{}}
"""


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"chat": "{visiter: {}}"}, "chat.visiter"),
        ({"chat": "{visitor: {phone: [1]}}"}, "chat.visitor.phone"),
        ({"chat": "{visitor: {phones: '+7'}}"}, "chat.visitor.phones"),
        ({"given": "{client: '7'}"}, "with.client"),
        ({"given": "{client: {}}"}, "with.client: Field required"),
        ({"given": "{client: {id: '7', phones: x}}"}, "with.client.phones"),
        ({"given": "{nonsense: 1}"}, "an operation is given no 'nonsense'"),
        ({"given": "{nots: {text: x}}"}, "did you mean note"),
        ({"do": "look", "given": "{for: nothing}"}, "what is looked for is one of create, enrich"),
        ({"do": "owner", "given": "{}"}, "`do: owner` needs in `with` the `email`"),
    ],
)
def test_what_a_story_cannot_mean_is_said_with_its_place(tmp_path: Path, told: dict[str, str], says: str) -> None:
    path = tmp_path / "wrong.exchange.yaml"
    path.write_text(A_STORY.format(**{"chat": "{}", "do": "find", "given": "{}", **told}), encoding="utf-8")
    with pytest.raises(MappingError, match=rf"{path}:\d+:\d+: ") as caught:
        read_exchange(path)
    assert says in str(caught.value)
