"""What a job's page shows of each call: where it went, what came back. Never contact data, never a secret."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from bridge.errors import CrmError
from bridge.log import mask
from bridge.model import Step
from bridge.transport import Answer, PreparedRequest

#: characters of an error or remark in a step
LONGEST = 300


def shown_path(url: str, base_url: str, *, keep: Collection[str] = ()) -> str:
    """The path below the target's address (which may itself be a secret), with the query's names and none of its values."""
    parts = urlsplit(url)
    path = mask(unquote(parts.path.removeprefix(_path(base_url))), keep=keep)
    names = [unquote(pair.partition("=")[0]) for pair in parts.query.split("&") if pair]
    return path + mask("?" + "&".join([f"{name}=…" for name in names])) if names else path


@lru_cache(maxsize=256)
def _path(base_url: str) -> str:
    return urlsplit(base_url).path.rstrip("/")


def call_step(
    at: datetime,
    what: str,
    request: PreparedRequest,
    base_url: str,
    *,
    answer: Answer | None = None,
    error: CrmError | None = None,
    detail: str = "",
    keep: Collection[str] = (),
) -> Step:
    return Step(
        at=at,
        what=what,
        detail=mask(detail)[:LONGEST] if detail else "",
        method=request.method,
        path=shown_path(request.url, base_url, keep=keep),
        status=None if answer is None else answer.status,
        ms=None if answer is None else answer.ms,
        error=None if error is None else f"{error.code}: {mask(error.message)}"[:LONGEST],
    )


def skipped_step(at: datetime, what: str, why: str) -> Step:
    return Step(at=at, what=what, detail=mask(why)[:LONGEST])
