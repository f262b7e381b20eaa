"""What `check --live` asks a CRM besides what jobs ask: the fields it has, its users, its own counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pytest
from crm.speaking import Hurried, Scripted, mapping_with, said, settings

from bridge.crm.checked import CheckedCrm, counted
from bridge.crm.fit import fit
from bridge.errors import AccessRefused, EmptyExpression
from bridge.mapping.load import available, load_crm
from bridge.mapping.schema.crm import CrmMapping
from bridge.mapping.schema.speech import Counter
from bridge.transport import Answer


def checked(mapping: CrmMapping | str, *script: Answer | Exception, **target: Any) -> tuple[Scripted, CheckedCrm]:
    other = Scripted(*script)
    configured = settings(**target)
    loaded = load_crm(mapping) if isinstance(mapping, str) else mapping
    return other, CheckedCrm("sales", fit(loaded, configured), configured, transport=other, clock=Hurried())


@dataclass(frozen=True)
class Listing:
    """How one CRM lists the fields of one kind of record."""

    crm: str
    kind: str
    #: method, path below the server, body
    asks: tuple[str, str, Any]
    #: as the vendor's pages show them, shortened; a recorded one says so
    answers: Sequence[Any]
    known: Mapping[str, str]


def _rpc(model: str) -> dict[str, Any]:
    args = ["shop", 7, "the-key", model, "fields_get", [], {"attributes": ["string", "type"]}]
    return {"jsonrpc": "2.0", "method": "call", "id": 1, "params": {"service": "object", "method": "execute_kw", "args": args}}


_UF = {"result": {"fields": {"name": {"type": "string", "title": "Имя"}, "UF_CRM_17": {"type": "string", "title": "Канал"}}}}
_ODOO = {"x_channel": {"type": "char", "string": "Channel"}, "name": {"type": "char", "string": "Name"}}
_ESPO = {"cChannel": {"type": "varchar"}, "name": {"type": "personName"}}
_PIPEDRIVE = {"success": True, "data": [{"key": "name", "name": "Name"}, {"key": "9dc80c50", "name": "Channel"}]}
_DESCRIBED = {"name": "Lead", "fields": [{"name": "Channel__c", "label": "Channel"}, {"name": "Phone", "label": "Phone"}]}
_RETAIL = {"success": True, "customFields": [{"code": "channel", "name": "Канал", "entity": "customer", "type": "string"}]}
_AMO = {"_embedded": {"custom_fields": [{"id": 371, "name": "Маркер", "type": "text"}]}}

LISTINGS = [
    Listing("amocrm", "contact", ("GET", "/api/v4/contacts/custom_fields?limit=250", None), [_AMO], {"371": "Маркер"}),
    Listing("amocrm", "deal", ("GET", "/api/v4/leads/custom_fields?limit=250", None), [_AMO], {"371": "Маркер"}),
    Listing("bitrix24", "contact", ("POST", "/rest/the-key/crm.item.fields", {"entityTypeId": 3, "useOriginalUfNames": "Y"}),
            [_UF], {"name": "Имя", "UF_CRM_17": "Канал"}),
    Listing("bitrix24", "deal", ("POST", "/rest/the-key/crm.item.fields", {"entityTypeId": 2, "useOriginalUfNames": "Y"}),
            [_UF], {"name": "Имя", "UF_CRM_17": "Канал"}),
    Listing("bitrix24_leads", "lead", ("POST", "/rest/the-key/crm.item.fields", {"entityTypeId": 1, "useOriginalUfNames": "Y"}),
            [_UF], {"name": "Имя", "UF_CRM_17": "Канал"}),
    Listing("espocrm", "contact", ("GET", "/api/v1/Metadata?key=entityDefs.Contact.fields", None), [_ESPO],
            {"cChannel": "", "name": ""}),
    Listing("espocrm", "deal", ("GET", "/api/v1/Metadata?key=entityDefs.Opportunity.fields", None), [_ESPO],
            {"cChannel": "", "name": ""}),
    Listing("espocrm_calls", "call", ("GET", "/api/v1/Metadata?key=entityDefs.Call.fields", None), [_ESPO],
            {"cChannel": "", "name": ""}),
    *(Listing("hubspot", kind, ("GET", f"/crm/v3/properties/{path}", None),
              [{"results": [{"name": "chat_channel", "label": "Chat channel"}]}], {"chat_channel": "Chat channel"})
      for kind, path in (("contact", "contacts"), ("note", "notes"), ("deal", "deals"))),
    *(Listing("odoo", kind, ("POST", f"/json/2/{model}/fields_get", {"attributes": ["string", "type"]}), [_ODOO],
              {"x_channel": "Channel", "name": "Name"}) for kind, model in (("contact", "res.partner"), ("lead", "crm.lead"))),
    *(Listing("odoo_jsonrpc", kind, ("POST", "/jsonrpc", _rpc(model)), [{"jsonrpc": "2.0", "id": 1, "result": _ODOO}],
              {"x_channel": "Channel", "name": "Name"}) for kind, model in (("contact", "res.partner"), ("lead", "crm.lead"))),
    *(Listing("pipedrive", kind, ("GET", f"/api/v1/{path}?limit=500", None), [_PIPEDRIVE],
              {"name": "Name", "9dc80c50": "Channel"})
      for kind, path in (("person", "personFields"), ("organization", "organizationFields"), ("deal", "dealFields"))),
    *(Listing("salesforce", kind, ("GET", f"/services/data/v62.0/sobjects/{name}/describe", None), [_DESCRIBED],
              {"Channel__c": "Channel", "Phone": "Phone"})
      for kind, name in (("lead", "Lead"), ("contact", "Contact"), ("task", "Task"))),
    *(Listing("retailcrm", kind, ("GET", f"/api/v5/custom-fields?filter[entity]={kind}&limit=100", None), [_RETAIL],
              {"channel": "Канал"}) for kind in ("customer", "order")),
]  # fmt: skip
#: mappings that change nothing of these lists
AS_THEIR_BASE = {
    "bitrix24_activities", "bitrix24_app", "espocrm_hmac", "espocrm_leads", "pipedrive_oauth", "salesforce_contacts",
    "salesforce_oauth",
}  # fmt: skip
OPTIONS = {"odoo_jsonrpc": {"database": "shop", "user_id": "7"}, "espocrm_calls": {"assigned_user_id": "1"},
           "retailcrm": {"site": "shop"}}  # fmt: skip


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda one: f"{one.crm}-{one.kind}")
async def test_the_fields_of_each_kind_of_record_are_listed(listing: Listing) -> None:
    other, crm = checked(
        listing.crm, *(said(one) for one in listing.answers), crm=listing.crm, **OPTIONS.get(listing.crm, {})
    )

    assert await crm.fields_of(listing.kind, []) == listing.known
    [asked] = other.asked
    path = "/" + asked.url.partition("://")[2].partition("/")[2]
    body = json.loads(asked.body) if asked.body else None
    assert (asked.method, unquote(path), body) == listing.asks


def test_no_list_of_a_shipped_mapping_is_without_its_row() -> None:
    listed = {(name, kind) for name in available("crm") if name not in AS_THEIR_BASE for kind in load_crm(name).fields_known}
    own = {pair for pair in listed if pair not in {("bitrix24_leads", "contact"), ("bitrix24_leads", "deal"),
                                                   ("espocrm_calls", "contact"), ("espocrm_calls", "deal")}}  # fmt: skip
    assert own == {(one.crm, one.kind) for one in LISTINGS}


@pytest.mark.parametrize("name", sorted(available("crm")))
def test_a_key_that_is_listed_is_one_that_the_mapping_reads(name: str) -> None:
    from bridge.cli.live.fields import keys_read

    mapping = load_crm(name)
    read = keys_read(mapping)
    assert read is not None
    assert {key for rule in mapping.fields_known.values() for key in rule.keys} <= read


async def test_who_may_not_list_users_is_told_so_although_a_job_goes_on() -> None:
    mapping = mapping_with(owner={"get": "/users", "records": "items", "id": "id", "email": "email"})
    _, crm = checked(mapping, said(status=403), said({"items": [{"id": 5, "email": "Olga@shop.tld"}]}))

    with pytest.raises(AccessRefused):
        await crm.see_owner("olga@shop.tld", [])
    assert await crm.see_owner("olga@shop.tld", []) == "5"


async def test_ids_are_looked_up_too() -> None:
    lists = {
        "pipeline": {"get": "/pipelines", "records": "items", "id": "id", "name": "title"},
        "stage": {"get": "/stages", "records": "items", "id": "id", "name": "title", "of": "pipeline"},
    }
    pipelines = said({"items": [{"id": 1, "title": "Retail"}, {"id": 2, "title": "Wholesale"}]})
    stages = said({"items": [{"id": 10, "title": "New", "pipeline": 1}, {"id": 20, "title": "New", "pipeline": 2}]})
    _, crm = checked(mapping_with(names=lists), pipelines, stages)

    found = await crm.see_names({"pipeline": "2", "stage": "new", "source": "Chat"}, [])
    assert [(one.key, one.id) for one in found] == [("pipeline", "2"), ("stage", "20")]
    [missed] = await crm.see_names({"pipeline": "3", "stage": "new", "source": None}, [])
    assert (missed.id, missed.there) == (None, {"1": "Retail", "2": "Wholesale"})


async def test_a_stage_that_cannot_be_listed_without_its_pipeline_says_so() -> None:
    lists = {"stage": {"get": "/pipelines/{deal.pipeline}/stages", "records": "items", "id": "id", "name": "title"}}
    _, crm = checked(mapping_with(names=lists))

    with pytest.raises(Exception, match="or the pipeline as well") as raised:
        await crm.see_names({"pipeline": None, "stage": "New", "source": None}, [])
    assert not isinstance(raised.value, EmptyExpression)


# -- counts ------------------------------------------------------------------------------------------------------------

LEFT = {"about": "calls", "left": "get(headers, 'x-left')", "most": "get(headers, 'x-most')"}


@pytest.mark.parametrize(
    ("counter", "answers", "found"),
    [
        (LEFT, [said({}, x_left="40", x_most="100")], (60.0, 100.0)),
        (LEFT, [said({}, x_left="40", x_most="100"), said({})], (60.0, 100.0)),
        (LEFT, [said({}, x_left="40")], (40.0, None)),
        (LEFT, [said({}, x_left="many", x_most="100")], None),
        (LEFT, [], None),
        ({"about": "seconds", "used": "time.operating", "most": "`480`"}, [said({"time": {"operating": 1.5}})], (1.5, 480.0)),
        ({"about": "seconds", "used": "time.operating"}, [said([1, 2])], None),
    ],
)
def test_the_newest_answer_that_tells_counts(
    counter: dict[str, str], answers: list[Answer], found: tuple[float, float | None] | None
) -> None:
    assert counted(Counter.model_validate(counter), answers) == found


def test_a_counter_tells_what_is_used_or_what_is_left() -> None:
    with pytest.raises(ValueError, match="`used:` or `left:`"):
        Counter.model_validate({"about": "calls", "most": "m"})


@pytest.mark.parametrize(
    ("crm", "answer", "found"),
    [
        ("salesforce", said({}, Sforce_Limit_Info="api-usage=18/15000"), [(18.0, 15000.0)]),
        ("salesforce", said({}, Sforce_Limit_Info="api-usage=18/15000; per-app-api-usage=1/2(appName=x)"), [(18.0, 15000.0)]),
        ("bitrix24", said({"result": [], "time": {"operating": 0.25}}), [(0.25, 480.0)]),
        ("hubspot", said({}, X_HubSpot_RateLimit_Remaining="90", X_HubSpot_RateLimit_Max="100"), [None, (10.0, 100.0)]),
        ("pipedrive", said({}, x_ratelimit_remaining="19", x_ratelimit_limit="20"), [None, (1.0, 20.0)]),
    ],
)
def test_the_counts_of_each_crm_are_read(crm: str, answer: Answer, found: list[Any]) -> None:
    assert [counted(one, [answer]) for one in load_crm(crm).limits.counters] == found
