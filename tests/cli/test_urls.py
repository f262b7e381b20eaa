from __future__ import annotations

from typing import Any

import pytest
from place import SECRET, SIGNING, Place

from bridge.cli.addresses import hook_path, local_base, ways
from bridge.config import Settings
from bridge.config.values import Revealed
from bridge.connections.sources import Source, load_sources


def test_the_address_is_printed_whole_with_the_way_to_paste_it(place: Place) -> None:
    done = place.run("urls")
    assert done.exit_code == 0, done.output
    assert f"https://bridge.shop.tld/hooks/shop/{SECRET}" in done.stdout
    assert "Webhooks" in done.stdout
    assert f"secret    {SIGNING}" in done.stdout
    assert "chat.finished, message.offline, contact.given" in done.stdout


def test_the_menu_path_is_in_the_language_of_the_configuration(place: Place) -> None:
    place.config["language"] = "ru"
    assert "Управление" in place.run("urls").stdout


def test_in_json_secrets_are_masked_unless_asked_for(place: Place) -> None:
    text = place.run("urls", "--json").stdout
    assert SECRET not in text
    assert SIGNING not in text
    [shop, own] = place.json("urls", "--json")
    assert (shop["url"], own["url"]) == ("https://bridge.shop.tld/hooks/shop/***", "https://bridge.shop.tld/hooks/own")
    [shop, own] = place.json("urls", "--json", "--show-secrets")
    assert (shop["url"], own["secret"]) == (f"https://bridge.shop.tld/hooks/shop/{SECRET}", SIGNING)


def test_a_provider_that_makes_the_secret_itself_is_told_so(place: Place) -> None:
    place.config["sources"]["shop"]["provider"] = "tawkto"
    assert "the chat service makes it" in place.run("urls").stdout


def test_an_address_that_nobody_can_reach_or_that_is_in_clear_is_pointed_out(place: Place) -> None:
    place.config["receive"]["public_url"] = "http://bridge.shop.tld"
    assert "put TLS before it" in place.run("urls").stdout
    del place.config["receive"]["public_url"]
    place.write()
    assert "public_url is not set" in place.run("urls").stdout


def test_a_secret_that_fits_nothing_is_pointed_out(place: Place) -> None:
    place.environ["C_SECRET"] = SIGNING  # must never travel in an address
    assert "every delivery is refused" in place.run("urls").stdout
    assert f"/hooks/shop/{SIGNING}" not in place.run("urls").stdout


def source(provider: str, secret: str, **receive: Any) -> tuple[Settings, Source]:
    settings = Settings.model_validate({
        "key": Revealed("k" * 40), "receive": receive, "targets": {"t": {"crm": "sandbox"}},
        "sources": {"s": {"provider": provider, "secret": Revealed(secret), "target": "t"}},
    })  # fmt: skip
    return settings, load_sources(settings)["s"]


@pytest.mark.parametrize(
    ("provider", "secret", "schemes"),
    [
        ("jivo", SECRET, ["equality"]), ("jivo", SIGNING, []), ("generic", SIGNING, ["standard_webhooks"]),
        ("generic", SECRET, ["equality", "equality"]), ("tawkto", SECRET, ["hmac"]),
    ],
)  # fmt: skip
def test_only_the_ways_that_fit_the_secret_are_open(provider: str, secret: str, schemes: list[str]) -> None:
    assert [way.rule.scheme for way in ways(source(provider, secret)[1])] == schemes


def test_the_service_is_found_on_this_machine_whatever_it_listens_on() -> None:
    for host, shown in (("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("10.0.0.5", "10.0.0.5")):
        assert local_base(source("jivo", SECRET, host=host, port=9000)[0]) == f"http://{shown}:9000"
    assert hook_path("shop", "a/b c") == "/hooks/shop/a%2Fb%20c"
