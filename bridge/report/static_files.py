"""What stands beside the pages: our style and script, and three libraries of others (static/VENDORED.md)."""

from __future__ import annotations

import hashlib

from aiohttp import web

from bridge.report.view import HERE

TYPES = {
    "ops.css": "text/css", "icon.svg": "image/svg+xml", "chevron.svg": "image/svg+xml", "ops.js": "text/javascript",
    "htmx.min.js": "text/javascript", "uPlot.iife.min.js": "text/javascript", "uPlot.min.css": "text/css",
    "pico.classless.min.css": "text/css",
}  # fmt: skip


class StaticFiles:
    def __init__(self) -> None:
        self._files = {name: (HERE / "static" / name).read_bytes() for name in TYPES}
        self._tags = {name: hashlib.sha256(body).hexdigest()[:16] for name, body in self._files.items()}

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/static/{name}", self.file)

    async def file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in TYPES:
            raise web.HTTPNotFound
        tag = f'"{self._tags[name]}"'
        headers = {"Cache-Control": "public, max-age=300", "ETag": tag}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=self._files[name], content_type=TYPES[name], headers=headers, charset="utf-8")
