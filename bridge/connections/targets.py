"""A configured use of a CRM, ready for work: its settings, its mapping, and the CRM as it is spoken to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.clock import Clock
from bridge.config import Settings, TargetSettings
from bridge.crm.auth.sealing import Seal
from bridge.crm.auth.tokens import OAuthTokens
from bridge.crm.client import Crm
from bridge.crm.fit import account_of, fit, unborne
from bridge.errors import ConfigError
from bridge.mapping.load import load_crm
from bridge.mapping.schema import CrmMapping
from bridge.model import Step
from bridge.pacing.board import Board
from bridge.store import Store
from bridge.transport import Sends, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    settings: TargetSettings
    mapping: CrmMapping
    crm: Crm

    @property
    def name(self) -> str:
        return self.settings.name


def load_targets(
    settings: Settings, clock: Clock, *, writes: bool = True, store: Store | None = None,
    observe: Callable[[str], Callable[[Step], None]] | None = None, board: Board | None = None,
) -> dict[str, Target]:
    """All that the config names; with `writes=False` nothing but searches and reads can be sent. `store` keeps the access tokens
    of those that have some; without it they cannot be spoken to. `observe` gives for a target what takes the step of each of
    its calls. With a `board` replicas keep to a CRM's limits together.

    Raises MappingError, ConfigError. Their connections are to be closed with `crm.close()`.
    """  # fmt: skip
    mappings = mappings_of(settings)
    transports = {name: transport_to(mappings[name], one) for name, one in settings.targets.items()}
    accounts: dict[str, OAuthTokens] = {}
    made = {}
    for name, one in settings.targets.items():
        tokens = tokens_of(settings, name, mappings, store, clock, transports) if store is not None else None
        if tokens is not None:  # one object for all that share an account, so that they wait for one renewal
            tokens = accounts.setdefault(tokens.name, tokens)
        made[name] = Target(
            settings=one,
            mapping=mappings[name],
            crm=Crm(
                name, mappings[name], one, transport=transports[name], tokens=tokens, clock=clock, writes=writes,
                observe=observe(name) if observe is not None else None, board=board,
            ),
        )  # fmt: skip
    return made


def mappings_of(settings: Settings) -> dict[str, CrmMapping]:
    """Target → its CRM's mapping, as far as the target's configuration bears it. Raises MappingError, ConfigError."""
    search = settings.mapping_folders
    loaded = {name: load_crm(name, search=search) for name in {one.crm for one in settings.targets.values()}}
    settings.check_against(lambda crm: loaded[crm].options)
    fitted, wrong = {}, []
    for name, one in settings.targets.items():
        try:
            fitted[name] = fit(loaded[one.crm], one)
        except ConfigError as error:
            wrong += [f"{_place(settings, name, text)}: {text}" for text in error.message.split("\n")]
    if wrong:
        raise ConfigError("\n".join(wrong))
    wrong = [text for number, route in enumerate(settings.routes, start=1)
             for text in unborne(fitted[route.target], route.options, f"routes, number {number}")]  # fmt: skip
    if wrong:
        raise ConfigError("\n".join(wrong))
    return fitted


def _place(settings: Settings, target: str, text: str) -> str:
    """Where that stands of which a sentence like `targets.NAME: KEY: …` speaks."""
    found = re.match(r"[`]?([a-z_]+)", text.removeprefix(f"targets.{target}: "))
    return settings.place_of(target, found[1] if found else "")


def transport_to(mapping: CrmMapping, one: TargetSettings) -> Sends:
    """Connections of a target; of one whose endpoint asks nobody for a key, to private addresses only."""
    if mapping.carrier == "mail":
        from bridge.transport.mailing import MailTransport  # what speaks to mail servers is loaded by whoever has one

        return MailTransport(timeout=one.timeout)
    return Transport(timeout=one.timeout, only_private=mapping.only_private and not one.allow_public)


def tokens_of(
    settings: Settings, name: str, mappings: Mapping[str, CrmMapping], store: Store, clock: Clock, transports: Mapping[str, Sends]
) -> OAuthTokens | None:
    """The access tokens of a target, or of the one whose tokens it uses; None if it shows a fixed key."""
    account = account_of(settings.targets[name], settings.targets)
    if account is None:
        return None
    owner, oauth = account
    one, mapping = settings.targets[owner], mappings[owner]
    defaults = {key: option.default for key, option in mapping.options.items()}
    return OAuthTokens(
        owner, mapping, oauth, {**defaults, **one.scope()}, vault=store, seal=Seal(settings.key.get_secret_value()),
        transport=transports[owner], clock=clock, timeout=one.timeout,
    )  # fmt: skip
