from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import urlopen

import pytest
from crm.authority import CLIENT, LIVES, Authority, oauth_mapping, served
from place import Place
from standing import standing

from bridge.crm.auth.oauth import Held
from bridge.crm.auth.sealing import Seal
from bridge.store import Store, TargetStop

ROOT = Path(__file__).resolve().parents[2]
BACK = "https://bridge.shop.tld/back"


@pytest.fixture
def authority(place: Place) -> Iterator[Authority]:
    """A CRM that lets in by consent; the place's target leads to it."""
    made = Authority()
    with standing(served(made)) as url:
        write_mapping(place)
        place.environ["C_CLIENT"] = CLIENT["client_secret"]
        place.config["targets"] = {"sales": {"crm": str(place.folder / "own.yaml"), "url": url, "mode": "write", "oauth": {
            "client_id": CLIENT["client_id"], "client_secret": "${C_CLIENT}", "redirect_url": BACK,
        }}}  # fmt: skip
        yield made


def write_mapping(place: Place, grant: str = "authorization_code") -> None:
    raw = json.loads(oauth_mapping(grant, pkce=grant == "authorization_code").model_dump_json(by_alias=True, exclude_unset=True))
    (place.folder / "own.yaml").write_text(json.dumps(raw), encoding="utf-8")


def begun(told: str) -> dict[str, str]:
    [address] = re.findall(r"http://\S+/oauth/consent\S+", told)
    return dict(parse_qsl(urlsplit(address).query))


def let_in(place: Place, *, ran_out: bool = False) -> None:
    async def keep(store: Store) -> None:
        held = Held("access-0", "refresh-0", expires_at=1.0 if ran_out else None, renew_at=1.0 if ran_out else None)
        await store.save_token("sales", Seal("k" * 40).seal("sales", held.content()), expires_at=held.expires_at, replaces=None)

    place.on_store(keep)


def process(place: Place, *args: str) -> subprocess.Popen[str]:
    place.write()
    return subprocess.Popen(
        [sys.executable, "-m", "bridge", "-c", str(place.path), *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, cwd=ROOT, env={**os.environ, **place.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


# -- a person agrees ---------------------------------------------------------------------------------------------------


def test_a_person_opens_the_page_and_comes_back_with_the_address(place: Place, authority: Authority) -> None:
    first = place.run("auth", "sales")
    assert first.exit_code == 0, first.output
    authority.challenge = begun(first.stdout)["code_challenge"]
    assert f"{BACK}?code=…" in first.stdout
    assert "chat2crm auth sales --code 'ADDRESS'" in first.stdout

    back = f"{BACK}?code=the-code&state={begun(first.stdout)['state']}"
    second = place.run("auth", "sales", "--code", back)

    assert second.exit_code == 0, second.output
    assert second.stdout.splitlines() == [
        "✓ sales: we are let in; the access is kept, encrypted, in the store", "✓ as Ann of Sales",
    ]  # fmt: skip
    assert b"access-1" not in (place.folder / "chat2crm.db").read_bytes()


def test_a_stopped_target_goes_on_but_not_one_that_was_banned(place: Place, authority: Authority) -> None:
    async def stop(store: Store) -> None:
        for target, reason in (("sales", "crm_authorise_again"), ("retail", "crm_access_refused"), ("other", "crm_blocked")):
            await store.stop_target(TargetStop(target=target, reason=reason, detail="", since=1.0))

    sales = place.config["targets"]["sales"]
    place.config["targets"] |= {name: {**sales, "oauth": {"same_as": "sales"}} for name in ("retail", "other")}
    place.on_store(stop)
    authority.challenge = begun(place.run("auth", "retail").stdout)["code_challenge"]

    done = place.run("auth", "retail", "--code", "the-code")

    assert done.exit_code == 0, done.output
    assert "retail uses the access of sales" in done.stdout
    assert [line for line in done.stdout.splitlines() if "goes on" in line] == ["✓ sales goes on", "✓ retail goes on"]


def test_the_answer_is_waited_for_at_a_redirect_address_of_this_machine(place: Place, authority: Authority) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    back = f"http://127.0.0.1:{port}/back"
    place.config["targets"]["sales"]["oauth"]["redirect_url"] = back
    running = process(place, "auth", "sales")
    assert running.stdout is not None
    told = ""
    while "Waiting" not in told:
        line = running.stdout.readline()
        assert line, told
        told += line
    authority.challenge = begun(told)["code_challenge"]

    for stray in ("?code=stolen&state=guessed", "?code=the-code", ""):
        with pytest.raises(HTTPError, match="400") as refused:
            urlopen(back + stray)
        refused.value.close()
    with urlopen(f"{back}?code=the-code&state={begun(told)['state']}") as page:
        assert "terminal" in page.read().decode()
    rest, _ = running.communicate(timeout=60)

    assert running.returncode == 0, rest
    assert "✓ as Ann of Sales" in rest
    assert [given["code"] for given in authority.asked] == ["the-code"]


def test_a_code_that_is_refused_fails_and_says_what_to_do(place: Place, authority: Authority) -> None:
    place.run("auth", "sales")
    done = place.run("auth", "sales", "--code", "another-code")

    assert done.exit_code == 1
    assert "begin anew: chat2crm auth sales" in done.stderr
    assert "✗ sales: nobody has let us in yet" in place.run("auth", "sales", "--show").stdout


def test_where_nobody_has_to_agree_the_access_is_tried_at_once(place: Place, authority: Authority) -> None:
    write_mapping(place, "client_credentials")

    done = place.run("auth", "sales")

    assert done.exit_code == 0, done.output
    assert "we are let in" in done.stdout
    assert authority.grants() == {"client_credentials": 1}


# -- what is known of it -----------------------------------------------------------------------------------------------


def test_until_when_it_lasts_is_shown_and_never_the_token(place: Place, authority: Authority) -> None:
    assert place.json("auth", "sales", "--show", "--json")["state"] == "none"
    authority.challenge = begun(place.run("auth", "sales").stdout)["code_challenge"]
    place.run("auth", "sales", "--code", "the-code")

    told = place.run("auth", "sales", "--show").stdout
    shown = place.json("auth", "sales", "--show", "--json")

    assert "the access token runs out at 20" in told
    assert (shown["state"], shown["expires_at"] - shown["renewed_at"]) == ("valid", pytest.approx(LIVES, abs=5))
    assert "access-1" not in told + json.dumps(shown)
    assert len(authority.asked) == 1


def test_an_access_that_was_withdrawn_is_shown_with_the_way_back(place: Place, authority: Authority) -> None:
    async def end(store: Store) -> None:
        await store.end_token("sales", version=1, reason="Withdrawn. Let us in again: chat2crm auth sales")

    let_in(place)
    place.on_store(end)

    assert "✗ sales: Withdrawn. Let us in again: chat2crm auth sales" in place.run("auth", "sales", "--show").stdout
    assert place.json("auth", "sales", "--show", "--json")["state"] == "authorise_again"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("auth", "sale"), "did you mean sales?"),
        (("auth", "sales"), "it shows a fixed key"),
        (("auth", "sales", "--json"), "--json belongs to --show"),
    ],
)
def test_what_cannot_be_meant_is_refused(place: Place, args: tuple[str, ...], says: str) -> None:
    done = place.run(*args)
    assert done.exit_code == 2
    assert says in done.stderr


def test_an_address_to_listen_on_is_host_and_port(place: Place, authority: Authority) -> None:
    done = place.run("auth", "sales", "--listen", "8765")
    assert done.exit_code == 2
    assert "--listen is HOST:PORT" in done.stderr


# -- other commands ----------------------------------------------------------------------------------------------------


def test_two_processes_at_once_renew_a_token_once(place: Place, authority: Authority) -> None:
    let_in(place, ran_out=True)
    authority.takes = 0.5

    both = [process(place, "check", "--live", "sales") for _ in range(2)]
    told: list[Any] = [one.communicate(timeout=60)[0] for one in both]

    assert [one.returncode for one in both] == [0, 0], told
    assert all("authorised  as Ann of Sales" in one for one in told)
    assert authority.grants() == {"refresh_token": 1}


def test_a_trial_that_asks_nobody_shows_where_the_token_will_stand(place: Place, authority: Authority) -> None:
    sample = next((ROOT / "mappings" / "providers" / "jivo").glob("chat_finished*.http"))

    done = place.run("try", "shop", str(sample))

    assert done.exit_code == 0, done.output
    assert "Authorization: Bearer TOKEN-ACCESS" in done.stdout
    assert authority.asked == []


def test_a_trial_that_asks_the_crm_uses_the_access_of_the_service(place: Place, authority: Authority) -> None:
    let_in(place, ran_out=True)
    sample = next((ROOT / "mappings" / "providers" / "jivo").glob("chat_finished*.http"))

    done = place.run("try", "shop", str(sample), "--live")

    assert done.exit_code == 0, done.output
    assert "Hits: 0" in done.stdout
    assert authority.grants() == {"refresh_token": 1}
    assert "access-1" not in done.stdout


def test_a_configuration_without_what_it_takes_to_be_let_in_does_not_pass_the_check(place: Place, authority: Authority) -> None:
    del place.config["targets"]["sales"]["oauth"]
    done = place.run("check")
    assert done.exit_code == 1
    assert "targets.sales: it lets in by OAuth 2: set `oauth:`" in done.stdout
