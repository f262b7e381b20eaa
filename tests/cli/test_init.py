from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from place import Place

from bridge import config
from bridge.cli import cli
from bridge.cli.beginning import TO_BE_FILLED, yaml_text
from bridge.config.references import read_dotenv
from bridge.mapping import strict
from bridge.mapping.load import available
from bridge.verify import what_is_wrong_with

YES = ("init", "--yes", "--crm-url", "http://crm.lan", "--language", "ru")


@pytest.fixture
def empty(place: Place) -> Place:
    place.config = {}
    return place


def dotenv(place: Place) -> Path:
    return place.folder / ".env"


@pytest.mark.parametrize("provider", sorted(available("provider")))
@pytest.mark.parametrize("crm", ["sandbox", "espocrm"])
def test_what_is_written_can_be_used_as_soon_as_its_secrets_are_filled_in(empty: Place, provider: str, crm: str) -> None:
    done = empty.run(*YES, "--provider", provider, "--crm", crm)
    assert done.exit_code == 0, done.output
    dotenv(empty).write_text(dotenv(empty).read_text(encoding="utf-8").replace(TO_BE_FILLED, "f" * 40), encoding="utf-8")
    settings = config.load(empty.path, {})
    assert settings.targets["crm"].mode == "rehearse"
    assert settings.language == "ru"
    assert settings.sources["site"].region == "RU"
    for command in ("check", "urls", "serve"):
        assert f"chat2crm -c {empty.path} {command}" in done.stdout


def test_a_crm_that_is_spoken_to_in_sql_gets_its_statements_listed_and_check_says_which_are_missing(empty: Place) -> None:
    done = empty.run(*YES, "--provider", "generic", "--crm", "regionsoft", "--option", r"db_path=D:\CRM\BASE.FDB")
    assert done.exit_code == 0, done.output
    text = empty.path.read_text(encoding="utf-8")
    assert r'db_path: "D:\\CRM\\BASE.FDB"' in text
    listed = [line.split(":")[0].strip("# ") for line in text.splitlines() if "…   #" in line]
    assert listed[:3] == ["read", "create", "add_event"]
    assert {"find_by_phone", "find_event", "enrich"} < set(listed)
    checked = empty.run("check")
    assert checked.exit_code == 1
    assert "sql.add_event is missing: without it no chat could be written" in checked.output


def test_secrets_are_new_each_time_and_for_the_owner_alone(empty: Place, tmp_path: Path) -> None:
    assert empty.run(*YES, "--provider", "jivo", "--crm", "sandbox").exit_code == 0
    assert stat.S_IMODE(dotenv(empty).stat().st_mode) == 0o600
    first = read_dotenv(dotenv(empty))
    assert {"CHAT2CRM_KEY", "OPS_PASSWORD", "SITE_SECRET", "CRM_TOKEN"} == set(first)
    assert what_is_wrong_with("equality", first["SITE_SECRET"]) is None
    assert not any(value in empty.path.read_text(encoding="utf-8") for value in first.values())
    other = Place(tmp_path / "other")
    assert other.run(*YES, "--provider", "generic", "--crm", "sandbox").exit_code == 0
    second = read_dotenv(dotenv(other))
    assert not {first["CHAT2CRM_KEY"], first["OPS_PASSWORD"]} & set(second.values())
    assert what_is_wrong_with("standard_webhooks", second["SITE_SECRET"]) is None


def test_what_others_make_is_left_to_be_filled_in_and_nothing_starts_before(empty: Place) -> None:
    done = empty.run(*YES, "--provider", "tawkto", "--crm", "sandbox")
    secrets = read_dotenv(dotenv(empty))
    assert (secrets["SITE_SECRET"], secrets["CRM_TOKEN"]) == (TO_BE_FILLED, TO_BE_FILLED)
    assert "sources.site.secret" in done.stdout
    assert empty.run("check").exit_code == 2


def test_nothing_is_overwritten(empty: Place) -> None:
    dotenv(empty).write_text("A=1\n", encoding="utf-8")
    done = empty.run(*YES, "--provider", "jivo", "--crm", "sandbox")
    assert done.exit_code == 2
    assert "not overwritten" in done.stderr
    assert not empty.path.exists()
    assert dotenv(empty).read_text(encoding="utf-8") == "A=1\n"


def test_a_person_is_asked_what_was_not_said(empty: Place) -> None:
    answers = "en\njivo\nsandbox\nhttp://127.0.0.1:8090\nKZ\nAsia/Almaty\n\nthe-key\n"
    done = empty.run("init", input=answers)
    assert done.exit_code == 0, done.output
    settings = config.load(empty.path, {})
    assert (settings.language, settings.timezone) == ("en", "Asia/Almaty")
    assert settings.sources["site"].region == "KZ"
    token = settings.targets["crm"].token
    assert token is not None
    assert token.get_secret_value() == "the-key"
    assert "the-key" not in done.output
    assert empty.run("check").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--provider", "jvo", "--crm", "sandbox"], "did you mean jivo?"),
        (["--crm", "sandbox"], "--yes needs --provider"),
        (["--provider", "jivo", "--crm", "espocrm_calls"], "--option assigned_user_id="),
        (["--provider", "jivo", "--crm", "espocrm_calls", "--option", "asigned_user_id=5"], "did you mean assigned_user_id?"),
        (["--provider", "jivo", "--crm", "sandbox", "--option", "x"], "KEY=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(empty: Place, arguments: list[str], remedy: str) -> None:
    done = empty.run(*YES, *arguments)
    assert done.exit_code == 2
    assert remedy in done.stderr
    assert list(empty.folder.iterdir()) == []


def test_what_the_crm_asks_for_is_written_and_explained(empty: Place) -> None:
    done = empty.run(*YES, "--provider", "jivo", "--crm", "espocrm_calls", "--option", "assigned_user_id=5")
    assert done.exit_code == 0, done.output
    text = empty.path.read_text(encoding="utf-8")
    assert "    assigned_user_id: 5" in text
    assert "# id сотрудника" in text
    assert "Управление → Каналы связи" in text


@pytest.mark.parametrize("value", ["no", "a: b", "# x", "'", "http://x:1/?a=b&c", "\u00e9", "", "5", "{a}", "Europe/Moscow"])
def test_every_text_reads_back_as_itself(value: str) -> None:
    read: Any = strict.read(f"a: {yaml_text(value)}\n", "x").value
    assert read == {"a": value}


def test_a_crm_that_lets_in_an_integration_without_a_person_gets_a_place_for_its_id_and_secret(empty: Place) -> None:
    done = empty.run(*YES, "--provider", "generic", "--crm", "salesforce")
    assert done.exit_code == 0, done.output
    text = empty.path.read_text(encoding="utf-8").replace(TO_BE_FILLED, "3MVG9")
    empty.path.write_text(text, encoding="utf-8")
    dotenv(empty).write_text(dotenv(empty).read_text(encoding="utf-8").replace(TO_BE_FILLED, "f" * 40), encoding="utf-8")
    one = config.load(empty.path, {}).targets["crm"]
    assert one.token is None
    assert one.oauth is not None
    assert one.oauth.client_id == "3MVG9"
    assert one.oauth.client_secret is not None


GENERIC = ("--provider", "generic", "--crm", "sandbox")


@pytest.mark.parametrize(("given", "says"), [
    (("--crm-url", "127.0.0.1:8090"), "--crm-url: '127.0.0.1:8090' is not a web address"),
    (("--timezone", "Mars/Port"), "--timezone: 'Mars/Port' is no time zone"),
    (("--public-url", "bridge"), "--public-url: 'bridge' is not a web address"),
    (("--region", "UK"), "--region: 'UK' is no country with phone numbers (GB was meant"),
])  # fmt: skip
def test_what_the_configuration_would_refuse_is_refused_before_anything_is_written(
    empty: Place, given: tuple[str, str], says: str
) -> None:
    done = empty.run(*YES, *GENERIC, *given)
    assert done.exit_code != 0
    assert says in done.output
    assert not empty.path.exists()
    assert not dotenv(empty).exists()


def test_who_is_asked_is_asked_again(empty: Place) -> None:
    answers = ["127.0.0.1:8090", "http://127.0.0.1:8090/", "UK", "gb", "Mars", "Europe/London", "bridge", "", ""]
    done = empty.run("init", *GENERIC, "--language", "en", input="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    settings = yaml.safe_load(empty.path.read_text(encoding="utf-8"))
    assert (settings["timezone"], settings["sources"]["site"]["region"]) == ("Europe/London", "GB")
    assert settings["targets"]["crm"]["url"] == "http://127.0.0.1:8090"


@pytest.mark.parametrize(("place", "says"), [
    (".", ". is a folder; name the file that is to be written, like config.yaml"),
    ("file/config.yaml", "is no folder, so file/config.yaml cannot be written; name another place with -c"),
    ("file/deeper/config.yaml", "is no folder"),
])  # fmt: skip
def test_a_place_at_which_nothing_can_be_written_is_told_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    done = CliRunner().invoke(cli, ["-c", place, "init"])
    assert done.exit_code == 2
    assert says in done.output
    assert "Language" not in done.output
