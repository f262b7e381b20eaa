from __future__ import annotations

import pytest
from place import SIGNING, Place
from standing import Sandbox, standing_listener

from bridge.cli.live_check import CLOCKS_DIFFER
from bridge.sandbox import READ_KEY
from bridge.sandbox.audit import audit
from bridge.sandbox.switches import read_switches


def test_one_screen_says_what_the_crm_lets_us_do_and_nothing_is_written(place: Place, sandbox: Sandbox) -> None:
    done = place.run("check", "--live", "sales")
    assert done.exit_code == 0, done.output
    assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == [
        "reachable", "clock", "authorised", "search", "read", "create", "note",
    ]  # fmt: skip
    assert "not tried" in done.stdout
    assert audit(sandbox.parts.records)["clients"] == 0


def test_a_probe_is_written_and_its_place_is_said(place: Place, sandbox: Sandbox) -> None:
    done = place.run("check", "--live", "sales", "--probe")
    assert done.exit_code == 0, done.output
    told = audit(sandbox.parts.records)
    assert (told["clients"], told["notes"], told["tasks"]) == (1, 1, 0)
    assert f"delete it there: {sandbox.url}/clients/1" in done.stdout


def test_a_crm_that_is_not_there_fails(place: Place) -> None:
    done = place.run("check", "--live", "sales")
    assert done.exit_code == 1
    assert "✗ reachable" in done.stdout
    assert "authorised" not in done.stdout


def test_a_refused_key_fails_and_is_not_shown(place: Place, sandbox: Sandbox) -> None:
    place.environ["C_TOKEN"] = "a-wrong-and-secret-key"
    done = place.run("check", "--live", "sales")
    assert done.exit_code == 1
    assert "✗ authorised" in done.stdout
    assert "a-wrong-and-secret-key" not in done.output


def test_a_key_that_may_only_read_fails_at_the_probe(place: Place, sandbox: Sandbox) -> None:
    place.environ["C_TOKEN"] = READ_KEY
    assert place.run("check", "--live", "sales").exit_code == 0
    done = place.run("check", "--live", "sales", "--probe")
    assert done.exit_code == 1
    assert "✗ create" in done.stdout
    assert audit(sandbox.parts.records)["clients"] == 0


def test_a_crm_that_answers_everybody_is_doubted(place: Place, sandbox: Sandbox) -> None:
    from bridge.sandbox.control import sow

    sow(sandbox.parts.records, [{"name": "Anna", "phones": ["+1 202-555-0101"]}])
    assert "does the CRM ignore the filter?" in place.run("check", "--live", "sales").stdout


def test_a_block_is_told_from_a_wrong_key(place: Place, sandbox: Sandbox) -> None:
    sandbox.parts.faults.set(read_switches({"block": True}))
    done = place.run("check", "--live", "sales")
    assert done.exit_code == 1
    assert "✗ search" in done.stdout
    assert "HTTP 403" in done.stdout


def test_something_that_is_no_crm_fails(place: Place) -> None:
    with standing_listener() as listener:
        listener.status = 500
        place.config["targets"]["sales"]["url"] = listener.url
        assert place.run("check", "--live", "sales").exit_code == 1


def test_a_clock_that_is_far_off_fails(place: Place, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.cli.live_check._skew", lambda _watched: CLOCKS_DIFFER + 30.0)
    done = place.run("check", "--live", "sales")
    assert done.exit_code == 1
    assert "90 s ahead of ours" in done.stdout


def test_a_target_that_does_not_exist_names_those_that_do(place: Place) -> None:
    done = place.run("check", "--live", "sale")
    assert done.exit_code == 2
    assert "did you mean sales?" in done.stderr


def test_a_target_that_is_only_told_of_chats_is_asked_nothing_and_gets_the_probe_as_a_note(place: Place) -> None:
    place.config["targets"]["sales"] |= {"crm": "webhook", "url": "http://127.0.0.1:1/hook"}
    place.environ["C_TOKEN"] = SIGNING

    done = place.run("check", "--live", "sales")
    assert done.exit_code == 0, done.output
    assert "only told of chats" in done.stdout
    assert "--probe sends one" in done.stdout
    done = place.run("check", "--live", "sales", "--probe")
    assert done.exit_code == 1
    assert "nothing was sent" in done.stdout
