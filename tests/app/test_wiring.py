from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes import FakeClock
from service_materials import settings

from bridge.app import wiring
from bridge.app.wiring import Parts
from bridge.errors import ConfigError

TARGET = {"crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${C2C_TOKEN}", "mode": "write"}


@pytest.fixture
async def parts(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Parts]:
    made = Parts(settings(tmp_path), clock)
    await made.store.open()
    yield made
    await made.close()
    await made.store.close()


async def test_whoever_works_sees_the_other_configuration_at_once(parts: Parts, tmp_path: Path) -> None:
    other = settings(
        tmp_path, targets={"sales": TARGET, "support": TARGET}, retry={"attempts": 3},
        sources={"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "region": "KZ", "target": "support"}},
    )  # fmt: skip
    assert parts.replace(other) == []
    assert parts.receiver.sources["shop"].settings.region == "KZ"
    assert parts.sorter.sources is parts.receiver.sources is parts.deps.sources
    assert set(parts.worker.known_targets()) == set(parts.deps.targets) == {"sales", "support"}
    assert parts.worker.retry.attempts == parts.fetcher.retry.attempts == parts.reconciler.retry.attempts == 3
    assert parts.worker.news.is_set(), "jobs that waited for it are looked for"


async def test_what_counts_only_after_a_restart_is_named(parts: Parts, tmp_path: Path) -> None:
    other = settings(tmp_path, worker={"concurrency": 3}, alerts={"silence": "9"})
    assert parts.replace(other) == ["alerts", "worker"]


async def test_a_configuration_that_cannot_be_used_changes_nothing(parts: Parts, tmp_path: Path) -> None:
    known, pipeline = parts.targets, parts.worker.pipeline
    wrong = settings(tmp_path, targets={"sales": {**TARGET, "crm": str(tmp_path / "nothing.yaml")}})
    with pytest.raises(ConfigError):
        parts.replace(wrong)
    assert (parts.targets, parts.worker.pipeline) == (known, pipeline)
    assert parts.deps.targets is known


@pytest.mark.parametrize(("language", "says"), [
    ("en", ("The changed configuration is wrong, and the old one goes on. c.yaml:3:1: timezone: 'Mars' is no time zone (+1). "
           "`chat2crm check` says all of it.")),
    ("ru", ("Изменённая конфигурация неверна, работает прежняя. c.yaml:3:1: timezone: 'Mars' is no time zone (+1). "
           "Обо всём скажет `chat2crm check`.")),
])  # fmt: skip
async def test_an_alert_of_a_wrong_configuration_says_what_is_wrong_with_it_until_one_is_taken(
    tmp_path: Path, clock: FakeClock, language: str, says: str
) -> None:
    parts = Parts(settings(tmp_path, language=language), clock)
    parts.tell_of_config("c.yaml:3:1: timezone: 'Mars' is no time zone.\nc.yaml:4:1: store: …")
    assert parts.alerts._noticed["config:reload"][0] == says
    parts.tell_of_config(None)
    assert "config:reload" not in parts.alerts._noticed
    await parts.close()


async def test_connections_that_are_replaced_stay_for_attempts_under_way(parts: Parts, tmp_path: Path, clock: FakeClock) -> None:
    closed: list[str] = []

    async def close() -> None:
        closed.append("sales")

    parts.targets["sales"].crm.close = close  # type: ignore[method-assign]
    parts.replace(settings(tmp_path))
    await clock.advance(wiring.OLD_TARGETS_STAY - 1)
    assert closed == []
    await clock.advance(2)
    assert closed == ["sales"]


@pytest.mark.parametrize(("most", "lease"), [("20s", 60.0), ("50s", 120.0)])
async def test_a_lease_is_longer_than_the_longest_request(tmp_path: Path, clock: FakeClock, most: str, lease: float) -> None:
    made = Parts(settings(tmp_path, targets={"sales": TARGET, "slow": {**TARGET, "timeout": most}}), clock)
    assert made.worker.lease == lease
    await made.close()


async def test_a_lease_that_grew_stays_so_while_older_attempts_may_be_under_way(parts: Parts, tmp_path: Path) -> None:
    parts.replace(settings(tmp_path, targets={"sales": {**TARGET, "timeout": "50s"}}))
    assert parts.worker.lease == 120.0
    parts.replace(settings(tmp_path))
    assert parts.worker.lease == 120.0


def test_room_is_told_where_the_store_is_a_file(tmp_path: Path) -> None:
    assert (wiring._room(f"sqlite:///{tmp_path}/x.db") or 0) > 0
    assert wiring._room(f"sqlite:///{tmp_path}/nowhere/x.db") is None
    assert wiring._room("postgresql://db.example/chats") is None


async def test_attempts_end_by_the_retry_rules_of_the_configuration_that_was_read_last(parts: Parts, tmp_path: Path) -> None:
    assert parts.replace(settings(tmp_path, retry={"attempts": 3})) == []
    assert parts.worker.retry.attempts == 3
    assert parts.worker._endings.rules().attempts == 3
