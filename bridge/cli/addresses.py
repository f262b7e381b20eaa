"""Where a chat service has to send its deliveries, and how each of them can prove where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import click

from bridge.config import Settings
from bridge.connections.sources import Source, load_sources
from bridge.mapping.schema import Verify
from bridge.mapping.suggestions import nearest
from bridge.verify import what_is_wrong_with

#: schemes for which the provider keeps a private key of its own
PROVIDER_SIGNS = frozenset({"rsa", "ed25519"})


@dataclass(frozen=True, slots=True)
class Way:
    """One way to prove a delivery that fits the source's secret."""

    rule: Verify
    #: what has to be done with the secret, in words without it
    words: str


def ways(source: Source) -> Iterator[Way]:
    """The ways of the provider's mapping that are open with the source's first secret, in the mapping's order."""
    secret = source.keys[0] if source.keys else ""
    for rule in source.mapping.verify:
        if rule.scheme == "none":
            yield Way(rule, "nothing: whoever knows the address can send")
        elif secret and what_is_wrong_with(rule.scheme, secret, rule.key) is None and _travels(rule, secret):
            yield Way(rule, _words(rule))


def _travels(rule: Verify, secret: str) -> bool:
    """A key that signs must never stand in a request itself."""
    return rule.scheme == "standard_webhooks" or not secret.startswith(("whsec_", "whpk_", "whsk_"))


def _words(rule: Verify) -> str:
    if rule.scheme == "equality":
        where: Mapping[str, str] = {
            "path": "the secret is the last part of the address",
            "header": f"the header {rule.name}: {rule.prefix}SECRET",
            "query": f"the address ends with ?{rule.name}=SECRET",
            "body": f"the field {rule.name} of the body holds the secret",
        }
        return where[rule.place]
    if rule.scheme == "standard_webhooks":
        return "the body is signed with the secret, by Standard Webhooks"
    return f"the body is signed ({rule.scheme}) in the {rule.place} {rule.name}"


def public_base(settings: Settings) -> str:
    """The address of the public listener as chat services see it, or, where that is not configured, as this machine does."""
    return (settings.receive.public_url or local_base(settings)).rstrip("/")


def local_base(settings: Settings) -> str:
    host = settings.receive.host
    host = "127.0.0.1" if host in ("0.0.0.0", "", "::") else host  # noqa: S104 - compared, not listened on
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.receive.port}"


def hook_path(source: str, secret: str | None = None) -> str:
    return f"/hooks/{source}" + (f"/{quote(secret, safe='')}" if secret else "")


def source_named(settings: Settings, name: str) -> Source:
    """The configured source with its mapping. Raises UsageError, MappingError."""
    if name not in settings.sources:
        known = settings.sources
        raise click.UsageError(f"No source {name!r}{nearest(name, known)}; there are: {', '.join(known) or 'none yet'}.")
    return load_sources(settings.model_copy(update={"sources": {name: settings.sources[name]}}))[name]
