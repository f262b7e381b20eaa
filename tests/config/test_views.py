from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bridge.config import Settings, TargetSettings
from bridge.config.values import Revealed
from bridge.config.views import described, secrets_in

SECRET = "wh0-kn0ws-this"
WHOLE = """
store: postgresql://me:${DB}@db/chat2crm
alerts: {url: ${HOOK}}
ops: {password: ${OPS}}
sources:
  shop: {provider: x, secret: [${A}, ${B}], token: ${C}, target: sales, hours: Mo 09:00-10:00, fields: {login: ${D}, n: 5}}
targets:
  sales: {crm: y, token: ${E}, client_secret: ${F}, ignore: chat.spam}
"""
GIVEN = {name: f"{SECRET}-{name.lower()}" for name in ("DB", "HOOK", "OPS", "A", "B", "C", "D", "E", "F")}


def test_the_view_for_people_says_set_where_a_secret_is(loaded: Callable[..., Settings]) -> None:
    shown = loaded(WHOLE, **GIVEN).describe()
    assert shown["store"] == "postgresql://me:(set)@db/chat2crm"
    assert (shown["key"], shown["ops"]["password"]) == ("set", "set")
    assert shown["alerts"] == {"url": "set", "body": None, "silence": 6, "unanswered": 600.0}
    shop = shown["sources"]["shop"]
    assert (shop["secret"], shop["token"], shop["fields"]) == ("2 set", "set", {"login": "set", "n": 5})
    assert (shop["hours"], shop["grace"]) == ("Mo 09:00-10:00", None)
    assert shown["targets"]["sales"]["extra"] == {"client_secret": "set"}
    assert shown["targets"]["sales"]["options"]["ignore"] == "chat.spam"


def test_the_view_for_people_says_not_set_where_a_secret_could_be(loaded: Callable[..., Settings]) -> None:
    shown = loaded("sources: {s: {provider: x, target: t}}\ntargets: {t: {crm: y}}\n").describe()
    assert (shown["ops"]["password"], shown["alerts"]["url"]) == ("not set", "not set")
    assert (shown["sources"]["s"]["secret"], shown["targets"]["t"]["token"]) == ("not set", "not set")


def test_no_secret_is_in_a_view_nor_in_what_python_shows_of_settings(loaded: Callable[..., Settings]) -> None:
    settings = loaded(WHOLE, **GIVEN)
    assert SECRET not in json.dumps(settings.describe())
    assert SECRET not in str(settings.sources["shop"].secret) + repr(settings.ops) + repr(settings.alerts)


def test_every_secret_is_given_to_the_masking_of_the_log(loaded: Callable[..., Settings]) -> None:
    found = set(loaded(WHOLE, **GIVEN).secrets())
    assert {*GIVEN.values(), "k" * 40} <= found


def test_a_password_in_a_plain_address_is_found_and_hidden() -> None:
    assert list(secrets_in({"store": "postgresql://me:pw12345@db/x"})) == ["pw12345"]
    assert described("postgresql://me:pw12345@db/x") == "postgresql://me:(set)@db/x"
    assert list(secrets_in("https://[broken")) == []


PLAIN = st.text(min_size=8, alphabet="abcdefgh") | st.integers()


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="xyz"), inner)))
def test_whatever_came_from_a_variable_is_hidden_and_known_however_deep_it_lies(plain: object) -> None:
    def revealed(value: object) -> object:
        if isinstance(value, str):
            return Revealed("S!" + value)
        if isinstance(value, list):
            return [revealed(item) for item in value]
        return {key: revealed(item) for key, item in value.items()} if isinstance(value, dict) else value

    def leaves(value: object) -> list[str]:
        if isinstance(value, str):
            return [value]
        inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        return [leaf for item in inner for leaf in leaves(item)]

    target = TargetSettings(name="t", crm="y", token=SecretStr("tok"), extra={"x": revealed(plain)})
    assert "S!" not in json.dumps(list(described(target)["extra"].values()))
    assert sorted(secrets_in(target)) == sorted(["tok", *("S!" + leaf for leaf in leaves(plain))])
