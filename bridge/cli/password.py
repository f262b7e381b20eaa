"""`chat2crm password`: a hash for `ops.password_hash`."""

from __future__ import annotations

import sys

import click

from bridge.cli.printing import example
from bridge.config.passwords import hashed

#: a password of the ops page can be tried by whoever reaches it, and the hash by whoever reads it
SHORTEST = 10


@click.command(epilog=example("chat2crm password", 'printf %s "$SECRET" | chat2crm password'))
def password() -> None:
    """Ask for a password, or read it from standard input, and print the line for `ops.password_hash`."""
    if sys.stdin.isatty():
        given: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if len(given) < SHORTEST:
        raise click.UsageError(f"Take at least {SHORTEST} characters.")
    click.echo(hashed(given))
