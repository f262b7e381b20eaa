"""`chat2crm report`: the figures of the chats."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import click

from bridge.cli.beside import on_store
from bridge.cli.choosing import reading_of
from bridge.cli.printing import example, heading, print_json, print_table
from bridge.config import Settings
from bridge.errors import Refused
from bridge.report.reports import By, Made, Report, Wanted, as_csv, report_of
from bridge.report.reports.figures import SHOWN, Figures, Kind
from bridge.report.words.language import span
from bridge.store import Store
from bridge.store.reports import BY

#: figure → the heading of its column
COLUMNS = {
    "chats": "CHATS", "missed": "MISSED", "abandoned": "ABANDONED", "answered_30_share": "≤30 S", "answered_60_share": "≤60 S",
    "first_response_median_s": "MEDIAN", "first_response_p90_s": "P90", "duration_s": "LASTED", "longest_gap_s": "GAP",
    "handoffs": "HAND-OFFS", "contact_share": "CONTACT", "new_clients": "NEW", "known_clients": "KNOWN", "deals": "DEALS",
}  # fmt: skip
_KINDS: Mapping[str, Kind] = {one.name: one.kind for one in SHOWN}
_DAY = click.DateTime(["%Y-%m-%d"])
#: what stands in the place of a key that is empty
NOTHING = {"operator": "(nobody)", "page": "(no page)", "utm": "(no campaign)"}


@click.command(epilog=example("chat2crm report", "chat2crm report --from 2026-11-01 --to 2026-11-30 --by operator --csv nov.csv"))
@click.option("--from", "since", type=_DAY, metavar="DAY", help="First day, such as 2026-11-01; default: 30 days with the last.")
@click.option("--to", "until", type=_DAY, metavar="DAY", help="Last day; default: today.")
@click.option("--by", type=click.Choice(list(BY)), default="day", show_default=True, help="What each line is of.")
@click.option("--source", metavar="NAME", help="Only chats of this source.")
@click.option("--site", metavar="NAME", help="Only chats of this customer: a file that `include` names, without its ending.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
              help="Write all figures for a spreadsheet; `-`: print them.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@click.pass_obj
def report(
    config_path: Path, *, since: dt.datetime | None, until: dt.datetime | None, by: str, source: str | None, site: str | None,
    csv_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Count chats: missed, abandoned, how soon they were answered, what they brought. docs/kpi.md defines each figure."""
    if csv_file is not None and as_json:
        raise click.UsageError("--csv and --json exclude one another.")

    async def work(settings: Settings, store: Store) -> Made:
        reports = (await reading_of(settings, store, site)).reports
        known = sorted({*(settings.sources if site is None else settings.only(site).sources), *await reports.sources()})
        if source is not None and source not in known:
            raise click.UsageError(f"There is no source {source!r}; there are: {', '.join(known)}.")
        today = dt.datetime.now(settings.zone).date()
        try:
            wanted = Wanted.exactly(since and since.date(), until and until.date(), cast("By", by), source, today)
        except Refused as error:
            raise click.UsageError(error.message) from None
        return await report_of(reports, wanted)

    made = on_store(config_path, work).report
    if as_json:
        print_json(made.model_dump(mode="json", by_alias=True))
    elif csv_file is not None:
        _write(csv_file, as_csv(made))
    else:
        _print(made)


def _write(file: Path, text: str) -> None:
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise click.UsageError(f"{file}: cannot be written: {error.strerror}.") from None
    click.echo(f"{file}: {text.count(chr(10)) - 1} lines.")


def _print(made: Report) -> None:
    if not made.lines:
        click.echo(f"No chat began from {made.since} to {made.until}."
                   + (f" Chats are counted since {made.first_day}." if made.first_day else ""))  # fmt: skip
        return
    heading(f"{made.since} – {made.until}" + (f", {made.source}" if made.source else ""))
    total = made.total
    parts = [("all chats", total.all), ("within hours", total.within), ("outside hours", total.outside)]
    print_table([_row(name, found) for name, found in parts if found is not None], {"key": "", **COLUMNS})
    if total.all.ratings:
        click.echo("ratings: " + ", ".join(f"{key} × {number}" for key, number in total.all.ratings.items()))
    click.echo()
    print_table([_row(one.key or NOTHING.get(made.by, "-"), one.all) for one in made.lines], {"key": made.by.upper(), **COLUMNS})
    click.echo("-: not known.", err=True)


def _row(key: str, found: Figures) -> dict[str, Any]:
    return {"key": key, **{name: _said(getattr(found, name), _KINDS[name]) for name in COLUMNS}}


def _said(value: float | None, kind: Kind) -> str:
    if value is None:
        return "-"
    if kind == "share":
        return f"{value * 100:.0f} %"
    return span(value, "en") if kind == "span" else str(value)
