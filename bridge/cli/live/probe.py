"""A probe: a client and a note made in the CRM as for a real chat, and taken back again if that was asked for."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.cli.live.screen import Screen, in_words, tried
from bridge.cli.printing import BAD, DOUBTFUL, GOOD
from bridge.cli.samples.fictitious import emails, phones
from bridge.config import RouteOptions, Settings, TargetSettings
from bridge.crm.probing import Made, ProbedCrm
from bridge.mapping.schema import CrmMapping
from bridge.model import (
    Chat,
    Claim,
    Client,
    ContactPoint,
    Match,
    Message,
    Operation,
    OperationKind,
    PointKind,
    Role,
    Verdict,
    Visitor,
    Wishes,
)
from bridge.write import MarkerKeys, NoteSettings, Work, plan

#: words of the probe, in the language of the notes
_SAID = {
    "en": ("Probe of chat2crm", "This is a trial of the connection; it can be deleted.", "Thank you, it works."),
    "ru": ("Проверка chat2crm", "Это проверка подключения, её можно удалить.", "Спасибо, всё работает."),
}


def probe_phone() -> str:
    return next(phones("US"))


def probe_email() -> str:
    return next(emails())


async def write_probe(
    crm: ProbedCrm, settings: Settings, configured: TargetSettings, screen: Screen, *, clean_up: bool
) -> None:
    """A line for each record that is made, and how it is to be got rid of, or that it is gone."""
    mapping = crm.mapping
    for operation, words in mapping.triggers.items():
        if operation in ("create", "note"):
            screen.say(DOUBTFUL, "sets off", f"{operation}: {getattr(words, settings.language)}")
    client: Client | None = None
    for planned in _probe_plan(mapping, settings, configured):
        known = {"client": client.model_dump(mode="json", exclude={"record"})} if client else {}
        made, error = await tried(crm.perform(planned, known, []))
        if error is not None or made is None:
            screen.say(BAD, str(planned.kind), in_words(error) if error else "")
            break
        screen.say(GOOD, str(planned.kind), f"made, id {made}" if made else "made")
        if planned.kind is OperationKind.CREATE:
            client = Client(id=made, entity=mapping.create.entity)
    if client is None and not mapping.knows_clients and not screen.failed:
        screen.say(DOUBTFUL, "clean up", "the probe was sent; whatever came of it there is to be deleted there")
    if client is None:
        return
    if clean_up:
        await _take_back(crm, client, screen)
    else:
        screen.say(DOUBTFUL, "clean up", f"the probe stays in the CRM (--clean-up would have deleted it); delete it there: "
                                         f"{_where(crm, client)}")  # fmt: skip


async def _take_back(crm: ProbedCrm, client: Client, screen: Screen) -> None:
    """The newest first, so that nothing hangs on what is gone."""
    if not any(one.kind is OperationKind.CREATE for one in crm.made):
        screen.say(DOUBTFUL, "clean up", f"the client stays: it was there before the probe ({_where(crm, client)})")
    for made in reversed(crm.made):
        what = "client" if made.kind is OperationKind.CREATE else str(made.kind)
        if not crm.can_take_back(made):
            screen.say(DOUBTFUL, "clean up", f"{what} {made.id} stays, this interface deletes no such thing{_by_hand(crm, made)}")
            continue
        gone, error = await tried(crm.take_back(made, [], phones=(probe_phone(),), emails=(probe_email(),)))
        if error is not None:
            screen.say(BAD, "clean up", f"{what} {made.id} is not deleted: {in_words(error)}{_by_hand(crm, made)}")
        elif gone:
            screen.say(GOOD, "clean up", f"{what} {made.id} deleted")
        else:
            screen.say(DOUBTFUL, "clean up", f"{what} {made.id} was deleted, but still shows{_by_hand(crm, made)}")


def _by_hand(crm: ProbedCrm, made: Made) -> str:
    return f"; delete it there: {_where(crm, made.client)}"


def _where(crm: ProbedCrm, client: Client) -> str:
    return crm.card_url(client) or f"{client.entity} {client.id}"


def _probe_plan(mapping: CrmMapping, settings: Settings, configured: TargetSettings) -> tuple[Operation, ...]:
    """A new client with a note, made as for a real chat."""
    name, said, answered = _SAID[settings.language]
    now = datetime.now(UTC)
    chat = Chat(
        source="check", chat_id=f"check-{now:%Y%m%d%H%M%S%f}", visitor=Visitor(name=name), started_at=now, ended_at=now,
        messages=(Message(role=Role.VISITOR, text=said, at=now), Message(role=Role.OPERATOR, text=answered, at=now)),
    )
    values = ((PointKind.PHONE, probe_phone()), (PointKind.EMAIL, probe_email()))
    points = tuple(ContactPoint(kind=kind, value=value, as_written=value, claim=Claim.OWN) for kind, value in values)
    made = plan(Work.over(
        chat, points, Wishes(), match=Match(verdict=Verdict.NEW if mapping.knows_clients else Verdict.TOLD, reason="a probe"),
        options=RouteOptions(missed="none"), settings=NoteSettings(language=settings.language, tz=settings.zone),
        mapping=mapping, quiet=True, source={"name": chat.source}, target=configured.scope(),
        keys=MarkerKeys(settings.key.get_secret_value().encode(), configured.name, chat.source, chat.chat_id),
    ))  # fmt: skip
    return made.operations
