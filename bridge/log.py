"""Log lines: one event named `noun.past` with its fields, as JSON or for a terminal; nobody's contact data or secret in it.

Masking is the second wall: code does not log contact data in the first place. It errs on the side of hiding. Under the
keys in PLAIN stand our own words, ids and times: only registered secrets are looked for there. Everywhere else phones,
e-mails, tokens and secrets are hidden, in text, in nested values, in tracebacks and in the lines of other libraries.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from typing import Any, Literal, TextIO
from urllib.parse import quote

import structlog

HIDDEN = "***"
#: the name of our handler among the standard library's
HANDLER = "chat2crm"

#: keys whose values are ours or the CRM's own: words, ids, times, counts
PLAIN = frozenset({
    "event", "level", "timestamp", "logger", "source", "target", "state", "outcome", "code", "verdict", "kind", "rule",
    "job", "job_id", "delivery", "delivery_id", "attempt", "attempt_id", "revision", "operation", "operation_id", "marker",
    "client_id", "record_id", "note_id", "deal_id", "task_id", "digest", "version", "replica", "epoch", "pid", "port",
    "host", "status", "method", "next_at", "sent_at", "received_at", "until", "mode",
})  # fmt: skip
#: keys whose values are never shown, whatever they look like
SECRET = frozenset({"secret", "token", "access_token", "refresh_token", "password", "key", "api_key", "authorization",
                    "cookie", "client_secret"})  # fmt: skip

_INVISIBLE = "\u200b-\u200f\u2060\u00ad\ufe0f\u20e3"
_BETWEEN = rf"[\s().·•+\-\u2010-\u2015{_INVISIBLE}]{{0,4}}"
#: seven digits are the shortest number that reaches somebody
_PHONE = rf"(?:\+|%2[Bb])?\(?\d(?:{_BETWEEN}(?!\d{{4}}-\d\d-\d\dT)\d){{6,}}[{_INVISIBLE}]*"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_KEEP = "|".join([
    r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])",          # UUID
    r"(?<![\d+])\d{4}-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-6]\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\d-])",  # ISO
    r"(?<!\d)[0-3]?\d\.[01]?\d\.(?:19|20)\d\d(?:,? [0-2]?\d:[0-5]\d(?::[0-6]\d)?)?(?![\d.])",        # 21.11.2026 18:05
    r"\bc2c-[a-z2-7]{16}\b",                                                                         # a marker of ours
    r"(?<![\w%])(?=[0-9]*[a-f])[0-9a-f]{16,}(?!\w)",                                                 # a digest
    rf"(?<![\d.+])(?!\d{{3}}\.\d{{3}}\.\d\d\.\d\d(?!\d)){_OCTET}(?:\.{_OCTET}){{3}}(?![\d.]\d|\d)",  # IPv4, no 495.123.45.67
    r"(?<![\d.+])\d{1,9}\.\d+(?: ?(?:ms|s|min|h|%|[KMG]i?B)\b)",                                     # 12.345678 s
    r"(?<![\d.+])0\.\d+(?![\d.])",                                                                   # 0.0123456
    rf"(?:(?<=/)|(?<=#)|(?<=\bid )|(?<=\bid=)|(?<=\bid: )|(?<=_id=))\d{{1,9}}(?!{_BETWEEN}\d)",  # …/Contact/1234567
])  # fmt: skip
_NAME_BEFORE = (
    r"(?i:\b(?:access_token|refresh_token|client_secret|api_?key|token|secret|password|passwd|auth(?:orization)?|signature"
    r"|x-[a-z-]*(?:token|key|signature))[\"']?\s*[=:]\s*[\"']?(?:bearer |basic )?)"
)
_NAMED = re.compile(
    rf"(?P<name>{_NAME_BEFORE})(?P<value>[^\s\"'&,;{{}}]+)"
    r"|(?P<scheme>\b(?i:bearer|basic) )(?P<credential>[\w.~+/=-]{8,})"
    r"|(?P<hook>/hooks/[^\s/?\"']+/)(?P<path_secret>[^\s/?\"']+)"
    r"|(?P<userinfo>://[^\s/@:]*:)(?P<password>[^\s/@]+)(?=@)"
    r"|(?P<email>(?:(?:[^\s@<>\"'(),;:=?&/\\]|(?<=\w)'(?=\w)){1,64}|(?<=[=?&/']))(?:@|%40|＠)[^\s@<>\"'(),;:=?&/\\]{1,253})"
)
#: the look-ahead spares most places the long list
_NUMBERS = re.compile(rf"(?=[\da-f+(%])(?:(?P<keep>{_KEEP})|(?P<phone>{_PHONE}))")
#: what has none of these words in it, and no seven digits near one another, is spared the search
_WORDS = ("@", "%40", "＠", "token", "secret", "passw", "key", "auth", "signature", "bearer", "basic", "/hooks/")
_DIGITS = re.compile(rf"\d(?:{_BETWEEN}\d){{6}}")

#: the shortest secret that is looked for in lines: a shorter one would tear holes into ordinary words
_SHORTEST = 6
_registered: re.Pattern[str] | None = None


class Sparing:
    """Keeps lines that anybody outside can cause from filling the log, and from taking the time that writing them takes."""

    def __init__(self, a_second: int) -> None:
        self._a_second = a_second
        self._second, self._said, self._unsaid = -1, 0, 0

    def unsaid(self, now: float) -> int | None:
        """How many lines were kept back before this one; None: it is kept back too. `now`: seconds of any clock."""
        if int(now) != self._second:
            self._second, self._said = int(now), 0
        if self._said >= self._a_second:
            self._unsaid += 1
            return None
        self._said += 1
        before, self._unsaid = self._unsaid, 0
        return before


def register(secrets: Iterable[str]) -> None:
    """Hide these values from now on, wherever they stand, also as they look in an address or in JSON.

    Replaces what was registered before; called with the settings' secrets at start-up and after each reload.
    """
    global _registered  # noqa: PLW0603 - one process has one log, and its masking has to reach other libraries' lines
    forms = {form for secret in secrets if len(secret) >= _SHORTEST
             for form in (secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], _encode(secret)[1:-1])}
    longest_first = sorted(forms, key=len, reverse=True)
    _registered = re.compile("|".join(map(re.escape, longest_first))) if forms else None


def mask(text: str, keep: Collection[str] = ()) -> str:
    """The text with phones (last two digits left), e-mails, tokens and registered secrets hidden.

    `keep`: values known to be harmless although they look like a phone, say a long record id in a path.
    """
    if _registered is not None:
        text = _registered.sub(HIDDEN, text)
    if any(map(text.lower().__contains__, _WORDS)):
        text = _NAMED.sub(_hide, text)
    if _DIGITS.search(text):
        text = _NUMBERS.sub(_hide if not keep else lambda found: found[0] if found[0] in keep else _hide(found), text)
    return text


def _hide(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if kind == "keep":
        return found[0]
    if kind == "phone":
        return HIDDEN + "".join(filter(str.isdecimal, found[0]))[-2:]
    if kind == "email":
        return f"{HIDDEN}@{HIDDEN}"
    return found[0][: found.start(kind or 0) - found.start()] + HIDDEN


def masked(value: Any) -> Any:
    """A value of any kind, masked throughout; what is neither text, number nor container is masked as its repr."""
    if isinstance(value, str):
        return mask(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(10**9) < value < 10**9 else mask(str(value))
    if isinstance(value, Mapping):
        return {mask(str(key)): HIDDEN if key in SECRET else masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(item) for item in value]
    return mask(repr(value))


def mask_line(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor: masks the fields of a line. Under PLAIN keys the finished line is searched for secrets only."""
    for key, value in line.items():
        if key in SECRET:
            line[key] = HIDDEN
        elif key not in PLAIN:
            line[key] = masked(value)
    return line


def _mask_foreign(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Other libraries put everything into the sentence, so it gets masked like any field."""
    line["message"] = line.pop("event")
    line["event"] = "library.logged"
    return mask_line(logger, method, line)


Form = Literal["json", "console"]


def set_up(*, form: Form | None = None, level: str = "info", stream: TextIO | None = None) -> None:
    """Begin logging to `stream` (standard error). `form` None: for people on a terminal, JSON elsewhere.

    Lines of other libraries go the same way from `warning` on; their access logs hold addresses and stay off.
    """
    out = stream if stream is not None else sys.stderr
    people = form == "console" or (form is None and out.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    last = _without_secrets(structlog.dev.ConsoleRenderer(colors=out.isatty()) if people else _as_json)
    before: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, stamp,
        structlog.processors.format_exc_info,
    ]  # fmt: skip
    structlog.configure(
        processors=[*before, mask_line, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,  # tests and a reload set up again
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _mask_foreign,
                    last],
    ))  # fmt: skip
    handler.set_name(HANDLER)
    root = logging.getLogger()
    root.handlers[:] = [*(other for other in root.handlers if other.name != HANDLER), handler]
    root.setLevel(max(number, logging.WARNING))


def _without_secrets(render: structlog.types.Processor) -> structlog.types.Processor:
    """The finished line is searched once more for registered secrets: whatever key or form they came in by."""

    def processor(logger: Any, method: str, line: MutableMapping[str, Any]) -> str:
        text = str(render(logger, method, line))
        return text if _registered is None else _registered.sub(HIDDEN, text)

    return processor


def _as_json(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
    return _encode(line)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr).encode
