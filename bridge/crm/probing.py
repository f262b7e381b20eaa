"""A CRM into which a person has a probe written, and out of which the same probe can be taken again.

It is the only place from which anything is ever deleted, and it deletes nothing but what it has itself made a moment ago. No chat
is written by it: a test holds that `check --live` alone makes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.crm.call import Call, Guard
from bridge.crm.checked import CheckedCrm
from bridge.crm.client import Steps
from bridge.crm.clients import shows
from bridge.errors import NotFound, Rejected
from bridge.mapping.schema.request import Request
from bridge.model import Client, Operation, OperationKind


@dataclass(frozen=True, slots=True)
class Made:
    """A record of the probe."""

    kind: OperationKind
    id: str
    #: the client that it is, or hangs on
    client: Client


class ProbedCrm(CheckedCrm):
    """Takes down what it makes, and can take that back."""

    #: what was made and not taken back, in its order
    made: tuple[Made, ...] = ()
    #: clients that a search found: a CRM that takes a new client for one of them gives its id
    _there: frozenset[str] = frozenset()
    #: it was made by somebody else, or is not known to be ours
    believes_refusals = False

    async def find(
        self, scope: Mapping[str, Any], *, phones: Sequence[str], emails: Sequence[str], external_id: str | None, steps: Steps
    ) -> list[Client]:
        found = await super().find(scope, phones=phones, emails=emails, external_id=external_id, steps=steps)
        self._there |= {one.id for one in found}
        return found

    async def perform(
        self, operation: Operation, scope: Mapping[str, Any], steps: Steps, *,
        guard: Guard | None = None, again_headers: Mapping[str, str] | None = None,
    ) -> str:  # fmt: skip
        done = await super().perform(operation, scope, steps, guard=guard, again_headers=again_headers)
        known = scope.get("client")
        made_client = operation.kind is OperationKind.CREATE
        if made_client and done in self._there:
            return done  # not made: it was there before
        if done and (made_client or known):
            client = Client(id=done, entity=self.mapping.create.entity) if made_client else Client.model_validate(known)
            self.made = (*self.made, Made(operation.kind, done, client))
        return done

    def can_take_back(self, made: Made) -> bool:
        """Whether the mapping says how."""
        return self._removal(made) is not None

    async def take_back(self, made: Made, steps: Steps, *, phones: tuple[str, ...], emails: tuple[str, ...]) -> bool:
        """Delete it. Before a client is deleted it is read, and has to show the probe's own phone or e-mail. True: a client that
        was deleted is said not to be there any more (of a note nothing is asked afterwards).

        Raises:
            Rejected: this is not what we made, or the mapping does not say how it is deleted; nothing was sent.
            CrmError
        """
        request = self._removal(made)
        if request is None or made not in self.made:
            raise Rejected("There is nothing of ours that could be deleted so.", operation="remove")
        scope = {"client": made.client.model_dump(mode="json"), "note": {"id": made.id}}
        is_client = made.kind is OperationKind.CREATE
        if is_client and not shows(await self.read(made.client, _bare(scope), steps), phones=phones, emails=emails):
            raise Rejected(
                f"The card {made.id} does not show the probe's phone or e-mail, so it is not deleted.", operation="remove"
            )
        await self._caller.once(Call("remove", request, scope, f"delete the probe's {made.kind}", strict=True), steps)
        self.made = tuple(one for one in self.made if one != made)
        if not is_client:
            return True
        try:
            await self.read(made.client, _bare(scope), steps)
        except NotFound:
            return True
        return False

    def _removal(self, made: Made) -> Request | None:
        if made.kind is OperationKind.CREATE:
            return self.mapping.create.remove
        note = self.mapping.for_entity(made.client.entity).note
        return note.remove if made.kind is OperationKind.NOTE and note is not None else None


def _bare(scope: Mapping[str, Any]) -> dict[str, Any]:
    absent = ("operator", "owner", "deal", "new", "record", "kpi", "page", "utm", "chat")
    return {**dict.fromkeys(absent), "visitor": {}, **scope}
