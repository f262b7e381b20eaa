"""`chat2crm auth`: a person lets us into a CRM that gives access for a while only."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from bridge.cli.beside import settings_of, store_at_hand
from bridge.cli.printing import BAD, DOUBTFUL, GOOD, example, local_time, mark, print_json
from bridge.cli.redirect import Listening, can_listen, listening
from bridge.clock import Clock
from bridge.config import Settings
from bridge.connections.targets import mappings_of, tokens_of, transport_to
from bridge.crm.auth import consent
from bridge.crm.auth.tokens import OAuthTokens
from bridge.crm.client import Crm
from bridge.crm.fit import account_of
from bridge.errors import AuthoriseAgain, BridgeError, ConfigError
from bridge.mapping.suggestions import nearest
from bridge.store import Store

#: reasons of a stop that are over when somebody has let us in
_OVER = frozenset({AuthoriseAgain.code, "crm_access_refused"})
#: seconds a person gets to agree
PATIENCE = 900.0


@click.command(epilog=example("chat2crm auth sales", "chat2crm auth sales --code 'http://localhost:8765/back?code=…'",
                              "chat2crm auth sales --show"))
@click.argument("target", metavar="TARGET")
@click.option("--code", metavar="CODE", help="What came back: the code, or the whole address to which the CRM sent the browser.")
@click.option("--listen", metavar="HOST:PORT", help="Wait here for the CRM to send the browser back (behind a proxy of yours).")
@click.option("--show", is_flag=True, help="Only say until when the access lasts.")
@click.option("--json", "as_json", is_flag=True, help="With --show: print JSON.")
@click.pass_obj
def auth(config_path: Path, *, target: str, code: str | None, listen: str | None, show: bool, as_json: bool) -> None:
    """Let chat2crm into the CRM of a target: prints the page to open, takes what comes back, and keeps the access.

    If `oauth.redirect_url` is an http:// address of this machine, the answer is waited for there; otherwise, copy the address to
    which the CRM sends the browser (it need not open) and paste it. The running service takes up the new access by itself.
    """
    if as_json and not show:
        raise click.UsageError("--json belongs to --show.")
    asyncio.run(_auth(settings_of(config_path), target, code, listen, show=show, as_json=as_json))


async def _auth(settings: Settings, name: str, code: str | None, listen: str | None, *, show: bool, as_json: bool) -> None:
    if name not in settings.targets:
        known = settings.targets
        raise click.UsageError(f"No target {name!r}{nearest(name, known)}; there are: {', '.join(known) or 'none yet'}.")
    async with store_at_hand(settings) as store, _tokens(settings, name, store) as (tokens, crm):
        if show:
            await _show(settings, store, tokens.name, as_json=as_json)
            return
        if tokens.name != name:
            click.echo(f"{name} uses the access of {tokens.name}; that is what is renewed.")
        held = await _let_in(tokens, code, listen)
        if held:
            await _went_well(settings, store, tokens, crm)


@asynccontextmanager
async def _tokens(settings: Settings, name: str, store: Store) -> AsyncIterator[tuple[OAuthTokens, Crm]]:
    account = account_of(settings.targets[name], settings.targets)
    if account is None:
        raise ConfigError(
            f"targets.{name}: it shows a fixed key (`token`), so nobody has to let us in; where its CRM gives access by OAuth 2, "
            "set `oauth:` in place of `token`"
        )
    owner = account[0]
    mappings = mappings_of(settings)
    transport = transport_to(mappings[owner], settings.targets[owner])
    tokens = tokens_of(settings, name, mappings, store, Clock(), {owner: transport})
    assert tokens is not None  # noqa: S101 - there is an account
    crm = Crm(owner, mappings[owner], settings.targets[owner], transport=transport, tokens=tokens, clock=Clock(), writes=False)
    try:
        yield tokens, crm
    finally:
        await crm.close()


async def _let_in(tokens: OAuthTokens, code: str | None, listen: str | None) -> bool:
    """True once the tokens are kept; False if a person has to come back with the code."""
    own = tokens.grant()
    if own is not None:
        await consent.keep(tokens, await tokens.ask(own))
        return True
    if code is None:
        redirect = tokens.settings.redirect_url or ""
        address = await consent.begin(tokens)
        click.echo("Open this page as the CRM's administrator and agree:\n")
        click.echo(f"  {address}\n")
        if listen is not None or can_listen(redirect):
            return await _wait_for(tokens, _where(listen, redirect))
        click.echo(f"Then the browser is sent to {redirect}?code=… (that page need not open). Copy that whole address.")
        if not sys.stdin.isatty():
            click.echo(f"With it: chat2crm auth {tokens.name} --code 'ADDRESS'")
            return False
        code = str(click.prompt("Paste it here", type=str))
    await consent.finish(tokens, code)
    return True


def _where(listen: str | None, redirect: str) -> Listening:
    parts = urlsplit(redirect)
    if listen is None:
        return Listening(parts.hostname or "localhost", parts.port or 80, parts.path or "/")
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal():
        raise click.UsageError("--listen is HOST:PORT, like 127.0.0.1:8765.")
    return Listening(host.strip("[]"), int(port), parts.path or "/")


async def _wait_for(tokens: OAuthTokens, where: Listening) -> bool:
    async with listening(where, lambda given: consent.is_answer(tokens, given)) as answered:
        click.echo(f"Waiting for the answer on {where}, {PATIENCE / 60:.0f} minutes at most (Ctrl-C ends it) …")
        try:
            given = await asyncio.wait_for(answered, PATIENCE)
        except TimeoutError as error:
            raise AuthoriseAgain(f"Nobody has agreed in time; begin anew: chat2crm auth {tokens.name}") from error
        await consent.finish(tokens, given)
    return True


async def _went_well(settings: Settings, store: Store, tokens: OAuthTokens, crm: Crm) -> None:
    mark(GOOD, f"{tokens.name}: we are let in; the access is kept, encrypted, in the store")
    try:
        name = await crm.who([])
        if name:
            mark(GOOD, f"as {name}")
    except BridgeError as error:
        mark(DOUBTFUL, f"as whom is not known: {error.message}")
    stops = await store.stops()
    for target, one in settings.targets.items():
        account = account_of(one, settings.targets)
        if account is not None and account[0] == tokens.name and target in stops and stops[target].reason in _OVER:
            await store.go(target)
            mark(GOOD, f"{target} goes on")


async def _show(settings: Settings, store: Store, name: str, *, as_json: bool) -> None:
    row = await store.token(name)
    had = row is not None and row.version > 0
    state = "authorise_again" if row is not None and row.ended else "valid" if had else "none"
    if as_json:
        print_json({
            "target": name, "state": state, "why": row.ended if row else "",
            "expires_at": row.expires_at if row else None, "renewed_at": row.saved_at if row else None,
        })  # fmt: skip
        return
    if row is None or not had:
        mark(BAD, f"{name}: nobody has let us in yet: chat2crm auth {name}")
        return
    if row.ended:
        mark(BAD, f"{name}: {row.ended}")
    elif row.expires_at is None:
        mark(GOOD, f"{name}: let in, until the CRM says otherwise")
    else:
        past = row.expires_at <= datetime.now(UTC).timestamp()
        mark(GOOD, f"{name}: the access token {'ran' if past else 'runs'} out at {local_time(row.expires_at, settings.zone)}; "
                   f"it is renewed {'with the next request' if past else 'before that'}")  # fmt: skip
    click.echo(f"  last renewed {local_time(row.saved_at, settings.zone)} ({settings.timezone})")
