"""Each CRM's exchanges tell of everyday trouble: all of it, or `mappings/stories.yaml` says why not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from bridge.mapping.load import available, load_crm
from bridge.mapping.samples import read_exchanges
from bridge.mapping.schema.crm import CrmMapping
from bridge.mapping.strict import read

CRMS = sorted(available("crm"))


@cache
def table() -> Mapping[str, Any]:
    path = next(iter(available("crm").values())).parent.parent / "stories.yaml"
    told: Mapping[str, Any] = read(path.read_text("utf-8"), path.name).value
    return told


@cache
def told_by(name: str) -> frozenset[str]:
    return frozenset(exchange.name for exchange in read_exchanges(available("crm")[name].with_suffix("")))


@cache
def loaded(name: str) -> CrmMapping:
    return load_crm(name)


def shown(name: str, story: str) -> bool:
    return bool(told_by(name) & set(table()["stories"][story]["shown_by"]))


def has_to_show(name: str) -> set[str]:
    stories = set(table()["stories"])
    return stories if loaded(name).knows_clients else stories - set(table()["not_of_told"])


def family(name: str) -> list[str]:
    """The mapping, and those that it changes."""
    base = loaded(name).extends
    return [name, *(family(base) if base else ())]


@pytest.mark.parametrize("name", CRMS)
@pytest.mark.parametrize("story", sorted(table()["stories"]))
def test_a_story_is_told_or_there_is_a_reason_why_not(name: str, story: str) -> None:
    if story not in has_to_show(name):
        assert not shown(name, story)
        return
    cannot = table()["cannot"]

    assert any(shown(one, story) or cannot.get(one, {}).get(story) for one in family(name)), (
        f"{name}: tell it in an exchange ({' or '.join(table()['stories'][story]['shown_by'])}), or say in mappings/stories.yaml "
        "why its CRM cannot show it"
    )


@pytest.mark.parametrize("name", CRMS)
def test_what_signs_in_with_tokens_of_its_own_shows_how_they_are_renewed(name: str) -> None:
    mapping = loaded(name)
    base = loaded(mapping.extends) if mapping.extends else None

    if mapping.auth.kind == "oauth2" and (base is None or base.auth != mapping.auth):
        assert shown(name, "token_expired")


def test_no_reason_is_given_for_what_is_told_or_does_not_exist() -> None:
    cannot = table()["cannot"]

    assert set(cannot) <= set(CRMS)
    assert [
        (name, story)
        for name, reasons in cannot.items()
        for story in reasons
        if story not in has_to_show(name) or shown(name, story)
    ] == []


def test_exchanges_that_a_reason_names_exist() -> None:
    named = [
        (name, word)
        for name, reasons in table()["cannot"].items()
        for reason in reasons.values()
        for word in reason.replace("(", " ").replace(")", " ").replace(",", " ").replace(".", " ").replace(";", " ").split()
        if "_" in word
    ]

    assert named
    assert [(name, word) for name, word in named if word not in told_by(name) and word not in CRMS] == []
