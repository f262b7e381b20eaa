"""How commands print: for people on a terminal with colours and a bar, for everything else plain lines, for scripts JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote

import click

GOOD, BAD, DOUBTFUL = "✓", "✗", "!"
_COLOURS = {GOOD: "green", BAD: "red", DOUBTFUL: "yellow"}

Row = Mapping[str, Any]


def example(*lines: str) -> str:
    """The end of a command's help: lines that can be typed as they stand."""
    return "\b\n" + "\n".join((f"Example{'s' * (len(lines) > 1)}:", *(f"  {line}" for line in lines)))


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def mark(sign: str, text: str, *, indent: int = 0) -> None:
    """One line with its sign: `GOOD`, `BAD` or `DOUBTFUL`; further lines of the text stand below its beginning."""
    blanks = " " * indent
    first, *rest = text.splitlines() or [""]
    click.echo(f"{blanks}{click.style(sign, fg=_COLOURS[sign])} {first}")
    for line in rest:
        click.echo(f"{blanks}  {line}")


def heading(text: str) -> None:
    click.echo(click.style(text, bold=True))


def print_table(rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    """Rows as a table; `columns`: key → heading. On a terminal long cells are folded, elsewhere a row is one line."""
    if sys.stdout.isatty():
        from rich.console import Console  # only a terminal needs it
        from rich.table import Table

        table = Table(*columns.values(), box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*(_cell(row.get(key)).replace("[", r"\[") for key in columns))
        Console().print(table)
        return
    lines = [tuple(columns.values()), *(tuple(" ".join(_cell(row.get(key)).split()) for key in columns) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def local_time(seconds: float | None, zone: tzinfo = UTC) -> str:
    """Seconds since 1970 as people of that time zone write them; '' for never."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Any]:
    """Show how far long work is: a bar on a terminal, a line at its end elsewhere. What it yields is called for each step.
    `total` None: nobody knows how much there is.
    """
    if not sys.stderr.isatty():
        done = 0

        def count(step: int = 1) -> None:
            nonlocal done
            done += step

        yield count
        click.echo(f"{what}: {done}" if total is None else f"{what}: {done} of {total}", err=True)
        return
    from rich.console import Console  # only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)

        def move(step: int = 1) -> None:
            bar.advance(task, step)

        yield move


def confirmed(question: str, *, yes: bool) -> None:
    """Go on only if a person says so. Raises click.Abort if not, UsageError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can be asked here: say --yes.")
    click.confirm(question, abort=True)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, also as they look in an address."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in (secret, quote(secret, safe=""), quote(secret)):
            text = text.replace(form, "***")
    return text
