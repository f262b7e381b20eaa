from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeClock
from way import ENVIRON

from bridge.config import load
from bridge.errors import ConfigError, MappingError, Rejected
from bridge.model import Operation, OperationKind
from bridge.sandbox import start
from bridge.targets import Target, load_targets


def targets(folder: Path, clock: FakeClock, *, writes: bool = True, **more: Any) -> dict[str, Target]:
    config = {
        "key": "${C2C_KEY}",
        "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "target": "sales"}},
        "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${C2C_TOKEN}", **more}},
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    return load_targets(load(folder / "config.yaml", ENVIRON), clock, writes=writes)


async def test_a_target_is_its_settings_its_mapping_and_its_crm(tmp_path: Path, clock: FakeClock) -> None:
    target = targets(tmp_path, clock, timeout="7s", consistency_delay="3s")["sales"]

    assert (target.name, target.mapping.title, target.settings.timeout) == ("sales", "Sandbox", 7.0)
    assert (target.crm.consistency_delay, target.crm.commits_within) == (3.0, 60.0)
    await target.crm.close()


async def test_a_request_may_take_effect_for_twice_its_time_out_at_least(tmp_path: Path, clock: FakeClock) -> None:
    target = targets(tmp_path, clock, timeout="45s")["sales"]

    assert target.crm.commits_within == 90.0
    await target.crm.close()


def test_a_key_that_the_crms_mapping_does_not_name_is_refused_with_its_place(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(ConfigError, match=r"config.yaml:1:\d+: targets.sales: unknown key `databse`.*known for sandbox: "):
        targets(tmp_path, clock, databse="main")


def test_a_crm_that_is_not_there_is_named(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(MappingError, match="nosuch"):
        targets(tmp_path, clock, crm="nosuch")


async def test_for_a_trial_nothing_but_questions_can_be_sent(tmp_path: Path, clock: FakeClock) -> None:
    async with start() as crm:
        target = targets(tmp_path, clock, writes=False, url=crm.url)["sales"]
        create = Operation(kind=OperationKind.CREATE, marker="c2c-aaaaaaaaaaaaaaaa", scope={"phones": ["+79160000001"]})

        found = await target.crm.find({}, phones=["+79160000001"], emails=[], external_id=None, steps=[])
        with pytest.raises(Rejected, match="only reads"):
            await target.crm.perform(create, {}, [])

        assert found == []
        assert crm.parts.records.db.execute("SELECT id FROM clients").fetchall() == []
        await target.crm.close()
