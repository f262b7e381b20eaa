"""A connection that is taken out of the configuration while chats are on their way to it: somebody has to say so twice."""

from __future__ import annotations

from collections import Counter

from bridge.config import Settings, site_of
from bridge.connections.sites import faults
from bridge.errors import ConfigError
from bridge.store import Store

_TARGET = (
    "targets.{name} is not in the configuration any more, with {count} on the way to it. Put it back until they are through,"
    " skip them (`chat2crm jobs --target {name}`), or start with `chat2crm serve --drop`: they are then held, whole and listed."
)
_SOURCE = (
    "sources.{name} is not in the configuration any more, with {count} of it on the way. Put it back until they are through,"
    " skip them (`chat2crm jobs --source {name}`), or start with `chat2crm serve --drop`: they are then held, whole and listed,"
    " and what was received of it and not read yet is kept as not understood."
)


async def removed(settings: Settings, store: Store) -> list[str]:
    """What would be left behind by starting with these settings, a sentence each with the remedy. What a person decides
    anyway (held, dead) is not counted, nor what belongs to a site whose file cannot be used: that waits for the file.
    """
    targets, sources = Counter[str](), Counter[str]()
    for row in await store.reading().on_its_way():
        targets[row["target"]] += row["n"]
        sources[row["source"]] += row["n"]
    broken = faults(settings)
    return [
        words.format(name=name, count=f"{count} chat{'s' if count > 1 else ''}")
        for words, found, known in ((_TARGET, targets, settings.targets), (_SOURCE, sources, settings.sources))
        for name, count in sorted(found.items())
        if name not in known and site_of(name) not in broken
    ]


async def refuse_removal(settings: Settings, store: Store) -> None:
    """Raises ConfigError if chats would be left behind."""
    left = await removed(settings, store)
    if left:
        raise ConfigError("\n".join(left))
