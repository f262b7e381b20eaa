from __future__ import annotations

import pytest

from bridge.match import agreement, contenders, decide, identity_points, lock_keys
from bridge.model import Claim, Client, ContactPoint, PointKind, Verdict


def phone(value: str = "+79161234567", claim: Claim = Claim.OWN) -> ContactPoint:
    return ContactPoint(kind=PointKind.PHONE, value=value, as_written=value, claim=claim)


def email(value: str = "anna@mail.ru", claim: Claim = Claim.OWN) -> ContactPoint:
    return ContactPoint(kind=PointKind.EMAIL, value=value, as_written=value, claim=claim)


def card(number: str, *, phones: tuple[str, ...] = (), emails: tuple[str, ...] = (), **more: str) -> Client:
    return Client(id=number, phones=phones, emails=emails, **more)


class TestZeroHits:
    def test_nobody_is_a_new_client(self) -> None:
        assert decide([phone()], []).verdict is Verdict.NEW

    def test_a_hit_on_which_no_point_stands_does_not_count(self) -> None:
        decision = decide([phone()], [card("1", phones=("+7 495 000-00-00",))])

        assert decision.verdict is Verdict.NEW
        assert "1 card(s)" in decision.reason

    def test_a_point_that_is_somebody_elses_never_matches(self) -> None:
        assert decide([phone(claim=Claim.OTHER)], [card("1", phones=("+79161234567",))]).verdict is Verdict.NEW


class TestOneHit:
    def test_the_phone_counts_however_the_card_writes_it(self) -> None:
        decision = decide([phone()], [card("1", phones=("8 (916) 123-45-67",))])

        assert (decision.verdict, decision.client and decision.client.id) == (Verdict.FOUND, "1")

    def test_case_does_not_tell_mailboxes_apart(self) -> None:
        assert decide([email()], [card("1", emails=("Anna@Mail.RU",))]).verdict is Verdict.FOUND

    def test_the_reason_says_by_what(self) -> None:
        both = card("1", phones=("+79161234567",), emails=("anna@mail.ru",))

        assert decide([phone(), email()], [both]).reason == "The client's card has the same: phone, e-mail."
        assert decide([phone()], [both], language="ru").reason == "В карточке клиента тот же: телефон."


class TestManyHits:
    two = (
        card("7", phones=("+79161234567",), changed_at="2026-01-01"),
        card("12", phones=("89161234567",), changed_at="2025-01-01"),
    )

    @pytest.mark.parametrize(("policy", "chosen"), [("active", "7"), ("oldest", "7"), ("newest", "12")])
    def test_the_policy_chooses(self, policy: str, chosen: str) -> None:
        decision = decide([phone()], self.two, ambiguous=policy)

        assert decision.client is not None
        assert decision.client.id == chosen
        assert [one.id for one in decision.others] == [one.id for one in self.two if one.id != chosen]

    def test_an_open_deal_comes_before_a_late_change(self) -> None:
        decision = decide([phone()], self.two, with_open_deal={"12": 1})

        assert decision.client is not None
        assert decision.client.id == "12"
        assert "open deal" in decision.reason

    def test_hold_asks_a_person_and_names_both(self) -> None:
        decision = decide([phone()], self.two, ambiguous="hold")

        assert decision.verdict is Verdict.AMBIGUOUS
        assert {one.id for one in decision.others} == {"7", "12"}

    def test_persons_come_before_companies_with_the_same_phone(self) -> None:
        company = card("1", phones=("+79161234567",), entity="company", changed_at="2030")

        decision = decide([phone()], [company, self.two[0]])

        assert decision.client == self.two[0]

    def test_a_company_alone_is_taken(self) -> None:
        company = card("1", phones=("+79161234567",), entity="company")

        assert decide([phone()], [company]).client == company

    def test_a_sure_point_outweighs_an_unclear_one(self) -> None:
        mine, perhaps = card("1", phones=("+79161234567",)), card("2", emails=("anna@mail.ru",))

        assert decide([phone(), email(claim=Claim.UNCLEAR)], [perhaps, mine]).client == mine

    def test_the_same_hits_in_another_order_give_the_same_client(self) -> None:
        assert decide([phone()], self.two).client == decide([phone()], self.two[::-1]).client


class TestConflict:
    by_phone, by_email = card("1", phones=("+79161234567",)), card("2", emails=("anna@mail.ru",))

    @pytest.mark.parametrize(("policy", "chosen"), [("phone", "1"), ("email", "2")])
    def test_the_policy_decides_and_the_other_is_named(self, policy: str, chosen: str) -> None:
        decision = decide([phone(), email()], [self.by_phone, self.by_email], conflict=policy)

        assert decision.client is not None
        assert decision.client.id == chosen
        assert len(decision.others) == 1

    def test_hold_asks_a_person(self) -> None:
        assert decide([phone(), email()], [self.by_phone, self.by_email], conflict="hold").verdict is Verdict.AMBIGUOUS

    def test_a_card_with_both_is_no_conflict(self) -> None:
        both = card("3", phones=("+79161234567",), emails=("anna@mail.ru",))

        assert decide([phone(), email()], [self.by_phone, self.by_email, both], conflict="hold").client == both


class TestExternalId:
    def test_the_sites_own_id_comes_first(self) -> None:
        site, other = card("1", external_id="u-5"), card("2", phones=("+79161234567",))

        decision = decide([phone()], [other, site], external_id="u-5")

        assert decision.client == site

    def test_no_id_agrees_with_no_id_on_nothing(self) -> None:
        assert agreement(card("1"), [phone()], None) is None
        assert contenders([phone()], [card("1", external_id="")], "") == []


class TestKeys:
    def test_two_readings_of_one_number_meet_in_one_lock(self) -> None:
        one = lock_keys([phone("+79161234567")], source="shop", visitor_id=None, external_id=None)
        other = lock_keys([phone("+989161234567")], source="shop", visitor_id=None, external_id=None)

        assert one == other == ["phone:161234567"]

    def test_locks_are_sorted(self) -> None:
        keys = lock_keys([phone(), email()], source="shop", visitor_id="v", external_id="x")

        assert keys == sorted(keys)
        assert len(keys) == 4

    def test_what_is_not_the_visitors_is_no_identity(self) -> None:
        handle = ContactPoint(kind=PointKind.HANDLE, value="@anna", as_written="@anna")

        points = [phone(claim=Claim.OTHER), email("Anna@mail.ru"), handle]
        pairs = identity_points(points, source="s", visitor_id="v", external_id=None)

        assert pairs == [("email", "anna@mail.ru"), ("visitor", "s:v")]
