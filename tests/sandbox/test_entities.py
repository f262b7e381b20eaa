from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.sandbox.entities import CLIENT, FILE, NOTE, TASK


@pytest.mark.parametrize(("given", "stored"), [("12", 12), (12, 12), ("007", 7)])
def test_an_id_is_a_number_or_its_text(given: object, stored: int) -> None:
    assert NOTE.form.model_validate({"client_id": given, "text": "x"}).model_dump()["client_id"] == stored


@pytest.mark.parametrize("given", ["", "x", "-1", "1.5", 0, -1, 1.5, None, "²", str(2**63), [1]])
def test_anything_else_is_no_id(given: object) -> None:
    with pytest.raises(ValidationError):
        NOTE.form.model_validate({"client_id": given, "text": "x"})


@pytest.mark.parametrize("given", ["a@b.c", "Анна@пример.рф", " a@b.c "])
def test_an_address_is_kept_as_written(given: str) -> None:
    assert CLIENT.form.model_validate({"emails": [given]}).model_dump()["emails"] == [given.strip()]


@pytest.mark.parametrize("given", ["a", "@b.c", "a@b", "a b@c.d", "", 5])
def test_what_is_no_address_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        CLIENT.form.model_validate({"emails": [given]})


def test_content_is_decoded_strictly() -> None:
    assert FILE.form.model_validate({"client_id": 1, "name": "x", "content": "aGk="}).model_dump()["content"] == b"hi"
    for wrong in ("a", "aGk=!", 5, None):
        with pytest.raises(ValidationError, match="base64"):
            FILE.form.model_validate({"client_id": 1, "name": "x", "content": wrong})


def test_a_record_is_shown_without_what_is_the_sandboxs_own() -> None:
    row = {"id": 1, "client_id": None, "done": 1, "due_at": 0.0, "custom": '{"a": 1}', "operation_marker": "m", "likeness": "l"}
    assert TASK.shown(row) == {
        "id": "1",
        "client_id": None,
        "done": True,
        "due_at": "1970-01-01T00:00:00.000Z",
        "custom": {"a": 1},
    }
