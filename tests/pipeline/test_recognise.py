from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes import FakeClock
from store_materials import LEASE, claim, finish_chat, plan_of

from bridge.connections.targets import Target
from bridge.errors import NotFound
from bridge.model import Claim, Client, ContactPoint, Match, OperationKind, OperationState, PointKind, Verdict
from bridge.pipeline.attempt import Attempting, waiting
from bridge.pipeline.recognise import Person, Recogniser
from bridge.store import Store

PHONE, EMAIL = "+79160000001", "anna@mail.ru"
LAG = 5.0


@dataclass
class Crm:
    cards: dict[str, Client] = field(default_factory=dict)
    hits: list[Client] = field(default_factory=list)
    deals: Mapping[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    consistency_delay: float = LAG

    async def find(self, scope: object, **by: Any) -> list[Client]:
        self.asked.append("find")
        return list(self.hits)

    async def read(self, client: Client, scope: object, steps: object) -> Client:
        self.asked.append(f"read {client.id}")
        if client.id not in self.cards:
            raise NotFound
        return self.cards[client.id]

    async def open_deals(self, client: Client, scope: object, steps: object) -> list[dict[str, Any]]:
        self.asked.append(f"deals {client.id}")
        return [{}] * self.deals.get(client.id, 0)


class Journal:
    """Settles nothing by itself; says what was asked of it."""

    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.settled: list[int] = []

    async def settle_foreign(self, attempt: object, target: object, operation: int, scopes: object) -> None:
        self.settled.append(operation)
        if isinstance(self.result, Exception):
            raise self.result
        if self.result is not None:
            await self.result()


@dataclass
class Scene:
    store: Store
    clock: FakeClock
    crm: Crm
    attempt: Attempting
    target: Target
    journal: Journal = field(default_factory=Journal)

    async def recognise(self, *given: str, visitor: str | None = "v1", external: str | None = None, **how: Any) -> Match:
        person = Person(source="shop", points=points(given), visitor_id=visitor, external_id=external)
        recogniser = Recogniser(self.store, self.clock, cast("Any", self.journal), cast("Any", None))
        with_defaults = {"ambiguous": "active", "conflict": "phone", "language": "en", **how}
        return await recogniser.recognise(self.attempt, self.target, person, {}, **with_defaults)

    async def remember(self, kind: str, value: str, client: str = "1") -> None:
        await self.store.remember("sales", [(kind, value)], client, "client")

    async def known(self, kind: str, value: str) -> str | None:
        rows = await self.store.identities("sales", [(kind, value)])
        return rows[0].client_id if rows else None


def points(values: Sequence[str]) -> tuple[ContactPoint, ...]:
    return tuple(
        ContactPoint(kind=PointKind.EMAIL if "@" in value else PointKind.PHONE, value=value, as_written=value, claim=Claim.OWN)
        for value in values
    )


@pytest.fixture
async def scene(store: Store, clock: FakeClock) -> Scene:
    await finish_chat(store, clock.now())
    [job] = await claim(store)
    attempt = Attempting(job=job, clock=clock, lease_until=clock.monotonic() + LEASE)
    crm = Crm()
    mapping = SimpleNamespace(open_deals=object(), knows_clients=True)
    return Scene(store, clock, crm, attempt, cast("Target", SimpleNamespace(name="sales", crm=crm, mapping=mapping)))


async def test_a_target_that_is_only_told_of_chats_is_asked_for_nobody(scene: Scene) -> None:
    cast("Any", scene.target.mapping).knows_clients = False
    await scene.remember("phone", PHONE)

    match = await scene.recognise(PHONE)

    assert (match.verdict, match.client, scene.crm.asked) == (Verdict.TOLD, None, [])
    assert "only told of chats" in match.reason


class TestSearch:
    async def test_nobody_has_it(self, scene: Scene) -> None:
        match = await scene.recognise(PHONE)

        assert (match.verdict, scene.crm.asked) == (Verdict.NEW, ["find"])

    async def test_a_hit_with_the_same_number_is_the_client(self, scene: Scene) -> None:
        scene.crm.hits = [Client(id="1", phones=("8 (916) 000-00-01",))]

        match = await scene.recognise(PHONE)

        assert match.verdict is Verdict.FOUND
        assert match.client is not None
        assert match.client.id == "1"

    async def test_a_hit_without_it_is_nobody(self, scene: Scene) -> None:
        scene.crm.hits = [Client(id="1", phones=("+79169999999",))]

        assert (await scene.recognise(PHONE)).verdict is Verdict.NEW

    async def test_without_anything_to_search_by_nothing_is_asked(self, scene: Scene) -> None:
        assert (await scene.recognise()).verdict is Verdict.NEW
        assert scene.crm.asked == []

    async def test_open_deals_are_asked_for_only_where_they_decide(self, scene: Scene) -> None:
        scene.crm.hits = [Client(id=number, phones=(PHONE,)) for number in ("1", "2")]
        scene.crm.deals = {"1": 1}

        match = await scene.recognise(PHONE)
        assert match.client is not None
        assert (match.client.id, scene.crm.asked) == ("1", ["find", "deals 1", "deals 2"])
        scene.crm.asked.clear()

        await scene.recognise(PHONE, ambiguous="newest")
        assert scene.crm.asked == ["find"]

    @pytest.mark.parametrize(("because", "word"), [("chosen", "person chose"), ("named", "CRM says")])
    async def test_who_was_decided_on_is_not_searched_for(self, scene: Scene, because: str, word: str) -> None:
        match = await scene.recognise(PHONE, chosen=Client(id="9"), because=because)

        assert match.client == Client(id="9")
        assert word in match.reason
        assert scene.crm.asked == []


class TestOurOwnMap:
    async def test_what_was_written_a_moment_ago_is_believed_though_it_does_not_show_yet(self, scene: Scene) -> None:
        await scene.remember("phone", PHONE)
        scene.crm.cards = {"1": Client(id="1")}
        await scene.clock.advance(LAG)

        match = await scene.recognise(PHONE)

        assert match.client is not None
        assert (match.client.id, scene.crm.asked) == ("1", ["read 1"])

    async def test_later_it_is_checked_like_any_hit(self, scene: Scene) -> None:
        await scene.remember("phone", PHONE)
        scene.crm.cards = {"1": Client(id="1", phones=("+79169999999",))}
        await scene.clock.advance(LAG + 1)

        match = await scene.recognise(PHONE)

        assert (match.verdict, scene.crm.asked) == (Verdict.NEW, ["read 1", "find"])
        assert await scene.known("phone", PHONE) is None

    async def test_a_card_that_is_gone_is_forgotten_and_searched_for_anew(self, scene: Scene) -> None:
        await scene.remember("phone", PHONE)
        scene.crm.hits = [Client(id="2", phones=(PHONE,))]

        match = await scene.recognise(PHONE)

        assert match.client is not None
        assert match.client.id == "2"
        assert await scene.known("phone", PHONE) is None

    async def test_it_saves_the_search_only_if_it_knows_every_point(self, scene: Scene) -> None:
        await scene.remember("phone", PHONE)
        scene.crm.cards = {"1": Client(id="1", phones=(PHONE,))}
        scene.crm.hits = [Client(id="2", emails=(EMAIL,))]

        match = await scene.recognise(PHONE, EMAIL, conflict="email")

        assert match.client is not None
        assert (match.client.id, [other.id for other in match.others]) == ("2", ["1"])

    async def test_what_it_knows_and_the_search_does_not_find_yet_counts_all_the_same(self, scene: Scene) -> None:
        await scene.remember("phone", PHONE)
        scene.crm.cards = {"1": Client(id="1", phones=(PHONE,))}

        match = await scene.recognise(PHONE, EMAIL)

        assert match.client is not None
        assert match.client.id == "1"
        assert scene.crm.asked == ["read 1", "find"]

    async def test_the_sites_own_id_is_kept_too(self, scene: Scene) -> None:
        await scene.remember("external", "customer-9")
        scene.crm.cards = {"1": Client(id="1", external_id="customer-9")}
        await scene.clock.advance(LAG + 1)

        match = await scene.recognise(external="customer-9")

        assert match.client is not None
        assert match.client.id == "1"


class TestTheVisitorsEarlierChat:
    @pytest.fixture(autouse=True)
    async def earlier(self, scene: Scene) -> None:
        await scene.remember("visitor", "shop:v1")
        scene.crm.cards = {"1": Client(id="1", phones=("+79161111111",))}

    async def test_it_says_who_it_is_where_nothing_else_does(self, scene: Scene) -> None:
        match = await scene.recognise()

        assert match.client is not None
        assert (match.client.id, match.from_map) == ("1", True)
        assert "earlier chat" in match.reason

    async def test_it_never_outvotes_a_contact_point(self, scene: Scene) -> None:
        scene.crm.hits = [Client(id="2", phones=(PHONE,))]

        match = await scene.recognise(PHONE)

        assert match.client is not None
        assert match.client.id == "2"

    async def test_a_card_that_is_gone_is_nobodys(self, scene: Scene) -> None:
        scene.crm.cards = {}

        assert (await scene.recognise()).verdict is Verdict.NEW
        assert await scene.known("visitor", "shop:v1") is None

    async def test_another_sources_visitor_of_the_same_number_is_another(self, scene: Scene) -> None:
        assert (await scene.recognise(visitor="v2")).verdict is Verdict.NEW


class TestSomebodyElseIsMakingTheClient:
    async def being_made(self, scene: Scene) -> int:
        """Another job's creation with the same phone has been sent."""
        await finish_chat(scene.store, scene.clock.now(), "8")
        [job] = await claim(scene.store)
        [row] = await scene.store.record_plan(job, plan_of(OperationKind.CREATE))
        await scene.store.record_sent(row, epoch=job.epoch, pending=[("phone", PHONE), ("email", EMAIL)])
        return row.id

    async def test_that_is_settled_first_and_only_once(self, scene: Scene) -> None:
        operation = await self.being_made(scene)

        await scene.recognise(PHONE, EMAIL)

        assert scene.journal.settled == [operation]

    async def test_the_client_that_comes_of_it_is_ours_too(self, scene: Scene) -> None:
        operation = await self.being_made(scene)

        async def made() -> None:
            row = await scene.store.operation(operation)
            assert row is not None
            await scene.store.settle(row, OperationState.DONE, record_id="17", entity="client")

        scene.journal.result = made
        scene.crm.cards = {"17": Client(id="17")}

        match = await scene.recognise(PHONE)

        assert match.client is not None
        assert (match.client.id, scene.crm.asked) == ("17", ["read 17"])

    async def test_as_long_as_it_is_not_settled_nobody_is_searched_for(self, scene: Scene) -> None:
        await self.being_made(scene)
        scene.journal.result = waiting("settling", 1.0)

        with pytest.raises(type(scene.journal.result)):
            await scene.recognise(PHONE)

        assert scene.crm.asked == []


def test_a_person_is_locked_by_less_than_they_are_known_by() -> None:
    """Two regions' readings of one number meet at the lock; the map keeps whole numbers."""
    person = Person(source="shop", points=points([PHONE, EMAIL]), visitor_id="v1", external_id="9")

    assert person.locks("sales") == [
        "sales/email:anna@mail.ru", "sales/external:9", "sales/phone:160000001", "sales/visitor:shop:v1",
    ]  # fmt: skip
    assert person.pairs() == [("phone", PHONE), ("email", EMAIL), ("external", "9"), ("visitor", "shop:v1")]
