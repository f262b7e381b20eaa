"""What a mapping may leave out and should not: a person has to have thought of it."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.mapping.schema.crm import CrmMapping
from bridge.mapping.schema.writing import Write
from bridge.mapping.walk import Path

_MADE = ("create", "note", "deal", "task")


def unmarked(mapping: CrmMapping) -> Iterator[tuple[Path, str]]:
    """Writes that nobody said anything about finding again."""
    holders = [((), mapping), *((("entities", name), entity) for name, entity in mapping.entities.items())]
    for path, holder in holders:
        for name in _MADE:
            part = getattr(holder, name, None)
            if isinstance(part, Write) and part.method and "marker" not in part.model_fields_set:
                yield (*path, name), (
                    "say by `marker:` how it is found again after its answer was lost, which decides whether there will be two; "
                    "`marker: {kind: none}` where this CRM offers no way: a person is asked then"
                )
