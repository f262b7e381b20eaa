"""`chat2crm urls`: what to paste where at the chat services."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from bridge.cli.addresses import hook_path, public_base, ways
from bridge.cli.beside import settings_of
from bridge.cli.printing import BAD, DOUBTFUL, example, heading, mark, print_json
from bridge.config import Settings
from bridge.connections.sources import Source, load_sources

HIDDEN = "***"


@click.command(epilog=example("chat2crm urls", "chat2crm urls --json --show-secrets"))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list; secrets are masked there.")
@click.option("--show-secrets", is_flag=True, help="Do not mask them in --json, either.")
@click.pass_obj
def urls(config_path: Path, *, as_json: bool, show_secrets: bool) -> None:
    """Print for each source the address to paste, where to paste it, the events to tick and the secret's place.

    The addresses and secrets are printed whole, since they are to be pasted: mind who looks on.
    """
    settings = settings_of(config_path)
    sources = load_sources(settings)
    if as_json:
        print_json([_told(settings, source, show=show_secrets) for source in sources.values()])
        return
    if not sources:
        click.echo("There is no source yet; add one under `sources:`.")
    for source in sources.values():
        _print(_told(settings, source, show=True))
    _say_who_can_reach_it(settings)


def _told(settings: Settings, source: Source, *, show: bool) -> dict[str, Any]:
    paste = source.mapping.paste
    language = settings.language
    secret = source.keys[0] if source.keys else None
    shown = secret if show or secret is None else HIDDEN
    open_ways = list(ways(source))
    place = paste.secret if paste else None
    in_path = any(way.rule.scheme == "equality" and way.rule.place == "path" for way in open_ways)
    at_the_end = shown if in_path and (place == "path" or len(open_ways) == 1) else None
    return {
        "source": source.name,
        "provider": source.mapping.title,
        "url": public_base(settings) + (hook_path(source.name, at_the_end) if show else _masked_path(source.name, at_the_end)),
        "where": getattr(paste.where, language) if paste else None,
        "events": list(paste.events) if paste else [],
        "secret_in": place,
        "secret": shown,
        "proofs": [way.words for way in open_ways],
        "note": getattr(paste.note, language) if paste and paste.note else None,
        "secrets_accepted": len(source.keys),
        "provider_makes_secret": place == "none" and any(rule.scheme != "none" for rule in source.mapping.verify),
    }


def _masked_path(source: str, at_the_end: str | None) -> str:
    return hook_path(source) + (f"/{HIDDEN}" if at_the_end else "")


def _print(told: dict[str, Any]) -> None:
    heading(f"{told['source']} ({told['provider']})")
    click.echo(f"  address   {told['url']}")
    if told["where"]:
        click.echo(f"  paste at  {told['where']}")
    if told["events"]:
        click.echo(f"  events    {', '.join(told['events'])}")
    if told["provider_makes_secret"]:
        click.echo("  secret    the chat service makes it; it has to be the one in your config")
    elif told["secret"] and told["secret_in"] not in ("path", None):
        click.echo(f"  secret    {told['secret']}")
    for proof in told["proofs"]:
        click.echo(f"  proof     {proof}")
    if not told["proofs"]:
        mark(BAD, "no way to prove a delivery fits this source's secret, so every delivery is refused; `chat2crm check` says why",
             indent=2)
    if told["secrets_accepted"] > 1:
        click.echo(f"  rotation  {told['secrets_accepted']} secrets are accepted; the first one is shown")
    if told["note"]:
        click.echo(f"  note      {told['note']}")
    click.echo()


def _say_who_can_reach_it(settings: Settings) -> None:
    address = settings.receive.public_url
    if address is None:
        mark(DOUBTFUL, "receive.public_url is not set: these addresses are this machine's own, which chat services cannot reach.")
    elif urlsplit(address).scheme == "http" and urlsplit(address).hostname not in ("localhost", "127.0.0.1", "::1"):
        mark(DOUBTFUL, "receive.public_url is http://, so secrets and chats travel in clear; put TLS before it.")
