"""How a CRM's record reads as a client. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.crm.decipher import as_id
from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.scopes import Scope
from bridge.mapping.schema.crm import ClientFields
from bridge.model import Client
from bridge.phone_digits import same_email, same_phone


def shows(client: Client, *, phones: Iterable[str] = (), emails: Iterable[str] = ()) -> bool:
    """Whether one of these (phones in E.164) stands among the client's own, as far as the record shows them."""
    return any(same_phone(one, own) for one in phones for own in client.phones) or any(
        same_email(one, own) for one in emails for own in client.emails
    )


def read_client(
    record: Mapping[str, Any],
    fields: ClientFields,
    entity: str,
    findings: Findings | None = None,
    *,
    target: Mapping[str, Any] | None = None,
) -> Client | None:
    """The client in a record; None if it has no id (then nothing can be attached to it).

    `target` is in scope besides, for fields whose names only the configuration knows.
    """
    record = dict(record)
    shown = {key: value for key, value in (target or {}).items() if key != "token"}
    scope: Mapping[str, Any] = Scope(record, {"target": shown}) if target is not None else record
    found = as_id(fields.id(scope, findings))
    if found is None:
        return None
    own_entity = _text(fields.entity, scope, findings)
    return Client(
        id=found,
        entity=own_entity or entity,
        name=_text(fields.name, scope, findings),
        phones=_texts(fields.phones, scope, findings),
        emails=_texts(fields.emails, scope, findings),
        external_id=_text(fields.external_id, scope, findings),
        owner=_text(fields.owner, scope, findings),
        changed_at=_text(fields.changed_at, scope, findings),
        remark=_text(fields.remark, scope, findings),
        record=record,
    )


def _text(expression: Expression | None, record: Mapping[str, Any], findings: Findings | None) -> str | None:
    if expression is None:
        return None
    value = expression(record, findings)
    if value is None or isinstance(value, bool):  # some CRMs write false for "nothing"
        return None
    return as_id(value)


def _texts(expression: Expression | None, record: Mapping[str, Any], findings: Findings | None) -> tuple[str, ...]:
    value = expression(record, findings) if expression is not None else None
    listed = value if isinstance(value, list | tuple) else [value]
    texts = [as_id(one) for one in listed if not isinstance(one, bool)]
    return tuple(dict.fromkeys(text for text in texts if text))
