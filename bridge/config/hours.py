"""The hours in which somebody answers: `Mo-Fr 09:00-18:00, Sa 10:00-14:00`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_DAY = 24 * 60
_DAYS = {
    "mo": 0, "tu": 1, "we": 2, "th": 3, "fr": 4, "sa": 5, "su": 6,
    "пн": 0, "вт": 1, "ср": 2, "чт": 3, "пт": 4, "сб": 5, "вс": 6,
}  # fmt: skip
_PART = re.compile(
    r"(?:(?P<first>[^\W\d]+)(?:\s*[-–]\s*(?P<last>[^\W\d]+))?\s+)?(?P<opens>\d\d?:\d\d)\s*[-–]\s*(?P<closes>\d\d?:\d\d)"
)


class Hours:
    """Weekly hours in local time. A span may pass midnight: `Fr 22:00-06:00` ends on Saturday.

    Several spans of one day: `Mo-Fr 09:00-13:00, 14:00-18:00`. Days left out are closed. Raises ValueError.
    """

    __slots__ = ("_week", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        week: list[list[tuple[int, int]]] = [[] for _ in range(7)]
        for weekday, opens, closes in _parse(source):
            week[weekday].append((opens, min(closes, _DAY)))
            if closes > _DAY:
                week[(weekday + 1) % 7].append((0, closes - _DAY))
        self._week = tuple(tuple((_time(opens), _time(closes)) for opens, closes in _joined(day)) for day in week)

    def on(self, weekday: int) -> tuple[tuple[time, time], ...]:
        """Spans of a day (0 = Monday) in order, none touching another; `time.max` as an end means midnight."""
        return self._week[weekday]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hours) and other._week == self._week

    def __hash__(self) -> int:
        return hash(self._week)

    def __repr__(self) -> str:
        return f"Hours({self.source!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(lambda hours: hours.source)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "examples": ["Mo-Fr 09:00-18:00, Sa 10:00-14:00", "24/7"]}

    @classmethod
    def _validate(cls, value: Any) -> Hours:
        return value if isinstance(value, Hours) else cls(str(value))


def _parse(source: str) -> Iterator[tuple[int, int, int]]:
    """(weekday, first minute of that day, minute after the last: beyond a day's length when it passes midnight)."""
    if source.strip() == "24/7":
        yield from ((weekday, 0, _DAY) for weekday in range(7))
        return
    days: list[int] = []
    for part in source.split(","):
        found = _PART.fullmatch(part.strip())
        if found is None:
            raise ValueError(f"{part.strip()!r} are no hours; write them like Mo-Fr 09:00-18:00, Sa 10:00-14:00, or 24/7")
        if found["first"]:
            days = _days(found["first"], found["last"])
        if not days:
            raise ValueError(f"{part.strip()!r} names no day; write it like Mo-Fr {part.strip()}")
        opens, closes = _minute(found["opens"]), _minute(found["closes"])
        yield from ((weekday, opens, closes if closes > opens else closes + _DAY) for weekday in days)


def _days(first: str, last: str | None) -> list[int]:
    numbers = []
    for word in (first, last or first):
        if word.lower() not in _DAYS:
            raise ValueError(f"{word!r} is no day; the days are Mo Tu We Th Fr Sa Su, or Пн Вт Ср Чт Пт Сб Вс")
        numbers.append(_DAYS[word.lower()])
    begin, end = numbers
    return [number % 7 for number in range(begin, end + 1 if end >= begin else end + 8)]


def _minute(clock: str) -> int:
    hour, minute = (int(part) for part in clock.split(":"))
    if minute >= 60 or hour * 60 + minute > _DAY:  # noqa: PLR2004 - sixty minutes are an hour everywhere
        raise ValueError(f"{clock!r} is no time of day; the last one is 24:00")
    return hour * 60 + minute


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping and touching spans as one, so that no minute counts twice."""
    joined: list[tuple[int, int]] = []
    for opens, closes in sorted(spans):
        if joined and opens <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], closes)
        elif closes > opens:
            joined.append((opens, closes))
    return joined


def _time(minute: int) -> time:
    return time.max if minute == _DAY else time(minute // 60, minute % 60)
