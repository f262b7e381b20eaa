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
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from bridge.errors import NoRoom
from bridge.store.postgres.database import Database
from bridge.store.postgres.transactions import TRIES, Call, Ended, NotHad, Together, Working
from bridge.store.roots import NOTHING, Roots

Result = TypeVar("Result")

#: calls that share one commit at the most
BATCH = 64
#: seconds for which the first thread is at one group before others help
HELD_UP = 0.03
#: so many calls are worth a transaction beside the one that is under way: while the server is at one of them, we are at the other
ENOUGH = 8


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
        working = Working(self._settings, self._schema)
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
            while calls:
                calls = self._carried_out(working, calls)
            if first:
                self._at_work = None

    def _carried_out(self, working: Working, calls: list[Call]) -> list[Call]:
        """Those left for this thread: their locks were not had, and at the end nobody else will be there for them."""
        ended = working.carry_out(calls)
        again = [replace(call, tries=call.tries + 1) for call, _, error in ended
                 if isinstance(error, NotHad) and call.tries < TRIES]  # fmt: skip
        if again:
            ended = [one for one in ended if not isinstance(one[2], NotHad) or one[0].tries >= TRIES]
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_deliver, ended)
        with self._condition:
            if self._closing:
                return again
            self._queue.extend(again)  # behind what has come meanwhile
            self._condition.notify_all()
        return []

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


def _deliver(ended: Iterable[Ended]) -> None:
    for call, result, error in ended:
        if call.future.done():  # the caller was cancelled; the change stands all the same
            continue
        if error is None:
            call.future.set_result(result)
        else:
            call.future.set_exception(error)
