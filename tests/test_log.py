from __future__ import annotations

import io
import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bridge import log

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Lines:
    """What has been logged since, each line as JSON."""
    stream = io.StringIO()
    log.set_up(form="json", level="debug", stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def one(lines: Lines) -> dict[str, Any]:
    (line,) = lines()
    return line


# -- lines -------------------------------------------------------------------------------------------------------------


def test_a_line_is_one_json_object_with_its_event_level_and_time(lines: Lines) -> None:
    structlog.get_logger().info("attempt.finished", job_id=12, ms=34.5)
    line = one(lines)
    assert (line["event"], line["level"], line["job_id"], line["ms"]) == ("attempt.finished", "info", 12, 34.5)
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


def test_what_is_bound_to_the_context_stands_on_every_line(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(job_id=7):
        structlog.get_logger().info("job.taken")
    assert one(lines)["job_id"] == 7


def test_lines_of_other_libraries_go_the_same_way_masked_from_warning_on(lines: Lines) -> None:
    logging.getLogger("aiohttp.access").info("GET /hooks/shop/s3cr3t")
    logging.getLogger("library").warning("no way to %s", "ivan@mail.ru")
    line = one(lines)
    assert (line["event"], line["logger"], line["message"]) == ("library.logged", "library", "no way to ***@***")


def test_a_traceback_is_masked(lines: Lines) -> None:
    try:
        int("call +7 916 123-45-67")
    except ValueError:
        structlog.get_logger().exception("job.failed")
    assert one(lines)["exception"].endswith("with base 10: 'call ***67'")


def test_whatever_is_logged_becomes_a_line(lines: Lines) -> None:
    values = {"a": SecretStr("x"), "b": {1: [b"ivan@mail.ru"]}, "c": datetime(2026, 1, 1, tzinfo=UTC), "d": {"e", "f"}, "g": None}
    structlog.get_logger().info("thing.logged", **values)
    line = one(lines)
    assert line["a"] == "SecretStr('**********')"
    assert "ivan" not in json.dumps(line)
    assert sorted(line["d"]) == ["e", "f"]


def test_people_on_a_terminal_get_text_and_others_json(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, is_json in ((Terminal(), False), (io.StringIO(), True)):
        log.set_up(stream=stream)
        structlog.get_logger().info("attempt.finished", phone="+79161234567")
        assert stream.getvalue().startswith("{") is is_json
        assert "attempt.finished" in stream.getvalue()
        assert "9161234567" not in stream.getvalue()


def test_standard_error_is_where_lines_go_by_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(form="json")
    structlog.get_logger().info("attempt.finished")
    captured = capsys.readouterr()
    assert "attempt.finished" in captured.err
    assert captured.out == ""


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    log.set_up(form="json", level="warning", stream=stream)
    structlog.get_logger().info("attempt.finished")
    structlog.get_logger().warning("target.blocked")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["target.blocked"]


def test_setting_up_again_replaces_and_does_not_double() -> None:
    first, second = io.StringIO(), io.StringIO()
    log.set_up(form="json", stream=first)
    log.set_up(form="json", stream=second)
    logging.getLogger("library").warning("once")
    structlog.get_logger().info("thing.done")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 2


# -- what passes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "", "found by phone, 1 client checked", "attempt 12 of 40, next in 3600 s", "status 200 in 1234 ms",
    "job 123456", "delivery 550e8400-e29b-41d4-a716-446655440000", "took 12.345678 s", "took 0.0123456", "7.1234567 ms",
    "at 2026-11-21T20:43:02.123456Z", "2026-11-21 20:43:02+03:00", "on 21.11.2026 18:05", "from 09:00-18:00",
    "c2c-234567abcdefgh27", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "http://10.0.0.5:8080/x",
    "listening on 192.168.100.200:8080", "GET /api/v1/Contact/6543217", "client id 12345678", "?id=12345678&x=1", "#1234567",
    "aiohttp 3.14.5", "Mo-Fr 09:00-18:00, Sa 10:00-14:00", "keyboard", "secretary", "monkey", "2 MiB of 3 MiB",
])  # fmt: skip
def test_ids_durations_times_and_ordinary_words_survive(text: str) -> None:
    assert log.mask(text) == text


@given(st.floats(0, 4e9))
def test_every_iso_time_survives(seconds: float) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    for text in (at.isoformat(), at.isoformat(" "), at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%Y-%m-%d")):
        assert log.mask(f"at {text}, then") == f"at {text}, then"


@given(st.uuids())
def test_every_uuid_survives(uuid: object) -> None:
    assert log.mask(f"delivery {uuid} stored") == f"delivery {uuid} stored"


@given(st.binary(min_size=16, max_size=32).filter(lambda value: any(sign in "abcdef" for sign in value.hex())))
def test_every_digest_survives(digest: bytes) -> None:
    assert log.mask(f"body {digest.hex()}") == f"body {digest.hex()}"


def test_under_the_keys_of_our_own_ids_long_numbers_survive(lines: Lines) -> None:
    plain = {"job_id": 9161234567, "record_id": "164382915274", "marker": "c2c-2345672345672345", "next_at": "1763757782"}
    structlog.get_logger().info("attempt.finished", **plain)
    assert plain.items() <= one(lines).items()


def test_what_the_caller_knows_to_be_harmless_survives() -> None:
    assert log.mask("/contacts/164382915274 of +79161234567", keep={"164382915274"}) == "/contacts/164382915274 of ***67"


def test_numbers_survive_that_are_too_short_for_a_phone(lines: Lines) -> None:
    structlog.get_logger().info("body.read", size=123456789, share=0.123456789, ok=True, at=1763757782.123)
    line = one(lines)
    assert (line["size"], line["share"], line["ok"], line["at"]) == (123456789, 0.123456789, True, 1763757782.123)


# -- what does not -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "shown"), [
    ("call +79161234567 now", "call ***67 now"), ("8 (916) 123-45-67", "***67"), ("+7(916)1234567 доб. 12", "***67 доб. 12"),
    ("495.123.45.67", "***67"), ("612345678", "***78"), ("2345678", "***78"), ("id79161234567", "id***67"),
    ("phone=%2B79161234567&x", "phone=***67&x"), ("tel:+4915112345678", "tel:***78"), ("٠١٢٣٤٥٦٧٨٩", "***٨٩"),
    ("+7\u00a0916\u2011123\u201145\u201167", "***67"),
    ("9\u200b1\u200b6\u200b1\u200b2\u200b3\u200b4\u200b5\u200b6\u200b7", "***67"), ("8️⃣9️⃣1️⃣6️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣", "***67"),
    ("+79161234567 2026-11-21T20:43:02Z", "***67 2026-11-21T20:43:02Z"), ("id 79161234567", "id ***67"),
    ("{'phone': 79161234567}", "{'phone': ***67}"),
    ("ivan@mail.ru", "***@***"), ("<Иван.Петров+x@почта.рф>", "<***@***>"), ("a@b", "***@***"),
    ("o'brien@mail.ie", "***@***"), ("'ivan@mail.ru'", "'***@***'"), ("?e=ivan%40mail.ru&x", "?e=***@***&x"),
    ("ivan＠mail.ru", "***@***"),
    ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
    ("bearer eyJhbGciOi.x", "bearer ***"),
    ('{"access_token": "abc"}', '{"access_token": "***"}'),
    ("token=abc&x=1", "token=***&x=1"), ("X-Api-Key: abc", "X-Api-Key: ***"), ("password='abc'", "password='***'"),
    ("POST /hooks/shop/s3cr3t?x=1", "POST /hooks/shop/***?x=1"), ("postgresql://me:pw@db/x", "postgresql://me:***@db/x"),
])  # fmt: skip
def test_what_reaches_or_opens_something_is_hidden(text: str, shown: str) -> None:
    assert log.mask(text) == shown


DIGITS = st.text(alphabet="0123456789", min_size=10, max_size=15).filter(lambda text: len(set(text)) > 2)
PATTERNS = ["{}", "+{}", "tel:+{}", "8 {}", "%2B{}",
            "phone={}", "(+{})", "«{}»", "+{},", "звоните {}!", '{{"a": "{}"}}', "wa.me/{}"]


def groups(digits: str, cuts: list[int], separator: str) -> str:
    at = sorted({1 + cut % (len(digits) - 1) for cut in cuts})
    return separator.join(digits[a:b] for a, b in zip([0, *at], [*at, len(digits)], strict=True))


@given(DIGITS, st.lists(st.integers(0, 14), max_size=5), st.sampled_from([" ", "-", ".", ") ", " - ", "\u00a0", "\u2011", "·"]),
       st.sampled_from(PATTERNS))  # fmt: skip
def test_no_phone_passes_however_it_is_written(digits: str, cuts: list[int], separator: str, pattern: str) -> None:
    text = pattern.format(groups(digits, cuts, separator))
    shown = "".join(sign for sign in log.mask(text) if sign.isdigit())
    assert digits[:-2] not in shown
    assert len(shown) <= 4  # the last two digits, and two that may belong to the pattern


@given(st.emails(), st.sampled_from(["{}", "to <{}>", "mailto:{}", "({})", "e={}&x=1", '{{"e":"{}"}}', "{},"]))
def test_no_email_passes(email: str, pattern: str) -> None:
    local, domain = email.rsplit("@", 1)
    shown = log.mask(pattern.format(email))
    assert email not in shown
    assert f"@{domain}" not in shown
    assert f"{local}@" not in shown.replace("***@", "")  # an address may begin with what hides it


SIGNS = st.characters(min_codepoint=33, max_codepoint=0x4FF, exclude_categories=["C", "Z"])


@given(st.text(SIGNS, min_size=6, max_size=60))
def test_no_registered_secret_passes_under_any_key_or_in_any_form(secret: str) -> None:
    stream = io.StringIO()
    log.set_up(form="json", stream=stream)
    log.register([secret, "another-one"])
    structlog.get_logger().info(
        f"thing.done {secret}", job_id=secret, detail=f"x{secret}y", deep={"a": [secret], secret: 1}, other="another-one"
    )
    shown = stream.getvalue()
    line = json.loads(shown)
    assert "another-one" not in shown
    for value in (line["event"], line["job_id"], line["detail"], str(line["deep"])):
        assert secret not in value


def test_a_secret_is_found_as_it_looks_in_an_address() -> None:
    log.register(["pass/word+1"])
    assert log.mask("https://x/?p=pass%2Fword%2B1&q=pass/word%2B1") == "https://x/?p=***&q=***"


def test_what_was_registered_before_is_replaced_and_short_words_are_not_torn() -> None:
    log.register(["first-secret"])
    log.register(["second-secret", "abc", ""])
    assert log.mask("first-secret second-secret abc") == "first-secret *** abc"


def test_under_a_secrets_name_nothing_is_shown(lines: Lines) -> None:
    structlog.get_logger().info("thing.done", token="x", password=None, deep={"api_key": ["y"]})
    line = one(lines)
    assert (line["token"], line["password"], line["deep"]) == ("***", "***", {"api_key": "***"})


def test_numbers_long_enough_for_a_phone_are_hidden(lines: Lines) -> None:
    structlog.get_logger().info("thing.done", who=79161234567, deep=[{"n": -79161234567}])
    assert "9161234" not in json.dumps(one(lines))


@pytest.mark.parametrize("text", [
    "1 " * 50_000, "a" * 100_000, "a@" * 50_000, "token=" * 20_000, "deadbeef" * 12_000 + "!", "1.2.3." * 20_000,
    "/hooks/" * 20_000, "@" + "a" * 100_000, "a'" * 50_000 + "@",
    "bearer " * 15_000, "://" * 30_000 + "@", "+7" * 50_000,
], ids=lambda text: text[:8])  # fmt: skip
def test_a_long_hostile_text_takes_no_long_time(text: str) -> None:
    began = time.process_time()
    log.mask(text)
    assert time.process_time() - began < 3  # quadratic ones would take minutes


def test_masking_imports_nothing_of_the_service() -> None:
    """It stands at the bottom: everything may use it."""
    assert [name for name in vars(sys.modules["bridge.log"]) if name in {"config", "store", "model"}] == []


def test_of_lines_that_anybody_can_cause_only_so_many_a_second_are_said_and_the_rest_are_counted() -> None:
    sparing = log.Sparing(2)
    assert [sparing.unsaid(now) for now in (5.0, 5.1, 5.2, 5.9, 6.0, 6.1, 6.2)] == [0, 0, None, None, 2, 0, None]
