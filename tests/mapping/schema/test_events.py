from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.mapping.schema.events import EventRule, Messages


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ({}, "where the messages are"),
        ({"each": "m", "lines": "t"}, "where the messages are"),
        ({"each": "m", "role": "r"}, "`each` needs `role:` and `text:`"),
        ({"lines": "t"}, "`lines` needs `pattern:`"),
        ({"each": "m", "role": "r", "text": "t", "cut": ";"}, "belong to `lines`"),
        ({"each": "m", "role": "r", "text": "t", "roles": {"x": "agent"}}, "operator"),
    ],
)
def test_messages_stand_in_one_place(messages: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Messages.model_validate(messages)


def test_roles_are_compared_as_text() -> None:
    messages = Messages.model_validate({"each": "m", "role": "r", "text": "t", "roles": {"0": "visitor", "*": "skip"}})
    assert messages.roles == {"0": "visitor", "*": "skip"}


def test_a_rule_says_what_it_is() -> None:
    assert EventRule.model_validate({"as": "message", "in": "payload.chat"}).scope is not None
