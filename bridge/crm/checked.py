"""A CRM that is asked whether the configuration fits it: the names, users and fields it has. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.crm.call import Call
from bridge.crm.client import Crm, Steps
from bridge.crm.decipher import Said, as_id
from bridge.crm.names import Sighting
from bridge.crm.search import listed
from bridge.mapping.schema.known import Named
from bridge.mapping.schema.speech import Counter
from bridge.transport import Answer


class CheckedCrm(Crm):
    """What `check --live` asks besides what jobs ask."""

    async def see_names(self, wanted: Mapping[Named, str | None], steps: Steps) -> list[Sighting]:
        """Which pipeline, stage and source, by name or id, the CRM has; of those alone for which the mapping has a list.

        Raises CrmError if a list could not be had.
        """
        return await self._names.seen(wanted, steps)

    async def see_owner(self, email: str, steps: Steps) -> str | None:
        """The CRM's user with this e-mail, asked now; None if there is none. Raises CrmError where a job goes on without."""
        return await self._owners.seen(email, steps)

    async def fields_of(self, kind: str, steps: Steps) -> dict[str, str]:
        """Of a kind under the mapping's `fields_known`: what the configuration has to say → what people call it.

        Raises CrmError, EmptyExpression.
        """
        rule = self.mapping.fields_known[kind]
        records = await listed(self._caller, Call("fields", rule, {}, f"list the fields of a {kind}", strict=True), steps)
        found = {as_id(rule.id(record)): (rule.name(record) if rule.name is not None else None) for record in records}
        return {field: str(name or "") for field, name in found.items() if field is not None}


def counted(counter: Counter, answers: Sequence[Answer]) -> tuple[float, float | None] | None:
    """(used, of how much) by the newest answer that tells; (left, None) where only that is told. None: none tells."""
    for answer in reversed(answers):
        said = Said(answer)
        most = _number(said.value(counter.most)) if counter.most is not None else None
        told = counter.used if counter.used is not None else counter.left
        amount = _number(said.value(told)) if told is not None else None
        if amount is not None:
            return (most - amount if counter.left is not None and most is not None else amount), most
    return None


def _number(value: object) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(str(value))
    except ValueError:
        return None
