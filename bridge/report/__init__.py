"""REPORT — what happened to a chat, why, and what to do: pages, their data for scripts, metrics, health, alerts.

It meets the receiver and the worker in the store alone. `pages` and `actions` are what people see and press, `trace` is one
chat's whole way, `troubles` is what needs a person, `gate` stands in front of all of it.
"""

from __future__ import annotations

from aiohttp import web

from bridge.report.actions import Actions
from bridge.report.alerts import Alerts
from bridge.report.api import Api
from bridge.report.deps import Deps, desk
from bridge.report.gate import Gate
from bridge.report.health import Health
from bridge.report.mappings.pages import MappingPages
from bridge.report.metrics import CONTENT_TYPE, Metrics
from bridge.report.pages import Pages
from bridge.report.reports.pages import ReportPages
from bridge.report.static_files import StaticFiles
from bridge.report.view import View

__all__ = ["Alerts", "Deps", "Metrics", "application"]

#: a form here is a few words
LARGEST_FORM = 64 * 1024


def application(deps: Deps) -> web.Application:
    """The operations listener: for `settings.ops`, never for the public one."""
    view = View(deps)
    gate = Gate(deps, view)
    app = web.Application(middlewares=[gate.middleware()], client_max_size=LARGEST_FORM)
    gate.add_to(app)
    # none of the parts that answer somebody is given all there is: the gate has given each request its desk
    for part in (StaticFiles(), Pages(view), MappingPages(view), ReportPages(view), Actions(), Api(), Health(deps)):
        part.add_to(app.router)

    async def metrics(request: web.Request) -> web.Response:
        await deps.metrics.refresh(deps.store, deps.targets, deps.breakers, deps.clock.time())
        return web.Response(body=desk(request).metrics.rendered(), headers={"Content-Type": CONTENT_TYPE})

    app.router.add_get("/metrics", metrics)
    return app
