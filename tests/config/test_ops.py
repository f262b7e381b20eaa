from __future__ import annotations

import pytest
from pydantic import ValidationError

from bridge.config import Revealed
from bridge.config.ops import AlertSettings, OpsSettings


def test_without_a_password_the_pages_stand_open_to_this_machine_alone() -> None:
    assert not OpsSettings().guarded
    with pytest.raises(ValidationError, match=r"the ops page would stand open on 0\.0\.0\.0"):
        OpsSettings(host="0.0.0.0")
    assert OpsSettings(host="0.0.0.0", password=Revealed("pass")).guarded  # type: ignore[arg-type]  # as the file gives it


def test_two_keys_for_scripts_that_are_the_same_are_refused_since_nobody_would_know_who_did_what() -> None:
    tokens = [{"name": name, "token": Revealed("t" * 20)} for name in ("one", "two")]
    with pytest.raises(ValidationError, match="two of the `tokens` are the same"):
        OpsSettings.model_validate({"tokens": tokens})
    tokens[1]["token"] = Revealed("u" * 20)
    assert [one.scope for one in OpsSettings.model_validate({"tokens": tokens}).tokens] == ["read", "read"]


def test_a_header_that_anybody_could_set_names_nobody() -> None:
    with pytest.raises(ValidationError, match="name the proxy that sets it under `trusted_proxies`"):
        OpsSettings(user_header="X-User")


def test_the_name_of_a_header_is_that_alone() -> None:
    for written in ("X-User: ", "$http_x_user", "", "X"):
        with pytest.raises(ValidationError, match="is no header's name; write the name alone, like X-Forwarded-User"):
            OpsSettings.model_validate({"user_header": written, "trusted_proxies": ["127.0.0.1"]})


def test_an_alert_has_no_places_that_nobody_fills() -> None:
    assert AlertSettings(body={"text": "{text} {url}"}).silence > 0
    with pytest.raises(ValidationError, match=r"there is no \{who\} in an alert"):
        AlertSettings(body={"text": "{who}"})
