"""The class the pipeline speaks to, against the sandbox CRM over real connections, and with scripted answers."""


import pytest
from crm.boxed import ANNA, CREATE, NOTE, box
from crm.speaking import Scripted, crm_over, mapping_with, said

from bridge.crm.limits import PATIENCE
from bridge.errors import NotFound
from bridge.model import Client, Operation, OperationKind


async def test_a_new_person_gets_a_client_and_a_note_and_is_found_again() -> None:
    async with box() as b:
        assert await b.crm.find(ANNA, phones=ANNA["phones"], emails=ANNA["emails"], external_id=None, steps=b.steps) == []
        made = await b.crm.perform(CREATE, {}, b.steps)
        await b.crm.perform(NOTE, {"client": {"id": made}}, b.steps)
        found = await b.crm.find(ANNA, phones=["+79161234567"], emails=["ANNA@example.com"], external_id=None, steps=b.steps)

        assert [client.id for client in found] == [made]
        assert (await b.crm.read(made, {}, b.steps)).phones == ("+79161234567",)
        counted = await b.audit()
        assert (counted["clients"], counted["notes"], counted["notes_without_marker"]) == (1, 1, 0)


async def test_the_limit_of_the_crm_is_kept() -> None:
    async with box(limits={"requests": {"most": 8, "per": "1s"}}) as b:
        await b.fault(rate_limit={"requests": 8, "seconds": 1})
        for _ in range(12):
            await b.crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=b.steps)

        assert {step.status for step in b.steps} == {200}


async def test_deals_tasks_owners_and_the_card_are_spoken_of() -> None:
    async with box() as b:
        on = await b.seeded()
        (await b.http.post("/_seed", json={"owners": [{"name": "Ольга", "email": "olga@example.com"}]})).raise_for_status()
        deal = Operation(kind=OperationKind.DEAL, marker="c2c-ffffffffffffffff", scope={**ANNA, "deal": {"title": "D"}})
        task = Operation(kind=OperationKind.TASK, marker="c2c-gggggggggggggggg", scope={**ANNA, "note": {"title": "T"}})
        client = Client(id="1")

        assert await b.crm.open_deals(client, {}, b.steps) == []
        assert await b.crm.perform(deal, on, b.steps) == "1"
        assert [(d["id"], d["title"]) for d in await b.crm.open_deals(client, {}, b.steps)] == [("1", "D")]
        assert await b.crm.perform(task, {**on, "owner": "1"}, b.steps) == "1"
        assert await b.crm.find_owner("Olga@example.com") == "1"
        assert (b.crm.card_url(client) or "").endswith("/clients/1")


async def test_a_client_that_reads_as_nothing_is_gone() -> None:
    crm = crm_over(Scripted(said([])), mapping_with(read={"get": "/people/{client.id}", "record": "[0]"}))

    with pytest.raises(NotFound, match="empty answer"):
        await crm.read("7", {}, [])


async def test_what_may_wait_for_a_limit_says_for_how_long() -> None:
    """Whoever settles a request has to allow for it."""
    assert crm_over(Scripted(), mapping_with()).may_wait == 0.0
    limited = crm_over(Scripted(), mapping_with(), limits={"requests": {"most": 7, "per": "1s"}})
    assert limited.may_wait == 2 * PATIENCE  # its turn may be over when its connection is there
    assert crm_over(Scripted(), mapping_with(), limits={"concurrent": 2}).may_wait == PATIENCE


async def test_waits_come_from_the_target_then_the_mapping_then_the_time_out() -> None:
    mapped = mapping_with(commits_within="90s", consistency_delay="30s")

    assert (crm_over(Scripted(), mapping_with(), timeout=50).commits_within, crm_over(Scripted(), mapped).commits_within,
            crm_over(Scripted(), mapped, commits_within="2 min").commits_within) == (100.0, 90.0, 120.0)  # fmt: skip
    assert (crm_over(Scripted(), mapping_with()).consistency_delay, crm_over(Scripted(), mapped).consistency_delay,
            crm_over(Scripted(), mapped, consistency_delay="1s").consistency_delay) == (0.0, 30.0, 1.0)  # fmt: skip


async def test_the_card_of_a_target_holds_no_key() -> None:
    crm = crm_over(Scripted(), mapping_with(card_url="{target.url}/c/{client.id}?k={target.token}"))

    assert crm.card_url(Client(id="7")) is None
