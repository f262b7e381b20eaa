"""What a command writes into the list of who did what."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterable

from bridge.store import AuditEntry, Store


def who() -> str:
    """The user of this machine who called the command."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a number without a name, as in a container
        return f"cli:{os.getuid()}"


async def note(store: Store, what: str, about: Iterable[str], detail: str = "") -> None:
    """`what`: a key of bridge.store.AUDITED."""
    for one in about:
        await store.record_audit(AuditEntry(at=time.time(), who=who(), what=what, about=one, detail=detail))


def jobs(job_ids: Iterable[int]) -> list[str]:
    return [f"job {job_id}" for job_id in job_ids]
