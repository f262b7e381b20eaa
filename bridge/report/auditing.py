"""What people do on the pages and scripts through the API goes into the list of who did what (`chat2crm audit`)."""

from __future__ import annotations

from aiohttp import web

from bridge.report.deps import Desk
from bridge.store import AuditEntry

#: who is asking, as the list says it: an address, a token's name
WHO: web.RequestKey[str] = web.RequestKey("who", str)


def who(request: web.Request) -> str:
    return request.get(WHO) or f"ops:{request.remote or 'unknown'}"


async def note(desk: Desk, doer: str, what: str, about: str, detail: str = "") -> None:
    """`what`: a key of bridge.store.AUDITED."""
    await desk.store.record_audit(AuditEntry(at=desk.clock.time(), who=doer, what=what, about=about, detail=detail))
