"""`chat2crm check --live TARGET`: does this CRM let us do what a chat needs? Reads only, unless a probe is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import click

from bridge.cli import FAILED
from bridge.cli.access import Watched, live_tokens, live_transports
from bridge.cli.fictitious import emails, phones
from bridge.cli.printing import BAD, DOUBTFUL, GOOD, heading, hidden, mark
from bridge.clock import Clock
from bridge.config import RouteOptions, Settings, TargetSettings
from bridge.crm.client import Crm
from bridge.errors import AccessRefused, BridgeError, CrmError, NoAnswer, NotFound, NotSent
from bridge.mapping.schema import CrmMapping
from bridge.mapping.suggestions import nearest
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
    Step,
    Verdict,
    Visitor,
    Wishes,
)
from bridge.targets import mappings_of
from bridge.write import MarkerKeys, NoteSettings, Work, plan

#: seconds by which the CRM's clock may differ before it matters to scans by time
CLOCKS_DIFFER = 60
#: an id that is nobody's, in every CRM that counts from one or uses long ids
NOBODY = "0"
_UNAUTHORISED = 401
#: words of the probe, in the language of the notes
_SAID = {
    "en": ("Probe of chat2crm", "This is a trial of the connection; it can be deleted.", "Thank you, it works."),
    "ru": ("Проверка chat2crm", "Это проверка подключения, её можно удалить.", "Спасибо, всё работает."),
}


@dataclass(slots=True)
class Screen:
    """One line for each thing that was asked."""

    secrets: tuple[str, ...]
    failed: bool = False

    def say(self, sign: str, what: str, text: str) -> None:
        self.failed = self.failed or sign == BAD
        mark(sign, f"{what:<11} {hidden(text, self.secrets)}", indent=2)


async def check_live(settings: Settings, name: str, *, probe: bool) -> int:
    """Print one screen about the target. Gives the exit code."""
    if name not in settings.targets:
        known = settings.targets
        raise click.UsageError(f"No target {name!r}{nearest(name, known)}; there are: {', '.join(known) or 'none yet'}.")
    configured = settings.targets[name]
    mapping = mappings_of(settings)[name]
    screen = Screen(tuple(settings.secrets()))
    heading(f"target {name}: {mapping.title}" + (f" at {hidden(configured.url, screen.secrets)}" if configured.url else ""))
    async with AsyncExitStack() as stack:
        transports, clock = await live_transports(settings, stack), Clock()
        watched = Watched(transports[name])
        tokens = await live_tokens(settings, transports, clock, stack)
        crm = Crm(name, mapping, configured, transport=watched, tokens=tokens[name], clock=clock, writes=probe)
        if not mapping.knows_clients:
            screen.say(DOUBTFUL, "reachable", "not tried: this target is only told of chats, and there is nothing to ask it for")
        if not mapping.knows_clients or await _reading(crm, mapping, configured, watched, screen):
            await _writing(crm, mapping, settings, configured, screen, probe=probe)
    return FAILED if screen.failed else 0


# -- reading -----------------------------------------------------------------------------------------------------------


async def _reading(crm: Crm, mapping: CrmMapping, configured: TargetSettings, watched: Watched, screen: Screen) -> bool:
    """Reachable, authorised, searched, read. True if it makes sense to go on."""
    scope = _scope(configured)
    steps: list[Step] = []
    hits, error = await _tried(
        crm.find(scope, phones=scope["phones"], emails=scope["emails"], external_id=None, steps=steps)
    )
    if isinstance(error, NotSent) or (isinstance(error, NoAnswer) and not watched.answers):
        screen.say(BAD, "reachable", error.message)
        return False
    screen.say(GOOD, "reachable", f"in {watched.answers[0].ms} ms" if watched.answers else "")
    _say_skew(watched, screen)
    if error is not None:
        _say_refusal(error, screen)
        return False
    name, _ = await _tried(crm.who([]))
    screen.say(GOOD, "authorised", f"as {name}" if name else "the CRM takes our key")
    found = list(hits or ())
    asked = sum(step.method is not None for step in steps)
    if found:
        screen.say(DOUBTFUL, "search", f"{len(found)} card(s) for contact data that nobody has; does the CRM ignore the filter?")
    else:
        screen.say(GOOD, "search", f"by phone and e-mail ({asked} requests); nobody has the made-up ones, as it should be")
    await _may_read(crm, mapping, scope, found, screen)
    return True


def _say_refusal(error: BridgeError, screen: Screen) -> None:
    status = error.status if isinstance(error, CrmError) else None
    if isinstance(error, AccessRefused) and status in (None, _UNAUTHORISED):
        screen.say(BAD, "authorised", _words(error))
    else:
        screen.say(BAD, "search", _words(error))


async def _may_read(crm: Crm, mapping: CrmMapping, scope: Mapping[str, Any], found: list[Client], screen: Screen) -> None:
    who = found[0] if found else Client(id=NOBODY, entity=mapping.create.entity)
    _, error = await _tried(crm.read(who, scope, []))
    if error is None:
        screen.say(GOOD, "read", "a client's card")
    elif isinstance(error, NotFound):
        screen.say(GOOD, "read", "a client that does not exist is said not to exist")
    elif isinstance(error, AccessRefused):
        screen.say(BAD, "read", _words(error))
    else:
        screen.say(DOUBTFUL, "read", f"not known: there is no client to read, and for one that does not exist: {_words(error)}")


def _say_skew(watched: Watched, screen: Screen) -> None:
    skew = _skew(watched)
    if skew is None:
        screen.say(DOUBTFUL, "clock", "the CRM does not tell its time")
    elif abs(skew) > CLOCKS_DIFFER:
        way = "ahead of" if skew > 0 else "behind"
        screen.say(BAD, "clock", f"the CRM's is {abs(skew):.0f} s {way} ours; set this machine's clock (or the CRM's)")
    else:
        screen.say(GOOD, "clock", f"within {max(1, round(abs(skew)))} s of ours")


def _skew(watched: Watched) -> float | None:
    """Seconds by which the CRM's clock is ahead of ours, by its first answer; None if it does not tell."""
    now = datetime.now(UTC)
    try:
        return (parsedate_to_datetime(watched.answers[-1].headers["date"]) - now).total_seconds()
    except (IndexError, KeyError, ValueError, TypeError):
        return None


# -- writing -----------------------------------------------------------------------------------------------------------


async def _writing(
    crm: Crm, mapping: CrmMapping, settings: Settings, configured: TargetSettings, screen: Screen, *, probe: bool
) -> None:
    if not probe:
        if mapping.knows_clients:
            screen.say(DOUBTFUL, "create", "not tried; --probe creates a client and a note there and says where they are")
        screen.say(DOUBTFUL, "note", "not tried" if mapping.knows_clients else "not tried; --probe sends one")
        return
    for operation, words in mapping.triggers.items():
        if operation in ("create", "note"):
            screen.say(DOUBTFUL, "sets off", f"{operation}: {getattr(words, settings.language)}")
    client: Client | None = None
    for planned in _probe_plan(mapping, settings, configured):
        known = {"client": client.model_dump(mode="json", exclude={"record"})} if client else {}
        made, error = await _tried(crm.perform(planned, known, []))
        if error is not None or made is None:
            screen.say(BAD, str(planned.kind), _words(error) if error else "")
            break
        screen.say(GOOD, str(planned.kind), f"made, id {made}" if made else "made")
        if planned.kind is OperationKind.CREATE:
            client = Client(id=made, entity=mapping.create.entity)
    if client is None and not mapping.knows_clients and not screen.failed:
        screen.say(DOUBTFUL, "clean up", "the probe was sent; whatever came of it there is to be deleted there")
    if client is not None:
        where = crm.card_url(client) or f"{client.entity} {client.id}"
        screen.say(DOUBTFUL, "clean up", f"the probe stays in the CRM, which we never delete from; delete it there: {where}")


def _probe_plan(mapping: CrmMapping, settings: Settings, configured: TargetSettings) -> tuple[Operation, ...]:
    """A new client with a note, made as for a real chat."""
    name, said, answered = _SAID[settings.language]
    now = datetime.now(UTC)
    chat = Chat(
        source="check", chat_id=f"check-{now:%Y%m%d%H%M%S%f}", visitor=Visitor(name=name), started_at=now, ended_at=now,
        messages=(Message(role=Role.VISITOR, text=said, at=now), Message(role=Role.OPERATOR, text=answered, at=now)),
    )
    values = ((PointKind.PHONE, _phone()), (PointKind.EMAIL, next(emails())))
    points = tuple(ContactPoint(kind=kind, value=value, as_written=value, claim=Claim.OWN) for kind, value in values)
    made = plan(Work.over(
        chat, points, Wishes(), match=Match(verdict=Verdict.NEW if mapping.knows_clients else Verdict.TOLD, reason="a probe"),
        options=RouteOptions(missed="none"), settings=NoteSettings(language=settings.language, tz=settings.zone),
        mapping=mapping, quiet=True, source={"name": chat.source}, target=configured.scope(),
        keys=MarkerKeys(settings.key.get_secret_value().encode(), configured.name, chat.source, chat.chat_id),
    ))  # fmt: skip
    return made.operations


# -- small things ------------------------------------------------------------------------------------------------------


def _phone() -> str:
    return next(phones("US"))


def _scope(configured: TargetSettings) -> dict[str, Any]:
    absent = dict.fromkeys(("operator", "owner", "note", "deal", "new", "record", "kpi", "client", "page", "utm", "chat"))
    return {**absent, "visitor": {}, "phones": [_phone()], "emails": [next(emails())], "source": {"name": "check"},
            "target": {"name": configured.name}}  # fmt: skip


async def _tried(doing: Awaitable[Any]) -> tuple[Any, BridgeError | None]:
    try:
        return await doing, None
    except BridgeError as error:
        return None, error


def _words(error: BridgeError) -> str:
    status = f" (HTTP {error.status})" if isinstance(error, CrmError) and error.status is not None else ""
    excerpt = f": {error.excerpt}" if isinstance(error, CrmError) and error.excerpt and error.excerpt not in error.message else ""
    return f"{error.message}{status}{excerpt}"
