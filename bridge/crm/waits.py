"""How long a CRM asks us to wait, in whatever way it writes that. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

#: no wait longer than this is believed, whatever a CRM says
LONGEST_WAIT = 86_400.0
#: numbers above it are a time (unix seconds), below it a span
_A_TIME = 1_000_000_000


def seconds_until(value: Any, now: datetime) -> float | None:
    """From now to what a CRM calls its time: seconds, unix seconds, ISO, an HTTP date. None if it is none of them."""
    for reading in _TIMES:
        found = reading(value, now)
        if found is not None:
            return min(max(found, 0.0), LONGEST_WAIT)
    return None


def _number(value: Any, now: datetime) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if isinstance(value, bool) or not math.isfinite(number):
        return None
    return number - now.timestamp() if number > _A_TIME else number


def _iso(value: Any, now: datetime) -> float | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return ((found if found.tzinfo else found.replace(tzinfo=UTC)) - now).total_seconds()


def _http_date(value: Any, now: datetime) -> float | None:
    try:
        found = parsedate_to_datetime(value)
    except (TypeError, ValueError, AttributeError):  # it takes text only, and says so in all three ways
        return None
    return ((found if found.tzinfo else found.replace(tzinfo=UTC)) - now).total_seconds()


_TIMES: Sequence[Callable[[Any, datetime], float | None]] = (_number, _iso, _http_date)
