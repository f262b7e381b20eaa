from __future__ import annotations

import pytest
from place import SIGNING, Place
from standing import Sandbox, standing_listener

from bridge.cli.live.check import CLOCKS_DIFFER
from bridge.sandbox import READ_KEY
from bridge.sandbox.audit import audit
from bridge.sandbox.switches import read_switches


def test_one_screen_says_what_the_crm_lets_us_do_and_nothing_is_written(place: Place, sandbox: Sandbox) -> None:
    done = place.run("check", "--live", "sales")
    assert done.exit_code == 0, done.output
    assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == [
        "reachable", "clock", "authorised", "search", "read", "owner", "limits", "create", "note",
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


def test_a_search_that_asks_nothing_fails(place: Place, sandbox: Sandbox) -> None:
    own = place.folder / "mappings" / "crms" / "mine.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(
        "mapping_language: 1\ntitle: Mine\nextends: sandbox\nfind:\n"
        "  - {with: phone, get: /clients, query: {phone: '{phone}'}, records: items}\n"
        "  - {with: email, get: /clients, query: {email: '{target.fields.mail}'}, records: items}\n",
        encoding="utf-8",
    )
    place.config["targets"]["sales"]["crm"] = "mine"
    done = place.run("check", "--live", "sales")
    assert done.exit_code == 1, done.output
    assert "✗ search" in done.stdout
    assert "find by email: no request was sent" in done.stdout
    assert "find by phone" not in done.stdout


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
    monkeypatch.setattr("bridge.cli.live.check._skew", lambda _watched: CLOCKS_DIFFER + 30.0)
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


# -- names, users, fields, limits --------------------------------------------------------------------------------------


def of(text: str, what: str) -> list[str]:
    """The lines about one thing, without it."""
    return [" ".join(line.replace(what, "", 1).split()) for line in text.splitlines() if line.split()[1:2] == [what]]


def test_names_that_an_interface_cannot_list_go_out_as_they_stand_and_that_is_said(place: Place, sandbox: Sandbox) -> None:
    place.config["targets"]["sales"] |= {"deal": "always", "pipeline": "Retail"}
    done = place.run("check", "--live", "sales")

    assert done.exit_code == 0, done.output
    assert of(done.stdout, "pipeline") == [
        "! «Retail» (targets.sales) goes out as it stands: this interface has no list of them to check it by"
    ]


def test_a_route_to_another_target_is_not_asked_about(place: Place, sandbox: Sandbox) -> None:
    place.config["targets"]["other"] = {**place.config["targets"]["sales"], "pipeline": "Wholesale"}
    place.config["routes"] = [{"source": "own", "target": "other", "stage": "New"}]

    assert "Wholesale" not in place.run("check", "--live", "sales").stdout
    assert "«New» (route 1 (source own))" in place.run("check", "--live", "other").stdout


@pytest.mark.parametrize(
    ("options", "what", "text"),
    [
        ({"owner": {"new": "17"}}, "owner", "! «17» (targets.sales): an id; users are looked up by e-mail only, so not checked"),
        ({"owner": {"new": "crm"}}, "owner", None),
        ({}, "owner", "✓ users can be looked up; which of them is an operator, each chat tells: not checkable here"),
        ({"duty": "5"}, "duty", "! «5» (targets.sales): an id; users are looked up by e-mail only, so not checked"),
        ({"duty": "a@b.ru"}, "duty",
         "✗ «a@b.ru» (targets.sales): tasks are given to this user as it stands; write the user's id"),
    ],
)  # fmt: skip
def test_users_by_id_are_said_not_to_be_checkable(
    options: dict[str, object], what: str, text: str | None, place: Place, sandbox: Sandbox
) -> None:
    place.config["targets"]["sales"] |= options
    assert of(place.run("check", "--live", "sales").stdout, what) == ([text] if text else [])


def test_fields_that_an_interface_cannot_list_are_said_to_be_so(place: Place, sandbox: Sandbox) -> None:
    folder = place.folder / "mappings" / "crms"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "mapping_language: 1\nextends: sandbox\ncreate: {json: {custom: {'{target.fields.channel}': '{chat.channel}'}}}\n"
    )
    place.config["targets"]["sales"] |= {"crm": "mine", "fields": {"channel": "chat_channel"}}

    assert of(place.run("check", "--live", "sales").stdout, "fields") == [
        "! channel: fields cannot be listed by this interface"
    ]


def test_fields_that_nothing_reads_fail(place: Place, sandbox: Sandbox) -> None:
    place.config["targets"]["sales"]["fields"] = {"site_id": "x"}
    done = place.run("check", "--live", "sales")

    assert done.exit_code == 1
    assert of(done.stdout, "fields") == ["✗ site_id: nothing reads it; there are: none"]


def test_limits_are_those_that_the_target_sets(place: Place, sandbox: Sandbox) -> None:
    assert of(place.run("check", "--live", "sales").stdout, "limits") == ["✓ the CRM tells no counts; we keep to none"]
    place.config["targets"]["sales"]["limits"] = {"requests": {"most": 7, "per": "1s"}, "concurrent": 4}
    place.write()
    assert of(place.run("check", "--live", "sales").stdout, "limits") == [
        "✓ the CRM tells no counts; we keep to 7 requests in 1 s, 4 at once (the target's own `limits`)"
    ]


# -- the probe, and cleaning up after it -------------------------------------------------------------------------------


def test_the_probe_can_be_taken_back(place: Place, sandbox: Sandbox) -> None:
    done = place.run("check", "--live", "sales", "--probe", "--clean-up")

    assert done.exit_code == 0, done.output
    assert [line for line in done.stdout.splitlines() if "clean up" in line] == [
        "  ✓ clean up    note 1 deleted", "  ✓ clean up    client 1 deleted",
    ]  # fmt: skip
    told = audit(sandbox.parts.records)
    assert (told["clients"], told["notes"]) == (0, 0)


def test_where_an_interface_deletes_nothing_that_is_said_with_the_place(place: Place, sandbox: Sandbox) -> None:
    folder = place.folder / "mappings" / "crms"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("mapping_language: 1\nextends: sandbox\ncreate: {remove: ~}\n")
    place.config["targets"]["sales"]["crm"] = "mine"
    done = place.run("check", "--live", "sales", "--probe", "--clean-up")

    assert done.exit_code == 0, done.output
    assert "note 1 deleted" in done.stdout
    assert f"client 1 stays, this interface deletes no such thing; delete it there: {sandbox.url}/clients/1" in done.stdout
    assert audit(sandbox.parts.records)["clients"] == 1


def test_cleaning_up_without_a_probe_is_refused(place: Place) -> None:
    done = place.run("check", "--live", "sales", "--clean-up")
    assert done.exit_code == 2
    assert "--clean-up belongs to --probe" in done.stderr
