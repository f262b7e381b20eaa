"""Writes that share a commit, within one replica.

Calls that come in during one turn of the event loop, or while commits are under way, share the next transaction: one round trip
for its beginning and its locks, one for its end, and one flush of the server's log. One thread carries them out, since large
groups cost least; while it is held up, or many calls wait, others take what has come meanwhile, each on a connection of its own,
so that a wait for another replica's lock is no wait for everybody.

What a call has to be for this: a function of the connection alone, that may be run again. Where somebody was in the way (a
deadlock, a lock that was not had in time), or a call of the group failed, the group is undone and run once more.

If the connection is lost before COMMIT was sent, nothing has happened, and the group is run on a new one. If it is lost while
COMMIT is on its way, nobody knows; then every caller of the group is told NoRoom, and it depends on the call what that means:

* a delivery is not acknowledged. The chat service sends it once more, and it is kept, or known by its key;
* what was sorted is sorted again; a delivery that is over is not written a second time;
* an outcome, a plan, an operation's state: the attempt ends unrecorded, its lease runs out, and whoever takes the job up reads
  what is there. The commit that says `sent` may stand there without a request behind it: it is looked for, like any other;
* claims, locks, leases: what was taken lapses;
* what people do is repeated by them; each of these does nothing the second time, but for a replay under a new generation.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bridge.errors import NoRoom
from bridge.store.postgres.connecting import IN_THE_WAY, OWN_FAULT, Connection, connect, is_lost, psycopg, refusal
from bridge.store.postgres.database import Database
from bridge.store.postgres.roots import NOTHING, Roots, take

Result = TypeVar("Result")

#: calls that share one commit at the most
BATCH = 64
#: seconds for which the first thread is at one group before others help
HELD_UP = 0.03
#: so many calls are worth a transaction beside the one that is under way: while the server is at one of them, we are at the other
ENOUGH = 8
#: how often a group is run
TRIES = 6
#: a lock was not had in time
NOT_HAD = "55P03"
#: milliseconds: for a lock, for a statement; and after which the server ends a transaction of which it hears nothing any more,
#: so that what a replica held that was cut off is free again
_LIMITS = (
    "BEGIN; SELECT set_config('lock_timeout', '2000', true), set_config('statement_timeout', '30000', true), "
    "set_config('idle_in_transaction_session_timeout', '10000', true)"
)


#: carries out several calls of a kind at once, and gives what each gives or raises
Together = Callable[[Database, Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Call:
    roots: Roots
    future: asyncio.Future[Any]
    does: Callable[[Database], Any] | None = None
    together: Together | None = None
    about: Any = None
    #: after all others of its group
    last: bool = False
    #: how often its locks were not had
    tries: int = 0

    def alone(self, db: Database) -> Any:
        if self.does is not None:
            return self.does(db)
        assert self.together is not None  # noqa: S101 - one of the two
        [given] = self.together(db, [self.about])
        if isinstance(given, Exception):
            raise given
        return given


class _NotHad(NoRoom):
    """A lock was not had in time."""


Ended = tuple[Call, Any, BaseException | None]


class Writer:
    """Transactions one after another in each of so many threads."""

    def __init__(self, settings: dict[str, Any], schema: str, *, threads: int, name: str) -> None:
        self._settings = settings
        self._schema = schema
        self._gathering: list[Call] = []
        self._queue: list[Call] = []
        self._condition = threading.Condition()
        self._closing = False
        self._loop = asyncio.get_running_loop()
        #: since when the first thread is at a group, by the monotonic clock
        self._at_work: float | None = None
        self._threads = [
            threading.Thread(target=self._run, args=(number == 0,), name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def write(self, does: Callable[[Database], Result], roots: Roots = NOTHING) -> Result:
        """Run `does` inside a transaction that has these roots locked, and return what it gave once that is on disk. An exception
        of it undoes only its own changes. Raises NoRoom if the database does not take it, or nobody knows whether it has.
        """
        result: Result = await self._written(Call(roots, self._loop.create_future(), does=does))
        return result

    async def write_together(self, together: Together, about: Any, roots: Roots = NOTHING, *, last: bool = False) -> Any:
        """The same for a call of a kind of which there are many at once: `together` carries out all that share the commit, after
        all others of it if it is to be the `last`.
        """
        return await self._written(Call(roots, self._loop.create_future(), together=together, about=about, last=last))

    async def _written(self, call: Call) -> Any:
        if self._closing:
            raise NoRoom("The store is closed.")
        if not self._gathering:
            # runs after every call that is ready in this turn has joined in
            self._loop.call_soon(self._flush)
        self._gathering.append(call)
        return await call.future

    def _flush(self) -> None:
        calls, self._gathering = self._gathering, []
        with self._condition:
            self._queue.extend(calls)
            self._condition.notify_all()

    def _run(self, first: bool) -> None:
        working = _Working(self._settings, self._schema)
        while True:
            with self._condition:
                while not (self._queue and (first or self._held_up())):
                    if self._closing and (not first or not self._queue):
                        working.close()
                        return
                    self._condition.wait(HELD_UP if self._queue else None)
                calls, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                if first:
                    self._at_work = time.monotonic()
            ended = working.carry_out(calls)
            if first:
                self._at_work = None
            again = [replace(call, tries=call.tries + 1) for call, _, error in ended
                     if isinstance(error, _NotHad) and call.tries < TRIES]  # fmt: skip
            if again:
                ended = [one for one in ended if not isinstance(one[2], _NotHad) or one[0].tries >= TRIES]
                with self._condition:
                    self._queue.extend(again)  # behind what has come meanwhile
                    self._condition.notify_all()
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(_deliver, ended)

    def _held_up(self) -> bool:
        since = self._at_work
        return since is not None and (len(self._queue) >= ENOUGH or time.monotonic() - since >= HELD_UP)

    async def close(self) -> None:
        """Commit what is waiting, then stop."""
        await asyncio.sleep(0)
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        await asyncio.sleep(0)


class _Working:
    """One thread's connection, made when it is needed and made anew when it is lost."""

    def __init__(self, settings: dict[str, Any], schema: str) -> None:
        self._settings = settings
        self._schema = schema
        self._connection: Connection | None = None

    def carry_out(self, calls: list[Call]) -> list[Ended]:  # noqa: C901, PLR0912 - each way in which it may end has its own consequence
        apart, last = False, NoRoom("The database does not take it now.")
        for number in range(TRIES):
            if number:
                time.sleep(random.uniform(0, 0.01 * 2**number))  # noqa: S311 - so that those who met do not meet again
            committing = False
            try:
                if self._connection is None:
                    self._connection = connect(self._settings)
                db = Database(self._connection, self._schema)
                ended, whole = self._transaction(db, calls, apart=apart)
                if not whole:
                    apart = True
                    continue
                db.later("COMMIT")
                committing = True
                db.flush()
            except NoRoom as error:
                return [(call, None, error) for call in calls]
            except psycopg.Error as error:
                lost = self._undo()
                last = refusal(error)
                if committing and (lost or error.sqlstate is None):
                    last = NoRoom("The connection to the database was lost during a commit; nobody knows what became of it.")
                    break
                if error.sqlstate is not None and error.sqlstate[:2] in OWN_FAULT and not apart:
                    apart = True
                elif error.sqlstate == NOT_HAD and len(calls) > 1:
                    # somebody holds what one of them wants: which one, and the others all the same
                    return [ended for call in calls for ended in self.carry_out([call])]
                elif error.sqlstate == NOT_HAD:
                    return [(calls[0], None, _NotHad(last.message))]
                elif not (lost or error.sqlstate in IN_THE_WAY):
                    self._drop()  # perhaps this server does not take writes any more, and another one does
                    break
            except BaseException as error:  # noqa: BLE001 - handed to the callers
                self._drop()
                return [(call, None, error) for call in calls]
            else:
                return ended
        return [(call, None, last) for call in calls]

    def _transaction(self, db: Database, calls: list[Call], *, apart: bool) -> tuple[list[Ended], bool]:
        """All but the commit. `apart`: what one call does wrong undoes nothing of the others'; else nothing is given, and the
        group has to be run again so.
        """
        db.later(_LIMITS)
        take(db, (call.roots for call in calls))
        ended: list[Ended] = []
        several: list[Call] = []
        if not apart:
            several = [call for call in calls if call.together is not None]
            calls = [call for call in calls if call.does is not None]
        for call in sorted(calls, key=lambda call: call.last):
            if apart:
                db.later("SAVEPOINT one")
                db.flush()
            try:
                result = call.alone(db)
                if apart:
                    db.flush()
                ended.append((call, result, None))
            except psycopg.Error as error:
                if not apart or error.sqlstate is None or error.sqlstate[:2] not in OWN_FAULT:
                    raise
                ended.append((call, None, error))
                db.discard()
                db.later("ROLLBACK TO one")
            except Exception as error:  # noqa: BLE001 - the caller's own failure; handed to the caller
                db.discard()
                if not apart:
                    if db.connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
                        db.later("ROLLBACK")
                        db.flush()
                    if ended or several or len(calls) > 1:
                        return [], False
                    db.later("BEGIN")
                    return [(call, None, error)], True
                ended.append((call, None, error))
                db.later("ROLLBACK TO one")
            if apart:
                db.later("RELEASE one")
        return ended + _together(db, sorted(several, key=lambda call: call.last)), True

    def _undo(self) -> bool:
        """True if the connection is lost."""
        connection = self._connection
        if connection is None or is_lost(connection):
            self._drop()
            return True
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            self._drop()
            return True
        return False

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def close(self) -> None:
        self._drop()


def _together(db: Database, calls: Iterable[Call]) -> list[Ended]:
    kinds: dict[Together, list[Call]] = {}
    for call in calls:
        if call.together is not None:
            kinds.setdefault(call.together, []).append(call)
    ended: list[Ended] = []
    for together, alike in kinds.items():
        given = together(db, [call.about for call in alike])
        ended += [
            (call, None, one) if isinstance(one, Exception) else (call, one, None) for call, one in zip(alike, given, strict=True)
        ]
    return ended


def _deliver(ended: Iterable[Ended]) -> None:
    for call, result, error in ended:
        if call.future.done():  # the caller was cancelled; the change stands all the same
            continue
        if error is None:
            call.future.set_result(result)
        else:
            call.future.set_exception(error)
