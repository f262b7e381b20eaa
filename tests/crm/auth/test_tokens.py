from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from crm.authority import CLIENT, LIVES, Authority, oauth_mapping, said
from fakes import FakeClock
from pydantic import SecretStr

from bridge.config.connections import OAuthSettings
from bridge.crm.auth.oauth import Held
from bridge.crm.auth.sealing import Seal
from bridge.crm.auth.tokens import FRESH, OAuthTokens
from bridge.errors import AccessRefused, AuthExpired, AuthoriseAgain, Blocked, NoRoom
from bridge.mapping.schema.crm import CrmMapping
from bridge.store import Store, open_store
from bridge.transport import Answer

SEAL = Seal("k" * 40)
OURS = OAuthSettings(client_id=CLIENT["client_id"], client_secret=SecretStr(CLIENT["client_secret"]))
TARGET = {"url": "https://crm.example.com"}


@pytest.fixture
async def second(store: Store, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """The same store, as another process has it open."""
    made = open_store(f"sqlite:///{tmp_path}/chat2crm.db", clock=clock, service=False)
    await made.open()
    yield made
    await made.close()


def tokens_over(store: Any, authority: Authority, clock: FakeClock, mapping: CrmMapping | None = None,
                settings: OAuthSettings = OURS, seal: Seal = SEAL) -> OAuthTokens:  # fmt: skip
    return OAuthTokens(
        "sales", mapping or oauth_mapping(), settings, TARGET, vault=store, seal=seal, transport=authority, clock=clock
    )


async def let_in(store: Store, clock: FakeClock, *, lives: float | None = LIVES, **more: Any) -> Held:
    """As after a consent: access-0 and refresh-0."""
    ends = None if lives is None else clock.time() + lives
    held = Held(access="access-0", refresh="refresh-0", expires_at=ends, renew_at=None if ends is None else ends - 60,
                had_at=clock.time(), **more)  # fmt: skip
    await store.save_token("sales", SEAL.seal("sales", held.content()), expires_at=ends, replaces=None)
    return held


async def kept(store: Store) -> Held:
    row = await store.token("sales")
    assert row is not None
    return Held(**SEAL.open("sales", row.sealed))


# -- renewing ----------------------------------------------------------------------------------------------------------


async def test_a_token_serves_until_a_minute_before_its_end_and_is_renewed_then(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority()
    tokens = tokens_over(store, authority, clock)

    assert (await tokens.current())["access"] == "access-0"
    await clock.advance(LIVES - 61)
    assert (await tokens.current())["access"] == "access-0"
    assert authority.asked == []
    await clock.advance(2)
    assert (await tokens.current())["access"] == "access-1"
    assert (await tokens.current())["access"] == "access-1"
    assert authority.asked == [{"grant_type": "refresh_token", "refresh_token": "refresh-0", **CLIENT}]


async def test_what_templates_see_holds_no_refresh_token_and_what_was_kept_stays(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock, kept={"account": "7", "instance": "https://old"})
    tokens = tokens_over(store, Authority(), clock)

    assert await tokens.current() == {"access": "access-0", "account": "7", "instance": "https://old"}
    assert await tokens.refresh(await _old(tokens, clock)) == {
        "access": "access-1", "account": "7", "instance": "https://eu.crm.example",
    }  # fmt: skip


async def _old(tokens: OAuthTokens, clock: FakeClock) -> Any:
    stale = await tokens.current()
    await clock.advance(FRESH + 1)
    return stale


async def test_the_next_refresh_token_is_on_disk_before_the_new_access_token_is_used(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    tokens = tokens_over(store, Authority(), clock)
    await clock.advance(LIVES)

    await tokens.current()

    assert (await kept(store)).refresh == "refresh-1"
    again = tokens_over(store, Authority(number=1, refresh="refresh-1"), clock)
    await clock.advance(LIVES)
    assert (await again.current())["access"] == "access-2"


async def test_a_reusable_refresh_token_goes_on_when_no_new_one_comes(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(rotating=False, number=5)
    tokens = tokens_over(store, authority, clock)

    for _ in range(3):
        await clock.advance(LIVES)
        await tokens.current()

    assert [given["refresh_token"] for given in authority.asked] == ["refresh-0"] * 3


async def test_fifty_jobs_at_once_make_one_renewal(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority()
    tokens = tokens_over(store, authority, clock)
    await clock.advance(LIVES)

    got = await asyncio.gather(*(tokens.current() for _ in range(50)))

    assert {one["access"] for one in got} == {"access-1"}
    assert len(authority.asked) == 1


async def test_fifty_jobs_whose_token_is_refused_make_one_renewal(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority()
    tokens = tokens_over(store, authority, clock)
    stale = await _old(tokens, clock)

    got = await asyncio.gather(*(tokens.refresh(stale) for _ in range(50)))

    assert {one["access"] for one in got} == {"access-1"}
    assert len(authority.asked) == 1


async def test_of_two_processes_one_renews_and_the_other_takes_that(store: Store, second: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(takes=0.05)
    here, there = tokens_over(store, authority, clock), tokens_over(second, authority, clock)
    await clock.advance(LIVES)

    both = [asyncio.create_task(one.current()) for one in (here, there, here, there)]

    assert [(await clock.until(task))["access"] for task in both] == ["access-1"] * 4
    assert authority.asked == [{"grant_type": "refresh_token", "refresh_token": "refresh-0", **CLIENT}]


async def test_who_vanished_while_renewing_is_succeeded_after_the_time_a_request_may_take(
    store: Store, second: Store, clock: FakeClock
) -> None:
    await let_in(store, clock)
    await clock.advance(LIVES)
    assert await second.claim_token("sales", version=1, owner="gone", seconds=30.0)
    authority = Authority()
    task = asyncio.create_task(tokens_over(store, authority, clock).current())

    await clock.advance(29)
    assert (task.done(), authority.asked) == (False, [])
    assert (await clock.until(task))["access"] == "access-1"


async def test_a_job_that_is_broken_off_does_not_take_the_next_refresh_token_with_it(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(takes=0.05)
    tokens = tokens_over(store, authority, clock)
    await clock.advance(LIVES)
    job = asyncio.create_task(tokens.current())
    await asyncio.sleep(0.01)

    job.cancel()
    await tokens.settle(5.0)

    assert job.cancelled()
    assert (await kept(store)).refresh == authority.refresh == "refresh-1"


class FullDisk:
    """A store that takes no tokens for a while."""

    def __init__(self, store: Store) -> None:
        self.store, self.full = store, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def save_token(self, *args: Any, **more: Any) -> bool:
        if self.full:
            raise NoRoom
        return await self.store.save_token(*args, **more)


async def test_a_pair_that_could_not_be_saved_is_not_used_and_not_lost(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    disk, authority = FullDisk(store), Authority()
    tokens = tokens_over(disk, authority, clock)
    await clock.advance(LIVES)

    for _ in range(2):
        with pytest.raises(NoRoom):
            await tokens.current()
    disk.full = False

    assert (await tokens.current())["access"] == "access-1"
    assert (await kept(store)).refresh == "refresh-1"
    assert len(authority.asked) == 1


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def test_an_answer_lost_on_its_way_back_leads_to_a_person_after_two_requests(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(losing=["after"])
    tokens = tokens_over(store, authority, clock)
    await clock.advance(LIVES)

    with pytest.raises(AuthExpired, match="cannot be renewed now"):
        await tokens.current()
    await clock.advance(6)
    for _ in range(20):
        with pytest.raises(AuthoriseAgain, match=r"already exchanged.*chat2crm auth sales"):
            await tokens.current()
        await clock.advance(3600)

    assert [given["refresh_token"] for given in authority.asked] == ["refresh-0", "refresh-0"]


async def test_a_request_lost_on_its_way_there_needs_nobody(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    tokens = tokens_over(store, Authority(losing=["before"]), clock)
    await clock.advance(LIVES)

    with pytest.raises(AuthExpired):
        await tokens.current()
    await clock.advance(6)

    assert (await tokens.current())["access"] == "access-1"


async def test_an_endpoint_that_is_down_is_asked_less_and_less_often(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(losing=["unsent"] * 100)
    tokens = tokens_over(store, authority, clock)
    await clock.advance(LIVES)

    for _ in range(3600):
        with pytest.raises(AuthExpired) as caught:
            await tokens.current()
        assert not caught.value.maybe_done
        clock._pass(1.0)

    assert len(authority.asked) <= 20
    authority.losing.clear()
    await clock.advance(300)
    assert (await tokens.current())["access"] == "access-1"


async def test_a_minute_before_its_end_a_token_serves_although_it_cannot_be_renewed(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(losing=["after", "unsent", "unsent"])
    tokens = tokens_over(store, authority, clock)
    await clock.advance(LIVES - 50)

    assert (await tokens.current())["access"] == "access-0"
    assert (await tokens.current())["access"] == "access-0"
    assert len(authority.asked) == 1


async def test_a_withdrawn_consent_stops_it_until_a_person_has_agreed_again(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(revoked=True)
    tokens = tokens_over(store, authority, clock)
    await clock.advance(LIVES)

    for _ in range(5):
        with pytest.raises(AuthoriseAgain, match="access was withdrawn"):
            await tokens.current()
    assert len(authority.asked) == 1
    await let_in(store, clock)

    assert (await tokens.current())["access"] == "access-0"


async def test_another_process_that_was_told_no_says_so_to_all(store: Store, second: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(revoked=True)
    await clock.advance(LIVES)
    for one in (store, second):
        with pytest.raises(AuthoriseAgain, match="access was withdrawn"):
            await tokens_over(one, authority, clock).current()

    assert len(authority.asked) == 1


async def test_what_a_frozen_process_learns_late_is_kept_all_the_same(store: Store, clock: FakeClock) -> None:
    """It was overtaken, the one that overtook it was refused, and then its own answer comes: the newest pair there is."""
    await let_in(store, clock)
    authority = Authority(takes=0.05)
    frozen = tokens_over(store, authority, clock)
    await clock.advance(LIVES)
    task = asyncio.create_task(frozen.current())
    while not authority.asked:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.001)
    await store.end_token("sales", version=1, reason="refused")

    assert (await task)["access"] == "access-1"
    assert (await tokens_over(store, authority, clock).current())["access"] == "access-1"


async def test_a_wrong_client_secret_is_no_reason_to_ask_a_person_for_consent(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority()
    wrong = OAuthSettings(client_id="our-id", client_secret=SecretStr("mistyped"))
    tokens = tokens_over(store, authority, clock, settings=wrong)
    await clock.advance(LIVES)

    for _ in range(3):
        with pytest.raises(AccessRefused, match="client_id or client_secret") as caught:
            await tokens.current()
        assert not isinstance(caught.value, AuthoriseAgain)
    assert len(authority.asked) == 1
    assert (await tokens_over(store, Authority(), clock).current())["access"] == "access-1"


async def test_a_ban_at_the_token_endpoint_is_a_ban(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    mapping = oauth_mapping(errors=[{"status": "403", "then": "blocked"}])
    authority = Authority(instead=[Answer(403, {"content-type": "text/html"}, b"<h1>403 Forbidden</h1>")])
    await clock.advance(LIVES)

    with pytest.raises(Blocked, match="Forbidden"):
        await tokens_over(store, authority, clock, mapping).current()


async def test_a_token_that_is_refused_as_soon_as_it_was_given_is_not_renewed_again(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority()
    tokens = tokens_over(store, authority, clock)
    fresh = await tokens.refresh(await _old(tokens, clock))

    with pytest.raises(AccessRefused, match="only just given"):
        await tokens.refresh(fresh)
    assert len(authority.asked) == 1


async def test_nothing_of_an_answer_without_a_token_is_shown(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(instead=[said({"accessToken": "s3cret-in-another-place", "refresh_token": "also-s3cret"})])
    tokens = tokens_over(store, authority, clock)
    await clock.advance(LIVES)

    with pytest.raises(AuthExpired, match=r"`token.access` of the mapping") as caught:
        await tokens.current()
    assert "s3cret" not in repr(caught.value) + repr(caught.value.__cause__)


async def test_under_another_key_the_store_says_which_key_is_missing(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)

    with pytest.raises(AuthoriseAgain, match=r"another `key:`.*chat2crm auth sales"):
        await tokens_over(store, Authority(), clock, seal=Seal("another" * 6)).current()


async def test_before_anybody_has_agreed_the_command_is_named_and_nobody_asked(store: Store, clock: FakeClock) -> None:
    authority = Authority()

    with pytest.raises(AuthoriseAgain, match=r"Nobody has let us .*chat2crm auth sales"):
        await tokens_over(store, authority, clock).current()
    assert authority.asked == []


async def test_a_token_that_ran_out_without_a_refresh_token_needs_a_person(store: Store, clock: FakeClock) -> None:
    held = Held(access="access-0", expires_at=clock.time() + 10, renew_at=clock.time() + 8)
    await store.save_token("sales", SEAL.seal("sales", held.content()), expires_at=held.expires_at, replaces=None)
    await clock.advance(10)

    with pytest.raises(AuthoriseAgain, match="nothing to renew it with"):
        await tokens_over(store, Authority(), clock).current()


# -- grants without a person ---------------------------------------------------------------------------------------------


async def test_client_credentials_are_asked_for_anew_when_they_run_out(store: Store, clock: FakeClock) -> None:
    authority = Authority()
    tokens = tokens_over(store, authority, clock, oauth_mapping("client_credentials"))

    assert (await tokens.current())["access"] == "access-1"
    await clock.advance(LIVES)
    assert (await tokens.current())["access"] == "access-2"
    assert authority.grants() == {"client_credentials": 2}


async def test_a_password_serves_where_the_refresh_token_is_of_no_use_any_more(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    authority = Authority(refresh="another")
    mine = OURS.model_copy(update={"username": "bot", "password": SecretStr("pass")})
    tokens = tokens_over(store, authority, clock, oauth_mapping("password"), settings=mine)
    await clock.advance(LIVES)

    assert (await tokens.current())["access"] == "access-1"
    assert authority.grants() == {"refresh_token": 1, "password": 1}


async def test_a_refused_password_is_a_matter_of_the_configuration(store: Store, clock: FakeClock) -> None:
    mine = OURS.model_copy(update={"username": "bot", "password": SecretStr("wrong")})
    tokens = tokens_over(store, Authority(), clock, oauth_mapping("password"), settings=mine)

    with pytest.raises(AccessRefused, match="no such user") as caught:
        await tokens.current()
    assert not isinstance(caught.value, AuthoriseAgain)


async def test_under_another_key_a_password_needs_nobodys_help(store: Store, clock: FakeClock) -> None:
    await let_in(store, clock)
    mine = OURS.model_copy(update={"username": "bot", "password": SecretStr("pass")})
    tokens = tokens_over(store, Authority(), clock, oauth_mapping("password"), settings=mine, seal=Seal("another" * 6))

    assert (await tokens.current())["access"] == "access-1"
