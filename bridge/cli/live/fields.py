"""Does the CRM have the fields that a target's `fields:` names, and does anything read what stands there?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.cli.live.screen import Screen, in_words, tried
from bridge.cli.printing import BAD, DOUBTFUL, GOOD
from bridge.config import TargetSettings
from bridge.crm.checked import CheckedCrm
from bridge.crm.decipher import as_id
from bridge.mapping.schema import CrmMapping
from bridge.mapping.suggestions import nearest
from bridge.mapping.walk import expressions

_READ = re.compile(r"\btarget\.fields\b(?:\.(\w+))?")


async def check_fields(crm: CheckedCrm, configured: TargetSettings, screen: Screen) -> None:
    """A line for the fields that are there, and one for each that is not."""
    given = {key: name for key, value in configured.fields.items() if (name := as_id(value)) is not None}
    unread = _unread(crm.mapping, given)
    for key in unread:
        known = sorted(keys_read(crm.mapping) or ())
        screen.say(BAD, "fields", f"{key}: nothing reads it{nearest(key, known)}; there are: {', '.join(known) or 'none'}")
    listed: set[str] = set()
    good: dict[str, str] = {}
    for kind, rule in crm.mapping.fields_known.items():
        wanted = {key: given[key] for key in rule.keys if key in given}
        listed |= wanted.keys()
        if wanted:
            good |= await _of_kind(crm, kind, wanted, screen)
    if good:
        screen.say(GOOD, "fields", ", ".join(f"{key} = {name}" for key, name in good.items()))
    left = [key for key in given if key not in listed and key not in unread]
    if left:
        why = "not a field, so not looked up" if crm.mapping.fields_known else "fields cannot be listed by this interface"
        screen.say(DOUBTFUL, "fields", f"{', '.join(left)}: {why}")


async def _of_kind(crm: CheckedCrm, kind: str, wanted: Mapping[str, str], screen: Screen) -> dict[str, str]:
    """Those that a record of this kind has, as they are to be shown."""
    there, error = await tried(crm.fields_of(kind, []))
    if error is not None or there is None:
        why = in_words(error) if error else ""
        screen.say(DOUBTFUL, "fields", f"{', '.join(wanted)}: not checked, the fields of a {kind} cannot be listed: {why}")
        return {}
    if not there:
        screen.say(DOUBTFUL, "fields", f"{', '.join(wanted)}: not checked, the CRM lists no fields of a {kind}")
        return {}
    good = {}
    for key, name in wanted.items():
        if name in there:
            good[key] = f"{name} («{there[name]}»)" if there[name] not in ("", name) else name
        else:
            screen.say(BAD, "fields", f"{key}: a {kind} has no field «{name}»{_instead(name, there)}")
    return good


def _instead(name: str, there: Mapping[str, str]) -> str:
    """What may have been meant: people write what the CRM's pages call a field."""
    called = [field for field, label in there.items() if label.strip().casefold() == name.strip().casefold()]
    if called:
        return f"; that is what people call it, write {called[0]}"
    return nearest(name, there) or nearest(name, there.values()) or f"; the CRM lists {len(there)} fields for it"


def keys_read(mapping: CrmMapping) -> set[str] | None:
    """The keys of `fields` that the mapping reads; None: it may read any, by a name that is computed."""
    found = {match[1] for place in expressions(mapping) for match in _READ.finditer(place.expression.source)}
    return None if None in found else {key for key in found if key}


def _unread(mapping: CrmMapping, given: Mapping[str, str]) -> list[str]:
    read = keys_read(mapping)
    return [] if read is None else [key for key in given if key not in read]
