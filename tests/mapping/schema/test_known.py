from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.mapping.schema.known import NAMED, FieldList, NameList

LIST = {"get": "/fields", "records": "items", "id": "code"}


def test_names_are_resolved_pipelines_first_since_stages_belong_to_them() -> None:
    assert NAMED == ("pipeline", "stage", "source")


def test_a_list_of_names_says_what_people_call_a_record() -> None:
    assert NameList.model_validate({**LIST, "name": "title"}).cache == 3600.0
    with pytest.raises(ValidationError, match="name"):
        NameList.model_validate(LIST)


@pytest.mark.parametrize("keys", ["marker", ["marker", "site_id"]])
def test_a_list_of_fields_names_the_keys_that_are_fields(keys: Any) -> None:
    assert FieldList.model_validate({**LIST, "keys": keys}).keys[0] == "marker"


@pytest.mark.parametrize("missing", ["records", "id", "keys", "get"])
def test_what_a_list_of_fields_cannot_do_without_is_asked_for(missing: str) -> None:
    whole = {**LIST, "keys": ["marker"]}
    with pytest.raises(ValidationError):
        FieldList.model_validate({key: value for key, value in whole.items() if key != missing})
