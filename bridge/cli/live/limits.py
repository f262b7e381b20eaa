"""How much of a CRM's limits is used, by its own counters; and what we keep to."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.cli.live.screen import Screen
from bridge.cli.printing import GOOD
from bridge.config import Settings, TargetSettings
from bridge.crm.checked import counted
from bridge.mapping.schema.crm import CrmMapping
from bridge.mapping.schema.speech import Bucket, Counter
from bridge.transport import Answer


def say_limits(
    mapping: CrmMapping, settings: Settings, configured: TargetSettings, answers: Sequence[Answer], screen: Screen
) -> None:
    """One line."""
    told = [text for counter in mapping.limits.counters if (text := _used(counter, answers, settings.language))]
    own = configured.limits is not None
    limits = configured.limits or mapping.limits
    kept = [_bucket(one) for one in limits.requests]
    if limits.concurrent:
        kept.append(f"{limits.concurrent} at once")
    ours = f"we keep to {', '.join(kept)}" + (" (the target's own `limits`)" if own else "") if kept else "we keep to none"
    screen.say(GOOD, "limits", "; ".join([*told, ours if told else f"the CRM tells no counts; {ours}"]))


def _used(counter: Counter, answers: Sequence[Answer], language: str) -> str:
    found = counted(counter, answers)
    if found is None:
        return ""
    amount, most = found
    about = getattr(counter.about, language)
    if most is not None:
        return f"{about}: {amount:.10g} of {most:.10g} used"
    return f"{about}: {amount:.10g} {'left' if counter.left is not None else 'used'}"


def _bucket(one: Bucket) -> str:
    only = f" for {', '.join(one.only)}" if one.only else ""
    return f"{one.most} requests in {one.per:.10g} s{only}"
