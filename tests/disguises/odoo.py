"""Odoo 19, JSON-2, as it was recorded (docs/crms/odoo.md): false for empty, numbers normalised when written, bodies cleaned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import escape
from typing import Any

import nh3
import phonenumbers
from aiohttp import web
from disguises.disguise import Asked, Disguise, Json, Row, Strange, only

from bridge.sandbox import API_KEY
from bridge.sandbox.entities import CLIENT, DEAL, FILE, NOTE, OWNER, TASK
from bridge.sandbox.refusals import Merged, Missing, Refusal
from bridge.sandbox.speech import answer

PARTNER = {"name", "phone", "email", "user_id", "ref", "comment"}
TIME = "%Y-%m-%d %H:%M:%S"
TEAMS = ((1, "Sales"), (2, "Website"))
STAGES = ((1, "New"), (2, "Qualified"))
_PUNCTUATION = re.compile(r"[\s./()\-]")


@dataclass
class Odoo(Disguise):
    token: str = API_KEY
    #: the company's, at the time when a card is written; without it a national number is not brought into normal form
    country: str | None = "RU"

    def table(self) -> Iterator[Row]:
        methods: dict[str, tuple[str, str, Callable[[Asked], web.Response]]] = {
            "res.partner/search_read": ("client.search", "search", self.partners),
            "res.partner/read": ("client.read", "read", self.partner),
            "res.partner/create": ("client.create", "write", self.create),
            "res.partner/write": ("client.update", "write", self.update),
            "res.partner/message_post": ("note.create", "write", self.post),
            "crm.lead/message_post": ("note.create", "write", self.post_on_lead),
            "mail.message/search_read": ("note.search", "search", self.messages),
            "crm.lead/search_read": ("deal.search", "search", self.leads),
            "crm.lead/create": ("deal.create", "write", self.create_lead),
            "crm.team/search_read": ("pipeline.list", "read", self.teams),
            "crm.stage/search_read": ("stage.list", "read", self.stages),
            "res.partner/activity_schedule": ("task.create", "write", self.schedule),
            "mail.activity/search_read": ("task.search", "search", self.activities),
            "ir.attachment/create": ("file.create", "write", self.attach),
            "ir.attachment/search_read": ("file.search", "search", self.attachments),
            "res.users/search_read": ("owner.search", "read", self.users),
        }
        for path, (operation, kind, work) in methods.items():
            yield "POST", f"/json/2/{path}", operation, kind, work

    def let_in(self, asked: Asked) -> web.Response | None:
        if asked.headers.get("Authorization", "").lower() == f"bearer {self.token}":
            return None
        return raised(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")

    # -- partners --------------------------------------------------------------------------------------------------------

    def partners(self, asked: Asked) -> web.Response:
        return self._search(asked, [_partner(row) for row in self.seen(CLIENT)])

    def partner(self, asked: Asked) -> web.Response:
        only(asked.body, ("ids", "fields"), "read")
        return answer([_cut(_partner(self.read(CLIENT, record_id)), asked.body["fields"]) for record_id in asked.body["ids"]])

    def create(self, asked: Asked) -> web.Response:
        only(asked.body, ("vals_list",), "create")
        made = []
        for given in asked.body["vals_list"]:
            refusal = _unknown_field(given, PARTNER, "res.partner")
            if refusal is not None:
                return refusal
            if not given.get("name"):
                return raised(422, "odoo.exceptions.ValidationError", "Contacts require a name")
            values = {"name": given["name"], "owner_id": given.get("user_id"), "description": nh3.clean(given.get("comment", ""))}
            made.append(int(self.make(CLIENT, **values, **self._points(given, {"ref": given.get("ref")}))["id"]))
        return answer(made)

    def update(self, asked: Asked) -> web.Response:
        """One phone and one e-mail a partner: what is sent stands in the place of what was there."""
        only(asked.body, ("ids", "vals"), "write")
        refusal = _unknown_field(asked.body["vals"], {"phone", "email"}, "res.partner")
        if refusal is not None:
            return refusal
        for record_id in asked.body["ids"]:
            row = self.read(CLIENT, record_id)
            was = {"phone": next(iter(row["phones"]), None), "email": next(iter(row["emails"]), None)}
            self.change(CLIENT, record_id, **self._points({**was, **asked.body["vals"]}, row["custom"]))
        return answer(True)

    def _points(self, given: Json, custom: Mapping[str, Any]) -> Json:
        phone, email = given.get("phone"), given.get("email")
        return {
            "phones": [phone] if phone else [], "emails": [email] if email else [],
            "custom": {**custom, "sanitized": _sanitized(phone, self.country)},
        }  # fmt: skip

    # -- messages --------------------------------------------------------------------------------------------------------

    def post(self, asked: Asked) -> web.Response:
        return self._posted(asked.body, client=int(self.read(CLIENT, asked.body["ids"][0])["id"]))

    def post_on_lead(self, asked: Asked) -> web.Response:
        lead = self.read(DEAL, asked.body["ids"][0])
        return self._posted(asked.body, client=int(lead["client_id"]), deal=int(lead["id"]))

    def _posted(self, given: Json, *, client: int, deal: int | None = None) -> web.Response:
        """A body is taken for plain text and escaped, unless it says that it is HTML; then it is cleaned."""
        only(given, ("ids", "body", "body_is_html", "message_type", "subtype_xmlid", "date", "message_id"), "message_post")
        if given.get("subtype_xmlid") != "mail.mt_note":
            raise Strange("a message that is no internal note is mailed to followers")
        try:
            at = datetime.strptime(given["date"], TIME).replace(tzinfo=UTC) if "date" in given else None
        except ValueError as error:
            return raised(500, "builtins.ValueError", str(error))
        body = nh3.clean(given["body"]) if given.get("body_is_html") is True else f"<p>{escape(given['body'])}</p>"
        made = self.make(NOTE, client_id=client, deal_id=deal, text=body, format="html", at=at, marker=given.get("message_id"))
        return answer([int(made["id"])])

    def messages(self, asked: Asked) -> web.Response:
        shown = [
            {"id": int(row["id"]), "message_id": row["marker"] or False,
             "model": "crm.lead" if row["deal_id"] else "res.partner", "res_id": int(row["deal_id"] or row["client_id"]),
             "date": _utc(row["at"] or row["created_at"]), "body": row["text"]}
            for row in self.seen(NOTE)
        ]  # fmt: skip
        return self._search(asked, shown)

    # -- leads and users -------------------------------------------------------------------------------------------------

    def create_lead(self, asked: Asked) -> web.Response:
        only(asked.body, ("vals_list",), "create")
        made = []
        for given in asked.body["vals_list"]:
            known = {"name", "type", "partner_id", "user_id", "team_id", "stage_id", "description"}
            refusal = _unknown_field(given, known, "crm.lead")
            if refusal is not None:
                return refusal
            lead = self.make(
                DEAL, client_id=self.read(CLIENT, given["partner_id"])["id"], title=given["name"],
                stage=dict(STAGES)[given.get("stage_id", 1)], pipeline=str(given.get("team_id", given["type"])),
                owner_id=given.get("user_id"), description=nh3.clean(given["description"]),
            )  # fmt: skip
            made.append(int(lead["id"]))
        return answer(made)

    def leads(self, asked: Asked) -> web.Response:
        names = {row["id"]: row["name"] for row in self.all(CLIENT)}
        shown = [{"id": int(row["id"]), "name": row["title"], "stage_id": [1, row["stage"]], "stage_id.is_won": not row["open"],
                  "partner_id": [int(row["client_id"]), names.get(row["client_id"])], "description": row["description"] or False,
                  "write_date": _utc(row["changed_at"])} for row in self.seen(DEAL)]  # fmt: skip
        return self._search(asked, shown)

    def teams(self, asked: Asked) -> web.Response:
        return self._search(asked, [{"id": number, "name": name, "active": True} for number, name in TEAMS])

    def stages(self, asked: Asked) -> web.Response:
        return self._search(asked, [{"id": number, "name": name} for number, name in STAGES])

    # -- activities and attachments --------------------------------------------------------------------------------------

    def schedule(self, asked: Asked) -> web.Response:
        only(asked.body, ("ids", "act_type_xmlid", "date_deadline", "summary", "note", "user_id"), "activity_schedule")
        if asked.body["act_type_xmlid"] != "mail.mail_activity_data_todo":
            raise Strange("an activity of another kind")
        date.fromisoformat(asked.body["date_deadline"])
        made = [self.make(TASK, client_id=self.read(CLIENT, record_id)["id"], text=nh3.clean(asked.body["note"]),
                          owner_id=asked.body.get("user_id")) for record_id in asked.body["ids"]]  # fmt: skip
        return answer([int(task["id"]) for task in made])

    def activities(self, asked: Asked) -> web.Response:
        shown = [{"id": int(row["id"]), "note": row["text"], "res_model": "res.partner", "res_id": int(row["client_id"])}
                 for row in self.seen(TASK)]  # fmt: skip
        return self._search(asked, shown)

    def attach(self, asked: Asked) -> web.Response:
        only(asked.body, ("vals_list",), "create")
        made = []
        for given in asked.body["vals_list"]:
            known = {"name", "mimetype", "datas", "res_model", "res_id", "description"}
            refusal = _unknown_field(given, known, "ir.attachment")
            if refusal is not None:
                return refusal
            if given["res_model"] != "res.partner":
                raise Strange("an attachment of something else")
            made.append(int(self.make(
                FILE, client_id=self.read(CLIENT, given["res_id"])["id"], name=given["name"], type=given["mimetype"],
                content=given["datas"], marker=given["description"],
            )["id"]))  # fmt: skip
        return answer(made)

    def attachments(self, asked: Asked) -> web.Response:
        shown = [{"id": int(row["id"]), "description": row["marker"], "res_model": "res.partner",
                  "res_id": int(row["client_id"])} for row in self.seen(FILE)]  # fmt: skip
        return self._search(asked, shown)

    def users(self, asked: Asked) -> web.Response:
        return self._search(asked, [{"id": int(row["id"]), "login": row["email"]} for row in self.all(OWNER)])

    # -- searching -------------------------------------------------------------------------------------------------------

    def _search(self, asked: Asked, records: list[Json]) -> web.Response:
        only(asked.body, ("domain", "fields", "limit", "order", "context"), "search_read")
        domain = asked.body["domain"]
        if not domain:
            raise Strange("an empty domain finds everybody")
        for field, operator, _ in domain:
            if records and field not in records[0]:
                return raised(500, "builtins.ValueError", f"Invalid field {field} in leaf")
            if operator not in OPERATORS:
                raise Strange(f"operator {operator}")
        found = [record for record in records if all(OPERATORS[how](record[field], value) for field, how, value in domain)]
        return answer([_cut(record, asked.body["fields"]) for record in found[: asked.body.get("limit", len(found))]])

    # -- wording ---------------------------------------------------------------------------------------------------------

    def refused(self, refusal: Refusal) -> web.Response:
        if isinstance(refusal, Missing | Merged):
            return raised(404, "odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
        return raised(422, "odoo.exceptions.ValidationError", str(refusal))

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
        """The product has no limit; what stands before it may, and speaks HTML."""
        page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
        return web.Response(status=status, text=page, content_type="text/html", headers=headers)


def raised(status: int, name: str, message: str) -> web.Response:
    said = {"name": name, "message": message, "arguments": [message], "context": {}, "debug": "Traceback …"}
    return answer(said, status=status)


def _same(have: Any, wanted: Any) -> bool:
    return bool((have[0] if isinstance(have, list) else have) == wanted)


#: `ilike` looks for a part, `=ilike` for the whole, both whatever the case
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": _same,
    ">": lambda have, wanted: bool(have > wanted),
    "ilike": lambda have, wanted: bool(have) and wanted.casefold() in str(have).casefold(),
    "=ilike": lambda have, wanted: bool(have) and wanted.casefold() == str(have).casefold(),
}


def _partner(row: Json) -> Json:
    phone, email = next(iter(row["phones"]), None), next(iter(row["emails"]), None)
    return {
        "id": int(row["id"]), "name": row["name"], "phone": phone or False, "email": email or False,
        "phone_sanitized": row["custom"].get("sanitized") if phone else False,
        # a field that can be searched by and not read: punctuation aside
        "phone_mobile_search": _PUNCTUATION.sub("", phone or ""),
        "email_normalized": email.lower() if email else False, "ref": row["custom"].get("ref") or False,
        "user_id": [int(row["owner_id"]), "somebody"] if row["owner_id"] else False, "is_company": False, "parent_id": False,
        "active": True, "write_date": _utc(row["changed_at"]), "comment": row["description"] or False,
    }  # fmt: skip


def _sanitized(typed: str | None, country: str | None) -> str | bool:
    try:
        number = phonenumbers.parse(typed or "", country)
    except phonenumbers.NumberParseException:
        return False
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _utc(iso: str) -> str:
    return datetime.fromisoformat(iso).strftime(TIME)


def _unknown_field(given: Json, known: set[str], model: str) -> web.Response | None:
    unknown = [name for name in given if name not in known]
    return raised(500, "builtins.ValueError", f"Invalid field '{unknown[0]}' in '{model}'") if unknown else None


def _cut(record: Json, fields: list[str]) -> Json:
    unknown = [name for name in fields if name not in record]
    if unknown:
        raise Strange(f"fields {unknown}")
    return {name: record[name] for name in {"id", *fields}}
