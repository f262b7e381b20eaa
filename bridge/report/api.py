"""The pages' data and buttons for scripts, under /api/: JSON in, JSON out, `Authorization: Bearer …`.

`GET /api/openapi.json` describes all of it; it is made of the table of routes here and the models of `shapes`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bridge.errors import Refused
from bridge.mapping.outline import outline
from bridge.model import JobState
from bridge.report import doing, mappings, shapes
from bridge.report.asked import DELIVERY_STATES, DeliveryFilter, Group, JobFilter, row_number
from bridge.report.auditing import who
from bridge.report.causes import causes
from bridge.report.deps import Desk, desk
from bridge.report.mapping_pages import asked
from bridge.report.openapi import Described, Query, document
from bridge.report.overview import overview
from bridge.report.previews import PREVIEWED, Preview, previews
from bridge.report.rehearsals import all_rehearsed
from bridge.report.report_pages import report_for_scripts
from bridge.report.reports import Report
from bridge.report.seeing import seen_raw
from bridge.report.sheet import as_text
from bridge.report.telling import shared, told
from bridge.report.trace import trace
from bridge.report.view import LANGUAGE
from bridge.store.reports import BY

LINES = 100

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


# -- what is looked at -------------------------------------------------------------------------------------------------


async def _overview(at: Desk, request: web.Request, _: None) -> shapes.Overview:
    data = (await overview(at, request[LANGUAGE])).data()
    for lines in (data, *data["sources"], *data["targets"]):
        lines["hours"] = lines["hours"]["counts"]
    return shapes.Overview.model_validate(data)


async def _jobs(at: Desk, request: web.Request, _: None) -> shapes.Jobs:
    wanted = JobFilter.of(request.query)
    found = await at.store.reading().finding.jobs(wanted.wanted(at.settings.zone), wanted.after, LINES)
    after = f"{found.next[0]}.{found.next[1]}" if found.next else None
    return shapes.Jobs.model_validate({"jobs": found.rows, "after": after, "cut": found.cut})


async def _job(at: Desk, request: web.Request, _: None) -> shapes.JobWhole:
    found = await trace(at, row_number(request))
    if found is None:
        raise web.HTTPNotFound
    contacts = [point.model_dump(mode="json", exclude={"span"}) for point in found.conversation.points]
    candidates = [{"client_id": client, "name": name, "card_url": found.candidate_urls.get(client)}
                  for client, name in found.candidates]  # fmt: skip
    return shapes.JobWhole.model_validate({
        **found.job, "contacts": contacts, "card_url": found.card_url, "candidates": candidates, "can": sorted(found.actions)
    })  # fmt: skip


async def _deliveries(at: Desk, request: web.Request, _: None) -> shapes.Deliveries:
    wanted = DeliveryFilter.of(request.query)
    rows = await at.store.reading().deliveries(state=wanted.state, source=wanted.source, before=wanted.before, limit=LINES)
    return shapes.Deliveries.model_validate({"deliveries": rows, "before": rows[-1]["id"] if len(rows) == LINES else None})


async def _delivery(at: Desk, request: web.Request, _: None) -> shapes.DeliveryWhole:
    row = await seen_raw(at, request)
    body: bytes | None = row["body"]
    return shapes.DeliveryWhole.model_validate({
        **row, "size": None if body is None else len(body), "headers": json.loads(row["headers"]),
        "body": None if body is None else b64encode(body).decode(), "job": None,
    })  # fmt: skip


async def _causes(at: Desk, request: web.Request, _: None) -> shapes.Causes:  # noqa: ARG001 - all are called alike
    found = causes(await at.store.reading().overviews.stuck())
    return shapes.Causes.model_validate({"causes": [asdict(cause) for cause in found]})


async def _previews(at: Desk, request: web.Request, _: None) -> shapes.Previews:
    ids = await doing.jobs_of(at, Group.of(request.query))
    rows = await at.store.reading().overviews.plans(ids[:PREVIEWED])
    return shapes.Previews(count=len(ids), previews=[_preview(one) for one in previews(rows)])


async def _rehearsal(at: Desk, request: web.Request, _: None) -> shapes.Rehearsals:  # noqa: ARG001 - as above
    return shapes.Rehearsals(targets=[
        shapes.RehearsalLine(
            target=one.target, mode=one.mode, create=one.create, attach=one.attach, told=one.told, hold=one.hold,
            upto=one.upto, more=one.more, previews=[_preview(preview) for preview in one.previews],
        ) for one in await all_rehearsed(at)
    ])  # fmt: skip


async def _report(at: Desk, request: web.Request, _: None) -> Report:
    return await report_for_scripts(at, request.query)


async def _mappings(at: Desk, request: web.Request, _: None) -> shapes.Mappings:  # noqa: ARG001 - as above
    return shapes.Mappings(mappings=[
        shapes.MappingLine(kind=folder, name=one.name, used=one.used)
        for folder in mappings.KINDS for one in mappings.listed(at, folder)
    ])  # fmt: skip


async def _mapping(at: Desk, request: web.Request, _: None) -> shapes.MappingWhole:
    folder, name, loaded = asked(request)
    return shapes.MappingWhole.model_validate({
        "kind": folder, "name": name, "used": mappings.used(at, folder, name), "title": loaded.mapping.title,
        "extends": loaded.document.value.get("extends"), "entries": [asdict(entry) for entry in outline(loaded)],
    })  # fmt: skip


async def _mapping_diff(at: Desk, request: web.Request, _: None) -> shapes.MappingDiff:
    folder, name, old = asked(request)
    found = await mappings.difference(at, folder, old, name, request.query.get("new", ""))
    if found is None:
        raise Refused("Name another mapping of the same kind as `new`.")
    return shapes.MappingDiff.model_validate({
        "read": found.read, "keys": [asdict(change) for change in found.keys], "changed": [asdict(one) for one in found.changed],
    })  # fmt: skip


# -- what is done ------------------------------------------------------------------------------------------------------


async def _replay(at: Desk, request: web.Request, body: shapes.Replay) -> shapes.Done:
    return shapes.Done(
        done=await doing.replay(at, row_number(request), who(request), again=body.again, for_real=body.for_real)
    )


async def _skip(at: Desk, request: web.Request, _: shapes.Nothing) -> shapes.Done:
    return shapes.Done(done=await doing.skip(at, row_number(request), who(request)))


async def _written(at: Desk, request: web.Request, body: shapes.Written) -> shapes.Done:
    return shapes.Done(done=await doing.written(at, row_number(request), str(body.record_id or ""), who(request)))


async def _choose(at: Desk, request: web.Request, body: shapes.Choose) -> shapes.Done:
    return shapes.Done(done=await doing.choose(at, row_number(request), str(body.client_id), who(request)))


async def _correct(at: Desk, request: web.Request, body: shapes.Correct) -> shapes.Done:
    return shapes.Done(done=await doing.correct(at, row_number(request), body.keep, body.add, who(request)))


async def _replay_group(at: Desk, request: web.Request, body: shapes.GroupGiven) -> shapes.Count:
    return shapes.Count(jobs=await doing.replay_group(at, Group.of(body.model_dump()), who(request)))


async def _write_rehearsed(at: Desk, request: web.Request, body: shapes.WriteRehearsed) -> shapes.Count:
    return shapes.Count(jobs=await doing.write_rehearsed(at, request.match_info["name"], body.upto, who(request)))


async def _go(at: Desk, request: web.Request, _: shapes.Nothing) -> shapes.Done:
    return shapes.Done(done=await doing.go(at, request.match_info["name"], who(request)))


async def _sort_again(at: Desk, request: web.Request, _: shapes.Nothing) -> shapes.Sent:
    return shapes.Sent(sent=await doing.sort_again(at, request.match_info["name"], who(request)))


#: every route, and who answers
ROUTES: tuple[tuple[Described, Handler], ...] = (
    (Described("get", "/api/overview", "What the first page shows.", shapes.Overview), _overview),
    (Described("get", "/api/jobs", "Jobs, newest first.", shapes.Jobs, query=_JOBS), _jobs),
    (Described("get", "/api/jobs/{id}", "One job with everything that is known of it.", shapes.JobWhole), _job),
    (Described("get", "/api/deliveries", "What came in, newest first.", shapes.Deliveries, query=_DELIVERIES), _deliveries),
    (Described("get", "/api/deliveries/{id}", "What came, to the byte. That it was looked at is written down.",
               shapes.DeliveryWhole), _delivery),
    (Described("get", "/api/stuck", "What was not written and what waits for a person, by cause.", shapes.Causes), _causes),
    (Described("get", "/api/stuck/preview", "What would be sent for a group.", shapes.Previews, query=_GROUP), _previews),
    (Described("get", "/api/rehearsal", "What rehearsals would have written.", shapes.Rehearsals), _rehearsal),
    (Described("get", "/api/report", "Figures of the chats: shares from 0 to 1, spans in seconds, null for what is not known.",
               Report, query=_REPORT), _report),
    (Described("get", "/api/mappings", "The mappings that there are, and which connections use them.", shapes.Mappings),
     _mappings),
    (Described("get", "/api/mappings/{kind}/{name}", "A mapping as it is understood, with where each key is said.",
               shapes.MappingWhole), _mapping),
    (Described("get", "/api/mappings/{kind}/{name}/diff", "What another mapping in its place would change, also in the last "
               "deliveries.", shapes.MappingDiff, query=(Query("new", "the other mapping", _TEXT),)), _mapping_diff),
    (Described("post", "/api/jobs/{id}/replay", "Send a job round again.", shapes.Done, shapes.Replay, conflict=shapes.Done),
     _replay),
    (Described("post", "/api/jobs/{id}/skip", "Leave a job out for good.", shapes.Done, shapes.Nothing, conflict=shapes.Done),
     _skip),
    (Described("post", "/api/jobs/{id}/written", "Say that the operation whose outcome is unknown was carried out.", shapes.Done,
               shapes.Written, conflict=shapes.Done), _written),
    (Described("post", "/api/jobs/{id}/choose", "Say whose chat it is.", shapes.Done, shapes.Choose, conflict=shapes.Done),
     _choose),
    (Described("post", "/api/jobs/{id}/correct", "Put a chat's contact points right, and send its job round again.", shapes.Done,
               shapes.Correct, conflict=shapes.Done), _correct),
    (Described("post", "/api/jobs/replay", "Send a group of held or dead jobs round again.", shapes.Count, shapes.GroupGiven),
     _replay_group),
    (Described("post", "/api/rehearsal/{name}/write", "Write what the rehearsal of a target has planned.",
               shapes.Count, shapes.WriteRehearsed), _write_rehearsed),
    (Described("post", "/api/targets/{name}/go", "Let a stopped target go on.", shapes.Done, shapes.Nothing,
               conflict=shapes.Done), _go),
    (Described("post", "/api/sources/{name}/again", "Have deliveries of a source that were not understood read once more.",
               shapes.Sent, shapes.Nothing), _sort_again),
)  # fmt: skip


def _preview(one: Preview) -> shapes.PreviewLine:
    return shapes.PreviewLine(
        job=one.job, name=one.name, begun=one.begun, verdict=one.match.verdict.value if one.match else None,
        reason=one.match.reason if one.match else "", card_url=one.card_url,
        operations=[
            shapes.OperationLine(kind=operation.kind, part=operation.part, parts=operation.parts, title=operation.title,
                                 text=operation.text or str(operation.html or ""))
            for operation in one.operations
        ],
    )  # fmt: skip


async def _body(request: web.Request, model: type[BaseModel]) -> BaseModel:
    """Raises Refused for what is no JSON object, or not this one."""
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
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
