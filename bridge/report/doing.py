"""What a person can have done, by a button or a script. Each is in the log with its job; the store sees to the rest."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bridge.report.asked import Group
from bridge.report.deps import Deps

log = structlog.get_logger()

#: the reason with which a person skips
BY_HAND = "by_hand"
#: characters of a record's number that a person types
LONGEST_ID = 200
#: jobs sent round in one transaction, so that intake is not held up
SLICE = 200


async def replay(deps: Deps, job_id: int, *, again: bool) -> bool:
    done = bool(await deps.store.replay([job_id], again=again))
    if done:
        log.info("job.replayed", job=job_id, again=again)
        deps.wake()
    return done


async def jobs_of(deps: Deps, group: Group) -> list[int]:
    return await deps.store.reading().job_ids(
        states=[group.state], target=group.target, reason=group.reason, error_code=group.code
    )


async def replay_group(deps: Deps, group: Group) -> int:
    """How many were sent round again."""
    sent = 0
    ids: Sequence[int] = await jobs_of(deps, group)
    for begin in range(0, len(ids), SLICE):
        sent += len(await deps.store.replay(ids[begin : begin + SLICE]))
        deps.wake()
    log.info("jobs.replayed", state=group.state.value, target=group.target, reason=group.reason, code=group.code, jobs=sent)
    return sent


async def sort_again(deps: Deps, source: str) -> int:
    """How many deliveries of the source that were not understood will be read once more."""
    count = await deps.store.sort_again(source=source)
    log.info("deliveries.replayed", source=source, deliveries=count)
    return count


async def skip(deps: Deps, job_id: int) -> bool:
    done = bool(await deps.store.skip([job_id], BY_HAND))
    if done:
        log.info("job.skipped", job=job_id)
        deps.wake()  # the next of its lane may go
    return done


async def written(deps: Deps, job_id: int, record_id: str) -> bool:
    done = await deps.store.written(job_id, record_id.strip()[:LONGEST_ID])
    if done:
        log.info("job.written", job=job_id)
        deps.wake()
    return done


async def choose(deps: Deps, job_id: int, client_id: str) -> bool:
    client_id = client_id.strip()
    if not client_id or len(client_id) > LONGEST_ID or not client_id.isprintable():
        return False
    done = await deps.store.choose(job_id, client_id)
    if done:
        log.info("job.chosen", job=job_id, client_id=client_id)
        deps.wake()
    return done


async def go(deps: Deps, target: str) -> bool:
    done = await deps.store.go(target)
    if done:
        log.info("target.released", target=target)
        deps.wake()
    return done
