"""What stands still, grouped by its cause: the reason, and the CRM's own words where it gave some. No I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bridge.log import mask
from bridge.report.words.explanations import detail_adds

_DIGITS = re.compile(r"\d+")
_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    state: str
    target: str
    reason: str
    code: str
    #: the same for all jobs whose details differ in numbers and people's data only; '' where the reason says it all
    key: str
    #: the detail of one of them, without anybody's data
    words: str
    count: int
    since: float
    latest: int

    @property
    def query(self) -> str:
        """Names this group in an address."""
        named = {"state": self.state, "target": self.target, "reason": self.reason, "code": self.code, "cause": self.key}
        return urlencode({name: value for name, value in named.items() if value})


def key_of(reason: str, detail: str) -> str:
    """What makes two details the same cause."""
    if not detail or not detail_adds(reason):
        return ""
    return hashlib.sha256(_DIGITS.sub("0", mask(detail)).encode(errors="replace")).hexdigest()[:12]


def causes(rows: Iterable[Mapping[str, Any]]) -> list[Cause]:
    """The largest first. `rows`: {state, target, reason, error_code, detail, n, since, latest}."""
    found: dict[tuple[str, ...], Cause] = {}
    for row in rows:
        key = key_of(row["reason"], row["detail"])
        place = (row["state"], row["target"], row["reason"], row["error_code"], key)
        known = found.get(place)
        found[place] = Cause(
            state=row["state"], target=row["target"], reason=row["reason"], code=row["error_code"], key=key,
            words=known.words if known else mask(row["detail"])[:_LONGEST] if key else "",
            count=row["n"] + (known.count if known else 0), since=min(row["since"], known.since if known else row["since"]),
            latest=max(row["latest"], known.latest if known else 0),
        )  # fmt: skip
    return sorted(found.values(), key=lambda cause: (-cause.count, cause.target, cause.reason))
