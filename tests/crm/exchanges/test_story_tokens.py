from __future__ import annotations

from typing import Any

from crm.authority import oauth_mapping
from crm.speaking import mapping_with

from bridge.crm.exchanges import Result, run_exchange
from bridge.crm.exchanges.story_tokens import MemoryVault, with_secrets
from bridge.mapping.samples import Exchange

OAUTH = {"client_id": "our-id", "client_secret": "our-secret", "redirect_url": "http://localhost:1/b"}
READ = {"do": "read", "with": {"client": {"id": "7"}}}


def asked(token: str) -> dict[str, Any]:
    return {"method": "GET", "url": "/api/people/7", "headers": {"Authorization": f"Bearer {token}"}}


def renewed(refresh: str, **answer: Any) -> dict[str, Any]:
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": "our-id", "client_secret": "our-secret"}
    expect = {"method": "POST", "url": "/oauth/token", "headers": {"Accept": "application/json"}, "form": form}
    return {"expect": expect, "answer": answer}


async def told(*steps: dict[str, Any], mapping: Any = None, **more: Any) -> Result:
    story = {"origin": "inferred", "story": "s", "target": {"oauth": OAUTH}, "outcome": {}, "steps": steps, **more}
    return await run_exchange(Exchange.model_validate(story), mapping or oauth_mapping())


async def test_a_story_tells_of_a_token_that_has_run_out() -> None:
    result = await told(
        {**READ, "expect": asked("old"), "answer": {"status": 401, "json": {}}},
        renewed("r-1", json={"access_token": "new", "refresh_token": "r-2"}),
        {"expect": asked("new"), "answer": {"json": {"id": "7"}}},
        token={"access": "old", "refresh": "r-1", "expires_in": "3600"},
        outcome={"read": {"id": "7"}},
    )
    assert result.problems == ()


async def test_a_story_tells_of_a_consent_that_has_ended() -> None:
    result = await told(
        {**READ, **renewed("r-1", status=400, json={"error": "invalid_grant"})},
        token={"access": "old", "refresh": "r-1", "expires_in": "-1"},
        outcome={"read": {"error": "crm_authorise_again"}},
    )
    assert result.problems == ()


async def test_what_a_story_expects_of_the_token_request_is_compared() -> None:
    result = await told(
        {**READ, **renewed("another", json={"access_token": "new"})},
        {"expect": asked("new"), "answer": {"json": {"id": "7"}}},
        token={"access": "old", "refresh": "r-1", "expires_in": "-1"},
    )
    [problem] = result.problems
    assert problem.startswith("request 1: the form is ")


async def test_a_story_may_begin_with_a_token_that_does_not_run_out_or_with_none() -> None:
    step = {**READ, "expect": asked("the-key-of-the-story"), "answer": {"json": {"id": "7"}}}
    assert (await told(step, target={})).problems == ()
    result = await told({**READ, "expect": asked("none"), "answer": {}})
    assert result.outcome == {"read": {"error": "crm_authorise_again"}}


async def test_as_whom_we_are_let_in_can_be_told() -> None:
    me = {"method": "GET", "url": "/api/me", "headers": {"Authorization": "Bearer the-key-of-the-story"}}
    step = {"do": "who", "expect": me, "answer": {"json": {"name": "Ann"}}}
    assert (await told(step, target={}, outcome={"who": "Ann"})).problems == ()


async def test_what_a_storys_target_lacks_is_a_problem_of_the_story() -> None:
    result = await told({**READ, "expect": asked("x"), "answer": {}}, mapping=mapping_with())
    [problem] = result.problems
    assert "`oauth:` is of no use" in problem


async def test_statements_stand_in_the_storys_target() -> None:
    body = {"sql": "{statement.sql}", "params": "{statement.params}"}
    mapping = mapping_with(read={"post": "/q", "statement": "read", "json": body, "record": "[0]"})
    asked_for = {"sql": "SELECT * FROM c WHERE id = ?", "params": ["7"]}
    query = {"method": "POST", "url": "/api/q", "headers": {"X-Key": "the-key-of-the-story"}, "json": asked_for}
    result = await told(
        {**READ, "expect": query, "answer": {"json": [{"id": "7"}]}}, mapping=mapping,
        target={"sql": {"read": "SELECT * FROM c WHERE id = :id"}}, outcome={"read": {"id": "7"}},
    )  # fmt: skip
    assert result.problems == ()


def test_secrets_of_a_story_are_secrets_to_the_settings() -> None:
    made = with_secrets({"token": "t", "oauth": {"client_id": "i", "client_secret": "s"}})
    assert (made["token"], made["oauth"]["client_id"]) == (None, "i")
    assert "s" not in repr(made["oauth"]["client_secret"])
    assert with_secrets({"token": "t"})["token"].get_secret_value() == "t"


async def test_the_vault_in_memory_keeps_the_promises_of_a_store() -> None:
    vault = MemoryVault()
    assert await vault.token("a") is None
    assert await vault.claim_token("a", version=0, owner="x", seconds=1)
    assert await vault.save_token("a", b"1", expires_at=None, replaces=0)
    assert not await vault.save_token("a", b"2", expires_at=None, replaces=0)
    await vault.end_token("a", version=1, reason="over")
    assert not await vault.claim_token("a", version=1, owner="x", seconds=1)
    row = await vault.token("a")
    assert row is not None
    assert (row.sealed, row.ended) == (b"1", "over")
