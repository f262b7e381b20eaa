"""`chat2crm check`: what can be known before anything is started."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bridge.cli import FAILED
from bridge.cli.beside import settings_of, store_beside
from bridge.cli.live.check import check_live
from bridge.cli.printing import BAD, DOUBTFUL, GOOD, example, heading, mark, print_json
from bridge.cli.proofs import ENDINGS, Checked, Wanted, named
from bridge.cli.proofs import check as check_mapping
from bridge.config import Settings, TargetSettings
from bridge.connections.removal import removed
from bridge.connections.sources import Source, load_sources
from bridge.connections.targets import mappings_of
from bridge.crm.stated import not_given
from bridge.door.listeners import no_address_of_ours
from bridge.errors import ConfigError, StoreError
from bridge.mapping.load import load_crm
from bridge.mapping.schema import CrmMapping
from bridge.store import is_current
from bridge.verify import what_is_wrong_with

#: mounted read-only by whoever runs the container, for all in it
_MOUNTED = Path("/run/secrets")


@dataclass(frozen=True, slots=True)
class Line:
    """Something found out about the configuration."""

    sign: str
    text: str


@click.command(epilog=example(
    "chat2crm check", "chat2crm check ./mappings/providers/mine.yaml --accept", "chat2crm check --live sales",
    "chat2crm check --live sales --probe --clean-up",
))
@click.argument("mappings", nargs=-1, metavar="[MAPPING]...")
@click.option("--live", "live", metavar="TARGET",
              help="Ask this target's CRM: are we let in, may we search and read, does it know the names and fields?")
@click.option("--probe", is_flag=True, help="With --live: also create a client and a note there. They stay; it says where.")
@click.option("--clean-up", "clean_up", is_flag=True, help="With --probe: delete the probe again, where the CRM lets us.")
@click.option("--accept", "accepting", is_flag=True, help="Take what the samples become now as what they must become.")
@click.option("--drop", is_flag=True, help="As `serve --drop`: a source or target may go although chats are on their way to it.")
@click.option("--thorough", is_flag=True, help="Also list what no sample shows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check(
    config_path: Path, /, *, mappings: tuple[str, ...], live: str | None, probe: bool, clean_up: bool, accepting: bool,
    drop: bool, thorough: bool, as_json: bool,
) -> int:
    """Can the configuration be used, and do the mappings do what their samples say? Nothing is started or written.

    With MAPPINGs (names or paths), only those are looked at, and no configuration is needed. Exit code 1: something failed.
    """
    if probe and not live:
        raise click.UsageError("--probe belongs to --live TARGET.")
    if clean_up and not probe:
        raise click.UsageError("--clean-up belongs to --probe: it deletes the probe that was just made, and nothing else.")
    if live:
        if mappings or accepting or as_json:
            raise click.UsageError("--live TARGET stands alone, or with --probe.")
        return asyncio.run(check_live(settings_of(config_path), live, probe=probe, clean_up=clean_up))
    lines: list[Line] = []
    if mappings:
        search = [config_path.absolute().parent / "mappings"]
        wanted = [named(text, search) for text in mappings]
    else:
        settings = settings_of(config_path)
        search = settings.mapping_folders
        wanted = _used(settings)
        lines = [*_about(settings), *(Line(DOUBTFUL if drop else BAD, text) for text in asyncio.run(_left_behind(settings)))]
    found = [check_mapping(one, search, accepting=accepting) for one in wanted]
    failed = any(line.sign == BAD for line in lines) or any(one.failed for one in found)
    if as_json:
        print_json({"failed": failed, "config": [{"ok": line.sign == GOOD, "text": line.text} for line in lines],
                    "mappings": [one.told() for one in found]})  # fmt: skip
    else:
        _print(config_path, lines, found, thorough=thorough)
    return FAILED if failed else 0


def _used(settings: Settings) -> list[Wanted]:
    providers = dict.fromkeys(source.provider for source in settings.sources.values())
    crms = dict.fromkeys(target.crm for target in settings.targets.values())
    return [*(Wanted("provider", name) for name in providers), *(Wanted("crm", name) for name in crms)]


async def _left_behind(settings: Settings) -> list[str]:
    """What `serve` would refuse. A store that is not there yet has nothing to say, and one of an older version is not touched."""
    try:
        if not is_current(settings.store):
            return []
    except ConfigError:  # no kind of store that can be looked at from here
        return []
    try:
        async with store_beside(settings) as store:
            return await removed(settings, store)
    except StoreError as error:
        return [error.message]


# -- the configuration -------------------------------------------------------------------------------------------------


def _about(settings: Settings) -> Iterator[Line]:
    yield Line(GOOD, f"{settings.origin}: {len(settings.sources)} source(s), {len(settings.targets)} target(s)")
    for site in settings.sites.values():
        if site.error:
            yield Line(BAD, f"site {site.name} ({site.path}) cannot be used; the others can:\n{site.error}")
        elif site.part is not None:
            yield Line(GOOD, f"site {site.name}: {len(site.part.sources)} source(s), {len(site.part.targets)} target(s)")
    yield from _open_files(settings.secret_files)
    try:
        sources = load_sources(settings)
        mappings = mappings_of(settings)
    except ConfigError as error:
        yield Line(BAD, error.message)
        return
    for source in sources.values():
        yield from _proof_of(source)
    for name, target in settings.targets.items():
        yield from _missing_options(name, mappings[name], target.extra)
        yield from _missing_statements(load_crm(target.crm, search=settings.mapping_folders), target)
        if target.mode == "rehearse":
            yield Line(DOUBTFUL, f"target {name} is in mode: rehearse: nothing is written until it says mode: write")
    for key, host in {"receive.host": settings.receive.host, "ops.host": settings.ops.host}.items():
        wrong = no_address_of_ours(host)
        if wrong:
            yield Line(DOUBTFUL, f"{key}: here {host} cannot be listened on: {wrong}")
    if settings.sources and settings.receive.public_url is None:
        yield Line(DOUBTFUL, "receive.public_url is not set; `chat2crm urls` can print only this machine's own addresses")


def _open_files(files: Sequence[Path]) -> Iterator[Line]:
    for path in files:
        if path.is_relative_to(_MOUNTED):
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & (stat.S_IROTH | stat.S_IWOTH):
            yield Line(BAD, f"{path} holds secrets and can be read by everybody on this machine ({mode:o}): chmod 600 {path}")


def _proof_of(source: Source) -> Iterator[Line]:
    """Whether each of the source's secrets can prove a delivery at all."""
    rules = source.mapping.verify
    if any(rule.scheme == "none" for rule in rules):
        yield Line(DOUBTFUL, f"source {source.name}: its provider proves nothing; whoever knows the address can send")
    elif not source.keys:
        yield Line(BAD, f"source {source.name} has no `secret`, so every delivery is refused; set one, and paste it where"
                        " `chat2crm urls` says")  # fmt: skip
    for number, key in enumerate(source.keys, 1):
        wrong = [what_is_wrong_with(rule.scheme, key, rule.key) for rule in rules]
        if all(wrong):
            which = f" (secret {number})" if len(source.keys) > 1 else ""
            yield Line(BAD, f"source {source.name}{which}: {'; or: '.join(dict.fromkeys(text for text in wrong if text))}")


def _missing_options(target: str, mapping: CrmMapping, given: Any) -> Iterator[Line]:
    for name, option in mapping.options.items():
        if option.required and option.default is None and given.get(name) in (None, ""):
            yield Line(BAD, f"target {target}: `{name}` is missing: {option.about.en}")


def _missing_statements(mapping: CrmMapping, target: TargetSettings) -> Iterator[Line]:
    for name, loss in not_given(mapping, target):
        yield Line(DOUBTFUL, f"target {target.name}: without sql.{name} {loss}")


# -- on the screen -----------------------------------------------------------------------------------------------------


def _print(config_path: Path, lines: Sequence[Line], found: Sequence[Checked], *, thorough: bool) -> None:
    if lines:
        heading(f"configuration {config_path}")
        for line in lines:
            mark(line.sign, line.text, indent=2)
    for one in found:
        click.echo()
        heading(f"{one.kind} {one.name} ({one.path})")
        _print_mapping(one, thorough=thorough)
    click.echo()
    failures = sum(line.sign == BAD for line in lines) + sum(one.failed for one in found)
    mark(*((BAD, f"{failures} failed") if failures else (GOOD, "all of it can be used")))


def _print_mapping(one: Checked, *, thorough: bool) -> None:
    if one.error:
        mark(BAD, one.error, indent=2)
        return
    for remark in one.remarks:
        mark(BAD if remark.level == "error" else DOUBTFUL, str(remark), indent=2)
    for proof in one.proofs:
        if proof.accepted:
            accepted = f"{proof.name} ({proof.origin}): accepted" + ("; is this what you meant?" if proof.problems else "")
            mark(DOUBTFUL if proof.problems else GOOD, "\n".join((accepted, *proof.problems)), indent=2)
            continue
        mark(BAD if proof.problems else GOOD, "\n".join((f"{proof.name} ({proof.origin})", *proof.problems)), indent=2)
    for name in one.unread:
        mark(DOUBTFUL, f"{name} is not read: names of what lies here end in {' or '.join(ENDINGS[one.kind])}", indent=2)
    if not one.proofs:
        folder = Path(one.path).with_suffix("")
        mark(DOUBTFUL, f"nothing lies beside it, so nothing is proven: put samples into {folder}/", indent=2)
    if one.unshown and thorough:
        for remark in one.unshown:
            mark(DOUBTFUL, str(remark), indent=2)
    elif one.unshown:
        click.echo(f"    {len(one.unshown)} expression(s) that no sample shows at work; --thorough lists them")
