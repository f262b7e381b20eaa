"""HubSpot, CRM API v3, as docs/crms/hubspot.md knows it: searches that lag, reads that do not, 409 with an id in a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import nh3
import phonenumbers
from aiohttp import web
from disguises.disguise import Asked, Disguise, Json, Row, Strange, only
from disguises.tokens import BACK, Tokens

from bridge.sandbox import API_KEY
from bridge.sandbox.entities import CLIENT, DEAL, NOTE, OWNER, TASK, Entity
from bridge.sandbox.refusals import Merged, Missing, Refusal
from bridge.sandbox.speech import answer

V3, V4 = "/crm/v3/objects", "/crm/v4/objects"
MARKER, SITE_ID = "chat2crm_marker", "shop_user_id"
#: properties that may be written
CONTACT = {"email", "phone", "mobilephone", "firstname", "lastname", "company", "hubspot_owner_id", MARKER, SITE_ID}
DEAL_FIELDS = {"dealname", "pipeline", "dealstage", "description", "hubspot_owner_id"}
NOTE_FIELDS = {"hs_timestamp", "hs_note_body", "hubspot_owner_id"}
TASK_FIELDS = {"hs_timestamp", "hs_task_subject", "hs_task_body", "hs_task_status", "hs_task_type", "hs_task_priority",
               "hubspot_owner_id"}  # fmt: skip
#: association types by what they tie together
TIED = {"notes": {202: "contacts", 190: "companies", 214: "deals"}, "deals": {3: "contacts", 341: "companies"},
        "tasks": {204: "contacts", 192: "companies"}}  # fmt: skip
MOST_GROUPS, MOST_FOUND = 5, 200
_TOKEN = re.compile(r"[^\s;,]+")


@dataclass
class HubSpot(Disguise):
    tokens: Tokens | None = None
    token: str = API_KEY
    page: int = 100

    def table(self) -> Iterator[Row]:
        yield "POST", "/oauth/v1/token", "token.exchange", "auth", self.exchange
        yield "POST", f"{V3}/contacts/search", "client.search", "search", self.search_contacts
        yield "POST", f"{V3}/companies/search", "client.search", "search", self.search_companies
        yield "GET", rf"{V3}/companies/{{id:\d+}}", "client.read", "read", self.company
        yield "POST", f"{V3}/contacts/batch/read", "client.batch", "read", self.batch
        yield "GET", f"{V3}/contacts/{{id}}", "client.read", "read", self.contact
        yield "POST", f"{V3}/contacts", "client.create", "write", self.create
        yield "PATCH", rf"{V3}/contacts/{{id:\d+}}", "client.update", "write", self.update
        yield "GET", rf"{V4}/{{kind:contacts|companies}}/{{id:\d+}}/associations/deals", "deal.list", "read", self.deals
        yield "GET", rf"{V3}/deals/{{id:\d+}}", "deal.read", "read", self.deal
        yield "GET", "/crm/v3/pipelines/deals", "pipeline.list", "read", self.pipelines
        yield "GET", "/crm/v3/pipelines/deals/{id}/stages", "stage.list", "read", self.stages
        yield "GET", "/crm/v3/owners", "owner.search", "read", self.owners
        yield "GET", "/account-info/v3/details", "account.read", "read", self.account
        yield "GET", "/crm/v3/properties/{kind:contacts|notes|deals}", "property.list", "read", self.properties
        yield "DELETE", rf"{V3}/contacts/{{id:\d+}}", "client.delete", "write", self.delete
        yield "DELETE", rf"{V3}/notes/{{id:\d+}}", "note.delete", "write", self.delete_note
        for kind, entity in (("notes", NOTE), ("deals", DEAL), ("tasks", TASK)):
            yield "POST", f"{V3}/{{kind:{kind}}}", f"{entity.name}.create", "write", self.attach
            yield "POST", f"{V3}/{{kind:{kind}}}/search", f"{entity.name}.search", "search", self.search_attached

    # -- who comes in ----------------------------------------------------------------------------------------------------

    def let_in(self, asked: Asked) -> web.Response | None:
        access = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        if access == self.token if self.tokens is None else self.tokens.lets_in(access):
            return None
        return wrong(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired 1 second(s) ago.")

    def exchange(self, asked: Asked) -> web.Response:
        assert self.tokens is not None
        only(asked.body, ("client_id", "client_secret", "grant_type", "refresh_token", "code", "redirect_uri"), "token")
        pair = self.tokens.exchange(asked.body) if asked.body.get("redirect_uri") == BACK else None
        if pair is None:
            return answer({"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"}, status=400)
        return answer({"token_type": "bearer", "access_token": pair[0], "refresh_token": pair[1],
                       "expires_in": int(self.tokens.lives)})  # fmt: skip

    # -- contacts --------------------------------------------------------------------------------------------------------

    def search_contacts(self, asked: Asked) -> web.Response:
        return self._search(asked, [self._contact(row) for row in self.seen(CLIENT) if not _is_company(row)])

    def search_companies(self, asked: Asked) -> web.Response:
        """Companies have one number, as typed: nothing is computed beside it."""
        return self._search(asked, [_company(row) for row in self.seen(CLIENT) if _is_company(row)])

    def company(self, asked: Asked) -> web.Response:
        asked.only("properties")
        return answer(_record(_company(self.read(CLIENT, asked.id)), asked.query["properties"].split(",")))

    def batch(self, asked: Asked) -> web.Response:
        """By e-mail, and up to date at once; whoever is not there is an error within an answer of success."""
        only(asked.body, ("idProperty", "inputs", "properties"), "batch")
        if asked.body["idProperty"] != "email":
            raise Strange(f"read by {asked.body['idProperty']}")
        by_email = {row["emails"][0]: row for row in self.all(CLIENT) if row["emails"]}
        wanted = [given["id"] for given in asked.body["inputs"]]
        found = [by_email[email] for email in wanted if email in by_email]
        said: Json = {"status": "COMPLETE", "startedAt": _now(self), "completedAt": _now(self),
                      "results": [_record(self._contact(row), asked.body["properties"]) for row in found]}  # fmt: skip
        if len(found) < len(wanted):
            missing = [email for email in wanted if email not in by_email]
            error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some CONTACT objects, they "
                     "may be deleted or not exist. Check that ids are valid.", "context": {"ids": missing}}  # fmt: skip
            return answer(said | {"numErrors": 1, "errors": [error]}, status=207)
        return answer(said)

    def contact(self, asked: Asked) -> web.Response:
        asked.only("properties", "idProperty")
        wanted = asked.parts["id"]
        if "idProperty" in asked.query:
            if asked.query["idProperty"] != MARKER:
                raise Strange(f"read by {asked.query['idProperty']}")
            row = self._one_of(row for row in self.all(CLIENT) if row["custom"].get(MARKER) == wanted)
        else:
            row = self._stayed(int(wanted))
        return answer(_record(self._contact(row), asked.query["properties"].split(",")))

    def _stayed(self, record_id: int) -> Json:
        """The old id of a merged contact leads to the one that stayed."""
        try:
            return self.read(CLIENT, record_id)
        except Merged as merged:
            return self._stayed(merged.into)

    def create(self, asked: Asked) -> web.Response:
        only(asked.body, ("properties", "associations"), "contact")
        given = asked.body["properties"]
        refusal = _unknown_property(given, CONTACT) or self._taken(given)
        if refusal is not None:
            return refusal
        made = self.make(CLIENT, **_columns(given))
        return answer(_record(self._contact(made), ["email", "phone"]), status=201)

    def _taken(self, given: Json) -> web.Response | None:
        email = given.get("email", "").lower()
        holder = next((row for row in self.all(CLIENT) if email and row["emails"] == [email]), None)
        if holder is not None:
            return wrong(409, "CONFLICT", f"Contact already exists. Existing ID: {holder['id']}")
        if any(row["custom"].get(MARKER) == given.get(MARKER) for row in self.all(CLIENT) if given.get(MARKER)):
            raise Strange("the marker is there already, and how the vendor says so is not known")
        return None

    def update(self, asked: Asked) -> web.Response:
        """What is sent stands in the place of what was there."""
        only(asked.body, ("properties",), "contact")
        given = asked.body["properties"]
        refusal = _unknown_property(given, CONTACT)
        if refusal is not None:
            return refusal
        row = self.read(CLIENT, asked.id)
        was = self._contact(row)
        phones = [given.get(name, was[name]) for name in ("phone", "mobilephone")]
        custom = {**row["custom"], "only_mobile": not phones[0] and bool(phones[1])}
        email = given.get("email", was["email"])
        changed = self.change(
            CLIENT, asked.id, phones=[phone for phone in phones if phone], emails=[email.lower()] if email else [], custom=custom
        )
        return answer(_record(self._contact(changed), list(given)))

    # -- what hangs on them ----------------------------------------------------------------------------------------------

    def attach(self, asked: Asked) -> web.Response:
        only(asked.body, ("properties", "associations"), asked.parts["kind"])
        given, kind = asked.body["properties"], asked.parts["kind"]
        refusal = _unknown_property(given, {"notes": NOTE_FIELDS, "deals": DEAL_FIELDS, "tasks": TASK_FIELDS}[kind])
        if refusal is not None:
            return refusal
        client, deal = self._tied(kind, asked.body["associations"])
        if kind == "notes":
            made = self._note(given, client, deal)
        elif kind == "deals":
            made = self.make(
                DEAL, client_id=client, title=given["dealname"], pipeline=given.get("pipeline", "default"),
                stage=given.get("dealstage", "appointmentscheduled"), description=given.get("description"),
                owner_id=given.get("hubspot_owner_id"),
            )  # fmt: skip
        else:
            made = self.make(TASK, client_id=client, text=f"{given['hs_task_subject']}\n{given['hs_task_body']}",
                             due_at=given["hs_timestamp"])  # fmt: skip
        return answer({"id": made["id"], "properties": {}, "createdAt": made["created_at"], "archived": False}, status=201)

    def _note(self, given: Json, client: int | None, deal: int | None) -> Json:
        """The body is HTML, and cleaned; without its time a note is refused."""
        if "hs_timestamp" not in given:
            raise Strange("a note without its time is refused")
        if len(given["hs_note_body"]) > 65_536:
            raise Strange("a note of more than 65 536 characters is refused")
        return self.make(NOTE, client_id=client, deal_id=deal, text=nh3.clean(given["hs_note_body"]), format="html",
                         at=given["hs_timestamp"])  # fmt: skip

    def _tied(self, kind: str, associations: list[Json]) -> tuple[int | None, int | None]:
        """The contact and the deal. Raises Missing."""
        client: int | None = None
        deal: int | None = None
        for tie in associations:
            only(tie, ("to", "types"), "association")
            for of in tie["types"]:
                if of["associationCategory"] != "HUBSPOT_DEFINED" or of["associationTypeId"] not in TIED[kind]:
                    raise Strange(f"{kind} are not tied by {of}")
                if not isinstance(tie["to"]["id"], str):
                    raise Strange(f"an id is text here, not {tie['to']['id']!r}")
                if TIED[kind][of["associationTypeId"]] == "deals":
                    deal = int(tie["to"]["id"])
                    client = client or int(self.read(DEAL, deal)["client_id"])
                else:
                    row = self._stayed(int(tie["to"]["id"]))
                    if _is_company(row) != (TIED[kind][of["associationTypeId"]] == "companies"):
                        raise Missing(TIED[kind][of["associationTypeId"]], row["id"])
                    client = int(row["id"])
        return client, deal

    def search_attached(self, asked: Asked) -> web.Response:
        kind = asked.parts["kind"]
        entity: Entity = {"notes": NOTE, "deals": DEAL, "tasks": TASK}[kind]
        shown = []
        for row in self.seen(entity):
            body = {"notes": "hs_note_body", "deals": "description", "tasks": "hs_task_body"}[kind]
            created = "createdate" if kind == "deals" else "hs_createdate"
            shown.append({
                "id": row["id"], body: row["description" if kind == "deals" else "text"], created: row["created_at"],
                "associations.contact": row["client_id"], "associations.company": row["client_id"],
                "associations.deal": row.get("deal_id"), "archived": False,
            })  # fmt: skip
        return self._search(asked, shown)

    def deals(self, asked: Asked) -> web.Response:
        asked.only("limit")
        row = self._stayed(asked.id)
        types = [{"category": "HUBSPOT_DEFINED", "typeId": 4, "label": None}]
        found = self.deals_of(row["id"])
        return answer({"results": [{"toObjectId": int(deal["id"]), "associationTypes": types} for deal in found]})

    def deal(self, asked: Asked) -> web.Response:
        row = self.read(DEAL, asked.id)
        shown = {"id": row["id"], "archived": False, "dealname": row["title"], "dealstage": row["stage"],
                 "hs_is_closed": "false" if row["open"] else "true", "hs_lastmodifieddate": row["changed_at"]}  # fmt: skip
        return answer(_record(shown, asked.query["properties"].split(",")))

    # -- lists that others keep ------------------------------------------------------------------------------------------

    def pipelines(self, asked: Asked) -> web.Response:
        return answer({"results": [{"id": "default", "label": "Sales Pipeline"}]})

    def stages(self, asked: Asked) -> web.Response:
        return answer({"results": [{"id": "appointmentscheduled", "label": "Appointment scheduled"}]})

    def owners(self, asked: Asked) -> web.Response:
        asked.only("email", "limit")
        found = [row for row in self.all(OWNER) if row["email"] == asked.query["email"].lower()]
        return answer({"results": [{"id": row["id"], "email": row["email"]} for row in found]})

    def account(self, asked: Asked) -> web.Response:
        return answer({"portalId": 48123456, "uiDomain": "app.hubspot.com"}, headers={
            "X-HubSpot-RateLimit-Daily": "250000", "X-HubSpot-RateLimit-Daily-Remaining": "249500",
        })  # fmt: skip

    def properties(self, asked: Asked) -> web.Response:
        own = {"contacts": [MARKER, SITE_ID], "notes": [], "deals": ["chat_source"]}[asked.parts["kind"]]
        labels = {name: name.replace("_", " ").capitalize() for name in (*own, "description")}
        return answer({"results": [{"name": name, "label": label} for name, label in labels.items()]})

    def delete(self, asked: Asked) -> web.Response:
        self.records.delete(asked.id)
        return web.Response(status=204)

    def delete_note(self, asked: Asked) -> web.Response:
        self.records.delete_note(asked.id)
        return web.Response(status=204)

    # -- searching -------------------------------------------------------------------------------------------------------

    def _search(self, asked: Asked, records: list[Json]) -> web.Response:
        """Groups are alternatives, the filters of a group hold together."""
        only(asked.body, ("filterGroups", "properties", "sorts", "limit", "after"), "search")
        groups, limit = asked.body["filterGroups"], asked.body["limit"]
        if not 1 <= len(groups) <= MOST_GROUPS or limit > MOST_FOUND:
            return wrong(400, "VALIDATION_ERROR", f"{len(groups)} groups, limit {limit}")
        found = [record for record in records if any(all(_fits(record, one) for one in group["filters"]) for group in groups)]
        for sort in asked.body.get("sorts", []):
            found.sort(key=lambda record: record[sort["propertyName"]], reverse=sort["direction"] == "DESCENDING")
        limit, begin = min(limit, self.page), int(asked.body.get("after", 0))
        said: Json = {"total": len(found), "results": [
            _record(record, asked.body["properties"]) for record in found[begin : begin + limit]]}  # fmt: skip
        if len(found) > begin + limit:
            said["paging"] = {"next": {"after": str(begin + limit)}}
        return answer(said)

    def _contact(self, row: Json) -> Json:
        """Its properties, those that are computed among them, with the id beside them."""
        phones = list(row["phones"])
        phone = "" if row["custom"].get("only_mobile") else phones.pop(0) if phones else ""
        mobile = phones[0] if phones else ""
        emails = row["emails"]
        return {
            "id": row["id"], "archived": False, "email": emails[0] if emails else None,
            "hs_additional_emails": ";".join(emails[1:]) or None, "phone": phone or None, "mobilephone": mobile or None,
            "firstname": row["first_name"], "lastname": row["last_name"], "hubspot_owner_id": row["owner_id"],
            "lastmodifieddate": row["changed_at"], MARKER: row["custom"].get(MARKER), SITE_ID: row["custom"].get(SITE_ID),
            "hs_searchable_calculated_phone_number": _national(phone),
            "hs_searchable_calculated_mobile_number": _national(mobile),
        }  # fmt: skip

    def _one_of(self, rows: Iterator[Json]) -> Json:
        found = next(rows, None)
        if found is None:
            raise Missing("contact", "by its unique property")
        return found

    # -- wording ---------------------------------------------------------------------------------------------------------

    def refused(self, refusal: Refusal) -> web.Response:
        if isinstance(refusal, Missing | Merged):
            return wrong(404, "OBJECT_NOT_FOUND", "resource not found")
        return wrong(400, "VALIDATION_ERROR", str(refusal))

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
        if code != "too_many_requests":
            return wrong(status, "INTERNAL_ERROR", message)
        said = {"status": "error", "message": "You have reached your ten_secondly_rolling limit.", "errorType": "RATE_LIMIT",
                "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf", "policyName": "TEN_SECONDLY_ROLLING"}  # fmt: skip
        return answer(said, status=429, headers=headers)


def wrong(status: int, category: str, message: str) -> web.Response:
    said = {"status": "error", "message": message, "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf", "category": category}
    return answer(said, status=status)


def _now(disguise: HubSpot) -> str:
    return datetime.fromtimestamp(disguise.records.clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _national(typed: str) -> str | None:
    """Digits without the country's code, where the number shows it; else all that was typed."""
    if not typed:
        return None
    if typed.startswith("+"):
        return str(phonenumbers.national_significant_number(phonenumbers.parse(typed)))
    return re.sub(r"\D", "", typed)


def _unknown_property(given: Json, known: set[str]) -> web.Response | None:
    unknown = [name for name in given if name not in known]
    if unknown:
        errors = [{"isValid": False, "message": f'Property "{name}" does not exist', "error": "PROPERTY_DOESNT_EXIST"}
                  for name in unknown]  # fmt: skip
        return wrong(400, "VALIDATION_ERROR", f"Property values were not valid: {json.dumps(errors)}")
    for name, value in given.items():
        if not isinstance(value, str):
            raise Strange(f"{name} is {value!r}; properties are text")
    return None


def _columns(given: Json) -> Json:
    phones = [given.get(name) for name in ("phone", "mobilephone")]
    return {
        "first_name": given.get("firstname"), "last_name": given.get("lastname"), "company": given.get("company"),
        "owner_id": given.get("hubspot_owner_id"), "phones": [phone for phone in phones if phone],
        "emails": [given["email"].lower()] if given.get("email") else [],
        "custom": {name: given[name] for name in (MARKER, SITE_ID) if name in given},
    }  # fmt: skip


def _record(shown: Json, properties: list[str]) -> Json:
    unknown = [name for name in properties if name not in shown]
    if unknown:
        raise Strange(f"properties {unknown}, which the vendor would leave out")
    return {"id": shown["id"], "archived": False, "properties": {name: shown[name] for name in properties}}


def _is_company(row: Json) -> bool:
    return bool(row["custom"].get("kind") == "companies")


def _company(row: Json) -> Json:
    return {"id": row["id"], "archived": False, "name": row["name"], "phone": next(iter(row["phones"]), None),
            "hubspot_owner_id": row["owner_id"], "hs_lastmodifieddate": row["changed_at"]}  # fmt: skip


def _fits(record: Json, rule: Mapping[str, Any]) -> bool:
    several = rule["operator"] == "IN"
    only(rule, ("propertyName", "operator", "values" if several else "value"), "filter")
    name, wanted = rule["propertyName"], rule["values" if several else "value"]
    if name not in record or not wanted:
        raise Strange(f"a filter by {name} with {wanted!r}")
    value = str(record[name] or "").casefold()
    if several:
        if wanted != [one.lower() for one in wanted]:
            raise Strange("the values of IN are in small letters, the vendor's pages say")
        return value in wanted
    if rule["operator"] == "EQ":
        return bool(value == wanted.casefold())
    if rule["operator"] == "CONTAINS_TOKEN":
        wild = re.compile(".*".join(map(re.escape, wanted.casefold().split("*"))))
        return any(wild.fullmatch(token) for token in _TOKEN.findall(value))
    raise Strange(f"operator {rule['operator']}")
