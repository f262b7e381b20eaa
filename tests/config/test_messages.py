from __future__ import annotations

import pytest
from pydantic import ValidationError

from bridge.config.messages import filled, unknown_places
from bridge.config.settings import AlertSettings

MESSAGE = {"text": "Not written: 3 chats.", "cause": "jobs:dead", "state": "open", "count": 3, "url": ""}


def test_every_place_takes_its_field_however_deep_it_stands() -> None:
    shape = {"chat_id": "-100", "blocks": [{"text": "{text} {url}"}, {"fields": ["{cause}: {state}"]}]}
    assert filled(shape, MESSAGE) == {
        "chat_id": "-100", "blocks": [{"text": "Not written: 3 chats."}, {"fields": ["jobs:dead: open"]}],
    }  # fmt: skip


def test_a_text_that_is_one_place_takes_the_field_as_it_is() -> None:
    assert filled({"n": "{count}", "said": "{count} chats"}, MESSAGE) == {"n": 3, "said": "3 chats"}


def test_what_is_no_text_stays() -> None:
    assert filled({"silent": False, "level": 2, "none": None}, MESSAGE) == {"silent": False, "level": 2, "none": None}


def test_braces_in_an_alert_s_own_words_are_not_read_again() -> None:
    assert filled("{text}!", {**MESSAGE, "text": "{cause}"}) == "{cause}!"


def test_a_place_that_is_none_is_refused_with_those_that_there_are() -> None:
    assert list(unknown_places({"a": ["{text} {what}"]})) == ["what"]
    with pytest.raises(ValidationError, match=r"no \{what\} in an alert; there are: \{text\}"):
        AlertSettings.model_validate({"body": {"a": "{what}"}})
