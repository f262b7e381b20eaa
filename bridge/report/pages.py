"""The pages that are looked at. They work without scripts; every one of them is a plain GET."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from bridge.model import JobState
from bridge.report.asked import DeliveryFilter, Group, JobFilter, row_number
from bridge.report.deps import desk
from bridge.report.doing import jobs_of
from bridge.report.overview import FOREMOST, overview
from bridge.report.previews import PREVIEWED, previews
from bridge.report.rehearsals import all_rehearsed
from bridge.report.seeing import seen_raw
from bridge.report.trace import Trace, already_there, trace
from bridge.report.trace.sheet import as_text
from bridge.report.trace.telling import shared, told
from bridge.report.troubles import describe
from bridge.report.troubles.causes import causes
from bridge.report.troubles.needs import needs
from bridge.report.view import LANGUAGE, View
from bridge.store.finding import CANDIDATES
from bridge.store.reading import Row

#: lines on a page
LINES = 50
#: characters of a body that is set in lines, and how many times its length it may have then
SET_IN_LINES, SWOLLEN = 128 * 1024, 8
#: where people write from, to choose from
CHANNELS = ("site", "telegram", "whatsapp", "vk", "email")


class Pages:
    def __init__(self, view: View) -> None:
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
        at = desk(request)
        found = await overview(at, request[LANGUAGE])
        return self._view.page(request, "overview.html", all=found, foremost=FOREMOST, now=at.clock.time(),
                               zone=at.settings.timezone)  # fmt: skip

    async def jobs(self, request: web.Request) -> web.Response:
        at = desk(request)
        wanted = JobFilter.of(request.query)
        finding = at.store.reading().finding
        found = await finding.jobs(wanted.wanted(at.settings.zone), wanted.after, LINES)
        return self._view.page(
            request, "jobs.html", found=found, wanted=wanted, all_states=[state.value for state in JobState],
            sources=_named(at.sources, wanted.source), targets=_named(at.targets, wanted.target),
            channels=_named(CHANNELS, wanted.channel), looked_at=CANDIDATES,
            unsearched=bool(wanted.text) and await finding.unsearched(),
        )  # fmt: skip

    async def job(self, request: web.Request) -> web.Response:
        found = await self._trace(request)
        return self._view.page(request, "job.html", found=found, job=found.job)

    async def share(self, request: web.Request) -> web.Response:
        """One file that says everything of a job but whose it is."""
        at = desk(request)
        job_id = row_number(request)
        row = await at.store.reading().job(job_id)
        if row is None:
            raise web.HTTPNotFound
        known = told(row, at.sources.get(row["source"]), at.settings)
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
        at = desk(request)
        found = await needs(at)
        return self._view.page(
            request, "stuck.html", causes=causes(await at.store.reading().overviews.stuck()),
            troubles=[(one, describe(one, request[LANGUAGE])) for one in found if one.kind != "jobs"],
        )  # fmt: skip

    async def group(self, request: web.Request) -> web.Response:
        at = desk(request)
        group = Group.of(request.query)
        ids = await jobs_of(at, group)
        rows = await at.store.reading().overviews.plans(ids[:PREVIEWED])
        return self._view.page(request, "group.html", group=group, count=len(ids), previews=list(previews(rows)))

    async def rehearsal(self, request: web.Request) -> web.Response:
        return self._view.page(request, "rehearsal.html", all=await all_rehearsed(desk(request)))

    async def deliveries(self, request: web.Request) -> web.Response:
        at = desk(request)
        wanted = DeliveryFilter.of(request.query)
        rows = await at.store.reading().deliveries(
            state=wanted.state, source=wanted.source, before=wanted.before, limit=LINES + 1
        )
        shown, before = _page(rows)
        return self._view.page(
            request, "deliveries.html", deliveries=[{**row, "findings": json.loads(row["findings"])} for row in shown],
            wanted=wanted, before=before,
        )  # fmt: skip

    async def raw(self, request: web.Request) -> web.Response:
        row = await seen_raw(desk(request), request)
        delivery_id = row["id"]
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
        found = await trace(desk(request), row_number(request))
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
    """JSON in lines, as it came otherwise; what is no text is shown as its bytes. Large ones, and those made to become large by
    being set in lines, stay as they came: whoever looks at a bomb is not to set it off.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body.decode("utf-8", errors="backslashreplace")
    if len(text) > SET_IN_LINES:
        return text
    try:
        data: Any = json.loads(text)
        in_lines = json.dumps(data, ensure_ascii=False, indent=2) if isinstance(data, dict | list) else text
    except (ValueError, RecursionError):
        return text
    return in_lines if len(in_lines) <= max(SET_IN_LINES, SWOLLEN * len(text)) else text
