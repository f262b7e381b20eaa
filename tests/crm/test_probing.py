"""The probe of `check --live`, and how it is taken back: exactly that, and by nothing else."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from crm.speaking import Hurried, Scripted, mapping_with, said, settings

import bridge
from bridge.crm.fit import fit
from bridge.crm.probing import Made, ProbedCrm
from bridge.errors import Conflict, CrmError, Rejected
from bridge.mapping.load import available, load_crm
from bridge.mapping.schema.crm import CrmMapping
from bridge.model import Client, Operation, OperationKind
from bridge.transport import Answer

PHONE, EMAIL = "+12025550101", "visitor1@example.org"
OURS = {"phones": (PHONE,), "emails": (EMAIL,)}
REMOVING = {
    "create": {"post": "/people", "json": {"phones": "{phones}"}, "id": "id", "remove": {"delete": "/people/{client.id}"}},
    "note": {"post": "/notes", "json": {"text": "{note.text}"}, "id": "id", "remove": {"delete": "/notes/{note.id}"}},
}
CARD = said({"id": 7, "phones": [PHONE], "emails": []})
GONE = said({}, status=404)
DELETED = said(status=204)


def probed(mapping: CrmMapping | str, *script: Answer | Exception, **target: Any) -> tuple[Scripted, ProbedCrm]:
    other = Scripted(*script)
    configured = settings(**target)
    loaded = load_crm(mapping) if isinstance(mapping, str) else mapping
    return other, ProbedCrm("sales", fit(loaded, configured), configured, transport=other, clock=Hurried())


def planned(kind: OperationKind) -> Operation:
    scope = {"phones": [PHONE], "emails": [EMAIL], "visitor": {"name": "Probe"}, "note": {"text": "hello", "on": "client"}}
    return Operation(kind=kind, marker="c2c-aaaaaaaaaaaaaaaa", scope=scope)


async def made_in(crm: ProbedCrm) -> None:
    client = await crm.perform(planned(OperationKind.CREATE), {}, [])
    await crm.perform(planned(OperationKind.NOTE), {"client": {"id": client, "entity": crm.mapping.create.entity}}, [])


async def test_what_was_made_is_taken_back_by_its_own_id_the_note_first() -> None:
    other, crm = probed(mapping_with(**REMOVING), said({"id": 7}), said({"id": 9}), DELETED, CARD, DELETED, GONE)
    await made_in(crm)

    assert [await crm.take_back(one, [], **OURS) for one in reversed(crm.made)] == [True, True]
    below = [(one.method, one.url.removeprefix("https://crm.example.com/api")) for one in other.asked[2:]]
    assert below == [("DELETE", "/notes/9"), ("GET", "/people/7"), ("DELETE", "/people/7"), ("GET", "/people/7")]
    assert crm.made == ()


async def test_what_still_shows_afterwards_is_told() -> None:
    _, crm = probed(mapping_with(**REMOVING), said({"id": 7}), CARD, DELETED, CARD)
    await crm.perform(planned(OperationKind.CREATE), {}, [])

    assert await crm.take_back(crm.made[0], [], **OURS) is False


async def test_a_card_that_does_not_show_the_probes_own_contact_is_never_deleted() -> None:
    other, crm = probed(mapping_with(**REMOVING), said({"id": 7}), said({"id": 7, "phones": ["+79160000001"], "emails": []}))
    await crm.perform(planned(OperationKind.CREATE), {}, [])

    with pytest.raises(Rejected, match="does not show the probe's phone or e-mail"):
        await crm.take_back(crm.made[0], [], **OURS)
    assert [one.method for one in other.asked] == ["POST", "GET"]


async def test_what_somebody_else_made_is_never_deleted() -> None:
    other, crm = probed(mapping_with(**REMOVING))
    strangers = Made(OperationKind.CREATE, "7", Client(id="7"))

    assert crm.can_take_back(strangers)
    with pytest.raises(Rejected, match="nothing of ours"):
        await crm.take_back(strangers, [], **OURS)
    assert other.asked == []


async def test_a_card_that_was_there_before_is_never_deleted_though_the_crm_gives_its_id() -> None:
    """As some do that take a new client for one whom they know."""
    known = said({"items": [{"id": 7, "phones": [PHONE]}]})
    other, crm = probed(mapping_with(**REMOVING), known, said({"id": 7}), said({"id": 9}))
    await crm.find({"visitor": {}}, phones=[PHONE], emails=[], external_id=None, steps=[])
    await made_in(crm)

    assert [(one.kind, one.id) for one in crm.made] == [(OperationKind.NOTE, "9")]
    with pytest.raises(Rejected):
        await crm.take_back(Made(OperationKind.CREATE, "7", Client(id="7")), [], **OURS)
    assert len(other.asked) == 3


async def test_nothing_is_deleted_where_the_mapping_does_not_say_how() -> None:
    other, crm = probed(mapping_with(), said({"id": 7}))
    await crm.perform(planned(OperationKind.CREATE), {}, [])

    assert not crm.can_take_back(crm.made[0])
    with pytest.raises(Rejected, match="nothing of ours"):
        await crm.take_back(crm.made[0], [], **OURS)
    assert len(other.asked) == 1


async def test_the_id_in_a_refusal_is_not_taken_for_one_of_ours() -> None:
    """A job may take it: its marker shows that it was written before. A probe has not been written before."""
    create = {**REMOVING["create"], "marker": {"kind": "conflict", "match": "Existing ID: (?P<id>[0-9]+)"}}
    mapping = mapping_with(create=create, errors=[{"status": 409, "then": "conflict"}])
    _, crm = probed(mapping, said({"message": "Existing ID: 55"}, status=409))

    with pytest.raises(Conflict):
        await crm.perform(planned(OperationKind.CREATE), {}, [])
    assert crm.made == ()


async def test_a_crm_that_refuses_to_delete_is_heard() -> None:
    _, crm = probed(mapping_with(**REMOVING), said({"id": 7}), said({"id": 9}), said({"message": "no"}, status=403))
    await made_in(crm)

    with pytest.raises(CrmError):
        await crm.take_back(crm.made[-1], [], **OURS)
    assert len(crm.made) == 2


# -- what each CRM is asked --------------------------------------------------------------------------------------------


def _rpc(model: str, number: int) -> dict[str, Any]:
    args = ["shop", 7, "the-key", model, "unlink", [[number]]]
    return {"jsonrpc": "2.0", "method": "call", "id": 1, "params": {"service": "object", "method": "execute_kw", "args": args}}


#: CRM → what deletes the client 7 it made, and the note 9; method, path below the server, body. None: there is no way
REMOVALS: dict[str, tuple[Any, Any]] = {
    "amocrm": (None, None),
    "bitrix24": (("POST", "/rest/the-key/crm.item.delete", {"entityTypeId": 3, "id": 7}),
                 ("POST", "/rest/the-key/crm.timeline.comment.delete", {"id": 9, "ownerTypeId": 3, "ownerId": 7})),
    "bitrix24_activities": (("POST", "/rest/the-key/crm.item.delete", {"entityTypeId": 3, "id": 7}),
                            ("POST", "/rest/the-key/crm.activity.delete", {"id": 9})),
    "bitrix24_leads": (("POST", "/rest/the-key/crm.item.delete", {"entityTypeId": 1, "id": 7}),
                       ("POST", "/rest/the-key/crm.timeline.comment.delete", {"id": 9, "ownerTypeId": 1, "ownerId": 7})),
    "espocrm": (("DELETE", "/api/v1/Contact/7", None), ("DELETE", "/api/v1/Note/9", None)),
    "espocrm_calls": (("DELETE", "/api/v1/Contact/7", None), ("DELETE", "/api/v1/Call/9", None)),
    "espocrm_leads": (("DELETE", "/api/v1/Contact/7", None), ("DELETE", "/api/v1/Note/9", None)),
    "hubspot": (("DELETE", "/crm/v3/objects/contacts/7", None), ("DELETE", "/crm/v3/objects/notes/9", None)),
    "mail": (None, None),
    "mail_relay": (None, None),
    "odoo": (("POST", "/json/2/res.partner/unlink", {"ids": [7]}), ("POST", "/json/2/mail.message/unlink", {"ids": [9]})),
    "odoo_jsonrpc": (("POST", "/jsonrpc", _rpc("res.partner", 7)), ("POST", "/jsonrpc", _rpc("mail.message", 9))),
    "pipedrive": (("DELETE", "/api/v2/persons/7", None), ("DELETE", "/api/v1/notes/9", None)),
    "regionsoft": (None, None),
    "retailcrm": (None, ("POST", "/api/v5/customers/notes/9/delete", None)),
    "salesforce": (("DELETE", "/services/data/v62.0/sobjects/Lead/7", None),
                   ("DELETE", "/services/data/v62.0/sobjects/Task/9", None)),
    "salesforce_contacts": (("DELETE", "/services/data/v62.0/sobjects/Contact/7", None),
                            ("DELETE", "/services/data/v62.0/sobjects/Task/9", None)),
    "sandbox": (("DELETE", "/api/v1/clients/7", None), ("DELETE", "/api/v1/notes/9", None)),
    "webhook": (None, None),
}  # fmt: skip
#: mappings that change nothing of what makes a client or a note
AS_THEIR_BASE = {"bitrix24_app": "bitrix24", "espocrm_hmac": "espocrm", "pipedrive_oauth": "pipedrive",
                 "salesforce_oauth": "salesforce"}  # fmt: skip
OPTIONS = {"odoo_jsonrpc": {"database": "shop", "user_id": "7"}, "espocrm_calls": {"assigned_user_id": "1"},
           "bitrix24_activities": {"responsible_id": "1"}}  # fmt: skip


def test_every_shipped_mapping_has_its_row() -> None:
    assert {*REMOVALS, *AS_THEIR_BASE} == set(available("crm"))
    for name, base in AS_THEIR_BASE.items():
        mine, theirs = load_crm(name), load_crm(base)
        assert (mine.create.remove, mine.note.remove) == (theirs.create.remove, theirs.note.remove)


@pytest.mark.parametrize(("name", "removals"), REMOVALS.items(), ids=REMOVALS)
async def test_each_crm_is_asked_to_delete_what_it_made(name: str, removals: tuple[Any, Any]) -> None:
    mapping = load_crm(name)
    given = [one.remove for one in (mapping.create, mapping.note)]
    assert [one is not None for one in given] == [one is not None for one in removals]
    client = Client(id="7", entity=mapping.create.entity)
    for kind, number, asks in zip((OperationKind.CREATE, OperationKind.NOTE), ("7", "9"), removals, strict=True):
        if asks is None:
            continue
        other, crm = probed(mapping, said({"success": True}), crm=name, **OPTIONS.get(name, {}))
        made = Made(kind, number, client)
        crm.made = (made,)

        async def shows_the_probe(*_: object) -> Client:
            return client.model_copy(update={"phones": (PHONE,)})

        crm.read = shows_the_probe  # type: ignore[method-assign] # how each is read is told by its stories
        await crm.take_back(made, [], **OURS)
        [asked] = other.asked
        path = "/" + asked.url.partition("://")[2].partition("/")[2]
        assert (asked.method, path, json.loads(asked.body) if asked.body else None) == asks


# -- by whom ---------------------------------------------------------------------------------------------------------------


def test_nothing_but_the_check_of_a_target_can_reach_a_deletion() -> None:
    """A pipeline that can delete a client's card will one day do it."""
    root = Path(bridge.__file__).parent
    imports, reads = set(), set()
    for path in root.rglob("*.py"):
        name = path.relative_to(root).with_suffix("").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "bridge.crm.probing":
                imports.add(name)
            if isinstance(node, ast.Import) and any(one.name.startswith("bridge.crm.probing") for one in node.names):
                imports.add(name)
            removes = isinstance(node, ast.Attribute) and node.attr == "remove"
            if removes and not isinstance(getattr(node, "ctx", None), ast.Store) and "create" in ast.unparse(node):
                reads.add(name)
    assert imports == {"cli/live/check", "cli/live/probe"}
    assert reads == {"crm/probing"}
