"""Whether what a visitor gave may go onto the card of a client who was there already.

Anybody can type anybody's number into a chat. So under `enrich: confirmed` one contact point that led to the card is not
enough: something else has to agree with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bridge.model import Client, ContactPoint, PointKind, Visitor
from bridge.phone_digits import same_email, same_phone
from bridge.write.names import names_agree


class Why(StrEnum):
    """The reason, as the note's words name it."""

    ALWAYS = "always"
    NEVER = "never"
    EXTERNAL_ID = "external_id"
    PROFILE = "profile"
    SECOND_POINT = "second_point"
    NAME = "name"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Permission:
    given: bool
    why: Why


def permission(policy: str, client: Client, visitor: Visitor, points: Iterable[ContactPoint]) -> Permission:
    """May new phones and e-mails go onto this client's card? `policy` is the route's: always, never or confirmed."""
    if policy in ("always", "never"):
        return Permission(policy == "always", Why(policy))
    agreeing = [point for point in points if stands_on(client, point)]
    confirmations = (
        (Why.EXTERNAL_ID, bool(visitor.external_id) and client.external_id == visitor.external_id),
        (Why.PROFILE, any(point.field for point in agreeing)),
        (Why.SECOND_POINT, len({point.value for point in agreeing}) > 1),
        (Why.NAME, names_agree(client.name, visitor.name)),
    )
    why = next((reason for reason, holds in confirmations if holds), None)
    return Permission(why is not None, why or Why.UNCONFIRMED)


def stands_on(client: Client, point: ContactPoint) -> bool:
    """Whether the card has this contact point already, however it is written there."""
    on_card: Sequence[str] = {PointKind.PHONE: client.phones, PointKind.EMAIL: client.emails}.get(point.kind, ())
    same = same_phone if point.kind is PointKind.PHONE else same_email
    return any(same(point.value, written) for written in on_card)
