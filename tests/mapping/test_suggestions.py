from __future__ import annotations

from bridge.mapping.suggestions import nearest


def test_the_nearest_word_is_suggested_and_a_far_one_is_not() -> None:
    assert nearest("feilds", ["fields", "files"]) == " (did you mean fields?)"
    assert nearest("zebra", ["fields", "files"]) == ""
    assert nearest("x", []) == ""
