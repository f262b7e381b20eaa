from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from crm.authority import CLIENT, Authority, served
from crm.speaking import mapping_with
from crm.speaking import settings as settings_of
from fakes import FakeClock
from running import finished
from way import ENVIRON, on_the_way

from bridge.config import load
from bridge.connections.targets import Target, load_targets, transport_to
from bridge.crm.auth.oauth import Held
from bridge.crm.auth.sealing import Seal
from bridge.errors import AccessRefused, ConfigError, MappingError, NotSent, Rejected
from bridge.model import JobState, Operation, OperationKind
from bridge.report.troubles import troubles
from bridge.sandbox import API_KEY, start
from bridge.store import open_store
from bridge.transport import PreparedRequest
from bridge.transport.mailing import MailTransport


def targets(folder: Path, clock: FakeClock, *, writes: bool = True, **more: Any) -> dict[str, Target]:
    config = {
        "key": "${C2C_KEY}",
        "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "target": "sales"}},
        "targets": {"sales": {"crm": "sandbox", "url": "http://127.0.0.1:9", "token": "${C2C_TOKEN}", **more}},
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    return load_targets(load(folder / "config.yaml", ENVIRON), clock, writes=writes)


async def test_a_target_is_its_settings_its_mapping_and_its_crm(tmp_path: Path, clock: FakeClock) -> None:
    target = targets(tmp_path, clock, timeout="7s", consistency_delay="3s")["sales"]

    assert (target.name, target.mapping.title, target.settings.timeout) == ("sales", "Sandbox", 7.0)
    assert (target.crm.consistency_delay, target.crm.commits_within) == (3.0, 60.0)
    await target.crm.close()


async def test_a_request_may_take_effect_for_twice_its_time_out_at_least(tmp_path: Path, clock: FakeClock) -> None:
    target = targets(tmp_path, clock, timeout="45s")["sales"]

    assert target.crm.commits_within == 90.0
    await target.crm.close()


def test_a_key_that_the_crms_mapping_does_not_name_is_refused_with_its_place(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(ConfigError, match=r"config.yaml:1:\d+: targets.sales: unknown key `databse`.*known for sandbox: "):
        targets(tmp_path, clock, databse="main")


def test_a_route_may_not_ask_for_what_its_crm_does_not_have(tmp_path: Path, clock: FakeClock) -> None:
    config = {
        "key": "${C2C_KEY}", "sources": {"shop": {"provider": "jivo", "secret": "${C2C_SECRET}", "target": "box"}},
        "targets": {"box": {"crm": "mail_relay", "url": "smtp://127.0.0.1:9", "from": "a@b.ru", "to": "c@b.ru"}},
        "routes": [{"source": "shop", "target": "box", "deal": "always"}],
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ConfigError, match="routes, number 1: deal: mail_relay does not say how a deal is made"):
        load_targets(load(tmp_path / "config.yaml", ENVIRON), clock)


def test_what_a_target_lacks_is_told_with_its_place_and_that_of_all_others_as_well(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "config.yaml").write_text(
        'key: ${C2C_KEY}\ntargets:\n  box: {crm: webhook, url: http://127.0.0.1:9, token: "${C2C_TOKEN}"}\n'
        "  other:\n    crm: sandbox\n    url: http://127.0.0.1:9\n    note: {template: '{visitor.nam}'}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_targets(load(tmp_path / "config.yaml", ENVIRON), clock)
    told = [line.removeprefix(f"{tmp_path}/") for line in caught.value.message.splitlines()]
    assert [line.partition(": targets.")[0] for line in told] == ["config.yaml:3:48", "config.yaml:4:3", "config.yaml:7:5"]
    assert [line.split(": ")[2] for line in told] == ["token", "`token` is missing", "note.template"]


def test_a_crm_that_is_not_there_is_named(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(MappingError, match="nosuch"):
        targets(tmp_path, clock, crm="nosuch")


async def test_for_a_trial_nothing_but_questions_can_be_sent(tmp_path: Path, clock: FakeClock) -> None:
    async with start() as crm:
        target = targets(tmp_path, clock, writes=False, url=crm.url)["sales"]
        create = Operation(kind=OperationKind.CREATE, marker="c2c-aaaaaaaaaaaaaaaa", scope={"phones": ["+79160000001"]})

        found = await target.crm.find({}, phones=["+79160000001"], emails=[], external_id=None, steps=[])
        with pytest.raises(Rejected, match="only reads"):
            await target.crm.perform(create, {}, [])

        assert found == []
        assert crm.parts.records.db.execute("SELECT id FROM clients").fetchall() == []
        await target.crm.close()


# -- access that runs out ----------------------------------------------------------------------------------------------


class Keys(Authority):
    """Gives the sandbox's own key as access token."""

    @property
    def access(self) -> str:
        return API_KEY


def with_tokens(folder: Path, address: str) -> dict[str, Any]:
    """Settings of a target at the sandbox, which is let in by tokens."""
    auth = {"kind": "oauth2", "grant": "authorization_code", "name": "X-Api-Key", "value": "{token.access}",
            "consent": {"url": "https://crm.shop.tld/consent"}, "endpoint": {"url": f"{address}/oauth/token"}}  # fmt: skip
    token = {"access": "access_token", "refresh": "refresh_token", "expires_in": "expires_in"}
    own = {"mapping_language": "1", "extends": "sandbox", "auth": auth, "token": token}
    (folder / "own.yaml").write_text(json.dumps(own), encoding="utf-8")
    oauth = {**CLIENT, "client_secret": "${C2C_SECRET}", "redirect_url": "http://localhost:8765/back"}
    return {"crm": str(folder / "own.yaml"), "oauth": oauth}


async def test_a_consent_that_has_ended_stops_its_target_until_a_person_has_agreed_and_no_chat_is_lost(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRON, "C2C_SECRET", CLIENT["client_secret"])
    authority = Keys()
    async with served(authority) as address, on_the_way(tmp_path, clock) as way:
        config = json.loads(way.settings.origin.read_text(encoding="utf-8"))
        del config["targets"]["sales"]["token"]
        config["targets"]["sales"] |= with_tokens(tmp_path, address)
        way.settings.origin.write_text(json.dumps(config), encoding="utf-8")
        way.settings = load(way.settings.origin, ENVIRON)
        await way.targets["sales"].crm.close()
        way.targets = load_targets(way.settings, clock, store=way.store)
        await way.restart()
        seal = Seal(way.settings.key.get_secret_value())

        async def agreed(refresh: str) -> None:
            held = Held(API_KEY, refresh, expires_at=clock.time() + 10, renew_at=clock.time())
            await way.store.save_token("sales", seal.seal("sales", held.content()), expires_at=None, replaces=None)

        await agreed("an-old-one")
        await way.post(finished(1))
        await way.post(finished(2))
        await way.work()
        for _ in range(3):
            await clock.advance(310)
            await way.work()

        assert {state for state, _ in await way.states()} == {JobState.WAITING}
        assert (await way.store.stops())["sales"].reason == "crm_authorise_again"
        assert "chat2crm auth sales" in (await way.store.stops())["sales"].detail
        assert [trouble.reason for trouble in await troubles(way.store, clock.time())] == ["crm_authorise_again"]
        assert authority.grants() == {"refresh_token": 1}

        await agreed(authority.refresh)
        await way.store.go("sales")
        await way.work()

        assert {state for state, _ in await way.states()} == {JobState.DONE}
        assert (len(way.rows("clients")), len(way.rows("notes"))) == (2, 2)
        assert authority.grants() == {"refresh_token": 2}


async def test_targets_of_one_account_share_its_tokens_if_they_say_so(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRON, "C2C_SECRET", CLIENT["client_secret"])
    own: dict[str, Any] = with_tokens(tmp_path, "http://127.0.0.1:9")
    own["url"] = "http://127.0.0.1:9"
    config = {
        "key": "${C2C_KEY}", "targets": {"sales": own, "retail": {**own, "oauth": {"same_as": "sales"}}, "other": own},
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    settings = load(tmp_path / "config.yaml", ENVIRON)
    store = open_store(f"sqlite:///{tmp_path}/x.db", clock=clock)
    await store.open()

    made = load_targets(settings, clock, store=store)

    tokens = {name: target.crm._tokens for name, target in made.items()}
    assert tokens["sales"] is tokens["retail"] is not tokens["other"]
    for target in made.values():
        await target.crm.close()
    await store.close()


async def test_an_endpoint_that_asks_nobody_for_a_key_is_called_at_private_addresses_only(no_way_out: list[str]) -> None:
    mapping = mapping_with(only_private=True)
    request = PreparedRequest("GET", "http://8.8.8.8:9/")

    sends = transport_to(mapping, settings_of(url="http://crm.lan"))
    with pytest.raises(AccessRefused, match="a public one"):
        await sends.send(request)
    await sends.close()
    assert no_way_out == []
    for sends in (transport_to(mapping, settings_of(allow_public=True)), transport_to(mapping_with(), settings_of())):
        with pytest.raises(NotSent):
            await sends.send(request)
        await sends.close()
    assert len(no_way_out) == 2  # they would have gone there, had the tests let them
    no_way_out.clear()


async def test_a_mapping_that_is_carried_by_mail_gets_a_mail_servers_connections() -> None:
    sends = transport_to(mapping_with().model_copy(update={"carrier": "mail"}), settings_of(url="smtps://mail.example.com"))
    assert isinstance(sends, MailTransport)
    await sends.close()
