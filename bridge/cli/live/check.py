"""`chat2crm check --live TARGET`: does this CRM let us do what a chat needs? Reads only, unless a probe is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import click

from bridge.cli import FAILED
from bridge.cli.access import Watched, live_tokens, live_transports
from bridge.cli.live.fields import check_fields
from bridge.cli.live.limits import say_limits
from bridge.cli.live.names import check_names
from bridge.cli.live.probe import probe_email, probe_phone, write_probe
from bridge.cli.live.screen import Screen, in_words, tried
from bridge.cli.printing import BAD, DOUBTFUL, GOOD, heading, hidden
from bridge.clock import Clock
from bridge.config import Settings, TargetSettings
from bridge.connections.targets import mappings_of
from bridge.crm.client import Crm
from bridge.crm.probing import ProbedCrm
from bridge.errors import AccessRefused, BridgeError, CrmError, NoAnswer, NotFound, NotSent
from bridge.mapping.schema import CrmMapping
from bridge.mapping.suggestions import nearest
from bridge.model import Client, Step

#: seconds by which the CRM's clock may differ before it matters to scans by time
CLOCKS_DIFFER = 60
#: an id that is nobody's, in every CRM that counts from one or uses long ids
NOBODY = "0"
_UNAUTHORISED = 401


async def check_live(settings: Settings, name: str, *, probe: bool, clean_up: bool = False) -> int:
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
        crm = ProbedCrm(name, mapping, configured, transport=watched, tokens=tokens[name], clock=clock, writes=probe)
        if not mapping.knows_clients:
            screen.say(DOUBTFUL, "reachable", "not tried: this target is only told of chats, and there is nothing to ask it for")
        if not mapping.knows_clients or await _reading(crm, mapping, configured, watched, screen):
            if mapping.knows_clients:
                await check_names(crm, settings, screen)
                await check_fields(crm, configured, screen)
                say_limits(mapping, settings, configured, watched.answers, screen)
            if probe:
                await write_probe(crm, settings, configured, screen, clean_up=clean_up)
            else:
                _say_unwritten(mapping, screen)
    return FAILED if screen.failed else 0


# -- reading -----------------------------------------------------------------------------------------------------------


async def _reading(crm: Crm, mapping: CrmMapping, configured: TargetSettings, watched: Watched, screen: Screen) -> bool:
    """Reachable, authorised, searched, read. True if it makes sense to go on."""
    scope = _scope(configured)
    steps: list[Step] = []
    hits, error = await tried(
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
    name, _ = await tried(crm.who([]))
    screen.say(GOOD, "authorised", f"as {name}" if name else "the CRM takes our key")
    found = list(hits or ())
    asked = sum(step.method is not None for step in steps)
    unasked = list(_unasked(mapping, steps))
    for text in unasked:
        screen.say(BAD, "search", text)
    if found:
        screen.say(DOUBTFUL, "search", f"{len(found)} card(s) for contact data that nobody has; does the CRM ignore the filter?")
    elif not unasked:
        screen.say(GOOD, "search", f"by phone and e-mail ({asked} requests); nobody has the made-up ones, as it should be")
    await _may_read(crm, mapping, scope, found, screen)
    return True


def _unasked(mapping: CrmMapping, steps: Sequence[Step]) -> Iterator[str]:
    """By what nobody was looked for although there was something to look for: all who have it would get a second card."""
    asked = {step.what for step in steps if step.method is not None}
    for what in dict.fromkeys(f"find by {step.by}" for step in mapping.find if step.by in ("phone", "email", "all_phones")):
        if what not in asked:
            why = next((step.detail for step in steps if step.what == what), "nothing says why")
            yield f"{what}: no request was sent ({why}); correct that search under `find:` of the mapping"


def _say_refusal(error: BridgeError, screen: Screen) -> None:
    status = error.status if isinstance(error, CrmError) else None
    if isinstance(error, AccessRefused) and status in (None, _UNAUTHORISED):
        screen.say(BAD, "authorised", in_words(error))
    else:
        screen.say(BAD, "search", in_words(error))


async def _may_read(crm: Crm, mapping: CrmMapping, scope: Mapping[str, Any], found: list[Client], screen: Screen) -> None:
    who = found[0] if found else Client(id=NOBODY, entity=mapping.create.entity)
    _, error = await tried(crm.read(who, scope, []))
    if error is None:
        screen.say(GOOD, "read", "a client's card")
    elif isinstance(error, NotFound):
        screen.say(GOOD, "read", "a client that does not exist is said not to exist")
    elif isinstance(error, AccessRefused):
        screen.say(BAD, "read", in_words(error))
    else:
        screen.say(DOUBTFUL, "read", f"not known: there is no client to read, and for one that does not exist: {in_words(error)}")


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


def _say_unwritten(mapping: CrmMapping, screen: Screen) -> None:
    if mapping.knows_clients:
        screen.say(DOUBTFUL, "create", "not tried; --probe creates a client and a note there and says where they are, and with "
                                       "--clean-up deletes them again")  # fmt: skip
    screen.say(DOUBTFUL, "note", "not tried" if mapping.knows_clients else "not tried; --probe sends one")


# -- small things ------------------------------------------------------------------------------------------------------


def _scope(configured: TargetSettings) -> dict[str, Any]:
    absent = dict.fromkeys(("operator", "owner", "note", "deal", "new", "record", "kpi", "client", "page", "utm", "chat"))
    return {**absent, "visitor": {}, "phones": [probe_phone()], "emails": [probe_email()], "source": {"name": "check"},
            "target": {"name": configured.name}}  # fmt: skip
