"""The pages that are looked at. They work without scripts; every one of them is a plain GET."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import structlog
from aiohttp import web

from bridge.model import JobState
from bridge.report.asked import DeliveryFilter, Group, JobFilter, row_number
from bridge.report.auditing import note, who
from bridge.report.causes import causes
from bridge.report.deps import Deps
from bridge.report.doing import jobs_of
from bridge.report.overview import FOREMOST, overview
from bridge.report.previews import previews, rehearsed
from bridge.report.sheet import as_text
from bridge.report.telling import shared, told
from bridge.report.trace import Trace, already_there, trace
from bridge.report.troubles import describe, troubles
from bridge.report.view import LANGUAGE, View
from bridge.store.finding import CANDIDATES
from bridge.store.reading import Row

log = structlog.get_logger()

#: lines on a page
LINES = 50
#: jobs of a group whose plans are shown, and rehearsed jobs that are counted
PREVIEWED, MOST_REHEARSED = 25, 10_000
#: where people write from, to choose from
CHANNELS = ("site", "telegram", "whatsapp", "vk", "email")


class Pages:
    def __init__(self, deps: Deps, view: View) -> None:
        self._deps = deps
        self._view = view

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/", self.overview)
        router.add_get("/jobs", self.jobs)
        router.add_get("/jobs/replay", self.group)
        router.add_get(r"/jobs/{id:\d+}", self.job)
        router.add_get(r"/jobs/{id:\d+}/again", self.again)
        router.add_get(r"/jobs/{id:\d+}/share", self.share)
        router.add_get("/stuck", self.stuck)
        router.add_get("/rehearsal", self.rehearsal)
        router.add_get("/deliveries", self.deliveries)
        router.add_get(r"/deliveries/{id:\d+}/raw", self.raw)

    async def overview(self, request: web.Request) -> web.Response:
        found = await overview(self._deps, request[LANGUAGE])
        return self._view.page(request, "overview.html", all=found, foremost=FOREMOST, now=self._deps.clock.time(),
                               zone=self._deps.settings.timezone)  # fmt: skip

    async def jobs(self, request: web.Request) -> web.Response:
        wanted = JobFilter.of(request.query)
        finding = self._deps.store.reading().finding
        found = await finding.jobs(wanted.wanted(self._deps.settings.zone), wanted.after, LINES)
        return self._view.page(
            request, "jobs.html", found=found, wanted=wanted, all_states=[state.value for state in JobState],
            sources=_named(self._deps.sources, wanted.source), targets=_named(self._deps.targets, wanted.target),
            channels=_named(CHANNELS, wanted.channel), sites=_named(self._deps.settings.sites, wanted.site), looked_at=CANDIDATES,
            unsearched=bool(wanted.text) and await finding.unsearched(),
        )  # fmt: skip

    async def job(self, request: web.Request) -> web.Response:
        found = await self._trace(request)
        return self._view.page(request, "job.html", found=found, job=found.job)

    async def share(self, request: web.Request) -> web.Response:
        """One file that says everything of a job but whose it is."""
        job_id = row_number(request)
        row = await self._deps.store.reading().job(job_id)
        if row is None:
            raise web.HTTPNotFound
        known = told(row, self._deps.sources.get(row["source"]), self._deps.settings)
        return web.Response(
            text=as_text(shared(known)), content_type="text/plain",
            headers={"Content-Disposition": f'attachment; filename="chat2crm-job-{job_id}.txt"'},
        )  # fmt: skip

    async def again(self, request: web.Request) -> web.Response:
        found = await self._trace(request)
        if "again" not in found.actions:
            raise web.HTTPNotFound
        return self._view.page(request, "again.html", job=found.job, there=already_there(found))

    async def stuck(self, request: web.Request) -> web.Response:
        """What needs a person: jobs by their causes, and the troubles of connections."""
        found = await troubles(self._deps.store, self._deps.clock.time(), sources=self._deps.sources,
                               silence=self._deps.settings.alerts.silence)  # fmt: skip
        return self._view.page(
            request, "stuck.html", causes=causes(await self._deps.store.reading().overviews.stuck()),
            troubles=[(one, describe(one, request[LANGUAGE])) for one in found if one.kind != "jobs"],
        )  # fmt: skip

    async def group(self, request: web.Request) -> web.Response:
        group = Group.of(request.query)
        ids = await jobs_of(self._deps, group)
        rows = await self._deps.store.reading().overviews.plans(ids[:PREVIEWED])
        return self._view.page(request, "group.html", group=group, count=len(ids), previews=list(previews(rows)))

    async def rehearsal(self, request: web.Request) -> web.Response:
        reading = self._deps.store.reading()
        rows = {name: await reading.overviews.rehearsed(name, limit=PREVIEWED) for name in self._deps.targets}
        found = rehearsed(
            self._deps.targets, await reading.overviews.rehearsal_counts(MOST_REHEARSED), await reading.open_jobs(), rows,
            MOST_REHEARSED,
        )  # fmt: skip
        return self._view.page(request, "rehearsal.html", all=list(found))

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
        await note(self._deps, who(request), "raw_viewed", f"delivery {delivery_id}")
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
