from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from crm.authority import CLIENT, Authority, oauth_mapping
from fakes import FakeClock
from pydantic import SecretStr

from bridge.config.connections import OAuthSettings
from bridge.crm.auth import consent
from bridge.crm.auth.sealing import Seal
from bridge.crm.auth.tokens import OAuthTokens
from bridge.errors import AccessRefused
from bridge.store import Store

BACK = "http://localhost:8765/back"
OURS = OAuthSettings(client_id=CLIENT["client_id"], client_secret=SecretStr(CLIENT["client_secret"]), redirect_url=BACK)


def tokens_over(store: Store, authority: Authority, clock: FakeClock, *, pkce: bool = False, key: str = "k" * 40) -> OAuthTokens:
    target = {"url": "https://crm.example.com"}
    return OAuthTokens(
        "sales", oauth_mapping(pkce=pkce), OURS, target, vault=store, seal=Seal(key), transport=authority, clock=clock
    )


async def asked(tokens: OAuthTokens) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(await consent.begin(tokens)).query))


async def test_the_code_is_exchanged_and_the_tokens_serve_every_other_process(store: Store, clock: FakeClock) -> None:
    authority = Authority()
    tokens = tokens_over(store, authority, clock)
    state = (await asked(tokens))["state"]

    await consent.finish(tokens, {"code": "the-code", "state": state, "account": "7"})

    assert authority.asked == [
        {"grant_type": "authorization_code", "code": "the-code", "redirect_uri": BACK, **CLIENT}
    ]  # fmt: skip
    elsewhere = tokens_over(store, authority, clock)
    assert await elsewhere.current() == {"access": "access-1", "instance": "https://eu.crm.example", "account": "7"}


async def test_a_bound_code_is_shown_with_what_it_is_bound_to_even_by_another_run(store: Store, clock: FakeClock) -> None:
    authority = Authority()
    challenge = (await asked(tokens_over(store, authority, clock, pkce=True)))["code_challenge"]
    authority.challenge = challenge

    await consent.finish(tokens_over(store, authority, clock, pkce=True), "the-code")

    assert authority.number == 1


@pytest.mark.parametrize(
    "pasted", ["the-code", " the-code\n", f"{BACK}?code=the-code&x=1", "?code=the-code", "code=the-code"]
)
async def test_a_person_may_paste_the_address_or_the_code(store: Store, clock: FakeClock, pasted: str) -> None:
    authority = Authority()
    tokens = tokens_over(store, authority, clock)
    await consent.begin(tokens)

    await consent.finish(tokens, pasted)
    assert authority.number == 1


async def test_a_code_may_end_with_equals_signs(store: Store, clock: FakeClock) -> None:
    authority = Authority(code="YWJj==")
    tokens = tokens_over(store, authority, clock)
    await consent.begin(tokens)

    await consent.finish(tokens, "YWJj==")
    assert authority.number == 1


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        (f"{BACK}?error=access_denied&error_description=No%2C+thanks", "sent the person back without a code: No, thanks"),
        (f"{BACK}?code=the-code&state=somebody-elses", "answer to another request"),
        (f"{BACK}", "There is no code in it"),
        ("", "There is no code in it"),
    ],
)
async def test_what_is_no_answer_to_us_is_not_exchanged(store: Store, clock: FakeClock, pasted: str, says: str) -> None:
    authority = Authority()
    tokens = tokens_over(store, authority, clock)
    await consent.begin(tokens)

    with pytest.raises(AccessRefused, match=says):
        await consent.finish(tokens, pasted)
    assert authority.asked == []


async def test_a_code_that_serves_no_more_says_to_begin_anew(store: Store, clock: FakeClock) -> None:
    authority = Authority(code=None)
    tokens = tokens_over(store, authority, clock)
    await consent.begin(tokens)

    with pytest.raises(AccessRefused, match=r"the code was used.*begin anew: chat2crm auth sales"):
        await consent.finish(tokens, "the-code")


async def test_a_lost_answer_to_a_code_says_to_begin_anew(store: Store, clock: FakeClock) -> None:
    authority = Authority(losing=["after"])
    tokens = tokens_over(store, authority, clock)
    await consent.begin(tokens)

    with pytest.raises(AccessRefused, match="A code serves once, so begin anew"):
        await consent.finish(tokens, "the-code")


async def test_nothing_is_exchanged_that_was_not_asked_for(store: Store, clock: FakeClock) -> None:
    authority = Authority()
    with pytest.raises(AccessRefused, match="begin with: chat2crm auth sales"):
        await consent.finish(tokens_over(store, authority, clock), "the-code")

    tokens = tokens_over(store, authority, clock)
    await consent.begin(tokens)
    with pytest.raises(AccessRefused, match="The `key:` has changed"):
        await consent.finish(tokens_over(store, authority, clock, key="l" * 40), "the-code")
    await consent.finish(tokens, "the-code")
    authority.code = "the-code"
    with pytest.raises(AccessRefused, match="begin with"):
        await consent.finish(tokens, "the-code")


async def test_only_the_redirect_that_is_waited_for_counts(store: Store, clock: FakeClock) -> None:
    tokens = tokens_over(store, Authority(), clock)
    assert not await consent.is_answer(tokens, {"state": "", "code": "x"})
    state = (await asked(tokens))["state"]

    assert await consent.is_answer(tokens, {"state": state, "code": "x"})
    for other in ({}, {"code": "x"}, {"state": "é", "code": "x"}, {"state": state[:-1], "code": "x"}):
        assert not await consent.is_answer(tokens, other)


async def test_without_a_redirect_address_the_key_is_named(store: Store, clock: FakeClock) -> None:
    tokens = tokens_over(store, Authority(), clock)
    tokens.settings = OURS.model_copy(update={"redirect_url": None})

    with pytest.raises(AccessRefused, match=r"`oauth.redirect_url` of sales is missing"):
        await consent.begin(tokens)
