"""`chat2crm extract`: contact points out of chats, JSONL in, JSONL out, or out of a text for somebody who looks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import click

from bridge.cli import FAILED
from bridge.cli.printing import example, print_table
from bridge.cli.regions import REGION
from bridge.errors import NotUnderstood

COLUMNS = {"kind": "KIND", "as_written": "WRITTEN", "value": "GIVES", "whose": "WHOSE", "rule": "RULE"}
_WHOSE = {"own": "the visitor's own", "unclear": "perhaps the visitor's", "other": "somebody else's", None: "no contact"}


class _Chats(click.File):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            hint = "To look at a text itself: chat2crm extract --text '…'"
            raise click.BadParameter(f"{error.message}. {hint}", ctx, param) from None


@click.command(epilog=example(
    "chat2crm extract --region RU --text 'мой номер 8 916 123-45-67'",
    "echo '{\"id\": 1, \"text\": \"мой номер 8 916 123-45-67\"}' | chat2crm extract --region RU",
))
@click.argument("file", type=_Chats("rb"), required=False)
@click.option("--text", "texts", multiple=True, metavar="TEXT",
              help="Look at what a visitor wrote and say of everything in it what it was taken for; again for the next message.")
@click.option("--region", type=REGION, metavar="XX",
              help="Where numbers without a country code belong, such as RU; a record's goes first.")
@click.option("--explain", is_flag=True, help="Say of every candidate what was decided, and by which rule.")
def extract(file: IO[bytes] | None, *, texts: Sequence[str], region: str | None, explain: bool) -> int:
    """Find the visitor's phones and e-mails in chats, one JSON object a line, from FILE or standard input; or in --text.

    A line holds "id" and "text" (a text, or a list of consecutive messages of the visitor) or "messages" ([{"role", "text"}]),
    and if you like "region" and "visitor" ({"name", "phone", "email"}). A line that cannot be read is named on standard error.
    """
    if texts:
        if file is not None:
            raise click.UsageError("Give --text or a FILE, not both.")
        _tell(texts, region)
        return 0
    if file is None:
        file = sys.stdin.buffer
        if file.isatty():
            raise click.UsageError("There is nothing to read: give --text, a FILE, or chats by a pipe (--help shows how).")
    return _answer(file, region, explain=explain)


def _tell(texts: Sequence[str], region: str | None) -> None:
    from bridge.extract.lines import extract_line  # loads the phone tables: not for the sake of --help

    found = extract_line({"text": list(texts)}, region=region, explain=True)
    rows: list[Mapping[str, Any]] = [{**one, "whose": _WHOSE[one["claim"]]} for one in found["trace"]]
    if rows:
        print_table(rows, COLUMNS)
    else:
        click.echo("Nothing in it looks like a phone, an e-mail address or a messenger handle.")
    if "wishes" in found:
        click.echo(f"Wants no calls: {found['wishes']['no_calls']}")
    if region is None and found["region"] is None:
        click.echo("Numbers without a country code were read as no country's: --region says whose they are.", err=True)


def _answer(lines: Iterable[bytes], region: str | None, *, explain: bool) -> int:
    from bridge.extract.lines import extract_line

    failed = 0
    write, flush = sys.stdout.write, sys.stdout.flush
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = extract_line(_record(line), region=region, explain=explain)
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
