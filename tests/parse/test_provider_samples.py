"""Every provider's mapping against every sample beside it."""

import json
from pathlib import Path

import pytest

from bridge.mapping.lint import Watch, lint
from bridge.mapping.load import load
from bridge.mapping.samples import OTHER_SAMPLES, Sample, file_word, read_samples
from bridge.mapping.schema import ProviderMapping
from bridge.parse.trial import accept, differences, run_sample

FOLDER = Path(__file__).parents[2] / "mappings" / "providers"
LOADED = {path.stem: load("provider", path) for path in sorted(FOLDER.glob("*.yaml"))}
SAMPLES = {name: read_samples(loaded.folder, _mapping) for name, loaded in LOADED.items()
           if isinstance(_mapping := loaded.mapping, ProviderMapping)}
EACH = [(name, sample) for name, samples in SAMPLES.items() for sample in samples]
NAMES = pytest.mark.parametrize("name", LOADED)


def mapping_of(name: str) -> ProviderMapping:
    mapping = LOADED[name].mapping
    assert isinstance(mapping, ProviderMapping)
    return mapping


def test_the_shipped_providers_are_here() -> None:
    assert set(LOADED) >= {
        "jivo", "livetex", "carrotquest", "livechat", "intercom", "chatwoot", "tawkto", "crisp", "rocketchat", "livehelperchat",
        "brevo", "bitrix24_openlines", "telegram", "whatsapp", "facebook_messenger", "vk", "generic",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "sample"), EACH, ids=[f"{name}/{sample.name}" for name, sample in EACH])
def test_a_sample_becomes_what_its_file_says(name: str, sample: Sample) -> None:
    assert sample.expected is not None, f"run `chat2crm check {name} --accept` and read the difference"
    assert [str(difference) for difference in differences(sample, mapping_of(name))] == []


@NAMES
def test_every_event_of_a_mapping_has_a_sample_and_so_have_the_three_that_go_wrong(name: str) -> None:
    wanted = {file_word(event) for event in mapping_of(name).events} | set(OTHER_SAMPLES) - {"handshake"}
    if mapping_of(name).handshakes:
        wanted.add("handshake")
    assert wanted - {sample.event for sample in SAMPLES[name]} == set()


@NAMES
def test_a_bad_secret_an_unknown_event_and_a_broken_body_end_as_they_should(name: str) -> None:
    outcomes = {sample.event: run_sample(sample, mapping_of(name))["outcome"] for sample in SAMPLES[name]}
    assert (outcomes["bad_secret"], outcomes["unknown_event"], outcomes["broken_body"]) == (
        "refused", "not_understood", "not_understood")


@NAMES
def test_a_mapping_is_free_of_traps_and_every_expression_in_it_is_reached(name: str) -> None:
    loaded = LOADED[name]
    with Watch(loaded.mapping) as watch:
        for sample in SAMPLES[name]:
            run_sample(sample, mapping_of(name))
    remarks = [*lint(loaded.mapping, loaded.document), *watch.remarks(loaded.document)]
    # What a live answer says is filled when the CRM has been asked; here nobody asks it. What the provider itself is asked
    # is watched where it is: test_provider_requests.py.
    elsewhere = ("answers.client_card.", "api.", "fetch.", "reconcile.")
    assert [str(remark) for remark in remarks if remark.level == "error" or not remark.name.startswith(elsewhere)] == []


@NAMES
def test_no_two_different_deliveries_of_a_mapping_share_a_dedupe_key(name: str) -> None:
    by_key: dict[str, set[str]] = {}
    for sample in SAMPLES[name]:
        key = run_sample(sample, mapping_of(name)).get("dedupe_key")
        if key is not None:
            by_key.setdefault(key, set()).add(sample.name)
    # the only ones that share a key are told by their names to be the same delivery again
    again = {"repeated", "same_again", "bearer", "in_path"}
    shared = [names for names in by_key.values() if len({n for n in names if n.partition(".")[2] not in again}) > 1]
    assert shared == []


@pytest.mark.parametrize(("name", "first", "second", "same"), [
    ("jivo", "chat_finished", "chat_finished.same_again", True),
    ("jivo", "chat_finished", "chat_finished.again", False),
    ("tawkto", "chat_transcript_created", "chat_transcript_created.repeated", True),
    ("tawkto", "chat_transcript_created", "chat_transcript_created.again", False),
    ("livehelperchat", "chat_close.left", "chat_close.again", False),
    ("generic", "chat_finished", "chat_finished.repeated", True),
    ("generic", "chat_finished", "chat_finished.again", False),
    ("chatwoot", "conversation_status_changed", "conversation_status_changed.repeated", True),
    ("chatwoot", "conversation_status_changed", "conversation_status_changed.again", False),
    ("rocketchat", "LivechatSession", "LivechatSession.repeated", True),
    ("rocketchat", "LivechatSession", "LivechatEdit", False),
    ("brevo", "conversationTranscript", "conversationTranscript.repeated", True),
    ("brevo", "conversationTranscript", "conversationTranscript.again", False),
    ("telegram", "message", "message.repeated", True),
    ("telegram", "message", "edited_message", False),
    ("whatsapp", "messages", "messages.repeated", True),
    ("whatsapp", "messages", "smb_message_echoes", False),
    ("facebook_messenger", "message", "message.repeated", True),
    ("facebook_messenger", "message", "message.batch", False),
    ("vk", "message_new", "message_new.repeated", True),
    ("vk", "message_new", "message_edit", False),
    ("livetex", "Closed", "Closed.repeated", True),
    ("livetex", "Closed", "Closed.again", False),
    ("carrotquest", "conversation", "conversation.repeated", True),
    ("carrotquest", "conversation.closed", "conversation.closed_again", False),
    ("livechat", "chat_deactivated", "chat_deactivated.repeated", True),
    ("intercom", "conversation_admin_closed", "conversation_admin_closed.repeated", True),
    ("intercom", "conversation_admin_closed", "conversation_admin_closed.again", False),
    ("crisp", "session_set_state", "session_set_state.repeated", True),
    ("crisp", "session_set_state", "session_set_state.again", False),
])
def test_the_same_again_is_told_from_a_chat_that_went_on(name: str, first: str, second: str, *, same: bool) -> None:
    samples = {sample.name: sample for sample in SAMPLES[name]}
    keys = [run_sample(samples[which], mapping_of(name))["dedupe_key"] for which in (first, second)]
    chats = [run_sample(samples[which], mapping_of(name))["events"][0]["chat"]["chat_id"] for which in (first, second)]
    assert (keys[0] == keys[1], chats[0] == chats[1]) == (same, True)


@NAMES
def test_no_sample_holds_what_must_never_be_in_one(name: str) -> None:
    for sample in SAMPLES[name]:
        text = sample.path.read_text("utf-8").lower()
        assert [word for word in ("password", "$2y$", "set-cookie", "\ncookie:") if word in text] == []


@NAMES
def test_a_mapping_with_a_list_shows_how_one_of_its_records_is_read(name: str) -> None:
    shown = {sample.event for sample in SAMPLES[name] if sample.method == "RECONCILE"}
    reconcile = mapping_of(name).reconcile
    assert shown == ({file_word(reconcile.event)} if reconcile else set())


@NAMES
def test_every_sample_says_where_it_is_from(name: str) -> None:
    assert [sample.name for sample in SAMPLES[name] if not (sample.expected and len(sample.expected.source) > 10)] == []


@NAMES
def test_every_mapping_has_its_page_and_a_judgement_on_every_quality_rule(name: str) -> None:
    page = (FOLDER.parents[1] / "docs" / "providers" / f"{name}.md").read_text("utf-8")
    assert mapping_of(name).title in page
    assert mapping_of(name).paste is not None
    scale = mapping_of(name).scale
    assert set(scale) == {"captured", "authentic", "rotation", "dedupe", "retries", "roles", "masked", "reconcile", "page"}
    captured = any(sample.expected and sample.expected.origin == "captured" for sample in SAMPLES[name])
    assert captured or scale["captured"].state != "done"


def test_a_sample_that_became_something_else_is_told_place_by_place_and_can_be_accepted(tmp_path: Path) -> None:
    sample = next(sample for sample in SAMPLES["jivo"] if sample.name == "offline_message")
    copy = tmp_path / "offline_message.http"
    copy.write_bytes(sample.path.read_bytes())
    told = json.loads(sample.expected_path.read_text("utf-8"))
    told["events"][0]["chat"]["visitor"]["name"] = "Somebody else"
    told["reason"] = "x"
    copy.with_name("offline_message.expected.json").write_text(json.dumps(told), "utf-8")
    (wrong,) = read_samples(tmp_path)
    assert sorted(str(difference) for difference in differences(wrong, mapping_of("jivo"))) == [
        'events[0].chat.visitor.name: expected "Somebody else", got "Иван Тестов"', 'reason: expected "x", got null']
    assert accept(wrong, mapping_of("jivo"))
    (right,) = read_samples(tmp_path)
    assert differences(right, mapping_of("jivo")) == []
    assert not accept(right, mapping_of("jivo"))
    assert right.expected == sample.expected
