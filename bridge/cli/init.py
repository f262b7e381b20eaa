"""`chat2crm init`: a few questions, then config.yaml and .env."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from bridge import config
from bridge.cli.beginning import Answers, config_text, env_text
from bridge.cli.printing import DOUBTFUL, GOOD, example, mark
from bridge.config.values import HttpUrl, Region, TargetUrl, Zone
from bridge.errors import ConfigError
from bridge.mapping.load import available, load_crm, load_provider
from bridge.mapping.schema import CrmMapping, Kind
from bridge.mapping.suggestions import nearest

#: what is offered where the language says it: region, time zone
_USUAL: Mapping[str, tuple[str, str]] = {"ru": ("RU", "Europe/Moscow"), "en": ("US", "UTC")}


_PUBLIC = "Public address of this service (Enter: later)"


@click.command(epilog=example(
    "chat2crm init",
    "chat2crm init --yes --provider generic --crm sandbox --crm-url http://127.0.0.1:8090 --language en",
))
@click.option("--provider", metavar="NAME", help="The chat service's mapping, by name or path.")
@click.option("--crm", metavar="NAME", help="The CRM's mapping, by name or path.")
@click.option("--crm-url", metavar="URL", help="Where the CRM is.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="What else the CRM's mapping asks for. Repeatable.")
@click.option("--language", type=click.Choice(["ru", "en"]), help="Of notes and pages.")
@click.option("--region", metavar="XX", help="Where numbers without a country code belong, such as RU.")
@click.option("--timezone", metavar="ZONE", help="Of notes and pages, such as Europe/Moscow.")
@click.option("--public-url", metavar="URL", help="The address under which chat services will reach this service.")
@click.option("--yes", is_flag=True, help="Ask nothing: what is not said gets its usual value.")
@click.pass_obj
def init(config_path: Path, /, *, yes: bool, options: tuple[str, ...], **given: str | None) -> None:
    """Ask a few questions and write config.yaml and, beside it, .env with new secrets that only you can read.

    Nothing is overwritten. The target begins in mode: rehearse, in which everything is tried and nothing written.
    """
    _can_be_written(config_path)
    dotenv = config_path.with_name(".env")
    for path in (config_path, dotenv):
        if path.exists():
            raise click.UsageError(f"{path} is there already and is not overwritten; move it away, or name another with -c.")
    answers = _answers(given, dict(_pair(text) for text in options), config_path, yes=yes)
    try:
        config_path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{config_path.parent} cannot be made: {error.strerror}; name another place with -c.") from error
    _write(dotenv, env_text(answers), mode=0o600)
    _write(config_path, config_text(answers), mode=0o644)
    mark(GOOD, f"{config_path}: one source, one target, mode: rehearse")
    mark(GOOD, f"{dotenv}: new secrets; keep CHAT2CRM_KEY with your backups")
    _say_what_is_left(config_path)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"--option {text!r}: write KEY=VALUE.")
    return key, value


# -- the questions -----------------------------------------------------------------------------------------------------


def _answers(given: Mapping[str, str | None], options: Mapping[str, str], config_path: Path, *, yes: bool) -> Answers:
    search = [config_path.absolute().parent / "mappings"]
    spoken = _system_language()
    language = _asked(given["language"], "Language of notes and pages (ru, en)", spoken, yes=yes, choices=("ru", "en"))
    region, zone = _USUAL[language]
    provider = _mapping("provider", given["provider"], "Chat service", search, yes=yes)
    crm = _mapping("crm", given["crm"], "CRM", search, yes=yes)
    crm_mapping = load_crm(crm, search=search)
    return Answers(
        provider=provider, provider_mapping=load_provider(provider, search=search), crm=crm, crm_mapping=crm_mapping,
        crm_url=_crm_url(crm_mapping, given["crm_url"], yes=yes), language=language,
        region=_valid("region", given["region"], "Country of numbers without a country code", region, Region, yes=yes),
        timezone=_valid("timezone", given["timezone"], "Time zone", zone, Zone, yes=yes),
        public_url=_valid("public-url", given["public_url"], _PUBLIC, "", HttpUrl, yes=yes),
        options=_options(crm_mapping, options, yes=yes), token="" if yes else _token(crm_mapping),
    )  # fmt: skip


def _asked(value: str | None, question: str, usual: str, *, yes: bool, choices: tuple[str, ...] = ()) -> str:
    if value is not None:
        return value
    if yes:
        return usual
    kind: Any = click.Choice(choices) if choices else str
    answer: str = click.prompt(question, default=usual, type=kind, show_choices=False)
    return answer.strip()


def _valid(option: str, value: str | None, question: str, usual: str | None, kind: Any, *, yes: bool, hide: bool = False) -> str:
    """An answer that the configuration will take: what is asked for is asked for again, what was given is refused."""
    def read(text: str) -> str:
        try:
            return str(TypeAdapter(kind).validate_python(text.strip())) if text.strip() or usual != "" else ""
        except ValidationError as error:
            raise click.UsageError(f"--{option}: {error.errors()[0]['ctx']['error']}.") from None

    if value is not None:
        return read(value)
    if yes and usual is not None:
        return usual
    answer: str = click.prompt(question, default=usual, value_proc=read, hide_input=hide)
    return answer


def _mapping(kind: Kind, value: str | None, label: str, search: list[Path], *, yes: bool) -> str:
    known = available(kind, search=search)
    if value is None:
        if yes:
            raise click.UsageError(f"--yes needs --{kind}; there are: {', '.join(sorted(known))}.")
        click.echo(f"{label}s with a mapping: {', '.join(sorted(known))}")
        value = str(click.prompt(label, type=str)).strip()
    if value not in known and not Path(value).is_file():
        listed = ", ".join(sorted(known))
        raise click.UsageError(f"There is no {kind} mapping {value!r}{nearest(value, known)}; there are: {listed}."
                               f" `chat2crm new {kind} NAME` begins one of your own.")  # fmt: skip
    return value


def _crm_url(mapping: CrmMapping, value: str | None, *, yes: bool) -> str:
    if value is None and yes:
        raise click.UsageError("--yes needs --crm-url: the address at which you open the CRM.")
    hide = mapping.auth.kind == "url"
    remark = " (with its key; not shown)" if hide else ""
    return _valid("crm-url", value, f"Address of {mapping.title}{remark}", None, TargetUrl, yes=yes, hide=hide)


def _options(mapping: CrmMapping, given: Mapping[str, str], *, yes: bool) -> dict[str, str]:
    for name in given:
        if name not in mapping.options:
            known = ", ".join(mapping.options) or "none"
            raise click.UsageError(f"{mapping.title} has no option {name!r}{nearest(name, mapping.options)}; it has: {known}.")
    told = dict(given)
    for name, option in mapping.options.items():
        if option.required and option.default is None and name not in told:
            if yes:
                raise click.UsageError(f"--yes needs --option {name}=…: {option.about.en}.")
            told[name] = str(click.prompt(f"{name}: {option.about.en}", hide_input=option.secret)).strip()
    return told


def _token(mapping: CrmMapping) -> str:
    if mapping.auth.kind in ("none", "url"):
        return ""
    return str(click.prompt(f"Key (token) for {mapping.title}, not shown (Enter: later)", default="", hide_input=True,
                            show_default=False)).strip()  # fmt: skip


def _system_language() -> str:
    said = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "ru" if said.startswith("ru") else "en"


# -- the files ---------------------------------------------------------------------------------------------------------


def _can_be_written(path: Path) -> None:
    """Before anything is asked: is there a folder for it, or can one be made?"""
    if not path.name or path.is_dir():
        raise click.UsageError(f"{path} is a folder; name the file that is to be written, like {path / 'config.yaml'}.")
    above = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        raise click.UsageError(f"{above} is no folder, so {path} cannot be written; name another place with -c.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise click.UsageError(f"{above} is not yours to write to, so {path} cannot be; name another place with -c.")


def _write(path: Path, text: str, *, mode: int) -> None:
    """A new file, never readable by others for as much as a moment."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _say_what_is_left(config_path: Path) -> None:
    try:
        config.load(config_path, os.environ)
    except ConfigError as error:
        mark(DOUBTFUL, f"still to be put right (secrets in {config_path.with_name('.env')}):\n{error.message}")
    named = "" if config_path == Path("config.yaml") else f" -c {config_path}"
    click.echo("Next:")
    for command, why in (
        ("check", "can all of it be used? with --live and the target's name: does the CRM let us in?"),
        ("urls", "what to paste where at the chat service"),
        ("serve", "start; in mode: rehearse the ops page lists what would be written"),
    ):
        click.echo(f"  chat2crm{named} {command:<6} {why}")
