"""The moment at which a request leaves that must not be repeated: written down before, and anew if much lies between.

From that moment on it counts how long the request may still take effect. A CRM's limit is waited for after the journal has
said `sent`, and files are sent, names looked up, tokens renewed: a request that leaves a minute later could take effect when
everybody takes it for settled. What a limit makes it wait is allowed for by whoever settles it, since a commit between a turn
and its request would bring that request too close to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bridge.clock import Clock
from bridge.connections.targets import Target
from bridge.errors import Busy
from bridge.pipeline.attempt import Attempting
from bridge.store import Brake, OperationRow, Store

#: seconds between the two, besides those for which a limit is waited for, that make no difference
ON_ITS_WAY = 1.0
#: how often it is written down anew before a store that takes long over it is given up on
TIMES = 3
#: seconds after which the job comes again then
COME_AGAIN = 30.0


@dataclass(slots=True)
class Leaving:
    store: Store
    clock: Clock
    attempt: Attempting
    target: Target
    #: the operation as it was written down last
    row: OperationRow
    #: whose card it is for, and the contact points of a client that is being made, as `Store.record_sent` takes them
    client: str = ""
    pending: Sequence[tuple[str, str]] = ()
    #: when it was written down, by the monotonic clock
    _written_at: float = field(default=float("-inf"), init=False)

    async def write(self, brake: Brake | None = None) -> None:
        """It leaves now. Raises what `Store.record_sent` does."""
        began = self.clock.monotonic()
        self.row = await self.store.record_sent(
            self.row, epoch=self.attempt.job.epoch, client=self.client, pending=self.pending, brake=brake
        )
        self._written_at = began

    async def now(self) -> None:
        """Called right before the bytes leave, and what it raises stops them: StaleLease where what is left of the lease does not
        cover the request, Busy where the store cannot say in time that it leaves.
        """
        for _ in range(TIMES):
            if self.clock.monotonic() - self._written_at <= self.target.crm.may_wait + ON_ITS_WAY:
                self.attempt.require_lease(self.target.settings.timeout)
                return
            await self.write()
        raise Busy("The store takes too long to write down that a request leaves; nothing was sent.", retry_after=COME_AGAIN)
