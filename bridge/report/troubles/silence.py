"""Whether a source has been silent for unusually long.

Shops have nights and weekends, so a silence is measured against the same hours of the weeks before: it lasts N times the usual
gap if the source was heard of N times in them. What comes close together (the messages of one chat) counts as once.
"""

from __future__ import annotations

from bridge.store.reading import Reading

WEEK = 7 * 86400.0
#: weeks that are looked at, and how many of them a source must have been there for
WEEKS, FEWEST_WEEKS = 4, 2
#: seconds; what comes within them counts as once
APART = 900.0


async def silent_since(reading: Reading, source: str, now: float, times: int) -> float | None:
    """When it was heard of last (seconds since 1970), if it has been silent for `times` times its usual gap; else None.

    Of four weeks one may be an exception (a holiday, an outage). A source that is younger than two weeks has no usual gap yet.
    """
    last = await reading.last_delivery(source)
    if last is None or not times or now - last < APART * times:
        return None
    first = await reading.first_delivery(source)
    heard = [
        await reading.times_heard(source, after=last - back, until=now - back, apart=APART, most=times)
        for back in (WEEK * week for week in range(1, WEEKS + 1)) if first is not None and first <= last - back
    ]
    if len(heard) < FEWEST_WEEKS:
        return None
    ordinary = sorted(heard)[1 if len(heard) > FEWEST_WEEKS else 0]
    return last if ordinary >= times else None
