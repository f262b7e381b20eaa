"""A target's CRM, as the pipeline speaks to it: find, read, perform, look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bridge.clock import Clock
from bridge.config.connections import TargetSettings
from bridge.crm.call import Call, Guard, Tokens
from bridge.crm.caller import Caller
from bridge.crm.clients import read_client
from bridge.crm.deals import open_deals
from bridge.crm.limits import pace_of
from bridge.crm.listed import records_in
from bridge.crm.look import Look
from bridge.crm.names import Names
from bridge.crm.owners import Owners
from bridge.crm.search import Search
from bridge.crm.writes import Writes, part_of
from bridge.errors import EmptyExpression, NotFound
from bridge.mapping.schema.crm import CrmMapping, Entity
from bridge.mapping.schema.writing import FileUpload
from bridge.model import Client, Operation, OperationKind, Step
from bridge.pacing.board import Board
from bridge.transport import Sends

Steps = list[Step]


class Crm:
    """One a target, for the life of the process; made without a running event loop.

    Args:
        writes: False in a trial: `perform`, and every look that could write, is refused.
        board: where there are replicas: they keep to the CRM's limits together.
    """

    #: what a CRM that refuses a record says of one that is there already is taken for what became of our own
    believes_refusals = True

    def __init__(
        self,
        target: str,
        mapping: CrmMapping,
        settings: TargetSettings,
        *,
        transport: Sends,
        tokens: Tokens | None = None,
        clock: Clock,
        observe: Callable[[Step], None] | None = None,
        writes: bool = True,
        board: Board | None = None,
    ) -> None:
        self.target = target
        self.mapping = mapping
        self._transport = transport
        self._tokens = tokens
        defaults = {name: option.default for name, option in mapping.options.items()}
        self._scope = {**defaults, **settings.scope()}
        #: how much of the CRM's limits is used, for whoever shows it
        self.pace = pace_of(target, settings.limits, mapping.limits, clock, board=board, timeout=settings.timeout)
        self._caller = Caller(
            mapping, {"target": self._scope}, transport=transport, pace=self.pace,
            clock=clock, tokens=tokens, statements=settings.sql, observe=observe,
        )  # fmt: skip
        self._search = Search(mapping, self._caller, clock, self._scope, self.read)
        self._owners = Owners(mapping.owner, self._caller, clock)
        self._names = Names(mapping.names, self._caller, clock)
        self._writing = Writes(
            mapping, self._caller, self._names, clock, self.read, allowed=writes, believing=self.believes_refusals
        )
        #: seconds that a request may wait for the CRM's limit after the journal has said that it leaves
        self.may_wait = self.pace.patience
        #: seconds that a request we gave up on may still take effect
        self.commits_within = _first(settings.commits_within, mapping.commits_within, max(60.0, 2 * settings.timeout))
        #: seconds by which the CRM's search lags behind its writes
        self.consistency_delay = _first(settings.consistency_delay, mapping.consistency_delay, 0.0)

    # -- reading -------------------------------------------------------------------------------------------------------

    async def find(
        self,
        scope: Mapping[str, Any],
        *,
        phones: Sequence[str],
        emails: Sequence[str],
        external_id: str | None,
        steps: Steps,
    ) -> list[Client]:
        """Every hit of every search, each once, in the order of the mapping's steps. Nothing is checked here.

        `scope.visitor.id` is what a step `with: visitor_id` asks with. A search whose expressions come out empty is not
        sent; the trace says so.
        """
        return await self._search.find(scope, phones=phones, emails=emails, external_id=external_id, steps=steps)

    async def read(self, client: Client | str, scope: Mapping[str, Any], steps: Steps) -> Client:
        """The client as the CRM has it now.

        Raises:
            NotFound: it is gone, or was merged into another one.
        """
        known = client if isinstance(client, Client) else Client(id=client)
        parts = self._entity(known.entity)
        request = parts.read or self.mapping.read
        if not request.method:
            raise NotFound("This target is only told of chats; it has no clients to read.", operation="read")
        full = {**scope, "client": known.model_dump(mode="json")}
        said = await self._caller.safely(Call("read", request, full, "read client", strict=True), steps)
        records = records_in(said, request.record)
        fields = parts.client or self.mapping.client
        found = read_client(records[0], fields, known.entity, target=self._scope) if records else None
        if found is None:
            raise NotFound("The client is not there (any more): the CRM gave an empty answer.", operation="read")
        return found

    async def open_deals(self, client: Client, scope: Mapping[str, Any], steps: Steps) -> list[dict[str, Any]]:
        """The client's open deals: id, title, stage, changed_at and the raw record. Empty if the CRM has none to list."""
        request = self._entity(client.entity).open_deals
        if request is None:
            return []
        return await open_deals(request, self._caller, {**scope, "client": client.model_dump(mode="json")}, steps)

    async def find_owner(self, email: str, steps: Steps | None = None) -> str | None:
        """The CRM's user with this e-mail; None if there is none, or the mapping knows no users. Remembered for a while."""
        return await self._owners.find(email, [] if steps is None else steps)

    async def who(self, steps: Steps) -> str | None:
        """As whom the CRM lets us in, for people; None if the mapping cannot tell. Raises CrmError."""
        if self.mapping.who is None:
            return None
        said = await self._caller.safely(Call("who", self.mapping.who, {}, "ask who we are", strict=True), steps)
        name = said.value(self.mapping.who.name)
        return None if name in (None, "") else str(name)

    # -- writing -------------------------------------------------------------------------------------------------------

    async def perform(
        self,
        operation: Operation,
        scope: Mapping[str, Any],
        steps: Steps,
        *,
        guard: Guard | None = None,
        again_headers: Mapping[str, str] | None = None,
    ) -> str:
        """Carry it out: one request, never repeated by itself. The record's id ('' where the CRM gives none).

        `scope` holds what has become known since the plan was made (`client`, `deal`); the rest stands in the operation.
        A CRM that refuses it because a record with this operation's own marker is there has done it before: its id is
        given as if it had been done now. `guard` runs right before the bytes leave, and what it raises stops them.
        `again_headers` are those of a Conflict whose records turned out to be somebody else. Before an enrichment the
        record is read, so that nothing is sent that has come onto the card meanwhile, and no list loses a value. A file has its
        bytes in `scope`, as `uploads.told_of` gives them; a CRM that keeps it before it hangs on anything is sent it before.

        Raises:
            EmptyExpression: a path lacks its id; nothing was sent.
            CrmError: `maybe_done` of a TryLater says whether a look is needed first.
        """
        return await self._writing.perform(operation, scope, steps, guard=guard, again_headers=again_headers)

    async def look(
        self,
        operation: Operation,
        scope: Mapping[str, Any],
        steps: Steps,
        *,
        sent_at: datetime,
        guard: Guard | None = None,
    ) -> Look:
        """Was it carried out, by a request sent at `sent_at` whose answer was lost?

        Where the CRM itself refuses a second one (marker kinds `conflict` and `header`), looking is sending it again:
        found then means that it is there now.
        """
        return await self._writing.look(operation, scope, steps, sent_at=sent_at, guard=guard)

    # -- what the mapping says -----------------------------------------------------------------------------------------

    def card_url(self, client: Client) -> str | None:
        """The address of the client's page for people; None if it cannot be said."""
        template = self._entity(client.entity).card_url
        if template is None:
            return None
        public = {key: value for key, value in self._scope.items() if key != "token"}
        try:
            return str(template.fill_strict({"client": client.model_dump(mode="json"), "target": public}))
        except EmptyExpression:
            return None

    def largest_file(self, entity: str = "client") -> int | None:
        """Bytes of the largest file that the CRM takes; None: its mapping names no limit."""
        part = part_of(self.mapping, OperationKind.FILE, entity)
        return part.most if isinstance(part, FileUpload) else None

    async def settle(self, seconds: float) -> None:
        """Let what must not be broken off come to its end, at most so long: an answer with the next token is given once."""
        if self._tokens is not None:
            await self._tokens.settle(seconds)

    async def close(self) -> None:
        await self._transport.close()

    def _entity(self, name: str) -> Entity:
        return self.mapping.for_entity(name)


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
