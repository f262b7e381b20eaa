"""What the samples of every provider have to show, found in what they become; and what there is not to show, with the reason."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.mapping.load import load_provider
from bridge.mapping.samples import Sample, read_samples
from bridge.mapping.schema import ProviderMapping

FOLDER = Path(__file__).parents[2] / "mappings" / "providers"
MAPPINGS = {path.stem: load_provider(path) for path in sorted(FOLDER.glob("*.yaml"))}
SAMPLES = {name: read_samples(FOLDER / name, mapping) for name, mapping in MAPPINGS.items()}

PHONE, EMAIL = re.compile(r"\+?\d[\d ()-]{8,}\d"), re.compile(r"[\w.]+@[\w.]+\.\w+")
CYRILLIC, EMOJI = re.compile("[а-яё]", re.IGNORECASE), re.compile("[\U0001f300-\U0001faff☀-➿]")
#: a chat is over, or what is told message by message will be
ENDS = {"chat_finished", "message"}
MESSAGES_ALONE = "it tells one message at a time; that nobody answered, and that a chat ended twice, only several deliveries show"
NO_OFFLINE = "no offline form is documented"
A_MESSENGER = "one can always write to it: there is no offline form"

#: (provider, what is not there) → why
ABSENT: Mapping[tuple[str, str], str] = {
    **{(name, "ended twice"): MESSAGES_ALONE for name in ("telegram", "whatsapp", "facebook_messenger", "vk")},
    **{(name, "offline"): A_MESSENGER for name in ("telegram", "whatsapp", "facebook_messenger")},
    **{(name, "offline"): NO_OFFLINE for name in ("bitrix24_openlines", "brevo", "carrotquest", "livetex", "crisp")},
    ("chatwoot", "offline"): "what is written while nobody is there is a conversation like any other",
    ("intercom", "offline"): "what is written while nobody is there is a conversation like any other",
    ("livechat", "offline"): "the form for when nobody is there becomes a ticket of another product",
    ("livehelperchat", "offline"): "the form for when nobody is there raises no event that a webhook could be bound to",
    ("bitrix24_openlines", "ended twice"): "each session of a chat has an id of its own, and ends once",
    ("bitrix24_openlines", "contacts in fields"): "contacts stand in Bitrix24's own CRM and are in no event",
    ("livechat", "ended twice"): "each thread of a chat has an id of its own, and ends once",
}  # fmt: skip


def events(name: str) -> Iterator[tuple[Sample, dict[str, Any], dict[str, Any]]]:
    for sample in SAMPLES[name]:
        for event in sample.expected.events if sample.expected else ():
            yield sample, event, event["chat"]


def said(chat: Mapping[str, Any]) -> str:
    return "\n".join(one.get("text", "") for one in chat.get("messages", []) if one["role"] == "visitor")


def has_fields(chat: Mapping[str, Any]) -> bool:
    visitor = chat.get("visitor", {})
    return bool(visitor.get("phones") or visitor.get("emails"))


def roles(chat: Mapping[str, Any]) -> set[str]:
    return {message["role"] for message in chat.get("messages", [])}


def contacts_in_text(name: str, _mapping: ProviderMapping) -> bool:
    return any(not has_fields(chat) and (PHONE.search(said(chat)) or EMAIL.search(said(chat)))
               for _, event, chat in events(name) if event["kind"] in ENDS)  # fmt: skip


def contacts_in_fields(name: str, _mapping: ProviderMapping) -> bool:
    return any(has_fields(chat) for _, _, chat in events(name))


def unanswered(name: str, _mapping: ProviderMapping) -> bool:
    ended = [roles(chat) for _, event, chat in events(name) if event["kind"] in ENDS]
    return any("visitor" in found and "operator" not in found for found in ended)


def ended_twice(name: str, _mapping: ProviderMapping) -> bool:
    keys: dict[str, set[str | None]] = {}
    for sample, event, chat in events(name):
        if event["kind"] == "chat_finished" and sample.expected and sample.method != "RECONCILE":
            keys.setdefault(chat["chat_id"], set()).add(sample.expected.dedupe_key)
    return any(len(found) > 1 for found in keys.values())


def offline(name: str, _mapping: ProviderMapping) -> bool:
    return any(event["kind"] == "offline_message" for _, event, _ in events(name))


def named(word: str) -> Callable[[str, ProviderMapping], bool]:
    return lambda name, _mapping: word in {sample.event for sample in SAMPLES[name]}


def written_in(pattern: re.Pattern[str]) -> Callable[[str, ProviderMapping], bool]:
    return lambda name, _mapping: any(pattern.search(said(chat)) for _, _, chat in events(name))


def markup(name: str, mapping: ProviderMapping) -> bool:
    """Where a mapping says that messages have markup, some sample has it, and none is left of it."""
    rules = [mapping.messages, *(rule.messages for some in mapping.events.values() for rule in some)]
    signs = {"html": re.compile(r"<\w+[ >/]"), "bbcode": re.compile(r"\[(?:b|url|img|i)[\]=]", re.IGNORECASE)}
    wanted = [signs[where.markup] for where in rules if where and where.markup in signs]
    samples = SAMPLES[name]
    bodies = [f"{one.body.decode(errors='replace')} {one.expected.fetched if one.expected else ''}" for one in samples]
    texts = [message.get("text", "") for _, _, chat in events(name) for message in chat.get("messages", [])]
    left = any(sign.search(text) for sign in wanted for text in texts)
    return not left and all(any(sign.search(body) for body in bodies) for sign in wanted)


SHOWN: Mapping[str, Callable[[str, ProviderMapping], bool]] = {
    "contacts in text": contacts_in_text, "contacts in fields": contacts_in_fields, "unanswered": unanswered,
    "ended twice": ended_twice, "offline": offline, "unknown event": named("unknown_event"), "broken body": named("broken_body"),
    "bad secret": named("bad_secret"), "Cyrillic": written_in(CYRILLIC), "emoji": written_in(EMOJI), "markup": markup,
}  # fmt: skip


@pytest.mark.parametrize("what", SHOWN)
@pytest.mark.parametrize("name", MAPPINGS)
def test_a_provider_shows_it_or_there_is_a_reason_why_not(name: str, what: str) -> None:
    shown = SHOWN[what](name, MAPPINGS[name])
    reason = ABSENT.get((name, what))
    assert shown or reason, f"a sample of {name} has to show: {what}"
    assert not (shown and reason), f"{name} shows it, so the reason is out of date: {reason}"


def test_no_reason_is_given_for_what_nobody_asks() -> None:
    assert [pair for pair in ABSENT if pair[0] not in MAPPINGS or pair[1] not in SHOWN] == []
