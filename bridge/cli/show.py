"""`chat2crm show JOB`: the whole trace of one job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bridge.cli.beside import on_store
from bridge.cli.choosing import require
from bridge.cli.printing import example, heading, print_json
from bridge.cli.trace import Told, shared, told
from bridge.config import Settings
from bridge.errors import ConfigError
from bridge.sources import load_sources
from bridge.store import Store

_SIGNS = {"visitor": "▸", "operator": "◂", "bot": "◇", "system": "·", "internal": "#"}


@click.command(epilog=example("chat2crm show 4711", "chat2crm show 4711 --share > job.txt      fit for a public issue"))
@click.argument("job_id", type=int, metavar="JOB")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--share", is_flag=True, help="Mask everybody's data: of texts only the shape is left.")
@click.pass_obj
def show(config_path: Path, *, job_id: int, as_json: bool, share: bool) -> None:
    """Show everything that is known about one job: what was said and found, what was decided, each call to the CRM."""

    async def work(settings: Settings, store: Store) -> Told:
        [row] = await require(store, [job_id])
        try:
            source = load_sources(settings).get(row["source"])
        except ConfigError as error:  # a broken mapping must not hide the job that is looked for because of it
            click.echo(error.message, err=True)
            source = None
        known = told(row, source, settings)
        return shared(known) if share else known

    known = on_store(config_path, work)
    if as_json:
        print_json(known)
    else:
        _print(known)


def _print(known: Told) -> None:
    heading(f"Job {known['id']}: {known['state']}" + (f", {known['why']}" if known["why"] else ""))
    for label, text in (
        ("what to do", known["todo"]), ("detail", known["detail"]), ("code", known["error_code"]),
        ("source", _with(known["source"], known["provider"])), ("target", _with(known["target"], known["crm"])),
        ("chat", f"{known['chat_id']}, {known['kind']}, version {known['revision']}"),
        ("made", known["created_at"]), ("changed", known["updated_at"]),
        ("next try", known["next_at"] if known["state"] in ("pending", "retrying", "waiting") else ""),
        ("program", ", ".join(f"{name} {number}" for name, number in known["program"].items())),
    ):  # fmt: skip
        if text:
            click.echo(f"  {label:<11} {text}")
    for one in known["versions"]:
        state = f"{one['state']} {one['reason']}".rstrip()
        click.echo(f"  {'beside':<11} job {one['id']}: version {one['revision']} for {one['target']}, {state}")
    _section("Received", [_delivery(one) for one in known["deliveries"]])
    _section("Chat", [_message(number, one) for number, one in enumerate(known["chat"].get("messages") or ())])
    _section(f"Contact points (region {known['region'] or 'unknown'})", [
        *(_point(one) for one in known["contacts"]), *(f"not taken: {_point(one)}" for one in known["considered"]),
    ])  # fmt: skip
    match = known["match"]
    if match:
        who = [match["client"], *match["others"]] if match["client"] else match["others"]
        _section("Decision", [f"{match['verdict']}: {match['reason']}", *(_person(one) for one in who)])
    _section("Would be written" if known["rehearsed"] else "Operations", [_operation(one) for one in known["operations"]])
    for one in known["attempts"]:
        title = f"Attempt {one['number']}, {one['started_at']}: {one['outcome']}"
        _section(title + (f", {one['error_code']}" if one["error_code"] else ""), [
            *([one["detail"]] if one["detail"] else []), *(_step(step) for step in one["steps"]),
        ])  # fmt: skip


def _section(title: str, lines: list[str]) -> None:
    if not lines:
        return
    click.echo()
    heading(title)
    for line in lines:
        click.echo("\n".join(f"  {part}" for part in line.splitlines()))


def _with(name: str, kind: str | None) -> str:
    return f"{name} ({kind})" if kind else f"{name} (not in the config any more)"


def _delivery(one: Mapping[str, Any]) -> str:
    again = f", came again {one['repeats']}×" if one["repeats"] else ""
    findings = "".join(f"\n  {text}" for text in one["findings"])
    what = " ".join(filter(None, (one["received_at"], one["event"], one["state"], one["reason"])))
    return f"{what}, {one['size']} bytes{again}{findings}"


def _message(number: int, one: Mapping[str, Any]) -> str:
    who = one.get("author") or one.get("role")
    return f"{number:>3} {_SIGNS.get(str(one.get('role')), '?')} {who}: {one.get('text', '')}"


def _point(one: Mapping[str, Any]) -> str:
    where = f"message {one['message']}" if one.get("message") is not None else one.get("field") or ""
    flags = f" [{', '.join(one['flags'])}]" if one.get("flags") else ""
    value = f"{one['value']} " if one.get("value") else ""
    return f"{one['kind']} {value}({one['as_written']}), {one.get('claim') or 'dropped'}, {where}, rule {one['rule']}{flags}"


def _person(client: Mapping[str, Any]) -> str:
    return f"{client['entity']} {client['id']}" + (f" {client['name']}" if client.get("name") else "")


def _operation(one: Mapping[str, Any]) -> str:
    part = f" {one['part']}/{one['parts']}" if one["parts"] > 1 else ""
    record = f", id {one['record_id']}" if one["record_id"] else ""
    body = f"\n{one['text']}" if one["text"] else f"\n{one['new']}" if one["new"] else ""
    return f"{one['kind']}{part}: {one['state']}{record} ({one['marker']}){body}".replace("\n", "\n    ")


def _step(step: Mapping[str, Any]) -> str:
    call = ""
    if step.get("method"):
        call = f"{step['method']} {step.get('path', '')} → {step.get('status') or 'no answer'} in {step.get('ms', '?')} ms"
    return " ".join(filter(None, (f"{step['what']:<20}", call, step.get("detail", ""), step.get("error", ""))))
