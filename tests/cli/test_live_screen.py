"""The whole screen, over a CRM with pipelines, users and fields of its own: the sandbox in a vendor's disguise, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from disguises.hubspot import MARKER, HubSpot
from place import Place
from standing import Sandbox, standing

from bridge.sandbox import start
from bridge.sandbox.audit import audit
from bridge.sandbox.control import sow


@pytest.fixture
def crm(place: Place) -> Iterator[Sandbox]:
    """Place's target leads to it, with one name of each kind right and one wrong."""
    folder = place.folder / "mappings" / "crms"
    folder.mkdir(parents=True)
    (folder / "hubspot_here.yaml").write_text(json.dumps({
        "mapping_language": 1, "extends": "hubspot", "base_url": "{target.url}",
        "auth": {"endpoint": {"url": "{target.url}/oauth/v1/token"}},
    }))  # fmt: skip
    with standing(start(face=HubSpot)) as running:
        sow(running.parts.records, {"owners": [{"name": "Olga", "email": "olga@shop.tld"}]})
        place.config["targets"]["sales"] |= {
            "crm": "hubspot_here", "url": running.url, "portal_id": "48", "deal": "if_none_open", "pipeline": "sales pipeline",
            "stage": "Appointment", "owner": {"new": "olga@shop.tld"},
            "fields": {"marker": MARKER, "utm_source": "shop_utm", "deal_source": "Chat source", "markr": "x"},
        }  # fmt: skip
        place.config["routes"] = [{
            "source": "own", "target": "sales", "stage": "Appointment scheduled", "owner": {"new": "nobody@shop.tld"},
        }]  # fmt: skip
        yield running
        disguise = running.parts.face
        assert isinstance(disguise, HubSpot)
        assert disguise.strange == []


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_one_screen_says_all_that_is_known(place: Place, crm: Sandbox) -> None:
    done = place.run("check", "--live", "sales", "--probe", "--clean-up")

    assert done.exit_code == 1, done.output
    found = lines(done.stdout)
    for sign, text in (
        ("✓ reachable", ""),
        ("✓ clock", "within"),
        ("✓ authorised", "as app.hubspot.com 48123456"),
        ("✓ search", ""),
        ("✓ names", "pipeline «sales pipeline» = default, stage «Appointment scheduled» = appointmentscheduled"),
        ("✗ stage", "no stage «Appointment» (did you mean Appointment scheduled?); there are: «Appointment scheduled»"),
        ("✗ stage", "(targets.sales)"),
        ("✓ owner", "«olga@shop.tld» is the user 1"),
        ("✗ owner", "no active user with the e-mail «nobody@shop.tld» (route 1 (source own))"),
        ("✓ fields", f"marker = {MARKER}"),
        ("✗ fields", "utm_source: a contact has no field «shop_utm»"),
        ("✗ fields", "deal_source: a deal has no field «Chat source»; that is what people call it, write chat_source"),
        ("✗ fields", "markr: nothing reads it (did you mean marker?)"),
        ("✓ limits", "calls of this day: 500 of 250000 used; we keep to 95 requests in 10 s, 4 requests in 1 s for find, look"),
        ("✓ create", "made, id 1"),
        ("✓ note", "made, id 1"),
        ("✓ clean up", "note 1 deleted"),
        ("✓ clean up", "client 1 deleted"),
    ):
        assert any(line.startswith(sign) and text in line for line in found), (sign, text, done.stdout)


def test_the_probe_is_taken_back_and_nothing_else_is_touched(place: Place, crm: Sandbox) -> None:
    sow(crm.parts.records, [{"name": "Anna", "phones": ["+79160000001"]}])

    place.run("check", "--live", "sales", "--probe", "--clean-up")

    told = audit(crm.parts.records)
    assert (told["clients"], told["notes"]) == (1, 0)
    asked = crm.parts.traffic.by_operation
    assert (asked["client.delete"], asked["note.delete"]) == (1, 1)


def test_without_the_option_the_probe_stays(place: Place, crm: Sandbox) -> None:
    done = place.run("check", "--live", "sales", "--probe")

    assert "delete it there" in done.stdout
    assert audit(crm.parts.records)["clients"] == 1
    assert crm.parts.traffic.by_operation["client.delete"] == 0


def test_what_is_looked_up_is_only_read(place: Place, crm: Sandbox) -> None:
    place.run("check", "--live", "sales")

    assert not any(name.partition(".")[2] in ("create", "update", "delete") for name in crm.parts.traffic.by_operation)
