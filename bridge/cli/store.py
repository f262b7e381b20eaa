"""`chat2crm store backup|restore|salvage|copy`: a copy of the store, back from it, what is left of it, a larger home."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge import config
from bridge.errors import StoreError
from bridge.store import is_postgres, sqlite_path
from bridge.store.sqlite.guard import LockFile
from bridge.store.sqlite.salvage import salvage as save_from
from bridge.store.sqlite.upkeep import backup as copy_to
from bridge.store.sqlite.upkeep import restore as put_back

if TYPE_CHECKING:
    from rich.progress import TaskID


@click.group()
def store() -> None:
    """Back up the store, go back to a backup, save what is left of a damaged store, or move to a database.

    \b
    chat2crm store backup /backups/chat2crm-2026-11-21.db
    chat2crm store restore /backups/chat2crm-2026-11-21.db
    chat2crm store salvage /backups/salvaged.db
    chat2crm store copy sqlite:///data/chat2crm.db postgresql://chat2crm@db.example/chat2crm
    """  # noqa: D301 - \b is click's sign for lines that are to stay as they are


@store.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(config_path: Path, file: Path) -> None:
    """Copy the store to FILE while the service goes on. Keep the config's `key:` with it."""
    from rich.progress import Progress  # a bar is needed here and nowhere else

    settings = config.load(config_path, os.environ)
    path = _file_of(settings, f"pg_dump --format=custom --file={file} DATABASE")
    if not path.exists():
        raise StoreError(f"{path}: there is no store yet.")
    with Progress(disable=not os.isatty(2)) as bars:
        bar = bars.add_task("backup", total=None)
        copy_to(path, file, lambda done, total: bars.update(bar, completed=done, total=total))
    click.echo(f"{file}: written, {file.stat().st_size / 1e6:.1f} MB. Keep `key:` (CHAT2CRM_KEY) with it: without it, what "
               "was written to the CRM cannot be found again.")  # fmt: skip


@store.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def restore(config_path: Path, file: Path) -> None:
    """Put the backup FILE in the place of the store. The service must be stopped.

    What stood there is kept beside it. Chats older than this moment are looked for in the CRM before they are written, so that
    what happened after the backup is not written twice.
    """
    settings = config.load(config_path, os.environ)
    path = _file_of(settings, f"pg_restore --clean --if-exists --no-owner --dbname=DATABASE {file}, with all replicas stopped")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = LockFile(path.with_name(path.name + ".lock"))
    lock.take()
    try:
        put_back(file, path)
    finally:
        lock.release()
    click.echo(f"{path}: restored from {file}. Start the service again.")


@store.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def salvage(config_path: Path, file: Path) -> None:
    """Save what can be read of a damaged store into FILE, a new store. The damaged one is only read.

    Every chat in it is looked for in the CRM before it is written.
    """
    settings = config.load(config_path, os.environ)
    path = _file_of(settings, "its own tools: pg_amcheck says what is damaged, pg_dump saves what can be read")
    for saved in save_from(path, file):
        click.echo(f"{saved.table:<14}{saved.rows:>9} row(s)" + (f", damaged in {saved.gaps} place(s)" if saved.gaps else ""))
    click.echo(f"{file}: written. `chat2crm store restore {file}` puts it in the place of the damaged one.")


def _file_of(settings: config.Settings, instead: str) -> Path:
    """The store's file. Raises StoreError for a database, with what does there what is wanted."""
    if is_postgres(settings.store):
        raise StoreError(f"The store is a database of PostgreSQL, which has tools for this: {instead}. See docs/operations.md.")
    return sqlite_path(settings.store)


@store.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("to", metavar="[TO]", required=False)
@click.option("--again", is_flag=True, help="Begin anew a copy that was broken off, instead of going on with it.")
@click.pass_obj
def copy_(config_path: Path, *, source: str, to: str | None, again: bool) -> None:
    """Copy a store of one file into an empty PostgreSQL database. The service must be stopped; the file is marked as moved.

    \b
    chat2crm store copy sqlite:///data/chat2crm.db postgresql://chat2crm@db.example/chat2crm

    Without TO it goes into the store that the config names: put the new address there first. The password may stand in PGPASSWORD
    instead of the address. If it is broken off, the same command goes on where it was; in the end every row is read back and
    compared. Then start the replicas on the new store, with the same `key:`; a service refuses to start on the old one.
    """  # noqa: D301 - as above
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # as above

    from bridge.store.moving import copy  # brings the driver of the database

    if is_postgres(source):
        raise click.UsageError("A store is copied from a file into a database: FROM is sqlite:///…, TO is postgresql://…")
    address = to or config.load(config_path, os.environ).store
    if not is_postgres(address):
        raise click.UsageError(
            "TO is no database: postgresql://user@host/name." if to else
            "The config's `store:` is a file. Put the address of the database there, or name it: chat2crm store copy FROM TO"
        )
    shown = TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*shown, disable=not os.isatty(2)) as bars:
        lines: dict[str, TaskID] = {}

        def tell(table: str, through: int, total: int) -> None:
            if table not in lines:
                lines[table] = bars.add_task(table)
            bars.update(lines[table], completed=through, total=total)

        copied = copy(sqlite_path(source), address, again=again, tell=tell)
    for one in copied:
        click.echo(f"{one.table:<14}{one.rows:>9} row(s)  {one.checksum}")
    click.echo("Copied, read back and compared: the same rows. Start the service on the new store, with the same `key:`.")
