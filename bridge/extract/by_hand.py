"""What a person has put right about the contacts of a chat, over what the rules have found."""

from __future__ import annotations

from dataclasses import replace

from bridge.extract.result import Extraction
from bridge.model import Chat, Claim, ContactPoint, Correction, PointKind, Visitor

#: stands as the rule and as the place of what a person has typed
BY_HAND = "by-hand"


def point_typed(text: str, region: str | None) -> ContactPoint | None:
    """A phone or an e-mail as a person typed it, read as a form's field is; None if it is neither."""
    from bridge.extract import contact_points  # it is the package that this module stands in

    given = Visitor(emails=(text,)) if "@" in text else Visitor(phones=(text,))
    found = contact_points(Chat(source="by-hand", chat_id="1", visitor=given), region=region).points
    kinds = {PointKind.EMAIL} if "@" in text else {PointKind.PHONE}
    point = next((one for one in found if one.kind in kinds), None)
    if point is None:
        return None
    return point.model_copy(update={"claim": Claim.OWN, "field": BY_HAND, "rule": BY_HAND, "message": None, "span": None})


def as_corrected(found: Extraction, corrected: Correction | None) -> Extraction:
    """With the person's word above every rule's: what was added stands first, what was removed is somebody else's."""
    if corrected is None:
        return found
    added = {(point.kind, point.value) for point in corrected.added}
    others = frozenset(corrected.removed) - added
    rest = (
        point.model_copy(update={"claim": Claim.OTHER, "rule": BY_HAND}) if (point.kind, point.value) in others else point
        for point in found.points if (point.kind, point.value) not in added
    )
    # where the rules saw it, too, its place in the chat is kept
    placed = {(point.kind, point.value): point for point in reversed(found.points)}
    first = (
        placed[key].model_copy(update={"claim": Claim.OWN, "rule": BY_HAND}) if (key := (point.kind, point.value)) in placed
        else point for point in corrected.added
    )
    points = (*first, *rest)
    return replace(found, points=(*(p for p in points if p.claim is not Claim.OTHER),
                                  *(p for p in points if p.claim is Claim.OTHER)))  # fmt: skip
