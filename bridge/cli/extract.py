"""`chat2crm extract`: contact points out of chats, JSONL in, JSONL out."""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO

import click

from bridge.cli import FAILED
from bridge.cli.printing import example
from bridge.errors import NotUnderstood


@click.command(epilog=example(
    "echo '{\"id\": 1, \"text\": \"мой номер 8 916 123-45-67\"}' | chat2crm extract --region RU",
))
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--region", metavar="XX", help="Where numbers without a country code belong, such as RU; a record's goes first.")
@click.option("--explain", is_flag=True, help="Say of every candidate what was decided, and by which rule.")
def extract(file: BinaryIO, *, region: str | None, explain: bool) -> int:
    """Find the visitor's phones and e-mails in chats, one JSON object a line, from FILE or standard input.

    A line holds "id" and "text" (a text, or a list of consecutive messages of the visitor) or "messages" ([{"role", "text"}]),
    and if you like "region" and "visitor" ({"name", "phone", "email"}). A line that cannot be read is named on standard error.
    """
    from bridge.extract.lines import extract_line  # loads the phone tables: only this command needs them here

    if region is not None and (len(region) != 2 or not region.isalpha()):  # noqa: PLR2004 - a country's two letters
        raise click.UsageError(f"--region {region!r}: write a country's two letters, such as RU.")
    failed = 0
    write, flush = sys.stdout.write, sys.stdout.flush
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            found = extract_line(_record(line), region=region.upper() if region else None, explain=explain)
        except NotUnderstood as error:
            failed += 1
            click.echo(f"line {number}: {error.message}", err=True)
            continue
        write(json.dumps(found, ensure_ascii=False) + "\n")
        flush()  # whoever feeds it line by line waits for the answer
    if failed:
        click.echo(f"{failed} line(s) could not be read.", err=True)
    return FAILED if failed else 0


def _record(line: bytes) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(f"this is no JSON: {error}") from error
    return record
