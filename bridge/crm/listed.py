"""The records that an answer lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.crm.decipher import Said, as_records
from bridge.errors import CrmBroken
from bridge.mapping.expressions import Expression, Findings
from bridge.mapping.in_scope import asked


def records_in(said: Said, expression: Expression | None, findings: Findings | None = None) -> list[dict[str, Any]]:
    """The list of records an answer holds; a single object counts as a list of one, an empty answer as none."""
    if expression is None:
        return as_records(said.data)
    return as_records(said.value(expression, findings))


def require_list(said: Said, expression: Expression | None, operation: str) -> None:
    """An object without the member in which the list stands is no answer to a search: a proxy's, or an error that came with 200.
    Taken for "nobody" it would make a second client. Raises CrmBroken.
    """
    if expression is None or not isinstance(said.data, Mapping):
        return
    names = {one.name for one in asked(expression.tree)}
    if names and not names & {*said.data, "status", "headers"}:
        raise CrmBroken(
            f"The CRM's answer holds no list ({', '.join(sorted(names))} is missing); is the target's `url` its own address? "
            f"It begins: {said.excerpt}",
            status=said.answer.status, operation=operation, excerpt=said.excerpt,
        )  # fmt: skip
