"""`chat2crm new`: the beginning of a mapping, with every key explained."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from bridge.cli.beginning import yaml_text
from bridge.cli.printing import GOOD, example, mark
from bridge.config.values import NAME
from bridge.mapping.load import FOLDERS
from bridge.mapping.schema import Kind

#: stands in the scaffolds where the title goes
_TITLE = "__TITLE__"


@click.command(epilog=example("chat2crm new provider mychat", "chat2crm new crm mycrm --title 'My CRM'"))
@click.argument("kind", type=click.Choice(["provider", "crm"]))
@click.argument("name")
@click.option("--title", help="As people know it. Default: the name.")
@click.pass_obj
def new(config_path: Path, *, kind: Kind, name: str, title: str | None) -> None:
    """Begin a mapping of your own: mappings/providers/NAME.yaml or mappings/crms/NAME.yaml beside the configuration.

    Every key there is stands in it, the unused ones as comments. Beside it lies a first sample (provider) or exchange (CRM),
    so that `check` has something to hold it against from the start. Nothing is overwritten.
    """
    if not NAME.fullmatch(name) or not name.islower():
        raise click.UsageError(f"{name!r} cannot be a mapping's name; use up to 64 small Latin letters, digits, - and _.")
    folder = config_path.parent / "mappings" / FOLDERS[kind]
    made = dict(_files(kind, name, title or name))
    there = [folder / path for path in made if (folder / path).exists()]
    if there:
        raise click.UsageError(f"{there[0]} is there already and is not overwritten; choose another name.")
    for path, text in made.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
        mark(GOOD, str(folder / path))
    mapping = folder / f"{name}.yaml"
    click.echo("Next:")
    click.echo(f"  chat2crm check {mapping}      what it makes of what lies beside it")
    if kind == "provider":
        click.echo("  chat2crm capture SOURCE       keeps what the chat service really sends as samples")
    click.echo("  mappings/README.md            the language")


def _files(kind: Kind, name: str, title: str) -> list[tuple[str, str]]:
    """(path below the folder of mappings, text) of the mapping and of what proves it."""
    scaffolds = files("bridge.cli").joinpath("scaffolds", kind)
    found = []
    for part in sorted(scaffolds.iterdir(), key=lambda one: one.name):
        path = f"{name}.yaml" if part.name == "mapping.yaml" else f"{name}/{part.name}"
        text = part.read_text(encoding="utf-8")
        found.append((path, text.replace(_TITLE, yaml_text(title))))
    return found
