"""`chat2crm try`: one chat the whole way, nothing written."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from bridge import parse
from bridge.cli import FAILED
from bridge.cli.addresses import source_named
from bridge.cli.beside import settings_of, store_beside
from bridge.cli.choosing import in_words, require
from bridge.cli.printing import BAD, DOUBTFUL, GOOD, example, heading, hidden, mark
from bridge.cli.rehearsal import Rehearsal, Rehearsed, rehearsal
from bridge.cli.rendering import as_text
from bridge.cli.samples.recorded import find_sample, read_request
from bridge.config import Settings
from bridge.connections.sources import Source
from bridge.errors import NotUnderstood
from bridge.extract import contact_points
from bridge.match import agreement
from bridge.model import Chat, Claim, Client, Delivery, Operation, OperationKind
from bridge.parse import Understood
from bridge.write import card_points


@click.command("try", epilog=example("chat2crm try shop chat_finished", "chat2crm try shop 4711 --live"))
@click.argument("source")
@click.argument("sample", metavar="SAMPLE|JOB")
@click.option("--live", is_flag=True, help="Ask the CRM: searches and reads are sent, nothing else.")
@click.pass_obj
def trial(config_path: Path, *, source: str, sample: str, live: bool) -> int:
    """Take one chat of SOURCE the whole way without writing anything, and show each step with its reasons.

    SAMPLE is a sample of the provider's mapping, a .http file, or any other file as the body; JOB is the number of a chat that
    has come in. It is shown as if nothing of it had been written before.
    """
    settings = settings_of(config_path)
    return asyncio.run(_Trial(settings, source_named(settings, source), live=live).run(sample))


class _Trial:
    def __init__(self, settings: Settings, source: Source, *, live: bool) -> None:
        self.settings = settings
        self.source = source
        self.live = live
        self.secrets = tuple(settings.secrets())

    async def run(self, sample: str) -> int:
        async with rehearsal(self.settings, self.source, live=self.live) as stage:
            if sample.isdigit():
                chat, target = await self._known(int(sample))
                await stage.take(chat, target)
            elif not await self._delivered(stage, find_sample(self.source, sample)):
                return FAILED
            results = await stage.go()
            self.secrets += stage.secrets()
            for result in results:
                await self._tell(stage, result)
        return FAILED if any(result.error for result in results) else 0

    # -- what came in --------------------------------------------------------------------------------------------------

    async def _known(self, job_id: int) -> tuple[Chat, str]:
        async with store_beside(self.settings) as store:
            [row] = await require(store, [job_id])
        if row["source"] != self.source.name:
            raise click.UsageError(f"Job {job_id} is of the source {row['source']}, not of {self.source.name}.")
        chat = Chat.model_validate(row["chat"])
        heading(f"Chat of job {job_id}")
        self._tell_chat(chat)
        return chat, row["target"]

    async def _delivered(self, stage: Rehearsal, path: Path) -> bool:
        request = read_request(path)
        source = self.source
        delivery = Delivery(source=source.name, dedupe_key="try", received_at=datetime.now(UTC), method=request.method,
                            query=request.query, headers=dict(request.headers), body=request.body)  # fmt: skip
        heading(f"Event ({path})")
        try:
            payload = parse.decode(delivery, source.mapping, source.view.limits)
        except NotUnderstood as error:
            mark(BAD, error.message, indent=2)
            return False
        seen = parse.glance(payload, delivery, source.mapping, source.view, keys=source.keys)
        click.echo(f"  {source.mapping.title} calls it {seen.event!r}; dedupe key {seen.dedupe_key}")
        click.echo(f"  it is answered {seen.answer.status} {seen.answer.body.decode(errors='replace')}".rstrip())
        understood = parse.understand(delivery, source.mapping, source.view, payload)
        if not self._tell_events(understood):
            return not understood.not_understood
        await stage.deliver(delivery)
        return True

    def _tell_events(self, understood: Understood) -> bool:
        """True if there is a chat in it."""
        if understood.not_understood:
            mark(BAD, f"not understood: {understood.not_understood}", indent=2)
        elif understood.wanted:
            names = ", ".join(name for wanted in understood.wanted for name in wanted.fetch)
            mark(DOUBTFUL, f"the rest has to be fetched from the provider first: {names}", indent=2)
        elif understood.skipped:
            mark(DOUBTFUL, f"skipped: {understood.skipped}", indent=2)
        for event in understood.events:
            click.echo(f"  {event.kind}:")
            self._tell_chat(event.chat)
            for finding in event.findings:
                mark(DOUBTFUL, finding, indent=4)
            if event.kind in ("chat_started", "chat_updated", "contact_given"):
                click.echo("    Nothing is written for it: contacts in it are kept for the visitor's chats.")
        return bool(understood.events)

    def _tell_chat(self, chat: Chat) -> None:
        visitor = chat.visitor
        told = [f"chat {chat.chat_id}", chat.channel, f"{len(chat.messages)} message(s)"]
        told += [f"{name} {value}" for name, value in (("visitor", visitor.id), ("name", visitor.name)) if value]
        click.echo(f"    {', '.join(told)}")
        found = contact_points(chat, region=self.source.settings.region, own=self.source.own, explain=True)
        heading(f"Contact points (region {found.region or 'unknown'})")
        for one in found.trace:
            sign = GOOD if one.claim in (Claim.OWN, Claim.UNCLEAR) else DOUBTFUL
            where = one.field if one.message is None else f"message {one.message}"
            verdict = f"{one.claim}" if one.claim else "not the visitor's contact"
            mark(sign, f"{one.kind} {one.value or ''} ({one.as_written!r}, {where}): {verdict}, rule {one.rule}", indent=2)
        if not found.trace:
            click.echo("  none")
        if found.wishes.no_calls:
            click.echo(f"  asks not to be called: {found.wishes.no_calls!r}")

    # -- what would become of it ---------------------------------------------------------------------------------------

    async def _tell(self, stage: Rehearsal, result: Rehearsed) -> None:
        click.echo()
        heading(f"Target {result.target.name} ({result.target.mapping.title})")
        self._tell_searches(result)
        if result.error is not None:
            mark(BAD, f"{result.error.code}: {hidden(result.error.message, self.secrets)}", indent=2)
            return
        outcome = result.outcome
        if result.plan is None:
            assert outcome is not None  # noqa: S101 - without an error there is an outcome
            mark(DOUBTFUL, f"{outcome.state}, {in_words(outcome.state, outcome.reason)}. {outcome.detail}".strip(), indent=2)
            return
        if self.live:
            heading("Decision")
            click.echo(f"  {result.plan.match.verdict}: {result.plan.match.reason}")
        elif result.requests:
            mark(DOUBTFUL, "Here it stops: whether there is such a client only the CRM knows. --live asks it.", indent=2)
            heading("If the CRM knew nobody, this would be written")
        for operation in result.plan.operations:
            await self._tell_operation(stage, result, operation)
        if not result.plan.operations:
            click.echo("  Nothing would be written.")

    def _tell_searches(self, result: Rehearsed) -> None:
        if result.requests:
            heading("Searches and reads" if self.live else "Searches that would be sent")
        for request in result.requests:
            self._block(hidden(as_text(request), self.secrets))
        if not self.live:
            return
        for step in result.steps:
            if step.method:
                click.echo(f"  {step.what}: {step.status or step.error} in {step.ms if step.ms is not None else '?'} ms")
        if result.requests:
            heading(f"Hits: {len(result.hits)}")
        for client in result.hits:
            self._tell_hit(result, client)

    def _tell_hit(self, result: Rehearsed, client: Client) -> None:
        """A hit with the check of its own fields."""
        found = contact_points(result.chat, region=self.source.settings.region, own=self.source.own)
        points = card_points(found.points, result.target.settings.options.match_limit)
        agreed = agreement(client, points, result.chat.visitor.external_id)
        who = f"{client.entity} {client.id} {client.name or ''}".rstrip()
        if agreed is None:
            mark(BAD, f"{who}: none of the contact points stands on it, so it does not count", indent=2)
            return
        shared = [f"{point.kind} {point.value}" for point in (*agreed.own, *agreed.unclear)]
        shared += ["the site's own id"] if agreed.external else []
        mark(GOOD, f"{who}: on it stands {', '.join(shared)}", indent=2)

    async def _tell_operation(self, stage: Rehearsal, result: Rehearsed, operation: Operation) -> None:
        part = f" {operation.part}/{operation.parts}" if operation.parts > 1 else ""
        click.echo()
        heading(f"Write {operation.kind}{part}")
        request = await stage.request_of(operation, result.target.name)
        self._block(hidden(request if isinstance(request, str) else as_text(request), self.secrets))
        note = operation.scope.get("note") or {}
        if operation.kind is OperationKind.NOTE and note.get("text"):
            heading(f"The note's text{part}")
            self._block(note["text"])

    def _block(self, text: str) -> None:
        for line in text.splitlines():
            click.echo(f"  {line}")
        click.echo()
