"""One job on a sheet of plain text: what `chat2crm show` prints, and what is saved for an issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from bridge.report.trace.telling import Told

_SIGNS = {"visitor": "▸", "operator": "◂", "bot": "◇", "system": "·", "internal": "#"}


class Section(NamedTuple):
    title: str
    #: each may itself hold several
    lines: list[str]


def sheet(known: Told, zone: tzinfo = UTC) -> list[Section]:
    """The sections that have something to say; the first names the job. Times are those of `zone`, with its distance from UTC."""
    first, *rest = _sections(known, zone)
    return [first, *(section for section in rest if section.lines)]


def as_text(known: Told) -> str:
    """All of it as one text."""
    parts = (
        "\n".join([section.title, *(f"  {part}" for line in section.lines for part in line.splitlines())])
        for section in sheet(known)
    )
    return "\n\n".join(parts) + "\n"


def _sections(known: Told, zone: tzinfo) -> Iterator[Section]:
    yield Section(
        f"Job {known['id']}: {known['state']}" + (f", {known['why']}" if known["why"] else ""), [*_facts(known, zone)]
    )
    yield Section("Received", [_delivery(one, zone) for one in known["deliveries"]])
    yield Section("Chat", [_message(number, one) for number, one in enumerate(known["chat"].get("messages") or ())])
    yield Section(f"Contact points (region {known['region'] or 'unknown'})", [
        *(_point(one) for one in known["contacts"]), *(f"not taken: {_point(one)}" for one in known["considered"]),
    ])  # fmt: skip
    match = known["match"]
    if match:
        who = [match["client"], *match["others"]] if match["client"] else match["others"]
        yield Section("Decision", [f"{match['verdict']}: {match['reason']}", *(_person(one) for one in who)])
    yield Section("Would be written" if known["rehearsed"] else "Operations", [_operation(one) for one in known["operations"]])
    for one in known["attempts"]:
        title = f"Attempt {one['number']}, {_time(one['started_at'], zone)}: {one['outcome']}"
        yield Section(title + (f", {one['error_code']}" if one["error_code"] else ""), [
            *([one["detail"]] if one["detail"] else []), *(_step(step) for step in one["steps"]),
        ])  # fmt: skip


def _facts(known: Told, zone: tzinfo) -> Iterator[str]:
    for label, text in (
        ("what to do", known["todo"]), ("detail", known["detail"]), ("code", known["error_code"]),
        ("source", _with(known["source"], known["provider"])), ("target", _with(known["target"], known["crm"])),
        ("chat", f"{known['chat_id']}, {known['kind']}, version {known['revision']}"),
        ("made", _time(known["created_at"], zone)), ("changed", _time(known["updated_at"], zone)),
        ("next try", _time(known["next_at"], zone) if known["state"] in ("pending", "retrying", "waiting") else ""),
        ("program", ", ".join(f"{name} {number}" for name, number in known["program"].items())),
    ):  # fmt: skip
        if text:
            yield f"{label:<11} {text}"
    for one in known["versions"]:
        state = f"{one['state']} {one['reason']}".rstrip()
        yield f"{'beside':<11} job {one['id']}: version {one['revision']} for {one['target']}, {state}"


def _time(told: str | None, zone: tzinfo) -> str:
    return datetime.fromisoformat(told).astimezone(zone).isoformat(" ", "milliseconds") if told else ""


def _with(name: str, kind: str | None) -> str:
    return f"{name} ({kind})" if kind else f"{name} (not in the config any more)"


def _delivery(one: Mapping[str, Any], zone: tzinfo) -> str:
    again = f", came again {one['repeats']}×" if one["repeats"] else ""
    findings = "".join(f"\n  {text}" for text in one["findings"])
    what = " ".join(filter(None, (_time(one["received_at"], zone), one["event"], one["state"], one["reason"])))
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
