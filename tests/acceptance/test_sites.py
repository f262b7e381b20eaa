"""An agency: the mistake of one customer's file stops nobody else, and loses that customer nothing."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from running import Crm, Service, eventually, finished


@pytest.fixture
def agency(service: Service, tmp_path: Path) -> Service:
    """Two customers with the same names in their files, and none in config.yaml."""
    part = {key: service.config.pop(key) for key in ("sources", "targets")}
    service.config["include"] = "sites/*.yaml"
    (tmp_path / "sites").mkdir()
    for name in ("bakery", "florist"):
        write(service, name, part)
    return service


def write(service: Service, name: str, part: Any) -> None:
    text = part if isinstance(part, str) else yaml.safe_dump(part)
    (service.folder / "sites" / f"{name}.yaml").write_text(text)


async def reloaded(service: Service, event: str) -> None:
    before = len(service.events(event))
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)

    async def said() -> bool:
        return len(service.events(event)) > before

    await eventually(said, event)


async def states(service: Service) -> dict[str, str]:
    return {row["source"]: row["state"] for row in service.rows("SELECT source, state FROM jobs ORDER BY id")}


async def test_a_broken_file_at_a_reload_stops_its_customer_alone_and_loses_nothing(agency: Service, crm: Crm) -> None:
    await agency.start()
    good = (agency.folder / "sites" / "bakery.yaml").read_text()
    write(agency, "bakery", good.replace("targets:", "tragets:"))
    await reloaded(agency, "config.reloaded")
    (refused,) = agency.events("site.refused")
    assert (refused["site"], refused["goes_on"]) == ("bakery", True)
    assert "bakery.yaml:" in refused["why"]
    assert "tragets: does not belong into a customer's file" in refused["why"]

    assert (await agency.post(finished(1), source="bakery.shop"))[0] == 200, "its last good version goes on receiving"
    assert (await agency.post(finished(2), source="florist.shop"))[0] == 200

    async def florist_is_done() -> bool:
        return (await states(agency)) == {"bakery.shop": "pending", "florist.shop": "done"}

    await eventually(florist_is_done, "the other customer's chat is written, this one's waits")
    (stop,) = agency.rows("SELECT target, reason, detail FROM target_stops")
    assert (stop["target"], stop["reason"]) == ("bakery.sales", "site_broken")
    assert "tragets" in stop["detail"]
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{agency.ops_port}/") as page:
        assert "bakery.sales" in await page.text()

    write(agency, "bakery", good)
    await reloaded(agency, "config.reloaded")
    await agency.at_rest()
    assert await states(agency) == {"bakery.shop": "done", "florist.shop": "done"}
    assert (await crm.audit())["notes"] == 2


async def test_a_broken_file_at_a_start_is_named_and_the_others_run(agency: Service, crm: Crm) -> None:
    await crm.faults(down=True)
    await agency.start()
    assert (await agency.post(finished(1), source="bakery.shop"))[0] == 200

    async def tried() -> bool:
        return (await states(agency)).get("bakery.shop") == "retrying"

    await eventually(tried, "the chat is on its way")
    await agency.stop()
    good = (agency.folder / "sites" / "bakery.yaml").read_text()
    write(agency, "bakery", "sources: {")
    await crm.faults(down=False)
    await agency.start()
    assert agency.events("site.refused")[0]["goes_on"] is False
    assert (await agency.post(finished(2), source="florist.shop"))[0] == 200
    assert (await agency.post(finished(3), source="bakery.shop"))[0] == 404

    async def florist_is_done() -> bool:
        return (await states(agency)).get("florist.shop") == "done"

    await eventually(florist_is_done, "the other customer's chat is written")
    assert (await states(agency))["bakery.shop"] in {"retrying", "pending"}, "kept as it was, not given up"
    write(agency, "bakery", good)
    await reloaded(agency, "config.reloaded")
    await agency.at_rest()
    assert await states(agency) == {"bakery.shop": "done", "florist.shop": "done"}
