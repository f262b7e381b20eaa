"""What a person can have done, by a button or a script. Each is in the log and in the list of who did what; the store sees to the
rest. `who` is whoever asked, as that list names them.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bridge.errors import Refused
from bridge.extract import point_typed
from bridge.model import Claim, Correction
from bridge.report.asked import Group
from bridge.report.auditing import note
from bridge.report.deps import Desk
from bridge.report.trace.marked import conversation
from bridge.report.troubles.causes import key_of

log = structlog.get_logger()

#: the reason with which a person skips
BY_HAND = "by_hand"
#: characters of a record's number that a person types
LONGEST_ID = 200
#: jobs sent round in one transaction, so that intake is not held up
SLICE = 200
#: contact points that a person adds to one chat, and characters of each
MOST_ADDED, LONGEST_POINT = 10, 320


async def replay(desk: Desk, job_id: int, who: str, *, again: bool, for_real: bool = False) -> bool:
    done = bool(await desk.store.replay([job_id], again=again, for_real=for_real))
    if done:
        log.info("job.replayed", job=job_id, again=again, for_real=for_real)
        await note(desk, who, "written_again" if again else "replayed", f"job {job_id}")
        desk.wake()
    return done


async def jobs_of(desk: Desk, group: Group) -> list[int]:
    rows = await desk.store.reading().overviews.details(
        state=group.state, target=group.target, reason=group.reason, code=group.code
    )
    return [row["id"] for row in rows if not group.cause or key_of(group.reason, row["detail"]) == group.cause]


async def replay_group(desk: Desk, group: Group, who: str) -> int:
    """How many were sent round again."""
    sent = await _replay_all(desk, await jobs_of(desk, group), for_real=False)
    log.info("jobs.replayed", state=group.state.value, target=group.target, reason=group.reason, code=group.code, jobs=sent)
    await note(desk, who, "replayed", f"group {group.state.value} {group.target} {group.reason}", f"{sent} jobs")
    return sent


async def write_rehearsed(desk: Desk, target: str, upto: int, who: str) -> int:
    """Have what a rehearsal planned written, of all jobs up to that number; gives how many."""
    ids = await desk.store.reading().overviews.rehearsed_ids(target, upto)
    sent = await _replay_all(desk, ids, for_real=True)
    log.info("rehearsal.written", target=target, jobs=sent)
    await note(desk, who, "replayed", f"rehearsal {target}", f"{sent} jobs")
    return sent


async def _replay_all(desk: Desk, ids: Sequence[int], *, for_real: bool) -> int:
    sent = 0
    for begin in range(0, len(ids), SLICE):
        sent += len(await desk.store.replay(ids[begin : begin + SLICE], for_real=for_real))
        desk.wake()
    return sent


async def sort_again(desk: Desk, source: str, who: str) -> int:
    """How many deliveries of the source that were not understood will be read once more."""
    count = await desk.store.sort_again(source=source)
    log.info("deliveries.replayed", source=source, deliveries=count)
    await note(desk, who, "sorted_again", f"source {source}", f"{count} deliveries")
    return count


async def skip(desk: Desk, job_id: int, who: str) -> bool:
    done = bool(await desk.store.skip([job_id], BY_HAND))
    if done:
        log.info("job.skipped", job=job_id)
        await note(desk, who, "skipped", f"job {job_id}")
        desk.wake()  # the next of its lane may go
    return done


async def written(desk: Desk, job_id: int, record_id: str, who: str) -> bool:
    done = await desk.store.written(job_id, record_id.strip()[:LONGEST_ID])
    if done:
        log.info("job.written", job=job_id)
        await note(desk, who, "written", f"job {job_id}")
        desk.wake()
    return done


async def choose(desk: Desk, job_id: int, client_id: str, who: str) -> bool:
    client_id = client_id.strip()
    if not client_id or len(client_id) > LONGEST_ID or not client_id.isprintable():
        return False
    done = await desk.store.choose(job_id, client_id)
    if done:
        log.info("job.chosen", job=job_id, client_id=client_id)
        await note(desk, who, "chosen", f"job {job_id}")
        desk.wake()
    return done


async def correct(desk: Desk, job_id: int, keep: Sequence[str], add: Sequence[str], who: str) -> bool:
    """Put a chat's contact points right: `keep` are the values of those found that are the visitor's own, `add` are others, as a
    person writes them. Raises Refused for what is no phone and no e-mail.
    """
    row = await desk.store.reading().job(job_id)
    if row is None or row["state"] in {"running", "done"}:
        return False
    stored = await desk.store.chat(row["chat_row"])
    source = desk.sources.get(row["source"])
    found = conversation(stored.chat, source, stored.corrected).points
    typed = []
    for text in (one.strip() for one in add[:MOST_ADDED]):
        if not text:
            continue
        point = point_typed(text[:LONGEST_POINT], source.settings.region if source else None)
        if point is None:
            raise Refused(f"That is neither a phone nor an e-mail: {text[:40]}. Write a phone with its country code.")
        typed.append(point)
    kept, was = set(keep), stored.corrected or Correction()
    earlier = {(point.kind, point.value) for point in was.added}
    own = [point.model_copy(update={"claim": Claim.OWN, "message": None, "span": None}) for point in found
           if point.value in kept and (point.claim is Claim.OTHER or (point.kind, point.value) in earlier)]  # fmt: skip
    removed = tuple(dict.fromkeys((point.kind, point.value) for point in found if point.value not in kept))
    done = await desk.store.correct(job_id, Correction(added=(*own, *typed), removed=removed))
    if done:
        log.info("job.corrected", job=job_id, added=len(typed), removed=len(removed))
        await note(desk, who, "corrected", f"job {job_id}")
        desk.wake()
    return done


async def go(desk: Desk, target: str, who: str) -> bool:
    done = await desk.store.go(target)
    if done:
        log.info("target.released", target=target)
        await note(desk, who, "released", f"target {target}")
        desk.wake()
    return done
