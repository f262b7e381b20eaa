"""`chat2crm forget` and `chat2crm export`: one person's data, erased or handed out."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from bridge.cli import FAILED
from bridge.cli.auditing import note
from bridge.cli.beside import on_store
from bridge.cli.printing import BAD, DOUBTFUL, GOOD, confirmed, example, heading, local_time, mark, print_json, progress
from bridge.cli.regions import REGION
from bridge.clock import Clock
from bridge.config import Settings
from bridge.connections.sources import load_sources
from bridge.connections.targets import load_targets
from bridge.model import Client
from bridge.people import Kept, Wanted, erase, find, handed_out, normal_phone
from bridge.people.forgotten import Marks
from bridge.store import Store

Card = dict[str, Any]


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--phone", "phones", multiple=True, metavar="NUMBER", help="The person's phone; can be repeated."),
        click.option("--email", "emails", multiple=True, metavar="ADDRESS", help="The person's e-mail; can be repeated."),
        click.option("--region", type=REGION, metavar="XX", help="Where a number without a country code belongs."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(epilog=example("chat2crm forget --phone '+7 916 123-45-67'", "chat2crm forget --email ivan@example.com --dry-run"))
@_options
@click.option("--dry-run", is_flag=True, help="Only say what there is, here and in the CRM.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def forget(
    config_path: Path, *, phones: tuple[str, ...], emails: tuple[str, ...], region: str | None, dry_run: bool, yes: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Erase everything that is kept of a person here. What the CRM holds is not touched: it is listed, with links."""

    async def work(settings: Settings, store: Store) -> int:
        wanted = _wanted(settings, phones, emails, region)
        kept = await _found(settings, store, wanted)
        cards = await _cards(settings, store, kept)
        if not as_json:
            _say(settings, kept, cards)
        if dry_run or not kept:
            if as_json:
                print_json(_as_data(kept, cards, erased=False))
            return 0
        confirmed("Erase all of it? This cannot be undone.", yes=yes)
        marks = Marks(settings.key.get_secret_value())
        erased = await erase(store, marks, wanted, kept)
        if erased.busy:
            jobs = ", ".join(map(str, erased.busy))
            click.echo(f"Nothing was erased: job {jobs} is being written just now. Try again in a minute.", err=True)
            return FAILED
        left = await _left(settings, store, wanted)
        about = [f"person {marks.point(kind, value)[:12]}" for kind, value in wanted.points()]
        await note(store, "erased", about, f"{len(kept.chats)} chats, {len(kept.deliveries)} deliveries")
        if as_json:
            print_json(_as_data(kept, cards, erased=True))
        else:
            _say_what_remains(settings, swept=erased.swept)
        if left:
            click.echo("Something came in meanwhile, or is still on its way. Run the same command once more.", err=True)
            return FAILED
        return 0

    return on_store(config_path, work)


@click.command(epilog=example("chat2crm export --phone '+7 916 123-45-67' ivan.json"))
@_options
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def export(config_path: Path, *, phones: tuple[str, ...], emails: tuple[str, ...], region: str | None, file: Path) -> int:
    """Write everything that is kept of a person into FILE, as JSON. It is readable by you alone."""
    if file.exists():
        raise click.UsageError(f"{file} is there already; name a new file.")

    async def work(settings: Settings, store: Store) -> int:
        wanted = _wanted(settings, phones, emails, region)
        kept = await _found(settings, store, wanted)
        if not kept:
            click.echo("Nothing is kept of this person, so no file was written.")
            return FAILED
        known = handed_out(wanted, kept, await _cards(settings, store, kept))
        # noted first: no data leaves without a trace
        marks = Marks(settings.key.get_secret_value())
        await note(store, "exported", [f"person {marks.point(kind, value)[:12]}" for kind, value in wanted.points()], file.name)
        text = json.dumps(known, ensure_ascii=False, indent=2, default=str)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", errors="replace") as out:
            out.write(text + "\n")
        mark(GOOD, f"{file}: {_counts(kept)}")
        return 0

    return on_store(config_path, work)


def _wanted(settings: Settings, phones: Sequence[str], emails: Sequence[str], region: str | None) -> Wanted:
    if not phones and not emails:
        raise click.UsageError("Say who: --phone NUMBER or --email ADDRESS, or both.")
    regions = [region] if region else [one.region for one in settings.sources.values() if one.region]
    try:
        numbers = tuple(dict.fromkeys(normal_phone(phone, dict.fromkeys(regions)) for phone in phones))
    except ValueError as error:
        raise click.UsageError(f"--phone: {error}") from None
    if any(email.count("@") != 1 or not all(email.strip().partition("@")) for email in emails):
        raise click.UsageError("--email: write the whole address, like ivan@example.com")
    return Wanted(numbers, tuple(dict.fromkeys(email.strip() for email in emails)))


async def _found(settings: Settings, store: Store, wanted: Wanted) -> Kept:
    with progress("Looked through", await store.personal().counts()) as advance:
        return await find(store, load_sources(settings), wanted, advance)


async def _left(settings: Settings, store: Store, wanted: Wanted) -> bool:
    left = await find(store, load_sources(settings), wanted)
    return bool(left)


async def _cards(settings: Settings, store: Store, kept: Kept) -> list[Card]:
    """The client cards that the person's chats went to, with what was written there."""
    targets = load_targets(settings, Clock(), store=store)
    clients = {(target, client_id): entity for target, entity, client_id in kept.clients()}
    made: dict[str, Card] = {}
    chat_of_job = {job["id"]: job["chat"] for job in kept.jobs}
    try:
        for (name, client_id), entity in clients.items():
            url = targets[name].crm.card_url(Client(id=client_id, entity=entity or "client")) if name in targets else None
            made[f"{name}/{client_id}"] = {"target": name, "id": client_id, "url": url, "records": []}
        of_chat = _card_of_chat(kept)
        for row in kept.written():
            card = made.get(of_chat.get((row["target"], chat_of_job.get(row["job"])), ""))
            if card is None:
                card = made.setdefault(f"{row['target']}/", {"target": row["target"], "id": "", "url": None, "records": []})
            card["records"].append({"kind": row["kind"], "id": row["record_id"], "certain": row["state"] == "done"})
    finally:
        for one in targets.values():
            await one.crm.close()
    return list(made.values())


def _card_of_chat(kept: Kept) -> dict[tuple[str, Any], str]:
    found = {}
    for row in kept.written():
        if row["kind"] == "create" and row["record_id"]:
            found[row["target"], row["chat"]] = f"{row['target']}/{row['record_id']}"
    for job in kept.jobs:
        client = ((json.loads(job["plan"]) if job["plan"] else {}).get("match") or {}).get("client")
        if client:
            found[job["target"], job["chat"]] = f"{job['target']}/{client['id']}"
    return found


def _counts(kept: Kept) -> str:
    return (f"{len(kept.chats)} chat(s), {len(kept.deliveries)} delivery(ies), {len(kept.visitors)} visitor(s), "
            f"{len(kept.identities)} remembered contact(s)")  # fmt: skip


def _as_data(kept: Kept, cards: Sequence[Card], *, erased: bool) -> dict[str, Any]:
    return {
        "erased": erased, "chats": len(kept.chats), "deliveries": len(kept.deliveries), "visitors": len(kept.visitors),
        "remembered_contacts": len(kept.identities), "named_in_jobs": len(kept.plans), "in_the_crm": list(cards),
    }  # fmt: skip


def _say(settings: Settings, kept: Kept, cards: Sequence[Card]) -> None:
    heading("Here")
    if not kept:
        click.echo("  Nothing is kept of this person.")
    else:
        click.echo(f"  {_counts(kept)}")
    for row in kept.chats.values():
        jobs = [job for job in kept.jobs if job["chat"] == row["id"]]
        when = local_time(max((job["updated_at"] for job in jobs), default=None), settings.zone)
        states = ", ".join(f"job {job['id']} {job['state']}" for job in jobs)
        click.echo(f"  chat of {row['source']} {when} {states}".rstrip())
    if kept.plans:
        click.echo(f"  named in the plans of other people's jobs: {', '.join(map(str, kept.plans))}")
    also = [row for row in kept.identities if row["kind"] in {"phone", "email"}]
    if also:
        click.echo("  remembered: " + ", ".join(f"{row['kind']} {row['value']}" for row in also))
    click.echo()
    heading("In the CRM, and not touched")
    if not cards:
        click.echo("  Nothing that we know of.")
    for card in cards:
        where = card["url"] or (f"client {card['id']}" if card["id"] else "no card of its own")
        click.echo(f"  {card['target']}: {where}")
        for record in card["records"]:
            sign = GOOD if record["certain"] else DOUBTFUL
            mark(sign, f"{record['kind']} {record['id'] or '(may have been carried out)'}", indent=4)
    click.echo()


def _say_what_remains(settings: Settings, *, swept: bool) -> None:
    mark(GOOD, "Erased here. The same chats told once more write nothing; what the person says from now on is new.")
    if not swept:
        mark(DOUBTFUL, "In the files of the store it is written over by and by: the running service, or the database, still has "
                       "the place where it stood.")  # fmt: skip
    mark(DOUBTFUL, "Backups made before still hold it: make a new one, and delete the old ones when you can.")
    with contextlib.suppress(OSError):
        beside = sorted(settings.origin.absolute().parent.glob("captured/**/*.http"))
        if beside:
            mark(BAD, f"{beside[0].parent}: captured samples are masked, but look through them.")
