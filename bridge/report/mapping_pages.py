"""The pages of mappings: which there are, each as it is understood, and what another one would change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bridge.errors import ConfigError
from bridge.mapping.load import Loaded, available, load
from bridge.mapping.outline import outline
from bridge.mapping.schema import Kind
from bridge.report.comparing import compared
from bridge.report.deps import Deps
from bridge.report.view import View

KINDS: Mapping[str, Kind] = {"providers": "provider", "crms": "crm"}
#: deliveries and differences that are shown
MOST_SHOWN = 50


class MappingPages:
    def __init__(self, deps: Deps, view: View) -> None:
        self._deps = deps
        self._view = view

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/mappings", self.all)
        router.add_get("/mappings/{kind:providers|crms}/{name}", self.one)
        router.add_get("/mappings/{kind:providers|crms}/{name}/diff", self.diff)

    async def all(self, request: web.Request) -> web.Response:
        used = self._used()
        listed = {folder: [(name, used.get((folder, name), [])) for name in self._names(kind)] for folder, kind in KINDS.items()}
        for lines in listed.values():
            lines.sort(key=lambda line: (not line[1], line[0]))  # those that are in use first
        return self._view.page(request, "mappings.html", listed=listed)

    async def one(self, request: web.Request) -> web.Response:
        folder, name, loaded = self._asked(request)
        return self._view.page(
            request, "mapping.html", folder=folder, name=name, title=loaded.mapping.title, entries=outline(loaded),
            base=loaded.document.value.get("extends"), used=self._used().get((folder, name), []), file=str(loaded.path),
        )  # fmt: skip

    async def diff(self, request: web.Request) -> web.Response:
        folder, name, old = self._asked(request)
        other = request.query.get("new", "")
        found = None
        if other in self._names(old.kind):
            sources = [one for one in self._deps.sources.values() if folder == "providers" and one.settings.provider == name]
            found = await compared(self._deps.store.reading(), old, self._load(old.kind, other), sources)
        return self._view.page(
            request, "diff.html", folder=folder, name=name, other=other, found=found, most=MOST_SHOWN,
            names=[one for one in self._names(old.kind) if one != name],
        )  # fmt: skip

    def _asked(self, request: web.Request) -> tuple[str, str, Loaded]:
        """Raises 404 for what is no mapping's name; a path is none."""
        folder, name = request.match_info["kind"], request.match_info["name"]
        if name not in self._names(KINDS[folder]):
            raise web.HTTPNotFound
        return folder, name, self._load(KINDS[folder], name)

    def _load(self, kind: Kind, name: str) -> Loaded:
        return load(kind, name, search=self._deps.settings.mapping_folders)

    def _names(self, kind: Kind) -> list[str]:
        try:
            return sorted(available(kind, search=self._deps.settings.mapping_folders))
        except ConfigError:
            return []

    def _used(self) -> dict[tuple[str, str], list[str]]:
        """By folder and mapping, the connections that use it."""
        used: dict[tuple[str, str], list[str]] = {}
        pairs: list[tuple[str, str, Any]] = [
            *(("providers", one.settings.provider, name) for name, one in self._deps.sources.items()),
            *(("crms", one.settings.crm, name) for name, one in self._deps.targets.items()),
        ]
        for folder, mapping, name in pairs:
            used.setdefault((folder, str(mapping)), []).append(name)
        return used
