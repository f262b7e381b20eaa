"""The materials of a proof."""

import pytest

from bridge.errors import NotAuthentic
from bridge.mapping.schema import Verify
from bridge.verify import SCHEMES, SIGNED_NAMES, Incoming
from bridge.verify.rules import Asked


def test_a_header_is_found_under_any_spelling_of_its_name_and_a_blank_one_is_missing() -> None:
    asked = Asked(Incoming({"X-Sig": " abc ", "x-blank": "  "}))
    assert asked.header("X-Sig") == "abc"
    for name in ("X-Blank", "X-Other"):
        with pytest.raises(NotAuthentic, match=f"the header {name} is missing"):
            asked.header(name)


def test_the_mapping_language_and_the_schemes_know_the_same_words() -> None:
    """Neither imports the other; this is what keeps them together."""
    schema = Verify.model_json_schema()["properties"]
    assert set(schema["scheme"]["enum"]) == set(SCHEMES)
    for name in SIGNED_NAMES:
        assert Verify.model_validate({"scheme": "hmac", "name": "X", "signed": f"{{{name}}}", "id": "X-Id",
                                      "timestamp": {"header": "X-Time"}}).signed == (f"{{{name}}}",)
    with pytest.raises(ValueError, match=r"there is no \{nonce\} to sign"):
        Verify.model_validate({"scheme": "hmac", "name": "X", "signed": "{nonce}"})
