"""A CRM that is spoken to in SQL: the tables and statements of its page on a real Firebird, and the whole way of a chat."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from fakes import FakeClock
from running import finished as at_real_time
from sql_endpoint import Database, Endpoint, endpoint_to, what_is_missing
from way import ENVIRON, Way, on_the_way

from bridge.crm.stated import wanted
from bridge.mapping.load import load_crm
from bridge.mapping.statements import Statement
from bridge.model import JobState

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "crms" / name for name in ("regionsoft.md", "regionsoft.ru.md")]
MISSING = what_is_missing()
needs_firebird = pytest.mark.skipif(MISSING is not None, reason=f"no real Firebird: {MISSING}")
PHONE, SPELT = "+79160000001", "8 (916) 000-00-01"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def target_of(page: Path) -> dict[str, Any]:
    """The page's target, with everything that it says may be added."""
    whole, more = (yaml.safe_load(text) for text in blocks(page, "yaml"))
    target: dict[str, Any] = whole["targets"]["sales"]
    return {**target, "sql": {**target["sql"], **more}}


def schema_of(page: Path) -> str:
    [schema] = blocks(page, "sql")
    return schema


TARGET = target_of(PAGES[0])
NEEDED = {name: TARGET["sql"][name] for name in ("find_by_phone", "read", "create", "add_event")}


def rows(endpoint: Endpoint, sql: str) -> list[dict[str, Any]]:
    found = endpoint.database.query(sql)
    return found if isinstance(found, list) else [found]


def finished(clock: FakeClock, number: int = 1, **more: Any) -> dict[str, Any]:
    event = at_real_time(number, **more)
    for place, message in enumerate(event["chat"]["messages"]):
        message["timestamp"] = int(clock.time()) - 60 + 10 * place
    return event


Begun = Callable[..., AbstractAsyncContextManager[tuple[Way, Endpoint]]]


@pytest.fixture
def begun(tmp_path: Path, clock: FakeClock) -> Begun:
    @asynccontextmanager
    async def begin(*, database_charset: str = "WIN1251", **target: Any) -> AsyncIterator[tuple[Way, Endpoint]]:
        database = Database.made(tmp_path / "base.fdb", schema_of(PAGES[0]), charset=database_charset)
        database.query("INSERT INTO users (name, email) VALUES ('Пётр', 'Agent@Shop.example')")
        async with endpoint_to(database) as endpoint:
            settings = {**TARGET, "url": endpoint.url, "db_path": str(database.path), "mode": "write", **target}
            async with on_the_way(tmp_path, clock, target=settings, language="ru") as way:
                yield way, endpoint

    return begin


# -- the pages ---------------------------------------------------------------------------------------------------------


def test_both_pages_show_the_same_tables_and_statements() -> None:
    assert schema_of(PAGES[0]) == schema_of(PAGES[1])
    assert target_of(PAGES[0]) == target_of(PAGES[1])


def test_the_pages_name_every_statement_and_show_an_example_of_each_but_one() -> None:
    known = {one.name for one in wanted(load_crm("regionsoft"))}

    assert known - set(TARGET["sql"]) == {"find_by_external_id"}  # the tables have no column for it
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert [name for name in sorted(known) if f"`{name}`" not in text] == []


@needs_firebird
@pytest.mark.parametrize("charset", ["WIN1251", "UTF8"])
def test_every_statement_of_the_pages_fits_their_tables(charset: str, tmp_path: Path) -> None:
    database = Database.made(tmp_path / "base.fdb", schema_of(PAGES[0]), charset=charset)

    for statement in TARGET["sql"].values():
        database.fits(Statement(statement).sql)


# -- the way of a chat -------------------------------------------------------------------------------------------------


@needs_firebird
@pytest.mark.parametrize(
    ("charset", "ours", "thanks"),
    [("WIN1251", "windows-1251", "Спасибо [thumbs up sign] • ё"), ("UTF8", "utf-8", "Спасибо 👍 ● ё")],
)
async def test_a_new_person_becomes_a_client_with_an_event_in_russian(
    charset: str, ours: str, thanks: str, begun: Begun, clock: FakeClock
) -> None:
    async with begun(database_charset=charset, charset=ours) as (way, endpoint):
        await way.post(finished(clock, phone=SPELT, name="Анна Ёлкина", extra=("Спасибо 👍 ● ё", "anna.yolkina@example.com")))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DONE, "new"), outcome
        [client] = rows(endpoint, "SELECT name, phone, email, user_id, chat_mark FROM clients")
        [event] = rows(endpoint, "SELECT * FROM events")
        assert client == {
            "name": "Анна Ёлкина", "phone": PHONE, "email": "anna.yolkina@example.com", "user_id": 1,
            "chat_mark": client["chat_mark"],
        }  # fmt: skip
        assert client["chat_mark"].startswith("c2c-")
        assert thanks in event["body"]
        assert "Здравствуйте, есть доставка?" in event["body"]
        assert event["title"].endswith("Анна Ёлкина")


@needs_firebird
async def test_the_figures_of_the_chat_stand_in_columns_and_its_times_are_local(begun: Begun, clock: FakeClock) -> None:
    async with begun() as (way, endpoint):
        event = finished(clock)
        await way.post(event)
        await way.work()

        [row] = rows(endpoint, "SELECT began, ended, missed, first_response_s, duration_s, rating FROM events")
        began = clock.now().timestamp() - 60
        assert row == {
            "began": row["began"], "ended": row["ended"], "missed": 0, "first_response_s": 10, "duration_s": row["duration_s"],
            "rating": "positive",
        }  # fmt: skip
        local = datetime.fromtimestamp(int(began), UTC).astimezone(ZoneInfo("Europe/Moscow"))
        assert row["began"] == f"{local:%Y-%m-%dT%H:%M:%S}.000Z"
        assert row["duration_s"] == 10


@needs_firebird
async def test_who_is_known_by_a_phone_in_another_format_gets_no_second_card(begun: Begun, clock: FakeClock) -> None:
    async with begun() as (way, endpoint):
        endpoint.database.query("INSERT INTO clients (name, phone) VALUES ('ООО «Ромашка»', '8(916) 000-00-01')")
        await way.post(finished(clock))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DONE, "found"), outcome
        assert rows(endpoint, "SELECT name, phone FROM clients") == [{"name": "ООО «Ромашка»", "phone": "8(916) 000-00-01"}]
        assert rows(endpoint, "SELECT client_id FROM events") == [{"client_id": 1}]


@needs_firebird
async def test_what_is_new_fills_blank_columns_and_overwrites_none(begun: Begun, clock: FakeClock) -> None:
    async with begun(enrich="always") as (way, endpoint):
        endpoint.database.query("INSERT INTO clients (name, phone, email) VALUES ('Анна', '8(916) 000-00-01', '')")
        said = "Пишите на Anna@Example.com или звоните на мой второй номер +7 903 111-22-33"
        await way.post(finished(clock, phone=PHONE, extra=(said,)))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DONE, "found"), outcome
        [client] = rows(endpoint, "SELECT name, phone, phone2, email FROM clients")
        assert client == {
            "name": "Анна", "phone": "8(916) 000-00-01", "phone2": "+79031112233", "email": "Anna@example.com",
        }  # fmt: skip


@needs_firebird
@pytest.mark.parametrize(("table", "looked_for"), [("clients", "SELECT id, chat_mark"), ("events", "SELECT id, client_id")])
async def test_a_lost_answer_is_settled_by_the_marker(table: str, looked_for: str, begun: Begun, clock: FakeClock) -> None:
    async with begun() as (way, endpoint):
        endpoint.swallow.append(f"INSERT INTO {table} ")
        await way.post(finished(clock))
        [first] = await way.work()
        assert first.state in {JobState.RETRYING, JobState.WAITING}, first

        for _ in range(10):
            await clock.advance(120)
            await way.work()

        assert [state for state, _ in await way.states()] == [JobState.DONE]
        assert endpoint.sent(f"INSERT INTO {table} ") == 1
        assert endpoint.sent(looked_for) >= 1
        assert rows(endpoint, "SELECT count(*) AS n FROM clients") == [{"n": 1}]
        assert rows(endpoint, "SELECT count(*) AS n FROM events") == [{"n": 1}]


@needs_firebird
async def test_without_a_statement_to_look_by_a_lost_answer_is_a_persons_to_decide(begun: Begun, clock: FakeClock) -> None:
    async with begun(sql=NEEDED) as (way, endpoint):
        endpoint.swallow.append("INSERT INTO events ")
        await way.post(finished(clock))
        for _ in range(10):
            await way.work()
            await clock.advance(120)

        assert await way.states() == [(JobState.HELD, "unknown_outcome")]
        assert endpoint.sent("INSERT INTO events ") == 1


@needs_firebird
async def test_a_missed_chat_with_a_deal_leaves_a_task_and_an_open_deal_once(begun: Begun, clock: FakeClock) -> None:
    async with begun(deal="if_none_open", stage="Новая") as (way, endpoint):
        for number in (1, 2):
            await way.post(finished(clock, number, phone=PHONE, missed=True))
            await way.work()
            await clock.advance(60)

        assert [state for state, _ in await way.states()] == [JobState.DONE, JobState.DONE]
        assert [row["stage"] for row in rows(endpoint, "SELECT stage FROM deals")] == ["Новая"]
        assert [row["client_id"] for row in rows(endpoint, "SELECT client_id FROM tasks")] == [1, 1]
        assert rows(endpoint, "SELECT missed, client_id FROM events") == [{"missed": 1, "client_id": 1}] * 2


@needs_firebird
async def test_a_long_chat_comes_in_parts_that_the_endpoint_takes(begun: Begun, clock: FakeClock) -> None:
    async with begun() as (way, endpoint):
        await way.post(finished(clock, extra=tuple(f"{number}: " + "Ё" * 1500 for number in range(40))))
        [outcome] = await way.work()

        assert outcome.state is JobState.DONE, outcome
        bodies = [row["body"] for row in rows(endpoint, "SELECT body FROM events ORDER BY id")]
        assert len(bodies) > 1
        assert [number for number in range(40) if f"{number}: ЁЁЁ" not in "".join(bodies)] == []


@needs_firebird
@pytest.mark.parametrize(
    "change",
    [
        {"add_event": "INSERT INTO events (client_id, nope) VALUES (:id, :text) RETURNING id"},
        {"find_by_phone": "SELECT id FROM nobody WHERE phone = :phone"},
    ],
    ids=["a column that is not there", "a table that is not there"],
)
async def test_a_statement_that_does_not_fit_stops_the_target_and_the_chat_goes_through_once_it_does(
    change: dict[str, str], begun: Begun, clock: FakeClock
) -> None:
    async with begun(sql={**TARGET["sql"], **change}) as (way, endpoint):
        await way.post(finished(clock))
        [outcome] = await way.work()
        assert outcome.error_code == "crm_access_refused"
        assert "A statement under the target's sql does not fit the database" in outcome.detail
        assert list(await way.store.stops()) == ["sales"]

        await way.change_target(sql=TARGET["sql"])
        await way.store.go("sales")
        for _ in range(5):
            await clock.advance(120)
            await way.work()

        assert [state for state, _ in await way.states()] == [JobState.DONE]
        assert rows(endpoint, "SELECT count(*) AS n FROM clients") == [{"n": 1}]
        assert rows(endpoint, "SELECT count(*) AS n FROM events") == [{"n": 1}]


@needs_firebird
async def test_a_value_that_is_longer_than_its_column_is_told_with_the_remedy(begun: Begun, clock: FakeClock) -> None:
    short = "INSERT INTO events (client_id, kind) VALUES (:id, :text) RETURNING id"
    async with begun(sql={**TARGET["sql"], "add_event": short}) as (way, _endpoint):
        await way.post(finished(clock))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DEAD, "crm_rejected")
        assert "cut it in the statement" in outcome.detail


@needs_firebird
async def test_a_text_that_the_charset_lacks_is_refused_with_the_remedy(begun: Begun, clock: FakeClock) -> None:
    async with begun() as (way, _endpoint):
        await way.change_target(charset="utf-8")
        await way.post(finished(clock, extra=("👍",)))
        [outcome] = await way.work()

        assert (outcome.state, outcome.reason) == (JobState.DEAD, "crm_rejected")
        assert "set the target's charset" in outcome.detail


# -- the commands ------------------------------------------------------------------------------------------------------


async def command(folder: Path, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "-c", str(folder / "config.yaml"), *arguments,
        cwd=folder, env={**os.environ, **ENVIRON, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, " ".join(said.decode().split())


@needs_firebird
async def test_check_live_says_as_whom_and_in_which_charset_and_its_probe_lands(begun: Begun) -> None:
    async with begun() as (way, endpoint):
        code, said = await command(way.settings.origin.parent, "check", "--live", "sales", "--probe")

        assert code == 0, said
        assert "as SYSDBA; charset of the database: WIN1251" in said
        assert rows(endpoint, "SELECT kind FROM events") == [{"kind": "chat"}]


async def test_check_lists_the_statements_that_are_not_given_and_what_is_lost(tmp_path: Path) -> None:
    target = {**TARGET, "sql": NEEDED}
    config = {"key": "${C2C_KEY}", "targets": {"sales": target}}
    (tmp_path / "config.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")

    code, said = await command(tmp_path, "check")

    assert code == 0, said
    assert "without sql.find_event a note whose answer was lost cannot be looked for, so a person decides" in said
    assert "without sql.find_by_email a client is not found by e-mail" in said
    assert "sql.find_task" not in said  # there is no add_task to look for


async def test_check_refuses_what_cannot_be_meant(tmp_path: Path) -> None:
    wrong = {**NEEDED, "find_by_phone": "SELECT id FROM clients WHERE phone LIKE '%{phone}'"}
    config = {"key": "${C2C_KEY}", "targets": {"sales": {**TARGET, "sql": wrong}}}
    (tmp_path / "config.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")

    code, said = await command(tmp_path, "check")

    assert code == 2
    assert "targets.sales.sql.find_by_phone" in said
    assert "would paste a value into the SQL" in said
