"""The configuration of an agency: one customer's mistake, in their file or in a mapping of theirs, stops that customer alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bridge import config
from bridge.config import Settings, Site, site_of
from bridge.config.sites import DOT
from bridge.crm.fit import fit
from bridge.errors import ConfigError
from bridge.mapping.load import load_crm, load_provider

#: of a target whose site's file cannot be used: it is stopped until the file can be, and goes on by itself then
SITE_BROKEN = "site_broken"

Loaded = TypeVar("Loaded")


def load(path: Path | str, environ: Mapping[str, str], *, before: Settings | None = None) -> Settings:
    """As `config.load`, and what `include:` names with the mappings it asks for. A site that cannot be used says so in `error`
    and has the connections it had in `before`, or none. Raises ConfigError for what is wrong with config.yaml itself.
    """
    settings = config.load(path, environ)
    if not settings.sites:
        return settings
    mappings = _Mappings(settings.mapping_folders)
    known = before.sites if before is not None else {}
    usable = {}
    for name, site in settings.sites.items():
        error = site.error or mappings.fault_of(site)
        usable[name] = site.broken(error, before=known.get(name)) if error else site
    return settings.with_sites(usable)


def faults(settings: Settings) -> dict[str, str]:
    """Site → why its file, as it is now, cannot be used."""
    return {site.name: site.error for site in settings.sites.values() if site.error}


def stopped_by_faults(settings: Settings, targets: Iterable[str]) -> dict[str, str]:
    """Of these targets those that are of a site whose file cannot be used, and why."""
    broken = faults(settings)
    return {name: broken[site_of(name)] for name in targets if site_of(name) in broken}


@dataclass(slots=True)
class _Mappings:
    """Hundreds of customers use a few mappings; each is read once."""

    folders: list[Path]
    _read: dict[tuple[str, str], Any] = field(default_factory=dict)

    def fault_of(self, site: Site) -> str:
        """Why a site cannot work with the mappings it names; '': it can."""
        part, at = site.part, str(site.path)
        if part is None:
            return ""
        try:
            for name, source in part.sources.items():
                at = f"{site.path}: sources.{name.removeprefix(site.name + DOT)}.provider"
                self._once("provider", source.provider, load_provider)
            for name, target in part.targets.items():
                at = f"{site.path}: targets.{name.removeprefix(site.name + DOT)}.crm"
                fit(self._once("crm", target.crm, load_crm), target)
            part.check_against(lambda crm: self._once("crm", crm, load_crm).options)
        except ConfigError as error:
            # a mistake in a mapping or in the site's own file says itself where it is
            return error.message if ":" in error.message.partition(" ")[0] else f"{at}: {error.message}"
        return ""

    def _once(self, kind: str, name: str, load_one: Callable[..., Loaded]) -> Loaded:
        """Raises ConfigError, each time the same."""
        if (kind, name) not in self._read:
            try:
                self._read[kind, name] = load_one(name, search=self.folders)
            except ConfigError as error:
                self._read[kind, name] = error
        found = self._read[kind, name]
        if isinstance(found, ConfigError):
            raise ConfigError(found.message)
        loaded: Loaded = found
        return loaded
