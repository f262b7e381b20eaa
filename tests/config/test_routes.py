from __future__ import annotations

import pytest
from pydantic import ValidationError

from bridge.config.routes import OwnerRule, Route, RouteOptions, choose
from bridge.mapping.language.expressions import Findings

WHOLESALE = {"source": "shop", "target": "wholesale", "when": "contains(page.url, '/wholesale')"}
PAGE = {"page": {"url": "https://x/wholesale/1"}}


def routes(*written: dict[str, object]) -> tuple[Route, ...]:
    return tuple(Route.model_validate(one) for one in written)


def targets(chosen: tuple[Route, ...]) -> list[str]:
    return [route.target for route in chosen]


def test_the_first_route_that_fits_is_taken() -> None:
    tried = routes(WHOLESALE, {"source": "shop", "target": "sales"}, {"source": "shop", "target": "never"})
    assert targets(choose(tried, PAGE)) == ["wholesale"]
    assert targets(choose(tried, {"page": {"url": "https://x/"}})) == ["sales"]


def test_a_route_that_says_also_is_taken_beside_the_next() -> None:
    tried = routes({**WHOLESALE, "also": True}, {"source": "shop", "target": "sales"})
    assert targets(choose(tried, PAGE)) == ["wholesale", "sales"]


def test_a_target_is_taken_once_by_its_first_route() -> None:
    tried = routes({"source": "a", "target": "sales", "also": True, "deal": "always"}, {"source": "a", "target": "sales"})
    assert [route.options.deal for route in choose(tried, {})] == ["always"]


def test_nothing_fits_is_no_route() -> None:
    assert choose(routes(WHOLESALE), {"page": {"url": None}}) == ()


def test_a_condition_that_fails_is_a_finding_and_does_not_fit() -> None:
    findings = Findings()
    assert choose(routes({**WHOLESALE, "when": "contains(page.url, '/wholesale')"}), {"page": {"url": 5}}, findings) == ()
    assert findings


def test_options_stand_flat_beside_the_routes_own_keys() -> None:
    (route,) = routes({"source": "a", "target": "b", "deal": "if_none_open", "owner": {"new": "crm"}})
    assert (route.options.deal, route.options.owner) == ("if_none_open", OwnerRule(new="crm"))


def test_a_routes_options_lie_over_its_targets() -> None:
    target = RouteOptions.model_validate({"deal": "always", "pipeline": "Sales"})
    (route,) = routes({"source": "a", "target": "b", "deal": "none"})
    both = target.overlaid(route.options)
    assert (both.deal, both.pipeline, both.enrich) == ("none", "Sales", "confirmed")


@pytest.mark.parametrize(("written", "meant"), [
    ("wait 2h", 7200.0), ("90 min", 5400.0), (60, 60.0), ("create", "create"), ("skip", "skip"),
])  # fmt: skip
def test_no_contact_is_a_time_or_a_word(written: object, meant: object) -> None:
    assert RouteOptions.model_validate({"no_contact": written}).no_contact == meant


@pytest.mark.parametrize(("option", "value", "remedy"), [
    ("no_contact", "wait", "write wait 24h"), ("no_contact", "hold", "write wait 24h"), ("deal", "sometimes", "if_none_open"),
    ("match_limit", 0, "greater than or equal to 1"), ("ignore", "a ==", "the expression ends too soon"),
    ("owner", {"known": "take"}, "keep"),
])  # fmt: skip
def test_an_option_that_does_not_fit_is_refused_with_what_does(option: str, value: object, remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        RouteOptions.model_validate({option: value})
