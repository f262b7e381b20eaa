"""The CRM's user behind an operator, by e-mail, remembered for a while: every chat of an operator would ask the same."""

from __future__ import annotations

from bridge.clock import Clock
from bridge.crm.call import Call
from bridge.crm.caller import Caller
from bridge.crm.decipher import as_id
from bridge.crm.search import listed
from bridge.errors import CrmError, EmptyExpression
from bridge.mapping.schema.crm import Owner
from bridge.model import Step


class Owners:
    def __init__(self, request: Owner | None, caller: Caller, clock: Clock) -> None:
        self._request = request
        self._caller = caller
        self._clock = clock
        self._known: dict[str, tuple[float, str | None]] = {}

    async def find(self, email: str, steps: list[Step]) -> str | None:
        """The user's id; None if there is none, or asking failed and the mapping says to go on without."""
        if self._request is None or not email:
            return None
        wanted = email.strip().lower()
        until, known = self._known.get(wanted, (0.0, None))
        if self._clock.monotonic() < until:
            return known
        try:
            found = await self._asked(self._request, wanted, steps)
        except (CrmError, EmptyExpression):
            # The owner is a nicety: a key that may not list users must not keep a chat from its card.
            if self._request.on_error == "fail":
                raise
            found = None
        self._known[wanted] = (self._clock.monotonic() + self._request.cache, found)
        return found

    async def seen(self, email: str, steps: list[Step]) -> str | None:
        """The same, asked now, and with whatever stands in the way of asking raised: CrmError, EmptyExpression."""
        return await self._asked(self._request, email.strip().lower(), steps) if self._request is not None else None

    async def _asked(self, request: Owner, wanted: str, steps: list[Step]) -> str | None:
        scope = {"email": wanted, "operator": {"email": wanted}}
        call = Call("owner", request, scope, "find owner", strict=True)
        for record in await listed(self._caller, call, steps):
            said_email = request.email(record) if request.email is not None else wanted
            if isinstance(said_email, str) and said_email.strip().lower() == wanted:
                return as_id(request.id(record))
        return None
