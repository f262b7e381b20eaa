"""Everything seen in a chat → one contact point a value, best first."""

from __future__ import annotations

from bridge.extract.result import Candidate
from bridge.extract.seen import Seen, Talk, Verdict
from bridge.model import Claim, ContactPoint, PointKind

_RANK = {Claim.OWN: 0, Claim.UNCLEAR: 1, Claim.OTHER: 2}
_CERTAIN = {Claim.OWN: 0.75, Claim.UNCLEAR: 0.5, Claim.OTHER: 0.75}


def best_first(talk: Talk) -> tuple[ContactPoint, ...]:
    """One point a value: the first place it stood, the strongest claim made to it."""
    groups: dict[tuple[PointKind, str], list[Seen]] = {}
    for seen in talk.seen:
        value = seen.find.value
        if value is not None and seen.verdict is not None and value not in talk.superseded:
            groups.setdefault((seen.find.kind, value.lower()), []).append(seen)
    points = [_point(group, talk) for group in groups.values()]
    order = sorted(range(len(points)), key=lambda place: (_RANK[points[place].claim], -points[place].confidence, place))
    return tuple(points[place] for place in order)


def _point(group: list[Seen], talk: Talk) -> ContactPoint:
    first = group[0]
    strongest = max(group, key=_strength)
    verdict = _verdict(strongest)
    value = str(first.find.value)
    flags = dict.fromkeys(flag for seen in group for flag in seen.find.flags)
    flags.update(dict.fromkeys(talk.flags.get(value, ())))
    return ContactPoint(
        kind=first.find.kind,
        value=value,
        as_written=first.as_written,
        claim=verdict.claim,
        extension=next((seen.find.extension for seen in group if seen.find.extension), None),
        message=first.message,
        span=first.span,
        field=first.field,
        confidence=_confidence(verdict, first, tuple(flags)),
        rule=verdict.rule,
        flags=tuple(flags),
    )


def _verdict(seen: Seen) -> Verdict:
    if seen.verdict is None:
        raise AssertionError
    return seen.verdict


def _strength(seen: Seen) -> int:
    return _verdict(seen).strength


def _confidence(verdict: Verdict, seen: Seen, flags: tuple[str, ...]) -> float:
    base = _CERTAIN[verdict.claim] + verdict.strength / 400
    if not seen.find.certain:
        base -= 0.2
    if any(flag.startswith(("typo:", "region:", "unknown-end", "uncorrected")) for flag in flags):
        base -= 0.1
    return round(min(1.0, max(0.05, base)), 2)


def traced(talk: Talk) -> tuple[Candidate, ...]:
    """Every candidate with the decision and the rule that made it."""
    return tuple(_decision(seen, talk) for seen in talk.seen)


def _decision(seen: Seen, talk: Talk) -> Candidate:
    claim, rule, reading = None, seen.find.rule, ""
    if seen.verdict is not None:
        claim, rule, reading = seen.verdict.claim, seen.verdict.rule, seen.find.rule
    if seen.find.value in talk.superseded:
        claim, rule = None, "taken-back"
    return Candidate(
        kind=seen.find.kind,
        as_written=seen.as_written,
        message=seen.message,
        field=seen.field,
        span=seen.span,
        value=seen.find.value,
        claim=claim,
        rule=rule,
        reading=reading,
    )
