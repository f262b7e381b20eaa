"""Bitrix24, as docs/crms/bitrix24.md knows it: `result: []` for nothing, numbers compared whole, errors with any status.

Every request is held against the vendor's own description of its method besides, for the real server passes over what it
does not know without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Any

from aiohttp import web
from crm.bitrix24_described import UNDESCRIBED, problems
from disguises.disguise import Asked, Disguise, Json, Row, Strange, only
from disguises.tokens import Tokens

from bridge.sandbox.entities import CLIENT, DEAL, FILE, NOTE, OWNER, TASK
from bridge.sandbox.refusals import Merged, Missing, Refusal
from bridge.sandbox.speech import answer

LEAD, DEALS, CONTACT, COMPANY = 1, 2, 3, 4
#: what is kept as a client, by number and by the names that the interface has for it
KINDS = {LEAD: "lead", CONTACT: "contact", COMPANY: "company"}
#: the portal's own zone, in which its answers give times
ZONE = timezone(timedelta(hours=3))
#: own fields of the portal
FIELDS = {"UF_CRM_1700000001", "UF_CRM_1700000009"}
#: columns of ours by names of theirs
COLUMNS = {"name": "first_name", "lastName": "last_name", "assignedById": "owner_id", "originId": "marker"}
DEAL_COLUMNS = {"title": "title", "stageId": "stage", "sourceId": "source", "assignedById": "owner_id", "comments": "description",
                "originId": "marker"}  # fmt: skip
#: sent, and of no interest here
PASSED_OVER = {"sourceId", "sourceDescription", "originatorId", "utmSource", "utmMedium", "utmCampaign", "utmContent", "utmTerm"}
PAGE = 50


@dataclass
class Bitrix24(Disguise):
    tokens: Tokens | None = None
    #: user and code of an incoming webhook
    token: str = "7/the-code"
    page: int = PAGE
    #: comments come back as the timeline would show them, with &quot; and its like
    escapes: bool = False
    _busy: int = field(default=0)

    def table(self) -> Iterator[Row]:
        yield "GET", "/oauth/token/", "token.exchange", "auth", self.exchange
        for method, (operation, kind, work) in self._methods().items():
            for path in (rf"/rest/{{user:\d+}}/{{code}}/{method}", f"/rest/{method}"):
                yield "POST", path, operation, kind, self._checked(method, work)

    def _methods(self) -> dict[str, tuple[str, str, Callable[[Json], web.Response]]]:
        return {
            "crm.duplicate.findbycomm": ("client.search", "search", self.duplicates),
            "crm.item.list": ("item.search", "search", self.items),
            "crm.item.get": ("item.read", "read", self.item),
            "crm.item.add": ("item.create", "write", self.add),
            "crm.item.update": ("item.update", "write", self.update),
            "crm.timeline.comment.add": ("note.create", "write", self.comment),
            "crm.timeline.comment.list": ("note.list", "read", self.comments),
            "crm.activity.todo.add": ("task.create", "write", self.to_do),
            "crm.activity.list": ("task.list", "read", self.activities),
            "crm.category.list": ("pipeline.list", "read", self.categories),
            "crm.status.list": ("stage.list", "read", self.statuses),
            "user.get": ("owner.search", "read", self.users),
        }

    def _checked(self, method: str, work: Callable[[Json], web.Response]) -> Callable[[Asked], web.Response]:
        def checked(asked: Asked) -> web.Response:
            asked.only()
            body = {name: value for name, value in asked.body.items() if name != "auth"}
            wrong = [] if method in UNDESCRIBED else list(problems(method, body))
            if wrong:
                raise Strange("; ".join(wrong))
            return work(body)

        return checked

    # -- who comes in ----------------------------------------------------------------------------------------------------

    def let_in(self, asked: Asked) -> web.Response | None:
        if self.tokens is None:
            came = f"{asked.parts.get('user')}/{asked.parts.get('code')}"
            return None if came == self.token else said_wrong(401, "INVALID_CREDENTIALS", "Invalid request credentials")
        if self.tokens.lets_in((asked.body or {}).get("auth", "")):
            return None
        return said_wrong(401, "expired_token", "The access token provided has expired.")

    def exchange(self, asked: Asked) -> web.Response:
        assert self.tokens is not None
        asked.only("client_id", "client_secret", "grant_type", "refresh_token", "code", "redirect_uri")
        pair = self.tokens.exchange(asked.query)
        if pair is None:
            return answer({"error": "invalid_grant", "error_description": "The refresh token is wrong"}, status=400)
        return answer({
            "access_token": pair[0], "refresh_token": pair[1], "expires_in": int(self.tokens.lives), "scope": "crm,user",
            "client_endpoint": f"{asked.origin}/rest/", "server_endpoint": "https://oauth.example/rest/", "status": "L",
            "domain": "oauth.example", "member_id": "a223c6b3710f85df22e9377d6c4f7553",
        })  # fmt: skip

    # -- clients (contacts, leads, companies) and deals ------------------------------------------------------------------

    def duplicates(self, given: Json) -> web.Response:
        """The whole number as it was typed: `+7916…` and `8916…` are two. Nothing found: a list in place of an object."""
        if not 1 <= len(given["values"]) <= 20:
            raise Strange(f"{len(given['values'])} values; 1 to 20 are taken")
        wanted, kind = {value.casefold() for value in given["values"]}, given["entity_type"]
        name = {"PHONE": "phones", "EMAIL": "emails"}[given["type"]]
        found = [
            int(row["id"]) for row in self.seen(CLIENT)
            if _kind_of(row) == kind.lower() and wanted & {value.casefold() for value in row[name]}
        ]  # fmt: skip
        return self._said({kind: found[:20]} if found else [])

    def items(self, given: Json) -> web.Response:
        if not given.get("filter"):
            raise Strange("a list without a filter is everybody")
        kind = given["entityTypeId"]
        rows = self.seen(DEAL) if kind == DEALS else [row for row in self.seen(CLIENT) if _kind_of(row) == KINDS[kind]]
        shown = [self._shown_as(kind, row) for row in rows]
        found = [item for item in shown if all(_fits(item, name, value) for name, value in given["filter"].items())]
        if given.get("order", {}).get("id") == "DESC":
            found.reverse()
        return self._paged(found, given, wrap="items", cut=lambda item: _selected(item, given["select"]))

    def item(self, given: Json) -> web.Response:
        kind = given["entityTypeId"]
        row = self.read(DEAL if kind == DEALS else CLIENT, given["id"])
        if kind != DEALS and _kind_of(row) != KINDS[kind]:
            raise Missing("item", given["id"])
        return self._said({"item": self._shown_as(kind, row)})

    def add(self, given: Json) -> web.Response:
        kind, fields = given["entityTypeId"], given["fields"]
        if kind == DEALS:
            made = self._add_deal(fields)
        else:
            columns = {**COLUMNS, "title": "name"} if kind == LEAD else COLUMNS
            only(fields, {*columns, *PASSED_OVER, *FIELDS, "fm"}, "fields")
            points = fields.get("fm", [])
            made = self.make(
                CLIENT, phones=_values(points, "PHONE"), emails=_values(points, "EMAIL"),
                custom={"kind": KINDS[kind], **_own(fields)}, **_renamed(fields, columns),
            )  # fmt: skip
        return self._said({"item": self._shown_as(kind, made)})

    def _add_deal(self, fields: Json) -> Json:
        only(fields, {*DEAL_COLUMNS, *PASSED_OVER, *FIELDS, "categoryId", "contactId", "companyId"}, "fields")
        of = fields.get("contactId") or fields["companyId"]
        return self.make(
            DEAL, client_id=of, pipeline=str(fields.get("categoryId", 0)), custom=_own(fields),
            **{"stage": "NEW", **_renamed(fields, DEAL_COLUMNS)},
        )  # fmt: skip

    def update(self, given: Json) -> web.Response:
        """`fm` as an object: a key that is no number adds, a number changes or takes out; what is not named stays."""
        only(given["fields"], {"fm"}, "fields")
        row = self.read(CLIENT, given["id"])
        lists: dict[str, list[str]] = {"PHONE": list(row["phones"]), "EMAIL": list(row["emails"])}
        for key, element in given["fields"]["fm"].items():
            only(element, {"typeId", "valueType", "value"}, f"fm.{key}")
            if "typeId" not in element:
                raise Strange("without typeId the vendor says yes and does nothing")
            if key.isdigit():
                raise Strange("a number as a key changes what is there")
            if element["value"] not in lists[element["typeId"]]:
                lists[element["typeId"]].append(element["value"])
        changed = self.change(CLIENT, given["id"], phones=lists["PHONE"], emails=lists["EMAIL"])
        return self._said({"item": self._shown_as(given["entityTypeId"], changed)})

    # -- the timeline ----------------------------------------------------------------------------------------------------

    def comment(self, given: Json) -> web.Response:
        fields = given["fields"]
        only(fields, {"ENTITY_ID", "ENTITY_TYPE", "COMMENT", "FILES"}, "fields")
        if not fields.get("COMMENT"):
            return said_wrong(400, "INVALID_ARG_VALUE", "Empty comment message")
        try:
            client, deal = self._owner(fields["ENTITY_TYPE"], fields["ENTITY_ID"])
        except (Missing, Merged):
            return said_wrong(400, "OWNER_NOT_FOUND", "Owner was not found")
        if "FILES" in fields:
            [(name, content)] = fields["FILES"]
            made = self.make(FILE, client_id=client, name=name, content=content, marker=fields["COMMENT"])
        else:
            made = self.make(NOTE, client_id=client, deal_id=deal, text=fields["COMMENT"])
        return self._said(int(made["id"]))

    def comments(self, given: Json) -> web.Response:
        wanted = given["filter"]
        only(wanted, {"ENTITY_ID", "ENTITY_TYPE"}, "filter")
        client, deal = self._owner(wanted["ENTITY_TYPE"], wanted["ENTITY_ID"])
        notes = [
            note for note in reversed(self.all(NOTE))
            if note["client_id"] == str(client) and note["deal_id"] == (None if deal is None else str(deal))
        ]  # fmt: skip
        files = [{**file, "text": file["marker"]} for file in reversed(self.all(FILE)) if file["client_id"] == str(client)]
        return self._paged([self._comment(note) for note in [*files, *notes]], given)

    def to_do(self, given: Json) -> web.Response:
        text = f"{given.get('title', '')}\n{given.get('description', '')}"
        made = self.make(TASK, client_id=given["ownerId"], text=text, due_at=given["deadline"])
        return self._said({"id": int(made["id"])})

    def activities(self, given: Json) -> web.Response:
        tasks = [task for task in reversed(self.all(TASK)) if task["client_id"] == str(given["filter"]["OWNER_ID"])]
        shown = [{"ID": task["id"], "OWNER_ID": task["client_id"], "DESCRIPTION": self._text(task["text"]),
                  "CREATED": _local(task["created_at"])} for task in tasks]  # fmt: skip
        return self._paged(shown, given)

    # -- lists that others keep ------------------------------------------------------------------------------------------

    def categories(self, given: Json) -> web.Response:
        return self._said({"categories": [{"id": 0, "name": "Общая", "sort": 100, "entityTypeId": 2, "isDefault": "Y"}]})

    def statuses(self, given: Json) -> web.Response:
        lists = {"DEAL_STAGE": {"NEW": "Новая", "WON": "Сделка успешна"}, "SOURCE": {"WEB": "Веб-сайт"}}
        named = lists[given["filter"]["ENTITY_ID"]]
        return self._said([{"STATUS_ID": code, "NAME": name, "SORT": "10"} for code, name in named.items()])

    def users(self, given: Json) -> web.Response:
        only(given["FILTER"], {"EMAIL", "ACTIVE"}, "FILTER")
        wanted = given["FILTER"]["EMAIL"].lower()
        found = [row for row in self.all(OWNER) if (row["email"] or "").lower() == wanted]
        return self._said([{"ID": row["id"], "EMAIL": row["email"], "NAME": row["name"]} for row in found])

    # -- wording ---------------------------------------------------------------------------------------------------------

    def refused(self, refusal: Refusal) -> web.Response:
        if isinstance(refusal, Missing | Merged):
            return said_wrong(400, "NOT_FOUND", "Элемент не найден")
        return said_wrong(400, "ERROR_CORE", str(refusal))

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
        """Too fast is 503, and every other time 200: the code may come with any status. A block is 503 as well."""
        if code == "too_many_requests":
            self._busy += 1
            return said_wrong(503 if self._busy % 2 else 200, "QUERY_LIMIT_EXCEEDED", "Too many requests")
        if code == "blocked":
            return said_wrong(503, "OVERLOAD_LIMIT", "REST API is blocked due to overload.")
        return said_wrong(status, "INTERNAL_SERVER_ERROR", "Internal server error")

    def _said(self, result: Any, **more: Any) -> web.Response:
        now = self.records.clock()
        when = datetime.fromtimestamp(now, ZONE).isoformat(timespec="seconds")
        time = {"start": now, "finish": now, "duration": 0.1, "processing": 0.1, "date_start": when, "date_finish": when,
                "operating_reset_at": int(now) + 600, "operating": 0.1}  # fmt: skip
        return answer({"result": result, **more, "time": time})

    def _paged(
        self, found: list[Json], given: Json, *, wrap: str = "", cut: Callable[[Json], Json] = lambda item: item
    ) -> web.Response:
        start = given.get("start", 0)
        shown = [cut(item) for item in found[start : start + self.page]]
        after = {"next": start + self.page} if len(found) > start + self.page else {}
        return self._said({wrap: shown} if wrap else shown, **after, total=len(found))

    def _owner(self, kind: str, record_id: int) -> tuple[int, int | None]:
        if kind == "deal":
            return int(self.read(DEAL, record_id)["client_id"]), record_id
        if kind != _kind_of(self.read(CLIENT, record_id)):
            raise Missing(kind, record_id)
        return record_id, None

    def _shown_as(self, kind: int, row: Json) -> Json:
        both = {
            "id": int(row["id"]), "createdTime": _local(row["created_at"]), "updatedTime": _local(row["changed_at"]),
            "assignedById": int(row["owner_id"] or 1), "originId": row["marker"],
            "originatorId": "chat2crm" if row["marker"] else None,
            **{name: row["custom"].get(name) for name in FIELDS},
        }  # fmt: skip
        if kind == DEALS:
            return both | {
                "title": row["title"], "stageId": row["stage"], "categoryId": int(row["pipeline"] or 0),
                "closed": "N" if row["open"] else "Y", "contactId": int(row["client_id"]), "companyId": 0,
                "stageSemanticId": "P" if row["open"] else "S", "comments": row["description"],
            }  # fmt: skip
        name = {"name": row["first_name"] or row["name"], "lastName": row["last_name"]}
        title = {LEAD: {"title": row["name"], "stageId": "NEW", "stageSemanticId": row["custom"].get("semantics", "P"), **name},
                 COMPANY: {"title": row["name"]}, CONTACT: name}[kind]  # fmt: skip
        points = [("PHONE", value) for value in row["phones"]] + [("EMAIL", value) for value in row["emails"]]
        elements = [{"id": int(row["id"]) * 100 + at, "typeId": type_id, "valueType": "WORK", "value": value}
                    for at, (type_id, value) in enumerate(points)]  # fmt: skip
        return both | title | {"hasPhone": "Y" if row["phones"] else "N", "fm": elements}

    def _comment(self, note: Json) -> Json:
        return {"ID": note["id"], "COMMENT": self._text(note["text"]), "CREATED": _local(note["created_at"])}

    def _text(self, text: str) -> str:
        return escape(text) if self.escapes else text


def said_wrong(status: int, code: str, description: str) -> web.Response:
    return answer({"error": code, "error_description": description}, status=status)


def _local(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(ZONE).isoformat(timespec="seconds")


def _kind_of(row: Json) -> str:
    return str(row["custom"].get("kind", "contact"))


def _values(points: list[Json], type_id: str) -> list[str]:
    for point in points:
        only(point, {"typeId", "valueType", "value"}, "fm")
    return [point["value"] for point in points if point["typeId"] == type_id]


def _own(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if name in FIELDS}


def _renamed(fields: Json, columns: Mapping[str, str]) -> Json:
    return {columns[name]: value for name, value in fields.items() if name in columns}


def _fits(item: Json, name: str, wanted: Any) -> bool:
    operator = name[: len(name) - len(name.lstrip("@"))]
    if name.lstrip("@") not in item:
        raise Strange(f"a filter by {name}, which the vendor would pass over")
    value = item[name.lstrip("@")]
    return value in wanted if operator else value == wanted


def _selected(item: Json, select: list[str]) -> Json:
    whole = "*" in select
    unknown = [name for name in select if name not in item and name not in ("*", "UF_*")]
    if unknown:
        raise Strange(f"select of {unknown}, which the vendor would pass over")
    return {name: value for name, value in item.items() if name in select or (name in FIELDS and "UF_*" in select)
            or (whole and name not in FIELDS)}  # fmt: skip
