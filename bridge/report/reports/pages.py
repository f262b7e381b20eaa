"""The page of reports, the same as a file for spreadsheets, and for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from aiohttp import web

from bridge.report.deps import Desk, desk
from bridge.report.reports import HOURS, USUAL_DAYS, Report, Wanted, as_csv, report_of
from bridge.report.reports.charts import charts
from bridge.report.reports.figures import SHOWN, Line
from bridge.report.view import LANGUAGE, View
from bridge.report.words.reports import NOTHING, SHORT, said
from bridge.store.reports import BY
from bridge.store.tallies import THE_REST

#: lines of the table; the file for spreadsheets has all
LINES = 400
#: spans to choose with one click, in days
CHOICES = (7, USUAL_DAYS, 90, 365)
#: figures in large type above everything
FOREMOST = ("chats", "missed", "answered_60_share", "first_response_median_s", "contact_share", "new_clients")
#: what a line leads to: the chats of it
CHATS_OF: Mapping[str, str] = {"source": "source", "channel": "channel"}


class ReportPages:
    def __init__(self, view: View) -> None:
        self._view = view

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/reports", self.page)
        router.add_get("/reports.csv", self.file)

    async def page(self, request: web.Request) -> web.Response:
        at = desk(request)
        last = today(at)
        wanted = Wanted.of(request.query, last)
        made = await report_of(at.store.reading().reports, wanted)
        report, language = made.report, request[LANGUAGE]
        lines = [one for one in report.lines if one.of(wanted.hours)]
        if wanted.by != "day":
            lines.sort(key=lambda one: -_chats(one, wanted.hours))
        return self._view.page(
            request, "reports.html", wanted=wanted, report=report, shown=SHOWN, foremost=FOREMOST, bys=list(BY), all_hours=HOURS,
            lines=lines[:LINES], cut=len(lines) > LINES, most=LINES, rest=any(one.key == THE_REST for one in lines),
            total=report.total.of(wanted.hours), drawn=charts(made.daily, wanted.since, wanted.until, wanted.hours),
            sources=sorted({*at.sources, *await at.store.reading().reports.sources()}),
            choices=[(days, wanted.query(**_span(last, days))) for days in CHOICES], chosen=_chosen(wanted, last),
            short=SHORT[language], nothing=NOTHING[language].get(wanted.by, "–"), chats_of=CHATS_OF.get(wanted.by),
            said=lambda value, kind: said(value, kind, language),
        )  # fmt: skip

    async def file(self, request: web.Request) -> web.Response:
        report = await report_for_scripts(desk(request), request.query)
        name = f"chat2crm-{report.by}-{report.since}-{report.until}.csv"
        return web.Response(text=as_csv(report), content_type="text/csv", charset="utf-8",
                            headers={"Content-Disposition": f'attachment; filename="{name}"'})  # fmt: skip


def _span(last: date, days: int) -> Mapping[str, str]:
    return {"from": date.fromordinal(last.toordinal() - days + 1).isoformat(), "to": last.isoformat()}


def _chosen(wanted: Wanted, last: date) -> int:
    """Days of the choice that is shown; 0: none of them."""
    return (wanted.until - wanted.since).days + 1 if wanted.until == last else 0


def _chats(line: Line, hours: str) -> int:
    found = line.of(hours)
    return found.chats if found is not None else 0


def today(at: Desk) -> date:
    return at.clock.now().astimezone(at.settings.zone).date()


async def report_for_scripts(at: Desk, query: Mapping[str, str]) -> Report:
    return (await report_of(at.store.reading().reports, Wanted.of(query, today(at)))).report
