"""Who gets in, and who does not."""

from __future__ import annotations

import pytest
from aiohttp import FormData
from desk import PASSWORD, Desk, bearer, form_of

from bridge.errors import NoRoom, StoreError
from bridge.model import JobState
from bridge.report.gate.sign_in import IDLE, LONGEST, TRIES

INSIDE = ("/", "/jobs", "/jobs/1", "/jobs/1/again", "/jobs/replay", "/deliveries", "/deliveries/1/raw")
API = ("/api/overview", "/api/jobs", "/api/jobs/1", "/api/deliveries", "/metrics")


async def test_a_stranger_sees_nothing_but_the_way_in(stranger: Desk) -> None:
    job_id = await stranger.job()
    for path in INSIDE:
        answer = await stranger.get(path)
        assert answer.status == 303, path
        assert answer.headers["Location"].startswith("/sign-in?to=/"), path
    for path in API:
        answer = await stranger.get(path)
        assert answer.status == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for path in (f"/jobs/{job_id}/skip", f"/api/jobs/{job_id}/skip", "/jobs/replay", "/targets/sales/go"):
        assert (await stranger.web.post(path, data={}, allow_redirects=False)).status == 401, path
    job = await stranger.store.job(job_id)
    assert job is not None
    assert job.state is JobState.PENDING


async def test_the_password_opens_the_page_that_was_asked_for(stranger: Desk) -> None:
    there = (await stranger.get("/jobs?state=dead")).headers["Location"]
    answer = await stranger.web.post(there, data={"password": PASSWORD}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/jobs?state=dead")
    cookie = answer.cookies["chat2crm_ops"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert (await stranger.get("/jobs?state=dead")).status == 200


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "jobs", ""])
async def test_signing_in_leads_nowhere_else(stranger: Desk, to: str) -> None:
    answer = await stranger.web.post("/sign-in", params={"to": to}, data={"password": PASSWORD}, allow_redirects=False)
    assert answer.headers["Location"] == "/"


async def test_wrong_passwords_lock_the_address_and_the_right_one_waits_as_well(stranger: Desk) -> None:
    for _ in range(TRIES):
        assert (await stranger.sign_in("guess")).status == 403
    answer = await stranger.sign_in()
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) == 30
    assert (await stranger.web.get("/api/jobs", headers=bearer())).status == 429
    await stranger.clock.advance(31)
    assert (await stranger.sign_in()).status == 303


async def test_who_is_signed_in_is_not_locked_out_by_others(desk: Desk) -> None:
    for _ in range(TRIES):
        await desk.sign_in("guess")
    assert (await desk.get("/jobs")).status == 200


async def test_a_session_ends_when_idle_and_in_any_case(desk: Desk) -> None:
    await desk.clock.advance(IDLE - 10)
    assert (await desk.get("/jobs")).status == 200  # used, so it goes on
    await desk.clock.advance(IDLE - 10)
    assert (await desk.get("/jobs")).status == 200
    await desk.clock.advance(IDLE + 10)
    assert (await desk.get("/jobs")).status == 303
    assert (await desk.sign_in()).status == 303
    for _ in range(int(LONGEST / (IDLE / 2)) - 1):
        await desk.clock.advance(IDLE / 2)
        assert (await desk.get("/jobs")).status == 200
    await desk.clock.advance(IDLE / 2 + 10)
    assert (await desk.get("/jobs")).status == 303


async def test_signing_out_ends_the_session_also_for_whoever_kept_the_cookie(desk: Desk) -> None:
    kept = next(cookie.value for cookie in desk.web.session.cookie_jar if cookie.key == "chat2crm_ops")
    token = form_of(await desk.page("/"), "/sign-out")
    assert (await desk.web.post("/sign-out", data=token, allow_redirects=False)).status == 303
    assert (await desk.get("/jobs")).status == 303
    answer = await desk.get("/jobs", headers={"Cookie": f"chat2crm_ops={kept}"})
    assert answer.status == 303


# -- forms -------------------------------------------------------------------------------------------------------------


async def test_every_form_has_a_token_and_nothing_is_done_without(desk: Desk) -> None:
    job_id = await desk.ended(JobState.DEAD, "crm_rejected", code="crm_rejected")
    action = f"/jobs/{job_id}/skip"
    token = form_of(await desk.page(f"/jobs/{job_id}"), action)["token"]
    nearly = token[:-1] + ("y" if token.endswith("x") else "x")
    for given in ({}, {"token": ""}, {"token": nearly}, {"token": "ё"}):
        assert (await desk.web.post(action, data=given, allow_redirects=False)).status == 403, given
    job = await desk.store.job(job_id)
    assert job is not None
    assert job.state is JobState.DEAD
    assert (await desk.web.post(action, data={"token": token}, allow_redirects=False)).status == 303


async def test_another_sites_form_is_refused_even_with_the_token(desk: Desk) -> None:
    job_id = await desk.ended(JobState.DEAD, "crm_rejected", code="crm_rejected")
    action = f"/jobs/{job_id}/skip"
    token = form_of(await desk.page(f"/jobs/{job_id}"), action)
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"}):  # fmt: skip
        assert (await desk.web.post(action, data=token, headers=headers, allow_redirects=False)).status == 403, headers
    own = {"Origin": f"http://{desk.web.host}:{desk.web.port}", "Sec-Fetch-Site": "same-origin"}
    assert (await desk.web.post(action, data=token, headers=own, allow_redirects=False)).status == 303


async def test_an_old_pages_token_of_another_session_does_not_count(desk: Desk) -> None:
    job_id = await desk.ended(JobState.DEAD, "crm_rejected", code="crm_rejected")
    action = f"/jobs/{job_id}/skip"
    token = form_of(await desk.page(f"/jobs/{job_id}"), action)
    await desk.sign_in()
    assert (await desk.web.post(action, data=token, allow_redirects=False)).status == 403


async def test_a_file_in_place_of_the_token_is_none(desk: Desk) -> None:
    form = FormData()
    form.add_field("token", b"x", filename="token.txt")
    assert (await desk.web.post("/targets/sales/go", data=form, allow_redirects=False)).status == 403


async def test_a_form_that_is_far_too_long_is_refused(desk: Desk) -> None:
    answer = await desk.web.post("/targets/sales/go", data={"token": "x" * 100_000}, allow_redirects=False)
    assert answer.status == 413


async def test_a_script_with_a_session_still_has_to_send_json(desk: Desk) -> None:
    job_id = await desk.ended(JobState.DEAD, "crm_rejected", code="crm_rejected")
    assert (await desk.web.post(f"/api/jobs/{job_id}/skip", data={})).status == 415
    assert (await desk.web.post(f"/api/jobs/{job_id}/skip", json={}, headers={"Origin": "https://evil.example"})).status == 403
    assert (await desk.web.post(f"/api/jobs/{job_id}/skip", json={})).status == 200


# -- when something fails ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("error", "status"), [
    (NoRoom("/data/chat2crm.db: disk full"), 503), (StoreError("/data/chat2crm.db: gone"), 503), (OSError("/data: gone"), 503),
    (ZeroDivisionError("/data"), 500),
])  # fmt: skip
async def test_a_failing_store_shows_a_page_without_its_insides(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(desk.store, "reading", fail)
    for path in ("/jobs", "/api/jobs"):
        answer = await desk.get(path)
        text = await answer.text()
        assert answer.status == status
        assert "/data" not in text
        assert "Traceback" not in text
        assert "Content-Security-Policy" in answer.headers


# -- without a password ------------------------------------------------------------------------------------------------


async def test_without_a_password_the_loopback_page_is_open_and_its_forms_are_guarded_all_the_same(open_desk: Desk) -> None:
    job_id = await open_desk.ended(JobState.DEAD, "crm_rejected", code="crm_rejected")
    action = f"/jobs/{job_id}/skip"
    assert (await open_desk.web.post(action, data={}, allow_redirects=False)).status == 403
    assert (await open_desk.press(f"/jobs/{job_id}", action)).status == 303
    assert (await open_desk.get("/sign-in")).status == 303


async def test_without_a_password_a_name_that_only_points_here_is_refused(open_desk: Desk) -> None:
    for host in ("evil.example", "evil.example:8081", "10.0.0.1", "127.0.0.1.evil.example", "["):
        answer = await open_desk.get("/jobs", headers={"Host": host})
        assert answer.status in {400, 421}, host
    for host in ("localhost:8081", "127.0.0.1", "[::1]:8081"):
        assert (await open_desk.get("/jobs", headers={"Host": host})).status == 200, host
