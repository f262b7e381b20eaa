"""The pages of mappings: which there are, each as it is understood, and what another one would change."""

from __future__ import annotations

from aiohttp import web

from bridge.mapping.load import Loaded
from bridge.mapping.outline import outline
from bridge.report import mappings
from bridge.report.deps import desk
from bridge.report.view import View

#: deliveries and differences that are shown
MOST_SHOWN = 50


class MappingPages:
    def __init__(self, view: View) -> None:
        self._view = view

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/mappings", self.all)
        router.add_get("/mappings/{kind:providers|crms}/{name}", self.one)
        router.add_get("/mappings/{kind:providers|crms}/{name}/diff", self.diff)

    async def all(self, request: web.Request) -> web.Response:
        at = desk(request)
        listed = {folder: mappings.listed(at, folder) for folder in mappings.KINDS}
        return self._view.page(request, "mappings.html", listed=listed)

    async def one(self, request: web.Request) -> web.Response:
        folder, name, loaded = asked(request)
        return self._view.page(
            request, "mapping.html", folder=folder, name=name, title=loaded.mapping.title, entries=outline(loaded),
            base=loaded.document.value.get("extends"), used=mappings.used(desk(request), folder, name), file=str(loaded.path),
        )  # fmt: skip

    async def diff(self, request: web.Request) -> web.Response:
        folder, name, old = asked(request)
        at, other = desk(request), request.query.get("new", "")
        found = await mappings.difference(at, folder, old, name, other)
        return self._view.page(
            request, "diff.html", folder=folder, name=name, other=other, found=found, most=MOST_SHOWN,
            names=[one for one in mappings.names(at, folder) if one != name],
        )  # fmt: skip


def asked(request: web.Request) -> tuple[str, str, Loaded]:
    """Raises 404 for what is no mapping's name."""
    folder, name = request.match_info["kind"], request.match_info["name"]
    found = mappings.loaded(desk(request), folder, name)
    if found is None:
        raise web.HTTPNotFound
    return folder, name, found
