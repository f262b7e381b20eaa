"""The API's description, and a fuzzer that takes it at its word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browser_desk import Stand, standing_desk
from desk import PASSWORD, Desk, bearer
from hypothesis import HealthCheck, Phase, settings

from bridge.config import Revealed
from bridge.report.api import ROUTES

EXAMPLES = 8


async def test_the_description_names_every_route_with_what_it_takes_and_gives(stranger: Desk) -> None:
    answer = await stranger.get("/api/openapi.json", headers=bearer())
    told = await answer.json()
    assert told["openapi"].startswith("3.1")
    for described, _ in ROUTES:
        operation = told["paths"][described.path][described.method]
        assert operation["summary"] == described.about
        assert operation["x-scope"] == described.scope
        assert ("requestBody" in operation) == (described.body is not None)
        ref = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        assert ref.rpartition("/")[2] in told["components"]["schemas"]
    names = [operation["operationId"] for path in told["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


#: page or form → by what a script has the same; None: it is of people's signing in, or of how a page looks
TWINS = {
    "GET /": "/api/overview", "GET /jobs": "/api/jobs", "GET /jobs/{id}": "/api/jobs/{id}",
    "GET /jobs/{id}/again": "/api/jobs/{id}", "GET /jobs/{id}/share": "/api/jobs/{id}/share", "GET /stuck": "/api/stuck",
    "GET /jobs/replay": "/api/stuck/preview",
    "GET /rehearsal": "/api/rehearsal", "GET /reports": "/api/report", "GET /reports.csv": "/api/report",
    "GET /deliveries": "/api/deliveries", "GET /deliveries/{id}/raw": "/api/deliveries/{id}", "GET /mappings": "/api/mappings",
    "GET /mappings/{kind}/{name}": "/api/mappings/{kind}/{name}",
    "GET /mappings/{kind}/{name}/diff": "/api/mappings/{kind}/{name}/diff",
    "POST /jobs/{id}/replay": "/api/jobs/{id}/replay", "POST /jobs/{id}/again": "/api/jobs/{id}/replay",
    "POST /jobs/{id}/write": "/api/jobs/{id}/replay", "POST /jobs/{id}/skip": "/api/jobs/{id}/skip",
    "POST /jobs/{id}/written": "/api/jobs/{id}/written", "POST /jobs/{id}/choose": "/api/jobs/{id}/choose",
    "POST /jobs/{id}/correct": "/api/jobs/{id}/correct", "POST /jobs/replay": "/api/jobs/replay",
    "POST /rehearsal/{name}/write": "/api/rehearsal/{name}/write", "POST /targets/{name}/go": "/api/targets/{name}/go",
    "POST /sources/{name}/again": "/api/sources/{name}/again",
    "GET /sign-in": None, "POST /sign-in": None, "POST /sign-out": None, "GET /static/{name}": None, "GET /metrics": None,
    "GET /healthz": None, "GET /readyz": None,
}  # fmt: skip


async def test_whatever_a_page_shows_or_does_a_script_can_have(stranger: Desk) -> None:
    there = {(route.method, re.sub(r"\{(\w+)[^}]*\}", r"{\1}", route.resource.canonical))
             for route in stranger.web.server.app.router.routes() if route.resource}  # type: ignore[union-attr]
    pages = {f"{method} {path}" for method, path in there if not path.startswith("/api/") and method in {"GET", "POST"}}
    assert pages == set(TWINS)
    for page, twin in TWINS.items():
        assert twin is None or (page.partition(" ")[0], twin) in there, page


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing_desk(tmp_path_factory.mktemp("desk")) as made:
        yield made


@pytest.mark.parametrize(("method", "path"), [(described.method, described.path) for described, _ in ROUTES])
def test_whatever_is_sent_the_answer_is_one_that_the_description_names(stand: Stand, method: str, path: str) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: the API was not fuzzed")
    from schemathesis import checks  # it takes a second to load

    document = stand.on_desk(_document)
    operation = schemathesis.openapi.from_dict(document)[path][method.upper()]
    wanted = [checks.not_a_server_error, *(checks.CHECKS.get_one(name) for name in (
        "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    ))]  # fmt: skip

    from hypothesis import given

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.explicit, Phase.generate], derandomize=True)  # fmt: skip
    @given(case=operation.as_strategy())
    def fuzz(case: Any) -> None:
        case.call_and_validate(base_url=stand.base, headers=bearer(), checks=wanted)

    fuzz()


async def _document(desk: Desk) -> Any:
    answer = await desk.get("/api/openapi.json", headers=bearer())
    told = await answer.json()
    for path in told["paths"].values():
        for operation in path.values():
            # it has a test of its own, and a customer made up would be a 404 whatever else was asked
            operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "site"]
    return told


# -- tokens ------------------------------------------------------------------------------------------------------------

READ, OPERATE = "r" * 24, "o" * 24
TOKENS = [{"name": "watching", "token": Revealed(READ)}, {"name": "pressing", "token": Revealed(OPERATE), "scope": "operate"}]


@pytest.fixture
async def scripted(desk: Desk) -> Desk:
    known = desk.deps.settings
    ops = type(known.ops).model_validate({"password": Revealed(PASSWORD), "tokens": TOKENS})
    desk.deps.settings = known.model_copy(update={"ops": ops})
    desk.web.session.cookie_jar.clear()
    return desk


async def test_a_token_to_read_looks_and_presses_nothing(scripted: Desk) -> None:
    job_id = await scripted.job()
    assert (await scripted.get("/api/jobs", headers=bearer(READ))).status == 200
    assert (await scripted.get("/metrics", headers=bearer(READ))).status == 200
    answer = await scripted.web.post(f"/api/jobs/{job_id}/skip", json={}, headers=bearer(READ))
    assert answer.status == 403


async def test_a_token_to_operate_presses_and_is_named_in_the_list_of_who_did_what(scripted: Desk) -> None:
    job_id = await scripted.job()
    answer = await scripted.web.post(f"/api/jobs/{job_id}/skip", json={}, headers=bearer(OPERATE))
    assert answer.status == 200
    [row] = await scripted.store.personal().audit(what="skipped")
    assert (row["who"], row["about"]) == ("token:pressing", f"job {job_id}")


async def test_a_token_opens_no_page(scripted: Desk) -> None:
    for path in ("/", "/jobs", "/deliveries"):
        assert (await scripted.get(path, headers=bearer(OPERATE))).status == 403


async def test_a_token_that_is_none_is_counted_like_a_wrong_password(scripted: Desk) -> None:
    statuses = [(await scripted.get("/api/jobs", headers=bearer("x" * 24))).status for _ in range(6)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


async def test_a_form_cannot_be_sent_with_a_token(scripted: Desk) -> None:
    job_id = await scripted.job()
    answer = await scripted.web.post(f"/api/jobs/{job_id}/skip", data={"a": "b"}, headers=bearer(OPERATE))
    assert answer.status == 415
