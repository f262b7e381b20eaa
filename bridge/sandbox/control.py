"""What tests and demos do behind the CRM's back: switches, counts, an empty start, clients to begin with. Needs no key."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bridge.sandbox.audit import audit
from bridge.sandbox.entities import CLIENT, DEAL, ENTITIES, NOTE, OWNER, TASK
from bridge.sandbox.faults import Faults
from bridge.sandbox.gate import Traffic
from bridge.sandbox.records import Records
from bridge.sandbox.refusals import BadRequest, Refusal
from bridge.sandbox.speech import answer, filled_form, parsed, refused
from bridge.sandbox.switches import Switches, read_switches

_NESTED = {entity.table: entity for entity in (NOTE, DEAL, TASK)}


class Control:
    def __init__(self, records: Records, faults: Faults, traffic: Traffic) -> None:
        self.records = records
        self.faults = faults
        self.traffic = traffic

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/_faults", self.show_faults)
        router.add_put("/_faults", self.set_faults)
        router.add_get("/_audit", self.show_audit)
        router.add_post("/_reset", self.reset)
        router.add_post("/_seed", self.seed)

    async def show_faults(self, _: web.Request) -> web.Response:
        return answer(self.faults.describe())

    async def set_faults(self, request: web.Request) -> web.Response:
        try:
            self.faults.set(read_switches(parsed(await request.read() or b"{}")))
        except Refusal as refusal:
            return refused(refusal)
        return answer(self.faults.describe())

    async def show_audit(self, request: web.Request) -> web.Response:
        told = audit(self.records, detail=request.query.get("detail", "").lower() in {"1", "true"})
        return answer(
            told
            | {
                "requests": dict(self.traffic.by_operation),
                "answers": dict(self.traffic.by_status),
                "most_requests_in_one_second": self.traffic.densest,
                "faults": dict(self.faults.happened),
            }
        )

    async def reset(self, _: web.Request) -> web.Response:
        self.records.reset()
        self.traffic.clear()
        self.faults.happened.clear()
        self.faults.set(Switches())
        return web.Response(status=204)

    async def seed(self, request: web.Request) -> web.Response:
        try:
            made = sow(self.records, parsed(await request.read()))
        except Refusal as refusal:
            return refused(refusal)
        return answer(made, status=201)


def sow(records: Records, given: Any) -> dict[str, list[str]]:
    """Make clients with what hangs on them; the ids made come back, by table.

    `given` is a list of clients, or `{"owners": [...], "clients": [...]}`; a client may hold `notes`, `deals` and
    `tasks`. The records before a faulty one stay made. Raises Refusal.
    """
    whole = {"clients": given} if isinstance(given, list) else given
    if not isinstance(whole, dict) or whole.keys() - {"owners", "clients"}:
        raise BadRequest('send a list of clients, or {"owners": [...], "clients": [...]}')
    made: dict[str, list[str]] = {table: [] for table in ENTITIES}
    for owner in _objects(whole.get("owners", []), "owners"):
        made["owners"].append(str(records.create(OWNER, filled_form(OWNER, owner))["id"]))
    for client in _objects(whole.get("clients", []), "clients"):
        nested = {table: _objects(client.get(table, []), table) for table in _NESTED}
        plain = {name: value for name, value in client.items() if name not in _NESTED}
        client_id = records.create(CLIENT, filled_form(CLIENT, plain))["id"]
        made["clients"].append(str(client_id))
        for table, things in nested.items():
            for thing in things:
                values = filled_form(_NESTED[table], thing | {"client_id": client_id})
                made[table].append(str(records.create(_NESTED[table], values)["id"]))
    return made


def _objects(given: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise BadRequest(f"{name} must be a list of objects")
    return given
