"""The records that an answer lists."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from bridge.crm.decipher import Said, as_records
from bridge.errors import CrmBroken
from bridge.mapping.in_scope import asked
from bridge.mapping.language.expressions import Expression, Findings

#: with these an answer has no body, and so an empty one says that nothing was found
NO_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT)


def records_in(said: Said, expression: Expression | None, findings: Findings | None = None) -> list[dict[str, Any]]:
    """The list of records an answer holds; a single object counts as a list of one, an empty answer as none."""
    if expression is None:
        return as_records(said.data)
    return as_records(said.value(expression, findings))


def require_list(said: Said, expression: Expression | None, operation: str) -> None:
    """A search that found nobody says so: by a list that is empty, or by a status that has no body (204). What says nothing, an
    object without the member in which the list stands or a body with nothing in it, comes from a proxy, or from a program
    that fell over after its 200; taken for "nobody" it would make a second client. A mapping whose CRM means nobody by it
    asks for `status` in its `records`. Raises CrmBroken.
    """
    names = {one.name for one in asked(expression.tree)} if expression is not None else set()
    if names & {"status", "headers"}:
        return
    if not said.answer.body.strip() and said.answer.status not in NO_BODY:
        raise _broken(f"The CRM answered {said.answer.status} with nothing in it, where it was asked for a list", said, operation)
    if isinstance(said.data, Mapping) and names and not names & set(said.data):
        raise _broken(f"The CRM's answer holds no list ({', '.join(sorted(names))} is missing)", said, operation)


def _broken(words: str, said: Said, operation: str) -> CrmBroken:
    begins = f" It begins: {said.excerpt}" if said.excerpt else ""
    return CrmBroken(
        f"{words}; is the target's `url` its own address?{begins}",
        status=said.answer.status, operation=operation, excerpt=said.excerpt,
    )  # fmt: skip
