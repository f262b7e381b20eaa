"""`chat2crm store backup|restore|salvage`: a copy of the store, back from it, and what is left of a damaged one."""

from __future__ import annotations

import os
from pathlib import Path

import click

from bridge import config
from bridge.errors import StoreError
from bridge.store import sqlite_path
from bridge.store.sqlite.guard import LockFile
from bridge.store.sqlite.salvage import salvage as save_from
from bridge.store.sqlite.upkeep import backup as copy_to
from bridge.store.sqlite.upkeep import restore as put_back


@click.group()
def store() -> None:
    """Back up the store, go back to a backup, or save what is left of a damaged store.

    \b
    chat2crm store backup /backups/chat2crm-2026-11-21.db
    chat2crm store restore /backups/chat2crm-2026-11-21.db
    chat2crm store salvage /backups/salvaged.db
    """  # noqa: D301 - \b is click's sign for lines that are to stay as they are


@store.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(config_path: Path, file: Path) -> None:
    """Copy the store to FILE while the service goes on. Keep the config's `key:` with it."""
    from rich.progress import Progress  # a bar is needed here and nowhere else

    settings = config.load(config_path, os.environ)
    path = sqlite_path(settings.store)
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
    path = sqlite_path(settings.store)
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
    path = sqlite_path(settings.store)
    for saved in save_from(path, file):
        click.echo(f"{saved.table:<14}{saved.rows:>9} row(s)" + (f", damaged in {saved.gaps} place(s)" if saved.gaps else ""))
    click.echo(f"{file}: written. `chat2crm store restore {file}` puts it in the place of the damaged one.")
