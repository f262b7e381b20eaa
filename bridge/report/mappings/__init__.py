"""The mappings that somebody may look at: which there are, each as it is understood, and what another one would change.

Those that come along are everybody's. One that a business wrote itself is shown to a customer of an agency only if they use it:
its words may be another customer's.

`comparing` puts two versions side by side · `pages` shows all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bridge.errors import ConfigError
from bridge.mapping.load import Loaded, available, load
from bridge.mapping.schema import Kind
from bridge.report.deps import Desk
from bridge.report.mappings.comparing import Compared, compared

#: how the two kinds are called in addresses
KINDS: Mapping[str, Kind] = {"providers": "provider", "crms": "crm"}


class Listed(NamedTuple):
    name: str
    #: the connections that use it
    used: list[str]


def listed(at: Desk, folder: str) -> list[Listed]:
    """Those in use first."""
    found = [Listed(name, used(at, folder, name)) for name in names(at, folder)]
    return sorted(found, key=lambda one: (not one.used, one.name))


def names(at: Desk, folder: str) -> list[str]:
    kind = KINDS[folder]
    theirs = {mapping for mapping, _ in _uses(at, folder)}
    try:
        everybodys = set(available(kind))
        known = set(available(kind, search=at.settings.mapping_folders))
    except ConfigError:
        return []
    return sorted(known if not at.bound else (everybodys | theirs) & known)


def loaded(at: Desk, folder: str, name: str) -> Loaded | None:
    """None for what is no mapping's name; a path is none."""
    if folder not in KINDS or name not in names(at, folder):
        return None
    return load(KINDS[folder], name, search=at.settings.mapping_folders)


def used(at: Desk, folder: str, name: str) -> list[str]:
    return [connection for mapping, connection in _uses(at, folder) if mapping == name]


async def difference(at: Desk, folder: str, old: Loaded, name: str, other: str) -> Compared | None:
    """What `other` in the place of `name` would change in the last deliveries; None if there is no such mapping."""
    new = loaded(at, folder, other)
    if new is None:
        return None
    sources = [one for one in at.sources.values() if folder == "providers" and one.settings.provider == name]
    return await compared(at.store.reading(), old, new, sources)


def _uses(at: Desk, folder: str) -> Iterator[tuple[str, str]]:
    """(mapping, connection)"""
    if folder == "providers":
        yield from ((str(one.settings.provider), name) for name, one in at.sources.items())
    else:
        yield from ((str(one.settings.crm), name) for name, one in at.targets.items())
