"""The pace of a target whose limits several replicas share: `slots` out of the store, handed to whoever has waited longest.

Many calls share one question to the store: those that began to wait while the last one was under way, and a few for calls that
are likely to come. A slot is not bound to a call before its time has come, so that a live look-up takes the next one.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

import structlog

from bridge.clock import Clock
from bridge.crm.limits.hurry import hurried
from bridge.crm.limits.slots import HORIZON, Book, Given, Rate, Slot, Want
from bridge.crm.limits.waiting_line import Waiting, WaitingLine
from bridge.errors import BridgeError, Busy
from bridge.pacing.board import Board
from bridge.transport.departure import MayLeave, at_once

log = structlog.get_logger()

#: seconds until a place is looked for again that nobody has given back yet
PLACE_POLL = 0.05
#: seconds until the store is asked again after it gave no answer
STORE_POLL = 1.0
#: wants in one question, and how many of them for calls that are only likely to come
MOST_WANTS, MOST_SPARE = 64, 8
#: seconds beyond a request's time-out after which its place counts as free
MARGIN = 10.0


def too_many(operation: str, patience: float) -> Busy:
    """What a call is told that has had no turn for so many seconds."""
    return Busy(
        "More calls wait for this CRM than its limit lets through; this one comes again later.",
        retry_after=patience, operation=operation,
    )  # fmt: skip


class SharedPace:
    """As `Pace`, for all replicas together.

    Args:
        name: of the agreement in the store.
        patience: seconds a call waits for its turn.
        longest: seconds a request may be under way.
    """

    def __init__(
        self, name: str, rates: Sequence[Rate], *, at_once: int | None, board: Board, clock: Clock, patience: float,
        longest: float,
    ) -> None:  # fmt: skip
        self._name = name
        self._rates = tuple(rates)
        self._at_once = at_once
        self._board = board
        self._clock = clock
        self._patience = patience
        self._hold = longest + MARGIN
        self._book = Book()
        #: by our monotonic clock
        self._quiet_until = 0.0
        self._line = WaitingLine()
        self._order = count()
        self._held: list[Slot] = []
        self._returned: list[str] = []
        self._ask_from: dict[tuple[int, ...], float] = {}
        self._store_from = 0.0
        #: when the last turns were given
        self._lately: deque[float] = deque(maxlen=MOST_SPARE)
        self._stirred = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._places = (f"{board.owner}:{number}" for number in count())
        board.follow(name, lambda _, text: self._heard(text))

    # -- as Pace has it ------------------------------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        """Nothing is sent for so long: the CRM said so. The other replicas hear of it at once."""
        if self._clock.monotonic() + seconds <= self._quiet_until:
            return
        self._quiet_until = self._clock.monotonic() + seconds
        # not from when the store takes it: that may be later
        until = self._board.now() + seconds if self._board.bounds.at is not None else None

        def paused(held: str, now: float) -> str:
            book = Book.read(held)
            book.pause(now + seconds if until is None else until)
            return book.text(now)

        self._board.soon(self._name, paused)

    @property
    def paused_for(self) -> float:
        return max(0.0, self._quiet_until - self._clock.monotonic())

    @property
    def use(self) -> float | None:
        return self._book.used(self._rates, self._board.now())

    @property
    def patience(self) -> float:
        # once for its turn, and once more if that is over before the call leaves
        return 2 * self._patience if self._rates or self._at_once is not None else 0.0

    @asynccontextmanager
    async def turn(self, operation: str) -> AsyncIterator[MayLeave]:
        """Hold a place while the call is under way. Raises Busy, see Pace.turn; so does what it gives, which waits for another
        turn, ahead of whoever came later, if this one is over before the call leaves: it would come too close to the next.
        """
        self._refuse_while_paused()
        if not self._rates and self._at_once is None:
            yield at_once
            return
        place = next(self._order)
        slot = await self._slot(operation, place)

        async def may_leave() -> None:
            nonlocal slot
            if not self._is_good(slot):
                self._over(slot)
                slot = await self._slot(operation, place)
            self._refuse_while_paused()

        try:
            # the pause may have begun while this call waited for its turn
            self._refuse_while_paused()
            yield may_leave
        finally:
            self._over(slot)

    def _refuse_while_paused(self) -> None:
        left = self.paused_for
        if left:
            raise Busy(f"The CRM asked for a pause; {left:.0f} s of it are left.", retry_after=left)

    # -- one call ------------------------------------------------------------------------------------------------------

    async def _slot(self, operation: str, order: int) -> Slot:
        kinds = tuple(number for number, rate in enumerate(self._rates) if rate.counts(operation))
        place = (not hurried(), order)
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    slot = await self._given(Waiting(*place, kinds, asyncio.get_running_loop().create_future()))
                    if self._is_good(slot):
                        self._lately.append(self._clock.monotonic())
                        return slot
                    self._over(slot)  # we were too busy to see its time pass; now it would come too close to the next
        except TimeoutError as error:
            raise too_many(operation, self._patience) from error

    def _is_good(self, slot: Slot) -> bool:
        return self._clock.monotonic() <= self._board.bounds.surely_until(slot.until)

    async def _given(self, one: Waiting) -> Slot:
        self._line.join(one)
        if not one.later:
            self._ask_from.pop(one.kinds, None)  # that was for those who are not in a hurry
        self._hand_out()
        self._stir()
        try:
            return await one.given
        except asyncio.CancelledError:
            if one.given.done() and not one.given.cancelled() and one.given.exception() is None:
                self._held.append(one.given.result())  # it came just as nobody wanted it any more
            raise
        finally:
            self._line.leave(one)
            self._stir()

    def _over(self, slot: Slot) -> None:
        if slot.place:
            self._returned.append(slot.place)
            self._stir()

    # -- all of them ---------------------------------------------------------------------------------------------------

    def _stir(self) -> None:
        self._stirred.set()
        if (self._line or self._returned) and (self._serving is None or self._serving.done()):
            self._serving = asyncio.create_task(self._serve(), name=f"pace-{self._name}")

    async def _serve(self) -> None:
        """For as long as anybody waits, or a place is to be given back."""
        while self._line or self._returned:
            self._stirred.clear()
            self._hand_out()
            now = self._clock.monotonic()
            wait = STORE_POLL
            if self._asking is None or self._asking.done():
                wants, wait = self._wants(now)
                if now < self._store_from:
                    wait = self._store_from - now
                elif wants or self._returned:
                    self._asking = asyncio.create_task(self._ask(wants), name=f"ask-{self._name}")
            starts = (self._board.bounds.surely_since(slot.at) - now for slot in self._held)
            await self._pause(min([wait, *(start for start in starts if start > 0.0)]))

    async def _pause(self, seconds: float) -> None:
        stirred, sleeping = asyncio.create_task(self._stirred.wait()), asyncio.create_task(self._clock.sleep(max(0.0, seconds)))
        try:
            await asyncio.wait((stirred, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stirred.cancel()
            sleeping.cancel()

    def _hand_out(self) -> None:
        now = self._clock.monotonic()
        keep: list[Slot] = []
        for slot in sorted(self._held, key=lambda one: one.at):
            if not self._is_good(slot):
                self._over(slot)
            elif now < self._board.bounds.surely_since(slot.at) or not self._line.give(slot):
                keep.append(slot)
        self._held = keep

    def _wants(self, now: float) -> tuple[list[Want], float]:
        """For those for whom no slot is held and whose time to ask has come, and a few for calls that are likely to come; and the
        seconds until the next of them may ask.
        """
        held = Counter(slot.kinds for slot in self._held)
        wants: list[Want] = []
        wait = STORE_POLL
        for one in self._line:
            left = self._ask_from.get(one.kinds, 0.0) - now
            if held[one.kinds] > 0:
                held[one.kinds] -= 1
            elif left > 0.0:
                wait = min(wait, left)
            elif len(wants) < MOST_WANTS:
                wants.append(Want(one.kinds, urgent=not one.later))
        if wants and self._at_once is None:
            window = min((self._rates[number].slack for number in wants[0].kinds), default=HORIZON)
            wants += [Want(wants[0].kinds, spare=True)] * sum(now - at < window for at in self._lately)
        return wants, wait

    async def _ask(self, wants: Sequence[Want]) -> None:
        returned, self._returned = self._returned, []

        def change(held: str, now: float) -> tuple[str, tuple[Book, Given]]:
            book = Book.read(held)
            book.give_back(returned)
            given = book.take(
                wants, self._rates, now, at_once=self._at_once, hold=self._hold, names=self._place_names()
            )
            return book.text(now), (book, given)

        try:
            self._book, given = await self._board.agree(self._name, change)
        except (BridgeError, OSError) as error:
            self._returned += returned
            self._store_from = self._clock.monotonic() + STORE_POLL
            self._line.refuse(Busy(f"The store does not say whose turn it is: {error}", retry_after=STORE_POLL))
        except Exception:  # whoever waits must not wait for a fault of ours
            log.exception("slots.untaken")
            self._store_from = self._clock.monotonic() + STORE_POLL
            self._line.refuse(Busy("Whose turn it is cannot be found out.", retry_after=STORE_POLL))
        else:
            self._held += given.slots
            self._note_quiet()
            now = self._clock.monotonic()
            for kinds, again in given.again.items():
                # not all replicas at the same moment
                later = (0.5 + random.random()) * PLACE_POLL / 2  # noqa: S311 - jitter, not a secret
                self._ask_from[kinds] = max(self._board.bounds.surely_since(again), now) + later
            if self.paused_for:
                self._line.refuse(Busy("The CRM asked for a pause.", retry_after=self.paused_for))
        finally:
            self._stirred.set()

    def _place_names(self) -> Iterator[str]:
        return self._places

    def _heard(self, text: str) -> None:
        self._book = Book.read(text)
        self._note_quiet()

    def _note_quiet(self) -> None:
        quiet = self._book.quiet
        if quiet > self._board.now():
            self._quiet_until = max(self._quiet_until, self._board.bounds.surely_since(quiet))
