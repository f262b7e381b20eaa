"""A configured use of a CRM, ready for work: its settings, its mapping, and the CRM as it is spoken to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.clock import Clock
from bridge.config import Settings, TargetSettings
from bridge.crm.client import Crm
from bridge.mapping.load import load_crm
from bridge.mapping.schema import CrmMapping
from bridge.model import Step
from bridge.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    settings: TargetSettings
    mapping: CrmMapping
    crm: Crm

    @property
    def name(self) -> str:
        return self.settings.name


def load_targets(
    settings: Settings, clock: Clock, *, writes: bool = True, observe: Callable[[str], Callable[[Step], None]] | None = None
) -> dict[str, Target]:
    """All that the config names; with `writes=False` nothing but searches and reads can be sent. `observe` gives for a
    target what takes the step of each of its calls.

    Raises MappingError, ConfigError. Their connections are to be closed with `crm.close()`.
    """
    search = settings.mapping_folders
    mappings = {name: load_crm(name, search=search) for name in {one.crm for one in settings.targets.values()}}
    settings.check_against(lambda crm: mappings[crm].options)
    return {
        name: Target(
            settings=one,
            mapping=mappings[one.crm],
            crm=Crm(
                name, mappings[one.crm], one, transport=Transport(timeout=one.timeout), clock=clock, writes=writes,
                observe=observe(name) if observe is not None else None,
            ),
        )
        for name, one in settings.targets.items()
    }  # fmt: skip
