"""The CRM's REST API under /api/v1: one row of ROUTES an operation. docs/sandbox.md describes it for callers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import blake2b
from hmac import compare_digest

from aiohttp import web

from bridge.sandbox.entities import ATTACHED, CLIENT, ENTITIES, FILE, NOTE, OWNER, Entity
from bridge.sandbox.face import Route
from bridge.sandbox.faults import Faults
from bridge.sandbox.finding import find, is_known_filter
from bridge.sandbox.gate import Work
from bridge.sandbox.records import Records, Row
from bridge.sandbox.refusals import BadRequest, Lookalikes, Missing, NoKey, ReadOnly, Refusal
from bridge.sandbox.speech import Json, answer, changed_fields, filled_form, refused, refused_by_gate, whole_object

LONGEST_PAGE = 200
_PAGING = ("limit", "after")


class Api:
    """The operations. `api_key` may do all, `read_key` may only look."""

    def __init__(self, records: Records, faults: Faults, *, api_key: str, read_key: str) -> None:
        self.records = records
        self.faults = faults
        self._keys = {"write": api_key.encode(), "read": read_key.encode()}

    def routes(self) -> Iterator[Route]:
        for method, path, operation, kind, work in self._table():
            yield method, f"/api/v1{path}", operation, kind, partial(self._carry_out, kind, work)

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
        return refused_by_gate(status, code, message, headers)

    def _table(self) -> Iterator[Route]:
        yield "GET", "/me", "me.read", "read", self.me
        for table, entity in ENTITIES.items():
            name = entity.name
            yield "GET", f"/{table}", f"{name}.search", "search", partial(self.search, entity)
            yield "POST", f"/{table}", f"{name}.create", "write", partial(self.create, entity)
            yield "GET", rf"/{table}/{{id:\d{{1,18}}}}", f"{name}.read", "read", partial(self.read, entity)
            if entity is not OWNER:
                yield (
                    "GET",
                    f"/{table}/external/{{external_id}}",
                    f"{name}.read",
                    "read",
                    partial(self.read_by_external_id, entity),
                )
            if entity is not FILE:
                yield "PATCH", rf"/{table}/{{id:\d{{1,18}}}}", f"{name}.update", "write", partial(self.update, entity)
        yield "PUT", r"/clients/{id:\d{1,18}}", "client.update", "write", partial(self.update, CLIENT)
        yield "DELETE", r"/clients/{id:\d{1,18}}", "client.delete", "write", self.delete
        yield "DELETE", r"/notes/{id:\d{1,18}}", "note.delete", "write", self.delete_note
        yield "POST", r"/clients/{id:\d{1,18}}/merge", "client.merge", "write", self.merge
        for entity in ATTACHED:
            path = rf"/clients/{{client_id:\d{{1,18}}}}/{entity.table}"
            yield "GET", path, f"{entity.name}.list", "read", partial(self.search, entity)
            yield "POST", path, f"{entity.name}.create", "write", partial(self.create, entity)
        yield "GET", r"/files/{id:\d{1,18}}/content", "file.read", "read", self.content
        yield "*", "/{rest:.*}", "unknown", "read", self.unknown

    def _carry_out(self, kind: str, work: Work, request: web.Request, body: bytes) -> web.Response:
        try:
            self._authorise(kind, request)
            return work(request, body)
        except Refusal as refusal:
            extra = self._shown_lookalikes(refusal, request) if isinstance(refusal, Lookalikes) else {}
            return refused(refusal, extra)

    def _authorise(self, kind: str, request: web.Request) -> str:
        given = request.headers.get("X-Api-Key", "").encode("utf-8", "surrogateescape")
        if compare_digest(given, self._keys["write"]):
            return "write"
        if not compare_digest(given, self._keys["read"]):
            raise NoKey("send a valid key in the header X-Api-Key" if given else "the header X-Api-Key is missing")
        if kind == "write":
            raise ReadOnly("this key may only read; use the key that may write")
        return "read"

    # -- looking -------------------------------------------------------------------------------------------------------

    def me(self, request: web.Request, _: bytes) -> web.Response:
        return answer({"may": self._authorise("read", request)})

    def search(self, entity: Entity, request: web.Request, _: bytes) -> web.Response:
        """Answer a search, or, with a client in the path, the list of what hangs on it (which never lags)."""
        filters = self._filters(entity, request)
        limit = _number(request, "limit", 50, most=LONGEST_PAGE)
        after = _number(request, "after", None)
        client_id = request.match_info.get("client_id")
        lag = self.faults.switches.index_lag
        if client_id is not None:
            self.records.read(CLIENT, int(client_id))
            filters["client_id"], lag = [client_id], 0
        rows = find(self.records, entity, filters, limit=(limit or 0) + 1, after=after, lag=lag)
        items = [self._shown(entity, row, request) for row in rows[:limit]]
        more = len(rows) > len(items)
        return answer(
            {
                "items": items,
                "next": str(request.url.update_query(after=items[-1]["id"])) if more else None,
                "next_after": items[-1]["id"] if more else None,
            }
        )

    def _filters(self, entity: Entity, request: web.Request) -> dict[str, list[str]]:
        lenient = self.faults.switches.lenient_filters
        filters: dict[str, list[str]] = {}
        for name, value in request.query.items():
            if name in _PAGING or (lenient and not (value.strip() and is_known_filter(entity, name))):
                continue
            if not value.strip():
                raise BadRequest(f"the filter {name!r} is empty; give it a value, or leave it out to list everything")
            filters.setdefault(name, []).append(value)
        return filters

    def read(self, entity: Entity, request: web.Request, _: bytes) -> web.Response:
        return answer(self._shown(entity, self.records.read(entity, int(request.match_info["id"])), request))

    def read_by_external_id(self, entity: Entity, request: web.Request, _: bytes) -> web.Response:
        row = self.records.read_by_external_id(entity, request.match_info["external_id"])
        return answer(self._shown(entity, row, request))

    def content(self, request: web.Request, _: bytes) -> web.Response:
        row = self.records.read(FILE, int(request.match_info["id"]))
        return web.Response(body=row["content"], content_type="application/octet-stream")

    def unknown(self, request: web.Request, _: bytes) -> web.Response:
        raise Missing("operation", f"{request.method} {request.path}; the API is described in docs/sandbox.md")

    # -- writing -------------------------------------------------------------------------------------------------------

    def create(self, entity: Entity, request: web.Request, body: bytes) -> web.Response:
        given = whole_object(body)
        if "client_id" in request.match_info:
            given["client_id"] = request.match_info["client_id"]
        key = request.headers.get("Idempotency-Key")
        fingerprint = blake2b(request.path.encode() + b"\n" + body, digest_size=16).hexdigest()
        if key:
            done = self.records.recall(entity, key, fingerprint, valid_for=self.faults.switches.keys_valid_for)
            if done is not None:
                return answer(self._shown(entity, done, request), status=201, headers={"Idempotent-Replay": "true"})
        values = filled_form(entity, given)
        if entity is CLIENT:
            self._check_client(values, request)
        row = self.records.create(entity, values, key=(key, fingerprint) if key else None)
        return answer(self._shown(entity, row, request), status=201)

    def _check_client(self, values: Row, request: web.Request) -> None:
        if self.faults.switches.refuse_duplicates and request.headers.get("X-Allow-Duplicate", "").lower() != "true":
            alike = {
                row["id"]
                for name in ("phone", "email")
                if values[f"{name}s"]
                for row in find(self.records, CLIENT, {name: values[f"{name}s"]})
            }
            if alike:
                raise Lookalikes(sorted(alike))

    def update(self, entity: Entity, request: web.Request, body: bytes) -> web.Response:
        """PATCH changes what is given; PUT too, but phones, e-mails and custom fields given replace those there."""
        record_id = int(request.match_info["id"])
        changes = changed_fields(entity, self.records.read(entity, record_id), whole_object(body))
        replace = request.method == "PUT" or self.faults.switches.replace_lists
        row = self.records.update(entity, record_id, changes, replace_lists=replace)
        return answer(self._shown(entity, row, request))

    def merge(self, request: web.Request, body: bytes) -> web.Response:
        into = str(whole_object(body).get("into", ""))
        if not (into.isascii() and into.isdigit()):
            raise BadRequest('say which client stays: {"into": "<id>"}')
        row = self.records.merge(int(request.match_info["id"]), int(into))
        return answer(self._shown(CLIENT, row, request))

    def delete(self, request: web.Request, _: bytes) -> web.Response:
        self.records.delete(int(request.match_info["id"]))
        return web.Response(status=204)

    def delete_note(self, request: web.Request, _: bytes) -> web.Response:
        self.records.delete_note(int(request.match_info["id"]))
        return web.Response(status=204)

    # -- wording -------------------------------------------------------------------------------------------------------

    def _shown(self, entity: Entity, row: Row, request: web.Request) -> Json:
        shown = entity.shown(row)
        if entity is CLIENT:
            shown["url"] = f"{request.scheme}://{request.host}/clients/{row['id']}"
        elif entity is FILE:
            shown["size"] = len(row["content"])
        elif entity is NOTE:
            shown["at"] = shown["at"] or shown["created_at"]
        return shown

    def _shown_lookalikes(self, refusal: Lookalikes, request: web.Request) -> Json:
        rows = [self.records.read(CLIENT, client_id) for client_id in refusal.ids]
        return {"records": [self._shown(CLIENT, row, request) for row in rows]}


def _number(request: web.Request, name: str, default: int | None, *, most: int = 2**63 - 1) -> int | None:
    given = request.query.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:20]) <= most):
        raise BadRequest(f"{name} is a number from 1 to {most}, not {given!r}")
    return int(given)
