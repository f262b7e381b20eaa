"""A delivery to the byte: whoever looks at it stands in the log and in the list of who did what."""

from __future__ import annotations

import structlog
from aiohttp import web

from bridge.report.asked import row_number
from bridge.report.auditing import note, who
from bridge.report.deps import Desk
from bridge.store.reading import Row

log = structlog.get_logger()


async def seen_raw(at: Desk, request: web.Request) -> Row:
    """With its bytes and headers. Raises 404."""
    delivery_id = row_number(request)
    row = await at.store.reading().delivery(delivery_id)
    if row is None:
        raise web.HTTPNotFound
    log.info("raw.viewed", delivery=delivery_id, source=row["source"], address=request.remote)
    await note(at, who(request), "raw_viewed", f"delivery {delivery_id}")
    return row
