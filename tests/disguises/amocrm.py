"""amoCRM, API v4, as docs/crms/amocrm.md knows it: 204 for nothing, a text search over all fields, lists that are replaced."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any

from aiohttp import web
from disguises.disguise import Asked, Disguise, Json, Row, Strange, one, only
from disguises.drive import SESSIONS, Drive
from disguises.tokens import BACK, Tokens

from bridge.sandbox import API_KEY
from bridge.sandbox.entities import CLIENT, DEAL, FILE, NOTE, OWNER, TASK
from bridge.sandbox.refusals import Merged, Missing, Refusal
from bridge.sandbox.speech import answer

API = "/api/v4"
ACCOUNT = 28805383
MARKER, SITE_ID, DEAL_MARKER = 510001, 510002, 620001
#: custom fields of text, by kind of record
FIELDS = {"contacts": {MARKER, SITE_ID}, "companies": {MARKER, SITE_ID}, "leads": {DEAL_MARKER}}
LISTS = {"PHONE": "phones", "EMAIL": "emails"}
#: the longest text of a custom field
LONGEST_FIELD = 256
PIPELINE, FIRST_STAGE, WON = 1300, 48300001, 142


@dataclass
class AmoCrm(Disguise):
    tokens: Tokens | None = None
    token: str = API_KEY
    page: int = 250
    #: notes and tasks come back as their pages would show them, with &quot; and its like
    escapes: bool = False
    tags: list[str] = field(default_factory=list)
    drive: Drive = field(default_factory=Drive)
    _reads: bool = False

    def table(self) -> Iterator[Row]:
        yield "POST", "/oauth2/access_token", "token.exchange", "auth", self.exchange
        yield "GET", f"{API}/leads/pipelines", "pipeline.list", "read", self.pipelines
        for kind in ("contacts", "companies"):
            yield "GET", f"{API}/{{kind:{kind}}}", "client.search", "search", self.search
            yield "GET", rf"{API}/{{kind:{kind}}}/{{id:\d+}}", "client.read", "read", self.card
            yield "PATCH", rf"{API}/{{kind:{kind}}}/{{id:\d+}}", "client.update", "write", self.update
        yield "POST", f"{API}/{{kind:contacts}}", "client.create", "write", self.create
        yield "GET", f"{API}/{{kind:leads}}", "deal.search", "search", self.search
        yield "GET", rf"{API}/leads/{{id:\d+}}", "deal.read", "read", self.lead
        yield "POST", f"{API}/leads", "deal.create", "write", self.create_lead
        yield "GET", rf"{API}/{{kind:contacts|companies|leads}}/{{id:\d+}}/notes", "note.list", "read", self.notes
        yield "POST", rf"{API}/{{kind:contacts|companies|leads}}/{{id:\d+}}/notes", "note.create", "write", self.create_note
        yield "POST", SESSIONS, "upload.open", "write", self.drive.begin
        yield "POST", f"{SESSIONS}/upload/{{token}}", "upload.part", "write", self.drive.part
        yield "GET", f"{API}/tasks", "task.list", "read", self.tasks
        yield "POST", f"{API}/tasks", "task.create", "write", self.create_task
        yield "GET", f"{API}/users", "owner.list", "read", self.users

    # -- who comes in ----------------------------------------------------------------------------------------------------

    def let_in(self, asked: Asked) -> web.Response | None:
        self._reads = asked.method == "GET"
        access = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        if access == self.token if self.tokens is None else self.tokens.lets_in(access):
            return None
        return problem(401, "Unauthorized", "Token expired")

    def exchange(self, asked: Asked) -> web.Response:
        assert self.tokens is not None
        only(asked.body, ("client_id", "client_secret", "grant_type", "refresh_token", "code", "redirect_uri"), "token")
        if asked.body.get("redirect_uri") != BACK:
            return problem(400, "Bad Request", "The redirect uri does not match")
        pair = self.tokens.exchange(asked.body)
        if pair is None:
            return answer({"hint": "Token has been revoked", "title": "Ошибка авторизации", "status": 401,
                           "detail": "The refresh token is invalid."}, status=401)  # fmt: skip
        return answer({"token_type": "Bearer", "expires_in": int(self.tokens.lives), "access_token": pair[0],
                       "refresh_token": pair[1]})  # fmt: skip

    # -- contacts, companies, leads --------------------------------------------------------------------------------------

    def search(self, asked: Asked) -> web.Response:
        """Any filled field that holds this text, as it was typed: `+7 916` and `8916` are two."""
        asked.only("query", "limit", "page")
        wanted, kind = asked.query["query"], asked.parts["kind"]
        if not wanted:
            raise Strange("a search without a text finds everybody")
        if kind == "leads":
            found = [self._lead(deal) for deal in self.seen(DEAL) if _holds(deal, wanted)]
        else:
            found = [
                self._card(row, kind) for row in self.seen(CLIENT) if _kind_of(row) == kind and _holds(row, wanted)
            ]
        return self._listed(asked, kind, found)

    def card(self, asked: Asked) -> web.Response:
        asked.only("with")
        row = self.read(CLIENT, asked.id)
        if _kind_of(row) != asked.parts["kind"]:
            raise Missing("client", asked.id)
        shown = self._card(row, asked.parts["kind"])
        if asked.query.get("with") == "leads":
            shown["_embedded"]["leads"] = [{"id": int(deal["id"])} for deal in self.deals_of(row["id"])]
        return _said(shown)

    def create(self, asked: Asked) -> web.Response:
        given = one(asked.body)
        only(given, ("name", "first_name", "last_name", "responsible_user_id", "custom_fields_values", "tags_to_add"), "contact")
        wrong = _wrong("contacts", given)
        if wrong is not None:
            return wrong
        self.tags += [tag["name"] for tag in given.get("tags_to_add", [])]
        name = given.get("name") or " ".join(filter(None, (given.get("first_name"), given.get("last_name"))))
        made = self.make(CLIENT, name=name, owner_id=given.get("responsible_user_id"), **_stored(given, {}))
        return self._made("contacts", made, asked)

    def update(self, asked: Asked) -> web.Response:
        """What is sent stands in the place of what was there, a list with all its values."""
        only(asked.body, ("custom_fields_values",), "contact")
        wrong = _wrong(asked.parts["kind"], asked.body)
        if wrong is not None:
            return wrong
        had = self.read(CLIENT, asked.id)
        row = self.change(CLIENT, asked.id, **_stored(asked.body, had["custom"]))
        return _said({"id": int(row["id"]), "updated_at": _unix(row["changed_at"]), "_links": {}})

    def lead(self, asked: Asked) -> web.Response:
        asked.only()
        return _said(self._lead(self.read(DEAL, asked.id)))

    def create_lead(self, asked: Asked) -> web.Response:
        given = one(asked.body)
        only(given, ("name", "pipeline_id", "status_id", "responsible_user_id", "custom_fields_values", "tags_to_add",
                     "_embedded"), "lead")  # fmt: skip
        only(given["_embedded"], ("contacts", "companies"), "lead._embedded")
        wrong = _wrong("leads", given)
        if wrong is not None:
            return wrong
        of = one([*given["_embedded"].get("contacts", []), *given["_embedded"].get("companies", [])])
        made = self.make(
            DEAL, client_id=_integer(of, "id"), title=given["name"], owner_id=given.get("responsible_user_id"),
            pipeline=str(given.get("pipeline_id", PIPELINE)), stage=str(given.get("status_id", FIRST_STAGE)),
            custom=_stored(given, {})["custom"],
        )  # fmt: skip
        return self._made("leads", made, asked)

    # -- notes and tasks -------------------------------------------------------------------------------------------------

    def notes(self, asked: Asked) -> web.Response:
        asked.only("order[id]", "limit", "page")
        kind = asked.parts["kind"]
        self._holder(kind, asked.id)
        kept = reversed(self.all(FILE)) if kind != "leads" else ()
        files = [_attachment(file) for file in kept if file["client_id"] == asked.parts["id"]]
        found = files + [self._note(note) for note in reversed(self.all(NOTE)) if _hangs_on(note, kind, asked.parts["id"])]
        return self._listed(asked, "notes", found)

    def create_note(self, asked: Asked) -> web.Response:
        given = one(asked.body)
        only(given, ("note_type", "params", "is_need_to_trigger_digital_pipeline"), "note")
        if given["is_need_to_trigger_digital_pipeline"] is not False:
            raise Strange("a note that sets off the digital pipeline may write to the client")
        if given["note_type"] == "attachment":
            return self._attach(asked, given["params"])
        if given["note_type"] == "common":
            only(given["params"], ("text",), "note.params")
        elif given["note_type"] != "extended_service_message" or set(given["params"]) != {"text", "service"}:
            raise Strange(f"a note of type {given['note_type']} with {sorted(given['params'])}")
        client, deal = self._holder(asked.parts["kind"], asked.id)
        made = self.make(NOTE, client_id=client, deal_id=deal, text=given["params"]["text"])
        return self._made("notes", made, asked)

    def _attach(self, asked: Asked, told: Json) -> web.Response:
        only(told, ("file_uuid", "version_uuid", "file_name"), "note.params")
        file = self.drive.kept(told["file_uuid"], told["version_uuid"])
        client, _ = self._holder(asked.parts["kind"], asked.id)
        marker, _, name = told["file_name"].partition(" ")
        content = b64encode(file["content"]).decode()
        made = self.make(FILE, client_id=client, name=name, type=file["type"], content=content, marker=marker)
        return self._made("notes", made, asked)

    def tasks(self, asked: Asked) -> web.Response:
        asked.only("filter[entity_type]", "filter[entity_id]", "order[id]", "limit", "page")
        found = [self._task(task) for task in reversed(self.all(TASK)) if task["client_id"] == asked.query["filter[entity_id]"]]
        return self._listed(asked, "tasks", found)

    def create_task(self, asked: Asked) -> web.Response:
        given = one(asked.body)
        only(given, ("text", "task_type_id", "complete_till", "responsible_user_id", "entity_id", "entity_type"), "task")
        _integer(given, "complete_till")
        made = self.make(TASK, client_id=_integer(given, "entity_id"), text=given["text"])
        return self._made("tasks", made, asked)

    # -- lists that others keep ------------------------------------------------------------------------------------------

    def pipelines(self, asked: Asked) -> web.Response:
        asked.only()
        statuses = [{"id": number, "name": name, "pipeline_id": PIPELINE}
                    for number, name in ((FIRST_STAGE, "Первичный контакт"), (WON, "Успешно реализовано"))]  # fmt: skip
        shop = {"id": PIPELINE, "name": "Розница", "is_main": True, "_embedded": {"statuses": statuses}}
        return _said({"_total_items": 1, "_embedded": {"pipelines": [shop]}})

    def users(self, asked: Asked) -> web.Response:
        found = [{"id": int(row["id"]), "name": row["name"], "email": row["email"]} for row in self.all(OWNER)]
        return self._listed(asked, "users", found)

    # -- wording ---------------------------------------------------------------------------------------------------------

    def refused(self, refusal: Refusal) -> web.Response:
        """Who reads what is not there gets nothing, and a list of it is empty; how a write is refused is inferred."""
        if isinstance(refusal, Missing | Merged):
            return web.Response(status=204) if self._reads else problem(404, "Not Found", "Entity not found")
        return problem(400, "Bad Request", str(refusal))

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
        """No time is named with a 429, and a block is a bare page of the web server."""
        if code == "blocked":
            page = "<html><head><title>403 Forbidden</title></head><body><center>nginx</center></body></html>"
            return web.Response(status=403, text=page, content_type="text/html")
        return web.Response(status=status, text="Too Many Requests" if status == 429 else "")

    def _listed(self, asked: Asked, kind: str, found: list[Json]) -> web.Response:
        number, limit = asked.number("page", 1), min(asked.number("limit", 50), self.page)
        shown = found[(number - 1) * limit : number * limit]
        if not shown:
            return web.Response(status=204)
        here = f"{asked.origin}{asked.path}"
        links = {"self": {"href": f"{here}?page={number}"}}
        if len(found) > number * limit:
            query = {**asked.query, "page": str(number + 1)}
            links["next"] = {"href": here + "?" + "&".join(f"{name}={value}" for name, value in query.items())}
        return _said({"_page": number, "_links": links, "_embedded": {kind: shown}})

    def _made(self, kind: str, row: Json, asked: Asked) -> web.Response:
        one_of = {"id": int(row["id"]), "request_id": "0", "_links": {"self": {"href": f"{asked.origin}{asked.path}"}}}
        return _said({"_links": {}, "_embedded": {kind: [one_of]}})

    def _holder(self, kind: str, record_id: int) -> tuple[int, int | None]:
        """The client and the lead that a note on it belongs to. Raises Missing."""
        if kind == "leads":
            return int(self.read(DEAL, record_id)["client_id"]), record_id
        self.read(CLIENT, record_id)
        return record_id, None

    def _card(self, row: Json, kind: str) -> Json:
        values: list[Json] = []
        for code, name in LISTS.items():
            if row[name]:
                elements = [{"value": value, "enum_id": 289 + at, "enum_code": "WORK"} for at, value in enumerate(row[name])]
                values.append({"field_id": 170001 + len(values), "field_name": code.title(), "field_code": code,
                               "field_type": "multitext", "values": elements})  # fmt: skip
        values += _own_fields(row)
        return {
            "id": int(row["id"]), "name": row["name"] or "", "first_name": "", "last_name": "",
            "responsible_user_id": int(row["owner_id"] or 504141), "group_id": 0, "created_by": 504141, "updated_by": 504141,
            "created_at": _unix(row["created_at"]), "updated_at": _unix(row["changed_at"]), "closest_task_at": None,
            "is_deleted": False, "custom_fields_values": values or None, "account_id": ACCOUNT,
            "_links": {}, "_embedded": {"tags": [], ("companies" if kind == "contacts" else "contacts"): []},
        }  # fmt: skip

    def _lead(self, row: Json) -> Json:
        return {
            "id": int(row["id"]), "name": row["title"], "price": 0, "responsible_user_id": int(row["owner_id"] or 504141),
            "status_id": int(row["stage"]) if row["open"] else WON, "pipeline_id": int(row["pipeline"]),
            "created_at": _unix(row["created_at"]), "updated_at": _unix(row["changed_at"]),
            "closed_at": None if row["open"] else _unix(row["changed_at"]), "is_deleted": False,
            "custom_fields_values": _own_fields(row) or None, "account_id": ACCOUNT,
        }  # fmt: skip

    def _note(self, row: Json) -> Json:
        return {
            "id": int(row["id"]), "entity_id": int(row["deal_id"] or row["client_id"]), "created_by": 504141,
            "created_at": _unix(row["created_at"]), "updated_at": _unix(row["changed_at"]), "note_type": "common",
            "params": {"text": self._text(row["text"])}, "account_id": ACCOUNT,
        }  # fmt: skip

    def _task(self, row: Json) -> Json:
        return {
            "id": int(row["id"]), "entity_id": int(row["client_id"]), "entity_type": "contacts", "is_completed": row["done"],
            "text": self._text(row["text"]), "created_at": _unix(row["created_at"]), "account_id": ACCOUNT,
        }  # fmt: skip

    def _text(self, text: str) -> str:
        return escape(text) if self.escapes else text


def problem(status: int, title: str, detail: str, **more: Any) -> web.Response:
    said = {"title": title, "type": f"https://httpstatus.es/{status}", "status": status, "detail": detail, **more}
    return answer(said, status=status, headers={"Content-Type": "application/problem+json"})


def _said(content: Json) -> web.Response:
    return answer(content, headers={"Content-Type": "application/hal+json"})


def _unix(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp())


def _attachment(row: Json) -> Json:
    name = f"{row['marker']} {row['name']}"
    return {
        "id": int(row["id"]), "entity_id": int(row["client_id"]), "created_at": _unix(row["created_at"]), "account_id": ACCOUNT,
        "note_type": "attachment", "params": {"file_name": name, "original_name": name, "is_drive_attachment": True},
    }  # fmt: skip


def _kind_of(row: Json) -> str:
    return str(row["custom"].get("kind", "contacts"))


def _hangs_on(note: Json, kind: str, record_id: str) -> bool:
    return bool(note["deal_id"] == record_id if kind == "leads" else note["client_id"] == record_id and not note["deal_id"])


def _holds(row: Json, wanted: str) -> bool:
    texts = [row.get("name"), row.get("title"), *row.get("phones", ()), *row.get("emails", ()), *row["custom"].values()]
    return any(wanted.casefold() in str(text).casefold() for text in texts if text)


def _own_fields(row: Json) -> list[Json]:
    return [{"field_id": int(name), "field_name": "chat2crm", "field_code": None, "field_type": "text",
             "values": [{"value": value}]} for name, value in row["custom"].items() if name.isdigit()]  # fmt: skip


def _stored(given: Json, custom: Mapping[str, Any]) -> Json:
    """Phones and e-mails if they were sent, and the custom fields with those that were."""
    stored: Json = {"custom": dict(custom)}
    for one_field in given.get("custom_fields_values", []):
        values = [element["value"] for element in one_field["values"]]
        code = one_field.get("field_code")
        if code in LISTS:
            stored[LISTS[code]] = values
        elif code is None:
            stored["custom"][str(one_field["field_id"])] = values[0]
    return stored


def _wrong(kind: str, given: Json) -> web.Response | None:
    """As the vendor checks: what is wrong with a field stands by its path."""
    for at, one_field in enumerate(given.get("custom_fields_values", [])):
        only(one_field, ("field_id", "field_code", "values"), "custom_fields_values")
        for element in one_field["values"]:
            only(element, ("value", "enum_code", "enum_id"), "values")
        path = f"custom_fields_values.{at}"
        code, number = one_field.get("field_code"), one_field.get("field_id")
        known = code in LISTS if kind != "leads" else str(code).startswith("UTM_")
        if not known and (not isinstance(number, int) or number not in FIELDS[kind]):
            return _invalid("NotSupportedChoice", f"{path}.field_id", "The value you selected is not a valid choice.")
        if number is not None and any(len(str(element["value"])) > LONGEST_FIELD for element in one_field["values"]):
            return _invalid("TooLong", f"{path}.values.0.value", "This value is too long.")
    for name in ("responsible_user_id", "pipeline_id", "status_id"):
        if name in given and not isinstance(given[name], int):
            return _invalid("InvalidType", name, "This value should be of type int.")
    return None


def _invalid(code: str, path: str, detail: str) -> web.Response:
    errors = [{"request_id": "0", "errors": [{"code": code, "path": path, "detail": detail}]}]
    return problem(400, "Bad Request", "Request validation failed", **{"validation-errors": errors})


def _integer(given: Json, name: str) -> int:
    if not isinstance(given[name], int):
        raise Strange(f"{name} is {given[name]!r}; the vendor takes a number")
    return int(given[name])
