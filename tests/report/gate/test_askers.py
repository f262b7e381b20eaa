"""Who is asking, and what they may do to be believed."""

from __future__ import annotations

from pathlib import Path

from desk import PASSWORD, Desk, bearer, desk_of, settings
from fakes import FakeClock
from multidict import CIMultiDict

from bridge.config import Revealed
from bridge.config.passwords import hashed
from bridge.report.gate.sign_in import TRIES


async def test_behind_tls_the_cookie_never_travels_without_it(stranger: Desk) -> None:
    answer = await stranger.web.post(
        "/sign-in", data={"password": PASSWORD}, headers={"X-Forwarded-Proto": "https"}, allow_redirects=False
    )
    assert answer.cookies["chat2crm_ops"]["secure"]


async def test_wrong_bearers_lock_as_well(stranger: Desk) -> None:
    for _ in range(TRIES):
        assert (await stranger.web.get("/api/jobs", headers=bearer("guess"))).status == 401
    assert (await stranger.web.get("/api/jobs", headers=bearer())).status == 429


async def test_a_forged_cookie_is_none(stranger: Desk) -> None:
    now = stranger.clock.time()
    for cookie in (f"nonce.{now:.0f}.{now:.0f}.AAAA", "x", "..", f"nonce.{now:.0f}.{now:.0f}.", "a.b.c.d.e"):
        answer = await stranger.get("/jobs", headers={"Cookie": f"chat2crm_ops={cookie}"})
        assert answer.status == 303, cookie


async def test_another_password_ends_every_session(desk: Desk) -> None:
    desk.deps.settings = settings(password="another one")
    assert (await desk.get("/jobs")).status == 303


async def test_an_address_from_a_proxy_counts_only_if_the_proxy_is_trusted(stranger: Desk, clock: FakeClock) -> None:
    for number in range(TRIES):  # not trusted: all of these are one address
        await stranger.web.post("/sign-in", data={"password": "x"}, headers={"X-Forwarded-For": f"10.0.0.{number}"})
    assert (await stranger.sign_in()).status == 429
    await clock.advance(4000)
    stranger.deps.settings = settings(receive={"trusted_proxies": ["127.0.0.0/8"]})
    for number in range(TRIES):
        await stranger.web.post("/sign-in", data={"password": "x"}, headers={"X-Forwarded-For": f"1.2.3.4, 10.0.0.{number}"})
    assert (await stranger.sign_in()).status == 303


HASH = hashed(PASSWORD)


async def test_a_hash_lets_its_password_in_and_nothing_else(tmp_path: Path, clock: FakeClock) -> None:
    async with desk_of(tmp_path, clock, settings(ops={"password_hash": Revealed(HASH)})) as desk:
        assert (await desk.sign_in("guess")).status == 403
        assert (await desk.sign_in(HASH)).status == 403  # whoever reads the configuration knows nothing yet
        assert (await desk.sign_in()).status == 303
        assert (await desk.get("/jobs")).status == 200
        for _ in range(3):
            assert (await desk.web.get("/api/jobs", headers=bearer())).status == 200
        assert (await desk.web.get("/api/jobs", headers=bearer(HASH))).status == 401


async def test_a_proxy_that_is_trusted_says_who_it_is(tmp_path: Path, clock: FakeClock) -> None:
    ours = settings(ops={"user_header": "X-User", "trusted_proxies": ["127.0.0.0/8"]})
    async with desk_of(tmp_path, clock, ours) as desk:
        assert (await desk.get("/jobs")).status == 303
        assert (await desk.get("/jobs", headers={"X-User": "anna"})).status == 200
        job_id = await desk.job()
        await desk.get(f"/deliveries/{job_id}/raw", headers={"X-User": "anna"})
        [row] = await desk.store.personal().audit()
        assert (row["who"], row["what"]) == ("ops:anna", "raw_viewed")


async def test_a_name_that_comes_twice_is_nobodys(tmp_path: Path, clock: FakeClock) -> None:
    """A proxy that adds its header to the one that the browser sent, in the place of putting it there instead."""
    ours = settings(ops={"user_header": "X-User", "trusted_proxies": ["127.0.0.0/8"]})
    async with desk_of(tmp_path, clock, ours) as desk:
        twice = CIMultiDict([("X-User", "root"), ("X-User", "anna")])
        assert (await desk.get("/jobs", headers=twice)).status == 303


async def test_what_anybody_else_says_of_who_they_are_counts_for_nothing(tmp_path: Path, clock: FakeClock) -> None:
    ours = settings(ops={"user_header": "X-User", "trusted_proxies": ["10.0.0.0/8"]})
    async with desk_of(tmp_path, clock, ours) as desk:
        assert (await desk.get("/jobs", headers={"X-User": "anna"})).status == 303
        assert (await desk.sign_in("")).status == 403
