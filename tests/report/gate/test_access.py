"""Customers of an agency beside one another: who belongs to one sees and does nothing of another's, by whatever way."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from desk import PASSWORD, Desk, call, desk_of, dialogue, plan
from fakes import FakeClock

from bridge.config import Settings, load
from bridge.config.passwords import hashed
from bridge.model import Client, JobState
from bridge.report.api import ROUTES
from bridge.store import TargetStop

MAIN = """
key: ${KEY}
include: sites/*.yaml
ops: {password: '${OPS}', user_header: X-User, trusted_proxies: [127.0.0.0/8], users: [chief],
      tokens: [{name: all, token: '${OPS_TOKEN}', scope: operate}]}
sources: {shop: {provider: generic, secret: '${SECRET}', region: RU, target: sales}}
targets: {sales: {crm: sandbox, url: https://crm.agency.test, mode: write}}
"""
SITE = """
timezone: Asia/Vladivostok
ops: {password_hash: '${HASH}', users: [USER],
      tokens: [{name: looks, token: '${READ}'}, {name: does, token: '${OPERATE}', scope: operate}]}
sources: {shop: {provider: generic, secret: '${SECRET}', region: RU, target: sales}}
targets: {sales: {crm: sandbox, url: https://NAME.crm.test, mode: rehearse}}
"""
ENVIRON = {"KEY": "k" * 40, "OPS": PASSWORD, "SECRET": "s" * 20, "OPS_TOKEN": "a" * 30}
SITES = ("bakery", "florist")
#: what only the bakery's chats hold, and nobody who asks could type
MARKS = ("Прасковья", "9035550101", "ватрушек", "UF_OVEN", "client-of-the-bakery", "odd-oven")
GUESSES = ("", "site=bakery", "source=bakery.shop", "target=bakery.sales", "q=bakery-dead", "q=0101", "q=035550101&lang=ru",
           "q=ватрушка", "q=praskovya@oven.example", "by=source", "by=operator&source=bakery.shop", "by=page&hours=outside",
           "state=dead&target=bakery.sales&reason=crm_rejected&code=crm_rejected",
           "state=held&target=bakery.sales&reason=ambiguous", "state=not_understood", "from=2020-01-01&to=2030-01-01",
           "after=999999.999999", "before=999999", "new=generic", "download=1")  # fmt: skip


def secret(site: str, what: str) -> str:
    return f"{what}-of-{site}-{'x' * 20}"


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    (tmp_path / "sites").mkdir()
    for site in SITES:
        (tmp_path / "sites" / f"{site}.yaml").write_text(SITE.replace("NAME", site).replace("USER", f"anna@{site}"))
        named = {name: secret(site, name.lower()) for name in ("READ", "OPERATE", "SECRET")}
        named["HASH"] = HASHES[site]
        (tmp_path / "sites" / f"{site}.env").write_text("".join(f"{key}='{value}'\n" for key, value in named.items()))
    (tmp_path / "config.yaml").write_text(MAIN)
    settings = load(tmp_path / "config.yaml", ENVIRON)
    assert {name: site.error for name, site in settings.sites.items()} == {"bakery": "", "florist": ""}
    return settings


HASHES = {site: hashed(f"password of the {site}") for site in SITES}


async def furnish(desk: Desk, source: str, name: str, phone: str, words: str, field: str, client: str, odd: str) -> None:
    site = source.partition(".")[0]
    desk.source, target = source, f"{site}.sales"
    mail = f"praskovya@{field[3:].lower()}.example"

    async def ended(state: JobState, reason: str, detail: str = "", **more: Any) -> None:
        chat = dialogue(f"{words}. Мой телефон +7{phone}, {mail}", "Записала", chat_id=f"{site}-{state}-{reason}", name=name,
                        at=desk.clock.now(), source=source)  # fmt: skip
        await desk.ended(state, reason, detail, chat=chat, target=target, **more)

    known_client = Client(id=client, name=name)
    steps = (call(desk.clock, "write note", method="POST", path=f"/notes/{client}", status=400, error="crm_rejected"),)
    await ended(JobState.DONE, "found", made=plan(f"{words} +7{phone}", client=known_client), done=1, steps=steps)
    await ended(JobState.DEAD, "crm_rejected", f"refuses field {field}", code="crm_rejected", made=plan(words), steps=steps)
    await ended(JobState.HELD, "ambiguous", f"Several clients fit. {name} (id {client}), Ольга (id 4)")
    await ended(JobState.HELD, "unknown_outcome", made=plan(f"{words} +7{phone}", client=known_client), sent=1)
    await ended(JobState.WAITING, "no_contact")
    await ended(JobState.RETRYING, "crm_no_answer", f"No answer of {client}", code="crm_no_answer")
    await ended(JobState.SKIPPED, "rehearsed", rehearsed=plan(f"{words} +7{phone}", client=known_client))
    body = f'{{"{odd}": true}}'.encode()
    await desk.receive(body, key=odd, state="not_understood", reason=f"no chat in {odd}", findings=(odd,))
    await desk.store.stop_target(TargetStop(target=target, reason="brake", detail=client, since=desk.clock.time() - 60))
    await desk.store.raise_alert(f"clock:{source}", f"the clock of {name}")
    desk.deps.metrics.skews[source] = 42.0
    desk.deps.metrics.received(source, "stored")


@pytest.fixture
async def agency(tmp_path: Path, clock: FakeClock, known: Settings) -> AsyncIterator[Desk]:
    async with desk_of(tmp_path, clock, known) as desk:
        cakes = "Сколько ватрушек в коробке"
        await furnish(desk, "bakery.shop", "Прасковья", "9035550101", cakes, "UF_OVEN", "client-of-the-bakery", "odd-oven")
        await furnish(desk, "florist.shop", "Роза", "9035550202", "Букет лилий", "UF_VASE", "client-of-the-florist", "odd-vase")
        yield desk


# -- the walk ----------------------------------------------------------------------------------------------------------


async def numbers(desk: Desk, site: str) -> tuple[list[int], list[int]]:
    """(jobs, deliveries) of a customer."""
    reading = desk.store.reading(site)
    return [row["id"] for row in await reading.jobs()], [row["id"] for row in await reading.deliveries()]


def filled(path: str, jobs: list[int], deliveries: list[int]) -> Iterator[str]:
    """The addresses that a path with places in it stands for, with what is the bakery's in each place."""
    if "/mappings/" in path or path == "/static/{name}":
        for kind in ("providers", "crms"):
            yield re.sub(r"\{kind[^}]*\}", kind, path).replace("{name}", "generic" if kind == "providers" else "sandbox")
    elif "{id" in path:
        for number in deliveries if "/deliveries/" in path else jobs:
            yield re.sub(r"\{id[^}]*\}", str(number), path)
    elif "{name" in path:
        for name in ("bakery.shop", "bakery.sales"):
            yield path.replace("{name}", name)
    else:
        yield path


def gets(desk: Desk) -> set[str]:
    """All that can be looked at, as the listener itself knows it."""
    found = {route.resource.canonical for route in desk.web.server.app.router.routes()  # type: ignore[union-attr]
             if route.method == "GET" and route.resource is not None}  # fmt: skip
    return found - {"/sign-in"}


def posts(desk: Desk) -> set[str]:
    return {route.resource.canonical for route in desk.web.server.app.router.routes()  # type: ignore[union-attr]
            if route.method == "POST" and route.resource is not None} - {"/sign-in", "/sign-out"}  # fmt: skip


async def seen(desk: Desk, headers: dict[str, str], queries: tuple[str, ...] = GUESSES) -> dict[str, set[str]]:
    """Address → the bakery's marks that stand in the answer, for every way of asking for what is the bakery's."""
    jobs, deliveries = await numbers(desk, "bakery")
    found: dict[str, set[str]] = {}
    for path in sorted(gets(desk)):
        for address in filled(path, jobs, deliveries):
            for query in queries if "{id" not in path else ("", "download=1", "site=bakery"):
                answer = await desk.web.get(f"{address}?{query}", headers=headers, allow_redirects=False)
                text = (await answer.read()).decode(errors="replace")
                if answer.status == 200 and "/api/deliveries/" in address:
                    text += "odd-oven"  # the bytes are in base64 there
                said = {mark for mark in MARKS if mark in text}
                if not query and "bakery" in text.replace(address, ""):
                    said.add("its name")
                if said:
                    found[f"{address}?{query}"] = said
                assert answer.status in {200, 303, 400, 401, 403, 404}, (address, answer.status)
    return found


async def signed_in(desk: Desk, site: str) -> None:
    assert (await desk.sign_in(f"password of the {site}", site=site)).status == 303


@pytest.mark.parametrize("way", ["read", "operate", "person", "user"])
async def test_who_belongs_to_a_customer_sees_nothing_of_another_wherever_they_look(agency: Desk, way: str) -> None:
    headers = {"X-User": "anna@florist"} if way == "user" else {}
    if way in {"read", "operate"}:
        headers = {"Authorization": f"Bearer {secret('florist', way)}"}
    if way == "person":
        await signed_in(agency, "florist")
    assert await seen(agency, headers) == {}
    page = "/api/jobs" if way in {"read", "operate"} else "/jobs"
    assert "Роза" in await (await agency.get(page, headers=headers)).text()


async def test_whoever_looks_after_all_sees_it_in_all_these_places(agency: Desk) -> None:
    """The walk above would find something, if there was anything."""
    found = await seen(agency, {"Authorization": f"Bearer {PASSWORD}"}, ("", "site=bakery"))
    where = {re.sub(r"\d+", "N", address.partition("?")[0]) for address in found}
    assert where >= {
        "/", "/jobs", "/jobs/N", "/jobs/N/share", "/stuck", "/rehearsal", "/reports", "/deliveries", "/deliveries/N/raw",
        "/mappings", "/metrics", "/api/overview", "/api/jobs", "/api/jobs/N", "/api/jobs/N/share", "/api/deliveries",
        "/api/deliveries/N", "/api/stuck", "/api/rehearsal", "/api/mappings",
    }  # fmt: skip
    said = {mark for marks in found.values() for mark in marks}
    assert said == {*MARKS, "its name"}


async def standing(desk: Desk) -> Any:
    """All that is kept of the bakery, and what others have done to it."""
    rows = desk.store.reading("bakery")._rows
    tables = ("jobs", "deliveries", "chats", "operations", "attempts", "target_stops")
    return {table: await rows(f"SELECT * FROM {table}", []) for table in tables}


#: what the forms and the scripts send, all at once: each takes what it knows
EVERYTHING = {
    "state": "dead", "target": "bakery.sales", "reason": "crm_rejected", "code": "crm_rejected", "client_id": "4",
    "record_id": "9", "upto": "999999", "add": "+79035550303", "keep": "+79035550101",
}  # fmt: skip
BODIES = ({}, {"client_id": "4"}, {"record_id": "9"}, {"upto": 999999}, {"keep": [], "add": ["+79035550303"]},
          {"state": "dead", "target": "bakery.sales", "reason": "crm_rejected", "code": "crm_rejected"})  # fmt: skip


async def test_who_belongs_to_a_customer_can_do_nothing_to_another_with_any_button(agency: Desk) -> None:
    before = await standing(agency)
    jobs, deliveries = await numbers(agency, "bakery")
    operate = {"Authorization": f"Bearer {secret('florist', 'operate')}"}
    described = {(described.method.upper(), described.path) for described, _ in ROUTES}
    assert {path for method, path in described if method == "POST"} == {path for path in posts(agency) if "/api/" in path}
    await signed_in(agency, "florist")
    token = re.search(r'name="token" value="([^"]+)"', await agency.page("/jobs/replay?state=dead&target=florist.sales"
                                                                         "&reason=crm_rejected&code=crm_rejected"))  # fmt: skip
    assert token
    pressed = 0
    for path in sorted(posts(agency)):
        for address in filled(path, jobs, deliveries):
            for body in BODIES if "/api/" in path else [None]:
                more = {"json": body, "headers": operate} if body is not None else {"data": {**EVERYTHING, "token": token[1]}}
                for query in ("", "?site=bakery"):
                    answer: ClientResponse = await agency.web.post(address + query, allow_redirects=False, **more)  # type: ignore[arg-type]
                    assert answer.status in {200, 303, 400, 404, 409}, (address, body, answer.status)
                    pressed += answer.status in {200, 303, 409}
    assert pressed > len(jobs) * 6
    assert await standing(agency) == before
    assert agency.woken == []


async def test_what_is_theirs_they_can_do(agency: Desk) -> None:
    operate = {"Authorization": f"Bearer {secret('florist', 'operate')}"}
    group = {"state": "dead", "target": "florist.sales", "reason": "crm_rejected", "code": "crm_rejected"}
    answer = await agency.web.post("/api/jobs/replay", json=group, headers=operate)
    assert await answer.json() == {"jobs": 1}
    assert (await agency.web.post("/api/targets/florist.sales/go", json={}, headers=operate)).status == 200
    assert (await agency.web.post("/api/sources/florist.shop/again", json={}, headers=operate)).status == 200
    rows = await agency.store.personal().audit()
    assert {row["who"] for row in rows} == {"token:florist/does"}
    read = {"Authorization": f"Bearer {secret('florist', 'read')}"}
    assert (await agency.web.post("/api/targets/florist.sales/go", json={}, headers=read)).status == 403


# -- who is who --------------------------------------------------------------------------------------------------------


async def test_a_password_is_one_customers(agency: Desk) -> None:
    assert (await agency.sign_in("password of the bakery", site="florist")).status == 403
    assert (await agency.sign_in("password of the bakery")).status == 403
    assert (await agency.sign_in(PASSWORD, site="bakery")).status == 403
    assert (await agency.sign_in("password of the bakery", site="nobody")).status == 403
    await signed_in(agency, "bakery")
    assert "Customer <b>bakery</b>" in await agency.page("/")
    assert (await agency.get("/?site=bakery")).status == 200
    assert (await agency.get("/?site=florist")).status == 404


async def test_the_address_that_a_customer_is_given_names_them(agency: Desk) -> None:
    answer = await agency.get("/?site=bakery")
    assert answer.status == 303
    assert 'name="site" value="bakery"' in await agency.page(answer.headers["Location"])


async def test_an_earlier_session_does_not_outlive_its_customers_password_or_file(agency: Desk, known: Settings) -> None:
    await signed_in(agency, "bakery")
    agency.deps.settings = known.with_sites({"florist": known.sites["florist"]})
    assert (await agency.get("/jobs")).status == 303


async def test_the_proxy_names_people_of_the_service_and_of_customers_and_nobody_else_is_let_in(agency: Desk) -> None:
    assert "Прасковья" in await (await agency.get("/jobs", headers={"X-User": "chief"})).text()
    answer = await agency.get("/jobs", headers={"X-User": "anna@bakery"})
    assert "Прасковья" in await answer.text()
    assert "Роза" not in await answer.text()
    stranger = await agency.get("/jobs", headers={"X-User": "new@florist"})
    assert stranger.status == 403
    assert "ops.users" in await stranger.text()
    # the chief's session in the same browser lends nobody the chief's eyes
    await agency.get("/jobs", headers={"X-User": "chief"})
    again = await agency.get("/jobs", headers={"X-User": "anna@bakery"})
    assert "Роза" not in await again.text()


async def test_a_key_that_two_customers_were_given_is_nobodys(tmp_path: Path, agency: Desk) -> None:
    env = tmp_path / "sites" / "florist.env"
    env.write_text(env.read_text().replace(secret("florist", "read"), secret("bakery", "read")))
    agency.deps.settings = load(tmp_path / "config.yaml", ENVIRON)
    assert (await agency.get("/api/jobs", headers={"Authorization": f"Bearer {secret('bakery', 'read')}"})).status == 401


async def test_nobody_learns_from_the_probes_who_the_customers_are(agency: Desk) -> None:
    text = await (await agency.get("/readyz")).text()
    assert '"sales"' in text
    assert "bakery" not in text


# -- whoever looks after all of them -----------------------------------------------------------------------------------


async def test_one_customer_can_be_looked_at_alone_and_every_link_stays_with_them(agency: Desk) -> None:
    await agency.sign_in()
    for path in ("/", "/jobs", "/stuck", "/rehearsal", "/reports", "/deliveries", "/mappings", "/mappings/crms/sandbox"):
        page = await agency.page(f"{path}?site=florist")
        assert "Прасковья" not in page
        assert "bakery.s" not in page
        links = [link for link in re.findall(r'(?:href|action|hx-get)="(/[^"]*)"', page) if not link.startswith("/static/")]
        stray = [link for link in links if "site=florist" not in link and link != "/sign-out"]
        forms = set(re.findall(r'<form[^>]*method="get" action="([^"]+)"', page))
        assert [link for link in stray if link not in forms] == []
    assert "florist" in await agency.page("/?lang=ru")
    assert (await agency.get("/jobs?site=nobody")).status == 404


async def test_a_button_leads_back_to_the_customer_that_was_looked_at(agency: Desk) -> None:
    await agency.sign_in()
    [dead] = await agency.store.reading("bakery").jobs(states=("dead",))
    answer = await agency.press(f"/jobs/{dead['id']}?site=bakery", f"/jobs/{dead['id']}/replay?site=bakery")
    assert answer.headers["Location"] == f"/jobs/{dead['id']}?said=replayed&site=bakery"


async def test_a_customer_sees_the_time_they_live_in(agency: Desk) -> None:
    """Asia/Vladivostok, seven hours ahead of the agency."""
    [job, *_] = await agency.store.reading("bakery").jobs()
    await agency.sign_in()
    theirs, ours = await agency.page(f"/jobs/{job['id']}?site=bakery"), await agency.page(f"/jobs/{job['id']}")
    assert re.search(r"<dd><time[^>]*>([^<]+)", theirs) != re.search(r"<dd><time[^>]*>([^<]+)", ours)
    assert re.findall(r"<dd><time[^>]*>([^<]+)", theirs)[0] != re.findall(r"<dd><time[^>]*>([^<]+)", ours)[0]
