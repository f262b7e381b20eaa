"""Every request in the stories of the Bitrix24 mappings, against the vendor's own description of its method.

The server passes over a misspelt field without a word, so nothing but this would tell.
"""

from __future__ import annotations

from typing import Any

import pytest
from crm.bitrix24_described import UNDESCRIBED, problems

from bridge.mapping.load import available
from bridge.mapping.samples import Exchange, read_exchanges

STORIES = [
    pytest.param(exchange, id=f"{name}/{exchange.name}")
    for name, path in sorted(available("crm").items())
    if name.startswith("bitrix24")
    for exchange in read_exchanges(path.with_suffix(""))
]


@pytest.mark.parametrize("story", STORIES)
def test_every_request_is_as_the_vendor_describes_its_method(story: Exchange) -> None:
    found = []
    for step in story.steps:
        method = step.expect.url.rpartition("/")[2]
        if step.expect.url.startswith("/rest/") and method not in UNDESCRIBED:
            found += list(problems(method, step.expect.json_))

    assert found == []


@pytest.mark.parametrize(
    ("method", "body", "problem"),
    [
        ("crm.timeline.comment.add", {"fields": {"ENTITY_ID": 1, "COMMENT": "x"}}, "needs the field ENTITY_TYPE"),
        ("crm.timeline.comment.add", {"fields": {"ENTITY_ID": "1", "ENTITY_TYPE": "deal", "COMMENT": "x"}}, "integer is wanted"),
        ("crm.item.add", {"entityTypeId": 3, "fields": {"NAME": "Anna"}}, "there is no field NAME"),
        ("crm.item.list", {"entityTypeId": 3, "filter": {"@ids": [1]}}, "there is no field @ids"),
        ("crm.duplicate.findbycomm", {"type": "PHONE"}, "needs values"),
        ("crm.item.get", {"entityTypeId": 3, "id": 1, "ids": [1]}, "has no parameter ids"),
    ],
)
def test_what_is_not_as_described_is_told(method: str, body: dict[str, Any], problem: str) -> None:
    assert problem in "\n".join(problems(method, body))
