"""EspoCRM 8.4, as it was recorded (docs/crms/espocrm.md): numbers compared to the letter, duplicates told with their records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import phonenumbers
from aiohttp import web
from disguises.disguise import Asked, Disguise, Json, Row, Strange, only

from bridge.sandbox import API_KEY
from bridge.sandbox.entities import CLIENT, DEAL, FILE, NOTE, OWNER, TASK
from bridge.sandbox.refusals import Merged, Missing, Refusal
from bridge.sandbox.speech import answer

API = "/api/v1"
CONTACT = {"firstName", "lastName", "phoneNumber", "emailAddress", "phoneNumberData", "emailAddressData", "assignedUserId",
           "description"}  # fmt: skip
OPPORTUNITY = {"name", "stage", "leadSource", "amount", "closeDate", "contactsIds", "assignedUserId", "description"}
TASKS = {"name", "status", "priority", "dateEnd", "parentType", "parentId", "assignedUserId", "description"}
STAGES = ("Prospecting", "Qualification", "Proposal", "Negotiation", "Closed Won", "Closed Lost")
_WHERE = re.compile(r"where\[(\d+)\]\[(type|attribute|value)\](\[\])?")
_DATA_URI = re.compile(r"data:([^;]+);base64,(.+)", re.DOTALL)


@dataclass
class EspoCrm(Disguise):
    token: str = API_KEY
    #: files that hang on nothing yet
    kept: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def table(self) -> Iterator[Row]:
        yield "GET", f"{API}/Contact", "client.search", "search", self.contacts
        yield "GET", f"{API}/Contact/{{id}}", "client.read", "read", self.contact
        yield "POST", f"{API}/Contact", "client.create", "write", self.create
        yield "PUT", f"{API}/Contact/{{id}}", "client.update", "write", self.update
        yield "GET", f"{API}/Note", "note.search", "search", self.notes
        yield "POST", f"{API}/Note", "note.create", "write", self.post
        yield "GET", f"{API}/Opportunity", "deal.search", "search", self.opportunities
        yield "POST", f"{API}/Opportunity", "deal.create", "write", self.open_opportunity
        yield "GET", f"{API}/Task", "task.search", "search", self.tasks
        yield "POST", f"{API}/Task", "task.create", "write", self.assign
        yield "POST", f"{API}/Attachment", "file.upload", "write", self.keep
        yield "GET", f"{API}/User", "owner.search", "read", self.users

    def let_in(self, asked: Asked) -> web.Response | None:
        if asked.headers.get("X-Api-Key") == self.token:
            return None
        return web.Response(status=401, content_type="text/html")

    # -- contacts --------------------------------------------------------------------------------------------------------

    def contacts(self, asked: Asked) -> web.Response:
        return self._search(asked, [_contact(row) for row in self.seen(CLIENT)])

    def contact(self, asked: Asked) -> web.Response:
        return answer(_contact(self.read(CLIENT, _number(asked.parts["id"]))))

    def create(self, asked: Asked) -> web.Response:
        only(asked.body, CONTACT, "contact")
        if not asked.body.get("lastName"):
            return invalid("lastName", "required")
        refusal = _unfit(asked.body)
        if refusal is not None:
            return refusal
        phones, emails = _lists(asked.body)
        if asked.headers.get("X-Skip-Duplicate-Check") != "true":
            name = (asked.body.get("firstName"), asked.body["lastName"])
            alike = [row for row in self.all(CLIENT) if _alike(row, name, phones, emails)]
            if alike:
                # the list of who is there, as a list shows them: without their further numbers
                shown = [{key: value for key, value in _contact(row).items() if not key.endswith("Data")} for row in alike]
                return answer(shown, status=409, headers={"X-Status-Reason": "duplicate"})
        made = self.make(
            CLIENT, first_name=asked.body.get("firstName"), last_name=asked.body["lastName"], phones=phones, emails=emails,
            owner_id=_number(asked.body["assignedUserId"]) if "assignedUserId" in asked.body else None,
            description=asked.body.get("description"),
        )  # fmt: skip
        return answer(_contact(made))

    def update(self, asked: Asked) -> web.Response:
        """A list that is sent stands in the place of the one that is there, with all its values."""
        only(asked.body, ("phoneNumberData", "emailAddressData"), "contact")
        refusal = _unfit(asked.body)
        if refusal is not None:
            return refusal
        phones, emails = _lists(asked.body)
        values = {"phones": phones} if "phoneNumberData" in asked.body else {}
        values |= {"emails": emails} if "emailAddressData" in asked.body else {}
        return answer(_contact(self.change(CLIENT, _number(asked.parts["id"]), **values)))

    # -- the stream ------------------------------------------------------------------------------------------------------

    def post(self, asked: Asked) -> web.Response:
        """Its time is always now."""
        only(asked.body, ("type", "parentType", "parentId", "post", "attachmentsIds"), "note")
        parent = _number(asked.body["parentId"])
        if (asked.body["type"], asked.body["parentType"]) == ("Post", "Opportunity"):
            deal = self.read(DEAL, parent)
            return answer(_note(self.make(NOTE, client_id=deal["client_id"], deal_id=deal["id"], text=asked.body["post"])))
        if (asked.body["type"], asked.body["parentType"]) != ("Post", "Contact"):
            raise Strange(f"a {asked.body['type']} on a {asked.body['parentType']}")
        if "attachmentsIds" in asked.body:
            name, kind, content = self.kept.pop(asked.body["attachmentsIds"][0])
            made = self.make(FILE, client_id=parent, name=name, type=kind, content=content, marker=asked.body["post"])
            return answer(_post(made))
        return answer(_note(self.make(NOTE, client_id=parent, text=asked.body["post"])))

    def notes(self, asked: Asked) -> web.Response:
        return self._search(asked, [*map(_post, self.seen(FILE)), *map(_note, reversed(self.seen(NOTE)))])

    def keep(self, asked: Asked) -> web.Response:
        """A file hangs on nothing until a post names it."""
        only(asked.body, ("name", "type", "role", "parentType", "field", "file"), "attachment")
        told = _DATA_URI.fullmatch(asked.body["file"])
        if told is None or told[1] != asked.body["type"]:
            raise Strange("a file that is no data URI of its type")
        if (asked.body["role"], asked.body["parentType"], asked.body["field"]) != ("Attachment", "Note", "attachments"):
            raise Strange("a file for something else")
        record = _id(str(0x5000 + len(self.kept)))
        self.kept[record] = (asked.body["name"], asked.body["type"], told[2])
        return answer({"id": record, "name": asked.body["name"]})

    # -- opportunities and tasks -----------------------------------------------------------------------------------------

    def open_opportunity(self, asked: Asked) -> web.Response:
        only(asked.body, OPPORTUNITY, "opportunity")
        for name in ("name", "amount", "closeDate"):
            if asked.body.get(name) is None:
                return invalid(name, "required", "Opportunity")
        if asked.body.get("stage", STAGES[0]) not in STAGES:
            return invalid("stage", "valid", "Opportunity")
        date.fromisoformat(asked.body["closeDate"])
        contact = self.read(CLIENT, _number(asked.body["contactsIds"][0]))
        return answer(_opportunity(self.make(
            DEAL, client_id=contact["id"], title=asked.body["name"], stage=asked.body.get("stage", STAGES[0]),
            source=asked.body.get("leadSource"), description=asked.body["description"],
            owner_id=_number(asked.body["assignedUserId"]) if "assignedUserId" in asked.body else None,
        )))  # fmt: skip

    def opportunities(self, asked: Asked) -> web.Response:
        rows = self.seen(DEAL)
        if asked.query.get("primaryFilter", "open") != "open":
            raise Strange("another filter than the open ones")
        rows = [row for row in rows if row["open"]] if "primaryFilter" in asked.query else rows
        return self._search(asked, [_opportunity(row) for row in rows])

    def assign(self, asked: Asked) -> web.Response:
        only(asked.body, TASKS, "task")
        if not asked.body.get("name"):
            return invalid("name", "required", "Task")
        if asked.body.get("parentType", "Contact") != "Contact":
            raise Strange("a task on something else than a contact")
        due = datetime.strptime(asked.body["dateEnd"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        made = self.make(
            TASK, client_id=_number(asked.body["parentId"]) if "parentId" in asked.body else None, due_at=due,
            text=asked.body["description"],
            owner_id=_number(asked.body["assignedUserId"]) if "assignedUserId" in asked.body else None,
        )  # fmt: skip
        return answer({"id": _id(made["id"])})

    def tasks(self, asked: Asked) -> web.Response:
        return self._search(asked, [{"id": _id(row["id"]), "description": row["text"]} for row in self.seen(TASK)])

    def users(self, asked: Asked) -> web.Response:
        return self._search(asked, [{"id": _id(row["id"]), "emailAddress": row["email"]} for row in self.all(OWNER)])

    # -- searching -------------------------------------------------------------------------------------------------------

    def _search(self, asked: Asked, records: list[Json]) -> web.Response:
        rules: dict[str, dict[str, str]] = {}
        for name, value in asked.query.items():
            part = _WHERE.fullmatch(name)
            if part is not None and bool(part[3]) == ("[]" in name):
                rules.setdefault(part[1], {})[part[2]] = value
            elif name not in ("select", "maxSize", "primaryFilter", "orderBy", "order"):
                raise Strange(f"{name} in a search")
        if not rules:
            raise Strange("a search without a condition finds everybody")
        for rule in rules.values():
            if records and rule["attribute"] not in records[0] and rule["type"] != "linkedWith":
                return refusal_of(400, f"Not existing attribute '{rule['attribute']}' in where.")
        found = [record for record in records if all(_fits(record, rule) for rule in rules.values())]
        select = asked.query.get("select")
        shown = [
            {name: value for name, value in record.items()
             if (select is None and not name.endswith("Data")) or (select is not None and name in select.split(","))}
            for record in found[: asked.number("maxSize", 20)]
        ]  # fmt: skip
        return answer({"total": len(found), "list": shown})

    # -- wording ---------------------------------------------------------------------------------------------------------

    def refused(self, refusal: Refusal) -> web.Response:
        if isinstance(refusal, Missing | Merged):
            return refusal_of(404, "Record does not exist.")
        return refusal_of(400, str(refusal))

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
        """The product has no limit; a proxy before it may have one."""
        return web.Response(status=status, text="<html><center>nginx</center></html>", content_type="text/html", headers=headers)


def refusal_of(status: int, reason: str) -> web.Response:
    """The reason stands in a header, the body is empty."""
    headers = {"X-Status-Reason": reason, "Content-Type": "application/json"}
    return web.Response(status=status, headers=headers)


def invalid(field: str, kind: str, entity: str = "Contact") -> web.Response:
    said = {"messageTranslation": {"label": "validationFailure", "scope": None, "data": {"field": field, "type": kind}}}
    reason = f"Field validation failure; entityType: {entity}, field: {field}, type: {kind}."
    return answer(said, status=400, headers={"X-Status-Reason": reason})


def _id(number: str) -> str:
    return f"6b01ee{int(number):011x}"


def _number(record_id: str) -> int:
    if not re.fullmatch(r"6b01ee[0-9a-f]{11}", record_id):
        raise Missing("record", record_id)
    return int(record_id[6:], 16)


def _contact(row: Json) -> Json:
    phones, emails = row["phones"], row["emails"]
    return {
        "id": _id(row["id"]), "name": " ".join(filter(None, (row["first_name"], row["last_name"]))) or row["name"],
        "deleted": False, "firstName": row["first_name"], "lastName": row["last_name"], "description": row["description"],
        "emailAddress": emails[0] if emails else None, "phoneNumber": phones[0] if phones else None,
        "createdAt": _utc(row["created_at"]), "modifiedAt": _utc(row["changed_at"]),
        "emailAddressData": [{"emailAddress": email, "lower": email.lower(), "primary": at == 0, "optOut": False}
                             for at, email in enumerate(emails)],
        "phoneNumberData": [{"phoneNumber": phone, "type": "Mobile", "primary": at == 0, "optOut": False}
                            for at, phone in enumerate(phones)],
        "assignedUserId": _id(row["owner_id"]) if row["owner_id"] else None,
    }  # fmt: skip


def _note(row: Json) -> Json:
    return {
        "id": _id(row["id"]), "deleted": False, "post": row["text"], "data": {}, "type": "Post", "isInternal": False,
        "createdAt": _utc(row["created_at"]), "parentId": _id(row["deal_id"] or row["client_id"]),
        "parentType": "Opportunity" if row["deal_id"] else "Contact",
    }  # fmt: skip


def _post(row: Json) -> Json:
    """The post that bears a file."""
    return _note({**row, "text": row["marker"], "deal_id": None}) | {"attachmentsIds": ["kept"]}


def _opportunity(row: Json) -> Json:
    return {
        "id": _id(row["id"]), "name": row["title"], "stage": row["stage"], "leadSource": row["source"], "amount": 0,
        "description": row["description"], "modifiedAt": _utc(row["changed_at"]), "contacts": [_id(row["client_id"])],
    }  # fmt: skip


def _utc(iso: str) -> str:
    return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M:%S")


def _fits(record: Json, rule: Mapping[str, str]) -> bool:
    attribute, wanted = rule["attribute"], rule["value"]
    if not wanted:
        raise Strange(f"a condition on {attribute} without a value")
    several: Mapping[str, tuple[str, Callable[[str], str]]] = {
        "phoneNumber": ("phoneNumberData", str), "emailAddress": ("emailAddressData", str.lower),
    }  # fmt: skip
    if attribute in several and several[attribute][0] in record:
        name, form = several[attribute]
        values = [form(element[attribute]) for element in record[name]]
        wanted = form(wanted)
    else:
        values = [str(record[attribute] or "").lower()]
        wanted = wanted.lower()
    if rule["type"] == "linkedWith":
        return rule["value"] in record[attribute]
    if rule["type"] == "equals":
        return wanted in values
    if rule["type"] == "contains":
        return any(wanted in value for value in values)
    raise Strange(f"a condition of type {rule['type']}")


def _unfit(given: Json) -> web.Response | None:
    phones, _ = _lists(given)
    for phone in phones:
        try:
            fits = phonenumbers.is_possible_number(phonenumbers.parse(phone))
        except phonenumbers.NumberParseException:
            fits = False
        if not fits:
            return invalid("phoneNumber", "valid")
    return None


def _lists(given: Json) -> tuple[list[str], list[str]]:
    """A number is kept as +digits; the list stands for the single field where both are given."""
    phones = [one["phoneNumber"] for one in given.get("phoneNumberData", [])] or [given.get("phoneNumber")]
    emails = [one["emailAddress"] for one in given.get("emailAddressData", [])] or [given.get("emailAddress")]
    kept = [("+" if phone.startswith("+") else "") + re.sub(r"\D", "", phone) for phone in phones if phone]
    return kept, [email for email in emails if email]


def _alike(row: Json, name: tuple[Any, Any], phones: list[str], emails: list[str]) -> bool:
    """The same phone, the same e-mail, or merely the same first and last name."""
    same_name = bool(name[0]) and (row["first_name"], row["last_name"]) == name
    lower = {email.lower() for email in row["emails"]}
    return same_name or bool(set(phones) & set(row["phones"])) or any(email.lower() in lower for email in emails)
