from __future__ import annotations

from typing import Any

import pytest
from crm.authority import oauth_mapping
from crm.speaking import mapping_with, settings
from pydantic import SecretStr

from bridge.crm.fit import account_of, fit
from bridge.crm.stated import statements_of
from bridge.errors import ConfigError
from bridge.mapping.schema.crm import CrmMapping

ID = {"client_id": "x"}
SECRET = SecretStr("s")
BACK = "http://localhost:1/b"


def wrong(mapping: CrmMapping, **target: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        fit(mapping, settings(**target))
    return caught.value.message.splitlines()


@pytest.mark.parametrize(
    ("auth", "target", "says"),
    [
        ({"kind": "header", "name": "X-Key", "value": "{target.token}"}, {"token": None}, "`token` is missing: requests"),
        ({"kind": "basic", "user": "{target.login}", "password": "{target.token}"}, {}, "`login` is missing: requests"),
        ({"kind": "hmac", "name": "X-Sign", "signed": "{method} {path}", "value": "{signature}"}, {"token": None},
         "`token` is missing: requests"),
        ({"kind": "standard_webhooks"}, {"token": "abc"}, "token: The key that signs is not one of Standard Webhooks"),
    ],
)  # fmt: skip
def test_a_key_with_which_no_request_would_leave_is_told_before_the_first(
    auth: dict[str, Any], target: dict[str, Any], says: str
) -> None:
    options = {"login": {"about": "the user"}}
    [line] = wrong(mapping_with(auth=auth, options=options), **target)
    assert line.startswith(f"targets.sales: {says}")


@pytest.mark.parametrize(
    ("auth", "target"),
    [
        ({"kind": "none"}, {"token": None}),
        ({"kind": "hmac", "name": "X-Sign", "signed": "{method} {path}", "value": "{signature}"}, {}),
        ({"kind": "json", "name": "params.key", "value": "{target.token}"}, {}),
        ({"kind": "standard_webhooks"}, {"token": "whsec_" + "c2VjcmV0" * 4}),
    ],
)
def test_a_key_with_which_they_leave_is_taken(auth: dict[str, Any], target: dict[str, Any]) -> None:
    fit(mapping_with(auth=auth), settings(**target))


def test_a_note_of_ones_own_may_ask_only_for_what_there_is() -> None:
    template = "{note.headline} {note.transcript} {visitor.name} {target.fields.x} {phones[0]}"
    fit(mapping_with(), settings(note={"template": template}))
    lines = wrong(mapping_with(), note={"template": "{note.head} {visitor.nam} {foo}"})
    assert [line.split(": ", 3)[2] for line in lines] == ["note.head", "visitor.nam", "foo"]
    assert "did you mean name?" in lines[1]


# -- access ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grant", "target", "says"),
    [
        ("authorization_code", {"token": None}, "set `oauth:` with your integration's client_id, or `token`"),
        ("authorization_code", {"token": None, "oauth": ID}, "oauth.redirect_url is missing: the grant authorization_code"),
        ("client_credentials", {"token": None, "oauth": ID}, "oauth.client_secret is missing"),
        ("password", {"token": None, "oauth": {**ID, "username": "u"}}, "oauth.password is missing"),
        ("password", {"oauth": {**ID, "username": "u", "password": SECRET}}, "both `token` and `oauth:`"),
    ],
)
def test_what_is_missing_to_be_let_in_is_named_with_its_target(grant: str, target: dict[str, Any], says: str) -> None:
    [line] = wrong(oauth_mapping(grant), **target)
    assert line.startswith("targets.sales: ")
    assert says in line


@pytest.mark.parametrize(
    ("grant", "target"),
    [
        ("authorization_code", {"token": "for-good"}),
        ("authorization_code", {"token": None, "oauth": {**ID, "redirect_url": BACK}}),
        ("authorization_code", {"token": None, "oauth": {"same_as": "retail"}}),
        ("client_credentials", {"token": None, "oauth": {**ID, "client_secret": SECRET}}),
        ("password", {"token": None, "oauth": {**ID, "username": "u", "password": SECRET}}),
    ],
)
def test_what_is_complete_is_taken(grant: str, target: dict[str, Any]) -> None:
    mapping = oauth_mapping(grant)
    assert fit(mapping, settings(**target)) is mapping


def test_what_is_of_no_use_is_refused() -> None:
    [line] = wrong(mapping_with(), oauth=ID)
    assert "is of no use" in line


def test_tokens_are_a_targets_own_unless_it_says_whose() -> None:
    own, other = settings(name="sales", oauth=ID), settings(name="retail", oauth={"same_as": "sales"})
    targets = {"sales": own, "retail": other}

    assert account_of(own, targets) == account_of(other, targets) == ("sales", own.oauth)
    assert account_of(settings(), targets) is None


# -- statements --------------------------------------------------------------------------------------------------------


def stated(name: str, **more: Any) -> dict[str, Any]:
    return {"post": "/q", "statement": name, "json": {"sql": "{statement.sql}", "params": "{statement.params}"}, **more}


SQL = mapping_with(
    only_private=True,
    find=[{"with": "phone", "records": "@", **stated("by_phone")}, {"with": "email", "records": "@", **stated("by_email")}],
    read=stated("read"), create=stated("create", marker={"kind": "field", "records": "@", "text": "m", "id": "id",
                                                        **stated("find_client")}),
    enrich=stated("enrich"), deal=stated("deal"), task=stated("task"), owner={"records": "@", "id": "id", **stated("owner")},
    open_deals={"records": "@", "deal": {"id": "id"}, **stated("open_deals")},
    note=stated("note", marker={"kind": "text", "records": "@", "text": "t", "id": "id", **stated("find_note")}),
)  # fmt: skip
LEAST = {"by_phone": "SELECT 1 FROM c WHERE p = :phone", "read": "SELECT 1 FROM c WHERE id = :id",
         "create": "INSERT INTO c VALUES (:name)", "note": "INSERT INTO n VALUES (:id, :text)"}  # fmt: skip
HERE = "http://10.1.2.3:3061"


def test_the_statements_of_a_mapping_are_those_of_all_of_its_requests() -> None:
    assert statements_of(SQL) == {
        "by_phone", "by_email", "read", "create", "find_client", "enrich", "deal", "task", "owner", "open_deals", "note",
        "find_note",
    }  # fmt: skip
    assert statements_of(mapping_with()) == frozenset()


def test_what_a_target_has_no_statement_for_is_not_to_be_had_there() -> None:
    fitted = fit(SQL, settings(url=HERE, sql=LEAST))

    assert [step.by for step in fitted.find] == ["phone"]
    assert (fitted.enrich, fitted.deal, fitted.task, fitted.owner, fitted.open_deals) == (None,) * 5
    assert (fitted.create.marker.kind, fitted.note.marker.kind) == ("none", "none")
    more = {"by_email": "SELECT 1 WHERE e = :email", "find_note": "SELECT 1 WHERE t LIKE :marker_like",
            "deal": "INSERT INTO d VALUES (:id)"}  # fmt: skip
    fitted = fit(SQL, settings(url=HERE, sql={**LEAST, **more}))
    assert [step.by for step in fitted.find] == ["phone", "email"]
    assert fitted.deal is not None
    assert fitted.note.marker.kind == "text"


def test_two_targets_of_one_crm_have_parts_of_their_own() -> None:
    assert SQL.for_entity("client").enrich is not None

    least = fit(SQL, settings(url=HERE, sql=LEAST))
    more = fit(SQL, settings(url=HERE, sql={**LEAST, "enrich": "UPDATE c SET p = :new_phone WHERE id = :id"}))

    assert least.for_entity("client").enrich is None
    assert more.for_entity("client").enrich is not None


def test_statements_that_have_to_be_there_and_those_that_mean_nothing_are_named_at_once() -> None:
    lines = wrong(SQL, url=HERE, sql={"raed": "SELECT :id", "create": "INSERT INTO c VALUES (:name)"})

    assert lines[0].startswith("targets.sales: sql.raed: there is no such statement (did you mean read?); there are: by_email")
    assert [line.partition(" is missing")[0] for line in lines[1:3]] == ["targets.sales: sql.note", "targets.sales: sql.read"]
    assert lines[3] == "targets.sales: no client could ever be found; give at least one of: sql.by_phone, sql.by_email"


def test_a_search_without_a_value_would_find_everybody() -> None:
    [line] = wrong(SQL, url=HERE, sql={**LEAST, "by_phone": "SELECT id FROM c"})
    assert "sql.by_phone has no value to search with" in line


def test_statements_where_there_is_no_sql_are_refused() -> None:
    [line] = wrong(mapping_with(), sql={"read": "SELECT :id"})
    assert "sandbox is not spoken to in SQL" in line


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://127.0.0.1:3061", "http://192.168.0.7", "http://[fd00::1]:3061", "http://crm.lan:3061"])
def test_private_addresses_and_names_are_let_through(url: str) -> None:
    assert fit(SQL, settings(url=url, sql=LEAST)).only_private


@pytest.mark.parametrize("url", ["http://8.8.8.8:3061", "http://[2001:4860::8888]", "http://169.254.169.254", "http://0.0.0.0"])
def test_an_endpoint_without_a_key_at_a_public_address_is_refused_unless_that_is_said(url: str) -> None:
    [line] = wrong(SQL, url=url, sql=LEAST)
    assert "is a public address" in line
    assert "allow_public: true" in line
    assert fit(SQL, settings(url=url, sql=LEAST, allow_public=True))


# -- how it is reached -------------------------------------------------------------------------------------------------


def test_a_mail_goes_to_a_mail_server_and_nothing_else_does() -> None:
    told = {"find": (), "carrier": "mail"}
    by_mail = mapping_with().model_copy(update=told)
    assert fit(by_mail, settings(url="smtps://mail.example.com")).carrier == "mail"
    for url in ("https://crm.example.com", None):
        [line] = wrong(by_mail, url=url)
        assert "its address is a mail server's, like smtps://" in line
    [line] = wrong(mapping_with(), url="smtp://mail.example.com")
    assert "sandbox is called over the web" in line


# -- files -------------------------------------------------------------------------------------------------------------


def test_copying_is_refused_where_the_mapping_has_no_way_to() -> None:
    takes = mapping_with(file={"post": "/files", "json": {"c": "{file.base64}"}})

    [line] = wrong(mapping_with(), options={"files": "copy"})
    assert "does not say how a file is copied; take `copy` out" in line
    assert fit(takes, settings(options={"files": "copy"})) is takes
    assert fit(mapping_with(), settings(options={"files": "links"}))


# -- what nothing would come of ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"deal": "always"}, "targets.sales: deal: T does not say how a deal is made"),
        ({"note_on": "open_deal"}, "note_on: T knows no deals"),
        ({"missed": "task"}, "missed: T does not say how a task is made"),
    ],
)
def test_what_nothing_would_come_of_is_refused_with_the_remedy(options: dict[str, Any], says: str) -> None:
    [line] = wrong(mapping_with().model_copy(update={"name": "T"}), options=options)
    assert says in line
    assert "take the line out" in line


def test_what_nobody_wrote_down_is_no_wish_and_what_one_kind_of_record_has_is_enough() -> None:
    assert fit(mapping_with(), settings())
    deal = {"post": "/deals", "json": {"title": "{deal.title}"}, "id": "id"}
    mapping = mapping_with(entities={"lead": {"title": "Lead", "deal": deal}})
    assert fit(mapping, settings(options={"deal": "always", "note_on": "both"}))
