"""`files:` of a target or a route."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.config import RouteOptions
from bridge.files.kinds import USUAL, Limits


def rule(files: Any) -> Any:
    return RouteOptions.model_validate({"files": files}).files


def test_links_are_the_default_and_copying_is_one_word() -> None:
    assert RouteOptions().files.how == "links"
    assert rule("copy").limits == Limits(most=10 * 1024 * 1024, groups=USUAL)


def test_limits_of_ones_own() -> None:
    made = rule({"how": "copy", "max": "1MiB", "types": "images", "private": ["10.1.0.0/16", "192.168.0.7"]})

    assert made.limits == Limits(
        most=1024 * 1024, groups=("images",), private=(ip_network("10.1.0.0/16"), ip_network("192.168.0.7/32"))
    )


@pytest.mark.parametrize(("files", "says"), [
    ("copies", "'links' or 'copy'"),
    ({"max": "20MiB"}, "add `how: copy`"),
    ({"how": "copy", "max": "1GiB"}, "more than 100MiB"),
    ({"how": "copy", "max": 10}, ""),
    ({"how": "copy", "max": "ten"}, "is not a size"),
    ({"how": "copy", "types": []}, "nothing would be copied"),
    ({"how": "copy", "types": ["programs"]}, "'images', 'pdf', 'text'"),
    ({"how": "copy", "private": "the office"}, "is no network"),
    ({"how": "copy", "mux": "1MiB"}, "mux"),
])
def test_what_cannot_be_meant_is_refused(files: Any, says: str) -> None:
    if not says:
        assert rule(files).max == 10
        return
    with pytest.raises(ValidationError, match=says):
        rule(files)


def test_a_route_has_the_last_word() -> None:
    target = RouteOptions.model_validate({"files": {"how": "copy", "max": "1MiB"}})

    assert target.overlaid(RouteOptions.model_validate({"files": "links"})).files.how == "links"
    assert target.overlaid(RouteOptions()).files.max == 1024 * 1024
