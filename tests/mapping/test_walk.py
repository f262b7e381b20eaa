from __future__ import annotations

from bridge.mapping.load import available, load
from bridge.mapping.schema.provider import ProviderMapping
from bridge.mapping.walk import expressions

MAPPING = {
    "mapping_language": 1,
    "title": "T",
    "verify": {"scheme": "none"},
    "at": "event",
    "events": {"end": [{"when": "a == 'b'", "as": "chat_finished"}, {"skip": "x"}]},
    "dedupe": ["id", "sha256(@)"],
    "answers": {"default": {"json": {"x": ["{y}", {"z": "a {b} {c}"}]}}},
    "fields": {"chat_id": "chat.id", "spam": "banned"},
}


def test_every_expression_comes_with_its_place_and_use() -> None:
    found = [
        (place.path, place.expression.source, place.condition, place.in_template)
        for place in expressions(ProviderMapping.model_validate(MAPPING))
    ]
    assert found == [
        (("at",), "event", False, False),
        (("dedupe", 0), "id", False, False),
        (("dedupe", 1), "sha256(@)", False, False),
        (("events", "end", 0, "when"), "a == 'b'", True, False),
        (("answers", "default", "json", "x", 0), "y", False, True),
        (("answers", "default", "json", "x", 1, "z"), "b", False, True),
        (("answers", "default", "json", "x", 1, "z"), "c", False, True),
        (("fields", "chat_id"), "chat.id", False, False),
        (("fields", "spam"), "banned", True, False),
    ]


def test_the_places_of_shipped_mappings_are_in_their_files() -> None:
    for kind in ("provider", "crm"):
        for name in available(kind):
            loaded = load(kind, name)
            for place in expressions(loaded.mapping):
                mark = loaded.document.where(place.path)
                assert mark.line > 1, place
