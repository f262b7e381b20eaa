from __future__ import annotations

import re
from pathlib import Path

import pytest
from fakes import FakeClock
from store_materials import claim, end, finish_chat

from bridge.config import Settings, load
from bridge.connections.removal import refuse_removal, removed
from bridge.connections.sites import load as load_sites
from bridge.errors import ConfigError
from bridge.model import JobState
from bridge.store import Store

CONFIG = """
key: ${KEY}
sources: {shop: {provider: jivo, target: sales}}
targets: {sales: {crm: sandbox, url: http://127.0.0.1:9}}
"""


def settings(folder: Path, text: str = CONFIG) -> Settings:
    (folder / "config.yaml").write_text(text)
    return load(folder / "config.yaml", {"KEY": "k" * 40})


async def test_nothing_is_said_of_what_is_there(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    await finish_chat(store, clock.now())
    assert await removed(settings(tmp_path), store) == []


async def test_a_target_that_chats_are_on_their_way_to_is_not_let_go(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    await finish_chat(store, clock.now(), "7")
    await finish_chat(store, clock.now(), "8")
    await claim(store, 1)
    with pytest.raises(ConfigError) as caught:
        await refuse_removal(settings(tmp_path, CONFIG.replace("sales", "retail")), store)
    assert re.match(r"targets\.sales is not in the configuration any more, with 2 chats on the way to it\. Put it back",
                    caught.value.message)  # fmt: skip
    assert "chat2crm serve --drop" in caught.value.message


async def test_so_is_a_source(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    await finish_chat(store, clock.now())
    (said,) = await removed(settings(tmp_path, CONFIG.replace("shop", "kiosk")), store)
    assert said.startswith("sources.shop is not in the configuration any more, with 1 chat of it on the way.")


async def test_what_is_over_or_waits_for_a_person_holds_up_nothing(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    for number, state in enumerate((JobState.DONE, JobState.HELD, JobState.DEAD)):
        await finish_chat(store, clock.now(), str(number))
        (job,) = await claim(store)
        await end(store, job, state, "x")
    assert await removed(settings(tmp_path, CONFIG.replace("sales", "retail").replace("shop", "kiosk")), store) == []


async def test_chats_of_a_site_whose_file_is_broken_wait_for_the_file(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "sites").mkdir()
    await finish_chat(store, clock.now(), targets=("bakery.sales",), source="bakery.shop")
    config = settings(tmp_path, CONFIG + "include: sites/*.yaml\n").origin
    assert len(await removed(load_sites(config, {"KEY": "k" * 40}), store)) == 2, "the whole file is gone"
    (tmp_path / "sites" / "bakery.yaml").write_text("sources: {")
    assert await removed(load_sites(config, {"KEY": "k" * 40}), store) == []
