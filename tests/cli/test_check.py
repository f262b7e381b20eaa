from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from place import Place
from store_materials import finish_chat

from bridge.cli.proofs import check, named
from bridge.errors import MappingError

MAPPING = """
mapping_language: 1
title: Mine
verify: {scheme: equality, in: path}
at: event
events: {closed: {as: chat_finished}}
fields: {chat_id: id, visitor.phone: phone}
"""
SAMPLE = 'POST /hooks/site/a-secret-of-the-sample HTTP/1.1\n\n{"event": "closed", "id": 1, "phone": "+1 202 555 0101"}\n'


@pytest.fixture
def mine(place: Place) -> Path:
    """A mapping of one's own with one sample, not accepted yet."""
    path = place.folder / "mappings" / "providers" / "mine.yaml"
    (path.parent / "mine").mkdir(parents=True)
    path.write_text(MAPPING, encoding="utf-8")
    (path.parent / "mine" / "closed.http").write_text(SAMPLE, encoding="utf-8")
    expected = {"origin": "inferred", "source": "made up", "keys": ["a-secret-of-the-sample"], "outcome": "events"}
    (path.parent / "mine" / "closed.expected.json").write_text(json.dumps(expected), encoding="utf-8")
    return path


def test_a_configuration_that_can_be_used_passes_with_its_mappings(place: Place) -> None:
    done = place.run("check")
    assert done.exit_code == 0, done.output
    for part in ("2 source(s), 1 target(s)", "provider jivo", "provider generic", "crm sandbox", "✓ chat_finished (vendor_docs)",
                 "all of it can be used"):  # fmt: skip
        assert part in done.stdout, part
    assert "✗" not in done.stdout


def test_what_a_mapping_fetches_is_held_against_what_was_recorded_and_accepted_from_it(place: Place, mine: Path) -> None:
    mine.write_text(
        MAPPING.replace("{as: chat_finished}", "{as: chat_finished, fetch: card}").replace("visitor.phone: phone",
                                                                                         "visitor.phone: fetched.card.tel")
        + "api: {base_url: 'https://api.chat.example', auth: {kind: none}}\nfetch: {card: {get: '/cards/{id}'}}\n",
        encoding="utf-8",
    )  # fmt: skip
    asked = {"method": "GET", "url": "https://api.chat.example/cards/1", "answer": {"tel": "+12025550101"}}
    recorded = mine.with_suffix("") / "closed.requests.json"
    recorded.write_text(json.dumps([asked]), encoding="utf-8")
    assert "not `fetched` of closed.expected.json; look at it, then --accept it" in place.run("check", str(mine)).stdout
    assert place.run("check", str(mine), "--accept").exit_code == 0
    told = json.loads((mine.with_suffix("") / "closed.expected.json").read_text("utf-8"))
    assert told["fetched"] == {"card": {"tel": "+12025550101"}}
    assert told["events"][0]["chat"]["visitor"]["phones"] == ["+12025550101"]
    assert place.run("check", str(mine)).exit_code == 0
    recorded.write_text(json.dumps([{**asked, "url": "https://api.chat.example/people/1"}]), encoding="utf-8")
    done = place.run("check", str(mine))
    assert done.exit_code == 1
    assert "✗ closed, its requests" in done.stdout
    assert "recorded GET https://api.chat.example/people/1" in done.stdout


def test_a_target_that_chats_are_on_their_way_to_fails_unless_it_is_to_be_dropped(place: Place) -> None:
    place.on_store(lambda store: finish_chat(store, datetime.now(UTC), targets=("archive",)))
    done = place.run("check")
    assert done.exit_code == 1
    assert "✗ targets.archive is not in the configuration any more, with 1 chat on the way to it." in done.stdout
    dropped = place.run("check", "--drop")
    assert dropped.exit_code == 0
    assert "! targets.archive is not in the configuration any more" in dropped.stdout


def test_a_store_of_an_older_version_is_left_as_it_is(place: Place) -> None:
    place.on_store(lambda store: finish_chat(store, datetime.now(UTC), targets=("archive",)))
    path = place.config["store"].removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM _sqlite_migrations WHERE id = (SELECT max(id) FROM _sqlite_migrations)")
        before = db.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()
    assert place.run("check").exit_code == 0
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM _sqlite_migrations").fetchone() == before


def test_each_customers_file_is_looked_at(place: Place) -> None:
    (place.folder / "sites").mkdir()
    part = {key: place.config.pop(key) for key in ("sources", "targets")}
    (place.folder / "sites" / "bakery.yaml").write_text(json.dumps(part))
    (place.folder / "sites" / "florist.yaml").write_text("sources: {")
    place.config["include"] = "sites/*.yaml"
    done = place.run("check")
    assert done.exit_code == 1
    assert "✓ site bakery: 2 source(s), 1 target(s)" in done.stdout
    assert "✗ site florist" in done.stdout
    assert "florist.yaml:2:1: YAML" in done.stdout


def test_the_json_says_the_same(place: Place) -> None:
    told = place.json("check", "--json")
    assert told["failed"] is False
    assert {one["name"] for one in told["mappings"]} == {"jivo", "generic", "sandbox"}


def test_a_file_of_secrets_that_everybody_can_read_fails(place: Place) -> None:
    dotenv = place.folder / ".env"
    dotenv.write_text("X=1\n", encoding="utf-8")
    dotenv.chmod(0o644)
    done = place.run("check")
    assert done.exit_code == 1
    assert f"chmod 600 {dotenv}" in done.stdout
    dotenv.chmod(0o600)
    assert place.run("check").exit_code == 0


def test_a_secret_that_can_prove_nothing_fails(place: Place) -> None:
    place.environ["C_SECRET"] = "short"
    done = place.run("check")
    assert done.exit_code == 1
    assert "source shop: a secret of fewer than 12 characters" in done.stdout


def test_a_source_without_a_secret_fails(place: Place) -> None:
    del place.config["sources"]["shop"]["secret"]
    done = place.run("check")
    assert done.exit_code == 1
    assert "every delivery is refused" in done.stdout


def test_an_option_that_the_crm_needs_and_lacks_fails(place: Place) -> None:
    place.config["targets"]["sales"]["crm"] = "espocrm_calls"
    done = place.run("check")
    assert done.exit_code == 1
    assert "`assigned_user_id` is missing" in done.stdout
    place.config["targets"]["sales"]["assigned_user_id"] = "5"
    place.write()
    assert place.run("check").exit_code == 0


def test_a_broken_configuration_is_a_configuration_error(place: Place) -> None:
    place.config["targets"]["sales"]["mod"] = "write"
    done = place.run("check")
    assert done.exit_code == 1
    assert "unknown key `mod` (did you mean mode?)" in done.stdout
    place.path.write_text("sources: [", encoding="utf-8")
    assert place.run("check").exit_code == 2


def test_a_mapping_is_checked_without_any_configuration(place: Place) -> None:
    place.config = {}
    done = place.run("check", "jivo", "sandbox")
    assert done.exit_code == 0, done.output
    assert "configuration" not in done.stdout


def test_a_sample_that_becomes_something_else_shows_the_path_that_missed(place: Place, mine: Path) -> None:
    done = place.run("check", str(mine))
    assert done.exit_code == 1
    assert "✗ closed (inferred)" in done.stdout
    assert "events: expected null" in done.stdout


def test_what_is_accepted_is_shown_and_what_nobody_can_want_is_not_accepted(place: Place, mine: Path) -> None:
    done = place.run("check", str(mine), "--accept")
    assert "closed (inferred): accepted; is this what you meant?" in done.stdout
    assert "answer: expected null, got " in done.stdout
    bad = mine.with_suffix("") / "bad_secret.http"
    bad.write_text(SAMPLE.replace("a-secret-of-the-sample", "another"), encoding="utf-8")
    mine.write_text(MAPPING.replace("{scheme: equality, in: path}", "{scheme: none}"), encoding="utf-8")
    done = place.run("check", str(mine), "--accept")
    assert done.exit_code == 1
    assert "✗ bad_secret" in done.stdout
    assert "it becomes events, and must be refused: correct the mapping" in done.stdout
    assert not (mine.with_suffix("") / "bad_secret.expected.json").exists()


def test_a_file_that_nobody_reads_is_told(place: Place, mine: Path) -> None:
    (mine.with_suffix("") / "closed.htp").write_text(SAMPLE, encoding="utf-8")
    (mine.with_suffix("") / ".closed.http.swp").write_text("", encoding="utf-8")
    done = place.run("check", str(mine), "--accept")
    assert done.exit_code == 0
    assert "! closed.htp is not read: names of what lies here end in .http or .expected.json or .requests.json" in done.stdout
    assert done.stdout.count("is not read") == 1


def test_what_is_accepted_holds_from_then_on(place: Place, mine: Path) -> None:
    assert "accepted" in place.run("check", str(mine), "--accept").stdout
    assert place.run("check", str(mine)).exit_code == 0
    mine.write_text(MAPPING.replace("visitor.phone: phone", "visitor.phone: tel"), encoding="utf-8")
    done = place.run("check", str(mine))
    assert done.exit_code == 1
    assert "events[0].chat.visitor" in done.stdout


def test_a_trap_in_an_expression_fails_and_names_its_place(place: Place, mine: Path) -> None:
    trap = """visitor.phone: 'choose(kind == "x", phone)'"""
    mine.write_text(MAPPING.replace("visitor.phone: phone", trap), encoding="utf-8")
    done = place.run("check", "mine")
    assert done.exit_code == 1
    assert f"{mine}:7:" in done.stdout
    assert "is the name of a field" in done.stdout


def test_a_mapping_that_cannot_be_read_is_told_like_any_other_failure(place: Place, mine: Path) -> None:
    mine.write_text(MAPPING.replace("title", "titel"), encoding="utf-8")
    done = place.run("check", str(mine), "jivo")
    assert done.exit_code == 1
    assert "did you mean title?" in done.stdout
    assert "✓ chat_finished" in done.stdout


def test_what_no_sample_shows_is_listed_only_if_asked_for(place: Place) -> None:
    assert "--thorough lists them" in place.run("check", "jivo").stdout
    assert "no sample gets as far as this" in place.run("check", "jivo", "--thorough").stdout


def test_an_exchange_that_is_not_kept_fails(place: Place, tmp_path: Path) -> None:
    assert place.run("new", "crm", "mine").exit_code == 0
    story = place.folder / "mappings" / "crms" / "mine" / "known_by_phone.exchange.yaml"
    story.write_text(story.read_text(encoding="utf-8").replace("phone=2025550101", "phone=1"), encoding="utf-8")
    done = place.run("check", "mine")
    assert done.exit_code == 1
    assert "request 1: the address is" in done.stdout


def test_names_and_paths_are_told_apart() -> None:
    assert (named("jivo", []).kind, named("sandbox", []).kind) == ("provider", "crm")
    with pytest.raises(MappingError, match="did you mean jivo"):
        named("jvo", [])
    with pytest.raises(MappingError, match="no such file"):
        named("./nope.yaml", [])
    assert check(named("jivo", []), []).failed is False


@pytest.mark.parametrize("arguments", [["--probe"], ["--live", "sales", "--json"], ["--live", "sales", "jivo"]])
def test_what_does_not_go_together_is_refused(place: Place, arguments: list[str]) -> None:
    assert place.run("check", *arguments).exit_code == 2
