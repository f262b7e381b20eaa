from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel, SecretStr

from bridge.config import OwnerRule, RouteOptions, Settings, load
from bridge.config.load import known_keys
from bridge.config.settings import TARGET_KEYS
from bridge.errors import ConfigError

from .conftest import ENVIRON

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text(encoding="utf-8"))
Load = Callable[..., Settings]

WHOLE = """
sources:
  shop: {provider: jivo, secret: ${SECRET}, target: sales}
targets:
  sales: {crm: sandbox, url: http://127.0.0.1:9000, token: ${TOKEN}}
"""


def wrong(load: Load, text: str, **options: Any) -> list[str]:
    """The lines of the error that a text gives, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(text, **options)
    return [re.sub(r"^.*/config\.yaml:", "", line) for line in str(caught.value).splitlines()]


# -- what is right -----------------------------------------------------------------------------------------------------


def test_a_short_file_is_a_whole_configuration(loaded: Load) -> None:
    settings = loaded(WHOLE)
    shop, sales = settings.sources["shop"], settings.targets["sales"]
    assert settings.key == SecretStr("k" * 40)
    assert (shop.name, shop.provider, shop.secret, shop.target) == ("shop", "jivo", (SecretStr(ENVIRON["SECRET"]),), "sales")
    assert (sales.name, sales.crm, sales.mode, sales.timeout) == ("sales", "sandbox", "rehearse", 20.0)
    assert (settings.retention.keys, settings.retry.longest, settings.worker.concurrency) == (730 * 86400.0, 3600.0, 16)


def test_references_may_stand_inside_braces_where_yaml_would_stumble_over_them(loaded: Load) -> None:
    settings = loaded("ops: {host: 0.0.0.0, password: ${TOKEN}, port: ${PORT}}", PORT="0")
    assert settings.ops.password == SecretStr(ENVIRON["TOKEN"])
    assert settings.ops.port == 0


def test_two_secrets_are_taken_while_one_replaces_the_other(loaded: Load) -> None:
    settings = loaded(WHOLE.replace("${SECRET}", "[${SECRET}, ${SECRET_OLD}]"))
    assert [secret.get_secret_value() for secret in settings.sources["shop"].secret] == [ENVIRON["SECRET"], ENVIRON["SECRET_OLD"]]


def test_a_routes_options_lie_over_its_targets_and_those_over_the_defaults(loaded: Load) -> None:
    settings = loaded(WHOLE.replace("token:", "deal: always, pipeline: '7', owner: {new: crm}, token:")
                      + "routes:\n- {source: shop, target: sales, deal: none, when: chat.spam}\n")  # fmt: skip
    named, last = settings.routes_of("shop")
    assert (named.options.deal, named.options.pipeline, named.options.owner) == ("none", "7", OwnerRule(new="crm"))
    assert (last.options.deal, last.options.note_on) == ("always", "client")


def test_numbers_stay_numbers_where_templates_send_them_on_and_text_elsewhere(loaded: Load) -> None:
    settings = loaded(WHOLE.replace("token:", "fields: {a: 5, b: '5', c: true}, board: 12, phone: '12', pipeline: 7, token:"))
    sales = settings.targets["sales"]
    assert sales.fields == {"a": 5, "b": "5", "c": True}
    assert sales.extra == {"board": 12, "phone": "12"}
    assert sales.options.pipeline == "7"
    scope = sales.scope()
    assert (scope["board"], scope["token"], scope["url"], scope["name"]) == (12, ENVIRON["TOKEN"], sales.url, "sales")


def test_nothing_is_turned_into_a_truth_value_or_a_number_behind_ones_back(loaded: Load) -> None:
    settings = loaded("own: {phones: [+79161234567, 01234]}\ntargets: {sales: {crm: no}}\n")
    assert (settings.own.phones, settings.targets["sales"].crm) == (("+79161234567", "01234"), "no")


def test_loading_remembers_nothing_and_the_same_file_gives_the_same_settings(loaded: Load) -> None:
    assert loaded(WHOLE) == loaded(WHOLE)
    assert loaded(WHOLE) != loaded(WHOLE + "language: ru\n")


def test_the_files_that_secrets_came_from_are_known(loaded: Load, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    (tmp_path / ".env").write_text("UNUSED=1\n")
    settings = loaded(WHOLE.replace("${TOKEN}", "${file:token}"))
    assert settings.targets["sales"].token == SecretStr("from-a-file")
    assert settings.secret_files == (tmp_path / ".env", tmp_path / "token")
    assert settings.origin == tmp_path / "config.yaml"
    assert settings.mapping_folders == [tmp_path / "mappings"]


# -- what is wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["says"][:60])
def test_a_mistake_gives_its_place_what_is_wrong_and_what_to_do(loaded: Load, mistake: dict[str, str]) -> None:
    assert mistake["says"] in wrong(loaded, mistake["file"])


def test_each_mistake_is_said_once_and_all_are_said_at_once(loaded: Load) -> None:
    said = wrong(loaded, "timezone: Mars\nreceive: {port: -1, prot: 2}\nsources: {a: {provider: x, target: b}, c: {}}\n")
    assert [line.split(": ")[1] for line in said] == ["timezone", "receive.port", "receive.prot", "sources.c.provider"]


def test_a_missing_variable_is_said_once_and_the_value_is_not_complained_about_again(loaded: Load, tmp_path: Path) -> None:
    assert wrong(loaded, "receive: {port: ${NOPE}}\ntimezone: ${ZONE}") == [
        f"2:11: receive.port: the environment variable NOPE is not set; set it, or write NOPE=… into {tmp_path}/.env",
        f"3:1: timezone: the environment variable ZONE is not set; set it, or write ZONE=… into {tmp_path}/.env",
    ]


def test_no_key_names_the_command_that_makes_one(loaded: Load) -> None:
    (said,) = wrong(loaded, "language: en", key=False)
    assert said == "1:1: key: is missing; `chat2crm init` makes one; keep it with the backups"


def test_a_short_key_is_refused_without_being_shown(loaded: Load) -> None:
    said = wrong(loaded, "", KEY="hunter2")
    assert said == ["1:1: key: the key is shorter than 32 characters; `chat2crm init` makes a good one"]


def test_an_expression_that_cannot_be_read_is_refused_at_the_route(loaded: Load) -> None:
    (said,) = wrong(loaded, WHOLE + "routes:\n- {source: shop, target: sales, when: 'contains(page.url'}\n")
    assert said.startswith("8:33: routes.0.when: ")


@pytest.mark.parametrize("value", ["https://crm.example.com", "https://example.org/x", "a@example.com", "CHANGE_ME", "change-me"])
def test_a_placeholder_left_in_names_the_command_that_helps(loaded: Load, value: str) -> None:
    (said, *_) = wrong(loaded, f"receive: {{host: '{value}'}}")
    assert said == (f"2:11: receive.host: {value!r} is a placeholder of the example; put your own in its place, or let"
                    " `chat2crm init` ask and write the file")  # fmt: skip


def test_a_placeholder_that_came_from_a_variable_is_refused_without_being_shown(loaded: Load) -> None:
    (said, *_) = wrong(loaded, "alerts: {url: ${HOOK}}", HOOK="https://example.com/secret-part")
    assert "secret-part" not in said
    assert "the value is a placeholder" in said


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "just words\n"])
def test_a_file_with_nothing_in_it_names_the_command_that_helps(loaded: Load, text: str) -> None:
    assert wrong(loaded, text, key=False) == ["1:1: there is nothing in it that can be used; `chat2crm init` writes a beginning"]


def test_what_is_no_yaml_is_refused_with_its_place(loaded: Load) -> None:
    (said,) = wrong(loaded, "receive: {port: 1\nops: 2\n")
    assert re.match(r"\d:\d+: YAML: ", said)


def test_no_file_and_no_text_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; `chat2crm init` writes one, -c or CHAT2CRM_CONFIG names another"):
        load(tmp_path / "config.yaml", {})
    (tmp_path / "config.yaml").write_bytes(b"key: \xff")
    with pytest.raises(ConfigError, match="cannot be read: it is not UTF-8 text"):
        load(tmp_path / "config.yaml", {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


def test_a_broken_dotenv_is_refused_with_its_line(loaded: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("what is this\n")
    with pytest.raises(ConfigError, match=r"\.env:1: this is no line"):
        loaded(WHOLE)


# -- the example -------------------------------------------------------------------------------------------------------


def test_the_example_can_be_used_once_its_secrets_are_there() -> None:
    settings = load(EXAMPLE, ENVIRON, example=True)
    settings.check_against(lambda _: ())
    assert list(settings.sources) == ["shop"]


def test_the_example_as_it_stands_is_refused_for_its_placeholders() -> None:
    with pytest.raises(ConfigError) as caught:
        load(EXAMPLE, ENVIRON)
    assert {line.split(": ")[1] for line in str(caught.value).splitlines()} == {
        "receive.public_url", "own.emails.0", "own.domains.0", "targets.sales.url",
    }  # fmt: skip


def test_the_example_names_every_key_there_is() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|[{,]) *(?:# |- )?([a-z_]+):(?= |$)", text, re.MULTILINE))
    assert set(every_key(Settings)) - named == set()


def test_the_example_shows_the_defaults() -> None:
    settings = load(EXAMPLE, ENVIRON, example=True)
    plain = Settings(key=SecretStr("k" * 40))
    for part in ("retention", "worker", "retry"):
        assert getattr(settings, part) == getattr(plain, part)
    assert settings.targets["sales"].options == RouteOptions()
    assert settings.receive == plain.receive.model_copy(update={"public_url": "https://bridge.example.com"})


def every_key(model: type[BaseModel]) -> Iterator[str]:
    yield from known_keys(model, ("x",))
    for field in model.model_fields.values():
        yield from (key for inner in models_in(field.annotation) for key in every_key(inner))


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def test_every_option_of_a_route_may_stand_at_a_target() -> None:
    assert set(RouteOptions.model_fields) <= TARGET_KEYS
    assert set(RouteOptions.model_fields) <= set(known_keys(Settings, ("routes", 0, "x")))
