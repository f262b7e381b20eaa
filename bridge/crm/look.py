"""Was it done? What a marker's request brought → found, certainly absent, or unknown. Pure.

A wrong "absent" makes a second note or client; a wrong "found" loses a chat. So a hit counts only if the marker stands in
the hit itself and it hangs on the right client, and "absent" is said only of a list that was seen far enough.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from bridge.crm.decipher import as_id
from bridge.mapping.language.expressions import Findings
from bridge.mapping.schema.writing import Marker

#: by how much the CRM's clock may differ from what it says of it before a list is taken as seen far enough
CLOCKS_DIFFER = timedelta(minutes=10)

#: unix times above it are in milliseconds (as seconds they would lie in the year 5138)
_MILLISECONDS = 1e11


class Seen(StrEnum):
    FOUND = "found"
    #: it is certain that the CRM did not do it
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Look:
    """What looking brought. `id` where it was found; `reason` in words where nothing can be said."""

    seen: Seen
    id: str = ""
    reason: str = ""
    #: nothing was asked, because there is nothing to ask by
    blind: bool = False

    @classmethod
    def found(cls, record_id: str) -> Look:
        return cls(Seen.FOUND, id=record_id)

    @classmethod
    def absent(cls) -> Look:
        return cls(Seen.ABSENT)

    @classmethod
    def unknown(cls, reason: str, *, blind: bool = False) -> Look:
        return cls(Seen.UNKNOWN, reason=reason, blind=blind)


class Watcher:
    """Takes the pages of a marker's list one by one, until it knows."""

    def __init__(
        self, rule: Marker, marker: str, *, client: str | None, sent_at: datetime, deal: str | None = None
    ) -> None:
        self._rule = rule
        self._marker = marker
        self._client = client
        #: of a note that hangs on a deal: some CRMs say in its record whose it is, some which deal's
        self._deal = deal
        self._sent_at = sent_at
        #: by how much the CRM's clock is behind ours, as far as it tells
        self._behind = timedelta(0)
        self._elsewhere: str | None = None
        self._unreadable = False

    def clocks(self, there: str | None, here: datetime) -> None:
        """What an answer's Date said, and when it came. Only a clock that is behind ours makes a difference: by that one the
        request was carried out earlier than we take it for, so the list has to be seen further back.
        """
        try:
            by_theirs = parsedate_to_datetime(there or "")
        except ValueError:
            return
        self._behind = max(self._behind, here - by_theirs.replace(tzinfo=by_theirs.tzinfo or UTC))

    def page(self, records: list[dict[str, Any]], *, ended: bool, findings: Findings | None = None) -> Look | None:
        """What is known after this page; None: ask for the next one."""
        for record in records:
            hit = self._hit(record, findings)
            if hit is not None:
                return Look.found(hit)
        if self._elsewhere is not None:
            return Look.unknown(
                f"A record with this marker hangs on another client ({self._elsewhere}): "
                "were two clients merged? Compare them."
            )
        if self._unreadable:
            return Look.unknown("The CRM names a record, but its answer does not show the marker in it.")
        if ended or (self._rule.kind != "scan" and self._rule.pages is None):
            return Look.absent()
        if self._rule.kind == "scan" and self._passed(records, findings):
            return Look.absent()
        return None

    def over(self) -> Look:
        """No further page is asked for."""
        return Look.unknown("The list was not seen far enough back to say that the record is not there.")

    def _hit(self, record: Mapping[str, Any], findings: Findings | None) -> str | None:
        shown = self._rule.text(record, findings) if self._rule.text is not None else record
        text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, default=str)
        found = as_id(self._rule.id(record, findings)) if self._rule.id is not None else None
        if self._marker not in text and found != self._marker:
            # A record that was asked for by its unique id is it; that its marker is not shown is the mapping's fault.
            self._unreadable = self._unreadable or self._rule.kind == "external_id"
            return None
        if self._client is not None and self._rule.of is not None:
            hangs_on = as_id(self._rule.of(record, findings))
            if hangs_on != self._client and (self._deal is None or hangs_on != self._deal):
                self._elsewhere = hangs_on or "unknown"
                return None
        return found or ""

    def _passed(self, records: list[dict[str, Any]], findings: Findings | None) -> bool:
        # The list is newest first; a page whose last record is older than the request has everything that matters.
        at = self._rule.at(records[-1], findings) if records and self._rule.at is not None else None
        made = _time(at)
        return made is not None and made < self._sent_at - self._behind - CLOCKS_DIFFER


def _time(value: Any) -> datetime | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = None
    try:
        if number is not None:
            return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC)
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
