"""The texts of a new config.yaml and .env: short, commented from the chosen mappings, with new secrets."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from bridge.crm.stated import LOSSES, needed, wanted
from bridge.mapping.schema import CrmMapping, ProviderMapping

#: a word that the configuration refuses, so that nothing starts with it
TO_BE_FILLED = "CHANGE_ME"
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    provider: str
    provider_mapping: ProviderMapping
    crm: str
    crm_mapping: CrmMapping
    crm_url: str
    language: str
    region: str
    timezone: str
    public_url: str = ""
    options: dict[str, str] = field(default_factory=dict)
    #: '': to be filled in later
    token: str = ""

    @property
    def key_in_url(self) -> bool:
        return self.crm_mapping.auth.kind == "url"

    @property
    def needs_token(self) -> bool:
        return self.crm_mapping.auth.kind not in ("none", "url")

    @property
    def provider_makes_secret(self) -> bool:
        paste = self.provider_mapping.paste
        ours_goes_nowhere = paste is not None and paste.secret == "none"  # noqa: S105 - a place, not a secret
        return ours_goes_nowhere and _proves(self.provider_mapping)


def config_text(answers: Answers) -> str:
    """A configuration that `check` can be run on; every secret is a reference into .env."""
    return "\n".join([*_head(answers), *_source(answers), *_target(answers)]) + "\n"


def _head(answers: Answers) -> Iterator[str]:
    yield "# Written by `chat2crm init`. Every key there is: config.example.yaml; whether it can be used: `chat2crm check`."
    yield "# Secrets stand in .env beside this file and are taken in by ${NAME}."
    yield ""
    yield "store: sqlite:///data/chat2crm.db   # from the folder the service is started in"
    yield "key: ${CHAT2CRM_KEY}                # what was written is found again by it: keep it with the backups"
    yield f"timezone: {yaml_text(answers.timezone)}"
    yield f"language: {answers.language}"
    yield ""
    yield "receive:                            # what the chat service reaches"
    yield "  host: 0.0.0.0"
    yield "  port: 8080"
    if answers.public_url:
        yield f"  public_url: {yaml_text(answers.public_url)}"
    else:
        yield "  # public_url: https://bridge.yourcompany.com    # the address as the chat service sees it"
    yield ""
    yield "ops:                                # the ops page, for you: http://127.0.0.1:8081"
    yield "  host: 127.0.0.1"
    yield "  port: 8081"
    yield "  password: ${OPS_PASSWORD}"


def _source(answers: Answers) -> Iterator[str]:
    mapping = answers.provider_mapping
    paste = mapping.paste
    yield ""
    yield "sources:"
    yield f"  site:                             # {mapping.title}; its address: `chat2crm urls`"
    yield f"    provider: {yaml_text(answers.provider)}"
    if paste is not None:
        yield f"    # paste the address at: {_both(paste.where, answers.language)}"
        if paste.events:
            yield f"    # events to tick: {', '.join(paste.events)}"
        if paste.note is not None:
            yield f"    # {_both(paste.note, answers.language)}"
    if _proves(mapping):
        yield "    secret: ${SITE_SECRET}"
    yield f"    region: {yaml_text(answers.region)}                      # where numbers without a country code belong"
    yield "    target: crm"
    yield "    # hours: Mo-Fr 09:00-18:00      # first response is counted within them; 24/7 if left out"
    yield "    # own:                          # numbers and addresses of yours that are never a visitor's"
    yield "    #   phones: ['+7 495 000-00-00']"


def _target(answers: Answers) -> Iterator[str]:
    mapping = answers.crm_mapping
    yield ""
    yield "targets:"
    yield f"  crm:                              # {mapping.title}"
    yield f"    crm: {yaml_text(answers.crm)}"
    yield f"    url: {'${CRM_URL}' if answers.key_in_url else yaml_text(answers.crm_url)}"
    if answers.needs_token:
        yield from _key(mapping)
    yield "    mode: rehearse                  # everything but the writing; write: when what it lists looks right"
    for name, option in mapping.options.items():
        yield f"    # {_both(option.about, answers.language)}"
        if name in answers.options:
            yield f"    {name}: {_variable(name) if option.secret else yaml_text(answers.options[name])}"
        else:
            yield f"    # {name}: {yaml_text(option.default or '…')}"
    yield from _statements(mapping)
    for operation, words in mapping.triggers.items():
        yield f"    # what a {operation} sets off in the CRM: {_both(words, answers.language)}"
    yield "    # no_contact: wait 24h          # neither phone nor e-mail: wait for one, then skip; create; skip"
    yield "    # deal: none                    # none, if_none_open, new_client, always"
    yield "    # missed: task                  # nobody answered: task, none"


def _key(mapping: CrmMapping) -> Iterator[str]:
    """A key for good, or where no person has to agree and no such key exists, an integration's own."""
    if mapping.auth.grant != "client_credentials":
        yield "    token: ${CRM_TOKEN}"
        return
    yield "    oauth:"
    yield f"      client_id: {yaml_text(TO_BE_FILLED)}      # of the integration that you register there"
    yield "      client_secret: ${CRM_TOKEN}"


def _statements(mapping: CrmMapping) -> Iterator[str]:
    """Of a CRM that is spoken to in SQL: which ones there are, the necessary ones first."""
    named = {one.name: LOSSES.get(one.part, "") for one in wanted(mapping)}
    if named:
        first = needed(mapping)
        yield "    # the statements for your own tables, of which the page of this CRM has examples; what is lost without each:"
        yield "    # sql:"
        for name in sorted(named, key=lambda name: name not in first):
            yield f"    #   {name}: …   # {named[name]}"


def env_text(answers: Answers) -> str:
    """The secrets, new ones but for those that only the provider or the CRM can make."""
    lines = ["# Secrets of chat2crm, made by `chat2crm init`. Nobody else may read this file."]
    lines += ["", "# what was written into the CRM is found again by it: keep it with the backups, never change it",
              f"CHAT2CRM_KEY={secrets.token_hex(32)}", f"OPS_PASSWORD={secrets.token_urlsafe(12)}"]  # fmt: skip
    if _proves(answers.provider_mapping):
        title = answers.provider_mapping.title
        if answers.provider_makes_secret:
            lines += ["", f"# {title} makes it: copy it from the webhook there", f"SITE_SECRET={TO_BE_FILLED}"]
        else:
            lines += ["", f"# shared with {title}; `chat2crm urls` says where it goes",
                      f"SITE_SECRET={_new_secret(answers.provider_mapping)}"]  # fmt: skip
    if answers.key_in_url:
        lines += ["", f"# the address of {answers.crm_mapping.title} holds its key", f"CRM_URL={_env(answers.crm_url)}"]
    if answers.needs_token:
        lines += ["", f"# the key that {answers.crm_mapping.title} gave you; its page in docs/crms says where",
                  f"CRM_TOKEN={_env(answers.token) if answers.token else TO_BE_FILLED}"]  # fmt: skip
    for name, option in answers.crm_mapping.options.items():
        if option.secret and name in answers.options:
            lines += [f"CRM_{name.upper()}={_env(answers.options[name])}"]
    return "\n".join(lines) + "\n"


def _proves(mapping: ProviderMapping) -> bool:
    return any(rule.scheme != "none" for rule in mapping.verify)


def _new_secret(mapping: ProviderMapping) -> str:
    """One that fits the provider's ways: a signing key where its own way is to sign."""
    first = mapping.verify[0]
    if first.scheme == "standard_webhooks":
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    if first.key == "base64":
        return base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    return secrets.token_hex(20)


def _variable(name: str) -> str:
    return "${CRM_" + name.upper() + "}"


def _both(words: object, language: str) -> str:
    return " ".join(str(getattr(words, language)).split())


def yaml_text(value: str) -> str:
    """A YAML scalar that reads back as this text."""
    if _PLAIN.fullmatch(value) and value.lower() not in ("no", "yes", "on", "off", "null", "true", "false", "~"):
        return value
    return json.dumps(value, ensure_ascii=False)


def _env(value: str) -> str:
    return f"'{value}'" if "'" not in value else value
