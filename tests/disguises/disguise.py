"""What every disguise of the sandbox shares: a strict reading of requests, the records as a search sees them, refusals.

A disguise knows the requests of one vendor's interface that the shipped mapping uses, and nothing else: whatever it does not
know is kept in `strange`, with the whole request, and fails the test. So a misspelt field cannot look like success here, though
it does with the vendor.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from bridge.sandbox.entities import CLIENT, DEAL, Entity
from bridge.sandbox.face import Route
from bridge.sandbox.faults import Faults
from bridge.sandbox.finding import find
from bridge.sandbox.points import digits_of, email_key
from bridge.sandbox.records import Records
from bridge.sandbox.refusals import Refusal
from bridge.sandbox.speech import answer, changed_fields, filled_form

Json = dict[str, Any]
ALL = 10_000


class Strange(Exception):
    """The disguise does not know this request."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read."""

    method: str
    path: str
    #: of the path, such as `id`
    parts: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    #: the JSON of the body, or the fields of a form, or a file's bytes; None if there is none
    body: Any
    origin: str

    def only(self, *names: str) -> None:
        """Its query has these names and no other."""
        only(self.query, names, "query")

    def number(self, name: str, default: int) -> int:
        return int(self.query.get(name, default))

    @property
    def id(self) -> int:
        return int(self.parts["id"])


Work = Callable[[Asked], web.Response]
#: method, path, operation, kind, what does it
Row = tuple[str, str, str, str, Work]


@dataclass
class Disguise:
    """A face of the sandbox (see bridge/sandbox/face.py). Those of one vendor say `table`, `let_in` and the wording."""

    records: Records
    faults: Faults
    #: what was asked that this disguise does not know, each with the whole request
    strange: list[str] = field(default_factory=list)
    #: operation → what somebody else does in the CRM right before it is carried out, once
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)

    # -- what a vendor's own says ----------------------------------------------------------------------------------------

    def table(self) -> Iterator[Row]:
        raise NotImplementedError

    def let_in(self, asked: Asked) -> web.Response | None:
        """The refusal of who may not come in."""
        raise NotImplementedError

    def refused(self, refusal: Refusal) -> web.Response:
        """In the vendor's words: what the records refuse."""
        raise NotImplementedError

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
        """In the vendor's words: what a fault of the sandbox refuses."""
        raise NotImplementedError

    # -- routes ----------------------------------------------------------------------------------------------------------

    def routes(self) -> Iterator[Route]:
        for method, path, operation, kind, work in self.table():
            yield method, path, operation, kind, partial(self._carry_out, operation, work)
        yield "*", "/{rest:.*}", "unknown", "unknown", partial(self._carry_out, "unknown", _unknown)

    def _carry_out(self, operation: str, work: Work, request: web.Request, body: bytes) -> web.Response:
        try:
            asked = _read(request, body)
            self.meanwhile.pop(operation, lambda: None)()
            refusal = None if operation.startswith("token.") else self.let_in(asked)
            return work(asked) if refusal is None else refusal
        except Refusal as refusal:
            return self.refused(refusal)
        except Exception as error:  # noqa: BLE001 - a disguise that stumbles does not know the request either
            why = str(error) if isinstance(error, Strange) else traceback.format_exc()
            headers = "".join(f"{name}: {value}\n" for name, value in request.headers.items())
            self.strange.append(f"{why}\n{request.method} {request.path_qs}\n{headers}\n{body.decode(errors='replace')}")
            return answer({"strange": why}, status=501)

    # -- records ---------------------------------------------------------------------------------------------------------

    def all(self, entity: Entity) -> list[Json]:
        """As they are, oldest first: what is read by its id never lags."""
        return self._shown(entity, 0.0)

    def seen(self, entity: Entity) -> list[Json]:
        """As a search sees them now: later than they were written, by the switch `index_lag`."""
        return self._shown(entity, self.faults.switches.index_lag)

    def _shown(self, entity: Entity, lag: float) -> list[Json]:
        rows = [entity.shown(row) for row in reversed(find(self.records, entity, {}, limit=ALL, lag=lag))]
        if entity is CLIENT and lag:
            late = self._written_since(self.records.clock() - lag)
            for row in rows:
                for name in ("phones", "emails"):
                    row[name] = [value for value in row[name] if (row["id"], _key(name, value)) not in late]
        return rows

    def _written_since(self, at: float) -> set[tuple[str, str]]:
        rows = self.records.db.execute("SELECT client_id, value FROM points WHERE written_at > ?", (at,))
        return {(str(row["client_id"]), row["value"]) for row in rows}

    def read(self, entity: Entity, record_id: int) -> Json:
        """Raises Missing, Merged."""
        return entity.shown(self.records.read(entity, record_id))

    def make(self, entity: Entity, **values: Any) -> Json:
        """Raises Unfit for what no CRM would store."""
        return entity.shown(self.records.create(entity, filled_form(entity, values)))

    def change(self, entity: Entity, record_id: int, **values: Any) -> Json:
        """Lists given stand in the place of those that are there."""
        row = self.records.read(entity, record_id)
        return entity.shown(
            self.records.update(entity, record_id, changed_fields(entity, row, values), replace_lists=True)
        )

    def deals_of(self, client_id: str) -> list[Json]:
        return [deal for deal in self.all(DEAL) if deal["client_id"] == client_id]


def only(given: Mapping[str, Any], names: Collection[str], where: str) -> None:
    """Raises Strange for a member that is not among `names`."""
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise Strange(f"{where} has what nobody knows: {', '.join(unknown)}")


def one(records: Iterable[Json]) -> Json:
    found = list(records)
    if len(found) != 1:
        raise Strange(f"{len(found)} records in a list of one")
    return found[0]


def _unknown(asked: Asked) -> web.Response:
    raise Strange(f"there is no {asked.method} {asked.path}")


def _key(name: str, value: str) -> str:
    return digits_of(value) if name == "phones" else email_key(value)


def _read(request: web.Request, body: bytes) -> Asked:
    content: Any = None
    if body:
        if request.content_type == "application/json":
            content = json.loads(body)
        elif request.content_type == "application/x-www-form-urlencoded":
            content = dict(parse_qsl(body.decode(), strict_parsing=True))
        elif request.content_type.partition("/")[0] in {"image", "audio"}:
            content = body
        else:
            raise Strange(f"a body of type {request.content_type}")
    query = dict(request.query)
    if len(query) != len(request.query):
        raise Strange("a name stands twice in the query")
    return Asked(
        request.method, request.path, dict(request.match_info), query, request.headers, content,
        f"{request.scheme}://{request.host}",
    )  # fmt: skip
