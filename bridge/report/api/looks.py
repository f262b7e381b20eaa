"""What the API answers to those who look: the pages' data, cut to what is promised. All are called alike."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import asdict

from aiohttp import web

from bridge.errors import Refused
from bridge.mapping.outline import outline
from bridge.report import doing, mappings
from bridge.report.api import shapes
from bridge.report.asked import DeliveryFilter, Group, JobFilter, row_number
from bridge.report.deps import Desk
from bridge.report.mappings.pages import asked
from bridge.report.overview import overview
from bridge.report.previews import PREVIEWED, Preview, previews
from bridge.report.rehearsals import all_rehearsed
from bridge.report.reports import Report
from bridge.report.reports.pages import report_for_scripts
from bridge.report.seeing import seen_raw
from bridge.report.trace import trace
from bridge.report.troubles.causes import causes
from bridge.report.view import LANGUAGE

LINES = 100


async def see_overview(at: Desk, request: web.Request, _: None) -> shapes.Overview:
    data = (await overview(at, request[LANGUAGE])).data()
    for lines in (data, *data["sources"], *data["targets"]):
        lines["hours"] = lines["hours"]["counts"]
    return shapes.Overview.model_validate(data)


async def see_jobs(at: Desk, request: web.Request, _: None) -> shapes.Jobs:
    wanted = JobFilter.of(request.query)
    found = await at.store.reading().finding.jobs(wanted.wanted(at.settings.zone), wanted.after, LINES)
    after = f"{found.next[0]}.{found.next[1]}" if found.next else None
    return shapes.Jobs.model_validate({"jobs": found.rows, "after": after, "cut": found.cut})


async def see_job(at: Desk, request: web.Request, _: None) -> shapes.JobWhole:
    found = await trace(at, row_number(request))
    if found is None:
        raise web.HTTPNotFound
    contacts = [point.model_dump(mode="json", exclude={"span"}) for point in found.conversation.points]
    candidates = [{"client_id": client, "name": name, "card_url": found.candidate_urls.get(client)}
                  for client, name in found.candidates]  # fmt: skip
    return shapes.JobWhole.model_validate({
        **found.job, "contacts": contacts, "card_url": found.card_url, "candidates": candidates, "can": sorted(found.actions)
    })  # fmt: skip


async def see_deliveries(at: Desk, request: web.Request, _: None) -> shapes.Deliveries:
    wanted = DeliveryFilter.of(request.query)
    rows = await at.store.reading().deliveries(state=wanted.state, source=wanted.source, before=wanted.before, limit=LINES)
    return shapes.Deliveries.model_validate({"deliveries": rows, "before": rows[-1]["id"] if len(rows) == LINES else None})


async def see_delivery(at: Desk, request: web.Request, _: None) -> shapes.DeliveryWhole:
    row = await seen_raw(at, request)
    body: bytes | None = row["body"]
    return shapes.DeliveryWhole.model_validate({
        **row, "size": None if body is None else len(body), "headers": json.loads(row["headers"]),
        "body": None if body is None else b64encode(body).decode(), "job": None,
    })  # fmt: skip


async def see_causes(at: Desk, request: web.Request, _: None) -> shapes.Causes:  # noqa: ARG001 - all are called alike
    found = causes(await at.store.reading().overviews.stuck())
    return shapes.Causes.model_validate({"causes": [asdict(cause) for cause in found]})


async def see_previews(at: Desk, request: web.Request, _: None) -> shapes.Previews:
    ids = await doing.jobs_of(at, Group.of(request.query))
    rows = await at.store.reading().overviews.plans(ids[:PREVIEWED])
    return shapes.Previews(count=len(ids), previews=[_preview(one) for one in previews(rows)])


async def see_rehearsal(at: Desk, request: web.Request, _: None) -> shapes.Rehearsals:  # noqa: ARG001 - as above
    return shapes.Rehearsals(targets=[
        shapes.RehearsalLine(
            target=one.target, mode=one.mode, create=one.create, attach=one.attach, told=one.told, hold=one.hold,
            upto=one.upto, more=one.more, previews=[_preview(preview) for preview in one.previews],
        ) for one in await all_rehearsed(at)
    ])  # fmt: skip


async def see_report(at: Desk, request: web.Request, _: None) -> Report:
    return await report_for_scripts(at, request.query)


async def see_mappings(at: Desk, request: web.Request, _: None) -> shapes.Mappings:  # noqa: ARG001 - as above
    return shapes.Mappings(mappings=[
        shapes.MappingLine(kind=folder, name=one.name, used=one.used)
        for folder in mappings.KINDS for one in mappings.listed(at, folder)
    ])  # fmt: skip


async def see_mapping(at: Desk, request: web.Request, _: None) -> shapes.MappingWhole:
    folder, name, loaded = asked(request)
    return shapes.MappingWhole.model_validate({
        "kind": folder, "name": name, "used": mappings.used(at, folder, name), "title": loaded.mapping.title,
        "extends": loaded.document.value.get("extends"), "entries": [asdict(entry) for entry in outline(loaded)],
    })  # fmt: skip


async def see_mapping_diff(at: Desk, request: web.Request, _: None) -> shapes.MappingDiff:
    folder, name, old = asked(request)
    found = await mappings.difference(at, folder, old, name, request.query.get("new", ""))
    if found is None:
        raise Refused("Name another mapping of the same kind as `new`.")
    return shapes.MappingDiff.model_validate({
        "read": found.read, "keys": [asdict(change) for change in found.keys], "changed": [asdict(one) for one in found.changed],
    })  # fmt: skip


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
