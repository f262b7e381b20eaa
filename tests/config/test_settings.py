from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network

import pytest
from pydantic import SecretStr, ValidationError

from bridge.config import OpsSettings, Own, ReceiveSettings, Settings, SourceSettings, TargetSettings
from bridge.errors import ConfigError

from .conftest import WHOLE

Load = Callable[..., Settings]


def test_a_source_has_the_zone_and_the_language_above_it_unless_it_says_otherwise(loaded: Load) -> None:
    both = WHOLE.replace("targets:", "  far: {provider: x, target: sales, timezone: Asia/Almaty, language: en}\ntargets:")
    settings = loaded("timezone: Europe/Berlin\nlanguage: ru\n" + both)
    assert [(one.timezone, one.language) for one in settings.sources.values()] == [("Europe/Berlin", "ru"), ("Asia/Almaty", "en")]
    assert str(settings.sources["shop"].zone) == "Europe/Berlin"
    assert loaded(WHOLE).sources["shop"].timezone == loaded(WHOLE).timezone


def test_the_target_of_a_source_is_its_last_route(loaded: Load) -> None:
    settings = loaded(WHOLE + "  b: {crm: sandbox}\nroutes:\n- {source: shop, target: b, when: chat.spam}\n")
    assert [route.target for route in settings.routes_of("shop")] == ["b", "sales"]


def test_what_is_ours_is_what_is_everybodys_and_the_sources_own(loaded: Load) -> None:
    settings = loaded("own: {domains: firma.ru}\n" + WHOLE.replace("provider:", "own: {phones: ['+74951234567']}, provider:"))
    assert settings.own_of("shop") == Own(domains=("firma.ru",), phones=("+74951234567",))


def test_a_key_that_the_mapping_names_is_taken_and_another_is_refused_with_those_known(loaded: Load) -> None:
    settings = loaded(WHOLE.replace("token:", "sql: {find: select 1}, tokn: x, token:"))
    with pytest.raises(ConfigError) as caught:
        settings.check_against({"sandbox": ["sql", "board"]}.__getitem__)
    (line,) = str(caught.value).splitlines()
    assert "config.yaml:6:" in line
    assert "targets.sales: unknown key `tokn` (did you mean token?); known for sandbox: " in line
    assert "board" in line
    settings.check_against({"sandbox": ["sql", "tokn"]}.__getitem__)


def test_a_mapping_is_not_asked_for_when_there_is_nothing_to_check(loaded: Load) -> None:
    loaded(WHOLE).check_against({}.__getitem__)


def test_settings_may_be_made_in_code_with_plain_secrets_in_their_own_type() -> None:
    settings = Settings(
        key=SecretStr("k" * 32),
        sources={"shop": SourceSettings(name="shop", provider="generic", target="sales")},
        targets={"sales": TargetSettings(name="sales", crm="sandbox", token=SecretStr("t"), extra={"board": 7})},
    )
    assert settings.routes_of("shop")[0].target == "sales"
    assert settings.targets["sales"].scope()["board"] == 7
    assert settings.targets["sales"].scope()["token"] == "t"


def test_a_target_has_the_zone_above_it_unless_it_says_otherwise(loaded: Load) -> None:
    both = WHOLE + "  far: {crm: sandbox, timezone: Asia/Almaty}\n"
    settings = loaded("timezone: Europe/Berlin\n" + both)
    assert [one.scope()["timezone"] for one in settings.targets.values()] == ["Europe/Berlin", "Asia/Almaty"]


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings(key=SecretStr("k" * 32)).language = "ru"  # type: ignore[misc]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_the_ops_page_needs_no_password_where_only_this_machine_reaches_it(host: str) -> None:
    assert OpsSettings(host=host).password is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "bridge.lan"])
def test_the_ops_page_needs_a_password_elsewhere(host: str) -> None:
    assert OpsSettings(host=host, password=SecretStr("p")).host == host
    with pytest.raises(ValidationError, match="would stand open"):
        OpsSettings(host=host)


def test_settings_take_networks_made_in_code_and_nothing_but_keys_and_values() -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert ReceiveSettings(trusted_proxies=networks).trusted_proxies == networks
    with pytest.raises(ValidationError, match="valid dictionary"):
        Settings.model_validate("key")
    assert str(Settings(key=SecretStr("k" * 32), timezone="Asia/Almaty").zone) == "Asia/Almaty"
