"""What needs a person, as the pages list it: what the store shows, and what was just seen and nobody has been told of yet."""

from __future__ import annotations

from bridge.report.deps import Desk
from bridge.report.metrics import UNPROVED
from bridge.report.troubles import Trouble, troubles


async def needs(at: Desk) -> list[Trouble]:
    """All of it, the gravest first. A chat connection to which nothing has ever come but what was refused is listed at the first
    such request; one that works only after several, since one may be anybody who tries addresses.
    """
    found = await troubles(at.store, at.clock.time(), sources=at.sources, silence=at.settings.alerts.silence)
    known = {trouble.name for trouble in found if trouble.kind == "refused"}
    reading = at.store.reading()
    for name, count in at.metrics.unproved.items():
        if name in at.sources and name not in known and (count >= UNPROVED or await reading.last_delivery(name) is None):
            found.append(Trouble(kind="refused", name=name))
    return found
