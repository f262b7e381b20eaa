"""Several replicas over one database: together they keep what one process keeps alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ports import free_port
from real_caddy import caddy, proxy_before
from real_pgbouncer import pooler
from real_postgres import HELP, Server, programs
from running import Crm, eventually, finished
from scaled import Scaled, scaled
from wire import wire
from yarl import URL

log = logging.getLogger(__name__)

#: seconds of the long run
SECONDS = float(os.environ.get("CHAT2CRM_REPLICAS_SECONDS", "300"))
DOUBLED = ("doubled_clients", "doubled_notes", "doubled_deals", "doubled_tasks")


async def nothing_twice(crm: Crm) -> dict[str, Any]:
    audit = await crm.audit()
    doubled = {name: audit[name] for name in DOUBLED if audit[name]}
    assert not doubled, (doubled, audit["examples"])
    return audit


# -- one person, one client --------------------------------------------------------------------------------------------


async def few_people(replicas: Scaled, crm: Crm, *, chats: int, people: int, lag: float) -> None:
    await crm.faults(index_lag=lag)
    await replicas.start()
    events = [finished(chat_id=7000 + number, phone=f"+7916555{number % people:04d}") for number in range(chats)]
    assert Counter(await asyncio.gather(*(replicas.post(event) for event in events))) == {200: chats}
    assert len(replicas.balancer.taken) == len(replicas.replicas), "each replica was given some"
    await replicas.at_rest(patience=100 + 10 * lag)

    audit = await nothing_twice(crm)
    assert (audit["clients"], audit["deals"], audit["notes"]) == (people, people, chats)
    await replicas.stop()


async def test_sixty_chats_of_six_new_persons_over_three_replicas_make_six_clients(
    tmp_path: Path, crm: Crm, postgres_url: str
) -> None:
    async with scaled(tmp_path, crm, postgres_url, deal="new_client", consistency_delay="1s") as replicas:
        await few_people(replicas, crm, chats=60, people=6, lag=0.5)


async def test_so_behind_a_pooler_that_has_three_connections_for_all_of_them(tmp_path: Path, crm: Crm, postgres_url: str) -> None:
    with pooler(postgres_url, size=3) as through:
        async with scaled(
            tmp_path, crm, postgres_url, through=through, deal="new_client", consistency_delay="1s"
        ) as replicas:
            await few_people(replicas, crm, chats=24, people=4, lag=0.2)


@pytest.mark.torture
@pytest.mark.timeout(900)
async def test_two_hundred_of_twenty_make_twenty_though_the_search_lags_half_a_minute(
    tmp_path: Path, crm: Crm, postgres_url: str
) -> None:
    async with scaled(tmp_path, crm, postgres_url, deal="new_client", consistency_delay="31s") as replicas:
        await few_people(replicas, crm, chats=200, people=20, lag=30.0)


# -- one limit ---------------------------------------------------------------------------------------------------------


def fullest_second(sent: list[float]) -> int:
    return max(sum(at - 1.0 < other <= at for other in sent) for at in sent)


async def limited(folder: Path, crm: Crm, postgres_url: str, *, seconds: float) -> float:
    """Requests a second that three replicas send while there is always more to do; in none of the seconds more than seven."""
    limits = {"requests": {"most": "7", "per": "1s"}}
    at = URL(crm.url)
    assert at.host is not None
    assert at.port is not None
    async with wire(at.host, at.port) as way, scaled(folder, crm, postgres_url, limits=limits, url=way.url) as replicas:
        await replicas.start()
        chats = int(seconds * 3) + 20
        answers = await asyncio.gather(*(replicas.post(finished(chat_id=number)) for number in range(chats)))
        assert Counter(answers) == {200: chats}
        while not way.sent:  # noqa: ASYNC110 - a wire tells nobody
            await asyncio.sleep(0.05)
        await asyncio.sleep(seconds)
        sent = list(way.sent)
        open_jobs = replicas.rows("SELECT 1 FROM jobs WHERE state IN ('pending', 'running', 'retrying', 'waiting')")
        assert len(open_jobs) > 7, "there was more to do"
    assert fullest_second(sent) <= 7
    reached = sum(one - min(sent) <= seconds for one in sent) / seconds
    log.info("%.2f of 7 a second", reached)
    return reached


async def test_a_limit_of_seven_a_second_is_one_limit_for_three_replicas(tmp_path: Path, crm: Crm, postgres_url: str) -> None:
    # a short run; the long one asks for all of it
    assert await limited(tmp_path, crm, postgres_url, seconds=4.0) > 0.7 * 7


@pytest.mark.torture
@pytest.mark.timeout(300)
async def test_and_it_is_used_to_more_than_85_in_a_hundred(tmp_path: Path, crm: Crm, postgres_url: str) -> None:
    assert await limited(tmp_path, crm, postgres_url, seconds=60.0) > 0.85 * 7


# -- upgraded one after the other, behind the delivered proxy ----------------------------------------------------------


async def test_two_replicas_behind_the_delivered_caddy_are_restarted_in_turn_and_refuse_no_post(
    tmp_path: Path, crm: Crm, postgres_url: str
) -> None:
    caddy()
    async with scaled(tmp_path, crm, postgres_url, many=2) as replicas:
        for one in replicas.replicas:
            one.config["receive"] = {"host": "127.0.0.1", "port": str(free_port()), "trusted_proxies": ["127.0.0.0/8"]}
        await replicas.start()
        going = True
        async with proxy_before(tmp_path, *(one.port for one in replicas.replicas)) as proxy:
            replicas.balancer.port, behind = proxy.port, replicas.balancer.port

            async def sender(number: int) -> None:
                count = 0
                while going:
                    count += 1
                    await replicas.post(finished(number * 10_000 + count))
                    await asyncio.sleep(0.05)

            senders = [asyncio.create_task(sender(number + 1)) for number in range(4)]
            for one in replicas.replicas:
                await asyncio.sleep(0.5)
                assert await one.stop() == 0
                await one.start()
            await asyncio.sleep(0.5)
            going = False
            await asyncio.gather(*senders)
            replicas.balancer.port = behind
        assert set(replicas.answers) == {200}
        await replicas.at_rest()
        audit = await nothing_twice(crm)
        assert audit["notes"] == audit["clients"] == replicas.answers[200]
        assert all(one.events("attempt.finished") for one in replicas.replicas), "both had some of the work"


# -- whatever breaks ---------------------------------------------------------------------------------------------------


@pytest.fixture
def room() -> Iterator[Path]:
    """Where servers may lie: not in pytest's own folder, since whoever they run as may not pass there."""
    if programs() is None:
        pytest.skip(HELP)
    with tempfile.TemporaryDirectory(prefix="chat2crm-server-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def server(room: Path) -> Iterator[Server]:
    """A database server of this test's own, that keeps what it has committed."""
    made = Server(room / "server", durable=True)
    made.create()
    made.start()
    yield made
    made.stop(signal.SIGQUIT)


@pytest.fixture
def standby(room: Path, server: Server) -> Iterator[Server]:
    """Another that has all that the first one commits before it says so: replication is synchronous."""
    made = Server(room / "standby", durable=True)
    made.follow(server)
    made.start()
    with psycopg.connect(server.url, autocommit=True) as primary:
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.execute("SELECT pg_reload_conf()")
        while primary.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone() is None:
            time.sleep(0.02)
    yield made
    made.stop(signal.SIGQUIT)


class Load:
    """Posts; remembers what was acknowledged."""

    def __init__(self, replicas: Scaled, *, at_once: int, a_second: float) -> None:
        self.replicas = replicas
        self.chance = random.Random(7)
        self.acknowledged: set[int] = set()
        self.posted = 0
        self.going = True
        self._pause = at_once / a_second
        self._tasks = [asyncio.create_task(self._send(number + 1)) for number in range(at_once)]

    async def _send(self, number: int) -> None:
        count = 0
        while self.going:
            count += 1
            chat = number * 10_000 + count
            # every fourth chat is of a person whom others are of as well
            phone = f"+7916{777_0000 + chat % 97:07d}" if count % 4 == 0 else None
            event = finished(chat, phone=phone, missed=count % 3 == 0)
            self.posted += 1
            # a chat service comes again, with the same
            for _ in range(3):
                if await self.replicas.post(event) == 200:
                    self.acknowledged.add(chat)
                    break
                await asyncio.sleep(0.2)
            await asyncio.sleep(2 * self._pause * self.chance.random())

    async def end(self) -> None:
        self.going = False
        await asyncio.gather(*self._tasks)


async def comes(over: asyncio.Event, seconds: float) -> bool:
    """Whether it is over within so many seconds."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)
    return over.is_set()


async def killer(replicas: Scaled, every: float, deaths: list[int], over: asyncio.Event) -> None:
    """One replica after another is killed and started again; at a moment without a database it waits until there is one. What
    was begun is brought to its end: each replica is up when this returns.
    """
    while not await comes(over, every):
        number = len(deaths) % len(replicas.replicas)
        await replicas.replicas[number].killed()
        deaths.append(number)
        await replicas.replicas[number].start()


async def tearer(replicas: Scaled, every: float, torn: list[str], over: asyncio.Event) -> None:
    """The network between one replica and the database: broken off, or silent."""
    chance = random.Random(3)
    while not await comes(over, every):
        cable = replicas.cables[chance.randrange(len(replicas.cables))]
        if len(torn) % 2:
            cable.dead = True
        else:
            cable.tear()
        torn.append("silent" if cable.dead else "broken")
        await asyncio.sleep(0.5 + 2.0 * chance.random())
        cable.mend()


async def check(replicas: Scaled, crm: Crm, acknowledged: set[int]) -> Counter[str]:
    """All that was acknowledged has come to an end, and nothing is there twice."""
    await crm.faults()
    await replicas.at_rest(patience=600)
    jobs = replicas.rows(
        "SELECT j.state, j.reason, j.plan::json ->> 'chat_marker' AS marker, c.chat_id FROM jobs j JOIN chats c ON c.id = j.chat"
    )
    states = Counter(str(job["state"]) for job in jobs)
    told = Counter(note["chat"] for note in crm.rows("SELECT json_extract(custom, '$.chat') AS chat FROM notes"))
    by_chat = {int(job["chat_id"]): job for job in jobs}
    lost = [chat for chat in sorted(acknowledged) if chat not in by_chat or told[by_chat[chat]["marker"]] == 0]
    twice = [chat for chat, job in by_chat.items() if told[job["marker"]] > 1]
    audit = await nothing_twice(crm)
    log.info("%d acknowledged, jobs %s, %d notes, %d clients, answers %s; lost %s, twice %s", len(acknowledged), dict(states),
             audit["notes"], audit["clients"], dict(replicas.answers), lost[:5], twice[:5])  # fmt: skip
    assert (lost, twice) == ([], [])
    assert set(states) == {"done"}
    assert audit["notes"] == len(jobs) >= len(acknowledged) > 0
    return states


async def without_leases(replicas: Scaled) -> None:
    """What a replica had in hand that is gone is taken up when its lease is over; with none alive, that may be now."""
    await asyncio.gather(*(one.killed() for one in replicas.replicas))
    replicas.change("UPDATE jobs SET lease_until = 0 WHERE state = 'running'")
    replicas.change("UPDATE locks SET until = 0")
    await replicas.start()


async def everything_breaks(
    replicas: Scaled, crm: Crm, server: Server, *, seconds: float, every: float, tears: float, restarts: int, a_second: float,
    waits: bool = True,
) -> None:
    await crm.faults(index_lag=0.3, drop_after_commit=0.03, latency=[0.0, 0.05], seed=1)
    await replicas.start()
    load, deaths, torn = Load(replicas, at_once=12, a_second=a_second), list[int](), list[str]()
    over = asyncio.Event()
    trouble = asyncio.gather(killer(replicas, every, deaths, over), tearer(replicas, tears, torn, over))
    for number in range(restarts):
        await asyncio.sleep(seconds / (restarts + 1))
        log.info("%d acknowledged, %d killed, %d torn; the database goes", len(load.acknowledged), len(deaths), len(torn))
        # once told to end, once as if its machine had lost its power
        await asyncio.to_thread(server.stop, signal.SIGQUIT if number % 2 else signal.SIGINT)
        await asyncio.sleep(1)
        await asyncio.to_thread(server.start)
    await asyncio.sleep(seconds / (restarts + 1))
    await load.end()
    over.set()
    await trouble
    if not waits:
        await without_leases(replicas)
    log.info("%d posted, %d killed, %s", load.posted, len(deaths), dict(Counter(torn)))
    await check(replicas, crm, load.acknowledged)
    await replicas.stop()


async def test_killed_cut_off_and_the_database_restarted_under_load(tmp_path: Path, crm: Crm, server: Server) -> None:
    async with scaled(tmp_path, crm, server.url, deal="new_client", missed="task", consistency_delay="1s") as replicas:
        await everything_breaks(replicas, crm, server, seconds=4.0, every=1.3, tears=1.1, restarts=1, a_second=15, waits=False)


@pytest.mark.torture
@pytest.mark.timeout(3600)
async def test_so_for_minutes(tmp_path: Path, crm: Crm, server: Server) -> None:
    async with scaled(tmp_path, crm, server.url, deal="new_client", missed="task", consistency_delay="1s") as replicas:
        await everything_breaks(replicas, crm, server, seconds=SECONDS, every=5.0, tears=7.0, restarts=2, a_second=20)


async def test_a_standby_takes_over_and_nothing_acknowledged_is_lost(
    tmp_path: Path, crm: Crm, server: Server, standby: Server
) -> None:
    both = f"postgresql://chat2crm@127.0.0.1:{server.port},127.0.0.1:{standby.port}/postgres"
    async with scaled(
        tmp_path, crm, f"{both}?target_session_attrs=read-write", through=both, many=2, directly=True, deal="new_client",
        consistency_delay="1s",
    ) as replicas:  # fmt: skip
        await replicas.start()
        load = Load(replicas, at_once=6, a_second=15)
        await acknowledged(load, 20)
        await asyncio.to_thread(server.stop, signal.SIGQUIT)

        async def refused() -> bool:
            return replicas.answers.get(503, 0) >= 5

        # the standby is there all the while: it is not taken for the database
        await eventually(refused, "intake answers 503")
        with psycopg.connect(standby.url, autocommit=True) as promoted:
            promoted.execute("SELECT pg_promote()")
        await acknowledged(load, len(load.acknowledged) + 20)
        await load.end()
        assert [one.process.returncode for one in replicas.replicas if one.process] == [None, None], "they went on by themselves"
        await without_leases(replicas)
        await check(replicas, crm, load.acknowledged)
        await replicas.stop()


async def acknowledged(load: Load, chats: int) -> None:
    async def so_many() -> bool:
        return len(load.acknowledged) >= chats

    await eventually(so_many, f"{chats} chats acknowledged")
