"""The pages' data and buttons for scripts, under /api/: JSON in, JSON out, `Authorization: Bearer <password>`.

```
GET  /api/overview
GET  /api/jobs?state=&source=&target=&reason=&before=     {"jobs": […], "before": id or null}
GET  /api/jobs/{id}
POST /api/jobs/{id}/replay {"again": false}               {"done": true}; 409 if the job has moved on
POST /api/jobs/{id}/skip {}   /written {"record_id": ""}   /choose {"client_id": "17"}
POST /api/jobs/replay {"state": "dead", "target": "sales", "reason": "crm_rejected", "code": "crm_rejected"}
GET  /api/deliveries?state=&source=&before=
POST /api/targets/{name}/go {}
POST /api/sources/{name}/again {}                          {"sent": 3}: deliveries not understood are read once more
```
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from aiohttp import web

from bridge.errors import Refused
from bridge.report import doing
from bridge.report.asked import DeliveryFilter, Group, JobFilter, row_number
from bridge.report.deps import Deps
from bridge.report.overview import overview
from bridge.report.view import LANGUAGE

LINES = 100

_json = partial(web.json_response, dumps=partial(json.dumps, ensure_ascii=False, default=str))


class Api:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/api/overview", self.overview)
        router.add_get("/api/jobs", self.jobs)
        router.add_get(r"/api/jobs/{id:\d+}", self.job)
        router.add_get("/api/deliveries", self.deliveries)
        router.add_post("/api/jobs/replay", self.replay_group)
        router.add_post(r"/api/jobs/{id:\d+}/replay", self.replay)
        router.add_post(r"/api/jobs/{id:\d+}/skip", self.skip)
        router.add_post(r"/api/jobs/{id:\d+}/written", self.written)
        router.add_post(r"/api/jobs/{id:\d+}/choose", self.choose)
        router.add_post("/api/targets/{name}/go", self.go)
        router.add_post("/api/sources/{name}/again", self.sort_again)

    async def overview(self, request: web.Request) -> web.Response:
        return _json((await overview(self._deps, request[LANGUAGE])).data())

    async def jobs(self, request: web.Request) -> web.Response:
        wanted = JobFilter.of(request.query)
        rows = await self._deps.store.reading().jobs(
            states=wanted.states, source=wanted.source, target=wanted.target, reason=wanted.reason, before=wanted.before,
            limit=LINES,
        )  # fmt: skip
        return _json({"jobs": rows, "before": rows[-1]["id"] if len(rows) == LINES else None})

    async def job(self, request: web.Request) -> web.Response:
        row = await self._deps.store.reading().job(row_number(request))
        if row is None:
            raise web.HTTPNotFound
        return _json(row)

    async def deliveries(self, request: web.Request) -> web.Response:
        wanted = DeliveryFilter.of(request.query)
        rows = await self._deps.store.reading().deliveries(
            state=wanted.state, source=wanted.source, before=wanted.before, limit=LINES
        )
        return _json({"deliveries": rows, "before": rows[-1]["id"] if len(rows) == LINES else None})

    async def replay(self, request: web.Request) -> web.Response:
        again = (await _body(request)).get("again", False)
        return _done(done=await doing.replay(self._deps, row_number(request), again=again is True))

    async def replay_group(self, request: web.Request) -> web.Response:
        return _json({"jobs": await doing.replay_group(self._deps, Group.of(await _body(request)))})

    async def skip(self, request: web.Request) -> web.Response:
        return _done(done=await doing.skip(self._deps, row_number(request)))

    async def written(self, request: web.Request) -> web.Response:
        record_id = str((await _body(request)).get("record_id") or "")
        return _done(done=await doing.written(self._deps, row_number(request), record_id))

    async def choose(self, request: web.Request) -> web.Response:
        client_id = str((await _body(request)).get("client_id") or "")
        return _done(done=await doing.choose(self._deps, row_number(request), client_id))

    async def sort_again(self, request: web.Request) -> web.Response:
        return _json({"sent": await doing.sort_again(self._deps, request.match_info["name"])})

    async def go(self, request: web.Request) -> web.Response:
        return _done(done=await doing.go(self._deps, request.match_info["name"]))


async def _body(request: web.Request) -> dict[str, Any]:
    """Raises Refused for what is no JSON object."""
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused("Send a JSON object.")
    return body


def _done(*, done: bool) -> web.Response:
    return _json({"done": done}, status=200 if done else 409)
