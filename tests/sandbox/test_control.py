from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller


async def test_switches_show_what_is_set_and_what_has_happened(crm: Caller) -> None:
    await crm.faults(busy={"times": 1})
    assert (await crm.get("/me")).status == 429
    shown = (await crm.get("/_faults")).body
    assert (shown["switches"]["busy"][0]["times"], shown["happened"]) == (1, {"busy": 1})


async def test_wrong_switches_leave_the_old_ones(crm: Caller) -> None:
    await crm.faults(index_lag=3)
    said = await crm.ask("PUT", "/_faults", json={"busy": 3})
    assert (said.status, "times" in said.body["message"]) == (400, True)
    assert (await crm.ask("PUT", "/_faults", data=b"{")).status == 400
    assert (await crm.get("/_faults")).body["switches"]["index_lag"] == 3


async def test_a_seed_makes_clients_with_what_hangs_on_them(crm: Caller) -> None:
    said = await crm.post(
        "/_seed",
        {
            "owners": [{"name": "Oleg"}],
            "clients": [
                {"name": "A", "owner_id": 1, "notes": [{"text": "n"}], "deals": [{"title": "d"}], "tasks": [{"text": "t"}]},
                {"name": "B"},
            ],
        },
    )
    assert said.status == 201
    assert said.body == {"clients": ["1", "2"], "notes": ["1"], "deals": ["1"], "tasks": ["1"], "files": [], "owners": ["1"]}
    assert (await crm.get("/clients/1")).body["owner_id"] == "1"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"client": []}, 400, "list of clients"),
        ([1], 400, "clients must be a list of objects"),
        ("x", 400, "list of clients"),
        ([{"name": "A", "notes": {}}], 400, "notes must be a list"),
        ([{"nam": "A"}], 422, "no such field"),
    ],
)
async def test_a_seed_that_is_none_is_refused(crm: Caller, body: Any, status: int, says: str) -> None:
    said = await crm.post("/_seed", body)
    assert said.status == status
    assert says in said.body["message"]


async def test_a_reset_forgets_records_counts_and_switches(crm: Caller) -> None:
    body = {"name": "A", "phones": ["+79161234567"], "external_id": "x", "description": "alpha"}
    await crm.made("/clients", body)
    await crm.post("/clients/1/notes", {"text": "alpha"}, headers={"Idempotency-Key": "k"})
    assert (await crm.get("/notes?q=alpha")).body["items"]
    await crm.faults(drop=True)
    assert (await crm.post("/_reset")).status == 204
    audit = await crm.audit()
    assert (audit["clients"], audit["notes"], audit["requests"], audit["faults"]) == (0, 0, {}, {})
    assert (await crm.get("/notes?q=alpha")).body["items"] == []
    assert (await crm.get("/clients?phone=79161234567")).body["items"] == []
    assert (await crm.made("/clients", body))["id"] == "1"
    again = await crm.post("/clients/1/notes", {"text": "beta"}, headers={"Idempotency-Key": "k"})
    assert (again.status, again.body["id"]) == (201, "1")
    assert (await crm.get("/notes?q=beta")).body["items"]
