"""The pages that are looked at. They work without scripts; every one of them is a plain GET."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import structlog
from aiohttp import web

from bridge.model import JobState
from bridge.report.asked import DeliveryFilter, Group, JobFilter, row_number
from bridge.report.deps import Deps
from bridge.report.doing import jobs_of
from bridge.report.overview import overview
from bridge.report.trace import Trace, already_there, trace
from bridge.report.view import HERE, LANGUAGE, View
from bridge.store.reading import Row

log = structlog.get_logger()

#: lines on a page
LINES = 50
STATIC = {"ops.css": "text/css", "icon.svg": "image/svg+xml"}


class Pages:
    def __init__(self, deps: Deps, view: View) -> None:
        self._deps = deps
        self._view = view
        self._static = {name: (HERE / "static" / name).read_bytes() for name in STATIC}

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/", self.overview)
        router.add_get("/jobs", self.jobs)
        router.add_get("/jobs/replay", self.group)
        router.add_get(r"/jobs/{id:\d+}", self.job)
        router.add_get(r"/jobs/{id:\d+}/again", self.again)
        router.add_get("/deliveries", self.deliveries)
        router.add_get(r"/deliveries/{id:\d+}/raw", self.raw)
        router.add_get("/static/{name}", self.static)

    async def overview(self, request: web.Request) -> web.Response:
        return self._view.page(request, "overview.html", all=await overview(self._deps, request[LANGUAGE]))

    async def jobs(self, request: web.Request) -> web.Response:
        wanted = JobFilter.of(request.query)
        rows = await self._deps.store.reading().jobs(
            states=wanted.states, source=wanted.source, target=wanted.target, reason=wanted.reason, before=wanted.before,
            limit=LINES + 1,
        )  # fmt: skip
        shown, before = _page(rows)
        return self._view.page(
            request, "jobs.html", jobs=shown, wanted=wanted, before=before, all_states=[state.value for state in JobState],
            sources=_named(self._deps.sources, wanted.source), targets=_named(self._deps.targets, wanted.target),
        )  # fmt: skip

    async def job(self, request: web.Request) -> web.Response:
        found = await self._trace(request)
        return self._view.page(request, "job.html", found=found, job=found.job)

    async def again(self, request: web.Request) -> web.Response:
        found = await self._trace(request)
        if "again" not in found.actions:
            raise web.HTTPNotFound
        return self._view.page(request, "again.html", job=found.job, there=already_there(found))

    async def group(self, request: web.Request) -> web.Response:
        group = Group.of(request.query)
        ids = await jobs_of(self._deps, group)
        return self._view.page(request, "group.html", group=group, count=len(ids), first=ids[:LINES])

    async def deliveries(self, request: web.Request) -> web.Response:
        wanted = DeliveryFilter.of(request.query)
        rows = await self._deps.store.reading().deliveries(
            state=wanted.state, source=wanted.source, before=wanted.before, limit=LINES + 1
        )
        shown, before = _page(rows)
        return self._view.page(
            request, "deliveries.html", deliveries=[{**row, "findings": json.loads(row["findings"])} for row in shown],
            wanted=wanted, before=before,
        )  # fmt: skip

    async def raw(self, request: web.Request) -> web.Response:
        delivery_id = row_number(request)
        row = await self._deps.store.reading().delivery(delivery_id)
        if row is None:
            raise web.HTTPNotFound
        log.info("raw.viewed", delivery=delivery_id, source=row["source"], address=request.remote)
        body: bytes | None = row["body"]
        if "download" in request.query and body is not None:
            # never shown in place: it is whatever a stranger sent
            return web.Response(
                body=body, content_type="application/octet-stream",
                headers={"Content-Disposition": f'attachment; filename="delivery-{delivery_id}.bin"'},
            )  # fmt: skip
        return self._view.page(
            request, "raw.html", delivery=row, headers=json.loads(row["headers"]),
            text=None if body is None else _readable(body),
        )  # fmt: skip

    async def static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in STATIC:
            raise web.HTTPNotFound
        return web.Response(
            body=self._static[name], content_type=STATIC[name], headers={"Cache-Control": "public, max-age=300"},
            charset="utf-8",
        )  # fmt: skip

    async def _trace(self, request: web.Request) -> Trace:
        found = await trace(self._deps, row_number(request))
        if found is None:
            raise web.HTTPNotFound
        return found


def _page(rows: list[Row]) -> tuple[list[Row], int | None]:
    """The lines of a page, and the last id if there are more."""
    shown = rows[:LINES]
    return shown, shown[-1]["id"] if len(rows) > LINES else None


def _named(known: Iterable[str], asked: str | None) -> list[str]:
    """Names to choose from; one that the config has lost stays choosable while it is chosen."""
    names = list(known)
    return names if asked is None or asked in names else [*names, asked]


def _readable(body: bytes) -> str:
    """JSON in lines, as it came otherwise; what is no text is shown as its bytes."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body.decode("utf-8", errors="backslashreplace")
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(data, ensure_ascii=False, indent=2) if isinstance(data, dict | list) else text
