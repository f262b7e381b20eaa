"""What is written once is found again: against the sandbox CRM over real connections, and with scripted answers."""

from datetime import UTC, datetime, timedelta

import pytest
from crm.boxed import ANNA, CREATE, NOTE, box
from crm.speaking import Hurried, Scripted, crm_over, mapping_with, said

from bridge.crm.look import Look, Seen
from bridge.errors import Conflict, CrmBroken, EmptyExpression, NoAnswer, NotFound, NotSent, Rejected, TryLater
from bridge.model import Client, Operation, OperationKind

KINDS = ("external_id", "conflict", "text", "scan", "header")


@pytest.mark.parametrize("kind", [*KINDS, "field"])
async def test_by_every_kind_of_marker_a_note_whose_answer_was_lost_is_found_and_there_is_one(kind: str) -> None:
    async with box("sandbox" if kind == "field" else f"marker_{kind}") as b:
        on = await b.seeded()
        await b.fault(drop_after_commit={"times": 1})
        sent_at = datetime.now(UTC)
        with pytest.raises(NoAnswer):
            await b.crm.perform(NOTE, on, b.steps)

        assert await b.crm.look(NOTE, on, b.steps, sent_at=sent_at) == Look.found("1")
        counted = await b.audit()
        assert (counted["notes"], counted["doubled_notes"]) == (1, 0)


@pytest.mark.parametrize("kind", ["external_id", "text", "scan", "field"])
async def test_by_a_marker_that_is_looked_for_a_note_that_never_arrived_is_absent(kind: str) -> None:
    async with box("sandbox" if kind == "field" else f"marker_{kind}") as b:
        on = await b.seeded()
        await b.fault(drop_before_commit={"times": 1})
        with pytest.raises(NoAnswer):
            await b.crm.perform(NOTE, on, b.steps)

        assert await b.crm.look(NOTE, on, b.steps, sent_at=datetime.now(UTC)) == Look.absent()
        assert await b.crm.perform(NOTE, on, b.steps) == "1"
        assert (await b.audit())["notes"] == 1


@pytest.mark.parametrize("kind", ["conflict", "header"])
async def test_where_the_crm_refuses_a_second_one_looking_is_sending_it_again(kind: str) -> None:
    async with box(f"marker_{kind}") as b:
        on = await b.seeded()
        await b.fault(drop_before_commit={"times": 1})
        with pytest.raises(NoAnswer):
            await b.crm.perform(NOTE, on, b.steps)

        for _ in range(3):
            assert await b.crm.look(NOTE, on, b.steps, sent_at=datetime.now(UTC)) == Look.found("1")
        assert (await b.audit())["notes"] == 1


async def test_a_key_that_the_crm_may_have_forgotten_is_not_trusted() -> None:
    async with box("marker_header") as b:
        on = await b.seeded()

        look = await b.crm.look(NOTE, on, b.steps, sent_at=datetime.now(UTC) - timedelta(minutes=55))

        assert look.seen is Seen.UNKNOWN
        assert (await b.audit())["notes"] == 0


async def test_without_a_marker_nothing_can_be_said() -> None:
    async with box("marker_none") as b:
        on = await b.seeded()

        assert (await b.crm.look(NOTE, on, b.steps, sent_at=datetime.now(UTC))).seen is Seen.UNKNOWN


async def test_a_scan_that_did_not_reach_far_enough_is_not_absence() -> None:
    async with box("marker_scan") as b:
        on = await b.seeded()
        await b.crm.perform(NOTE, on, b.steps)
        for number in range(7):
            later = NOTE.model_copy(update={"marker": f"c2c-ddddddddddddddd{number + 2}"})
            text = {"title": "x", "text": f"{number} {later.marker}"}
            await b.crm.perform(later.model_copy(update={"scope": {**ANNA, "note": text}}), on, b.steps)

        # three pages of two: the note is behind them, and nothing on them is older than the request
        assert (await b.crm.look(NOTE, on, b.steps, sent_at=datetime.now(UTC))).seen is Seen.UNKNOWN
        # a request sent an hour from now could only stand on the first page
        ahead = datetime.now(UTC) + timedelta(hours=1)
        assert await b.crm.look(NOTE, on, b.steps, sent_at=ahead) == Look.absent()


async def test_a_note_that_went_with_a_merged_client_is_neither_written_again_nor_lost() -> None:
    async with box() as b:
        on = await b.seeded()
        await b.seeded(name="Анна вторая")
        await b.crm.perform(NOTE, on, b.steps)
        merged = await b.http.post("/api/v1/clients/1/merge", json={"into": "2"}, headers={"X-Api-Key": "sandbox-key"})
        merged.raise_for_status()

        look = await b.crm.look(NOTE, on, b.steps, sent_at=datetime.now(UTC))
        assert look.seen is Seen.UNKNOWN
        assert "another client (2)" in look.reason
        with pytest.raises(NotFound):
            await b.crm.read("1", {}, b.steps)


async def test_a_client_whose_answer_was_lost_is_found_by_its_own_id() -> None:
    async with box() as b:
        await b.fault(drop_after_commit={"times": 1})
        with pytest.raises(NoAnswer):
            await b.crm.perform(CREATE, {}, b.steps)

        assert await b.crm.look(CREATE, {}, b.steps, sent_at=datetime.now(UTC)) == Look.found("1")
        assert await b.crm.perform(CREATE, {}, b.steps) == "1"  # and made again, it is still one
        assert (await b.audit())["clients"] == 1


async def test_a_client_that_is_not_there_is_an_answer_and_no_failure() -> None:
    async with box() as b:
        assert await b.crm.look(CREATE, {}, b.steps, sent_at=datetime.now(UTC)) == Look.absent()

        (step,) = b.steps
        assert (step.status, step.error, step.detail) == (404, None, "it is not there")


async def test_somebody_with_this_phone_is_told_and_not_taken_for_ours() -> None:
    async with box() as b:
        await b.seeded(phones=["+7 916 123-45-67"])
        await b.fault(refuse_duplicates=True)
        with pytest.raises(Conflict) as caught:
            await b.crm.perform(CREATE, {}, b.steps)

        assert [record["id"] for record in caught.value.records] == ["1"]
        assert await b.crm.perform(CREATE, {}, b.steps, again_headers=caught.value.again_headers) == "2"


ENRICH = Operation(
    kind=OperationKind.ENRICH, marker="c2c-eeeeeeeeeeeeeeee",
    scope={**ANNA, "new": {"phones": ["+79161234567"], "emails": ["anna@example.com"]}},
)  # fmt: skip


async def test_an_enrichment_adds_what_is_not_there_and_can_be_looked_for() -> None:
    async with box() as b:
        on = await b.seeded(phones=["+7 495 000-00-00"])
        assert await b.crm.look(ENRICH, on, b.steps, sent_at=datetime.now(UTC)) == Look.absent()

        assert await b.crm.perform(ENRICH, on, b.steps) == "1"
        assert await b.crm.look(ENRICH, on, b.steps, sent_at=datetime.now(UTC)) == Look.found("1")
        assert (await b.crm.read("1", {}, b.steps)).phones == ("+7 495 000-00-00", "+79161234567")
        assert (await b.audit())["overwritten"] == 0


async def test_what_came_onto_the_card_since_the_plan_is_not_sent_again() -> None:
    async with box() as b:
        on = await b.seeded(phones=["8 (916) 123-45-67"], emails=["ANNA@example.com"])
        await b.crm.perform(ENRICH, on, b.steps)

        assert [step.what for step in b.steps] == ["read client"]


async def test_a_slip_in_what_is_read_takes_nothing_off_the_card() -> None:
    enrich = {"patch": "/people/{client.id}", "json": {"phones": "{new.phones}"},
              "phones": {"how": "add", "send": "all", "read": "phoness"}}  # fmt: skip
    other = Scripted(said({"id": 1, "phones": ["+74950000000"]}))
    crm = crm_over(other, mapping_with(enrich=enrich))

    with pytest.raises(EmptyExpression, match="`enrich: phones: read:` of the mapping finds none of them"):
        await crm.perform(ENRICH, {"client": {"id": "1"}}, [])
    assert [request.method for request in other.asked] == ["GET"]


async def test_a_run_that_only_reads_writes_nothing() -> None:
    other = Scripted(said({"items": []}))
    crm = crm_over(other, mapping_with(), crm={"writes": False})

    assert await crm.find({}, phones=["+79161234567"], emails=[], external_id=None, steps=[]) == []
    for attempt in (crm.perform(NOTE, {"client": {"id": "1"}}, []), crm.look(NOTE, {}, [], sent_at=datetime.now(UTC))):
        with pytest.raises(Rejected, match="only reads"):
            await attempt
    assert len(other.asked) == 1


async def test_what_the_mapping_does_not_have_is_refused_in_words() -> None:
    crm = crm_over(Scripted(), mapping_with())

    with pytest.raises(Rejected, match="does not say how a deal is written"):
        await crm.perform(Operation(kind=OperationKind.DEAL), {"client": {"id": "1"}}, [])
    assert await crm.open_deals(Client(id="1"), {}, []) == []
    assert crm.card_url(Client(id="1")) is None


async def test_an_answer_without_the_id_may_have_been_done() -> None:
    crm = crm_over(Scripted(said({"ok": True})), mapping_with())

    with pytest.raises(CrmBroken, match="holds no id") as caught:
        await crm.perform(NOTE, {"client": {"id": "1"}}, [])
    assert caught.value.maybe_done is True


async def test_what_was_planned_is_sent_and_only_what_was_null_then_is_filled_in() -> None:
    other = Scripted(said({"id": 1}))
    planned = NOTE.model_copy(update={"scope": {"client": None, "note": {"text": "planned"}}})

    await crm_over(other, mapping_with()).perform(planned, {"client": {"id": "7"}, "note": None}, [])

    assert other.asked[0].url.endswith("/people/7/notes")
    assert other.asked[0].body == b'{"text":"planned"}'


async def test_a_look_that_fails_says_so_and_is_not_an_answer() -> None:
    other = Scripted(NotSent(), NotSent(), NotSent())
    crm = crm_over(other, "sandbox", clock=Hurried())

    with pytest.raises(TryLater):
        await crm.look(NOTE, {"client": {"id": "1"}}, [], sent_at=datetime.now(UTC))


async def test_a_marker_that_a_target_has_no_field_for_leaves_the_outcome_unknown_and_asks_nothing() -> None:
    marker = {
        "kind": "text", "get": "/people", "query": {"q": "{choose(target.fields.marker, marker)}"}, "records": "items",
        "text": "memo", "id": "id",
    }  # fmt: skip
    create = {"post": "/people", "json": {"name": "{visitor.name}"}, "id": "id", "marker": marker}
    other = Scripted(said({"items": []}))
    sent_at = datetime(2026, 11, 21, tzinfo=UTC)

    look = await crm_over(other, mapping_with(create=create)).look(CREATE, {}, [], sent_at=sent_at)

    assert look.seen is Seen.UNKNOWN
    assert "nothing by which it could be looked for" in look.reason
    assert other.asked == []
    configured = crm_over(other, mapping_with(create=create), fields={"marker": "memo"})
    assert (await configured.look(CREATE, {}, [], sent_at=sent_at)).seen is Seen.ABSENT
