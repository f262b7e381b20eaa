"""Functions over times. A time travels as ISO text in UTC (2026-11-20T10:00:00Z); datetimes are understood as well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from bridge.mapping.functions.table import FunctionProblem, function

Time = str | float | datetime
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*(Z|[+-]\d\d(?::?\d\d)?)?", re.IGNORECASE)
_FIRST_DAY = date(1970, 1, 1).toordinal()
#: of each minute of a day; to write its two numbers takes six times as long
CLOCK = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in range(24 * 60))
#: what is a piece of the ISO text, which is written in half the time that a format takes; but for years of three digits
_AS_ISO: Mapping[str, slice] = {
    "%Y-%m-%d %H:%M:%S": slice(0, 19), "%Y-%m-%d %H:%M": slice(0, 16), "%Y-%m-%d": slice(0, 10), "%H:%M:%S": slice(11, 19),
    "%H:%M": slice(11, 16),
}  # fmt: skip
_FOUR_DIGITS = 1000
#: a time is not written longer than that, and what is is not remembered
_USUAL = 40
_NO_TIME = "it wants an ISO time, like 2026-11-20T10:00:00Z"
_LATEST = 253_402_300_799  # the end of the year 9999, in unix seconds


def written(moment: datetime) -> str:
    """UTC, with a Z, with parts of a second only if there are any."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")[:-6] + "Z"


def _zone(name: str | None) -> tzinfo:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise FunctionProblem(f"there is no time zone {name!r}; write Europe/Moscow, UTC …") from None


def _moment(value: Time, zone: str | None = None) -> datetime:
    """ISO text with any fraction, or a datetime; without an offset it is in `zone` (UTC)."""
    moment = (_told if len(value) <= _USUAL else _told.__wrapped__)(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise FunctionProblem(_NO_TIME)
    return moment if moment.tzinfo else moment.replace(tzinfo=_zone(zone))


@lru_cache(maxsize=64)
def _told(text: str) -> datetime:
    """With the offset that it has, if it has one. Remembered, because a plan asks for its chat's two times again and again."""
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise FunctionProblem(_NO_TIME)
    fraction = "." + found[3][:6].ljust(6, "0") if found[3] else ""
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{fraction}{(found[4] or '').upper()}")
    except ValueError:
        raise FunctionProblem("there is no such time") from None


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    """The day so many days after the first of 1970. Of a chat's messages nearly all are of one day."""
    return date.fromordinal(_FIRST_DAY + number).isoformat()


def _since_1970(value: Time, divisor: int) -> str:
    if type(value) is int and 0 <= value <= _LATEST * divisor:  # by far the most frequent: every message has one
        seconds, parts = divmod(value, divisor)
        day, second = divmod(seconds, 86400)
        fraction = f".{parts:03}" if parts else ""
        return f"{_day(day)}T{CLOCK[second // 60]}:{second % 60:02}{fraction}Z"
    try:
        number = Decimal(str(value).strip() if isinstance(value, str) else str(value)) / divisor
    except InvalidOperation:
        raise FunctionProblem("it wants a number of seconds or milliseconds") from None
    if not number.is_finite() or not 0 <= number <= _LATEST:
        raise FunctionProblem("the number is no time; is it in seconds or in milliseconds?")
    whole = int(number)
    moment = datetime.fromtimestamp(whole, UTC).replace(microsecond=int((number - whole) * 1_000_000))
    return written(moment)


@function("time")
def from_unix(value: Time) -> str:
    """Seconds since 1970 (number or text, with parts) → ISO."""
    return _since_1970(value, 1)


@function("time")
def from_unix_ms(value: Time) -> str:
    """Milliseconds since 1970 → ISO."""
    return _since_1970(value, 1000)


@function("time", "text?")
def from_iso(value: Time, zone: str | None = None) -> str:
    """ISO in any of its spellings → ISO in UTC; a time without an offset is in `zone`."""
    return written(_moment(value, zone))


@function("text", "text", "text?")
def from_text(text: str, form: str, zone: str | None = None) -> str:
    """A time written by a format (%d.%m.%Y %H:%M) → ISO in UTC; without an offset it is in `zone`."""
    try:
        moment = datetime.strptime(text.strip(), form)  # noqa: DTZ007 - the zone comes right after
    except ValueError:
        raise FunctionProblem(f"the text is not a time written as {form}") from None
    return written(moment if moment.tzinfo else moment.replace(tzinfo=_zone(zone)))


@function("time", "text?")
def iso(value: Time, zone: str | None = None) -> str:
    """ISO with the offset of a zone: 2026-11-20T13:00:00+03:00; without a zone, in UTC with a Z."""
    moment = _moment(value)
    return written(moment) if zone is None else moment.astimezone(_zone(zone)).isoformat(timespec="seconds")


@function("time", "text?", "text?")
def utc(value: Time, form: str = "%Y-%m-%d %H:%M:%S", zone: str | None = None) -> str:
    """A time by a format, 2026-11-20 10:00:00 unless another is given, in UTC unless a zone is."""
    moment = _moment(value).astimezone(_zone(zone))
    if form in _AS_ISO and moment.year >= _FOUR_DIGITS:
        return moment.isoformat(" ", "seconds")[_AS_ISO[form]]
    try:
        form.encode()  # halves of characters: some versions of Python pass them on
        return moment.strftime(form)
    except ValueError:
        raise FunctionProblem(f"{form!r} is no format of a time") from None


@function("time")
def unix(value: Time) -> int:
    """Seconds since 1970."""
    return int(_moment(value).timestamp())


@function("time")
def unix_ms(value: Time) -> int:
    """Milliseconds since 1970."""
    return round(_moment(value).timestamp() * 1000)
