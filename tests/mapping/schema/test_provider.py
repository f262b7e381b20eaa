from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.mapping.schema.provider import ProviderMapping
from bridge.model import EventKind

LEAST: dict[str, Any] = {
    "mapping_language": 1,
    "title": "T",
    "verify": {"scheme": "none"},
    "at": "event",
    "events": {"end": {"as": "chat_finished"}},
}


def provider(**keys: Any) -> ProviderMapping:
    return ProviderMapping.model_validate({**LEAST, **keys})


def test_the_least_mapping_there_is() -> None:
    mapping = provider()
    assert mapping.body.kind == "json"
    assert [rule.kind for rule in mapping.rules("end")] == [EventKind.CHAT_FINISHED]
    assert mapping.rules("other") == ()
    assert mapping.rules(None) == ()
    assert mapping.answer().status == 200


def test_rules_of_a_word_and_of_any_other() -> None:
    mapping = provider(
        events={
            "status": [{"when": "status == 'resolved'", "as": "chat_finished"}, {"skip": "still open"}],
            "*": {"skip": "of no interest"},
        }
    )
    assert [rule.skip for rule in mapping.rules("status")] == [None, "still open"]
    assert [rule.skip for rule in mapping.rules("else")] == ["of no interest"]


def test_a_character_set_is_named() -> None:
    assert provider(charset="windows-1251").charset == "windows-1251"


def test_answers_fall_back_to_the_default() -> None:
    mapping = provider(answers={"default": {"text": "ok"}, "card": {"json": {"a": "b"}, "within": "1s"}})
    assert mapping.answer("card").within == 1.0
    assert mapping.answer("unknown") == mapping.answer() == mapping.answers["default"]


def test_a_kind_of_body_may_be_written_in_short() -> None:
    assert provider(body="nested_form").body.kind == "nested_form"
    assert provider(body={"kind": "form_json", "fields": ["user", "event"]}).body.fields == ("user", "event")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"events": {}}, "events"),
        ({"events": {"end": {}}}, r"`as: chat_started \| .*` or `skip: why`, one of them"),
        ({"events": {"end": {"as": "chat_finished", "skip": "x"}}}, "one of them"),
        ({"events": {"end": {"as": "finished"}}}, "chat_finished"),
        ({"events": {"end": {"as": "chat_finished", "fetch": ["parts"]}}}, "no 'parts' under `fetch`; there are: none"),
        ({"events": {"end": {"as": "chat_finished", "answer": "crad"}}, "answers": {"card": {}}}, "did you mean card"),
        ({"reconcile": {"get": "/chats", "event": "edn"}}, "did you mean end"),
        ({"fetch": {"chat": {"get": "/c", "pages": {"next": "n", "into": "url"}}}}, "collected from the pages: `records:`"),
        ({"api": {"auth": {"kind": "oauth2", "grant": "password", "endpoint": {"url": "x"}}}}, "with a fixed key"),
        ({"at": None}, "all rules under"),
        ({"fields": {"visitor.phnoe": "phone"}}, r"no field 'visitor.phnoe' \(did you mean visitor.phone\?\)"),
        ({"fields": {"custom.": "x"}}, "no field"),
        ({"charset": "utf-9"}, "no character set"),
        ({"answers": {"default": {"within": "1s"}}}, "cannot have `within`"),
        ({"placeholders": ["(a+)+"]}, "for ever"),
        ({"mapping_language": "one"}, "mapping_language"),
    ],
)
def test_what_does_not_fit_says_why(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        provider(**keys)


def test_open_fields_take_any_name() -> None:
    assert set(provider(fields={"custom.widget": "w", "visitor.fields.city": "c"}).fields) == {
        "custom.widget",
        "visitor.fields.city",
    }
