"""The pages' data and buttons for scripts, under /api/: JSON in, JSON out, `Authorization: Bearer …`.

`GET /api/openapi.json` describes all of it; it is made of the table of routes here and the models of `shapes`.

`given` is what may be sent, `looks` what answers those who look, in `shapes` · `openapi` describes it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bridge.crm.json_answers import read_json
from bridge.errors import Refused
from bridge.model import JobState
from bridge.report import doing
from bridge.report.api import given, looks, shapes
from bridge.report.api.openapi import Described, Query, document
from bridge.report.asked import DELIVERY_STATES, Group, row_number
from bridge.report.auditing import who
from bridge.report.deps import Desk, desk
from bridge.report.reports import Report
from bridge.report.trace.sheet import as_text
from bridge.report.trace.telling import shared, told
from bridge.store.reports import BY

_dumps = partial(json.dumps, ensure_ascii=False)
_TEXT: Mapping[str, Any] = {"type": "string"}
_DAY: Mapping[str, Any] = {"type": "string", "format": "date"}
_JOBS = (
    Query("q", "a phone or its last digits, an e-mail or its beginning, a name, a chat's id, words", _TEXT),
    Query("state", "", {"type": "string", "enum": [state.value for state in JobState]}), Query("source", "", _TEXT),
    Query("target", "", _TEXT), Query("reason", "", _TEXT), Query("channel", "", _TEXT),
    Query("from", "the first day", _DAY), Query("to", "the last day", _DAY), Query("after", "`after` of the page before", _TEXT),
)  # fmt: skip
_DELIVERIES = (
    Query("state", "", {"type": "string", "enum": list(DELIVERY_STATES)}), Query("source", "", _TEXT),
    Query("before", "`before` of the page before", {"type": "integer", "minimum": 1}),
)  # fmt: skip
_GROUP = tuple(Query(name, about, _TEXT) for name, about in (
    ("state", "held or dead"), ("target", ""), ("reason", ""), ("code", ""), ("cause", "`key` of a cause"),
))  # fmt: skip
_REPORT = (
    Query("from", "the first day; default: 30 days with the last", _DAY), Query("to", "the last day; default: today", _DAY),
    Query("by", "what each line is of", {"type": "string", "enum": list(BY), "default": "day"}), Query("source", "", _TEXT),
)  # fmt: skip

Handler = Callable[[Desk, web.Request, Any], Awaitable[BaseModel]]


class Api:
    def __init__(self) -> None:
        self._document = document([described for described, _ in ROUTES], _version())

    def add_to(self, router: web.UrlDispatcher) -> None:
        for described, handler in ROUTES:
            path = described.path.replace("{id}", r"{id:\d+}")
            router.add_route(described.method.upper(), path, partial(_answer, described, handler))
        router.add_get("/api/openapi.json", self.openapi)
        router.add_get(r"/api/jobs/{id:\d+}/share", share)

    async def openapi(self, request: web.Request) -> web.Response:  # noqa: ARG002 - the router passes it
        return web.json_response(self._document, dumps=_dumps)


async def _answer(described: Described, handler: Handler, request: web.Request) -> web.Response:
    body = await _body(request, described.body) if described.body else None
    answer = await handler(desk(request), request, body)
    status = 409 if isinstance(answer, shapes.Done) and not answer.done else 200
    return web.json_response(answer.model_dump(mode="json"), status=status, dumps=_dumps)


async def share(request: web.Request) -> web.Response:
    """As text: what `chat2crm show JOB --share` prints."""
    at = desk(request)
    row = await at.store.reading().job(row_number(request))
    if row is None:
        raise web.HTTPNotFound
    known = told(row, at.sources.get(row["source"]), at.settings)
    return web.Response(text=as_text(shared(known)), content_type="text/plain")


# -- what is done ------------------------------------------------------------------------------------------------------


async def _replay(at: Desk, request: web.Request, body: given.Replay) -> shapes.Done:
    return shapes.Done(
        done=await doing.replay(at, row_number(request), who(request), again=body.again, for_real=body.for_real)
    )


async def _skip(at: Desk, request: web.Request, _: given.Nothing) -> shapes.Done:
    return shapes.Done(done=await doing.skip(at, row_number(request), who(request)))


async def _written(at: Desk, request: web.Request, body: given.Written) -> shapes.Done:
    return shapes.Done(done=await doing.written(at, row_number(request), str(body.record_id or ""), who(request)))


async def _choose(at: Desk, request: web.Request, body: given.Choose) -> shapes.Done:
    return shapes.Done(done=await doing.choose(at, row_number(request), str(body.client_id), who(request)))


async def _correct(at: Desk, request: web.Request, body: given.Correct) -> shapes.Done:
    return shapes.Done(done=await doing.correct(at, row_number(request), body.keep, body.add, who(request)))


async def _replay_group(at: Desk, request: web.Request, body: given.GroupGiven) -> shapes.Count:
    return shapes.Count(jobs=await doing.replay_group(at, Group.of(body.model_dump()), who(request)))


async def _write_rehearsed(at: Desk, request: web.Request, body: given.WriteRehearsed) -> shapes.Count:
    return shapes.Count(jobs=await doing.write_rehearsed(at, request.match_info["name"], body.upto, who(request)))


async def _go(at: Desk, request: web.Request, _: given.Nothing) -> shapes.Done:
    return shapes.Done(done=await doing.go(at, request.match_info["name"], who(request)))


async def _sort_again(at: Desk, request: web.Request, _: given.Nothing) -> shapes.Sent:
    return shapes.Sent(sent=await doing.sort_again(at, request.match_info["name"], who(request)))


#: every route, and who answers
ROUTES: tuple[tuple[Described, Handler], ...] = (
    (Described("get", "/api/overview", "What the first page shows.", shapes.Overview), looks.see_overview),
    (Described("get", "/api/jobs", "Jobs, newest first.", shapes.Jobs, query=_JOBS), looks.see_jobs),
    (Described("get", "/api/jobs/{id}", "One job with everything that is known of it.", shapes.JobWhole), looks.see_job),
    (Described("get", "/api/deliveries", "What came in, newest first.", shapes.Deliveries, query=_DELIVERIES),
     looks.see_deliveries),
    (Described("get", "/api/deliveries/{id}", "What came, to the byte. That it was looked at is written down.",
               shapes.DeliveryWhole), looks.see_delivery),
    (Described("get", "/api/stuck", "What was not written and what waits for a person, by cause.", shapes.Causes),
     looks.see_causes),
    (Described("get", "/api/stuck/preview", "What would be sent for a group.", shapes.Previews, query=_GROUP),
     looks.see_previews),
    (Described("get", "/api/rehearsal", "What rehearsals would have written.", shapes.Rehearsals), looks.see_rehearsal),
    (Described("get", "/api/report", "Figures of the chats: shares from 0 to 1, spans in seconds, null for what is not known.",
               Report, query=_REPORT), looks.see_report),
    (Described("get", "/api/mappings", "The mappings that there are, and which connections use them.", shapes.Mappings),
     looks.see_mappings),
    (Described("get", "/api/mappings/{kind}/{name}", "A mapping as it is understood, with where each key is said.",
               shapes.MappingWhole), looks.see_mapping),
    (Described("get", "/api/mappings/{kind}/{name}/diff", "What another mapping in its place would change, also in the last "
               "deliveries.", shapes.MappingDiff, query=(Query("new", "the other mapping", _TEXT),)), looks.see_mapping_diff),
    (Described("post", "/api/jobs/{id}/replay", "Send a job round again.", shapes.Done, given.Replay, conflict=shapes.Done),
     _replay),
    (Described("post", "/api/jobs/{id}/skip", "Leave a job out for good.", shapes.Done, given.Nothing, conflict=shapes.Done),
     _skip),
    (Described("post", "/api/jobs/{id}/written", "Say that the operation whose outcome is unknown was carried out.", shapes.Done,
               given.Written, conflict=shapes.Done), _written),
    (Described("post", "/api/jobs/{id}/choose", "Say whose chat it is.", shapes.Done, given.Choose, conflict=shapes.Done),
     _choose),
    (Described("post", "/api/jobs/{id}/correct", "Put a chat's contact points right, and send its job round again.", shapes.Done,
               given.Correct, conflict=shapes.Done), _correct),
    (Described("post", "/api/jobs/replay", "Send a group of held or dead jobs round again.", shapes.Count, given.GroupGiven),
     _replay_group),
    (Described("post", "/api/rehearsal/{name}/write", "Write what the rehearsal of a target has planned.",
               shapes.Count, given.WriteRehearsed), _write_rehearsed),
    (Described("post", "/api/targets/{name}/go", "Let a stopped target go on.", shapes.Done, given.Nothing,
               conflict=shapes.Done), _go),
    (Described("post", "/api/sources/{name}/again", "Have deliveries of a source that were not understood read once more.",
               shapes.Sent, given.Nothing), _sort_again),
)  # fmt: skip


async def _body(request: web.Request, model: type[BaseModel]) -> BaseModel:
    """Raises Refused for what is no JSON object, or not this one."""
    try:
        body = read_json(await request.read() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused("Send a JSON object.")
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused(f"{where}: {first['msg']}." if where else f"{first['msg']}.") from None


def _version() -> str:
    try:
        return version("chat2crm")
    except PackageNotFoundError:  # run from a checkout that was never set up
        return "unknown"
